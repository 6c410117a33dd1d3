"""Trained series classifiers."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, ClassVar, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gatewright.data.batches import Batch
from gatewright.data.padding import beginnings, pad
from gatewright.nn.file import Relation
from gatewright.nn.layer import Layer, States
from gatewright.nn.layers import Dense, Dropout, Pool, Recurrent
from gatewright.results.explanation import Step
from gatewright.support.errors import InputError
from gatewright.support.progress import print_status
from gatewright.tasks.base.classes import require_known_labels
from gatewright.tasks.base.explainable import Explainable, label_output
from gatewright.tasks.base.model import Description, EvaluationSet, TrainedModel
from gatewright.tasks.base.prediction import Prediction, predictions
from gatewright.tasks.base.stack import outputs_fit, settings_fit, stack_fits
from gatewright.tasks.classify_series.channels import Channels
from gatewright.tasks.classify_series.given import as_series, as_step
from gatewright.tasks.classify_series.layers import SeriesInput
from gatewright.tasks.classify_series.reading import read_one, read_series, require_channels
from gatewright.tasks.classify_series.series import Series
from gatewright.tasks.classify_series.task import PreparedSeries


class SeriesClassifier(TrainedModel):
    """A trained classifier of series of numbers.

    Attributes:
        prepared: The labels, the channels, and the largest number of steps that is read of a series.
        training: The settings and the results of the training.
    """

    command: ClassVar[str] = "classify"
    prepared_class = PreparedSeries
    layer_classes = (SeriesInput, Dropout, Recurrent, Pool, Dense)
    layer_order = "series_input dropout? (recurrent dropout?)* recurrent pool? dropout? dense"

    prepared: PreparedSeries

    @classmethod
    def relations(
        cls, layers: Sequence[Layer], prepared: PreparedSeries, training: Mapping[str, Any]
    ) -> Iterator[Relation]:
        yield from stack_fits(layers, sequences=any(isinstance(layer, Pool) for layer in layers), bidirectional=True)
        yield from settings_fit(layers, training)
        yield outputs_fit(prepared.label_set.outputs, layers)

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of the classes, in the order of the columns of `probabilities`."""
        return self.prepared.labels

    @property
    def channels(self) -> Channels:
        """The names, means and scales of the channels."""
        return self.prepared.channels

    @overload
    def predict(self, series: list[Any] | tuple[Any, ...] | Iterator[Any]) -> list[Prediction]: ...
    @overload
    def predict(self, series: NDArray[Any]) -> Any: ...
    def predict(self, series: Any) -> Prediction | list[Prediction]:
        """Return the prediction for one series, or a list of predictions for several series.

        A series is an array [time, channels], in the units of the training data, with NaN for a missing number. If the
        model has one channel, it may also be [time]. A data frame is a series too: its columns are the channels. The
        prediction for a series does not depend on the other series.

        One array [time, channels] (or [time] for one channel) is one series. An array [series, time, channels], and a
        list, a tuple or an iterator of series, are several series. For a model with one channel, so is an array
        [series, time].

        Raises:
            InputError: A series has the wrong shape, contains an infinite number, or contains no number.
        """
        given, is_one = as_series(series, self.channels.names)
        found = predictions(self.prepared.label_set, self._probabilities(given))
        return found[0] if is_one else found

    def probabilities(self, series: Any) -> NDArray[np.float64]:
        """Return the probability of each label for each series, [series, labels], with labels in the order of `labels`.

        The argument is as for `predict`. For one series, the result is [1, labels].

        Raises:
            InputError: A series has the wrong shape, contains an infinite number, or contains no number.
        """
        return self._probabilities(as_series(series, self.channels.names)[0])

    def _probabilities(self, series: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
        scaled = [self.channels.encode(one[-self.prepared.max_length :]) for one in series]
        if not scaled:
            return np.empty((0, len(self.labels)))
        return self.prepared.label_set.probabilities(self._outputs(pad(scaled)))

    def outputs(self, batch: Batch, progress: bool = False) -> NDArray[np.float64]:
        return self._outputs(batch.inputs)

    def _outputs(self, x: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the logits, [series, outputs], for scaled and padded numbers, [series, time, channels]."""
        return self.outputs_by_length(x, x.shape[1] - beginnings(x), "series")

    def start(self) -> list[States]:
        """Return the recurrent states before the first step of a series, to pass to `step`.

        Raises:
            InputError: The network is bidirectional and needs the whole series.
        """
        return self._stepper.start()

    def step(self, numbers: ArrayLike, states: list[States]) -> tuple[Prediction, list[States]]:
        """Read the next step of a series. Return the prediction for the series up to this step, and the new states.

        `states` is not changed. For a series of at most `max_length` steps, the prediction equals that of `predict`.

        Args:
            numbers: The numbers of the step, [channels]. NaN stands for a missing number.
            states: The states from `start`, or from `step` for the previous step.

        Raises:
            InputError: The step has the wrong shape, contains an infinite number, or contains no number.
        """
        outputs, after = self._step(self.channels.encode(as_step(numbers, self.channels.names)), states)
        labels = self.prepared.label_set
        return predictions(labels, labels.probabilities(outputs))[0], after

    def explainable(
        self, example: Any, *, label: str | None = None, against: str | None = None, step: int | None = None
    ) -> Explainable:
        given, is_one = as_series(example, self.channels.names)
        if not is_one:
            raise InputError("Give one series to explain, an array [time, channels].")
        if step is not None:
            raise InputError("The model gives one answer for the whole series, so no step can be chosen: leave it out.")
        series, longest = given[0], self.prepared.max_length
        before = max(0, len(series) - longest)
        probabilities = self._probabilities(given)[0]
        output = label_output(self.prepared.label_set, probabilities, label, against)

        def without(sets: Sequence[Collection[int]]) -> NDArray[np.float32]:
            shorter = [np.delete(series, [before + step for step in left_out], axis=0) for left_out in sets]
            return pad([self.channels.encode(one[-longest:]) for one in shorter])

        steps = tuple(
            Step(str(place), numbers=dict(zip(self.channels.names, map(float, row), strict=True)))
            for place, row in enumerate(series[before:], before + 1)
        )
        note = f"The model reads the last {longest:,} steps of a series: {before:,} before are not read."
        return Explainable(
            pad([self.channels.encode(series[before:])]),
            steps,
            output,
            str(predictions(self.prepared.label_set, probabilities[None])[0]),
            probabilities[self.labels.index(output.name)],
            tuple(range(len(steps))),
            without,
            (note,) if before else (),
        )

    def read(self, data: str, options: Mapping[str, Any], limit: int | None) -> EvaluationSet:
        source = read_series(data, self.prepared.options.for_more(self.channels.names, options))
        examples = source.train if source.test is None else source.test
        return self.evaluation_set(source.name, examples, source.notes, limit, source.test is not None)

    def evaluation_set(
        self, name: str, examples: Series, notes: tuple[str, ...], limit: int | None, is_test: bool
    ) -> EvaluationSet:
        examples = examples.take(np.arange(len(examples.values))[:limit])
        require_channels(name, examples, self.channels.names)
        require_known_labels(self.labels, name, sorted(set(examples.labels)), "those series")
        return EvaluationSet(name, examples, self.prepared, notes, is_test)

    def predict_from(
        self, texts: Sequence[str] | None, file: str | None, options: Mapping[str, Any]
    ) -> list[Prediction]:
        if file is None or texts is not None:
            raise InputError("The model classifies series of numbers, not texts. Give a file of series with --file.")
        return predictions(self.prepared.label_set, self._probabilities(self.examples_from(None, file, options)))

    def examples_from(self, given: Any, file: str | None, options: Mapping[str, Any]) -> list[NDArray[np.float64]]:
        if file is None:
            return as_series(given, self.channels.names).series
        if given is not None:
            raise InputError(f"Series and --file {file} are both given. Leave one of them out.")
        wanted = self.prepared.options.for_more(self.channels.names, options, labelled=False)
        found = read_one(file, wanted, "--file")
        for note in found.notes:
            print_status(note)
        return list(found.series.values)

    def output_activation(self) -> str:
        return self.prepared.label_set.activation

    def describe(self) -> Description:
        window = self.prepared.options.window
        reads = f"series: {self.prepared.features:,} channels" + (f", in windows of {window:,} steps" if window else "")
        return Description(self.channels.kind, self.prepared.features, reads)

    def answers(self) -> dict[str, Any]:
        return {**self.prepared.label_set.to_json(), "max_length": self.prepared.max_length}
