"""Tagging: predict a tag for each word, and a label for each sentence if the sentences of the data have labels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from gatewright.data import split
from gatewright.data.batches import Batch
from gatewright.data.widths import last_steps
from gatewright.nn.layer import Layer
from gatewright.nn.layers import Dropout
from gatewright.results.measure import Measure
from gatewright.support.errors import InputError
from gatewright.support.ids import FIRST
from gatewright.support.schema import Items, Name, Parsed, Size, Text, read_as
from gatewright.support.trees import tree_map
from gatewright.tasks.base.splitting import SPLIT_SEED, TEST_FRACTION, VALIDATION_FRACTION, held_out_note, limit_note
from gatewright.tasks.base.stack import recurrent_stack
from gatewright.tasks.base.task import FittedBaseline, Length, Prepared, Splits, Task
from gatewright.tasks.tag.baseline import fit_baseline
from gatewright.tasks.tag.layers import Tags, WordCharEmbedding
from gatewright.tasks.tag.measures import LABELS, LOSS, SPANS, TOKENS, UNKNOWN_WORDS, fractions_right, of_tags
from gatewright.tasks.tag.reading import read_tagged
from gatewright.tasks.tag.running_text import WordSplitter
from gatewright.tasks.tag.schemes import NO_SPANS, NOTATIONS, notation_of_names, recognize, stray_tags
from gatewright.tasks.tag.sentences import ColumnChoice, Tagged
from gatewright.tasks.tag.settings import TagSettings
from gatewright.tasks.tag.spelling import Spelling, pieces

# Largest number of tags. A column with more distinct values does not contain tags.
_MAX_TAGS = 5_000
# A scheme is worth a note if this fraction of the tags other than O belongs to it.
_WORTH_A_NOTE = 0.5
_TAGS_SHOWN = 5
_AT_WHITE_SPACE = WordSplitter()
# The log probability of the tags that a baseline does not predict.
_IMPOSSIBLE = -30.0


@dataclass(frozen=True)
class PreparedSentences(Prepared[Tagged]):
    """State derived from the training sentences: the word encoder, the tags and the labels of sentences.

    A sentence of more than `max_length` words is split into pieces of nearly equal length. Each piece is an
    example, and only the first piece has the label of the sentence.

    Attributes:
        spelling: The encoder of words.
        tags: The tags in the order of the outputs.
        sentence_labels: The labels of sentences in the order of the outputs. Empty if sentences have no labels.
        max_length: Maximum number of words of a piece.
        time: Number of words to which pieces are padded.
        splitter: The rule that splits running text into words.
        notation: The notation in which the tags mark spans; see `schemes.Recognized`.
        unseen_tags, unseen_labels: Tags and labels that occur in the sentences to encode, but not in the training set.
            They are never predicted.
        mean_words: Mean number of words of a training sentence. The loss of the tags is divided by this number.
    """

    spelling: Spelling
    tags: tuple[str, ...]
    sentence_labels: tuple[str, ...]
    max_length: int
    time: int
    splitter: WordSplitter = _AT_WHITE_SPACE
    notation: str = NO_SPANS
    unseen_tags: tuple[str, ...] = ()
    unseen_labels: tuple[str, ...] = ()
    mean_words: float = 1.0

    unit: ClassVar[str] = "tokens"
    example_name: ClassVar[str] = "sentences"
    score_label: ClassVar[str] = "it predicts more of the sentence's tags correctly"
    score_name: ClassVar[str] = "mean fraction of a sentence's words with the right tag"

    @property
    def measures(self) -> tuple[Measure, ...]:
        own = (SPANS, TOKENS, UNKNOWN_WORDS) if self.notation else (TOKENS, UNKNOWN_WORDS)
        return (*own, LABELS, LOSS) if self.sentence_labels else (*own, LOSS)

    @property
    def loss_measure(self) -> Measure:
        return LOSS

    @property
    def substeps(self) -> int:
        return 1 + self.spelling.read

    def covering(self, *splits: Tagged) -> Self:
        """Return a copy that can encode these splits: `time`, `unseen_tags` and `unseen_labels` are replaced."""
        words, tags, labels = (
            [one for pieces in each for one in pieces] for each in zip(*map(self.pieces, splits), strict=True)
        )
        unseen_tags = {tag for own in tags for tag in own}.difference(self.tags)
        unseen_labels = {label for label in labels if label is not None}.difference(self.sentence_labels)
        return replace(
            self,
            time=max(map(len, words)),
            unseen_tags=tuple(sorted(unseen_tags)),
            unseen_labels=tuple(sorted(unseen_labels)),
        )

    def words(self, text: str) -> list[str]:
        """Return the words of running text, split as in the training data; see `running_text.WordSplitter.split`."""
        return self.splitter.split(text, self.spelling.knows)

    def pieces(self, examples: Tagged) -> tuple[list[list[str]], list[list[str]], list[str | None]]:
        """Return three lists: the words, the tags and the label of each piece (None for a piece without a label)."""
        words, tags, labels = [], [], []
        for place, sentence in enumerate(examples.words):
            cuts = pieces(len(sentence), self.max_length)
            words += [sentence[first:last] for first, last in cuts]
            tags += [examples.tags[place][first:last] for first, last in cuts]
            label = examples.labels[place] if examples.labels is not None and self.sentence_labels else None
            labels += [label, *[None] * (len(cuts) - 1)]
        return words, tags, labels

    def encode(self, examples: Tagged, training: bool = False) -> Batch:
        """Return the pieces of sentences, padded on the left.

        Inputs are `words` and `chars`; see `Spelling.encode`. Targets are `tags`, [pieces, time], numbers that start at
        1, and 0 for padding; `unknown`, [pieces, time], True for words without an id; and `labels`, [pieces], numbers
        that start at 1, and 0 for pieces without a label. The numbers of `unseen_tags` follow those of `tags`, and the
        numbers of `unseen_labels` follow those of `sentence_labels`.
        """
        words, tags, labels = self.pieces(examples)
        inputs = self.spelling.encode(words, self.time)
        tag_ids: dict[str | None, int] = {None: 0} | _numbers((*self.tags, *self.unseen_tags))
        label_ids: dict[str | None, int] = {None: 0} | _numbers((*self.sentence_labels, *self.unseen_labels))
        numbers = np.zeros((len(words), self.time), np.int32)
        for row, own in zip(numbers, tags, strict=True):
            row[self.time - len(own) :] = [tag_ids[tag] for tag in own]
        unknown = (numbers > 0) & (inputs["words"] < FIRST)
        label_numbers = np.array([label_ids[label] for label in labels], np.int32)
        return Batch(inputs, {"tags": numbers, "unknown": unknown, "labels": label_numbers})

    def lengths(self, batch: Batch) -> NDArray[np.intp]:
        return np.asarray((batch.targets["tags"] > 0).sum(axis=1))

    def with_steps(self, batch: Batch, steps: int) -> Batch:
        inputs = tree_map(lambda array: last_steps(array, steps), batch.inputs)
        own = {name: last_steps(batch.targets[name], steps) for name in ("tags", "unknown")}
        return Batch(inputs, {**batch.targets, **own})

    def outputs_like(self, outputs: Mapping[str, Any], batch: Batch) -> dict[str, Any]:
        return {**outputs, "scores": last_steps(outputs["scores"], batch.targets["tags"].shape[1])}

    def size(self, batch: Batch) -> int:
        return int((batch.targets["tags"] > 0).sum())

    def raw_inputs(self, examples: Tagged) -> list[bytes]:
        return [text.encode("utf-8", "surrogatepass") for text in examples.texts]

    def remarks(self, batch: Batch) -> tuple[str, ...]:
        targets, words = batch.targets, self.size(batch)
        remarks = []
        if unknown := int(targets["unknown"].sum()):
            remarks.append(f"{unknown:,} of the {words:,} test tokens ({unknown / words:.1%}) are unknown words.")
        if unseen := int((targets["tags"] > len(self.tags)).sum()):
            remarks.append(
                f"{unseen:,} of the {words:,} test tokens have a tag that no training sentence has, and count as wrong."
            )
        if unseen := int((targets["labels"] > len(self.sentence_labels)).sum()):
            remarks.append(f"{unseen:,} test sentences have a label that no training sentence has, and count as wrong.")
        return tuple(remarks)

    def losses(self, outputs: Any, targets: Any) -> Any:
        """Return the loss of the tags plus the loss of the label, in nats, for each sentence or piece of one, [pieces].

        The loss of the tags is divided by the mean number of words of a training sentence. So every word has the same
        weight, and on average all tags of a sentence together weigh as much as its label.
        """
        import jax

        losses = outputs["losses"] / self.mean_words
        if not self.sentence_labels:
            return losses
        own = (targets["labels"] - 1).clip(0, len(self.sentence_labels) - 1)[:, None]
        logs = jax.numpy.take_along_axis(jax.nn.log_softmax(outputs["labels"], axis=1), own, axis=1)[:, 0]
        return losses - jax.numpy.where(targets["labels"] > 0, logs, 0)

    def measure(self, outputs: Mapping[str, Any], targets: Mapping[str, Any]) -> dict[str, float]:
        return of_tags(outputs, targets, (*self.tags, *self.unseen_tags), self.notation)

    def scores(self, outputs: Mapping[str, Any], targets: Mapping[str, Any]) -> NDArray[np.float64]:
        return fractions_right(outputs, targets)

    def constant(
        self, targets: Mapping[str, Any], train: Mapping[str, Any] | None = None
    ) -> tuple[dict[str, NDArray[np.float32]], str]:
        seen = targets if train is None else train
        counts = np.bincount(seen["tags"][seen["tags"] > 0], minlength=1 + len(self.tags))[1 : 1 + len(self.tags)]
        tags = np.where(targets["tags"] > 0, 1 + int(counts.argmax()), 0)
        labels = np.bincount(seen["labels"], minlength=1 + len(self.sentence_labels))[1 : 1 + len(self.sentence_labels)]
        description = "always the most frequent tag" + (", and the most frequent label" if self.sentence_labels else "")
        return self.outputs_of(tags, np.tile(labels, (len(tags), 1))), description

    def outputs_of(self, tags: NDArray[Any], labels: NDArray[Any]) -> dict[str, NDArray[np.float32]]:
        """Return outputs, in the same form as those of the network, that predict these tags and labels.

        The losses are NaN, because the tags have no probabilities.

        Args:
            tags: The numbers of the tags, which start at 1, and 0 for padding, [pieces, time].
            labels: The logits of the labels, [pieces, labels]. They are returned unchanged.
        """
        scores = np.where(tags[:, :, None] == np.arange(1, 1 + len(self.tags)), np.float32(0), np.float32(_IMPOSSIBLE))
        return {"scores": scores, "labels": labels.astype(np.float32), "losses": np.full(len(tags), np.nan, np.float32)}

    def to_json(self) -> dict[str, Any]:
        return {
            "tags": list(self.tags),
            "labels": list(self.sentence_labels),
            "max_length": self.max_length,
            "notation": self.notation,
            "encoder": self.spelling.to_json(),
            "splitter": self.splitter.to_json(),
        }

    @classmethod
    def from_json(cls, stored: Any) -> Self:
        read = read_as(_Stored, stored, "its prepared")
        notation = notation_of_names(read.tags) if read.notation is None else read.notation
        splitter = _AT_WHITE_SPACE if read.splitter is None else read.splitter
        return cls(read.encoder, read.tags, read.labels, read.max_length, read.max_length, splitter, notation)


@dataclass(frozen=True)
class _Stored:
    """The contents of the entry `prepared` of a model file."""

    tags: Annotated[tuple[Name, ...], Items(1, distinct=True)]
    labels: Annotated[tuple[Name, ...], Items(distinct=True)]
    max_length: Size
    encoder: Annotated[Spelling, Parsed(Spelling.from_json)]
    notation: Annotated[str, Text(choices=NOTATIONS)] | None = None
    splitter: WordSplitter | None = None


@dataclass(frozen=True)
class Tag(Task[Tagged]):
    """Sentences with a tag for each word and, optionally, a label for each sentence.

    Padding never changes a prediction. If the data has no test set, a fifth of the sentences is set aside. If it has no
    validation set, a tenth of the training set is set aside. The splits are stratified by label and do not depend on
    the seed. Sentences without labels are set aside in blocks, since neighbouring sentences often share a document.

    Args:
        options: May contain the columns of the tags and words; see `sentences.ColumnChoice`.
    """

    settings: TagSettings

    length: ClassVar[Length] = Length(3_000, 6)

    def read(self) -> Splits[Tagged]:
        source = read_tagged(self.data, ColumnChoice.of(self.options), self.validation, self.test)
        name, train, validation, test = source.name, source.train, source.validation, source.test
        notes = list(source.notes)
        if test is None:
            train, test = _hold_out(name, train, TEST_FRACTION)
            notes.append(held_out_note(name, "sentences"))
        if self.limit is not None:
            train, test = _sample(train, self.limit), _sample(test, self.limit)
            notes.append(limit_note(self.limit, "sentences"))
        if recurring := split.count_shared_texts(train.texts, test.texts):
            notes.append(f"{recurring:,} of {len(train.words):,} training sentences are also in the test set.")
        if validation is None:
            train, validation = _hold_out(name, train, VALIDATION_FRACTION)
        notes += _span_notes(train, validation, test)
        return Splits(name, train, validation, test, tuple(notes), held_out=source.test is None)

    def prepare(self, splits: Splits[Tagged]) -> tuple[PreparedSentences, TagSettings]:
        """Learn the word encoder, and the tags and labels, which are sorted alphabetically.

        Raises:
            InputError: The training set has only one tag, or too many different tags.
        """
        train, settings = splits.train, self.settings
        tags = tuple(sorted({tag for own in train.tags for tag in own}))
        if len(tags) < 2:
            raise InputError(
                f"{splits.name} has only one tag, {tags[0]!r}, but a tagger needs at least two. Choose the column "
                "of the tags with --column."
            )
        if len(tags) > _MAX_TAGS:
            raise InputError(
                f"{splits.name} has {len(tags):,} different tags, but a tagger can have at most {_MAX_TAGS:,}. Choose "
                "the column of the tags with --column."
            )
        prepared = PreparedSentences(
            Spelling.fit(train.words, settings.vocabulary, settings.min_count, settings.max_chars),
            tags,
            tuple(sorted(set(train.labels or ()))),
            settings.max_length,
            time=settings.max_length,
            splitter=WordSplitter.fit(train.words),
            notation=recognize(train.tags).notation,
            mean_words=float(np.mean([len(words) for words in train.words])),
        )
        crf = bool(prepared.notation) if settings.crf is None else settings.crf
        return prepared.covering(train, splits.validation, splits.test), replace(settings, crf=crf)

    def network(self, prepared: PreparedSentences, settings: TagSettings) -> list[Layer]:
        """Return the layers of the network: word vectors, recurrent layers that return all steps, and `Tags`."""
        spelling = prepared.spelling
        words = WordCharEmbedding(
            spelling.ids,
            settings.embedding_dim,
            spelling.letter_ids,
            settings.char_units,
            settings.cell,
            settings.word_dropout,
            settings.zoneout,
        )
        dropout = [Dropout(settings.input_dropout)] if settings.input_dropout else []
        stack = recurrent_stack(settings, bidirectional=settings.bidirectional, sequences=True)
        tags = Tags(len(prepared.tags), len(prepared.sentence_labels), bool(settings.crf), settings.pooling)
        return [words, *dropout, *stack, tags]

    def baseline(self, splits: Splits[Tagged], prepared: PreparedSentences) -> FittedBaseline:
        """Fit the baseline: each word's most frequent tag, and logistic regression on words and pairs for labels."""
        words, _, labels = prepared.pieces(splits.test)
        fitted = fit_baseline(splits, prepared.sentence_labels)
        ids, numbers = _numbers(prepared.tags), np.zeros((len(words), prepared.time), np.int32)
        for row, sentence in zip(numbers, words, strict=True):
            row[prepared.time - len(sentence) :] = [ids[tag] for tag in fitted.tags(sentence)]
        logits = np.zeros((len(words), len(prepared.sentence_labels)))
        if prepared.sentence_labels:
            # Only the first piece of a sentence has a label.
            logits[[label is not None for label in labels]] = fitted.logits
        return FittedBaseline("each word's most frequent tag", fitted.description, prepared.outputs_of(numbers, logits))


def _numbers(names: Sequence[str]) -> dict[str, int]:
    """Return the number of each name: its position in `names`, counted from 1."""
    return {name: place for place, name in enumerate(names, 1)}


def _span_notes(*splits: Tagged) -> list[str]:
    """Return sentences about tags that do not belong to the scheme of the training set, which is the first split."""
    notation, marked = recognize(splits[0].tags)
    if not notation:
        if marked < _WORTH_A_NOTE:
            return []
        return [
            f"{marked:.0%} of the words with a tag other than O have the tag of a span, such as B-city. These are too "
            "few: the tags are not read as spans, so that there is no span F1, and no CRF without --crf."
        ]
    strays = stray_tags((tags for split in splits for tags in split.tags), notation)
    if not strays:
        return []
    shown = ", ".join(f"{tag!r} ({count:,})" for tag, count in strays.most_common(_TAGS_SHOWN))
    more = ", ..." if len(strays) > _TAGS_SHOWN else ""
    words = "1 word has a tag that does" if strays.total() == 1 else f"{strays.total():,} words have a tag that does"
    return [f"{words} not mark spans as the other tags do, and counts as outside of spans: {shown}{more}."]


def _hold_out(name: str, examples: Tagged, fraction: float) -> tuple[Tagged, Tagged]:
    """Set aside a fraction of the sentences. Return the remaining sentences and those that were set aside.

    Raises:
        InputError: There are too few sentences to set any aside.
    """
    if examples.labels is not None:
        kept, held = split.stratified_split(examples.labels, fraction, SPLIT_SEED)
    else:
        kept, held = split.stratified_block_split([""] * len(examples.words), fraction, SPLIT_SEED)
    if not len(held):
        raise InputError(
            f"{name} has too few sentences to set some aside ({len(examples.words)}). Add sentences, separate them by "
            "empty lines or a column that --sentence names, or give other data with --validation and --test."
        )
    return examples.take(kept.tolist()), examples.take(held.tolist())


def _sample(examples: Tagged, limit: int) -> Tagged:
    labels = [""] * len(examples.words) if examples.labels is None else examples.labels
    return examples.take(split.stratified_sample(labels, limit, SPLIT_SEED).tolist())
