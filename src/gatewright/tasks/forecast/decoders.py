"""The decoders of forecasters, which compute the forecast from the outputs and states of the recurrent layers.

The letters in shapes, such as B and H, are explained in `layers`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from gatewright.nn.backend import NUMPY
from gatewright.nn.layer import Activations, Array, Backend, Layer, LinearForm, Pullback, Rng, States, Weights
from gatewright.nn.layers import CellName, Recurrent, dropout, glorot
from gatewright.ops import numpy as ops
from gatewright.ops.recurrence import Tokens
from gatewright.support.errors import InputError
from gatewright.support.schema import Count, Fraction, Size
from gatewright.tasks.forecast.layers import FUTURE, HELD, Steps


@dataclass(frozen=True, kw_only=True)
class Decoder(Layer):
    """The base class of decoders, whose outputs are the forecasts of the steps ahead, [B, H, C, O].

    Attributes:
        horizon: The number H of steps ahead.
        targets: The number C of targets.
        outputs: The number O of outputs for each target and step ahead: the forecast and its quantiles.
        future_features: The number K of features whose values are known for the steps ahead.
    """

    horizon: Steps
    targets: Size
    outputs: Size
    future_features: Count = 0

    def width(self, features: int) -> int:
        return self.targets * self.outputs

    def _future_shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shape of the kernel from the features known ahead to the outputs, or {} if K is 0."""
        return {"ahead": (self.future_features, self.targets * self.outputs)} if self.future_features else {}

    def _future_weights(self) -> dict[str, NDArray[np.float32]]:
        return {name: np.zeros(shape, np.float32) for name, shape in self._future_shapes().items()}

    @staticmethod
    def _add_future(y: Array, w: Weights, inputs: Activations) -> Array:
        """Return y, [B, H, C, O], plus a linear map of the features known ahead of the same step."""
        future = inputs.context[FUTURE]
        return y if future is None else y + (future @ w["ahead"]).reshape(y.shape)


@dataclass(frozen=True, kw_only=True)
class Parallel(Decoder):
    """Forecast all segments ahead at once. Each is one step of the top recurrent layer from its last states.

    SegRNN (Lin et al. 2023), section 4.3.2, parallel multi-step forecasting. With the last states h, a vector p_k [d/2]
    for the k-th segment ahead and a vector v_c [d/2] for the target c,

        g_k = cell([p_k, v_c], h),   y_k = W g_k + b

    A linear map of the features known ahead is added.

    Attributes:
        cell, units, zoneout: The settings of the top recurrent layer, whose weights this decoder uses. `units`, d, is
            even. Zoneout uses the expected states, even in training.
        segment: The number w of steps of a segment.
        dropout: Fraction of the elements of g that is set to 0 in training.
    """

    cell: CellName
    units: Size
    segment: Steps
    dropout: Fraction = 0.0
    zoneout: Fraction = 0.0
    kind: ClassVar[str] = "parallel"

    @property
    def _segments(self) -> int:
        """The number of segments that contain the H steps ahead."""
        return -(-self.horizon // self.segment)

    def shapes(self, features: int) -> dict[str, tuple[int, ...]]:
        own = {
            "positions": (self._segments, self.units // 2),
            "targets": (self.targets, self.units // 2),
            "kernel": (self.units, self.segment * self.outputs),
            "bias": (self.segment * self.outputs,),
        }
        return {**own, **self._future_shapes()}

    def initial_weights(self, features: int, rng: np.random.Generator) -> dict[str, NDArray[np.float32]]:
        shapes = self.shapes(features)
        return {
            "positions": rng.standard_normal(shapes["positions"]).astype(np.float32),
            "targets": rng.standard_normal(shapes["targets"]).astype(np.float32),
            "kernel": glorot((self.units, self.segment * self.outputs), rng),
            "bias": np.zeros(shapes["bias"], np.float32),
            **self._future_weights(),
        }

    def bind(self, w: Weights, layers: Sequence[Layer], weights: Sequence[Weights]) -> Weights:
        return {**w, "top": _recurrent_weights(layers, weights)[-1]}

    def forward(
        self, backend: Backend, w: Weights, inputs: Activations, states: States | None, rng: Rng | None
    ) -> tuple[Activations, States]:
        xp, C, m, half = backend.xp, self.targets, self._segments, self.units // 2
        last = inputs.states[-1]
        rows = last[0].shape[0]
        B = rows // C
        # The table has a row for each target and segment, which the kernels project once for all windows.
        positions = xp.broadcast_to(w["positions"], (C, m, half))
        table = xp.concatenate([positions, xp.broadcast_to(w["targets"][:, None], (C, m, half))], axis=2)
        ids = xp.broadcast_to(xp.arange(C * m, dtype=np.int32), (B, C * m)).reshape(rows * m, 1)
        tokens = Tokens(ids, table.reshape(C * m, self.units))
        begin = tuple(xp.repeat(state, m, axis=0) for state in last)
        top = Recurrent(self.cell, self.units, zoneout=self.zoneout)
        (_, rec), *_ = top.directions()
        _, (g, *_) = backend.recur(rec, tokens, top.operands(w["top"]), begin, None, None, None, False)
        g = dropout(backend, g, self.dropout, rng, g.shape)
        y = (g @ w["kernel"] + w["bias"]).reshape(B, C, m * self.segment, self.outputs)
        y = y[:, :, : self.horizon].swapaxes(1, 2)
        return inputs._replace(x=self._add_future(y, w, inputs)), ()

    def vjp(self, w: Weights, inputs: Activations) -> tuple[Activations, Pullback]:
        """Run the layer and return its pullback; see `Layer.vjp`.

        Raises:
            InputError: The recurrent layer has a second state, which is not among the inputs.
        """
        C, m = self.targets, self._segments
        (h,) = require_one_state(inputs.states[-1])
        B = len(h) // C
        top = Recurrent(self.cell, self.units, zoneout=self.zoneout)
        (_, rec), *_ = top.directions()
        half = (C, m, self.units // 2)
        parts = np.broadcast_to(w["positions"], half), np.broadcast_to(w["targets"][:, None], half)
        x = np.broadcast_to(np.concatenate(parts, axis=2), (B, C, m, self.units)).reshape(-1, 1, self.units)
        run = ops.forward(rec, x, *top.operands(w["top"]), initial_state=(np.repeat(h, m, axis=0),), keep=True)

        def pullback(d: Array) -> Array:
            d_y = np.zeros((B, C, m * self.segment, self.outputs), d.dtype)
            d_y[:, :, : self.horizon] = d.swapaxes(1, 2)
            d_g = d_y.reshape(B * C * m, -1) @ w["kernel"].T
            (d_h,) = run.backward_to_inputs(d_states=(d_g.astype(h.dtype),)).states
            return d_h.reshape(B * C, m, self.units).sum(axis=1)

        return self.forward(NUMPY, w, inputs, None, None)[0], pullback


@dataclass(frozen=True, kw_only=True)
class Direct(Decoder):
    """Forecast all steps ahead at once, by a linear map of the last output of the recurrent layers, [B, d].

    A linear map of the features known ahead is added.
    """

    kind: ClassVar[str] = "direct"

    @property
    def _units(self) -> int:
        return self.horizon * self.targets * self.outputs

    def shapes(self, features: int) -> dict[str, tuple[int, ...]]:
        return {"kernel": (features, self._units), "bias": (self._units,), **self._future_shapes()}

    def initial_weights(self, features: int, rng: np.random.Generator) -> dict[str, NDArray[np.float32]]:
        own = {"kernel": glorot((features, self._units), rng), "bias": np.zeros(self._units, np.float32)}
        return {**own, **self._future_weights()}

    def forward(
        self, backend: Backend, w: Weights, inputs: Activations, states: States | None, rng: Rng | None
    ) -> tuple[Activations, States]:
        y = inputs.x @ w["kernel"] + w["bias"]
        y = y.reshape(len(inputs.x), self.horizon, self.targets, self.outputs)
        return inputs._replace(x=self._add_future(y, w, inputs)), ()

    def vjp(self, w: Weights, inputs: Activations) -> tuple[Activations, Pullback]:
        outputs, _ = self.forward(NUMPY, w, inputs, None, None)
        return outputs, lambda d: d.reshape(len(d), -1) @ w["kernel"].T

    def linear_form(self, w: Weights, inputs: Activations) -> LinearForm | None:
        zeros = inputs._replace(x=np.zeros_like(inputs.x))
        constant = self.forward(NUMPY, w, zeros, None, None)[0].x
        return lambda d: (d.reshape(len(d), -1) @ w["kernel"].T, float((d * constant).sum()))


@dataclass(frozen=True, kw_only=True)
class Recursive(Decoder):
    """Forecast the steps ahead one by one. The forecast of a step is an input of the next step.

    The recurrent layers continue from their last states h_1:

        y_k = W h_k + b,   h_(k+1) = cells([y_k, f_(k+1)], h_k)

    f_k are the covariates and time features of step k. Past covariates keep their last known value. Gradients flow back
    through all H steps, so the network learns from its own forecasts.

    Attributes:
        cell, layers, zoneout: The settings of the recurrent layers, whose weights this decoder uses. Zoneout uses the
            expected states, even in training.
    """

    cell: CellName
    layers: Size
    zoneout: Fraction = 0.0
    kind: ClassVar[str] = "recursive"

    def shapes(self, features: int) -> dict[str, tuple[int, ...]]:
        out = self.targets * self.outputs
        return {"kernel": (features, out), "bias": (out,)}

    def initial_weights(self, features: int, rng: np.random.Generator) -> dict[str, NDArray[np.float32]]:
        out = self.targets * self.outputs
        return {"kernel": glorot((features, out), rng), "bias": np.zeros(out, np.float32)}

    def bind(self, w: Weights, layers: Sequence[Layer], weights: Sequence[Weights]) -> Weights:
        return {**w, "recurrent": _recurrent_weights(layers, weights)}

    def forward(
        self, backend: Backend, w: Weights, inputs: Activations, states: States | None, rng: Rng | None
    ) -> tuple[Activations, States]:
        xp, held, future = backend.xp, inputs.context[HELD], inputs.context[FUTURE]
        top = inputs.states[-1][0]
        layer = Recurrent(self.cell, top.shape[1], zoneout=self.zoneout)
        (_, rec), *_ = layer.directions()

        def forecast(h: Array) -> Array:
            return (h @ w["kernel"] + w["bias"]).reshape(len(top), self.targets, self.outputs)

        def step(carry: Any, known: tuple[Array, ...]) -> tuple[Any, Array]:
            """Return the next forecast and states (for the next call), and the next forecast (to collect)."""
            y, before = carry
            x = xp.concatenate([y[:, :, 0], held, *known], axis=1)
            after = []
            for own, states in zip(w["recurrent"], before, strict=True):
                _, last = backend.recur(rec, x[:, None], layer.operands(own), states, None, None, None, False)
                x = last[0]
                after.append(last)
            new = forecast(x)
            return (new, tuple(after)), new

        first = forecast(top)
        if self.horizon == 1:
            return inputs._replace(x=first[:, None]), ()
        # The window's last step has the known features of the first step ahead: see `InstanceNorm.lead`.
        known = () if future is None else (future[:, 1:].swapaxes(0, 1),)
        _, rest = backend.scan(step, (first, tuple(map(tuple, inputs.states))), known, length=self.horizon - 1)
        return inputs._replace(x=xp.concatenate([first[None], rest]).swapaxes(0, 1)), ()

    def vjp(self, w: Weights, inputs: Activations) -> tuple[Activations, Pullback]:
        """Run the layer and return its pullback; see `Layer.vjp`.

        Raises:
            InputError: The recurrent layers have states that are not among the inputs.
        """
        outputs, _ = self.forward(NUMPY, w, inputs, None, None)
        if self.horizon == 1:
            return outputs, lambda d: d.reshape(len(d), -1) @ w["kernel"].T
        if self.layers > 1:
            raise InputError(
                "The decoder of this forecaster continues several recurrent layers, so its answers have no gradients "
                "outside training."
            )
        (h,) = require_one_state(inputs.states[-1])
        layer = Recurrent(self.cell, h.shape[1], zoneout=self.zoneout)
        (_, rec), *_ = layer.directions()
        held, future = inputs.context[HELD], inputs.context[FUTURE]
        runs = []
        for k in range(self.horizon - 1):
            known = () if future is None else (future[:, k + 1],)
            x = np.concatenate([outputs.x[:, k, :, 0], held, *known], axis=1)
            run = ops.forward(rec, x[:, None], *layer.operands(w["recurrent"][0]), initial_state=(h,), keep=True)
            (h,) = run.states
            runs.append(run)

        def pullback(d: Array) -> Array:
            d_y = d.astype(h.dtype)
            d_h = np.zeros_like(h)
            for k in reversed(range(self.horizon)):
                d_h = d_h + d_y[:, k].reshape(len(d), -1) @ w["kernel"].T
                if k:
                    gradients = runs[k - 1].backward_to_inputs(d_states=(d_h,))
                    d_y[:, k - 1, :, 0] += gradients.x[:, 0, : self.targets]
                    (d_h,) = gradients.states
            return d_h

        return outputs, pullback


def require_one_state(states: States) -> States:
    """Return the last states of a recurrent layer, which must be its last output alone.

    Raises:
        InputError: There is another state.
    """
    if len(states) > 1:
        raise InputError(
            "The decoder of this forecaster continues from the cell state of its recurrent layer too, so its answers "
            "have no gradients outside training."
        )
    return states


def _recurrent_weights(layers: Sequence[Layer], weights: Sequence[Weights]) -> list[Weights]:
    return [w for layer, w in zip(layers, weights, strict=True) if isinstance(layer, Recurrent)]
