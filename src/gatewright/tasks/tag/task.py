"""Tag sentences: a tag for each word, and a label for each sentence where it has one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from gatewright.data import split
from gatewright.data.batches import Examples
from gatewright.nn.block import Block
from gatewright.nn.file import Model
from gatewright.nn.layers import Dropout, Recurrent
from gatewright.nn.library import NUMPY
from gatewright.results.measure import Measure
from gatewright.support.errors import InputError
from gatewright.support.ids import FIRST
from gatewright.tasks.base.task import Parts, Simple
from gatewright.tasks.tag.blocks import Answers, Tags, Truths, WordVectors
from gatewright.tasks.tag.measures import LABELS, SPANS, TOKENS, UNKNOWN_WORDS, are_spans, of_tags, shares_right
from gatewright.tasks.tag.reading import Tagged, read_tagged
from gatewright.tasks.tag.spelling import Spelling, pieces

# Of the splits alone: seeds of runs do not change which rows are which.
_SPLIT_SEED = 0
_TEST_SHARE = 0.2
_VALIDATION_SHARE = 0.1
# More tags than these are texts of their own.
_MOST_TAGS = 5_000
# A tag or label that was never seen is as good as impossible to the baseline.
_IMPOSSIBLE = -30.0


@dataclass
class Tag:
    """Sentences whose words have a tag each, and which may have a label.

    Padding never changes an answer. A sentence of more than `length` words is read in pieces, as equal as may be, each
    a row of its own; its label is that of the first. What the source has no part for is set aside from its training
    sentences, a fifth to test and a tenth of the rest to validate: whole sentences, stratified by their labels; where
    they have none, whole stretches of neighbours, which are mostly of one document.

    Attributes:
        source, column, validation, test: see `data.tagged.read_tagged`.
        vocabulary: ids of words, the four that are no words included.
        least: how often a word must occur in the training sentences to have an id.
        length: words that are read at once.
        letters: of a word that are read: see `data.spelling.Spelling`.
        letter_units, embedding: numbers that letters and the word give to its vector: see `tag_blocks.WordVectors`.
        layers: recurrent layers, one above the other.
        both: whether each walks in both directions.
        crf: whether the tags of a sentence are a chain: see `tag.crf`. Where it is None, `fit` sets it: where
            tags tell spans they are.
        pooling: how steps become the vector of which a sentence's label is told: see `blocks.Pool`.
        word_dropout, recurrent_dropout, zoneout: see `tag_blocks.WordVectors` and `blocks.Recurrent`.
        input_dropout: between the words' vectors and the first layer: see `blocks.Dropout`.
        output_dropout: between layers and below the outputs: see `blocks.Dropout`.
        limit: at most so many training sentences, and as many test sentences; None is all.
    """

    source: str
    column: str | None = None
    validation: str | None = None
    test: str | None = None
    vocabulary: int = 10_000
    least: int = 1
    length: int = 64
    letters: int = 16
    letter_units: int = 32
    embedding: int = 128
    layers: int = 1
    both: bool = True
    crf: bool | None = None
    pooling: str = "max"
    word_dropout: float = 0.1
    recurrent_dropout: float = 0.0
    zoneout: float = 0.0
    input_dropout: float = 0.0
    output_dropout: float = 0.0
    limit: int | None = None
    data: str = field(init=False, default="")
    _time: int | None = field(init=False, default=None)
    _mean_words: float = field(init=False, default=1.0)
    _spelling: Spelling | None = field(init=False, default=None)
    _tags: tuple[str, ...] = field(init=False, default=())
    _labels: tuple[str, ...] = field(init=False, default=())
    # Tags and labels that other parts have, and the training part has not: they can but be answered wrongly.
    _strange_tags: dict[str, int] = field(init=False, default_factory=dict)
    _strange_labels: dict[str, int] = field(init=False, default_factory=dict)

    name: ClassVar[str] = "tag"
    carried: ClassVar[bool] = False
    steps: ClassVar[tuple[int, int]] = (3_000, 6)
    unit: ClassVar[str] = "tokens"
    right: ClassVar[str] = "it gives more of the sentence's words the right tag"
    counted: ClassVar[str] = "mean share of a sentence's words with the right tag"

    @property
    def measures(self) -> tuple[Measure, ...]:
        """Figures of merit, the deciding one first; known when `fit` is done."""
        own = (SPANS, TOKENS, UNKNOWN_WORDS) if are_spans(self._tags) else (TOKENS, UNKNOWN_WORDS)
        return (*own, LABELS) if self._labels else own

    def read(self) -> Parts[Tagged]:
        """The sentences, split.

        Raises:
            InputError: the data can't be read, or is too short to be split.
        """
        source = read_tagged(self.source, self.column, self.validation, self.test)
        self.data = source.name
        notes = list(source.notes)
        train, validation, test = source.train, source.validation, source.test
        if test is None:
            train, test = self._hold_out(train, _TEST_SHARE)
            notes.append(f"{self.data} has no test part: {_TEST_SHARE:.0%} of its sentences were set aside as one.")
        if self.limit is not None:
            train, test = _sample(train, self.limit), _sample(test, self.limit)
            notes.append(
                f"A quick look: at most {self.limit:,} training sentences and as many test sentences were used."
            )
        if recurring := split.recurring(_texts(train), _texts(test)):
            notes.append(f"{recurring:,} of {len(train.words):,} training sentences occur in the test part too.")
        if validation is None:
            train, validation = self._hold_out(train, _VALIDATION_SHARE)
        parts = Parts(train, validation, test, tuple(notes))
        self._time = max(_longest(self.words(part)) for part in (train, validation, test))
        return parts

    def _hold_out(self, rows: Tagged, share: float) -> tuple[Tagged, Tagged]:
        if rows.labels is not None:
            kept, held = split.hold_out(rows.labels, share, _SPLIT_SEED)
        else:
            kept, held = split.hold_out_stretches([""] * len(rows.words), share, _SPLIT_SEED)
        if not len(held):
            raise InputError(
                f"{self.data} has too few sentences to set some aside, {len(rows.words)}: give it more, or name parts "
                "with --validation and --test."
            )
        return rows.take(kept.tolist()), rows.take(held.tolist())

    def fit(self, train: Tagged) -> None:
        """The tags and labels, in alphabetical order, and the spelling.

        Raises:
            InputError: there is nothing to tell apart, or a sentence's tags are no tags.
        """
        self._tags = tuple(sorted({tag for tags in train.tags for tag in tags}))
        self._labels = () if train.labels is None else tuple(sorted(set(train.labels)))
        if len(self._tags) < 2:
            raise InputError(
                f"{self.data} has one tag only, {self._tags[0]!r}: a tagger needs words of at least two, so name the "
                "column of the tags with --column."
            )
        if len(self._tags) > _MOST_TAGS:
            raise InputError(
                f"{self.data} has {len(self._tags):,} different tags, of which at most {_MOST_TAGS:,} can be "
                "learnt: name the column of the tags with --column."
            )
        if self.crf is None:
            self.crf = are_spans(self._tags)
        self._spelling = Spelling.fit(train.words, self.vocabulary, self.least, self.letters)
        self._mean_words = float(np.mean([len(words) for words in train.words]))

    def use(self, spelling: Spelling, tags: tuple[str, ...], labels: tuple[str, ...]) -> None:
        """Take what was fitted before, in the place of `fit`."""
        self._spelling, self._tags, self._labels = spelling, tags, labels

    def _pieces(self, rows: Tagged) -> tuple[list[list[str]], list[list[str]], list[str | None]]:
        """Words, tags and label of each row."""
        words, tags, labels = [], [], []
        for place, sentence in enumerate(rows.words):
            cuts = pieces(len(sentence), self.length)
            words += [sentence[first:last] for first, last in cuts]
            tags += [rows.tags[place][first:last] for first, last in cuts]
            labels += [None if rows.labels is None else rows.labels[place], *[None] * (len(cuts) - 1)]
        return words, tags, labels

    def words(self, rows: Tagged) -> list[list[str]]:
        """The words of each row."""
        return self._pieces(rows)[0]

    def encode(self, rows: Tagged, learning: bool = False) -> Examples:
        """Ids of words and letters [rows, time, 1 + letters], 0 on the left of a row of fewer words; and `Truths`."""
        assert self._spelling is not None
        words, tags, labels = self._pieces(rows)
        time = self._time or _longest(words)
        inputs = self._spelling.rows(words, time)
        numbers = {tag: place for place, tag in enumerate(self._tags, 1)}
        truths = np.zeros((len(words), time), np.int32)
        for row, own in zip(truths, tags, strict=True):
            row[time - len(own) :] = [_number(tag, numbers, self._strange_tags) for tag in own]
        known = {label: place for place, label in enumerate(self._labels, 1)}
        told = [0 if label is None or not known else _number(label, known, self._strange_labels) for label in labels]
        unknown = (truths > 0) & (inputs[:, :, 0] < FIRST)
        return Examples(inputs, Truths(truths, unknown, np.array(told, np.int32)).joined())

    def size(self, examples: Examples) -> int:
        """How many words there are."""
        return int((Truths.of(examples.targets).tags > 0).sum())

    def remarks(self, test: Examples) -> tuple[str, ...]:
        """How many words have no id, and how many have a tag, or sentences a label, that no training sentence has."""
        truths, words = Truths.of(test.targets), self.size(test)
        remarks = []
        if unknown := int(truths.unknown.sum()):
            remarks.append(f"{unknown:,} of the {words:,} test tokens ({unknown / words:.1%}) are unknown words.")
        if strange := int((truths.tags > len(self._tags)).sum()):
            remarks.append(f"{strange:,} of the {words:,} test tokens have a tag that no training sentence has: wrong.")
        if strange := int((truths.labels > len(self._labels)).sum()):
            remarks.append(f"{strange:,} test sentences have a label that no training sentence has: wrong.")
        return tuple(remarks)

    def counts(self, train: Examples) -> NDArray[np.float32]:
        """What each training row counts, [rows]: 1."""
        return np.ones(len(train.inputs), np.float32)

    def blocks(self, cell: str, units: int) -> list[Block]:
        """Words' vectors, recurrent layers that give every step, and the scores of tags and labels."""
        assert self._spelling is not None
        ids, letter_ids = self._spelling.ids, self._spelling.letter_ids
        blocks: list[Block] = [
            WordVectors(ids, self.embedding, letter_ids, self.letter_units, cell, self.word_dropout, self.zoneout),
        ]
        if self.input_dropout:
            blocks.append(Dropout(self.input_dropout))
        for _ in range(self.layers):
            blocks.append(Recurrent(cell, units, self.both, True, self.recurrent_dropout, zoneout=self.zoneout))
            if self.output_dropout:
                blocks.append(Dropout(self.output_dropout))
        return [*blocks, Tags(len(self._tags), len(self._labels), bool(self.crf), self.pooling)]

    def model(self, blocks: Sequence[Block], weights: Sequence[Any], training: dict[str, Any]) -> Model:
        """What a model file holds of a trained network."""
        assert self._spelling is not None
        arrays = tuple({name: np.asarray(array) for name, array in block.items()} for block in weights)
        answers = {"tags": list(self._tags), "labels": list(self._labels), "length": self.length}
        return Model(self.name, tuple(blocks), arrays, self._spelling.to_json(), answers, training)

    def losses(self, outputs: Any, targets: Any) -> Any:
        """-log p of a row's tags, over the mean number of words of a training sentence, and -log p of its label, in
        nats: words count alike wherever they stand, and tags together as much as the label."""
        import jax

        answers, truths = Answers.of(outputs, len(self._tags), len(self._labels)), Truths.of(targets)
        losses = answers.losses / self._mean_words
        if not self._labels:
            return losses
        own = (truths.labels - 1).clip(0, len(self._labels) - 1)[:, None]
        shares = jax.numpy.take_along_axis(jax.nn.log_softmax(answers.labels, axis=1), own, axis=1)[:, 0]
        return losses - jax.numpy.where(truths.labels > 0, shares, 0)

    def measure(self, outputs: NDArray[Any], targets: NDArray[Any]) -> dict[str, float]:
        """See `tag_measures.of_tags`."""
        names = [*self._tags, *self._strange_tags]
        answers = Answers.of(outputs, len(self._tags), len(self._labels))
        return of_tags(answers, Truths.of(targets), names, are_spans(self._tags))

    def merits(self, outputs: NDArray[Any], targets: NDArray[Any]) -> NDArray[np.float64]:
        """The share of each row's words with the right tag, [rows]."""
        return shares_right(Answers.of(outputs, len(self._tags), len(self._labels)), Truths.of(targets))

    def chance(self, train: Examples, test: Examples) -> Simple:
        """The commonest tag for each word, and the commonest label for each sentence."""
        description = "always the commonest tag" + (", and the commonest label" if self._labels else "")
        return Simple("chance", description, self.commonest(train.targets, test.targets))

    def commonest(self, of: NDArray[Any], targets: NDArray[Any]) -> NDArray[np.float32]:
        """Outputs for the rows of `targets` that are always the commonest tag and label of the rows of `of`."""
        seen, truths = Truths.of(of), Truths.of(targets)
        tag = int(np.bincount(seen.tags[seen.tags > 0], minlength=1 + len(self._tags))[: 1 + len(self._tags)].argmax())
        labels = np.bincount(seen.labels, minlength=1 + len(self._labels))[1 : 1 + len(self._labels)].astype(np.float64)
        return self._outputs(np.where(truths.tags > 0, max(tag, 1), 0), np.tile(labels, (len(targets), 1)))

    def _outputs(self, tags: NDArray[Any], labels: NDArray[Any]) -> NDArray[np.float32]:
        """Outputs that answer these tags, [rows, time] from 1, and have these logits of labels, [rows, labels]."""
        scores = np.where(tags[:, :, None] == np.arange(1, 1 + len(self._tags)), 0, np.float32(_IMPOSSIBLE))
        parts = Answers(scores, labels.astype(np.float32), np.zeros(len(tags), np.float32))
        outputs: NDArray[np.float32] = parts.joined(NUMPY)
        return outputs

    def baseline(self, parts: Parts[Tagged]) -> Simple:
        """Each word's most frequent tag; of labels, logistic regression on the words and pairs of words."""
        train = parts.train
        tag_of, otherwise = _most_frequent_tags(train)
        numbers = {tag: place for place, tag in enumerate(self._tags, 1)}
        words, _, labels = self._pieces(parts.test)
        time = self._time or _longest(words)
        tags = np.zeros((len(words), time), np.int32)
        for row, sentence in zip(tags, words, strict=True):
            row[time - len(sentence) :] = [numbers[tag_of.get(word, otherwise)] for word in sentence]
        logits = np.zeros((len(words), len(self._labels)))
        description = f"of a word that is not in the training part {otherwise}, as of most that occur once in it"
        if len(self._labels) > 1:
            fitted = self._regression(parts)
            # A row that has no label of its own is a later piece of a sentence, and is not asked.
            logits[[label is not None for label in labels]] = fitted.outputs
            description += (
                "; of labels NB-weighted logistic regression on words and pairs of words (Wang and Manning 2012), "
                f"C = {fitted.C:g} chosen on the validation part"
            )
        return Simple("each word's most frequent tag", description, self._outputs(tags, logits))

    def _regression(self, parts: Parts[Tagged]) -> Any:
        from gatewright.tasks.base.baselines import NBLogisticRegression, nb_logistic_regression

        own = {label: place for place, label in enumerate(self._labels)}
        train, validation = (
            np.array([own.get(label, len(own)) for label in rows.labels or ()])
            for rows in (parts.train, parts.validation)
        )
        texts = [_texts(rows) for rows in (parts.train, parts.validation, parts.test)]
        fitted = nb_logistic_regression(texts[0], train, texts[1], validation, texts[2], len(own))
        if len(own) > 2:
            return fitted
        # One logit is that of the second of two labels.
        logits = np.concatenate([np.zeros_like(fitted.outputs), fitted.outputs], axis=1)
        return NBLogisticRegression(logits, fitted.C)

    def decode(self, outputs: NDArray[Any]) -> Sequence[tuple[str, ...]]:
        """The tags of each row's steps; of steps without a word what stands there means nothing."""
        scores = Answers.of(outputs, len(self._tags), len(self._labels)).scores
        return [tuple(self._tags[number] for number in row) for row in scores.argmax(axis=2)]


def _number(name: str, known: dict[str, int], strange: dict[str, int]) -> int:
    """The number of a tag or label; those that are not known have theirs behind the known."""
    if name in known:
        return known[name]
    return strange.setdefault(name, 1 + len(known) + len(strange))


def _most_frequent_tags(rows: Tagged) -> tuple[dict[str, str], str]:
    """Each word's most frequent tag, and that of the words that occur once; among equals the first seen."""
    counts: dict[str, Counter[str]] = {}
    for words, tags in zip(rows.words, rows.tags, strict=True):
        for word, tag in zip(words, tags, strict=True):
            counts.setdefault(word, Counter())[tag] += 1
    once: Counter[str] = Counter()
    for own in counts.values():
        if own.total() == 1:
            once.update(own)
    if not once:
        for own in counts.values():
            once.update(own)
    return {word: _commonest(own) for word, own in counts.items()}, _commonest(once)


def _commonest(counts: Counter[str]) -> str:
    return max(counts, key=counts.__getitem__)


def _sample(rows: Tagged, limit: int) -> Tagged:
    labels = [""] * len(rows.words) if rows.labels is None else rows.labels
    return rows.take(split.sample(labels, limit, _SPLIT_SEED).tolist())


def _texts(rows: Tagged) -> list[str]:
    return [" ".join(words) for words in rows.words]


def _longest(sentences: Sequence[Sequence[str]]) -> int:
    return max((len(sentence) for sentence in sentences), default=1)
