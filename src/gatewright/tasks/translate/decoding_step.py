"""One step of a translator's decoder for many hypotheses at a time, with NumPy.

The numbers of a hypothesis have the same bits whatever the other hypotheses of a call are, and however many there are,
so that a sentence has the same translation alone and in any batch. Rows of the kernels are independent of each other.
A library's product of matrices may add in another order if it has another number of rows, so that products have a fixed
number of rows here (`products_in_blocks`), and each sentence has products of its own for the attention.
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

# Rows of a product. With more, a single sentence takes longer; with fewer, many sentences do, as weights are read more
# often. Here, 160 hypotheses take as long as with 32 rows, and 5 take half of the time.
_ROWS = 16
# Hypotheses of a sentence in a product of its attention.
_QUERIES = 8


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


def products_in_blocks(x: FloatArray, W: FloatArray) -> FloatArray:
    """Return x @ W, in products of `_ROWS` rows each, so that a row of the result depends on the same row of x alone.

    Args:
        x: [rows, features].
        W: [features, columns].
    """
    padded = np.zeros((-(-len(x) // _ROWS) * _ROWS, x.shape[1]), np.float32)
    padded[: len(x)] = x
    y = np.empty((len(padded), W.shape[1]), np.float32)
    for first in range(0, len(padded), _ROWS):
        np.matmul(padded[first : first + _ROWS], W, out=y[first : first + _ROWS])
    return y[: len(x)]


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
        # Products with a contiguous kernel are faster.
        self._softmax_kernel = np.ascontiguousarray(kernel.T) if decoder.tied else kernel

    def encode(self, ids: NDArray[np.int32]) -> Memory:
        """Return what the steps need of source sentences of equal length.

        Args:
            ids: Source ids [sentences, source steps], without padding.
        """
        outputs, _ = self._encoder.forward(NUMPY, self._encoder_weights, Activations(ids), None, None)
        H: FloatArray = outputs.x
        if self._decoder.attention == "none":
            return Memory(H, H[:, :, :0], outputs.states[-1][0])
        K = products_in_blocks(H.reshape(-1, H.shape[2]), self._w["key_kernel"])
        return Memory(H, K.reshape(*H.shape[:2], -1), outputs.states[-1][0])

    def start(self, memory: Memory) -> State:
        """Return the state before the first step, with one row for each sentence."""
        return State(np.tanh(products_in_blocks(memory.last, self._w["initial_kernel"]) + self._w["initial_bias"]))

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
        o = np.tanh(
            products_in_blocks(np.concatenate([h, c, e], axis=1), self._w["output_kernel"]) + self._w["output_bias"]
        )
        return self._log_probabilities(o), State(np.concatenate(after, axis=1)), a

    def rows_of(self, state: State, index: NDArray[np.integer[Any]]) -> State:
        """Return the rows of a state with these indices. An index may occur several times."""
        return State(state.states[index])

    def _attend(self, memory: Memory, h: FloatArray, beam: int) -> tuple[FloatArray, FloatArray]:
        """Return the contexts c, [rows, features], and the weights of the source steps, [rows, source steps]."""
        scores = self._scores(memory, h, beam)
        powers = np.exp(scores - scores.max(axis=3, keepdims=True))
        a = powers / powers.sum(axis=3, keepdims=True)
        return self._live(a @ memory.H[:, None], beam), self._live(a, beam)

    def _scores(self, memory: Memory, h: FloatArray, beam: int) -> FloatArray:
        """Return the scores of source steps, [sentences, blocks, `_QUERIES`, source steps]. Some rows are unused."""
        sentences, steps, _ = memory.H.shape
        places = -(-beam // _QUERIES) * _QUERIES
        if self._decoder.score == "additive":
            queries = products_in_blocks(h, self._w["query_kernel"]).reshape(sentences, beam, 1, -1)
            scores = np.zeros((sentences, places, steps), np.float32)
            scores[:, :beam] = (np.tanh(queries + memory.K[:, None]) * self._w["score"]).sum(axis=3)
            return scores.reshape(sentences, -1, _QUERIES, steps)
        padded = np.zeros((sentences, places, self._decoder.units), np.float32)
        padded[:, :beam] = h.reshape(sentences, beam, -1)
        products = padded.reshape(sentences, -1, _QUERIES, self._decoder.units) @ memory.K.transpose(0, 2, 1)[:, None]
        return np.asarray(products * np.float32(self._decoder.units**-0.5))

    @staticmethod
    def _live(blocks: FloatArray, beam: int) -> FloatArray:
        """Return the rows [sentences * beam, features] of the hypotheses in blocks of `_QUERIES`, without padding."""
        by_sentence = blocks.reshape(len(blocks), -1, blocks.shape[-1])[:, :beam]
        return np.ascontiguousarray(by_sentence).reshape(-1, blocks.shape[-1])

    def _log_probabilities(self, o: FloatArray) -> FloatArray:
        logits = products_in_blocks(o, self._softmax_kernel)
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
