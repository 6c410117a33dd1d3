"""Text classification: one of two or more classes for each text, or any number of labels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from gatewright.data import split
from gatewright.data.batches import Batch
from gatewright.data.encoders import BytePairs, Encoder, Words, encode_all, encoder_from_json
from gatewright.data.labelled_texts import (
    READING_OPTIONS,
    AnyLabelled,
    Labelled,
    SeveralLabelled,
    distinct_labels,
    read_labelled,
    require_same_kind,
)
from gatewright.data.widths import last_steps
from gatewright.nn.layer import Layer
from gatewright.nn.layers import Dense, Dropout, Embedding
from gatewright.support.errors import InputError
from gatewright.support.ids import PADDING, START, UNKNOWN
from gatewright.support.schema import Parsed, Size, read_as
from gatewright.tasks.base import baselines
from gatewright.tasks.base.classes import balanced, require_examples, require_known, require_several, too_many_labels
from gatewright.tasks.base.labels import ClassifierPrepared, Labels, label_set
from gatewright.tasks.base.splitting import SPLIT_SEED, TEST_FRACTION, VALIDATION_FRACTION, held_out_note, limit_note
from gatewright.tasks.base.stack import recurrent_stack
from gatewright.tasks.base.task import FittedBaseline, Length, Splits, Task
from gatewright.tasks.classify.pretrained import Pretrained
from gatewright.tasks.classify.settings import ClassifySettings

# If more than this fraction of the words is unknown, byte pairs are suggested.
_MUCH = 0.2
# A smaller fraction would be shown as 0.0%.
_WORTH_A_NOTE = 0.0005


@dataclass(frozen=True)
class PreparedTexts(ClassifierPrepared[AnyLabelled]):
    """The labels and the encoder of a text classifier, both found in the training texts.

    Attributes:
        encoder: The encoder, which turns texts into token ids.
        max_length: Largest number of tokens of a text. Only the last tokens of a longer text are read.
        class_weights: "balanced" if all classes have the same total weight in the loss; "none" if all examples do.
    """

    encoder: Encoder
    max_length: int
    class_weights: str = "none"

    unit: ClassVar[str] = "texts"
    example_name: ClassVar[str] = "texts"

    def encode(self, examples: AnyLabelled, training: bool = False) -> Batch:
        """Return a batch whose inputs are token ids and whose targets are labels.

        The ids are [texts, time], padded with 0 on the left to the longest text, but at most `max_length`. The targets
        are the numbers of the labels, [texts], if each text has one label; and 0 or 1 for each label, [texts, labels],
        if texts can have several.
        """
        return Batch(encode_all(self.encoder, examples.texts, self.max_length), self.label_set.targets(examples.labels))

    def lengths(self, batch: Batch) -> NDArray[np.intp]:
        return np.asarray((batch.inputs != PADDING).sum(axis=1))

    def with_steps(self, batch: Batch, steps: int) -> Batch:
        return batch._replace(inputs=last_steps(batch.inputs, steps, PADDING))

    def raw_inputs(self, examples: AnyLabelled) -> list[bytes]:
        return [text.encode("utf-8", "surrogatepass") for text in examples.texts]

    def remarks(self, batch: Batch) -> tuple[str, ...]:
        return self._unknown({"test texts": batch})

    def training_remarks(self, validation: Batch, test: Batch) -> tuple[str, ...]:
        return self._unknown({"validation texts": validation, "test texts": test})

    def _unknown(self, splits: Mapping[str, Batch]) -> tuple[str, ...]:
        """Return a sentence that says how many of the tokens that the network reads in each split are unknown.

        If the sentence would show only 0.0%, there is none.
        """
        if isinstance(self.encoder, BytePairs):
            return ()
        shares = {name: _unknown_share(batch.inputs) for name, batch in splits.items()}
        if max(shares.values()) < _WORTH_A_NOTE:
            return ()
        listed = " and ".join(f"{share:.1%} of the {self.encoder.kind} of the {name}" for name, share in shares.items())
        many = ". A model trained with --tokens bytes has no unknown tokens" if max(shares.values()) > _MUCH else ""
        return (f"{listed} are unknown (not in the vocabulary){many}.",)

    def sample_weight(self, batch: Batch) -> NDArray[np.float32]:
        if self.class_weights == "none":
            return super().sample_weight(batch)
        return balanced(batch.targets, len(self.labels))

    def to_json(self) -> dict[str, Any]:
        return {**self.label_set.to_json(), "max_length": self.max_length, "encoder": self.encoder.to_json()}

    @classmethod
    def from_json(cls, stored: Any) -> Self:
        read = read_as(_Stored, stored, "its prepared")
        return cls(label_set(read.labels, read.multi_label), read.encoder, read.max_length)


@dataclass(frozen=True)
class _Stored:
    """The contents of the entry `prepared` of a model file."""

    labels: Labels
    multi_label: bool
    max_length: Size
    encoder: Annotated[Encoder, Parsed(encoder_from_json)]


@dataclass(frozen=True)
class Classify(Task[AnyLabelled]):
    """The task of predicting one label, or any number of labels, for each text.

    Padding never changes a prediction. If the data has no test set, a fifth of the data is used as one. If no
    validation data is given, a tenth of the training set is used instead. The splits are stratified and do not depend
    on the seed. If texts can have several labels, every label occurs in the training set.

    Args:
        options: `text`, `label` and `label_separator`: See `reading.read_labelled`. `pretrained`: The model file of a
            language model. The classifier starts from its encoder, embedding and recurrent layers (Dai & Le 2015,
            "Semi-supervised Sequence Learning", section 2).
    """

    settings: ClassifySettings

    length: ClassVar[Length] = Length(2_000, 3)

    @cached_property
    def _pretrained(self) -> Pretrained | None:
        path = self.options.get("pretrained")
        return None if path is None else Pretrained.read(path)

    @property
    def reading_options(self) -> Mapping[str, Any]:
        return {name: value for name, value in self.options.items() if name in READING_OPTIONS}

    @property
    def provenance(self) -> dict[str, Any]:
        return {} if self._pretrained is None else {"pretrained": self._pretrained.digest}

    def _read(self, data: str, test: str | None = None) -> Any:
        text, label, separator, header = (self.options.get(name) for name in READING_OPTIONS)
        return read_labelled(data, text, label, test, separator, header)

    def read(self) -> Splits[AnyLabelled]:
        source = self._read(self.data, self.test)
        name, train, test = source.name, source.train, source.test
        _check_labels(train, name)
        if self.settings.class_weights == "balanced" and isinstance(train, SeveralLabelled):
            raise InputError(
                f"class_weights cannot be 'balanced' if a text has any number of labels, as in {name}. Leave it out."
            )
        notes = list(source.notes)
        if test is None:
            train, test = _hold_out(train, TEST_FRACTION)
            notes.append(held_out_note(name, "texts"))
        else:
            require_known(f"The test set of {name}", distinct_labels(test), distinct_labels(train))
        if self.limit is not None:
            train, test = _sample(train, self.limit), _sample(test, self.limit)
            notes.append(limit_note(self.limit, "texts"))
        if empty := sum(not text.strip() for text in (*train.texts, *test.texts)):
            notes.append(f"{empty:,} of {len(train.texts) + len(test.texts):,} texts are empty.")
        if recurring := split.count_shared_texts(train.texts, test.texts):
            notes.append(f"{recurring:,} of {len(train.texts):,} training texts are also in the test set.")
        if self.validation is None:
            train, validation = _hold_out(train, VALIDATION_FRACTION, bool(source.neighbours))
            if source.neighbours:
                notes.append(
                    f"Neighboring texts of {name} {source.neighbours}. The validation set therefore consists of blocks "
                    "of consecutive texts, so that memorizing training texts does not help."
                )
        else:
            other = self._read(self.validation)
            validation = other.train
            notes += other.notes
            require_same_kind(train, name, validation, self.validation)
            require_known(f"The validation data {self.validation}", distinct_labels(validation), distinct_labels(train))
        others = {
            name: (len(examples.texts), distinct_labels(examples))
            for name, examples in (("validation", validation), ("test", test))
        }
        require_examples(name, distinct_labels(train), others, "class" if isinstance(train, Labelled) else "label")
        return Splits(name, train, validation, test, tuple(notes), source.found, source.test is None)

    def prepare(self, splits: Splits[AnyLabelled]) -> tuple[PreparedTexts, ClassifySettings]:
        """Return the labels and the encoder found in the training set, and the settings.

        Labels are in the order of their columns, or in alphabetical order if there is no column for each label.

        Raises:
            InputError: No word occurs at least `min_count` times.
        """
        train, settings = splits.train, self.settings
        columns = () if isinstance(train, Labelled) else train.columns
        labels = label_set(columns or tuple(sorted(distinct_labels(train))), not isinstance(train, Labelled))
        encoder = self._fit_encoder(splits) if self._pretrained is None else self._pretrained.encoder
        return PreparedTexts(labels, encoder, settings.max_length, settings.class_weights), settings

    def _fit_encoder(self, splits: Splits[AnyLabelled]) -> Encoder:
        settings, texts = self.settings, splits.train.texts
        if settings.tokens == "bytes":
            return BytePairs.fit(texts, settings.vocabulary)
        words = Words.fit(texts, settings.vocabulary, min_count=settings.min_count)
        if not words.tokens:
            often, remedy = "", ""
            if settings.min_count > 1:
                often = f" that occurs {settings.min_count} times"
                remedy = " Use --tokens bytes if words are not separated by spaces, or --min-count 1 for few texts."
            raise InputError(
                f"No text of {splits.name} has a word{often}. Choose the column of the texts with --text.{remedy}"
            )
        return words

    def network(self, prepared: PreparedTexts, settings: ClassifySettings) -> list[Layer]:
        """Return the layers of the network: an embedding, recurrent layers, pooling, and a linear map to the logits.

        `LabelSet` describes the logits.
        """
        layers: list[Layer] = [
            Embedding(prepared.encoder.ids, settings.embedding_dim, settings.embedding_dropout, settings.word_dropout)
        ]
        if settings.input_dropout:
            layers.append(Dropout(settings.input_dropout))
        layers += recurrent_stack(settings, bidirectional=settings.bidirectional, pooling=settings.pooling)
        return [*layers, Dense(prepared.label_set.outputs)]

    def initial_weights(self, layers: Sequence[Layer], drawn: list[Any]) -> list[Any]:
        return drawn if self._pretrained is None else self._pretrained.initial_weights(layers, drawn)

    def baseline(self, splits: Splits[AnyLabelled], prepared: PreparedTexts) -> FittedBaseline:
        """Return the test outputs of logistic regression on words and word pairs, weighted by naive Bayes.

        If words are not separated by spaces, or if the network reads byte pairs, sequences of characters are tried too.
        """
        train, validation, test = splits.train, splits.validation, splits.test
        targets, validation_targets = (prepared.label_set.targets(split.labels) for split in (train, validation))
        characters = 0
        if baselines.are_unspaced(train.texts):
            characters = baselines.UNSPACED_CHARACTERS
        elif isinstance(prepared.encoder, BytePairs):
            characters = baselines.SPACED_CHARACTERS
        fitted = baselines.nb_logistic_regression(
            train.texts, targets, validation.texts, validation_targets, test.texts, prepared.label_set, characters
        )
        chosen = f"C = {fitted.C:g}" + (" and characters or words" if characters else "")
        by = prepared.selection(len(validation.texts)).measures[0].title
        return FittedBaseline(
            "NB-weighted logistic regression",
            f"{fitted.features} (Wang and Manning 2012), {chosen} chosen by {by} on the validation set",
            fitted.outputs,
        )


def _unknown_share(ids: NDArray[np.int32]) -> float:
    """Return the fraction of the tokens in padded texts that are unknown."""
    return float((ids == UNKNOWN).sum() / max(1, (ids > START).sum()))


def _hold_out(examples: AnyLabelled, fraction: float, blocks: bool = False) -> tuple[AnyLabelled, AnyLabelled]:
    """Return the examples to keep and a held-out fraction, in blocks of consecutive examples if `blocks`."""
    if isinstance(examples, Labelled):
        hold_out = split.stratified_block_split if blocks else split.stratified_split
        kept, held = hold_out(examples.labels, fraction, SPLIT_SEED)
    else:
        kept, held = split.multilabel_split(examples.labels, fraction, SPLIT_SEED)
    return examples.take(kept.tolist()), examples.take(held.tolist())


def _sample(examples: AnyLabelled, limit: int) -> AnyLabelled:
    if isinstance(examples, Labelled):
        return examples.take(split.stratified_sample(examples.labels, limit, SPLIT_SEED).tolist())
    return examples.take(split.multilabel_sample(examples.labels, limit, SPLIT_SEED).tolist())


def _check_labels(examples: AnyLabelled, name: str) -> None:
    """Raise an error if the labels cannot be learned.

    Raises:
        InputError: All examples have the same labels, or there are almost as many different labels as examples.
    """
    labels = distinct_labels(examples)
    if isinstance(examples, Labelled):
        require_several(name, labels)
    if isinstance(examples, SeveralLabelled) and len({frozenset(some) for some in examples.labels}) < 2:
        same = ", ".join(map(repr, sorted(labels))) or "none"
        raise InputError(
            f"All rows of {name} have the same labels ({same}). A classifier needs rows with different labels."
        )
    if too_many_labels(labels, len(examples.labels)):
        raise InputError(
            f"{name} has {len(labels):,} different labels in {len(examples.labels):,} rows, which is too many. Choose "
            f"the column of the {'classes' if isinstance(examples, Labelled) else 'labels'} with --label."
        )
