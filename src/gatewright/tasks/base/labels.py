"""The labels of a classifier, which gives each example either exactly one label or any number of labels."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gatewright.results.measure import Measure, Selection
from gatewright.support.errors import InputError
from gatewright.support.schema import Items
from gatewright.tasks.base.measures import (
    class_metrics,
    confusion,
    label_confusion,
    multi_label_metrics,
    predicted_labels,
    to_label_probabilities,
    to_probabilities,
)
from gatewright.tasks.base.task import Examples, Prepared, selection_by

LOG_LOSS = "log_loss"
"""The name of the metric that is the mean loss of an example."""


@dataclass(frozen=True)
class LabelSet(ABC):
    """The labels of a classifier, and the meaning of its outputs.

    Attributes:
        names: The labels, in the order of the outputs.
        multi_label: True if an example may have any number of labels.
        measures: The metrics; the first is the main one, and one has the name `LOG_LOSS`.
        score_label, score_name: See `Prepared`.
    """

    names: tuple[str, ...]

    multi_label: ClassVar[bool]
    measures: ClassVar[tuple[Measure, ...]]
    score_label: ClassVar[str]
    score_name: ClassVar[str]

    @property
    def loss_measure(self) -> Measure:
        """The metric that is the mean loss of an example."""
        return next(measure for measure in self.measures if measure.name == LOG_LOSS)

    def selection(self, examples: int) -> Selection:
        """Return the rule by which a model is chosen on a validation set with this number of examples."""
        return selection_by(self.measures[0], self.loss_measure, examples)

    @property
    @abstractmethod
    def outputs(self) -> int:
        """The number of logits that the network returns for an example."""

    @property
    def activation(self) -> str:
        """The function that turns the logits into probabilities: "sigmoid" or "softmax".

        The sigmoid of a single logit is the probability of the second of two classes.
        """
        return "sigmoid" if self.multi_label or self.outputs == 1 else "softmax"

    @abstractmethod
    def targets(self, labels: Sequence[Any]) -> NDArray[np.int32]:
        """Return labels as integers: class indices, [examples], or for multi-label data 0 and 1, [examples, labels]."""

    @abstractmethod
    def losses(self, outputs: Any, targets: Any) -> Any:
        """Return the cross-entropy of each example in nats, [examples]. The arguments and the result are JAX arrays."""

    @abstractmethod
    def probabilities(self, outputs: NDArray[Any]) -> NDArray[np.float64]:
        """Convert logits to the probability of each label, [examples, labels]."""

    @abstractmethod
    def predicted(self, probabilities: NDArray[np.float64]) -> list[tuple[str, ...]]:
        """Return a tuple of the predicted labels for each example."""

    @abstractmethod
    def measure(self, probabilities: NDArray[np.float64], targets: NDArray[Any]) -> dict[str, float]:
        """Return the value of each metric, with the names of the metrics as keys."""

    @abstractmethod
    def scores(self, probabilities: NDArray[np.float64], targets: NDArray[Any]) -> NDArray[np.bool_]:
        """Return a bool for each example, [examples]: True if the prediction is right."""

    @abstractmethod
    def confusion(self, probabilities: NDArray[np.float64], targets: NDArray[Any]) -> list[Any]:
        """Return the confusion matrix as nested lists (rows: true class). For multi-label data: one per label."""

    @abstractmethod
    def constant(self, targets: NDArray[Any]) -> tuple[NDArray[np.float64], str]:
        """Return logits that are the same for all examples and fit these targets best, and a description of them."""

    def to_json(self) -> dict[str, Any]:
        """Return the labels as JSON values."""
        return {"labels": list(self.names), "multi_label": self.multi_label}


@dataclass(frozen=True)
class SingleLabel(LabelSet):
    """The labels of a classifier that gives each example exactly one of two or more classes.

    The outputs are a logit for each class or, for two classes, only the logit of the second class. Targets are class
    indices, [examples]. The most probable class is predicted.
    """

    multi_label: ClassVar[bool] = False
    measures: ClassVar[tuple[Measure, ...]] = (
        Measure("accuracy", "accuracy", "higher"),
        Measure("macro_f1", "macro F1", "higher"),
        Measure("auroc", "AUROC", "higher"),
        Measure(LOG_LOSS, "log loss", "lower", per_epoch=True),
        Measure("calibration_error", "calibration error", "lower"),
    )
    score_label: ClassVar[str] = "its most probable class is right, and the other's is not"
    score_name: ClassVar[str] = ""

    @property
    def outputs(self) -> int:
        return 1 if len(self.names) == 2 else len(self.names)

    def targets(self, labels: Sequence[Any]) -> NDArray[np.int32]:
        numbers = {name: number for number, name in enumerate(self.names)}
        return np.array([numbers[label] for label in labels], np.int32)

    def losses(self, outputs: Any, targets: Any) -> Any:
        import jax

        if outputs.shape[-1] == 1:
            # log(1 + e^-s) for class 1, log(1 + e^s) for class 0.
            return jax.nn.softplus(outputs[:, 0] * (1 - 2 * targets))
        return -jax.numpy.take_along_axis(jax.nn.log_softmax(outputs), targets[:, None], axis=-1)[:, 0]

    def probabilities(self, outputs: NDArray[Any]) -> NDArray[np.float64]:
        return to_probabilities(outputs)

    def predicted(self, probabilities: NDArray[np.float64]) -> list[tuple[str, ...]]:
        return [(self.names[place],) for place in probabilities.argmax(axis=1)]

    def measure(self, probabilities: NDArray[np.float64], targets: NDArray[Any]) -> dict[str, float]:
        return class_metrics(probabilities, targets)

    def scores(self, probabilities: NDArray[np.float64], targets: NDArray[Any]) -> NDArray[np.bool_]:
        return np.asarray(probabilities.argmax(axis=1) == targets)

    def confusion(self, probabilities: NDArray[np.float64], targets: NDArray[Any]) -> list[Any]:
        return confusion(probabilities.argmax(axis=1), targets, len(self.names))

    def constant(self, targets: NDArray[Any]) -> tuple[NDArray[np.float64], str]:
        frequencies = np.bincount(targets, minlength=len(self.names)) / len(targets)
        with np.errstate(divide="ignore"):  # a class that does not occur has the logit -inf
            logs = np.log(frequencies)
        description = f"always {self.names[int(np.argmax(frequencies))]!r}, the most frequent class"
        return logs if self.outputs > 1 else logs[1:] - logs[:1], description


@dataclass(frozen=True)
class MultiLabel(LabelSet):
    """The labels of a classifier that gives each example any number of labels, including none and all.

    The outputs are a logit for each label, whose sigmoid is its probability. Targets are [examples, labels], 1 where an
    example has a label, otherwise 0. Labels with a probability of at least one half are predicted.
    """

    multi_label: ClassVar[bool] = True
    measures: ClassVar[tuple[Measure, ...]] = (
        Measure("macro_f1", "macro F1", "higher"),
        Measure("micro_f1", "micro F1", "higher"),
        Measure("accuracy", "accuracy", "higher"),
        Measure("auroc", "AUROC", "higher"),
        Measure(LOG_LOSS, "log loss", "lower", per_epoch=True),
        Measure("calibration_error", "calibration error", "lower"),
    )
    score_label: ClassVar[str] = "all its labels are right, and not all of the other's are"
    score_name: ClassVar[str] = "examples with every label right"

    @property
    def outputs(self) -> int:
        return len(self.names)

    def targets(self, labels: Sequence[Any]) -> NDArray[np.int32]:
        numbers = {name: number for number, name in enumerate(self.names)}
        targets = np.zeros((len(labels), len(self.names)), np.int32)
        for row, given in enumerate(labels):
            targets[row, [numbers[label] for label in given]] = 1
        return targets

    def losses(self, outputs: Any, targets: Any) -> Any:
        import jax

        # log(1 + e^-s) for a label that is present, log(1 + e^s) for one that is absent; the mean over labels.
        return jax.nn.softplus(outputs * (1 - 2 * targets)).mean(axis=-1)

    def probabilities(self, outputs: NDArray[Any]) -> NDArray[np.float64]:
        return to_label_probabilities(outputs)

    def predicted(self, probabilities: NDArray[np.float64]) -> list[tuple[str, ...]]:
        return [
            tuple(name for name, given in zip(self.names, row, strict=True) if given)
            for row in predicted_labels(probabilities)
        ]

    def measure(self, probabilities: NDArray[np.float64], targets: NDArray[Any]) -> dict[str, float]:
        return multi_label_metrics(probabilities, targets)

    def scores(self, probabilities: NDArray[np.float64], targets: NDArray[Any]) -> NDArray[np.bool_]:
        return np.asarray((predicted_labels(probabilities) == targets).all(axis=1))

    def confusion(self, probabilities: NDArray[np.float64], targets: NDArray[Any]) -> list[Any]:
        return label_confusion(predicted_labels(probabilities), targets)

    def constant(self, targets: NDArray[Any]) -> tuple[NDArray[np.float64], str]:
        # A label that no example has, or every example, counts as half an example with it, or without it.
        frequencies = np.clip(targets.mean(axis=0), 0.5 / len(targets), 1 - 0.5 / len(targets))
        return np.log(frequencies / (1 - frequencies)), "the frequency of each label as its probability"


Labels: TypeAlias = Annotated[tuple[str, ...], Items(1, distinct=True)]
"""The labels in a model file."""


def label_set(names: tuple[str, ...], multi_label: bool) -> LabelSet:
    """Return a `MultiLabel` with these labels if `multi_label` is True, otherwise a `SingleLabel`.

    Raises:
        InputError: There is only one label, and `multi_label` is False.
    """
    if not multi_label and len(names) < 2:
        raise InputError("its labels are fewer than two.")
    return (MultiLabel if multi_label else SingleLabel)(names)


class LabelPrepared(Prepared[Examples]):
    """The base class of a `Prepared` whose outputs and metrics are those of labels.

    Attributes:
        label_set: The labels.
    """

    label_set: LabelSet

    @property
    def measures(self) -> tuple[Measure, ...]:
        return self.label_set.measures

    @property
    def loss_measure(self) -> Measure:
        return self.label_set.loss_measure

    @property
    def score_label(self) -> str:
        return self.label_set.score_label

    @property
    def score_name(self) -> str:
        return self.label_set.score_name

    @property
    def labels(self) -> tuple[str, ...]:
        return self.label_set.names

    @property
    def multi_label(self) -> bool:
        return self.label_set.multi_label

    def losses(self, outputs: Any, targets: Any) -> Any:
        return self.label_set.losses(outputs, targets)

    def measure(self, outputs: NDArray[Any], targets: NDArray[Any]) -> dict[str, float]:
        return self.label_set.measure(self.label_set.probabilities(outputs), targets)

    def scores(self, outputs: NDArray[Any], targets: NDArray[Any]) -> NDArray[np.bool_]:
        return self.label_set.scores(self.label_set.probabilities(outputs), targets)

    def confusion(self, outputs: NDArray[Any], targets: NDArray[Any]) -> list[Any]:
        return self.label_set.confusion(self.label_set.probabilities(outputs), targets)

    def constant(self, targets: NDArray[Any], train: NDArray[Any] | None = None) -> tuple[NDArray[Any], str]:
        logits, description = self.label_set.constant(targets if train is None else train)
        return np.tile(logits, (len(targets), 1)), description


@dataclass(frozen=True)
class ClassifierPrepared(LabelPrepared[Examples]):
    """The base class of what classification tasks learn from the training set.

    Attributes:
        label_set: The labels.
    """

    label_set: LabelSet
