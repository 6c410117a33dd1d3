"""Classify series of numbers: one of two or more classes for each."""

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
from gatewright.nn.layers import Dense, Dropout, Pool, Recurrent
from gatewright.results.measure import Measure
from gatewright.support.errors import InputError
from gatewright.tasks.base.classes import are_many, balanced, require_known, require_parts, require_several
from gatewright.tasks.base.labels import OneLabel
from gatewright.tasks.base.task import Parts, Simple
from gatewright.tasks.classify_series.blocks import Measurements
from gatewright.tasks.classify_series.channels import Channels, pad
from gatewright.tasks.classify_series.reading import Series, Wanted, read_rows, read_series

# Of the splits alone: seeds of runs do not change which rows are which.
_SPLIT_SEED = 0
_TEST_SHARE = 0.2
_VALIDATION_SHARE = 0.1
# Noise in training where nobody says how much, of several channels and of one.
_NOISE, _NOISE_OF_ONE = 0.5, 0.1


@dataclass
class ClassifySeries:
    """Series of numbers with one label each.

    Padding never changes an answer. Where the source has no test part, a fifth of its rows become one; a tenth of the
    training rows validate, whole stretches of neighbours where these have something in common, unless validation rows
    are given. The splits are always the same, and stratified.

    Attributes:
        source: a named set, a file or a folder: see `data.series.read_series`.
        id, time, label, test: columns, and a file of test rows, likewise.
        validation: a file of validation rows.
        length: steps of a row that are read, the last; None is as many as the longest training row has.
        layers, both, pooling, recurrent_dropout, zoneout, class_weights, limit: as of `tasks.classify.Classify`.
        scaling: of the channels by the standard deviation of "each", or of all "together": see `data.channels`.
        noise: added to the numbers in training: see `series_blocks.Measurements`; None is 0.5 where there are several
            channels, over which it averages out, and 0.1 where there is one, whose shape it would hide.
        input_dropout: of the channels; output_dropout: between layers and below the outputs: see `blocks.Dropout`.
    """

    source: str
    id: str | None = None
    time: str | None = None
    label: str | None = None
    test: str | None = None
    validation: str | None = None
    length: int | None = None
    layers: int = 1
    both: bool = False
    pooling: str = "last"
    scaling: str = "each"
    noise: float | None = 0.0
    recurrent_dropout: float = 0.0
    zoneout: float = 0.0
    input_dropout: float = 0.0
    output_dropout: float = 0.0
    class_weights: str = "none"
    limit: int | None = None
    data: str = field(init=False, default="")
    _labels: OneLabel = field(init=False, default=OneLabel(()))
    _channels: Channels | None = field(init=False, default=None)

    name: ClassVar[str] = "classify"
    carried: ClassVar[bool] = False
    steps: ClassVar[tuple[int, int]] = (2_000, 10)
    most_epochs: ClassVar[int] = 200
    unit: ClassVar[str] = "rows"
    measures: ClassVar[tuple[Measure, ...]] = OneLabel.measures
    # A few validation rows have few values of accuracy, and many epochs share the best.
    choosing: ClassVar[tuple[Measure, ...]] = tuple(
        measure for measure in OneLabel.measures if measure.name in ("accuracy", "log_loss")
    )
    right: ClassVar[str] = OneLabel.right
    counted: ClassVar[str] = OneLabel.counted

    def read(self) -> Parts[Series]:
        """The rows, split.

        Raises:
            InputError: the data can't be read, or its labels do not make a task.
        """
        wanted = Wanted(self.id, self.time, self.label)
        source = read_series(self.source, wanted, self.test)
        self.data, train, test, notes = source.name, source.train, source.test, []
        require_several(source.name, set(train.labels))
        if are_many(set(train.labels), len(train.labels)):
            raise InputError(
                f"{source.name} has {len(set(train.labels)):,} different labels in {len(train.labels):,} rows: a "
                "classifier needs classes with several rows; of a table name their column with --label."
            )
        if test is None:
            train, test = _hold_out(train, _TEST_SHARE)
            notes.append(f"{source.name} has no test part: {_TEST_SHARE:.0%} of its rows were set aside as one.")
        else:
            require_known(f"the test part of {source.name} has", set(test.labels), set(train.labels))
        if self.limit is not None:
            train, test = (rows.take(split.sample(rows.labels, self.limit, _SPLIT_SEED)) for rows in (train, test))
            notes.append(f"A quick look: at most {self.limit:,} training rows and as many test rows were used.")
        if self.validation is None:
            train, validation = _hold_out(train, _VALIDATION_SHARE, bool(source.neighbours))
            if source.neighbours:
                notes.append(
                    f"Neighbouring rows of {source.name} {source.neighbours}: whole stretches of them validate."
                )
        else:
            validation = read_rows(self.validation, wanted._replace(channels=train.channels), "--validation")
            require_known(f"the validation rows of {self.validation} have", set(validation.labels), set(train.labels))
        parts = Parts(train, validation, test)
        others = {
            name: (len(rows.labels), set(rows.labels)) for name, rows in (("validation", validation), ("test", test))
        }
        require_parts(source.name, set(train.labels), others)
        return Parts(train, validation, test, (*notes, *_remarks(parts, self.length)))

    def fit(self, train: Series) -> None:
        """The labels in alphabetical order, each channel's mean and spread, and the longest row."""
        self._labels = OneLabel(tuple(sorted(set(train.labels))))
        self._channels = Channels.fit(train.channels, train.values, self.scaling == "together")
        if self.noise is None:
            self.noise = _NOISE if len(train.channels) > 1 else _NOISE_OF_ONE
        if self.length is None:
            self.length = max(map(len, train.values))

    def encode(self, rows: Series, learning: bool = False) -> Examples:
        """Scaled numbers [rows, length, channels], NaN on the left where a row is shorter; the classes, [rows]."""
        assert self._channels is not None
        assert self.length is not None
        scaled = [self._channels.encode(row[-self.length :]) for row in rows.values]
        return Examples(pad(scaled, self.length), self._labels.targets(rows.labels))

    def size(self, examples: Examples) -> int:
        """How many rows."""
        return len(examples.inputs)

    def remarks(self, test: Examples) -> tuple[str, ...]:
        """None: all that is to be said is known of the rows as they were read."""
        return ()

    def counts(self, train: Examples) -> NDArray[np.float32]:
        """What each training row counts, [rows]."""
        if self.class_weights == "none":
            return np.ones(len(train.targets), np.float32)
        return balanced(train.targets, len(self.classes))

    def blocks(self, cell: str, units: int) -> list[Block]:
        """Measurements, recurrent layers, pooling, and one logit (two classes) or a logit for each class."""
        assert self.noise is not None
        blocks: list[Block] = [Measurements(self.noise)]
        if self.input_dropout:
            blocks.append(Dropout(self.input_dropout))
        for layer in range(self.layers):
            top = layer == self.layers - 1
            steps = not top or self.pooling != "last"
            blocks.append(Recurrent(cell, units, self.both, steps, self.recurrent_dropout, zoneout=self.zoneout))
            if top and self.pooling != "last":
                blocks.append(Pool(self.pooling))
            if self.output_dropout:
                blocks.append(Dropout(self.output_dropout))
        return [*blocks, Dense(self._labels.outputs)]

    def model(self, blocks: Sequence[Block], weights: Sequence[Any], training: dict[str, Any]) -> Model:
        """What a model file holds of a trained network."""
        assert self._channels is not None
        answers = {"labels": list(self.classes), "length": self.length, "features": len(self._channels.names)}
        arrays = tuple({name: np.asarray(array) for name, array in block.items()} for block in weights)
        return Model(self.name, tuple(blocks), arrays, self._channels.to_json(), answers, training)

    @property
    def classes(self) -> tuple[str, ...]:
        """The labels, in the order of the outputs; known when `fit` is done."""
        return self._labels.names

    def losses(self, outputs: Any, targets: Any) -> Any:
        """Cross-entropy of each row, in nats."""
        return self._labels.losses(outputs, targets)

    def measure(self, outputs: NDArray[Any], targets: NDArray[Any]) -> dict[str, float]:
        """See `measures.of_classes`."""
        return self._labels.measure(self._labels.probabilities(outputs), targets)

    def merits(self, outputs: NDArray[Any], targets: NDArray[Any]) -> NDArray[np.bool_]:
        """Whether each row's likeliest class is its own."""
        return self._labels.merits(self._labels.probabilities(outputs), targets)

    def confusion(self, outputs: NDArray[Any], targets: NDArray[Any]) -> list[Any]:
        """See `measures.confusion`."""
        return self._labels.confusion(self._labels.probabilities(outputs), targets)

    def chance(self, train: Examples, test: Examples) -> Simple:
        """The labels' shares in the training rows, whatever the numbers: the commonest is the answer."""
        logits, description = self._labels.constant(train.targets)
        return Simple("chance", description, np.tile(logits, (len(test.targets), 1)))

    def baseline(self, parts: Parts[Series]) -> Simple:
        """Logistic regression on a summary of each channel: see `series_baseline`."""
        from gatewright.tasks.classify_series.baseline import summary_regression

        own, others = (self._labels.targets(rows.labels) for rows in (parts.train, parts.validation))
        # Scaled as for the network, so that no square is beyond float64.
        assert self._channels is not None
        train, validation, test = (
            [self._channels.encode(row).astype(np.float64) for row in rows.values]
            for rows in (parts.train, parts.validation, parts.test)
        )
        fitted = summary_regression(train, own, validation, others, test, self._labels)
        beside = f" and {fitted.steps} steps at equal distances" if fitted.steps else ""
        return Simple(
            "logistic regression",
            f"mean, deviation, least, most, first and last{beside} of each channel, and the length; "
            f"C = {fitted.C:g} and the steps chosen on the validation rows",
            fitted.outputs,
        )

    def decode(self, outputs: NDArray[Any]) -> Sequence[str]:
        """The likeliest class of each row."""
        return self._labels.decode(self._labels.probabilities(outputs))


def _hold_out(rows: Series, share: float, stretches: bool = False) -> tuple[Series, Series]:
    kept, held = (split.hold_out_stretches if stretches else split.hold_out)(rows.labels, share, _SPLIT_SEED)
    return rows.take(kept), rows.take(held)


def _remarks(parts: Parts[Series], length: int | None) -> list[str]:
    """What a reader must know of channels that say nothing, missing numbers, classes of one row, and rows cut short."""
    train, rows = parts.train, [*parts.train.values, *parts.validation.values, *parts.test.values]
    notes = []
    whole = np.concatenate(train.values)
    told = [
        name for name, column in zip(train.channels, whole.T, strict=True) if _is_constant(column[~np.isnan(column)])
    ]
    if told:
        listed = ", ".join(told[:5]) + (", ..." if len(told) > 5 else "")
        notes.append(f"{len(told):,} of {len(train.channels):,} channels are constant in the training rows ({listed}).")
    if missing := sum(int(np.isnan(row).sum()) for row in rows):
        total = sum(row.size for row in rows)
        notes.append(f"{missing:,} of {total:,} numbers are missing; one that is counts as its channel's mean.")
    counted = Counter(train.labels)
    if alone := sorted(label for label, count in counted.items() if count == 1):
        notes.append(
            f"One training row alone has the class {alone[0]!r}"
            + ("." if len(alone) == 1 else f", and so it is with {len(alone) - 1:,} more.")
        )
    longest = length or max(map(len, train.values))
    if cut := sum(len(row) > longest for row in rows):
        notes.append(
            f"{cut:,} of {len(rows):,} rows have more than {longest:,} steps: their last {longest:,} are read."
        )
    return notes


def _is_constant(numbers: NDArray[np.float64]) -> bool:
    return not len(numbers) or bool(numbers.min() == numbers.max())
