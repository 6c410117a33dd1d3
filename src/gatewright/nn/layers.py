"""The layers that the networks of all tasks are built from.

A forward pass uses only functions that NumPy and JAX have in common: training runs it with JAX, inference with NumPy.
The weights have the same shapes and order as in the corresponding Keras layers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Annotated, ClassVar, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gatewright.nn.layer import EMBEDDING_SHIFT, Activations, Array, Backend, Layer, Rng, States, Step, Weights
from gatewright.ops.cells import CELLS
from gatewright.ops.recurrence import Recurrence, Tokens
from gatewright.support.errors import InputError
from gatewright.support.ids import PADDING, START, UNKNOWN
from gatewright.support.schema import Count, Fraction, Size, Text

CellName: TypeAlias = Annotated[str, Text(choices=tuple(CELLS))]


def glorot(shape: tuple[int, int], rng: np.random.Generator) -> NDArray[np.float32]:
    """Return a random matrix from the Glorot uniform distribution (Glorot & Bengio 2010, equation 16)."""
    limit = np.sqrt(6 / sum(shape))
    return rng.uniform(-limit, limit, shape).astype(np.float32)


def _orthogonal(shape: tuple[int, int], rng: np.random.Generator) -> NDArray[np.float32]:
    """Return a random matrix with orthonormal columns or rows (Saxe, McClelland & Ganguli 2014, section 3)."""
    q, r = np.linalg.qr(rng.standard_normal((max(shape), min(shape))))
    q = q * np.sign(np.diag(r))
    return (q if shape[0] >= shape[1] else q.T).astype(np.float32)


def dropout(backend: Backend, x: Array, rate: float, rng: Rng | None, shape: tuple[int, ...]) -> Array:
    """Return x with dropout: numbers are set to 0 with probability `rate`, the others are multiplied by 1 / (1 - rate).

    Srivastava et al. 2014, "Dropout: A Simple Way to Prevent Neural Networks from Overfitting", section 10. If `rng`
    is None (in inference), x is returned unchanged. `shape` is the shape of the dropout mask, which is broadcast to x.
    """
    if rng is None or not rate:
        return x
    return backend.xp.where(rng.keep(rate, shape), x / (1 - rate), 0)


@dataclass(frozen=True)
class Embedding(Layer):
    """An embedding layer: a trainable vector for each id. Steps with id 0 are padding; the next layers ignore them.

    Attributes:
        vocabulary: Number of ids, including padding.
        units: Length of a vector.
        dropout: Probability that the vector of an id is set to 0 for a whole training step (Gal & Ghahramani 2016, "A
            Theoretically Grounded Application of Dropout in Recurrent Neural Networks", section 4.2).
        word_dropout: Probability that a token is replaced by the id of unknown tokens in a training step (Iyyer et
            al. 2015, "Deep Unordered Composition Rivals Syntactic Methods for Text Classification", section 3.1).
    """

    vocabulary: Size
    units: Size
    dropout: Fraction = 0.0
    word_dropout: Fraction = 0.0
    kind: ClassVar[str] = "embedding"

    def width(self, features: int) -> int:
        return self.units

    def shapes(self, features: int) -> dict[str, tuple[int, ...]]:
        return {"table": (self.vocabulary, self.units)}

    def initial_weights(self, features: int, rng: np.random.Generator) -> dict[str, NDArray[np.float32]]:
        return {"table": rng.uniform(-0.05, 0.05, (self.vocabulary, self.units)).astype(np.float32)}

    def forward(
        self, backend: Backend, w: Weights, inputs: Activations, states: States | None, rng: Rng | None
    ) -> tuple[Activations, States]:
        ids, mask = inputs.x, inputs.x != PADDING
        if rng is not None and self.word_dropout:
            kept = rng.keep(self.word_dropout, ids.shape) | (ids <= START)
            ids = backend.xp.where(kept, ids, UNKNOWN)
        table = dropout(backend, w["table"], self.dropout, rng, (self.vocabulary, 1))
        shift = inputs.context.get(EMBEDDING_SHIFT)
        x = Tokens(ids, table) if shift is None else table[ids] + shift
        return inputs._replace(x=x, mask=mask), ()

    def stepper(self, w: Weights) -> tuple[States, Step]:
        table = w["table"]
        # A slice is a view. Indexing with an array would take as long as the softmax of a small network.
        return (), lambda token, states: (table[token : token + 1], states)


@dataclass(frozen=True)
class Recurrent(Layer):
    """A recurrent layer.

    Attributes:
        cell: Name of the cell, one of `CELLS`. A GRU has `reset_after=True`.
        units: Number of units. A bidirectional layer has this number in each direction.
        bidirectional: Process the sequence in both directions and concatenate the outputs (Schuster & Paliwal 1997).
        return_sequences: Return the outputs of all time steps, [batch, time, width], instead of those of the last step,
            [batch, width].
        recurrent_dropout: Probability that a unit of h is set to 0 in the products with the recurrent kernel. The same
            units are dropped at every time step (Gal & Ghahramani 2016, section 4.1).
        weight_dropout: Probability that a number of the recurrent kernel is set to 0 for a whole training step (Merity,
            Keskar & Socher 2018, "Regularizing and Optimizing LSTM Language Models", section 2).
        zoneout: Probability that a unit of a state keeps its previous value at a time step (Krueger et al. 2017).
    """

    cell: CellName
    units: Size
    bidirectional: bool = False
    return_sequences: bool = False
    recurrent_dropout: Fraction = 0.0
    weight_dropout: Fraction = 0.0
    zoneout: Fraction = 0.0
    kind: ClassVar[str] = "recurrent"

    def __post_init__(self) -> None:
        if not 0 <= self.zoneout < 1:
            raise InputError(f"zoneout must be a number from 0 to below 1, not {self.zoneout!r}.")
        if self.directions()[0][1].recurrent_gates:
            return
        for name, rate in (("recurrent_dropout", self.recurrent_dropout), ("weight_dropout", self.weight_dropout)):
            if rate:
                raise InputError(
                    f"{name} must be 0 for {CELLS[self.cell].title}, which has no recurrent kernel, not {rate}."
                )

    def width(self, features: int) -> int:
        return self.units * (1 + self.bidirectional)

    def cells(self) -> tuple[str, ...]:
        return (self.cell,)

    def directions(self) -> list[tuple[str, Recurrence]]:
        """Return a pair for each direction: the prefix of its weight names ("" or "backward_"), and its recurrence."""
        directions = [("", False), ("backward_", True)][: 1 + self.bidirectional]
        return [(name, Recurrence(self.cell, reverse=reverse, zoneout=self.zoneout)) for name, reverse in directions]

    def shapes(self, features: int) -> dict[str, tuple[int, ...]]:
        shapes: dict[str, tuple[int, ...]] = {}
        for prefix, rec in self.directions():
            shapes[f"{prefix}kernel"] = (features, rec.gates * self.units)
            if rec.recurrent_gates:
                shapes[f"{prefix}recurrent_kernel"] = rec.recurrent_kernel_shape(self.units)
            shapes[f"{prefix}bias"] = rec.bias_shape(self.units)
        return shapes

    def initial_weights(self, features: int, rng: np.random.Generator) -> dict[str, NDArray[np.float32]]:
        weights: dict[str, NDArray[np.float32]] = {}
        for prefix, rec in self.directions():
            weights[f"{prefix}kernel"] = glorot((features, rec.gates * self.units), rng)
            if rec.recurrent_gates:
                weights[f"{prefix}recurrent_kernel"] = _orthogonal(rec.recurrent_kernel_shape(self.units), rng)
            bias = np.zeros(rec.bias_shape(self.units), np.float32)
            rows = bias.reshape(-1, self.units)
            rows[rec.definition.gain_rows] = 1
            if (forget := rec.definition.forget_gate) is not None:
                rows[rec.gate_names.index(forget)] = 1  # Jozefowicz et al. 2015, section 3.2
            weights[f"{prefix}bias"] = bias
        return weights

    def operands(self, w: Weights, prefix: str = "") -> tuple[Array, Array, Array]:
        """Return the kernel W, the recurrent kernel U and the bias b of one direction.

        U is [units, 0] if the cell has no recurrent kernel.

        Args:
            w: The weights of the layer.
            prefix: "" for the forward direction, "backward_" for the backward direction.
        """
        U = w.get(f"{prefix}recurrent_kernel")
        return w[f"{prefix}kernel"], np.zeros((self.units, 0), np.float32) if U is None else U, w[f"{prefix}bias"]

    def forward(
        self, backend: Backend, w: Weights, inputs: Activations, states: States | None, rng: Rng | None
    ) -> tuple[Activations, States]:
        batch, time = (inputs.x.ids if isinstance(inputs.x, Tokens) else inputs.x).shape[:2]
        outputs: list[Array] = []
        last_states: list[Array] = []
        for prefix, rec in self.directions():
            W, U, b = self.operands(w, prefix)
            U = dropout(backend, U, self.weight_dropout, rng, U.shape)
            dropped = None
            if rng is not None and self.recurrent_dropout:
                ones = backend.xp.ones((1, batch, self.units), U.dtype)
                dropped = dropout(backend, ones, self.recurrent_dropout, rng, ones.shape)
            held = None
            if rng is not None and self.zoneout:
                held = ~rng.keep(self.zoneout, (batch, time, len(rec.state_names), self.units))
            sequence, last = backend.recur(
                rec, inputs.x, (W, U, b), states, inputs.mask, dropped, held, self.return_sequences
            )
            outputs.append(sequence if self.return_sequences else last[0])
            last_states.extend(last)
        x = backend.xp.concatenate(outputs, axis=-1) if self.bidirectional else outputs[0]
        mask, after = inputs.mask if self.return_sequences else None, tuple(last_states)
        return inputs._replace(x=x, mask=mask, states=(*inputs.states, after)), after

    def stepper(self, w: Weights) -> tuple[States, Step]:
        from gatewright.ops.packed import Packed, packed_once

        if self.bidirectional:
            raise InputError("A bidirectional model needs the whole sequence at once, so it cannot run step by step.")
        rec = self.directions()[0][1]
        packed = (packed_once(rec, *self.operands(w)) or Packed(rec, *self.operands(w))).step
        zeros = tuple(np.zeros((1, self.units), np.float32) for _ in rec.state_names)

        def step_h(x: Array, states: States) -> tuple[Array, States]:
            h = packed(x, states[0])
            return h, (h,)

        def step_h_c(x: Array, states: States) -> tuple[Array, States]:
            after: States = packed(x, states)
            return after[0], after

        return zeros, step_h_c if len(zeros) == 2 else step_h


POOLS = ("mean", "max", "attention")
"""The allowed values of `Pool.method`."""
PoolMethod: TypeAlias = Annotated[str, Text(choices=POOLS)]


@dataclass(frozen=True)
class Pool(Layer):
    """Pooling over time, from [batch, time, features] to [batch, features].

    Masked steps are ignored. The result is zero if all steps are masked.

    Attributes:
        method: "mean", "max", or "attention", which is a weighted mean with learned weights (Yang et al. 2016,
            "Hierarchical Attention Networks for Document Classification", section 2.2).
    """

    method: PoolMethod
    kind: ClassVar[str] = "pool"

    def __post_init__(self) -> None:
        if self.method not in POOLS:
            raise InputError(f"The pooling method must be one of {', '.join(POOLS)}, not {self.method!r}.")

    def shapes(self, features: int) -> dict[str, tuple[int, ...]]:
        if self.method != "attention":
            return {}
        return {"kernel": (features, features), "bias": (features,), "context": (features,)}

    def initial_weights(self, features: int, rng: np.random.Generator) -> dict[str, NDArray[np.float32]]:
        if self.method != "attention":
            return {}
        bias, context = np.zeros(features, np.float32), glorot((features, 1), rng)[:, 0]
        return {"kernel": glorot((features, features), rng), "bias": bias, "context": context}

    def forward(
        self, backend: Backend, w: Weights, inputs: Activations, states: States | None, rng: Rng | None
    ) -> tuple[Activations, States]:
        xp, x = backend.xp, inputs.x
        mask = xp.ones(x.shape[:2], bool) if inputs.mask is None else inputs.mask
        now = self._accumulate(xp, w, x, mask)
        after = now if states is None else self._merge(xp, states, now)
        return inputs._replace(x=self._result(xp, after).astype(x.dtype), mask=None), after

    def _accumulate(self, xp: ModuleType, w: Weights, x: Array, mask: Array) -> States:
        """Return the values from which the pooled features of the time steps of x are computed.

        For "mean" these are (sum, number of live steps), for "max" (maximum, True if any step is live), and for
        "attention" (highest score, weighted sum, sum of the weights).
        """
        live = mask[:, :, None]
        # A stream can have millions of steps, whose sums float32 rounds. JAX, which only trains, lacks float64.
        wide = np.float64 if xp is np else x.dtype
        if self.method == "mean":
            return xp.where(live, x, 0).sum(axis=1, dtype=wide), mask.sum(axis=1)[:, None].astype(wide)
        if self.method == "max":
            return xp.where(live, x, -xp.inf).max(axis=1), mask.any(axis=1)[:, None]
        # u_t = tanh(W h_t + b),  a_t = exp(u_t c) / sum of exp(u_t c),  s = sum of a_t h_t
        scores = xp.where(mask, xp.tanh(x @ w["kernel"] + w["bias"]) @ w["context"], -xp.inf)
        top = scores.max(axis=1, keepdims=True)
        a = xp.exp(scores - xp.where(top == -xp.inf, 0, top))
        return top, (a[:, :, None] * x).sum(axis=1, dtype=wide), a.sum(axis=1, keepdims=True, dtype=wide)

    def _merge(self, xp: ModuleType, before: States, now: States) -> States:
        if self.method == "mean":
            return before[0] + now[0], before[1] + now[1]
        if self.method == "max":
            return xp.maximum(before[0], now[0]), before[1] | now[1]
        top = xp.maximum(before[0], now[0])
        safe = xp.where(top == -xp.inf, 0, top)
        one, other = xp.exp(before[0] - safe), xp.exp(now[0] - safe)
        return top, one * before[1] + other * now[1], one * before[2] + other * now[2]

    def _result(self, xp: ModuleType, states: States) -> Array:
        if self.method == "mean":
            return states[0] / xp.maximum(states[1], 1)
        if self.method == "max":
            return xp.where(states[1], states[0], 0)
        return states[1] / xp.where(states[2] > 0, states[2], 1)

    def stepper(self, w: Weights) -> tuple[States, Step]:
        mask = np.ones((1, 1), bool)

        def step(x: Array, states: States) -> tuple[Array, States]:
            now = self._accumulate(np, w, x[:, None], mask)
            after = self._merge(np, states, now) if states else now
            return self._result(np, after).astype(x.dtype), after

        return (), step


@dataclass(frozen=True)
class Dropout(Layer):
    """Dropout of features. The same features are dropped at all time steps of an example (Gal & Ghahramani 2016).

    Attributes:
        rate: Probability that a feature is dropped.
    """

    rate: Fraction
    kind: ClassVar[str] = "dropout"

    def forward(
        self, backend: Backend, w: Weights, inputs: Activations, states: States | None, rng: Rng | None
    ) -> tuple[Activations, States]:
        x = inputs.x
        if isinstance(x, Tokens):
            if rng is None or not self.rate:
                return inputs, ()
            x = x.table[x.ids]  # with dropout, equal ids have different vectors
        shape = (x.shape[0], 1, x.shape[2]) if x.ndim == 3 else x.shape
        return inputs._replace(x=dropout(backend, x, self.rate, rng, shape)), ()

    def stepper(self, w: Weights) -> tuple[States, Step]:
        return (), lambda x, states: (x, states)


@dataclass(frozen=True)
class Dense(Layer):
    """A fully connected layer without an activation.

    Attributes:
        units: Number of output features.
    """

    units: Size
    kind: ClassVar[str] = "dense"

    def width(self, features: int) -> int:
        return self.units

    def shapes(self, features: int) -> dict[str, tuple[int, ...]]:
        return {"kernel": (features, self.units), "bias": (self.units,)}

    def initial_weights(self, features: int, rng: np.random.Generator) -> dict[str, NDArray[np.float32]]:
        return {"kernel": glorot((features, self.units), rng), "bias": np.zeros(self.units, np.float32)}

    def forward(
        self, backend: Backend, w: Weights, inputs: Activations, states: States | None, rng: Rng | None
    ) -> tuple[Activations, States]:
        return inputs._replace(x=inputs.x @ w["kernel"] + w["bias"]), ()

    def stepper(self, w: Weights) -> tuple[States, Step]:
        kernel, bias = w["kernel"], w["bias"]
        return (), lambda x, states: (x @ kernel + bias, states)


@dataclass(frozen=True)
class Softmax(Layer):
    """The output layer of a language model.

    Without `Activations.targets` the output is the logits of all ids. With targets it is the loss of each target,
    -log p in nats, which is 0 for padding targets.

    Attributes:
        vocabulary: Number of ids, including padding.
        tied: Use the table of the embedding as the kernel. The embedding must be the first layer of the network (Press
            & Wolf 2017, "Using the Output Embedding to Improve Language Models"; Inan, Khosravi & Socher 2017).
        samples: Number of random ids that the softmax is computed over during training, in addition to the target
            (sampled softmax; Jean et al. 2015, "On Using Very Large Target Vocabulary for NMT", section 3).
            0 means that the softmax is computed over all ids.
    """

    vocabulary: Size
    tied: bool = False
    samples: Count = 0
    kind: ClassVar[str] = "softmax"

    def width(self, features: int) -> int:
        return self.vocabulary

    def shapes(self, features: int) -> dict[str, tuple[int, ...]]:
        own = {} if self.tied else {"kernel": (features, self.vocabulary)}
        return {**own, "bias": (self.vocabulary,)}

    def initial_weights(self, features: int, rng: np.random.Generator) -> dict[str, NDArray[np.float32]]:
        own = {} if self.tied else {"kernel": glorot((features, self.vocabulary), rng)}
        return {**own, "bias": np.zeros(self.vocabulary, np.float32)}

    def bind(self, w: Weights, layers: Sequence[Layer], weights: Sequence[Weights]) -> Weights:
        return {**w, "table": weights[0]["table"]} if self.tied else w

    def forward(
        self, backend: Backend, w: Weights, inputs: Activations, states: States | None, rng: Rng | None
    ) -> tuple[Activations, States]:
        targets = inputs.targets
        if targets is not None and self.samples and rng is not None:
            return inputs._replace(x=self._sampled_losses(backend, w, inputs.x, targets, rng)), ()
        kernel = w["table" if self.tied else "kernel"]
        if targets is None:
            return inputs._replace(x=inputs.x @ (kernel.T if self.tied else kernel) + w["bias"]), ()
        rows, flat = inputs.x.reshape(-1, inputs.x.shape[-1]), targets.reshape(-1)
        losses = backend.losses(rows, kernel, w["bias"], flat, flat != PADDING, self.tied)
        return inputs._replace(x=losses.reshape(targets.shape)), ()

    def _sampled_losses(self, backend: Backend, w: Weights, x: Array, targets: Array, rng: Rng) -> Array:
        """Return the loss of each target, with the softmax computed over the target and randomly sampled ids.

        Small ids belong to frequent tokens, so the samples follow Zipf's law. Id k, from 1 to R, is sampled with
        probability Q(k) = log((k + 1) / k) / log(R + 1). In the denominator of the softmax, a sampled id has the weight
        exp(logit) / (samples * Q(k)). The expected value of these terms is the sum over all ids except the target
        (importance sampling, Bengio & Senecal 2008, section III).
        """
        xp, ids = backend.xp, self.vocabulary - 1
        sampled = xp.exp(rng.uniform((self.samples,)) * np.log(ids + 1.0)).astype(targets.dtype).clip(1, ids)
        kernel = w["table"] if self.tied else w["kernel"].T
        log_counts = xp.log(self.samples * xp.log1p(1 / sampled.astype(x.dtype)) / np.log(ids + 1.0))
        own = (x * kernel[targets]).sum(axis=-1) + w["bias"][targets]
        others = x @ kernel[sampled].T + w["bias"][sampled] - log_counts
        others = xp.where(sampled == targets[..., None], -xp.inf, others)
        logits = xp.concatenate([own[..., None], others], axis=-1)
        top = backend.stop_gradient(logits.max(axis=-1))  # it cancels out, and so does its gradient
        return xp.where(targets == PADDING, 0, top + xp.log(xp.exp(logits - top[..., None]).sum(axis=-1)) - own)

    def stepper(self, w: Weights) -> tuple[States, Step]:
        # The rows of a transposed table are not contiguous. A copy makes each step several times as fast.
        kernel, bias = np.ascontiguousarray(w["table"].T) if self.tied else w["kernel"], w["bias"]
        return (), lambda x, states: (x @ kernel + bias, states)
