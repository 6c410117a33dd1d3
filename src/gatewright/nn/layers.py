"""What models are made of: a model is a list of blocks, and a block is its weights and one forward.

The forward of a block is written once, against the array functions that NumPy and JAX share: JAX trains it, and the
runtime answers with NumPy. The recurrences themselves are the kernels' in both. Weights have the layouts of Keras'
layers of the same names, in Keras' order.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from gatewright.nn.block import Array, Library, Noise, States, Step, Steps, Weights
from gatewright.ops.cells import CELLS
from gatewright.ops.recurrence import Recurrence, Tokens
from gatewright.support.errors import InputError
from gatewright.support.ids import PADDING, START, UNKNOWN


def glorot(shape: tuple[int, int], seeds: np.random.Generator) -> NDArray[np.float32]:
    """Glorot & Bengio 2010, equation 16."""
    limit = np.sqrt(6 / sum(shape))
    return seeds.uniform(-limit, limit, shape).astype(np.float32)


def _orthogonal(shape: tuple[int, int], seeds: np.random.Generator) -> NDArray[np.float32]:
    """Saxe, McClelland & Ganguli 2014, section 3: orthonormal rows or columns, whichever are fewer."""
    q, r = np.linalg.qr(seeds.standard_normal((max(shape), min(shape))))
    q = q * np.sign(np.diag(r))
    return (q if shape[0] >= shape[1] else q.T).astype(np.float32)


def dropped(lib: Library, x: Array, rate: float, noise: Noise | None, shape: tuple[int, ...]) -> Array:
    """x with numbers set to 0 with probability `rate`, and the others scaled up; Srivastava et al. 2014, section 10."""
    if noise is None or not rate:
        return x
    return lib.xp.where(noise.keep(rate, shape), x / (1 - rate), 0)


@dataclass(frozen=True)
class Embedding:
    """A vector [units] for each id below `vocabulary`; id 0 is padding, which no later block sees.

    Attributes:
        dropout: share of the ids whose vectors are 0 throughout a training step: Gal & Ghahramani 2016, "A
            Theoretically Grounded Application of Dropout in Recurrent Neural Networks", section 4.2.
        word_dropout: share of the tokens that are unknown to a training step: Iyyer et al. 2015, "Deep Unordered
            Composition Rivals Syntactic Methods for Text Classification", section 3.1.
    """

    vocabulary: int
    units: int
    dropout: float = 0.0
    word_dropout: float = 0.0
    kind: ClassVar[str] = "embedding"

    def width(self, features: int) -> int:
        return self.units

    def shapes(self, features: int) -> dict[str, tuple[int, ...]]:
        return {"table": (self.vocabulary, self.units)}

    def start(self, features: int, seeds: np.random.Generator) -> dict[str, NDArray[np.float32]]:
        return {"table": seeds.uniform(-0.05, 0.05, (self.vocabulary, self.units)).astype(np.float32)}

    def forward(
        self, lib: Library, w: Weights, steps: Steps, states: States | None, noise: Noise | None
    ) -> tuple[Steps, States]:
        ids, live = steps.x, steps.x != PADDING
        if noise is not None and self.word_dropout:
            seen = noise.keep(self.word_dropout, ids.shape) | (ids <= START)
            ids = lib.xp.where(seen, ids, UNKNOWN)
        table = dropped(lib, w["table"], self.dropout, noise, (self.vocabulary, 1))
        if steps.shift is not None:
            return steps._replace(x=table[ids] + steps.shift, live=live, shift=None), ()
        return steps._replace(x=Tokens(ids, table), live=live), ()

    def stepper(self, w: Weights) -> tuple[States, Step]:
        table = w["table"]
        # A slice, which is no copy: an index of an array would take as long as the softmax of a small network.
        return (), lambda token, states: (table[token : token + 1], states)


@dataclass(frozen=True)
class Recurrent:
    """A recurrent layer.

    Attributes:
        cell: one of `CELLS`; a GRU's reset gate stands after the product. minGRU and minLSTM have no recurrent kernel.
        units: of one direction.
        both: walk in both directions, and put their outputs side by side: Schuster & Paliwal 1997.
        steps: the output of every step comes out, [batch, time, width]; else that of the last, [batch, width].
        recurrent_dropout: share of h that is 0 throughout a row's steps in the recurrent products: Gal & Ghahramani
            2016, section 4.1.
        weight_dropout: share of the recurrent kernel that is 0 throughout a training step: Merity, Keskar & Socher
            2018, "Regularizing and Optimizing LSTM Language Models", section 2.
        zoneout: fraction of each state's units that keep their previous value at a step of training: see
            `gatewright.ops.reference.step`.

    Raises:
        InputError: the cell has no recurrent kernel, and a dropout is one of its product; or a rate is out of range.
    """

    cell: str
    units: int
    both: bool = False
    steps: bool = False
    recurrent_dropout: float = 0.0
    weight_dropout: float = 0.0
    zoneout: float = 0.0
    kind: ClassVar[str] = "recurrent"

    def __post_init__(self) -> None:
        if not 0 <= self.zoneout < 1:
            raise InputError(f"zoneout must be a number from 0 to below 1, not {self.zoneout!r}.")
        if self.cell not in CELLS or self._directions()[0][1].recurrent_gates:
            return
        for name, rate in (("recurrent_dropout", self.recurrent_dropout), ("weight_dropout", self.weight_dropout)):
            if rate:
                title = CELLS[self.cell].title
                raise InputError(f"{name} must be 0 for {title}, which has no recurrent kernel; it is {rate}.")

    def width(self, features: int) -> int:
        return self.units * (1 + self.both)

    def _directions(self) -> list[tuple[str, Recurrence]]:
        """The prefix of the weights' names, and the recurrence, of each direction."""
        forward = [("", Recurrence(self.cell, zoneout=self.zoneout))]
        backward = ("backward_", Recurrence(self.cell, reverse=True, zoneout=self.zoneout))
        return [*forward, backward] if self.both else forward

    def shapes(self, features: int) -> dict[str, tuple[int, ...]]:
        shapes: dict[str, tuple[int, ...]] = {}
        for prefix, rec in self._directions():
            shapes[f"{prefix}kernel"] = (features, rec.gates * self.units)
            if rec.recurrent_gates:
                shapes[f"{prefix}recurrent_kernel"] = rec.recurrent_kernel_shape(self.units)
            shapes[f"{prefix}bias"] = rec.bias_shape(self.units)
        return shapes

    def start(self, features: int, seeds: np.random.Generator) -> dict[str, NDArray[np.float32]]:
        weights: dict[str, NDArray[np.float32]] = {}
        for prefix, rec in self._directions():
            weights[f"{prefix}kernel"] = glorot((features, rec.gates * self.units), seeds)
            if rec.recurrent_gates:
                weights[f"{prefix}recurrent_kernel"] = _orthogonal(rec.recurrent_kernel_shape(self.units), seeds)
            bias = np.zeros(rec.bias_shape(self.units), np.float32)
            rows = bias.reshape(-1, self.units)
            rows[rec.gain_rows] = 1
            if (forget := rec.definition.forget_gate) is not None:
                rows[rec.gate_names.index(forget)] = 1  # Jozefowicz et al. 2015, section 3.2
            weights[f"{prefix}bias"] = bias
        return weights

    def operands(self, w: Weights, prefix: str = "") -> tuple[Array, Array, Array]:
        """W, U and b of a direction; U is [units, 0] where the cell has none."""
        U = w.get(f"{prefix}recurrent_kernel")
        return w[f"{prefix}kernel"], np.zeros((self.units, 0), np.float32) if U is None else U, w[f"{prefix}bias"]

    def forward(
        self, lib: Library, w: Weights, steps: Steps, states: States | None, noise: Noise | None
    ) -> tuple[Steps, States]:
        rows, time = (steps.x.ids if isinstance(steps.x, Tokens) else steps.x).shape[:2]
        outputs: list[Array] = []
        after: list[Array] = []
        for prefix, rec in self._directions():
            W, U, b = self.operands(w, prefix)
            U = dropped(lib, U, self.weight_dropout, noise, U.shape)
            mask = None
            if noise is not None and self.recurrent_dropout:
                ones = lib.xp.ones((1, rows, self.units), U.dtype)
                mask = dropped(lib, ones, self.recurrent_dropout, noise, ones.shape)
            zoned = None
            if noise is not None and self.zoneout:
                zoned = ~noise.keep(self.zoneout, (rows, time, len(rec.state_names), self.units))
            sequence, last = lib.recur(rec, steps.x, (W, U, b), states, steps.live, mask, zoned, self.steps)
            outputs.append(sequence if self.steps else last[0])
            after.extend(last)
        out = outputs[0] if len(outputs) == 1 else lib.xp.concatenate(outputs, axis=-1)
        left = tuple(after)
        return steps._replace(x=out, live=steps.live if self.steps else None, last=(*steps.last, left)), left

    def stepper(self, w: Weights) -> tuple[States, Step]:
        from gatewright.ops.numpy import Packed

        if self.both:
            raise InputError("a network of both directions needs the whole sequence: it can't be stepped.")
        rec = self._directions()[0][1]
        packed = Packed(rec, *self.operands(w)).step
        zeros = tuple(np.zeros((1, self.units), np.float32) for _ in rec.state_names)

        def one(x: Array, states: States) -> tuple[Array, States]:
            h = packed(x, states[0])
            return h, (h,)

        def pair(x: Array, states: States) -> tuple[Array, States]:
            after: States = packed(x, states)
            return after[0], after

        return zeros, pair if len(zeros) == 2 else one


@dataclass(frozen=True)
class Pool:
    """One vector of all live steps: [batch, time, features] to [batch, features]; zero where no step is live.

    Attributes:
        by: "mean", "max" (element by element), or "attention", a weighted mean: Yang et al. 2016, "Hierarchical
            Attention Networks for Document Classification", section 2.2.
    """

    by: str
    kind: ClassVar[str] = "pool"

    def width(self, features: int) -> int:
        return features

    def shapes(self, features: int) -> dict[str, tuple[int, ...]]:
        if self.by != "attention":
            return {}
        return {"kernel": (features, features), "bias": (features,), "context": (features,)}

    def start(self, features: int, seeds: np.random.Generator) -> dict[str, NDArray[np.float32]]:
        if self.by != "attention":
            return {}
        bias, context = np.zeros(features, np.float32), glorot((features, 1), seeds)[:, 0]
        return {"kernel": glorot((features, features), seeds), "bias": bias, "context": context}

    def forward(
        self, lib: Library, w: Weights, steps: Steps, states: States | None, noise: Noise | None
    ) -> tuple[Steps, States]:
        xp, x = lib.xp, steps.x
        live = xp.ones(x.shape[:2], bool) if steps.live is None else steps.live
        seen = self._seen(xp, w, x, live)
        after = seen if states is None else self._merged(xp, states, seen)
        return steps._replace(x=self._answer(xp, after), live=None), after

    def _seen(self, xp: ModuleType, w: Weights, x: Array, live: Array) -> States:
        """What a stretch of steps adds: mean (sum, count), max (max, any), attention (largest score, sum, weights)."""
        alive = live[:, :, None]
        if self.by == "mean":
            return xp.where(alive, x, 0).sum(axis=1), live.sum(axis=1)[:, None].astype(x.dtype)
        if self.by == "max":
            return xp.where(alive, x, -xp.inf).max(axis=1), live.any(axis=1)[:, None]
        # u_t = tanh(W h_t + b),  a_t = exp(u_t c) / sum of exp(u_t c),  s = sum of a_t h_t
        scores = xp.where(live, xp.tanh(x @ w["kernel"] + w["bias"]) @ w["context"], -xp.inf)
        top = scores.max(axis=1, keepdims=True)
        a = xp.exp(scores - xp.where(top == -xp.inf, 0, top))
        return top, (a[:, :, None] * x).sum(axis=1), a.sum(axis=1, keepdims=True)

    def _merged(self, xp: ModuleType, before: States, now: States) -> States:
        if self.by == "mean":
            return before[0] + now[0], before[1] + now[1]
        if self.by == "max":
            return xp.maximum(before[0], now[0]), before[1] | now[1]
        top = xp.maximum(before[0], now[0])
        safe = xp.where(top == -xp.inf, 0, top)
        one, other = xp.exp(before[0] - safe), xp.exp(now[0] - safe)
        return top, one * before[1] + other * now[1], one * before[2] + other * now[2]

    def _answer(self, xp: ModuleType, states: States) -> Array:
        if self.by == "mean":
            return states[0] / xp.maximum(states[1], 1)
        if self.by == "max":
            return xp.where(states[1], states[0], 0)
        return states[1] / xp.where(states[2] > 0, states[2], 1)

    def stepper(self, w: Weights) -> tuple[States, Step]:
        live = np.ones((1, 1), bool)

        def step(x: Array, states: States) -> tuple[Array, States]:
            seen = self._seen(np, w, x[:, None], live)
            after = self._merged(np, states, seen) if states else seen
            return self._answer(np, after), after

        return (), step


@dataclass(frozen=True)
class Dropout:
    """In training, share `rate` of the features 0; where there are steps, the same ones at every step of a row.

    Gal & Ghahramani 2016, section 4: between the embedding and a recurrent layer this is their mask on the inputs.
    """

    rate: float
    kind: ClassVar[str] = "dropout"

    def width(self, features: int) -> int:
        return features

    def shapes(self, features: int) -> dict[str, tuple[int, ...]]:
        return {}

    def start(self, features: int, seeds: np.random.Generator) -> dict[str, NDArray[np.float32]]:
        return {}

    def forward(
        self, lib: Library, w: Weights, steps: Steps, states: States | None, noise: Noise | None
    ) -> tuple[Steps, States]:
        x = steps.x
        if isinstance(x, Tokens):
            if noise is None or not self.rate:
                return steps, ()
            x = x.table[x.ids]  # equal ids no longer have equal vectors
        shape = (x.shape[0], 1, x.shape[2]) if x.ndim == 3 else x.shape
        return steps._replace(x=dropped(lib, x, self.rate, noise, shape)), ()

    def stepper(self, w: Weights) -> tuple[States, Step]:
        return (), lambda x, states: (x, states)


@dataclass(frozen=True)
class Dense:
    """A linear map to `units` numbers."""

    units: int
    kind: ClassVar[str] = "dense"

    def width(self, features: int) -> int:
        return self.units

    def shapes(self, features: int) -> dict[str, tuple[int, ...]]:
        return {"kernel": (features, self.units), "bias": (self.units,)}

    def start(self, features: int, seeds: np.random.Generator) -> dict[str, NDArray[np.float32]]:
        return {"kernel": glorot((features, self.units), seeds), "bias": np.zeros(self.units, np.float32)}

    def forward(
        self, lib: Library, w: Weights, steps: Steps, states: States | None, noise: Noise | None
    ) -> tuple[Steps, States]:
        return steps._replace(x=steps.x @ w["kernel"] + w["bias"]), ()

    def stepper(self, w: Weights) -> tuple[States, Step]:
        kernel, bias = w["kernel"], w["bias"]
        return (), lambda x, states: (x @ kernel + bias, states)


@dataclass(frozen=True)
class Softmax:
    """The probability of each id below `vocabulary`, as logits; or what ids that are asked about get.

    Of each of `Steps.targets` there comes out -log p, in nats; 0 where there is no target.

    Attributes:
        tied: the kernel is the embedding's table: Press & Wolf 2017, "Using the Output Embedding to Improve Language
            Models"; Inan, Khosravi & Socher 2017. The weights have it as `table`: see `with_ties`.
        samples: in training, a target stands against so many sampled ids in the place of all others; 0 is against
            all: Bengio & Senecal 2008, "Adaptive Importance Sampling to Accelerate Training of a Neural Probabilistic
            Language Model"; Jean et al. 2015, "On Using Very Large Target Vocabulary for NMT", section 3.
    """

    vocabulary: int
    tied: bool = False
    samples: int = 0
    kind: ClassVar[str] = "softmax"

    def width(self, features: int) -> int:
        return self.vocabulary

    def shapes(self, features: int) -> dict[str, tuple[int, ...]]:
        own = {} if self.tied else {"kernel": (features, self.vocabulary)}
        return {**own, "bias": (self.vocabulary,)}

    def start(self, features: int, seeds: np.random.Generator) -> dict[str, NDArray[np.float32]]:
        own = {} if self.tied else {"kernel": glorot((features, self.vocabulary), seeds)}
        return {**own, "bias": np.zeros(self.vocabulary, np.float32)}

    def forward(
        self, lib: Library, w: Weights, steps: Steps, states: States | None, noise: Noise | None
    ) -> tuple[Steps, States]:
        targets, xp = steps.targets, lib.xp
        if targets is not None and self.samples and noise is not None:
            return steps._replace(x=self._against_samples(lib, w, steps.x, targets, noise)), ()
        logits = steps.x @ (w["table"].T if self.tied else w["kernel"]) + w["bias"]
        if targets is None:
            return steps._replace(x=logits), ()
        own = xp.take_along_axis(logits, targets[..., None], axis=-1)[..., 0]
        return steps._replace(x=_asked(lib, own, logits, targets)), ()

    def _against_samples(self, lib: Library, w: Weights, x: Array, targets: Array, noise: Noise) -> Array:
        """As `forward`, with the softmax over the target and sampled ids.

        Ids are ranked by frequency, so that the sampled are distributed as Zipf's law has it: with R ids from 1 on,
        Q(id) = log((id + 1) / id) / log(R + 1). A sampled id counts exp(logit) / (samples * Q(id)), so that in
        expectation all of them together count as much as all ids but the target: importance sampling, Bengio & Senecal
        2008, section III.
        """
        xp, ids = lib.xp, self.vocabulary - 1
        sampled = xp.exp(noise.uniform((self.samples,)) * np.log(ids + 1.0)).astype(targets.dtype).clip(1, ids)
        kernel = w["table"] if self.tied else w["kernel"].T
        counted = xp.log(self.samples * xp.log1p(1 / sampled.astype(x.dtype)) / np.log(ids + 1.0))
        own = (x * kernel[targets]).sum(axis=-1) + w["bias"][targets]
        others = x @ kernel[sampled].T + w["bias"][sampled] - counted
        others = xp.where(sampled == targets[..., None], -xp.inf, others)
        return _asked(lib, own, xp.concatenate([own[..., None], others], axis=-1), targets)

    def stepper(self, w: Weights) -> tuple[States, Step]:
        # A row of a transposed table is spread over all of memory: a copy of its own makes each step several times
        # as fast.
        kernel, bias = np.ascontiguousarray(w["table"].T) if self.tied else w["kernel"], w["bias"]
        return (), lambda x, states: (x @ kernel + bias, states)


def _asked(lib: Library, own: Array, logits: Array, targets: Array) -> Array:
    """-log p of targets whose logits are `own`, among all `logits`; 0 where there is no target."""
    xp = lib.xp
    top = lib.constant(logits.max(axis=-1))  # it cancels out, and so does its gradient
    loss = top + xp.log(xp.exp(logits - top[..., None]).sum(axis=-1)) - own
    return xp.where(targets == PADDING, 0, loss)


POOLS = ("mean", "max", "attention")
"""The ways to pool."""

KINDS: dict[str, type[Any]] = {block.kind: block for block in (Embedding, Recurrent, Pool, Dropout, Dense, Softmax)}
"""The blocks by the names that a model file has for them."""
