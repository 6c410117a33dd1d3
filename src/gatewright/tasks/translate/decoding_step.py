"""One step of a translator's decoder for many hypotheses at a time, with NumPy.

The numbers of a hypothesis have the same bits whatever the other hypotheses of a call are, and however many there are,
so that a sentence has the same translation alone and in any batch. Rows of the kernels are independent of each other.
A BLAS may add the terms of a product in another order if there are other rows, so that `RowProduct` calls it with a
fixed number of rows, and the attention has products of its own for each hypothesis.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gatewright.nn.backend import NUMPY
from gatewright.nn.layer import Activations, Layer, Weights
from gatewright.nn.layers import Recurrent
from gatewright.nn.prefixes import select
from gatewright.ops.packed import Packed, packed_once
from gatewright.tasks.translate.layers import Decoder, Encoder

FloatArray = NDArray[np.float32]

_PRODUCTS = ("initial_kernel", "key_kernel", "query_kernel", "output_kernel")
# Numbers of rows of a product, the best one first. With more rows, a single sentence takes longer; with fewer, many
# sentences do, as the weights are read more often.
_ROWS = (16, 8, 4, 1)
# So many rows are multiplied at once if there are enough, where this changes no bits.
_MANY_ROWS = (128, 64, 32)


class Memory(NamedTuple):
    """The source sentences, as the steps read them.

    Attributes:
        H: The outputs of the encoder, [sentences, source steps, features].
        K: The keys of the attention, H W_k, [sentences, source steps, units]; units is 0 without attention.
        last: The last outputs of both directions of the encoder, [sentences, features].
    """

    H: FloatArray
    K: FloatArray
    last: FloatArray


class State(NamedTuple):
    """The decoder after a step.

    Attributes:
        states: The states of all recurrent layers side by side, [rows, layers * states * units].
    """

    states: FloatArray


class RowProduct:
    """The product with a matrix, W, of which each row has the same bits whatever the other rows are.

    The BLAS is called with a fixed number of rows. Some add the terms of different rows in different orders, such as
    OpenBLAS for the 12 first and the 4 last rows of 16 with AVX2 and FMA. So the number of rows is the first of `_ROWS`
    with which equal rows have equal products here. Larger numbers of rows in which they have the same products are used
    as well.

    Args:
        W: The matrix, [features, columns].
    """

    def __init__(self, W: FloatArray) -> None:
        self._W = W
        x = np.random.default_rng(0).standard_normal((3, 1, len(W))).astype(np.float32)
        self._rows = next(rows for rows in _ROWS if rows == 1 or _equal_products(x, W, rows))
        self._sizes = [*(rows for rows in _MANY_ROWS if _equal_products(x, W, self._rows, rows)), self._rows]

    def __call__(self, x: FloatArray) -> FloatArray:
        """Return x W, [rows, columns], for x [rows, features]."""
        padded = np.zeros((-(-len(x) // self._rows) * self._rows, x.shape[1]), np.float32)
        padded[: len(x)] = x
        y = np.empty((len(padded), self._W.shape[1]), np.float32)
        first = 0
        while first < len(padded):
            rows = next(size for size in self._sizes if size <= len(padded) - first)
            np.matmul(padded[first : first + rows], self._W, out=y[first : first + rows])
            first += rows
        return y[: len(x)]


def _equal_products(x: FloatArray, W: FloatArray, *rows: int) -> bool:
    """Return True if some x, [some, 1, features], have the same product with W in each of so many equal rows."""
    with np.errstate(all="ignore"):  # weights that overflow are reported when they are used
        products = [np.concatenate([one.repeat(count, axis=0) @ W for count in rows]) for one in x]
    return all((y == y[0]).all() for y in products)


class Stepper:
    """A translator that encodes sentences, and predicts the next id of many hypotheses at a time.

    Args:
        layers: An `Encoder` and a `Decoder`.
        weights: The weights of both, as returned by `nn.model.bind`.
    """

    def __init__(self, layers: Sequence[Layer], weights: Sequence[Weights]) -> None:
        encoder, decoder = layers
        if not (isinstance(encoder, Encoder) and isinstance(decoder, Decoder)):
            raise TypeError(f"layers must be an Encoder and a Decoder, not {[layer.kind for layer in layers]}.")
        self._encoder, self._decoder = encoder, decoder
        self._encoder_weights, self._w = weights
        recurrent = decoder.recurrent_layers(encoder.width(1))
        self._steps = [_step_of(layer, select(prefix, self._w)) for prefix, layer, _ in recurrent]
        if decoder.attention == "fed":
            self._fed_step = _step_of(recurrent[0][1], select("fed_", self._w))
        kernel = self._w["table" if decoder.tied else "softmax_kernel"]
        self._softmax = RowProduct(np.ascontiguousarray(kernel.T) if decoder.tied else kernel)  # transposed, it is slow
        names = [name for name in _PRODUCTS if name in self._w]
        self._products = {name: RowProduct(self._w[name]) for name in names}

    def encode(self, ids: NDArray[np.int32]) -> Memory:
        """Return what the steps need of source sentences of equal length.

        Args:
            ids: Source ids [sentences, source steps], without padding.
        """
        outputs, _ = self._encoder.forward(NUMPY, self._encoder_weights, Activations(ids), None, None)
        H: FloatArray = outputs.x
        if self._decoder.attention == "none":
            return Memory(H, H[:, :, :0], outputs.states[-1][0])
        K = self._products["key_kernel"](H.reshape(-1, H.shape[2]))
        return Memory(H, K.reshape(*H.shape[:2], -1), outputs.states[-1][0])

    def start(self, memory: Memory) -> State:
        """Return the state before the first step, with one row for each sentence."""
        return State(np.tanh(self._products["initial_kernel"](memory.last) + self._w["initial_bias"]))

    def step(
        self, memory: Memory, state: State, ids: NDArray[np.integer[Any]], beam: int
    ) -> tuple[FloatArray, State, FloatArray]:
        """Read one id for each hypothesis.

        Args:
            memory: The sentences.
            state: The state of each hypothesis, [sentences * beam, ...]. Row r belongs to sentence r // beam.
            ids: The last id of each hypothesis, or START, [sentences * beam].
            beam: Number of hypotheses of each sentence.

        Returns:
            The log probabilities of the next id, [rows, vocabulary]; the new state; and the weights of the source steps
            in the attention, [rows, source steps], which are 0 without attention.
        """
        e: FloatArray = self._w["table"][ids]
        attention = self._decoder.attention
        h, c, a = e, e[:, :0], np.zeros((len(ids), memory.H.shape[1]), np.float32)
        after: list[FloatArray] = []
        for place, (step, states) in enumerate(zip(self._steps, self._decoder.split_states(state.states), strict=True)):
            if attention == "bottom" and place == 1:
                h = np.concatenate([h, c], axis=1)
            new = step(h, tuple(map(np.ascontiguousarray, states)))
            if place == 0 and attention in ("bottom", "fed"):
                c, a = self._attend(memory, new[0], beam)
            if place == 0 and attention == "fed":
                new = self._fed_step(c, new)
            after += new
            h = new[0]
        if attention == "after":
            c, a = self._attend(memory, h, beam)
        o = np.tanh(self._products["output_kernel"](np.concatenate([h, c, e], axis=1)) + self._w["output_bias"])
        return self._log_probabilities(o), State(np.concatenate(after, axis=1)), a

    def rows_of(self, state: State, index: NDArray[np.integer[Any]]) -> State:
        """Return the rows of a state with these indices. An index may occur several times."""
        return State(state.states[index])

    def _attend(self, memory: Memory, h: FloatArray, beam: int) -> tuple[FloatArray, FloatArray]:
        """Return the contexts c, [rows, features], and the weights of the source steps, [rows, source steps]."""
        sentences, steps, features = memory.H.shape
        if self._decoder.score == "additive":
            queries = self._products["query_kernel"](h).reshape(sentences, beam, 1, -1)
            scores = (np.tanh(queries + memory.K[:, None]) * self._w["score"]).sum(axis=3)
        else:
            queries = h.reshape(sentences, beam, 1, -1) * np.float32(self._decoder.units**-0.5)
            scores = (queries @ memory.K.transpose(0, 2, 1)[:, None])[:, :, 0]
        powers = np.exp(scores - scores.max(axis=2, keepdims=True))
        a = powers / powers.sum(axis=2, keepdims=True)
        c = a[:, :, None] @ memory.H[:, None]
        return c.reshape(-1, features), a.reshape(-1, steps)

    def _log_probabilities(self, o: FloatArray) -> FloatArray:
        logits = self._softmax(o)
        logits += self._w["bias"]
        logits -= logits.max(axis=1, keepdims=True)
        logits -= np.log(np.exp(logits).sum(axis=1, keepdims=True))
        return logits


def _step_of(layer: Recurrent, w: Weights) -> Callable[[FloatArray, tuple[FloatArray, ...]], tuple[FloatArray, ...]]:
    """Return the function of one step of a recurrent layer, which takes the inputs and states of all rows."""
    rec, operands = layer.directions()[0][1], layer.operands(w)
    packed = (packed_once(rec, *operands) or Packed(rec, *operands)).step
    if len(rec.state_names) == 1:
        return lambda x, states: (packed(x, states[0]),)
    return lambda x, states: tuple(packed(x, states))
