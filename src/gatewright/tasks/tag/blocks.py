"""The blocks of a tagger: words with their spelling as vectors, and the scores of tags and of a sentence's label."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gatewright.nn.block import Array, Block, Library, Noise, States, Step, Steps, Weights
from gatewright.nn.layers import POOLS, Dense, Dropout, Embedding, Pool, Recurrent
from gatewright.ops.cells import CELLS
from gatewright.support.errors import InputError
from gatewright.support.ids import PADDING, START, UNKNOWN
from gatewright.tasks.tag import crf
from gatewright.tasks.tag.crf import Chain


class Answers(NamedTuple):
    """What a tagger's outputs are made of.

    Attributes:
        scores: log probabilities [rows, time, tags], 0 where there is no word; the best at each step is the answer.
        labels: logits of the sentence's label, [rows, labels].
        losses: -log p of the tags that were asked about, of each row together, in nats, [rows]; 0 if none were.
    """

    scores: Array
    labels: Array
    losses: Array

    @classmethod
    def of(cls, outputs: Array, tags: int, labels: int) -> Answers:
        """The parts of outputs [rows, time * tags + labels + 1]."""
        scores, rest = outputs[:, : -1 - labels], outputs[:, outputs.shape[1] - 1 - labels :]
        return cls(scores.reshape(len(outputs), -1, tags), rest[:, :labels], rest[:, labels])

    def joined(self, lib: Library) -> Array:
        """The outputs; tags are learnt by the losses alone, so no gradient flows through the scores."""
        scores = lib.constant(self.scores).reshape(self.scores.shape[0], -1)
        return lib.xp.concatenate([scores, self.labels, self.losses[:, None]], axis=1)


class Truths(NamedTuple):
    """What a tagger's targets are made of.

    Attributes:
        tags: numbers of tags [rows, time], from 1; 0 where there is no word.
        unknown: whether words have no id, [rows, time].
        labels: numbers of the sentences' labels [rows], from 1; 0 where there is none to be told.
    """

    tags: Array
    unknown: Array
    labels: Array

    @classmethod
    def of(cls, targets: Array) -> Truths:
        """The parts of targets [rows, 2 * time + 1]."""
        time = targets.shape[1] // 2
        return cls(targets[:, :time], targets[:, time:-1] > 0, targets[:, -1])

    def joined(self) -> NDArray[np.int32]:
        """The targets."""
        return np.concatenate([self.tags, self.unknown, self.labels[:, None]], axis=1).astype(np.int32)


@dataclass(frozen=True)
class WordVectors:
    """A vector of each word: of its id, and beside it one that a recurrent network of both directions makes of its
    letters: Ling et al. 2015, "Finding Function in Form", section 3; Lample et al. 2016, "Neural Architectures for
    Named Entity Recognition", section 4.1.

    Ids of words and letters come in, [batch, time, 1 + letters of a word], 0 is padding; vectors [batch, time, units +
    2 * letter_units] come out.

    Attributes:
        vocabulary, units: ids of words, and numbers for each.
        letters, letter_units: ids of letters; numbers for each, and units of either direction.
        cell: of the network of letters.
        word_dropout: share of the words that are unknown to a training step, but for their letters: see
            `blocks.Embedding`.
        zoneout: of the network of letters: see `blocks.Recurrent`.
    """

    vocabulary: int
    units: int
    letters: int
    letter_units: int
    cell: str
    word_dropout: float = 0.0
    zoneout: float = 0.0
    kind: ClassVar[str] = "word_vectors"

    def __post_init__(self) -> None:
        Recurrent(self.cell, self.letter_units, zoneout=self.zoneout)  # refuses a rate that is out of range

    @property
    def _of_letters(self) -> tuple[Embedding, Recurrent]:
        reader = Recurrent(self.cell, self.letter_units, both=True, zoneout=self.zoneout)
        return Embedding(self.letters, self.letter_units), reader

    def width(self, features: int) -> int:
        return self.units + 2 * self.letter_units

    def shapes(self, features: int) -> dict[str, tuple[int, ...]]:
        table, reader = self._of_letters
        inner = {**table.shapes(1), **reader.shapes(self.letter_units)}
        return {"table": (self.vocabulary, self.units), **_prefixed("letters_", inner)}

    def start(self, features: int, seeds: np.random.Generator) -> dict[str, NDArray[np.float32]]:
        table, reader = self._of_letters
        words = Embedding(self.vocabulary, self.units).start(1, seeds)
        inner = {**table.start(1, seeds), **reader.start(self.letter_units, seeds)}
        return {**words, **_prefixed("letters_", inner)}

    def forward(
        self, lib: Library, w: Weights, steps: Steps, states: States | None, noise: Noise | None
    ) -> tuple[Steps, States]:
        ids, letters = steps.x[..., 0], steps.x[..., 1:]
        live = ids != PADDING
        if noise is not None and self.word_dropout:
            seen = noise.keep(self.word_dropout, ids.shape) | (ids <= START)
            ids = lib.xp.where(seen, ids, UNKNOWN)
        table, reader = self._of_letters
        inner = _without("letters_", w)
        spelled, _ = table.forward(lib, inner, Steps(letters.reshape(-1, letters.shape[2])), None, None)
        spelled, _ = reader.forward(lib, inner, spelled, None, noise)  # for its zoneout
        beside = spelled.x.reshape(*ids.shape, -1)
        return steps._replace(x=lib.xp.concatenate([w["table"][ids], beside], axis=2), live=live), ()

    def stepper(self, w: Weights) -> tuple[States, Step]:
        raise InputError("a tagger needs the whole sentence: it can't be stepped.")


@dataclass(frozen=True)
class Tags:
    """Scores of each tag at each step, and of each label of the sentence: see `Answers`.

    `Steps.targets` are those of `Truths`; a tag or label that has no number here counts as the last.

    Attributes:
        tags: how many there are.
        labels: of sentences, how many there are; 0 is none.
        crf: the tags of a sentence are a chain: see `gatewright.tasks.tag.crf`. Else each stands alone, by a softmax.
        pooling: how the steps become the one vector of which the label is told: see `blocks.Pool`.
    """

    tags: int
    labels: int = 0
    crf: bool = False
    pooling: str = "max"
    kind: ClassVar[str] = "tags"

    def width(self, features: int) -> int:
        return self.tags

    def shapes(self, features: int) -> dict[str, tuple[int, ...]]:
        shapes = Dense(self.tags).shapes(features)
        if self.crf:
            shapes |= {"transitions": (self.tags, self.tags), "first": (self.tags,), "last": (self.tags,)}
        if self.labels:
            shapes |= _prefixed("pool_", Pool(self.pooling).shapes(features))
            shapes |= _prefixed("label_", Dense(self.labels).shapes(features))
        return shapes

    def start(self, features: int, seeds: np.random.Generator) -> dict[str, NDArray[np.float32]]:
        drawn = Dense(self.tags).start(features, seeds)
        if self.crf:
            drawn |= {name: np.zeros(self.shapes(features)[name], np.float32) for name in _CHAIN}
        if self.labels:
            drawn |= _prefixed("pool_", Pool(self.pooling).start(features, seeds))
            drawn |= _prefixed("label_", Dense(self.labels).start(features, seeds))
        return drawn

    def forward(
        self, lib: Library, w: Weights, steps: Steps, states: States | None, noise: Noise | None
    ) -> tuple[Steps, States]:
        xp = lib.xp
        live = xp.ones(steps.x.shape[:2], bool) if steps.live is None else steps.live
        P = steps.x @ w["kernel"] + w["bias"]
        y = None
        if steps.targets is not None:
            y = (Truths.of(steps.targets).tags - 1).clip(0, self.tags - 1)
        scores, losses = (self._chained if self.crf else self._alone)(lib, w, P, live, y)
        labels = xp.zeros((P.shape[0], 0), P.dtype)
        if self.labels:
            pooled, _ = Pool(self.pooling).forward(lib, _without("pool_", w), Steps(steps.x, live), None, None)
            labels = pooled.x @ w["label_kernel"] + w["label_bias"]
        return steps._replace(x=Answers(scores, labels, losses).joined(lib), live=None, targets=None), ()

    def _alone(self, lib: Library, w: Weights, P: Array, live: Array, y: Array | None) -> tuple[Array, Array]:
        """Scores and losses by a softmax at each step."""
        xp = lib.xp
        shifted = P - lib.constant(P.max(axis=2, keepdims=True))
        scores = xp.where(live[:, :, None], shifted - xp.log(xp.exp(shifted).sum(axis=2, keepdims=True)), 0)
        if y is None:
            return scores, xp.zeros_like(P[:, 0, 0])
        return scores, -xp.take_along_axis(scores, y[:, :, None], axis=2)[:, :, 0].sum(axis=1)

    def _chained(self, lib: Library, w: Weights, P: Array, live: Array, y: Array | None) -> tuple[Array, Array]:
        """Likewise by a chain."""
        chain = Chain(P, live, *(w[name] for name in _CHAIN))
        scores = crf.max_marginals(lib, chain)
        return scores, lib.xp.zeros_like(P[:, 0, 0]) if y is None else -crf.log_likelihood(lib, chain, y)

    def stepper(self, w: Weights) -> tuple[States, Step]:
        raise InputError("a tagger needs the whole sentence: it can't be stepped.")


_CHAIN = ("transitions", "first", "last")

KINDS: dict[str, type[Any]] = {block.kind: block for block in (WordVectors, Tags)}
"""The blocks by the names that a model file has for them."""


def make_a_tagger(blocks: Sequence[Block]) -> bool:
    """Whether words come in first, recurrent layers read them and give every step, and tags end it; dropout may stand
    between any two."""
    first, last, between = blocks[0], blocks[-1], blocks[1:-1]
    if not isinstance(first, WordVectors) or not isinstance(last, Tags):
        return False
    layers = [block for block in between if isinstance(block, Recurrent)]
    fits = bool(layers) and all(block.steps for block in layers)
    fits = fits and all(isinstance(block, Recurrent | Dropout) for block in between)
    sizes = first.letters, first.letter_units, last.tags
    return fits and first.cell in CELLS and last.pooling in POOLS and 0 not in sizes


def _prefixed(prefix: str, named: Mapping[str, Any]) -> dict[str, Any]:
    return {prefix + name: value for name, value in named.items()}


def _without(prefix: str, named: Mapping[str, Any]) -> dict[str, Any]:
    return {name.removeprefix(prefix): value for name, value in named.items() if name.startswith(prefix)}
