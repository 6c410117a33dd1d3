"""Classify texts: one of two or more classes for each, or any number of several labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from gatewright.data import split
from gatewright.data.batches import Examples
from gatewright.data.encoders import BytePairs, Encoder, Words, encode_all
from gatewright.nn.block import Block
from gatewright.nn.file import Model
from gatewright.nn.layers import Dense, Dropout, Embedding, Pool, Recurrent
from gatewright.results.measure import Measure
from gatewright.support.errors import InputError
from gatewright.tasks.base.classes import are_many, balanced, require_known, require_parts, require_several
from gatewright.tasks.base.labels import Labels, OneLabel, SeveralLabels
from gatewright.tasks.base.task import Parts, Simple
from gatewright.tasks.classify.reading import (
    AnyLabelled,
    Labelled,
    SeveralLabelled,
    names_of,
    read_labelled,
    require_alike,
)

# Of the splits alone: seeds of runs do not change which rows are which.
_SPLIT_SEED = 0
_TEST_SHARE = 0.2
_VALIDATION_SHARE = 0.1


@dataclass
class Classify:
    """Texts with one label each, or with any number of several labels.

    Padding never changes an answer. Where the source has no test part, a fifth of its rows become one; a tenth of the
    training rows validate, unless validation rows are given. The splits are always the same, and stratified; of several
    labels a text, each is left in the training rows.

    Attributes:
        source: "imdb", a table, or a folder or archive of text files by class: see `data.sources.read_labelled`.
        text, label, test: columns, and a table of test rows, likewise.
        label_separator: what stands between the labels of a field, likewise.
        validation: a table or folder of validation rows.
        tokens: "words", lower-cased, split and ranked by frequency in the training rows as Keras' imdb does it; or
            "bytes", byte-level byte-pair encoding (Sennrich, Haddow & Birch 2016; Radford et al. 2019, section 2.2).
        vocabulary: ids in use, the four that are no words (padding, start, unknown, one unused) included.
        least: how often a word must occur in the training rows to have an id.
        length: tokens of a text that are read, the last.
        embedding: numbers for each token.
        layers: recurrent layers, one above the other.
        both: whether each walks in both directions.
        pooling: how the steps of the last layer become one vector: its "last" output, or see `blocks.Pool`.
        embedding_dropout, word_dropout, recurrent_dropout, zoneout: see `blocks.Embedding` and `blocks.Recurrent`.
        input_dropout: between the embedding and the first layer: see `blocks.Dropout`.
        output_dropout: between layers and below the outputs: see `blocks.Dropout`.
        class_weights: "none", or "balanced": a row counts rows / (classes * rows of its class). With several labels a
            text it must be "none".
        limit: at most so many training rows, and as many test rows; None is all.
        encoder: how texts become ids; None is fitted on the training rows.
    """

    source: str
    text: str | None = None
    label: str | None = None
    label_separator: str | None = None
    test: str | None = None
    validation: str | None = None
    tokens: str = "words"
    vocabulary: int = 10_000
    least: int = 1
    length: int = 200
    embedding: int = 128
    layers: int = 1
    both: bool = False
    pooling: str = "last"
    embedding_dropout: float = 0.0
    word_dropout: float = 0.0
    recurrent_dropout: float = 0.0
    zoneout: float = 0.0
    input_dropout: float = 0.0
    output_dropout: float = 0.0
    class_weights: str = "none"
    limit: int | None = None
    encoder: Encoder | None = None
    data: str = field(init=False, default="")
    _classes: tuple[str, ...] = field(init=False, default=())
    _labels: Labels = field(init=False, default=OneLabel(()))
    _encoder: Encoder | None = field(init=False, default=None)

    name: ClassVar[str] = "classify"
    carried: ClassVar[bool] = False
    steps: ClassVar[tuple[int, int]] = (2_000, 3)
    unit: ClassVar[str] = "rows"

    @property
    def measures(self) -> tuple[Measure, ...]:
        """Figures of merit, the deciding one first; known when `fit` is done."""
        return self._labels.measures

    @property
    def right(self) -> str:
        """What `merits` tells of a row; known when `fit` is done."""
        return self._labels.right

    @property
    def counted(self) -> str:
        """What rows are compared by, where it is not the deciding measure; known when `fit` is done."""
        return self._labels.counted

    @property
    def several(self) -> bool:
        """Whether a text has any number of labels; known when `fit` is done."""
        return self._labels.several

    def read(self) -> Parts[AnyLabelled]:
        """The texts and labels, split.

        Raises:
            InputError: the data can't be read, or its labels do not make a task.
        """
        source = read_labelled(self.source, self.text, self.label, self.test, self.label_separator)
        self.data = source.name
        train, test = source.train, source.test
        _check_labels(train, source.name)
        if self.class_weights == "balanced" and isinstance(train, SeveralLabelled):
            raise InputError(
                f"class_weights must be none where a text has any number of labels, as in {source.name}, not "
                "'balanced': leave it out."
            )
        notes = []
        if test is None:
            train, test = _hold_out(train, _TEST_SHARE)
            notes.append(f"{source.name} has no test part: {_TEST_SHARE:.0%} of its rows were set aside as one.")
        else:
            require_known(f"the test part of {source.name} has", names_of(test), names_of(train))
        if self.limit is not None:
            train, test = _sample(train, self.limit), _sample(test, self.limit)
            notes.append(f"A quick look: at most {self.limit:,} training rows and as many test rows were used.")
        if empty := sum(not text.strip() for text in (*train.texts, *test.texts)):
            notes.append(f"{empty:,} of {len(train.texts) + len(test.texts):,} texts are empty.")
        if recurring := split.recurring(train.texts, test.texts):
            notes.append(f"{recurring:,} of {len(train.texts):,} training texts occur in the test part too.")
        if self.validation is None:
            train, validation = _hold_out(train, _VALIDATION_SHARE, bool(source.neighbours))
            if source.neighbours:
                notes.append(
                    f"Neighbouring rows of {source.name} {source.neighbours}: whole stretches of them validate, so "
                    "that what is learnt by heart of the others is of no use there."
                )
        else:
            validation = read_labelled(self.validation, self.text, self.label, None, self.label_separator).train
            require_alike(train, source.name, validation, self.validation)
            require_known(f"the validation rows of {self.validation} have", names_of(validation), names_of(train))
        parts = Parts(train, validation, test, tuple(notes))
        others = {
            name: (len(rows.texts), names_of(rows)) for name, rows in (("validation", validation), ("test", test))
        }
        kind = "class" if isinstance(train, Labelled) else "label"
        require_parts(source.name, names_of(train), others, kind)
        return parts

    def fit(self, train: AnyLabelled) -> None:
        """The labels, in the order of their columns or else alphabetical, and the encoder.

        Raises:
            InputError: no text has a word.
        """
        columns = () if isinstance(train, Labelled) else train.columns
        self._classes = columns or tuple(sorted(names_of(train)))
        self._labels = (OneLabel if isinstance(train, Labelled) else SeveralLabels)(self._classes)
        if self.encoder is not None:
            self._encoder = self.encoder
            return
        if self.tokens == "bytes":
            self._encoder = BytePairs.fit(train.texts, self.vocabulary)
            return
        words = Words.fit(train.texts, self.vocabulary, least=self.least)
        if not words.tokens:
            often = "" if self.least == 1 else f" that occurs {self.least} times"
            raise InputError(f"no text of {self.data} has a word{often}: name the column of texts with --text.")
        self._encoder = words

    def encode(self, rows: AnyLabelled, learning: bool = False) -> Examples:
        """Ids [rows, length], 0 on the left where a text is shorter; numbers of classes [rows], or [rows, labels]."""
        assert self._encoder is not None
        return Examples(encode_all(self._encoder, rows.texts, self.length), self._labels.targets(rows.labels))

    def size(self, examples: Examples) -> int:
        """How many rows."""
        return len(examples.inputs)

    def remarks(self, test: Examples) -> tuple[str, ...]:
        """None."""
        return ()

    def counts(self, train: Examples) -> NDArray[np.float32]:
        """What each training row counts, [rows]."""
        if self.class_weights == "none":
            return np.ones(len(train.targets), np.float32)
        return balanced(train.targets, len(self._classes))

    def blocks(self, cell: str, units: int) -> list[Block]:
        """Embedding, recurrent layers, pooling, and one logit (two classes) or a logit for each class or label."""
        assert self._encoder is not None
        blocks: list[Block] = [
            Embedding(self._encoder.ids, self.embedding, self.embedding_dropout, self.word_dropout),
        ]
        if self.input_dropout:
            blocks.append(Dropout(self.input_dropout))
        for layer in range(self.layers):
            steps = layer < self.layers - 1 or self.pooling != "last"
            blocks.append(Recurrent(cell, units, self.both, steps, self.recurrent_dropout, zoneout=self.zoneout))
            if layer == self.layers - 1 and self.pooling != "last":
                blocks.append(Pool(self.pooling))
            if self.output_dropout:
                blocks.append(Dropout(self.output_dropout))
        return [*blocks, Dense(self._labels.outputs)]

    def model(self, blocks: Sequence[Block], weights: Sequence[Any], training: dict[str, Any]) -> Model:
        """What a model file holds of a trained network."""
        assert self._encoder is not None
        answers = {"labels": list(self._classes), "length": self.length, **({"several": True} if self.several else {})}
        arrays = tuple({name: np.asarray(array) for name, array in block.items()} for block in weights)
        return Model(self.name, tuple(blocks), arrays, self._encoder.to_json(), answers, training)

    @property
    def classes(self) -> tuple[str, ...]:
        """The labels, in the order of the outputs; known when `fit` is done."""
        return self._classes

    def losses(self, outputs: Any, targets: Any) -> Any:
        """Cross-entropy of each row, in nats; of any number of labels the mean over them."""
        return self._labels.losses(outputs, targets)

    def measure(self, outputs: NDArray[Any], targets: NDArray[Any]) -> dict[str, float]:
        """See `measures.of_classes` and `measures.of_labels`."""
        return self._labels.measure(self._labels.probabilities(outputs), targets)

    def merits(self, outputs: NDArray[Any], targets: NDArray[Any]) -> NDArray[np.bool_]:
        """Whether each row's likeliest class is its own; or whether all its labels are right."""
        return self._labels.merits(self._labels.probabilities(outputs), targets)

    def confusion(self, outputs: NDArray[Any], targets: NDArray[Any]) -> list[Any]:
        """See `measures.confusion` and `measures.confusion_of_labels`."""
        return self._labels.confusion(self._labels.probabilities(outputs), targets)

    def chance(self, train: Examples, test: Examples) -> Simple:
        """The labels' shares in the training rows, whatever the text: of classes the commonest is the answer."""
        logits, description = self._labels.constant(train.targets)
        return Simple("chance", description, np.tile(logits, (len(test.targets), 1)))

    def baseline(self, parts: Parts[AnyLabelled]) -> Simple:
        """Logistic regression on naive-Bayes-weighted words and pairs of words of the whole texts."""
        from gatewright.tasks.base import baselines

        train, validation, test = parts.train, parts.validation, parts.test
        own, others = (self._labels.targets(rows.labels) for rows in (train, validation))
        if self.several:
            fitted = baselines.nb_logistic_regression_of_labels(train.texts, own, validation.texts, others, test.texts)
        else:
            fitted = baselines.nb_logistic_regression(
                train.texts, own, validation.texts, others, test.texts, len(self._classes)
            )
        return Simple(
            "NB-weighted logistic regression",
            "words and pairs of words of the whole texts (Wang and Manning 2012), "
            f"C = {fitted.C:g} chosen on the validation rows",
            fitted.outputs,
        )

    def decode(self, outputs: NDArray[Any]) -> Sequence[str] | Sequence[tuple[str, ...]]:
        """The likeliest class of each row; or the labels that it is given."""
        return self._labels.decode(self._labels.probabilities(outputs))


def _take(rows: AnyLabelled, places: NDArray[np.intp]) -> AnyLabelled:
    texts = [rows.texts[place] for place in places]
    if isinstance(rows, Labelled):
        return Labelled(texts, [rows.labels[place] for place in places])
    return SeveralLabelled(texts, [rows.labels[place] for place in places], rows.columns)


def _hold_out(rows: AnyLabelled, share: float, stretches: bool = False) -> tuple[AnyLabelled, AnyLabelled]:
    """The rows kept, and those held out; of rows with one label each whole stretches of them, where that is asked."""
    if isinstance(rows, Labelled):
        kept, held = (split.hold_out_stretches if stretches else split.hold_out)(rows.labels, share, _SPLIT_SEED)
    else:
        kept, held = split.hold_out_several(rows.labels, share, _SPLIT_SEED)
    return _take(rows, kept), _take(rows, held)


def _sample(rows: AnyLabelled, limit: int) -> AnyLabelled:
    if isinstance(rows, Labelled):
        return _take(rows, split.sample(rows.labels, limit, _SPLIT_SEED))
    return _take(rows, split.sample_several(rows.labels, limit, _SPLIT_SEED))


def _check_labels(rows: AnyLabelled, name: str) -> None:
    """Check that there is something to tell apart, and that these are not texts or numbers of their own."""
    labels = names_of(rows)
    if isinstance(rows, Labelled):
        require_several(name, labels)
    if isinstance(rows, SeveralLabelled) and len({frozenset(some) for some in rows.labels}) < 2:
        same = ", ".join(map(repr, sorted(labels))) or "none"
        raise InputError(f"every row of {name} has the same labels ({same}): a classifier needs rows that differ.")
    if are_many(labels, len(rows.labels)):
        raise InputError(
            f"{name} has {len(labels):,} different labels in {len(rows.labels):,} rows: name the column of "
            f"{'classes' if isinstance(rows, Labelled) else 'labels'} with --label."
        )
