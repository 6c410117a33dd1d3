"""Classify texts: one of two or more classes for each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from gatewright.blocks import Block, Dense, Dropout, Embedding, Pool, Recurrent
from gatewright.comparison import Measure
from gatewright.data import split
from gatewright.data.encoders import BytePairs, Encoder, Words, encode_all
from gatewright.data.sources import Labelled, read_labelled
from gatewright.errors import InputError
from gatewright.measures import of_classes, to_probabilities
from gatewright.model_file import Model
from gatewright.tasks.protocol import Examples, Parts, Simple

# Of the splits alone: seeds of runs do not change which rows are which.
_SPLIT_SEED = 0
_TEST_SHARE = 0.2
_VALIDATION_SHARE = 0.1


@dataclass
class Classify:
    """Texts with one label each, or with any number of several labels.

    Padding never changes an answer. Where the source has no test part, a fifth of its rows become one; a tenth of the
    training rows validate, unless validation rows are given. The splits are stratified and always the same.

    Attributes:
        source: "imdb", a table, or a folder or archive of text files by class: see `data.sources.read_labelled`.
        text, label, test: columns, and a table of test rows, likewise.
        validation: a table or folder of validation rows.
        tokens: "words", lower-cased, split and ranked by frequency in the training rows as Keras' imdb does it; or
            "bytes", byte-level byte-pair encoding (Sennrich, Haddow & Birch 2016; Radford et al. 2019, section 2.2).
        vocabulary: ids in use, the three for padding, start and unknown words included.
        least: how often a word must occur in the training rows to have an id.
        length: tokens of a text that are read, the last.
        embedding: numbers for each token.
        layers: recurrent layers, one above the other.
        both: whether each walks in both directions.
        pooling: how the steps of the last layer become one vector: its "last" output, or see `blocks.Pool`.
        embedding_dropout, word_dropout, recurrent_dropout: see `blocks.Embedding` and `blocks.Recurrent`.
        output_dropout: between layers and below the outputs: see `blocks.Dropout`.
        class_weights: "none", or "balanced": a row counts rows / (classes * rows of its class).
        limit: at most so many training rows, and as many test rows; None is all.
        encoder: how texts become ids; None is fitted on the training rows.
    """

    source: str
    text: str | None = None
    label: str | None = None
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
    output_dropout: float = 0.0
    class_weights: str = "none"
    limit: int | None = None
    encoder: Encoder | None = None
    data: str = field(init=False, default="")
    _classes: tuple[str, ...] = field(init=False, default=())
    _encoder: Encoder | None = field(init=False, default=None)

    name: ClassVar[str] = "classify"
    measures: ClassVar[tuple[Measure, ...]] = (
        Measure("accuracy", "accuracy", "higher"),
        Measure("macro_f1", "macro F1", "higher"),
        Measure("auroc", "AUROC", "higher"),
        Measure("log_loss", "log loss", "lower"),
        Measure("calibration_error", "calibration error", "lower"),
    )
    right: ClassVar[str] = "its likeliest class is the label, and the other's is not"
    carried: ClassVar[bool] = False
    unit: ClassVar[str] = "rows"

    def read(self) -> Parts[Labelled]:
        """The texts and labels, split.

        Raises:
            InputError: the data can't be read, or its labels do not make a task.
        """
        source = read_labelled(self.source, self.text, self.label, self.test)
        self.data = source.name
        _check_classes(source.train.labels, source.name)
        train, test = source.train, source.test
        notes = []
        if test is None:
            kept, held = split.hold_out(train.labels, _TEST_SHARE, _SPLIT_SEED)
            train, test = _take(train, kept), _take(train, held)
            notes.append(f"{source.name} has no test part: {_TEST_SHARE:.0%} of its rows were set aside as one.")
        elif unknown := sorted(set(test.labels) - set(train.labels)):
            raise InputError(
                f"the test part of {source.name} has the label {unknown[0]!r}, which no training row has: "
                "mend the labels, or leave those rows out."
            )
        if self.limit is not None:
            train = _take(train, split.sample(train.labels, self.limit, _SPLIT_SEED))
            test = _take(test, split.sample(test.labels, self.limit, _SPLIT_SEED))
            notes.append(f"A quick look: at most {self.limit:,} training rows and as many test rows were used.")
        if empty := sum(not text.strip() for text in (*train.texts, *test.texts)):
            notes.append(f"{empty:,} of {len(train.texts) + len(test.texts):,} texts are empty.")
        if recurring := split.recurring(train.texts, test.texts):
            notes.append(f"{recurring:,} of {len(train.texts):,} training texts occur in the test part too.")
        if self.validation is None:
            kept, held = split.hold_out(train.labels, _VALIDATION_SHARE, _SPLIT_SEED)
            train, validation = _take(train, kept), _take(train, held)
        else:
            validation = read_labelled(self.validation, self.text, self.label).train
            if unknown := sorted(set(validation.labels) - set(train.labels)):
                raise InputError(
                    f"the validation rows of {self.validation} have the label {unknown[0]!r}, which no training row "
                    "has: mend the labels, or leave those rows out."
                )
        parts = Parts(train, validation, test, tuple(notes))
        _check_parts(parts, source.name)
        return parts

    def fit(self, train: Labelled) -> None:
        """The classes, in alphabetical order, and the encoder.

        Raises:
            InputError: no text has a word.
        """
        self._classes = tuple(sorted(set(train.labels)))
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

    def encode(self, rows: Labelled, learning: bool = False) -> Examples:
        """Ids [rows, length], 0 on the left where a text is shorter; numbers of classes [rows]."""
        assert self._encoder is not None
        number = {name: place for place, name in enumerate(self._classes)}
        targets = np.array([number[label] for label in rows.labels], np.int32)
        return Examples(encode_all(self._encoder, rows.texts, self.length), targets)

    def size(self, examples: Examples) -> int:
        """How many rows."""
        return len(examples.inputs)

    def counts(self, train: Examples) -> NDArray[np.float32]:
        """What each training row counts, [rows]."""
        if self.class_weights == "none":
            return np.ones(len(train.targets), np.float32)
        rows = np.bincount(train.targets, minlength=len(self._classes))
        counts: NDArray[np.float32] = (len(train.targets) / (len(rows) * rows))[train.targets].astype(np.float32)
        return counts

    def blocks(self, cell: str, units: int) -> list[Block]:
        """Embedding, recurrent layers, pooling, and one logit (two classes) or a logit for each class."""
        assert self._encoder is not None
        blocks: list[Block] = [
            Embedding(self._encoder.ids, self.embedding, self.embedding_dropout, self.word_dropout),
        ]
        for layer in range(self.layers):
            steps = layer < self.layers - 1 or self.pooling != "last"
            blocks.append(Recurrent(cell, units, self.both, steps, self.recurrent_dropout))
            if layer == self.layers - 1 and self.pooling != "last":
                blocks.append(Pool(self.pooling))
            if self.output_dropout:
                blocks.append(Dropout(self.output_dropout))
        return [*blocks, Dense(self._outputs())]

    def _outputs(self) -> int:
        return 1 if len(self._classes) == 2 else len(self._classes)

    def model(self, blocks: Sequence[Block], weights: Sequence[Any], training: dict[str, Any]) -> Model:
        """What a model file holds of a trained network."""
        assert self._encoder is not None
        answers = {"labels": list(self._classes), "length": self.length}
        arrays = tuple({name: np.asarray(array) for name, array in block.items()} for block in weights)
        return Model(self.name, tuple(blocks), arrays, self._encoder.to_json(), answers, training)

    @property
    def classes(self) -> tuple[str, ...]:
        """The labels, in the order of the outputs; known when `fit` is done."""
        return self._classes

    def answers(self, outputs: NDArray[Any]) -> NDArray[np.intp]:
        """The number of each row's likeliest class, [rows]."""
        return _answers(outputs)

    def losses(self, outputs: Any, targets: Any) -> Any:
        """Cross-entropy of each row, in nats."""
        import jax

        if outputs.shape[-1] == 1:
            # log(1 + e^-s) where the class is 1, log(1 + e^s) where it is 0.
            return jax.nn.softplus(outputs[:, 0] * (1 - 2 * targets))
        logs = jax.nn.log_softmax(outputs)
        return -jax.numpy.take_along_axis(logs, targets[:, None], axis=-1)[:, 0]

    def measure(self, outputs: NDArray[Any], targets: NDArray[Any]) -> dict[str, float]:
        """See `measures.of_classes`."""
        return of_classes(to_probabilities(outputs), targets)

    def merits(self, outputs: NDArray[Any], targets: NDArray[Any]) -> NDArray[np.bool_]:
        """Whether each row's likeliest class is its own."""
        right: NDArray[np.bool_] = _answers(outputs) == targets
        return right

    def chance(self, train: Examples, test: Examples) -> Simple:
        """The classes' shares in the training rows, whatever the text: the commonest class is the answer."""
        shares = np.log(np.bincount(train.targets, minlength=len(self._classes)) / len(train.targets))
        logits = shares if self._outputs() > 1 else shares[1:] - shares[:1]
        commonest = self._classes[int(np.argmax(shares))]
        outputs = np.tile(logits, (len(test.targets), 1))
        return Simple("chance", f"always {commonest!r}, the commonest class of the training rows", outputs)

    def baseline(self, parts: Parts[Labelled]) -> Simple:
        """Logistic regression on naive-Bayes-weighted words and pairs of words of the whole texts."""
        from gatewright import baselines

        number = {name: place for place, name in enumerate(self._classes)}

        def numbers(rows: Labelled) -> NDArray[np.intp]:
            return np.array([number[label] for label in rows.labels], np.intp)

        fitted = baselines.nb_logistic_regression(
            parts.train.texts,
            numbers(parts.train),
            parts.validation.texts,
            numbers(parts.validation),
            parts.test.texts,
            len(self._classes),
        )
        return Simple(
            "NB-weighted logistic regression",
            "words and pairs of words of the whole texts (Wang and Manning 2012), "
            f"C = {fitted.C:g} chosen on the validation rows",
            fitted.outputs,
        )

    def decode(self, outputs: NDArray[Any]) -> Sequence[str]:
        """The likeliest class of each row."""
        return [self._classes[place] for place in _answers(outputs)]


def _take(rows: Labelled, places: NDArray[np.intp]) -> Labelled:
    return Labelled([rows.texts[place] for place in places], [rows.labels[place] for place in places])


def _check_classes(labels: Sequence[str], name: str) -> None:
    classes = set(labels)
    if len(classes) < 2:
        raise InputError(
            f"{name} has one class only, {next(iter(classes))!r}: a classifier needs rows of at least two classes."
        )
    if len(classes) > max(2, len(labels) / 2):
        raise InputError(
            f"{name} has {len(classes):,} different labels in {len(labels):,} rows: name the column of classes "
            "with --label."
        )


def _check_parts(parts: Parts[Labelled], name: str) -> None:
    for part, rows in (("validation", parts.validation), ("test", parts.test)):
        if not rows.texts:
            raise InputError(f"{name} has too few rows to set some aside for {part}: give it more rows.")
    missing = set(parts.validation.labels) | set(parts.test.labels)
    if lacking := sorted(missing - set(parts.train.labels)):
        raise InputError(
            f"{name} has too few rows of the class {lacking[0]!r} for a training, a validation and a test part: "
            "give it more, or leave that class out."
        )


def _answers(outputs: NDArray[Any]) -> NDArray[np.intp]:
    answers: NDArray[np.intp] = np.argmax(to_probabilities(outputs), axis=1)
    return answers
