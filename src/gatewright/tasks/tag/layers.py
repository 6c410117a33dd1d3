"""The layers of a tagger: word vectors from ids and characters, and the scores of tags and labels."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from gatewright.nn.layer import Activations, Array, Backend, Layer, Rng, States, Weights
from gatewright.nn.layers import CellName, Dense, Embedding, Pool, PoolMethod, Recurrent
from gatewright.nn.prefixes import add_prefix, select
from gatewright.support.ids import PADDING, START, UNKNOWN
from gatewright.support.schema import Count, Fraction, Size
from gatewright.tasks.tag import crf
from gatewright.tasks.tag.crf import Chain

_CHAIN = ("transitions", "first", "last")


@dataclass(frozen=True)
class WordCharEmbedding(Layer):
    """Return a vector for each word: its embedding, and the last states of a recurrent layer over its characters.

    The recurrent layer is bidirectional: Ling et al. 2015, "Finding Function in Form: Compositional Character Models
    for Open Vocabulary Word Representation", section 3; Lample et al. 2016, "Neural Architectures for Named Entity
    Recognition", section 4.1.

    The inputs are a dict: `words` are word ids, [batch, time], and `chars` are the ids of the characters of each word,
    [batch, time, characters]; 0 is padding. The outputs are [batch, time, units + 2 * char_units].

    Attributes:
        vocabulary: Number of word ids.
        units: Size of a word's embedding.
        char_vocabulary: Number of character ids.
        char_units: Size of a character's embedding, and number of units of the recurrent layer in each direction.
        cell: Name of the recurrent cell.
        word_dropout: Fraction of the words whose id is replaced by that of unknown words in a training step. Their
            characters are kept.
        zoneout: Zoneout of the recurrent layer; see `Recurrent`.

    Raises:
        InputError: `cell` is unknown.
    """

    vocabulary: Size
    units: Size
    char_vocabulary: Size
    char_units: Size
    cell: CellName
    word_dropout: Fraction = 0.0
    zoneout: Fraction = 0.0
    kind: ClassVar[str] = "word_char_embedding"
    stepwise: ClassVar[bool] = True

    def __post_init__(self) -> None:
        self._char_layers()  # checks the cell

    def _char_layers(self) -> tuple[Embedding, Recurrent]:
        reader = Recurrent(self.cell, self.char_units, bidirectional=True, zoneout=self.zoneout)
        return Embedding(self.char_vocabulary, self.char_units), reader

    def width(self, features: int) -> int:
        return self.units + 2 * self.char_units

    def cells(self) -> tuple[str, ...]:
        return (self.cell,)

    def shapes(self, features: int) -> dict[str, tuple[int, ...]]:
        table, reader = self._char_layers()
        chars = {**table.shapes(1), **reader.shapes(self.char_units)}
        return {"table": (self.vocabulary, self.units), **add_prefix("chars_", chars)}

    def initial_weights(self, features: int, rng: np.random.Generator) -> dict[str, NDArray[np.float32]]:
        table, reader = self._char_layers()
        words = Embedding(self.vocabulary, self.units).initial_weights(1, rng)
        chars = {**table.initial_weights(1, rng), **reader.initial_weights(self.char_units, rng)}
        return {**words, **add_prefix("chars_", chars)}

    def forward(
        self, backend: Backend, w: Weights, inputs: Activations, states: States | None, rng: Rng | None
    ) -> tuple[Activations, States]:
        ids, chars = inputs.x["words"], inputs.x["chars"]
        mask = ids != PADDING
        if rng is not None and self.word_dropout:
            kept = rng.keep(self.word_dropout, ids.shape) | (ids <= START)
            ids = backend.xp.where(kept, ids, UNKNOWN)
        table, reader = self._char_layers()
        own = select("chars_", w)
        spelled, _ = table.forward(backend, own, Activations(chars.reshape(-1, chars.shape[2])), None, None)
        spelled, _ = reader.forward(backend, own, spelled, None, rng)
        x = backend.xp.concatenate([w["table"][ids], spelled.x.reshape(*ids.shape, -1)], axis=2)
        return inputs._replace(x=x, mask=mask), ()


@dataclass(frozen=True)
class Tags(Layer):
    """Return the score of each tag at each step, and the logit of each label of the sentence.

    Targets are a dict: `tags`, [batch, time], are tag numbers, which start at 1, and 0 at padded steps. A number above
    the number of tags stands for a tag that is not in the training set; the loss treats it as the last tag. The outputs
    are a dict:

        scores  log probabilities [batch, time, tags], 0 at padded steps; the tag with the best score is predicted
        labels  logits of the sentence's label, [batch, labels]
        losses  -log p of the whole tag sequence of each sentence, in nats, [batch]; 0 without targets

    Attributes:
        tags: Number of tags.
        labels: Number of labels of sentences; 0 if sentences have no labels.
        crf: True if the tags of a sentence are scored together by a linear-chain CRF; see `gatewright.tasks.tag.crf`.
            Otherwise, there is a softmax at each step.
        pooling: Method that combines the outputs of all steps into the vector from which the label is predicted; see
            `Pool`.

    Raises:
        InputError: `pooling` is unknown.
    """

    tags: Size
    labels: Count = 0
    crf: bool = False
    pooling: PoolMethod = "max"
    kind: ClassVar[str] = "tags"

    def __post_init__(self) -> None:
        Pool(self.pooling)  # checks the pooling method

    def width(self, features: int) -> int:
        return self.tags

    def shapes(self, features: int) -> dict[str, tuple[int, ...]]:
        shapes = Dense(self.tags).shapes(features)
        if self.crf:
            shapes |= {"transitions": (self.tags, self.tags), "first": (self.tags,), "last": (self.tags,)}
        if self.labels:
            shapes |= add_prefix("pool_", Pool(self.pooling).shapes(features))
            shapes |= add_prefix("label_", Dense(self.labels).shapes(features))
        return shapes

    def initial_weights(self, features: int, rng: np.random.Generator) -> dict[str, NDArray[np.float32]]:
        weights = Dense(self.tags).initial_weights(features, rng)
        if self.crf:
            weights |= {name: np.zeros(self.shapes(features)[name], np.float32) for name in _CHAIN}
        if self.labels:
            weights |= add_prefix("pool_", Pool(self.pooling).initial_weights(features, rng))
            weights |= add_prefix("label_", Dense(self.labels).initial_weights(features, rng))
        return weights

    def forward(
        self, backend: Backend, w: Weights, inputs: Activations, states: States | None, rng: Rng | None
    ) -> tuple[Activations, States]:
        xp = backend.xp
        mask = xp.ones(inputs.x.shape[:2], bool) if inputs.mask is None else inputs.mask
        P = inputs.x @ w["kernel"] + w["bias"]
        y = None if inputs.targets is None else (inputs.targets["tags"] - 1).clip(0, self.tags - 1)
        scores, losses = (self._chain if self.crf else self._softmax)(backend, w, P, mask, y)
        labels = xp.zeros((P.shape[0], 0), P.dtype)
        if self.labels:
            pooled, _ = Pool(self.pooling).forward(backend, select("pool_", w), Activations(inputs.x, mask), None, None)
            labels = pooled.x @ w["label_kernel"] + w["label_bias"]
        # The losses alone are minimized, so the scores need no gradient.
        outputs = {"scores": backend.stop_gradient(scores), "labels": labels, "losses": losses}
        return inputs._replace(x=outputs, mask=None), ()

    def _softmax(self, backend: Backend, w: Weights, P: Array, mask: Array, y: Array | None) -> tuple[Array, Array]:
        """Return the scores, [batch, time, tags], and the losses, [batch], with a softmax at each step."""
        xp = backend.xp
        shifted = P - backend.stop_gradient(P.max(axis=2, keepdims=True))
        scores = xp.where(mask[:, :, None], shifted - xp.log(xp.exp(shifted).sum(axis=2, keepdims=True)), 0)
        if y is None:
            return scores, xp.zeros_like(P[:, 0, 0])
        return scores, -xp.take_along_axis(scores, y[:, :, None], axis=2)[:, :, 0].sum(axis=1)

    def _chain(self, backend: Backend, w: Weights, P: Array, mask: Array, y: Array | None) -> tuple[Array, Array]:
        """Return the scores, [batch, time, tags], and the losses, [batch], with a linear-chain CRF."""
        chain = Chain(P, mask, *(w[name] for name in _CHAIN))
        scores = crf.max_marginals(backend, chain)
        return scores, backend.xp.zeros_like(P[:, 0, 0]) if y is None else -crf.log_likelihood(backend, chain, y)
