"""Trained series classifiers."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gatewright.data.batches import Batch
from gatewright.nn.file import ModelFile
from gatewright.nn.layer import Layer, States
from gatewright.nn.layers import LAYERS
from gatewright.support.errors import InputError
from gatewright.tasks.base.classes import require_known_labels
from gatewright.tasks.base.model import Description, EvaluationSet, TrainedModel, is_classifier
from gatewright.tasks.base.prediction import Prediction, predictions
from gatewright.tasks.classify_series.channels import Channels, pad, trim
from gatewright.tasks.classify_series.layers import SeriesInput
from gatewright.tasks.classify_series.reading import ColumnOptions, read_one_file, read_series
from gatewright.tasks.classify_series.task import PreparedSeries


class SeriesClassifier(TrainedModel):
    """A trained classifier of series of numbers.

    Attributes:
        prepared: The labels, the channels, and the largest number of steps that is read of a series.
        training: The settings and the results of the training.
    """

    command: ClassVar[str] = "classify"
    prepared_class = PreparedSeries
    layer_classes: ClassVar[Mapping[str, type[Layer]]] = {**LAYERS, SeriesInput.kind: SeriesInput}

    prepared: PreparedSeries

    def __init__(self, file: ModelFile, prepared: PreparedSeries) -> None:
        super().__init__(file, prepared)
        if prepared.label_set.outputs != file.layers[-1].width(0):
            raise InputError("its number of labels does not fit the number of outputs of its network.")

    @classmethod
    def is_network(cls, layers: Sequence[Layer]) -> bool:
        return is_classifier(layers, SeriesInput)

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of the classes, in the order of the columns of `probabilities`."""
        return self.prepared.labels

    @property
    def channels(self) -> Channels:
        """The names, means and scales of the channels."""
        return self.prepared.channels

    def predict(self, series: Sequence[ArrayLike]) -> list[Prediction]:
        """Return the prediction for each series.

        Each series is [time, channels], in the units of the training data, with NaN for a missing number. The
        prediction for a series does not depend on the other series.

        Raises:
            InputError: A series has the wrong shape, contains an infinite number, or contains no number.
        """
        return predictions(self.prepared.label_set, self.probabilities(series))

    def probabilities(self, series: Sequence[ArrayLike]) -> NDArray[np.float64]:
        """Return the probability of each label for each series, [series, labels], with labels in the order of `labels`.

        Raises:
            InputError: A series has the wrong shape, contains an infinite number, or contains no number.
        """
        scaled = [self.channels.encode(self._checked(one)[-self.prepared.max_length :]) for one in series]
        if not scaled:
            return np.empty((0, len(self.labels)))
        return self.prepared.label_set.probabilities(self._outputs(pad(scaled, max(map(len, scaled)))))

    def outputs(self, batch: Batch, progress: bool = False) -> NDArray[np.float64]:
        return self._outputs(batch.inputs)

    def _outputs(self, x: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the logits, [series, outputs], for scaled and padded numbers, [series, time, channels]."""
        return self.outputs_by_length(x, x.shape[1] - (~np.isnan(x).all(axis=2)).argmax(axis=1), "series")

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
        outputs, after = self._stepper(self.channels.encode(self._checked([numbers])), states)
        labels = self.prepared.label_set
        return predictions(labels, labels.probabilities(outputs))[0], after

    def _checked(self, given: Any) -> NDArray[np.float64]:
        """Return a series as float64 [time, channels], after removing the steps without any number from both ends."""
        channels = len(self.channels.names)
        try:
            one = np.asarray(given, np.float64)
        except (TypeError, ValueError):
            raise InputError(
                "A series must be numbers [time, channels], but something in it is not a number."
            ) from None
        if one.ndim == 1 and channels == 1:
            one = one[:, None]
        if one.ndim != 2 or one.shape[1] != channels:
            raise InputError(f"A series must be numbers [time, {channels}], not of shape {list(one.shape)}.")
        if np.isinf(one).any():
            raise InputError("A series has an infinite number. Fix it, or replace it by NaN for a missing number.")
        kept = trim(one)
        if not len(kept):
            raise InputError("A series has no number. Leave it out.")
        return kept

    def read(self, data: str, options: Mapping[str, Any], limit: int | None) -> EvaluationSet:
        wanted = ColumnOptions(options.get("id"), options.get("time"), options.get("label"), self.channels.names)
        source = read_series(data, wanted)
        examples = source.train if source.test is None else source.test
        examples = examples.take(np.arange(len(examples.values))[:limit])
        own, known = len(examples.channels), len(self.channels.names)
        if own != known:
            raise InputError(
                f"{source.name} has {own} channels, but the model needs {known}. Give series with {known} channels."
            )
        require_known_labels(self.labels, source.name, sorted(set(examples.labels)), "those series")
        return EvaluationSet(source.name, examples, self.prepared)

    def predict_from(
        self, texts: Sequence[str] | None, file: str | None, options: Mapping[str, Any]
    ) -> list[Prediction]:
        if file is None or texts is not None:
            raise InputError("The model classifies series of numbers, not texts. Give a file of series with --file.")
        wanted = ColumnOptions(options.get("id"), options.get("time"), None, self.channels.names, labelled=False)
        return self.predict(read_one_file(file, wanted, "--file").values)

    def describe(self) -> Description:
        return Description(self.channels.kind, self.prepared.features, f"series: {self.prepared.features:,} channels")

    def answers(self) -> dict[str, Any]:
        return {**self.prepared.label_set.to_json(), "max_length": self.prepared.max_length}
