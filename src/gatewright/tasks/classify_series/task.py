"""Series classification: one of two or more classes for each series of numbers."""

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from gatewright.data import split
from gatewright.data.batches import Batch
from gatewright.data.padding import beginnings, pad
from gatewright.data.widths import last_steps
from gatewright.nn.layer import Layer
from gatewright.nn.layers import Dense, Dropout
from gatewright.support.errors import InputError
from gatewright.support.schema import Parsed, Size, read_as
from gatewright.tasks.base.classes import balanced, require_examples, require_known, require_several, too_many_labels
from gatewright.tasks.base.labels import ClassifierPrepared, Labels, SingleLabel, label_set
from gatewright.tasks.base.splitting import SPLIT_SEED, TEST_FRACTION, VALIDATION_FRACTION, held_out_note, limit_note
from gatewright.tasks.base.stack import recurrent_stack
from gatewright.tasks.base.task import FittedBaseline, Length, Splits, Task
from gatewright.tasks.classify_series.baseline import summary_regression
from gatewright.tasks.classify_series.channels import Channels
from gatewright.tasks.classify_series.layers import SeriesInput
from gatewright.tasks.classify_series.options import SeriesOptions
from gatewright.tasks.classify_series.reading import read_one, read_series
from gatewright.tasks.classify_series.series import Series
from gatewright.tasks.classify_series.settings import ClassifySeriesSettings
from gatewright.tasks.classify_series.splitting import hold_out, require_groups, shared_groups

# Defaults of the input noise. It averages out over several channels, but would hide the shape of a single one.
_NOISE, _NOISE_OF_ONE_CHANNEL = 0.5, 0.1
# Largest number of constant channels that a note names.
_LISTED = 5


@dataclass(frozen=True)
class PreparedSeries(ClassifierPrepared[Series]):
    """The labels and the channels of a series classifier, both found in the training series.

    Attributes:
        channels: The names, means and scales of the channels.
        max_length: Largest number of steps of a series. Only the last steps of a longer series are read.
        class_weights: "balanced" if all classes have the same total weight in the loss; "none" if all examples do.
        options: The options with which the training series were read. Further series are read in the same way.
    """

    channels: Channels
    max_length: int
    class_weights: str = "none"
    options: SeriesOptions = field(default_factory=SeriesOptions)

    unit: ClassVar[str] = "series"
    example_name: ClassVar[str] = "series"

    @property
    def features(self) -> int:
        return len(self.channels.names)

    def encode(self, examples: Series, training: bool = False) -> Batch:
        """Return a batch whose inputs are scaled numbers and whose targets are classes.

        The inputs are [series, time, channels], padded with NaN on the left to the longest series, but at most
        `max_length`. The targets are the numbers of the classes, [series].
        """
        scaled = [self.channels.encode(one[-self.max_length :]) for one in examples.values]
        return Batch(pad(scaled), self.label_set.targets(examples.labels))

    def lengths(self, batch: Batch) -> NDArray[np.intp]:
        return np.asarray(batch.inputs.shape[1] - beginnings(batch.inputs))

    def with_steps(self, batch: Batch, steps: int) -> Batch:
        return batch._replace(inputs=last_steps(batch.inputs, steps, np.nan))

    def raw_inputs(self, examples: Series) -> list[bytes]:
        return [np.ascontiguousarray(one, np.float64).tobytes() for one in examples.values]

    def sample_weight(self, batch: Batch) -> NDArray[np.float32]:
        if self.class_weights == "none":
            return super().sample_weight(batch)
        return balanced(batch.targets, len(self.labels))

    def to_json(self) -> dict[str, Any]:
        return {
            "labels": list(self.labels),
            "max_length": self.max_length,
            "channels": self.channels.to_json(),
            "options": self.options.to_json(),
        }

    @classmethod
    def from_json(cls, stored: Any) -> Self:
        read = read_as(_Stored, stored, "its prepared")
        labels, options = label_set(read.labels, False), SeriesOptions() if read.options is None else read.options
        return cls(labels, read.channels, read.max_length, options=options)


@dataclass(frozen=True)
class _Stored:
    """The contents of the entry `prepared` of a model file."""

    labels: Labels
    max_length: Size
    channels: Annotated[Channels, Parsed(Channels.from_json)]
    options: Annotated[SeriesOptions, Parsed(SeriesOptions.from_json)] | None = None


@dataclass(frozen=True)
class ClassifySeries(Task[Series]):
    """The task of predicting one label for each series of numbers.

    Padding never changes a prediction. If the data has no test set, a fifth of the data is used as one. If no
    validation data is given, a tenth of the training set is used instead, consisting of blocks of consecutive series if
    neighboring series are related, for example by the same speaker. The splits are stratified and do not
    depend on the seed.

    Args:
        options: See `SeriesOptions`.
    """

    settings: ClassifySeriesSettings

    length: ClassVar[Length] = Length(2_000, 10, 200)

    def read(self) -> Splits[Series]:
        source = read_series(self.data, SeriesOptions.of(self.options), self.test)
        name, train, test, notes = source.name, source.train, source.test, [*source.notes]
        classes = set(train.labels)
        require_several(name, classes)
        if too_many_labels(classes, len(train.labels)):
            raise InputError(
                f"{name} has {len(classes):,} different labels in {len(train.labels):,} series, but a classifier needs "
                "several series of each class. For a table, choose the column of the classes with --label."
            )
        if test is None:
            require_groups(train, name)
            train, test, own = hold_out(train, TEST_FRACTION, "test set", source.neighbours)
            notes += [held_out_note(name, "series")] if not train.groups else []
            notes += own
        else:
            require_known(f"The test set of {name}", set(test.labels), classes)
            notes += shared_groups(train, test, "test set")
        if self.limit is not None:
            train, test = (
                some.take(split.stratified_sample(some.labels, self.limit, SPLIT_SEED)) for some in (train, test)
            )
            notes.append(limit_note(self.limit, "series"))
        if self.validation is None:
            train, validation, own = hold_out(train, VALIDATION_FRACTION, "validation set", source.neighbours)
        else:
            validation, own = read_one(self.validation, train.options_for_more(), "--validation")
            require_known(f"The validation data {self.validation}", set(validation.labels), set(train.labels))
            notes += shared_groups(train, validation, "validation set")
        others = {
            part: (len(some.labels), set(some.labels)) for part, some in (("validation", validation), ("test", test))
        }
        require_examples(name, set(train.labels), others)
        remarks = _remarks(train, [*train.values, *validation.values, *test.values], self.settings.max_length)
        notes = list(dict.fromkeys([*notes, *own, *remarks]))
        return Splits(name, train, validation, test, tuple(notes), held_out=source.test is None)

    def prepare(self, splits: Splits[Series]) -> tuple[PreparedSeries, ClassifySeriesSettings]:
        """Return the labels (in alphabetical order) and channels found in the training set, and the settings."""
        train, settings = splits.train, self.settings
        noise, max_length = settings.input_noise, settings.max_length or max(map(len, train.values))
        if noise is None:
            noise = _NOISE if len(train.channels) > 1 else _NOISE_OF_ONE_CHANNEL
        channels = Channels.fit(train.channels, train.values, settings.scaling == "together")
        labels = SingleLabel(tuple(sorted(set(train.labels))))
        prepared = PreparedSeries(labels, channels, max_length, settings.class_weights, train.options)
        return prepared, replace(settings, input_noise=noise, max_length=max_length)

    def network(self, prepared: PreparedSeries, settings: Any) -> list[Layer]:
        """Return the layers of the network: an input layer, recurrent layers, pooling, and a linear map to the logits.

        `LabelSet` describes the logits.
        """
        layers: list[Layer] = [SeriesInput(settings.input_noise)]
        if settings.input_dropout:
            layers.append(Dropout(settings.input_dropout))
        layers += recurrent_stack(settings, bidirectional=settings.bidirectional, pooling=settings.pooling)
        return [*layers, Dense(prepared.label_set.outputs)]

    def baseline(self, splits: Splits[Series], prepared: PreparedSeries) -> FittedBaseline:
        """Return the test outputs of logistic regression on a summary of each series; see `summary_regression`."""
        # Scaling as for the network prevents an overflow of the squares.
        train, validation, test = (
            [prepared.channels.encode(one).astype(np.float64) for one in some.values]
            for some in (splits.train, splits.validation, splits.test)
        )
        classes, validation_classes = (
            prepared.label_set.targets(some.labels) for some in (splits.train, splits.validation)
        )
        fitted = summary_regression(train, classes, validation, validation_classes, test, prepared.label_set)
        steps = f", and {fitted.features} equally spaced steps" if fitted.features else ""
        return FittedBaseline(
            "logistic regression",
            f"mean, standard deviation, minimum, maximum, first and last number{steps} of each channel, and the "
            f"length; C = {fitted.C:g} and the number of steps chosen by "
            f"{prepared.selection(len(validation)).measures[0].title} on the validation set",
            fitted.outputs,
        )


def _remarks(train: Series, everything: list[NDArray[np.float64]], max_length: int | None) -> list[str]:
    """Return notes on constant channels, missing numbers, classes with one series, and series that are cut.

    Args:
        train: The training set.
        everything: The series of all splits.
        max_length: Largest number of steps that is read of a series. None for the longest length in `train`.
    """
    notes = []
    columns = zip(train.channels, np.concatenate(train.values).T, strict=True)
    if constant := [name for name, column in columns if len(np.unique(column[~np.isnan(column)])) < 2]:
        listed = ", ".join(constant[:_LISTED]) + (", ..." if len(constant) > _LISTED else "")
        notes.append(
            f"{len(constant):,} of {len(train.channels):,} channels are constant in the training set ({listed})."
        )
    if missing := sum(int(np.isnan(one).sum()) for one in everything):
        total = sum(one.size for one in everything)
        notes.append(f"{missing:,} of {total:,} numbers are missing. The mean of the channel is used for them.")
    if rare := sorted(label for label, count in Counter(train.labels).items() if count == 1):
        notes.append(
            f"The class {rare[0]!r} has only one training series"
            + ("." if len(rare) == 1 else f", and so do {len(rare) - 1:,} others.")
        )
    longest = max_length or max(map(len, train.values))
    if cut := sum(len(one) > longest for one in everything):
        notes.append(
            f"{cut:,} of {len(everything):,} series have more than {longest:,} steps, and only their last {longest:,} "
            "are read."
        )
    return notes
