"""The decoder after a given beginning of a translation, as the last layer of a network that is explained."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from gatewright.nn.backend import NUMPY
from gatewright.nn.layer import Activations, Array, Backend, Layer, Pullback, Rng, States, Weights
from gatewright.nn.layers import Embedding, Recurrent
from gatewright.nn.prefixes import select
from gatewright.ops import numpy as ops
from gatewright.ops.recurrence import Tokens
from gatewright.support.errors import InputError
from gatewright.support.ids import START
from gatewright.tasks.translate.layers import Decoder, Encoder, Source


@dataclass(frozen=True)
class ForcedDecoder(Layer):
    """The logits of the id that follows the beginning of a translation, [batch, vocabulary] (teacher forcing).

    Inputs are H, the outputs of the encoder's top layer, [batch, source steps, 2 * units], without padding. It runs
    with NumPy alone. The weights are those of the decoder, as returned by `bind`.

    Attributes:
        decoder: The decoder.
        before: The ids of the translation before the one that is explained, without START.
    """

    decoder: Decoder
    before: tuple[int, ...]
    kind: ClassVar[str] = "decoder"

    def width(self, features: int) -> int:
        return self.decoder.vocabulary

    def forward(
        self, backend: Backend, w: Weights, inputs: Activations, states: States | None, rng: Rng | None
    ) -> tuple[Activations, States]:
        o = _o(self.decoder, w, inputs.x, self.before, every=False)
        return inputs._replace(x=self.logits(w, o[:, 0]), mask=None), ()

    def all_logits(self, w: Weights, H: Array) -> Array:
        """Return the logits of each of the ids `before` and of the one after them, [batch, 1 + before, vocabulary]."""
        return self.logits(w, _o(self.decoder, w, H, self.before, every=True))

    def logits(self, w: Weights, o: Array) -> Array:
        """Return o E_y^T + b; see `Decoder`."""
        return o @ (w["table"].T if self.decoder.tied else w["softmax_kernel"]) + w["bias"]

    def vjp(self, w: Weights, inputs: Activations) -> tuple[Activations, Pullback]:
        if self.decoder.attention == "fed":
            raise InputError(
                "The decoder attends inside each step (attention fed), so that there are no integrated gradients and "
                "no gradients with respect to the states."
            )
        read = _Reading(self.decoder, w, inputs.x, self.before, every=False)

        def pullback(d: Array) -> Array:
            kernel = w["table"] if self.decoder.tied else w["softmax_kernel"].T
            return read.back(d @ kernel)

        return inputs._replace(x=self.logits(w, read.o[:, 0]), mask=None), pullback


def forced_network(
    encoder: Encoder, decoder: Decoder, weights: Sequence[Weights], before: tuple[int, ...]
) -> tuple[tuple[Layer, ...], tuple[Weights, ...]]:
    """Return a network of source ids, [batch, source steps], whose outputs are those of a `ForcedDecoder`.

    Args:
        encoder, decoder: The layers of a translator.
        weights: The weights of both, as returned by `bind`.
        before: See `ForcedDecoder`.
    """
    w, own = weights
    readers = encoder.recurrent_layers()
    layers = (
        Embedding(encoder.vocabulary, encoder.embedding),
        *(layer for _, layer, _ in readers),
        ForcedDecoder(decoder, before),
    )
    return layers, ({"table": w["table"]}, *(select(prefix, w) for prefix, _, _ in readers), own)


def _source(decoder: Decoder, w: Weights, H: Array) -> Source:
    K = H if decoder.attention == "none" else H @ w["key_kernel"]
    return Source(H, K, np.ones(H.shape[:2], bool))


def _first(decoder: Decoder, w: Weights, H: Array) -> list[States]:
    """Return the states of each recurrent layer of the decoder before the first step."""
    half = H.shape[2] // 2
    last = np.concatenate([H[:, -1, :half], H[:, 0, half:]], axis=1)
    return decoder.split_states(np.tanh(last @ w["initial_kernel"] + w["initial_bias"]))


def _ids(H: Array, before: Sequence[int]) -> Array:
    return np.repeat(np.array([[START, *before]], np.int32), len(H), axis=0)


def _o(decoder: Decoder, w: Weights, H: Array, before: Sequence[int], every: bool) -> Array:
    """Return o (see `Decoder`) after the last id, [batch, 1, embedding], or also after START and every other id."""
    if decoder.attention != "fed":
        return _Reading(decoder, w, H, before, every).o
    y = _ids(H, before)
    live, first = np.ones(y.shape, bool), _first(decoder, w, H)
    h, c = decoder.recurred(NUMPY, w, _source(decoder, w, H), first, Tokens(y, w["table"]), live, None)
    last = slice(0 if every else -1, None)
    read = [one[:, last] for one in (h, c, w["table"][y])]
    return np.tanh(np.concatenate(read, axis=2) @ w["output_kernel"] + w["output_bias"])


class _Reading:
    """A forward pass up to o, and the way back to H. The attention is not "fed".

    Args:
        decoder, w: The decoder and its weights.
        H: The outputs of the encoder, [batch, source steps, features].
        before, every: See `_o`.
    """

    def __init__(self, decoder: Decoder, w: Weights, H: Array, before: Sequence[int], every: bool) -> None:
        self._decoder, self._w, self._source = decoder, w, _source(decoder, w, H)
        self._first = _first(decoder, w, H)
        e = h = w["table"][_ids(H, before)]
        self._runs: list[ops.Run] = []
        self._attended: _Attended
        for place, (prefix, layer, _) in enumerate(decoder.recurrent_layers(H.shape[2])):
            if decoder.attention == "bottom" and place == 1:
                h = np.concatenate([h, self._attended.c], axis=2)
            self._runs.append(_run(layer, select(prefix, w), h, self._first[place]))
            h = self._runs[-1].sequence
            if decoder.attention == "bottom" and place == 0:
                self._attended = _Attended(decoder, w, self._source, h)
        if not every:
            h, e = h[:, -1:], e[:, -1:]
        if decoder.attention == "after":
            self._attended = _Attended(decoder, w, self._source, h)
        c = e[:, :, :0] if decoder.attention == "none" else self._attended.c[:, -h.shape[1] :]
        self.o = np.tanh(np.concatenate([h, c, e], axis=2) @ w["output_kernel"] + w["output_bias"])

    def back(self, d_o: Array) -> Array:
        """Return the gradient of a number with respect to H, given that with respect to the last o.

        The pass was made without `every`.

        Args:
            d_o: [batch, embedding].
        """
        decoder, w = self._decoder, self._w
        u, features = decoder.units, self._source.H.shape[2]
        d_read = d_o * (1 - self.o[:, 0] ** 2) @ w["output_kernel"].T
        d_H = np.zeros_like(self._source.H)
        d_h = np.zeros_like(self._runs[-1].sequence)
        d_h[:, -1] = d_read[:, :u]
        if decoder.attention == "after":
            d_query, d_H = self._attended.back(d_read[:, None, u : u + features])
            d_h[:, -1] += d_query[:, 0]
        d_first: list[Array] = []
        for place, run in reversed(list(enumerate(self._runs))):
            gradients = run.backward_to_inputs(d_h)
            d_first = [*gradients.states, *d_first]
            d_h = gradients.x
            if decoder.attention == "bottom" and place == 1:
                d_c = np.ascontiguousarray(d_h[:, :, u:])
                d_c[:, -1] += d_read[:, u : u + features]
                d_query, d_H = self._attended.back(d_c)
                d_h = d_h[:, :, :u] + d_query
        first = np.concatenate([state for states in self._first for state in states], axis=1)
        d_last = np.concatenate(d_first, axis=1) * (1 - first**2) @ w["initial_kernel"].T
        half = features // 2
        d_H[:, -1, :half] += d_last[:, :half]
        d_H[:, 0, half:] += d_last[:, half:]
        return d_H


class _Attended:
    """The contexts c = a H of queries h, and the way back.

    Args:
        decoder, w, source: See `Decoder.shares`.
        h: The queries, [batch, target steps, units].
    """

    def __init__(self, decoder: Decoder, w: Weights, source: Source, h: Array) -> None:
        self._decoder, self._w, self._source, self._h = decoder, w, source, h
        # One query after another, because additive scores have a vector for each pair of a query and a source step.
        steps = range(h.shape[1])
        self._a = np.concatenate([decoder.shares(NUMPY, w, source, h[:, t : t + 1]) for t in steps], axis=1)
        self.c = self._a @ source.H

    def back(self, d_c: Array) -> tuple[Array, Array]:
        """Return the gradients with respect to h and H, given that with respect to c, [batch, target steps, features].

        With d a_i / d s_j = a_i (1[i = j] - a_j) for the softmax of the scores s, and H read by the contexts and, as K
        = H W_k, by the scores.
        """
        w, (H, K, _), a = self._w, self._source, self._a
        d_a = d_c @ H.transpose(0, 2, 1)
        d_s = a * (d_a - (a * d_a).sum(axis=2, keepdims=True))
        if self._decoder.score == "dot":
            scale = np.asarray(self._decoder.units**-0.5, H.dtype)
            d_h, d_K = d_s @ K * scale, d_s.transpose(0, 2, 1) @ self._h * scale
        else:
            queries, d_h, d_K = self._h @ w["query_kernel"], np.empty_like(self._h), np.zeros_like(K)
            for t in range(queries.shape[1]):
                tanh = np.tanh(queries[:, t, None] + K)
                d_tanh = d_s[:, t, :, None] * (1 - tanh * tanh) * w["score"]
                d_h[:, t] = d_tanh.sum(axis=1) @ w["query_kernel"].T
                d_K += d_tanh
        return d_h, a.transpose(0, 2, 1) @ d_c + d_K @ w["key_kernel"].T


def _run(layer: Recurrent, w: Weights, x: Array, first: States) -> ops.Run:
    states = tuple(map(np.ascontiguousarray, first))
    return ops.forward(layer.directions()[0][1], x, *layer.operands(w), initial_state=states, keep=True)
