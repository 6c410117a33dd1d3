"""The layers of a translator: a bidirectional encoder, and a decoder that attends to its outputs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gatewright.nn.layer import Activations, Array, Backend, Layer, Rng, States, Weights, as_array
from gatewright.nn.layers import CellName, Recurrent, dropout, glorot
from gatewright.nn.prefixes import add_prefix, select
from gatewright.ops import reference
from gatewright.ops.recurrence import Tokens
from gatewright.support.errors import require_one_of
from gatewright.support.ids import PADDING, START, UNKNOWN
from gatewright.support.schema import Fraction, Size, Text, Whole

ATTENTION = ("after", "bottom", "fed", "none")
"""The allowed values of `Decoder.attention`."""
SCORES = ("dot", "additive")
"""The allowed values of `Decoder.score`."""
_Depth = Annotated[int, Whole(1, 16)]


@dataclass(frozen=True)
class Encoder(Layer):
    """The encoder of a translator: bidirectional recurrent layers over the vectors of the source ids.

    Inputs are source ids [batch, source steps], in which 0 is padding. Outputs are H, [batch, source steps, 2 * units],
    the outputs of the top layer at all steps. `Activations.states` gets one more entry, a tuple with one array
    [batch, 2 * units]: the last outputs of both directions of the top layer.

    Attributes:
        vocabulary: Number of ids, including padding.
        embedding: Size of the vector of an id.
        cell: Name of the recurrent cell.
        units: Number of units of each direction.
        depth: Number of recurrent layers.
        embedding_dropout: Fraction of the features of the vectors dropped in training, the same at all steps of a
            sentence (variational dropout, Gal & Ghahramani 2016).
        word_dropout: Fraction of the ids that are replaced by that of unknown tokens in training.
        dropout: Fraction of the outputs of each recurrent layer dropped in training.
        recurrent_dropout, zoneout: See `nn.layers.Recurrent`.

    Raises:
        InputError: The cell is unknown, or has no recurrent kernel to drop out.
    """

    vocabulary: Size
    embedding: Size
    cell: CellName
    units: Size
    depth: _Depth = 1
    embedding_dropout: Fraction = 0.0
    word_dropout: Fraction = 0.0
    dropout: Fraction = 0.0
    recurrent_dropout: Fraction = 0.0
    zoneout: Fraction = 0.0
    kind: ClassVar[str] = "translation_encoder"

    def __post_init__(self) -> None:
        self.recurrent_layers()  # checks the cell

    def recurrent_layers(self) -> list[tuple[str, Recurrent, int]]:
        """Return the prefix of the weights, the layer and its number of input features, for each recurrent layer."""
        reader = Recurrent(
            self.cell, self.units, True, True, recurrent_dropout=self.recurrent_dropout, zoneout=self.zoneout
        )
        return [(f"{place}_", reader, 2 * self.units if place else self.embedding) for place in range(self.depth)]

    def width(self, features: int) -> int:
        return 2 * self.units

    def cells(self) -> tuple[str, ...]:
        return (self.cell,)

    def gru_resets(self) -> tuple[str, ...]:
        return self.recurrent_layers()[0][1].gru_resets()

    def shapes(self, features: int) -> dict[str, tuple[int, ...]]:
        shapes: dict[str, tuple[int, ...]] = {"table": (self.vocabulary, self.embedding)}
        for prefix, layer, inputs in self.recurrent_layers():
            shapes |= add_prefix(prefix, layer.shapes(inputs))
        return shapes

    def initial_weights(self, features: int, rng: np.random.Generator) -> dict[str, NDArray[np.float32]]:
        weights = {"table": _table((self.vocabulary, self.embedding), rng)}
        for prefix, layer, inputs in self.recurrent_layers():
            weights |= add_prefix(prefix, layer.initial_weights(inputs, rng))
        return weights

    def forward(
        self, backend: Backend, w: Weights, inputs: Activations, states: States | None, rng: Rng | None
    ) -> tuple[Activations, States]:
        ids, mask = inputs.x, inputs.x != PADDING
        x, _ = _embedded(backend, w["table"], ids, self.embedding_dropout, self.word_dropout, rng)
        last: States = ()
        for prefix, layer, _ in self.recurrent_layers():
            out, last = layer.forward(backend, select(prefix, w), Activations(x, mask), None, rng)
            x = dropout(backend, out.x, self.dropout, rng, out.x.shape)
        outputs = backend.xp.concatenate([last[0], last[len(last) // 2]], axis=1)
        return inputs._replace(x=x, mask=mask, states=(*inputs.states, (outputs,))), ()


class Source(NamedTuple):
    """The source sentences, as the decoder reads them.

    Attributes:
        H: The outputs of the encoder, [batch, source steps, features].
        K: The keys of the attention, H W_k, [batch, source steps, units].
        mask: Booleans [batch, source steps], False at padding.
    """

    H: Array
    K: Array
    mask: Array


@dataclass(frozen=True)
class Decoder(Layer):
    """The decoder of a translator. It reads the target, one step behind, and predicts the next id at each step.

    With x = H of the encoder, y the ids read so far (START before the first) and E_y the table of vectors:

        h_0 = tanh(W_i [h_fwd_last; h_bwd_last] + b_i)      for each layer; an LSTM has a c_0 of the same form
        h   = cell(E_y y; h_0)                              one kernel call over the whole target
        a   = softmax(h K^T / sqrt(units)),  K = H W_k      over the source steps without padding
        c   = a H
        o   = tanh(W_o [h; c; E_y y] + b_o)                 of the embedding's size
        p   = softmax(o E_y^T + b)

    The queries of all steps are known at once, so that the recurrence runs in the kernels. The four kinds of attention:

        after   as above: Luong et al. 2015, "Effective Approaches to Attention-based Neural Machine Translation",
                section 3.1, but c goes to the output alone, not into the next step
        bottom  one more layer at the bottom, whose outputs query; the layer above reads [h; c] (the second version of
                GNMT, after Wu et al. 2016, "Google's Neural Machine Translation System", section 3)
        fed     conditional GRU: s' = cell(E_y y; s_prev), c = attention(s'), s = cell_2(c; s') and h = s (Sennrich et
                al. 2017, "Nematus: a Toolkit for Neural Machine Translation", section 2), for any cell. It runs step by
                step outside the kernels.
        none    without c: the encoder's last outputs are all that the decoder knows of the source (Cho et al. 2014,
                Sutskever et al. 2014)

    Additive scores are v^T tanh(W_q h + U_k H) with K = H U_k (Bahdanau et al. 2015, "Neural Machine Translation by
    Jointly Learning to Align and Translate", appendix A.1.2).

    Targets are a dict whose "ids", [batch, target steps], end with START and are padded with 0 on the right. The output
    is {"losses": [batch, target steps]}: the cross-entropy of each id in nats, 0 at padding; without targets, zeros
    [batch, 1]. In training, label smoothing (Szegedy et al. 2016, "Rethinking the Inception Architecture", section 7)
    is part of the losses. With z the logits and j over all ids, it needs no second softmax:

        (1 - eps) CE + eps mean_j(-log p_j) = CE + eps (z_y - mean_j z_j),   mean_j z_j = o . mean(E_y) + mean(b)

    Attributes:
        vocabulary, embedding, cell, units, embedding_dropout, word_dropout, recurrent_dropout, zoneout: As in
            `Encoder`.
        attention: One of `ATTENTION`.
        score: One of `SCORES`.
        shared: True if E_y is the table of the encoder, which must be the first layer of the network.
        tied: True if the kernel of the softmax is E_y (Press & Wolf 2017), False if it has a kernel of its own.
        depth: Number of recurrent layers; "bottom" has one more.
        label_smoothing: eps, the part of the target distribution that is uniform in training.
        dropout: Fraction dropped in training of o and of what a recurrent layer passes to the next one.

    Raises:
        InputError: A name is unknown, or the cell has no recurrent kernel to drop out.
    """

    vocabulary: Size
    embedding: Size
    cell: CellName
    units: Size
    attention: Annotated[str, Text(choices=ATTENTION)] = "after"
    score: Annotated[str, Text(choices=SCORES)] = "dot"
    shared: bool = False
    tied: bool = True
    depth: _Depth = 1
    label_smoothing: Fraction = 0.0
    embedding_dropout: Fraction = 0.0
    word_dropout: Fraction = 0.0
    dropout: Fraction = 0.0
    recurrent_dropout: Fraction = 0.0
    zoneout: Fraction = 0.0
    kind: ClassVar[str] = "translation_decoder"

    def __post_init__(self) -> None:
        require_one_of("attention", self.attention, ATTENTION)
        require_one_of("score", self.score, SCORES)
        self.recurrent_layers(1)  # checks the cell

    def recurrent_layers(self, features: int) -> list[tuple[str, Recurrent, int]]:
        """Return the prefix of the weights, the layer and its number of input features, for each recurrent layer.

        Args:
            features: Number of features of H.
        """
        layer = Recurrent(
            self.cell,
            self.units,
            return_sequences=True,
            recurrent_dropout=self.recurrent_dropout,
            zoneout=self.zoneout,
        )
        widths = [self.embedding] + [self.units] * (self.depth - 1)
        if self.attention == "bottom":
            widths.insert(1, self.units + features)
        return [(f"{place}_", layer, width) for place, width in enumerate(widths)]

    def width(self, features: int) -> int:
        return self.vocabulary

    def cells(self) -> tuple[str, ...]:
        return (self.cell,)

    def gru_resets(self) -> tuple[str, ...]:
        return self.recurrent_layers(1)[0][1].gru_resets()

    def shapes(self, features: int) -> dict[str, tuple[int, ...]]:
        shapes: dict[str, tuple[int, ...]] = {} if self.shared else {"table": (self.vocabulary, self.embedding)}
        for prefix, layer, inputs in self._layers_with_weights(features):
            shapes |= add_prefix(prefix, layer.shapes(inputs))
        layers = self.recurrent_layers(features)
        states = len(layers) * len(layers[0][1].directions()[0][1].state_names) * self.units
        shapes |= {"initial_kernel": (features, states), "initial_bias": (states,)}
        if self.attention != "none":
            shapes["key_kernel"] = (features, self.units)
            if self.score == "additive":
                shapes |= {"query_kernel": (self.units, self.units), "score": (self.units,)}
        read = self.units + self.embedding + (0 if self.attention == "none" else features)
        shapes |= {"output_kernel": (read, self.embedding), "output_bias": (self.embedding,)}
        if not self.tied:
            shapes["softmax_kernel"] = (self.embedding, self.vocabulary)
        return {**shapes, "bias": (self.vocabulary,)}

    def initial_weights(self, features: int, rng: np.random.Generator) -> dict[str, NDArray[np.float32]]:
        weights: dict[str, NDArray[np.float32]] = {}
        for prefix, layer, inputs in self._layers_with_weights(features):
            weights |= add_prefix(prefix, layer.initial_weights(inputs, rng))
        others = {name: shape for name, shape in self.shapes(features).items() if name not in weights}
        for name, shape in others.items():
            if name == "table":
                weights[name] = _table((self.vocabulary, self.embedding), rng)
            elif name == "score":
                weights[name] = glorot((self.units, 1), rng)[:, 0]
            else:
                weights[name] = glorot((shape[0], shape[1]), rng) if len(shape) == 2 else np.zeros(shape, np.float32)
        return weights

    def _layers_with_weights(self, features: int) -> list[tuple[str, Recurrent, int]]:
        layers = self.recurrent_layers(features)
        return [*layers, ("fed_", layers[0][1], features)] if self.attention == "fed" else layers

    def bind(self, w: Weights, layers: Sequence[Layer], weights: Sequence[Weights]) -> Weights:
        return {**w, "table": weights[0]["table"]} if self.shared else w

    def forward(
        self, backend: Backend, w: Weights, inputs: Activations, states: States | None, rng: Rng | None
    ) -> tuple[Activations, States]:
        xp, H = backend.xp, inputs.x
        if inputs.targets is None:
            return inputs._replace(x={"losses": xp.zeros_like(H[:, :1, 0])}, mask=None), ()
        y = inputs.targets["ids"]
        live = y != PADDING
        read = xp.concatenate([xp.full_like(y[:, :1], START), y[:, :-1]], axis=1)
        x, e = _embedded(backend, w["table"], read, self.embedding_dropout, self.word_dropout, rng)
        source = Source(H, H if self.attention == "none" else H @ w["key_kernel"], inputs.mask)
        first = self.split_states(xp.tanh(inputs.states[-1][0] @ w["initial_kernel"] + w["initial_bias"]))
        h, c = self.recurred(backend, w, source, first, x, live, rng)
        o = xp.tanh(xp.concatenate([h, c, e], axis=2) @ w["output_kernel"] + w["output_bias"])
        o = dropout(backend, o, self.dropout, rng, o.shape)
        return inputs._replace(x={"losses": self._losses(backend, w, o, y, live, rng)}, mask=None), ()

    def split_states(self, states: Array) -> list[States]:
        """Return the states of each recurrent layer, given all of them side by side, [batch, states * units]."""
        arrays = [states[:, first : first + self.units] for first in range(0, states.shape[1], self.units)]
        count = len(arrays) // len(self.recurrent_layers(1))
        return [tuple(arrays[first : first + count]) for first in range(0, len(arrays), count)]

    def recurred(
        self,
        backend: Backend,
        w: Weights,
        source: Source,
        first: list[States],
        x: Array | Tokens,
        live: Array,
        rng: Rng | None,
    ) -> tuple[Array, Array]:
        """Return the outputs h of the top layer, and the contexts c, without features for the attention "none".

        Args:
            backend, w, rng: As in `forward`.
            source: The source sentences.
            first: The first states of each layer.
            x: E_y y, [batch, target steps, embedding].
            live: Booleans [batch, target steps], False at padding.
        """
        h: Any = x
        c: Any = None
        for place, (prefix, layer, _) in enumerate(self.recurrent_layers(source.H.shape[-1])):
            if place:
                h = dropout(backend, h, self.dropout, rng, h.shape)
            if self.attention == "bottom" and place == 1:
                h = backend.xp.concatenate([h, c], axis=2)
            if self.attention == "fed" and place == 0:
                h, c = self._fed(backend, w, source, first[0], x, rng)
                continue
            out, _ = layer.forward(backend, select(prefix, w), Activations(h, live), first[place], rng)
            h = out.x
            if self.attention == "bottom" and place == 0:
                c = self._attend(backend, w, source, h)
        if self.attention == "after":
            c = self._attend(backend, w, source, h)
        elif self.attention == "none":
            c = h[:, :, :0]
        return h, c

    def _attend(self, backend: Backend, w: Weights, source: Source, h: Array) -> Array:
        """Return the contexts c, [batch, target steps, features], of the queries h, [batch, target steps, units]."""
        return self.shares(backend, w, source, h) @ source.H

    def shares(self, backend: Backend, w: Weights, source: Source, h: Array) -> Array:
        """Return the weights a of the source steps for the queries h, [batch, target steps, source steps]."""
        xp = backend.xp
        if self.score == "dot":
            scores = h @ source.K.transpose(0, 2, 1) * self.units**-0.5
        else:
            queries = h @ w["query_kernel"]
            scores = xp.tanh(queries[:, :, None] + source.K[:, None]) @ w["score"]
        scores = xp.where(source.mask[:, None], scores, xp.finfo(scores.dtype).min)
        powers = xp.exp(scores - backend.stop_gradient(scores.max(axis=2, keepdims=True)))  # 0 at padding
        return powers / powers.sum(axis=2, keepdims=True)

    def _fed(
        self, backend: Backend, w: Weights, source: Source, first: States, x: Array | Tokens, rng: Rng | None
    ) -> tuple[Array, Array]:
        """Return the outputs h and the contexts c of the conditional recurrence; see `recurred`."""
        xp, e = backend.xp, as_array(x)
        batch, steps, _ = e.shape
        layer = self.recurrent_layers(1)[0][1]
        rec, xs = layer.directions()[0][1], [xp.moveaxis(e, 1, 0)]
        weights = [layer.operands(select(prefix, w)) for prefix in ("0_", "fed_")]
        dropped: list[Array | None] = [None, None]
        if rng is not None and self.recurrent_dropout:
            ones = xp.ones((1, batch, self.units), e.dtype)
            dropped = [dropout(backend, ones, self.recurrent_dropout, rng, ones.shape) for _ in weights]
        if rng is not None and self.zoneout:
            xs.append(~rng.keep(self.zoneout, (steps, 2, batch, len(first), self.units)))

        def step(states: States, inputs: tuple[Array, ...]) -> tuple[States, Array]:
            x, held = inputs[0], inputs[1] if len(inputs) > 1 else (None, None)
            states, _ = reference.step(rec, x, states, *weights[0], None, dropped[0], xp, held[0])
            c = self._attend(backend, w, source, states[0][:, None])[:, 0]
            states, _ = reference.step(rec, c, states, *weights[1], None, dropped[1], xp, held[1])
            return states, xp.concatenate([states[0], c], axis=1)

        _, outputs = backend.scan(step, first, tuple(xs))
        outputs = xp.moveaxis(outputs, 0, 1)
        return outputs[:, :, : self.units], outputs[:, :, self.units :]

    def _losses(self, backend: Backend, w: Weights, o: Array, y: Array, live: Array, rng: Rng | None) -> Array:
        """Return the losses of the ids y, [batch, target steps], given the outputs o; see the class."""
        kernel, ids = w["table" if self.tied else "softmax_kernel"], y.reshape(-1)
        rows = o.reshape(-1, self.embedding)
        losses = backend.losses(rows, kernel, w["bias"], ids, live.reshape(-1), self.tied).reshape(y.shape)
        if rng is None or not self.label_smoothing:
            return losses
        own = kernel[y] if self.tied else kernel.T[y]
        z_y = (o * own).sum(axis=2) + w["bias"][y]
        mean_z = o @ kernel.mean(axis=0 if self.tied else 1) + w["bias"].mean()
        return losses + self.label_smoothing * backend.xp.where(live, z_y - mean_z, 0)


def _table(shape: tuple[int, int], rng: np.random.Generator) -> NDArray[np.float32]:
    """Return random vectors of ids, with numbers from N(0, 1 / size).

    The vectors then have a norm of about 1. With them as the kernel of the softmax, logits have a variance of at most
    1, as with Glorot's distribution of a kernel with many more features than ids.
    """
    return np.asarray(rng.standard_normal(shape) * shape[1] ** -0.5, np.float32)


def _embedded(
    backend: Backend, table: Array, ids: Array, rate: float, word_rate: float, rng: Rng | None
) -> tuple[Array | Tokens, Array]:
    """Return the vectors of ids with dropout: for a recurrence, `Tokens` if possible, and as an array.

    Args:
        backend, rng: As in `Layer.forward`.
        table: The vectors, [vocabulary, embedding].
        ids: The ids, [batch, steps].
        rate: Fraction of the features that are dropped, the same at all steps.
        word_rate: Fraction of the ids, except START and padding, that are replaced by that of unknown tokens.
    """
    if rng is not None and word_rate:
        ids = backend.xp.where(rng.keep(word_rate, ids.shape) | (ids <= START), ids, UNKNOWN)
    e = dropout(backend, table[ids], rate, rng, (len(ids), 1, table.shape[1]))
    return (e if rng is not None and rate else Tokens(ids, table)), e
