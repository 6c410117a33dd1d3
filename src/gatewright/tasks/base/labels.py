"""What the labels of a text are, and what outputs say of them: one of two or more classes, or any number of labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from gatewright.results.measure import Measure
from gatewright.tasks.base.measures import (
    are_given,
    confusion,
    confusion_of_labels,
    of_classes,
    of_labels,
    to_probabilities,
    to_shares,
)


@dataclass(frozen=True)
class OneLabel:
    """Of each text one of two or more classes.

    The outputs are a logit for each class, of two classes that of the second alone; targets are the numbers of the
    classes, [rows]; an answer is the likeliest class.

    Attributes:
        names: the classes, in the order of the outputs.
    """

    names: tuple[str, ...]

    several: ClassVar[bool] = False
    measures: ClassVar[tuple[Measure, ...]] = (
        Measure("accuracy", "accuracy", "higher"),
        Measure("macro_f1", "macro F1", "higher"),
        Measure("auroc", "AUROC", "higher"),
        Measure("log_loss", "log loss", "lower"),
        Measure("calibration_error", "calibration error", "lower"),
    )
    right: ClassVar[str] = "its likeliest class is the label, and the other's is not"
    counted: ClassVar[str] = ""

    @property
    def outputs(self) -> int:
        """How many logits there are."""
        return 1 if len(self.names) == 2 else len(self.names)

    def targets(self, labels: Sequence[Any]) -> NDArray[np.int32]:
        """The labels of rows as numbers."""
        number = {name: place for place, name in enumerate(self.names)}
        return np.array([number[label] for label in labels], np.int32)

    def losses(self, outputs: Any, targets: Any) -> Any:
        """Cross-entropy of each row, in nats; JAX arrays in and out."""
        import jax

        if outputs.shape[-1] == 1:
            # log(1 + e^-s) where the class is 1, log(1 + e^s) where it is 0.
            return jax.nn.softplus(outputs[:, 0] * (1 - 2 * targets))
        logs = jax.nn.log_softmax(outputs)
        return -jax.numpy.take_along_axis(logs, targets[:, None], axis=-1)[:, 0]

    def probabilities(self, outputs: NDArray[Any]) -> NDArray[np.float64]:
        """Of each class, [rows, classes]."""
        return to_probabilities(outputs)

    def decode(self, probabilities: NDArray[np.float64]) -> list[str]:
        """The answer of each row."""
        return [self.names[place] for place in probabilities.argmax(axis=1)]

    def given(self, probabilities: NDArray[np.float64]) -> list[tuple[str, ...]]:
        """The answer of each row as the labels that it is given, which is one."""
        return [(name,) for name in self.decode(probabilities)]

    def measure(self, probabilities: NDArray[np.float64], targets: NDArray[Any]) -> dict[str, float]:
        """See `measures.of_classes`."""
        return of_classes(probabilities, targets)

    def merits(self, probabilities: NDArray[np.float64], targets: NDArray[Any]) -> NDArray[np.bool_]:
        """Whether each row's likeliest class is its own."""
        right: NDArray[np.bool_] = probabilities.argmax(axis=1) == targets
        return right

    def confusion(self, probabilities: NDArray[np.float64], targets: NDArray[Any]) -> list[Any]:
        """See `measures.confusion`."""
        return confusion(probabilities.argmax(axis=1), targets, len(self.names))

    def shares(self, targets: NDArray[Any]) -> NDArray[np.float64]:
        """The share of the rows that have each class."""
        return np.bincount(targets, minlength=len(self.names)) / len(targets)

    def constant(self, targets: NDArray[Any]) -> tuple[NDArray[np.float64], str]:
        """The outputs that are best for these targets without a look at the texts, and what they say."""
        shares = self.shares(targets)
        logs = np.log(shares)
        commonest = self.names[int(np.argmax(shares))]
        logits = logs if self.outputs > 1 else logs[1:] - logs[:1]
        return logits, f"always {commonest!r}, the commonest class of the training rows"


@dataclass(frozen=True)
class SeveralLabels:
    """Of each text any number of labels, also none or all.

    The outputs are a logit for each label, its sigmoid the label's probability; targets are [rows, labels], 1 where a
    row has a label, else 0; given are the labels with a probability of at least one half.

    Attributes:
        names: the labels, in the order of the outputs.
    """

    names: tuple[str, ...]

    several: ClassVar[bool] = True
    measures: ClassVar[tuple[Measure, ...]] = (
        Measure("macro_f1", "macro F1", "higher"),
        Measure("micro_f1", "micro F1", "higher"),
        Measure("accuracy", "accuracy", "higher"),
        Measure("auroc", "AUROC", "higher"),
        Measure("log_loss", "log loss", "lower"),
        Measure("calibration_error", "calibration error", "lower"),
    )
    right: ClassVar[str] = "all its labels are right, and not all of the other's are"
    counted: ClassVar[str] = "rows with every label right"

    @property
    def outputs(self) -> int:
        """How many logits there are."""
        return len(self.names)

    def targets(self, labels: Sequence[Any]) -> NDArray[np.int32]:
        """The labels of rows as zeros and ones."""
        number = {name: place for place, name in enumerate(self.names)}
        targets = np.zeros((len(labels), len(self.names)), np.int32)
        for row, some in enumerate(labels):
            targets[row, [number[label] for label in some]] = 1
        return targets

    def losses(self, outputs: Any, targets: Any) -> Any:
        """Mean over labels of the cross-entropy of yes and no, of each row, in nats; JAX arrays in and out."""
        import jax

        # log(1 + e^-s) where the label is there, log(1 + e^s) where it is not.
        return jax.nn.softplus(outputs * (1 - 2 * targets)).mean(axis=-1)

    def probabilities(self, outputs: NDArray[Any]) -> NDArray[np.float64]:
        """Of each label, [rows, labels]."""
        return to_shares(outputs)

    def decode(self, probabilities: NDArray[np.float64]) -> list[tuple[str, ...]]:
        """The labels that each row is given."""
        return [
            tuple(name for name, is_given in zip(self.names, row, strict=True) if is_given)
            for row in are_given(probabilities)
        ]

    def given(self, probabilities: NDArray[np.float64]) -> list[tuple[str, ...]]:
        """As `decode`."""
        return self.decode(probabilities)

    def measure(self, probabilities: NDArray[np.float64], targets: NDArray[Any]) -> dict[str, float]:
        """See `measures.of_labels`."""
        return of_labels(probabilities, targets)

    def merits(self, probabilities: NDArray[np.float64], targets: NDArray[Any]) -> NDArray[np.bool_]:
        """Whether all labels of each row are right."""
        right: NDArray[np.bool_] = (are_given(probabilities) == targets).all(axis=1)
        return right

    def confusion(self, probabilities: NDArray[np.float64], targets: NDArray[Any]) -> list[Any]:
        """See `measures.confusion_of_labels`."""
        return confusion_of_labels(are_given(probabilities), targets)

    def shares(self, targets: NDArray[Any]) -> NDArray[np.float64]:
        """The share of the rows that have each label."""
        shares: NDArray[np.float64] = targets.mean(axis=0)
        return shares

    def constant(self, targets: NDArray[Any]) -> tuple[NDArray[np.float64], str]:
        """The outputs that are best for these targets without a look at the texts, and what they say.

        A label that no row has, or every row, counts as had, or lacked, by half a row.
        """
        shares = np.clip(self.shares(targets), 0.5 / len(targets), 1 - 0.5 / len(targets))
        return np.log(shares / (1 - shares)), "each label by its share of the training rows, whatever the text"


Labels = OneLabel | SeveralLabels
