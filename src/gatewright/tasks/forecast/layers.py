"""The layers of forecasters that read a window: normalization, segments, and a recurrent layer for missing numbers.

Shapes use these letters: B windows, L past steps in a window, H steps ahead, C targets, F features in each step, K
features known ahead (whose values are known for the steps ahead), d units, w steps in a segment, and O outputs for each
target and step ahead (the forecast and its quantiles).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Annotated, Any, ClassVar, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gatewright.nn.backend import NUMPY
from gatewright.nn.layer import Activations, Array, Backend, Layer, LinearForm, Pullback, Rng, States, Weights
from gatewright.nn.layers import CellName, Recurrent, glorot
from gatewright.ops import numpy as ops
from gatewright.support.errors import InputError
from gatewright.support.schema import Count, Items, Number, Size, Text, Whole
from gatewright.tasks.forecast.settings import MAX_STEPS

NORMALIZATION = "normalization"
"""The key in `Activations.context` of `InstanceNorm`'s m and s, [B, 1, C] each."""
HELD = "held"
"""The key in `Activations.context` of the last past covariates, [B, covariates], which decoders keep constant."""
FUTURE = "future"
"""The key in `Activations.context` of the features that are known ahead, [B, H, K]; None if there are none."""

NORMALIZATIONS = ("last", "standard", "none")

Steps: TypeAlias = Annotated[int, Whole(1, MAX_STEPS)]
Probabilities: TypeAlias = Annotated[tuple[Annotated[float, Number(above=0, below=1)], ...], Items(rising=True)]

# Added to a variance, so that a window of equal numbers has a standard deviation above 0.
_EPSILON = 1e-5


@dataclass(frozen=True)
class InstanceNorm(Layer):
    """Normalize each window by itself, from {"past": [B, L, F], "future": [B, H, K] if K > 0} to [B, L, F].

    Reversible instance normalization (Kim et al. 2022, "Reversible Instance Normalization for Accurate Time-Series
    Forecasting against Distribution Shift", section 3) without its learned affine map. The targets y become

        (y - m) / s

    and `Denormalize` returns s y + m.

    Attributes:
        method: "last": m is the last value, and s = 1 (Lin et al. 2023, "SegRNN: Segment Recurrent Neural Network for
            Long-Term Time Series Forecasting", section 4.2; Zeng et al. 2023, NLinear). "standard": m and s are the
            mean and the standard deviation of the window. "none": m = 0 and s = 1.
        look_back: The number L of past steps in a window.
        targets: The number C of targets, which are the first features of each step.
        future_features: The number K of features known ahead, which are the last features of each step.
        lead: Whether to replace the features known ahead of each step by those of the next step, as `Recursive` needs.

    Raises:
        InputError: The method is unknown.
    """

    method: Annotated[str, Text(choices=NORMALIZATIONS)]
    look_back: Steps
    targets: Size
    future_features: Count = 0
    lead: bool = False
    kind: ClassVar[str] = "instance_norm"

    def __post_init__(self) -> None:
        if self.method not in NORMALIZATIONS:
            raise InputError(f"The normalization must be one of {', '.join(NORMALIZATIONS)}, not {self.method!r}.")

    def forward(
        self, backend: Backend, w: Weights, inputs: Activations, states: States | None, rng: Rng | None
    ) -> tuple[Activations, States]:
        xp, past, future = backend.xp, inputs.x["past"], inputs.x.get("future")
        unknown = past.shape[2] - self.future_features
        y, others = past[:, :, : self.targets], past[:, :, self.targets :]
        m, s = xp.zeros_like(y[:, :1]), xp.ones_like(y[:, :1])
        if self.method == "last":
            m = y[:, -1:]
        elif self.method == "standard":
            m = y.mean(axis=1, keepdims=True)
            s = xp.sqrt(xp.square(y - m).mean(axis=1, keepdims=True) + _EPSILON)
        if self.lead:
            known = xp.concatenate([past[:, 1:, unknown:], future[:, :1]], axis=1)
            others = xp.concatenate([past[:, :, self.targets : unknown], known], axis=2)
        context = {
            **inputs.context,
            NORMALIZATION: (m, s),
            HELD: past[:, -1, self.targets : unknown],
            FUTURE: future,
        }
        return inputs._replace(x=xp.concatenate([(y - m) / s, others], axis=2), context=context), ()


@dataclass(frozen=True)
class Denormalize(Layer):
    """Undo `InstanceNorm`: map normalized forecasts y, [B, H, C, O], to s y + m, with the m and s of each window."""

    kind: ClassVar[str] = "denormalize"

    def forward(
        self, backend: Backend, w: Weights, inputs: Activations, states: States | None, rng: Rng | None
    ) -> tuple[Activations, States]:
        m, s = inputs.context[NORMALIZATION]
        return inputs._replace(x=s[..., None] * inputs.x + m[..., None]), ()

    def vjp(self, w: Weights, inputs: Activations) -> tuple[Activations, Pullback]:
        """Run the layer and return its pullback, which takes m and s as constants; see `Layer.vjp`."""
        s = inputs.context[NORMALIZATION][1]
        return self.forward(NUMPY, w, inputs, None, None)[0], lambda d: s[..., None] * d

    def linear_form(self, w: Weights, inputs: Activations) -> LinearForm | None:
        m, s = inputs.context[NORMALIZATION]
        return lambda d: (s[..., None] * d, float((d * m[..., None]).sum()))


@dataclass(frozen=True)
class Quantiles(Layer):
    """Compute quantiles as distances from the forecast, so that they never cross it or each other, [B, H, C, O].

    The first of the O inputs is the forecast y; the others, u_q, belong to one probability q each. With s(u) =
    log(1 + e^u), the quantiles above and below the median are sums of distances:

        y_q = y + sum of s(u_p) over the p with 0.5 < p <= q     for q > 0.5
        y_q = y - sum of s(u_p) over the p with q <= p < 0.5     for q < 0.5
        y_q = y                                                  for q = 0.5

    Gasthaus et al. 2019, "Probabilistic Forecasting with Spline Quantile Function RNNs", section 3, also add positive
    steps. The gradient of the quantiles does not flow into y, which is trained by its own error alone.

    Attributes:
        probabilities: The probabilities q, in rising order.
    """

    probabilities: Probabilities
    kind: ClassVar[str] = "quantiles"

    def forward(
        self, backend: Backend, w: Weights, inputs: Activations, states: States | None, rng: Rng | None
    ) -> tuple[Activations, States]:
        xp = backend.xp
        y = inputs.x[..., :1]
        distances = xp.logaddexp(inputs.x[..., 1:], xp.zeros((), inputs.x.dtype))
        below = sum(q < 0.5 for q in self.probabilities)
        middle = sum(q == 0.5 for q in self.probabilities)
        low = xp.flip(xp.cumsum(xp.flip(distances[..., :below], axis=-1), axis=-1), axis=-1)
        high = xp.cumsum(distances[..., below + middle :], axis=-1)
        shifts = xp.concatenate([-low, 0 * distances[..., below : below + middle], high], axis=-1)
        return inputs._replace(x=xp.concatenate([y, backend.stop_gradient(y) + shifts], axis=-1)), ()

    def vjp(self, w: Weights, inputs: Activations) -> tuple[Activations, Pullback]:
        """Run the layer and return its pullback, with the gradient of the quantiles into y; see `Layer.vjp`.

        Training leaves this gradient out, but the quantiles depend on y.
        """
        u = inputs.x[..., 1:]
        below, above = (sum(side) for side in zip(*((q < 0.5, q > 0.5) for q in self.probabilities), strict=True))
        slopes = np.exp(-np.logaddexp(-u, np.zeros((), u.dtype)))  # of log(1 + e^u)

        def pullback(d: Array) -> Array:
            d_q = d[..., 1:]
            d_u = np.zeros_like(d_q)
            d_u[..., :below] = -np.cumsum(d_q[..., :below], axis=-1)
            first = d_q.shape[-1] - above
            d_u[..., first:] = np.flip(np.cumsum(np.flip(d_q[..., first:], axis=-1), axis=-1), axis=-1)
            return np.concatenate([d.sum(axis=-1, keepdims=True), d_u * slopes], axis=-1)

        return self.forward(NUMPY, w, inputs, None, None)[0], pullback


def order_quantiles(outputs: NDArray[Any], probabilities: Sequence[float]) -> NDArray[Any]:
    """Return outputs, [..., 1 + quantiles], whose quantiles are in rising order and on their sides of the forecast.

    This changes nothing if the network has a layer `Quantiles`.
    """
    y, q = outputs[..., :1], np.array(probabilities)
    ordered = np.sort(outputs[..., 1:], axis=-1)
    ordered = np.where(q < 0.5, np.minimum(ordered, y), np.where(q > 0.5, np.maximum(ordered, y), ordered))
    return np.concatenate([y, ordered], axis=-1)


@dataclass(frozen=True)
class Segments(Layer):
    """Cut each target into segments of w steps, and project each segment, from [B, L, F] to [B * C, L // w, d].

    SegRNN (Lin et al. 2023), section 4.3.1: a linear map and a ReLU turn each segment into a vector, so that a
    recurrent layer has L // w steps instead of L. Each target's map also reads all features that are not targets. The
    first L mod w steps are not read.

    Attributes:
        segment: The number w of steps in a segment.
        units: The number d of outputs for each segment.
        targets: The number C of targets.
    """

    segment: Steps
    units: Size
    targets: Size
    kind: ClassVar[str] = "segments"

    def width(self, features: int) -> int:
        return self.units

    def shapes(self, features: int) -> dict[str, tuple[int, ...]]:
        return {"kernel": (self.segment * (1 + features - self.targets), self.units), "bias": (self.units,)}

    def initial_weights(self, features: int, rng: np.random.Generator) -> dict[str, NDArray[np.float32]]:
        inputs = self.segment * (1 + features - self.targets)
        return {"kernel": glorot((inputs, self.units), rng), "bias": np.zeros(self.units, np.float32)}

    def forward(
        self, backend: Backend, w: Weights, inputs: Activations, states: States | None, rng: Rng | None
    ) -> tuple[Activations, States]:
        xp, C = backend.xp, self.targets
        B, L, F = inputs.x.shape
        n = L // self.segment
        x = inputs.x[:, L - n * self.segment :]
        s = x[:, :, :C].swapaxes(1, 2).reshape(B * C, n, self.segment)
        if F > C:
            others = x[:, None, :, C:].reshape(B, 1, n, self.segment * (F - C))
            others = xp.broadcast_to(others, (B, C, *others.shape[2:])).reshape(B * C, n, -1)
            s = xp.concatenate([s, others], axis=2)
        return inputs._replace(x=xp.maximum(s @ w["kernel"] + w["bias"], 0)), ()


@dataclass(frozen=True)
class Decaying(Layer):
    """Run a recurrent layer whose inputs and states decay while numbers are missing: GRU-D, for any cell.

    Che et al. 2018, "Recurrent Neural Networks for Multivariate Time Series with Missing Values", equations 10 to 16.
    m_t is 1 if the number x_t is present and 0 if it is missing. delta_t is the number of steps since the last number
    that is present, x' is that number, and x~ is the mean:

        gamma_x = exp(-max(0, w delta_t + b)),      x^_t = m_t x_t + (1 - m_t) (gamma_x x' + (1 - gamma_x) x~)
        gamma_h = exp(-max(0, delta_t W + b_h)),    h_t = cell([x^_t, m_t], gamma_h h_(t-1))

    An LSTM's c decays like h. Each step is one call of the kernels, so this layer is slower than `Recurrent`.

    The inputs, [B, L, F], are the variables (targets first), with the last number in place of a missing one; then
    delta_t of each variable; then the features that are known ahead.

    Attributes:
        cell, units, return_sequences: See `Recurrent`.
        variables: Number of variables that may be missing.
        targets: The number C of targets. For a target, x~ is its training mean, normalized like the window; for other
            variables, x~ is 0.
    """

    cell: CellName
    units: Size
    variables: Size
    targets: Size
    return_sequences: bool = False
    kind: ClassVar[str] = "decaying"
    zoneout: ClassVar[float] = 0.0

    def __post_init__(self) -> None:
        self._recurrent.directions()  # checks the cell's name

    @property
    def _recurrent(self) -> Recurrent:
        return Recurrent(self.cell, self.units)

    def width(self, features: int) -> int:
        return self.units

    def cells(self) -> tuple[str, ...]:
        return (self.cell,)

    def shapes(self, features: int) -> dict[str, tuple[int, ...]]:
        own = {
            "input_decay": (self.variables,),
            "input_decay_bias": (self.variables,),
            "state_decay": (self.variables, self.units),
            "state_decay_bias": (self.units,),
        }
        return {**self._recurrent.shapes(features), **own}

    def initial_weights(self, features: int, rng: np.random.Generator) -> dict[str, NDArray[np.float32]]:
        weights = self._recurrent.initial_weights(features, rng)
        # Slopes start above 0: below 0 there is neither decay nor a gradient.
        weights["input_decay"] = np.full(self.variables, 0.1, np.float32)
        weights["input_decay_bias"] = np.zeros(self.variables, np.float32)
        weights["state_decay"] = rng.uniform(0, 0.1, (self.variables, self.units)).astype(np.float32)
        weights["state_decay_bias"] = np.zeros(self.units, np.float32)
        return weights

    def forward(
        self, backend: Backend, w: Weights, inputs: Activations, states: States | None, rng: Rng | None
    ) -> tuple[Activations, States]:
        xp, V = backend.xp, self.variables
        x, delta, known = inputs.x[:, :, :V], inputs.x[:, :, V : 2 * V], inputs.x[:, :, 2 * V :]
        present, mean = (delta == 0).astype(x.dtype), self._mean(xp, inputs)
        gamma = xp.exp(-xp.maximum(delta * w["input_decay"] + w["input_decay_bias"], 0))
        read = present * x + (1 - present) * (gamma * x + (1 - gamma) * mean)
        read = xp.concatenate([read, present, known], axis=2)
        keeps = xp.exp(-xp.maximum(delta @ w["state_decay"] + w["state_decay_bias"], 0))
        (_, rec), *_ = self._recurrent.directions()
        weights = self._recurrent.operands(w)

        def step(states: Any, at: tuple[Array, Array]) -> tuple[Any, Array]:
            x_t, keep = at
            decayed = tuple(keep * h for h in states)
            _, after = backend.recur(rec, x_t[:, None], weights, decayed, None, None, None, False)
            return tuple(after), after[0]

        begin = states or tuple(xp.zeros((len(x), self.units), x.dtype) for _ in rec.state_names)
        last, outputs = backend.scan(step, tuple(begin), (read.swapaxes(0, 1), keeps.swapaxes(0, 1)))
        out = outputs.swapaxes(0, 1) if self.return_sequences else last[0]
        return inputs._replace(x=out, states=(*inputs.states, last)), last

    def _mean(self, xp: ModuleType, inputs: Activations) -> Array:
        """Return the training mean of each variable, normalized like the window, [B, 1, variables]."""
        m, s = inputs.context[NORMALIZATION]
        return xp.concatenate([-m / s, xp.zeros((len(m), 1, self.variables - self.targets), m.dtype)], axis=2)

    def vjp(self, w: Weights, inputs: Activations) -> tuple[Activations, Pullback]:
        """Run the layer and return its pullback, which takes as given which numbers are present; see `Layer.vjp`."""
        V, mean = self.variables, self._mean(np, inputs)
        x, delta, known = inputs.x[:, :, :V], inputs.x[:, :, V : 2 * V], inputs.x[:, :, 2 * V :]
        present = (delta == 0).astype(x.dtype)
        slope, state_slope = w["input_decay"], w["state_decay"]
        z, state_z = delta * slope + w["input_decay_bias"], delta @ state_slope + w["state_decay_bias"]
        gamma, keeps = np.exp(-np.maximum(z, 0)), np.exp(-np.maximum(state_z, 0))
        read = present * x + (1 - present) * (gamma * x + (1 - gamma) * mean)
        read = np.concatenate([read, present, known], axis=2)
        (_, rec), *_ = self._recurrent.directions()
        operands = self._recurrent.operands(w)
        states = tuple(np.zeros((len(x), self.units), x.dtype) for _ in rec.state_names)
        before, runs = [], []
        for t in range(x.shape[1]):
            before.append(states)
            decayed = tuple(keeps[:, t] * h for h in states)
            runs.append(ops.forward(rec, read[:, t, None], *operands, initial_state=decayed, keep=True))
            states = runs[-1].states

        def pullback(d: Array) -> Array:
            d_read, d_keeps = np.zeros_like(read), np.zeros_like(keeps)
            d_states = [np.zeros_like(h) for h in states]
            if not self.return_sequences:
                d_states[0] = d.astype(x.dtype)
            for t in reversed(range(x.shape[1])):
                if self.return_sequences:
                    d_states[0] = d_states[0] + d[:, t].astype(x.dtype)
                gradients = runs[t].backward_to_inputs(d_states=d_states)
                d_read[:, t] = gradients.x[:, 0]
                d_keeps[:, t] = sum(own * h for own, h in zip(gradients.states, before[t], strict=True))
                d_states = [keeps[:, t] * own for own in gradients.states]
            d_x = d_read[:, :, :V]
            d_gamma = d_x * (1 - present) * (x - mean)
            d_delta = -d_gamma * gamma * (z > 0) * slope - (d_keeps * keeps * (state_z > 0)) @ state_slope.T
            return np.concatenate([d_x * (present + (1 - present) * gamma), d_delta, d_read[:, :, 2 * V :]], axis=2)

        return self.forward(NUMPY, w, inputs, None, None)[0], pullback
