"""The blocks of forecasters: levels of windows, segments, and three ways from a window to the steps after it.

Letters: B windows, L steps of a window, H steps ahead, C targets, F numbers of a step, K of them known ahead, d units,
w steps of a segment, O outputs for each target and step (the forecast itself, then its quantiles).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from gatewright.nn.block import Array, Library, Noise, States, Step, Steps, Weights
from gatewright.nn.layers import Recurrent, dropped, glorot
from gatewright.ops.recurrence import Recurrence, Tokens
from gatewright.support.errors import InputError

LEVELS = ("last", "standard", "none")
"""What windows are taken relative to: see `Level`."""

# Of a variance, so that a window of equal numbers can be divided by its root.
_LITTLE = 1e-5


def _whole(w: Weights) -> tuple[States, Step]:
    """In the place of a stepper."""
    raise InputError("a forecaster reads whole windows: it can't be stepped block by block.")


@dataclass(frozen=True)
class Level:
    """Each window relative to itself: [B, L or L + H, F] to [B, L, F]; what is known ahead, [B, H, K], stands beside.

    Reversible instance normalisation: Kim et al. 2022, "Reversible Instance Normalization for Accurate Time-Series
    Forecasting against Distribution Shift", section 3, without its learnt affine map. Of the targets y it gives

        (y - m) / s

    and `Restore` gives s y + m back.

    Attributes:
        by: "last", m is the last value and s = 1 (Lin et al. 2023, "SegRNN: Segment Recurrent Neural Network for
            Long-Term Time Series Forecasting", section 4.2; Zeng et al. 2023, NLinear); "standard", mean and standard
            deviation of the window; or "none".
        look_back: L.
        targets: C, the first numbers of a step.
        known: K, the last numbers of a step.
        lead: what is known ahead stands beside the step before: who goes on step by step is to know it by then.
    """

    by: str
    look_back: int
    targets: int
    known: int = 0
    lead: bool = False
    kind: ClassVar[str] = "level"

    def width(self, features: int) -> int:
        return features

    def shapes(self, features: int) -> dict[str, tuple[int, ...]]:
        return {}

    def start(self, features: int, seeds: np.random.Generator) -> dict[str, NDArray[np.float32]]:
        return {}

    def forward(
        self, lib: Library, w: Weights, steps: Steps, states: States | None, noise: Noise | None
    ) -> tuple[Steps, States]:
        xp, x = lib.xp, steps.x
        past, ahead = x[:, : self.look_back], x[:, self.look_back :, x.shape[2] - self.known :]
        y, others = past[:, :, : self.targets], past[:, :, self.targets :]
        m, s = xp.zeros_like(y[:, :1]), xp.ones_like(y[:, :1])
        if self.by == "last":
            m = y[:, -1:]
        elif self.by == "standard":
            m = y.mean(axis=1, keepdims=True)
            s = xp.sqrt(xp.square(y - m).mean(axis=1, keepdims=True) + _LITTLE)
        held = past[:, -1, self.targets : x.shape[2] - self.known]
        if self.lead:
            known = x[:, 1 : self.look_back + 1, x.shape[2] - self.known :]
            others = xp.concatenate([others[:, :, : held.shape[1]], known], axis=2)
        inside = xp.concatenate([(y - m) / s, others], axis=2)
        return steps._replace(x=inside, level=(m, s), held=held, ahead=ahead if self.known else None), ()

    def stepper(self, w: Weights) -> tuple[States, Step]:
        return _whole(w)


@dataclass(frozen=True)
class Decaying:
    """A recurrent layer that knows how long each number has been missing: GRU-D, for any cell.

    Che et al. 2018, "Recurrent Neural Networks for Multivariate Time Series with Missing Values", equations 10 to 16.
    With m_t 1 where a number is there and else 0, delta_t the steps since it was, x' its last value and x~ its mean,

        gamma_x = exp(-max(0, w delta_t + b)),      x^_t = m_t x_t + (1 - m_t) (gamma_x x' + (1 - gamma_x) x~)
        gamma_h = exp(-max(0, delta_t W + b_h)),    h_t = cell([x^_t, m_t], gamma_h h_(t-1))

    and of an LSTM c decays as h does. It walks by one call a step, which is slower than `Recurrent` is.

    What comes in, [B, L, F], is variables, of which targets are the first C, with missing ones as the last that was
    there; then the delta_t of each; then what is known ahead.

    Attributes:
        cell, units, steps: as of `blocks.Recurrent`; it has no zoneout.
        variables: how many may be missing.
        targets: C; the mean of these is where `Level` has put it, that of the others 0.
    """

    cell: str
    units: int
    variables: int
    targets: int
    steps: bool = False
    kind: ClassVar[str] = "decaying"

    def width(self, features: int) -> int:
        return self.units

    def shapes(self, features: int) -> dict[str, tuple[int, ...]]:
        own = {
            "input_decay": (self.variables,),
            "input_decay_bias": (self.variables,),
            "state_decay": (self.variables, self.units),
            "state_decay_bias": (self.units,),
        }
        return {**Recurrent(self.cell, self.units).shapes(features), **own}

    def start(self, features: int, seeds: np.random.Generator) -> dict[str, NDArray[np.float32]]:
        weights = Recurrent(self.cell, self.units).start(features, seeds)
        # Slopes begin above 0: below it there is no decay, and no gradient.
        weights["input_decay"] = np.full(self.variables, 0.1, np.float32)
        weights["input_decay_bias"] = np.zeros(self.variables, np.float32)
        weights["state_decay"] = seeds.uniform(0, 0.1, (self.variables, self.units)).astype(np.float32)
        weights["state_decay_bias"] = np.zeros(self.units, np.float32)
        return weights

    def forward(
        self, lib: Library, w: Weights, steps: Steps, states: States | None, noise: Noise | None
    ) -> tuple[Steps, States]:
        xp, V = lib.xp, self.variables
        x, delta, known = steps.x[:, :, :V], steps.x[:, :, V : 2 * V], steps.x[:, :, 2 * V :]
        there = (delta == 0).astype(x.dtype)
        m, s = steps.level
        mean = xp.concatenate([-m / s, xp.zeros((len(x), 1, V - self.targets), x.dtype)], axis=2)
        gamma = xp.exp(-xp.maximum(delta * w["input_decay"] + w["input_decay_bias"], 0))
        read = there * x + (1 - there) * (gamma * x + (1 - gamma) * mean)
        read = xp.concatenate([read, there, known], axis=2)
        keeps = xp.exp(-xp.maximum(delta @ w["state_decay"] + w["state_decay_bias"], 0))
        rec = Recurrence(self.cell)
        weights = Recurrent(self.cell, self.units).operands(w)

        def step(states: Any, at: tuple[Array, Array]) -> tuple[Any, Array]:
            x_t, keep = at
            _, after = lib.recur(rec, x_t[:, None], weights, tuple(keep * h for h in states), *[None] * 3, False)
            return tuple(after), after[0]

        begin = states or tuple(xp.zeros((len(x), self.units), x.dtype) for _ in rec.state_names)
        left, outputs = lib.scan(step, tuple(begin), (read.swapaxes(0, 1), keeps.swapaxes(0, 1)))
        out = outputs.swapaxes(0, 1) if self.steps else left[0]
        return steps._replace(x=out, last=(*steps.last, left)), left

    def stepper(self, w: Weights) -> tuple[States, Step]:
        return _whole(w)


@dataclass(frozen=True)
class Segments:
    """Each target by itself, in segments of w steps: [B, L, F] to [B * C, L // w, d].

    SegRNN (Lin et al. 2023), section 4.3.1: a segment is projected and rectified, so that a recurrent layer walks
    L // w steps in the place of L. What else is known of a step goes into the projection beside the target's values.
    The first L mod w steps are not read.

    Attributes:
        segment: w.
        units: d.
        targets: C.
    """

    segment: int
    units: int
    targets: int
    kind: ClassVar[str] = "segments"

    def width(self, features: int) -> int:
        return self.units

    def shapes(self, features: int) -> dict[str, tuple[int, ...]]:
        read = self.segment * (1 + features - self.targets)
        return {"kernel": (read, self.units), "bias": (self.units,)}

    def start(self, features: int, seeds: np.random.Generator) -> dict[str, NDArray[np.float32]]:
        shape = (self.segment * (1 + features - self.targets), self.units)
        return {"kernel": glorot(shape, seeds), "bias": np.zeros(self.units, np.float32)}

    def forward(
        self, lib: Library, w: Weights, steps: Steps, states: States | None, noise: Noise | None
    ) -> tuple[Steps, States]:
        xp, C = lib.xp, self.targets
        B, L, F = steps.x.shape
        n = L // self.segment
        x = steps.x[:, L - n * self.segment :]
        s = x[:, :, :C].swapaxes(1, 2).reshape(B * C, n, self.segment)
        if F > C:
            others = x[:, None, :, C:].reshape(B, 1, n, self.segment * (F - C))
            others = xp.broadcast_to(others, (B, C, *others.shape[2:])).reshape(B * C, n, -1)
            s = xp.concatenate([s, others], axis=2)
        p = xp.maximum(s @ w["kernel"] + w["bias"], 0)
        return steps._replace(x=p), ()

    def stepper(self, w: Weights) -> tuple[States, Step]:
        return _whole(w)


@dataclass(frozen=True)
class Parallel:
    """All segments ahead at once, each one step of the cell below from its last states: to [B, H, C, O].

    SegRNN (Lin et al. 2023), section 4.3.2, parallel multi-step forecasting. With h the last states, p_k a vector [d/2]
    of the k-th segment ahead and v_c one of the target c,

        g_k = cell([p_k, v_c], h),   y_k = W g_k + b

    Attributes:
        cell, units: of the topmost recurrent layer, whose weights these are; `units` is even.
        segment, horizon, targets, outputs: w, H, C and O.
        known: K; what is known ahead is added linearly.
        dropout: share of g that is 0 at a step of training.
        zoneout: that of the layer; at this one step the cell gives what it expects, in training too.
    """

    cell: str
    units: int
    segment: int
    horizon: int
    targets: int
    outputs: int
    known: int = 0
    dropout: float = 0.0
    zoneout: float = 0.0
    kind: ClassVar[str] = "parallel"
    borrows: ClassVar[bool] = True

    @property
    def _ahead(self) -> int:
        """Segments ahead."""
        return -(-self.horizon // self.segment)

    def width(self, features: int) -> int:
        return self.targets * self.outputs

    def shapes(self, features: int) -> dict[str, tuple[int, ...]]:
        own = {
            "positions": (self._ahead, self.units // 2),
            "targets": (self.targets, self.units // 2),
            "kernel": (self.units, self.segment * self.outputs),
            "bias": (self.segment * self.outputs,),
        }
        return {**own, **_linear_shapes(self.known, self.targets * self.outputs)}

    def start(self, features: int, seeds: np.random.Generator) -> dict[str, NDArray[np.float32]]:
        shapes = self.shapes(features)
        return {
            "positions": seeds.standard_normal(shapes["positions"]).astype(np.float32),
            "targets": seeds.standard_normal(shapes["targets"]).astype(np.float32),
            "kernel": glorot((self.units, self.segment * self.outputs), seeds),
            "bias": np.zeros(shapes["bias"], np.float32),
            **_linear_start(self.known, self.targets * self.outputs),
        }

    def forward(
        self, lib: Library, w: Weights, steps: Steps, states: States | None, noise: Noise | None
    ) -> tuple[Steps, States]:
        xp, C, m = lib.xp, self.targets, self._ahead
        last = steps.last[-1]
        rows = last[0].shape[0]
        B = rows // C
        # A row of the table for each target and segment: the kernels project each once, for all windows.
        half = self.units // 2
        places = xp.broadcast_to(w["positions"], (C, m, half))
        table = xp.concatenate([places, xp.broadcast_to(w["targets"][:, None], (C, m, half))], axis=2)
        ids = xp.broadcast_to(xp.arange(C * m, dtype=np.int32), (B, C * m)).reshape(rows * m, 1)
        begin = tuple(xp.repeat(state, m, axis=0) for state in last)
        own = Recurrent(self.cell, self.units).operands(w["below"][-1])
        rec = Recurrence(self.cell, zoneout=self.zoneout)
        tokens = Tokens(ids, table.reshape(C * m, self.units))
        _, (g, *_) = lib.recur(rec, tokens, own, begin, None, None, None, False)
        g = dropped(lib, g, self.dropout, noise, g.shape)
        y = (
            (g @ w["kernel"] + w["bias"])
            .reshape(B, C, m * self.segment, self.outputs)[:, :, : self.horizon]
            .swapaxes(1, 2)
        )
        return steps._replace(x=_with_ahead(y, w, steps)), ()

    def stepper(self, w: Weights) -> tuple[States, Step]:
        return _whole(w)


@dataclass(frozen=True)
class Direct:
    """All steps ahead at once from the last output of the layers below: [B, d] to [B, H, C, O], a linear map.

    Attributes:
        horizon, targets, outputs: H, C and O.
        known: K; what is known ahead is added linearly.
    """

    horizon: int
    targets: int
    outputs: int
    known: int = 0
    kind: ClassVar[str] = "direct"

    def width(self, features: int) -> int:
        return self.targets * self.outputs

    def shapes(self, features: int) -> dict[str, tuple[int, ...]]:
        out = self.horizon * self.targets * self.outputs
        own = {"kernel": (features, out), "bias": (out,)}
        return {**own, **_linear_shapes(self.known, self.targets * self.outputs)}

    def start(self, features: int, seeds: np.random.Generator) -> dict[str, NDArray[np.float32]]:
        out = self.horizon * self.targets * self.outputs
        own = {"kernel": glorot((features, out), seeds), "bias": np.zeros(out, np.float32)}
        return {**own, **_linear_start(self.known, self.targets * self.outputs)}

    def forward(
        self, lib: Library, w: Weights, steps: Steps, states: States | None, noise: Noise | None
    ) -> tuple[Steps, States]:
        y = (steps.x @ w["kernel"] + w["bias"]).reshape(len(steps.x), self.horizon, self.targets, self.outputs)
        return steps._replace(x=_with_ahead(y, w, steps)), ()

    def stepper(self, w: Weights) -> tuple[States, Step]:
        return _whole(w)


@dataclass(frozen=True)
class Recursive:
    """One step ahead, again and again, each from the forecast of the one before: to [B, H, C, O].

    With y_0 the window's last step, and the layers below going on from their last states h_1,

        y_k = W h_k + b,   h_(k+1) = cells([y_k, what is known of step k + 1], h_k)

    What is known of the past alone stays as it was last.
    The loss is that of all H steps, through all of them: nothing is trained on values that a forecaster will not have.

    Attributes:
        cell, layers: of the recurrent layers, whose weights these are.
        horizon, targets, outputs: H, C and O.
        known: K.
        zoneout: that of the layers; steps ahead have what the cells expect, in training too.
    """

    cell: str
    layers: int
    horizon: int
    targets: int
    outputs: int
    known: int = 0
    zoneout: float = 0.0
    kind: ClassVar[str] = "recursive"
    borrows: ClassVar[bool] = True

    def width(self, features: int) -> int:
        return self.targets * self.outputs

    def shapes(self, features: int) -> dict[str, tuple[int, ...]]:
        out = self.targets * self.outputs
        return {"kernel": (features, out), "bias": (out,)}

    def start(self, features: int, seeds: np.random.Generator) -> dict[str, NDArray[np.float32]]:
        out = self.targets * self.outputs
        return {"kernel": glorot((features, out), seeds), "bias": np.zeros(out, np.float32)}

    def forward(
        self, lib: Library, w: Weights, steps: Steps, states: States | None, noise: Noise | None
    ) -> tuple[Steps, States]:
        xp, C = lib.xp, self.targets
        rec = Recurrence(self.cell, zoneout=self.zoneout)
        top = steps.last[-1][0]
        B = len(top)

        def answer(h: Array) -> Array:
            return (h @ w["kernel"] + w["bias"]).reshape(B, C, self.outputs)

        def step(carried: Any, known: tuple[Array, ...]) -> tuple[Any, Array]:
            """From the forecast of a step, and the states before it, to the next forecast."""
            y, layers = carried
            x = xp.concatenate([y[:, :, 0], steps.held, *known], axis=1)
            after = []
            for own, before in zip(w["below"], layers, strict=True):
                weights = Recurrent(self.cell, before[0].shape[1]).operands(own)
                _, left = lib.recur(rec, x[:, None], weights, before, None, None, None, False)
                x = left[0]
                after.append(left)
            new = answer(x)
            return (new, tuple(after)), new

        first = answer(top)
        if self.horizon == 1:
            return steps._replace(x=first[:, None]), ()
        # What is known of the first step ahead has been read beside the window's last: see `Level.lead`.
        known = () if steps.ahead is None else (steps.ahead[:, 1:].swapaxes(0, 1),)
        _, rest = lib.scan(step, (first, tuple(map(tuple, steps.last))), known, length=self.horizon - 1)
        return steps._replace(x=xp.concatenate([first[None], rest]).swapaxes(0, 1)), ()

    def stepper(self, w: Weights) -> tuple[States, Step]:
        return _whole(w)


@dataclass(frozen=True)
class Restore:
    """The levels of the windows given back: s y + m, of [B, H, C, O]. See `Level`."""

    kind: ClassVar[str] = "restore"

    def width(self, features: int) -> int:
        return features

    def shapes(self, features: int) -> dict[str, tuple[int, ...]]:
        return {}

    def start(self, features: int, seeds: np.random.Generator) -> dict[str, NDArray[np.float32]]:
        return {}

    def forward(
        self, lib: Library, w: Weights, steps: Steps, states: States | None, noise: Noise | None
    ) -> tuple[Steps, States]:
        m, s = steps.level
        return steps._replace(x=s[..., None] * steps.x + m[..., None]), ()

    def stepper(self, w: Weights) -> tuple[States, Step]:
        return _whole(w)


def _linear_shapes(known: int, out: int) -> dict[str, tuple[int, ...]]:
    return {"ahead": (known, out)} if known else {}


def _linear_start(known: int, out: int) -> dict[str, NDArray[np.float32]]:
    return {"ahead": np.zeros((known, out), np.float32)} if known else {}


def _with_ahead(y: Array, w: Weights, steps: Steps) -> Array:
    """y [B, H, C, O] with a linear map of what is known of each step."""
    return y if steps.ahead is None else y + (steps.ahead @ w["ahead"]).reshape(y.shape)


KINDS: Mapping[str, type[Any]] = {
    block.kind: block for block in (Level, Decaying, Segments, Parallel, Direct, Recursive, Restore)
}
"""The blocks by the names that a model file has for them."""
