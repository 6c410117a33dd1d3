"""The prediction of a classifier for one example."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewright.support.escapes import escape_control
from gatewright.tasks.base.labels import LabelSet


@dataclass(frozen=True)
class Prediction:
    """The prediction of a classifier for one example.

    Attributes:
        label: The most probable label.
        probabilities: The probability of each label.
        labels: The predicted labels. A multi-label model predicts all labels with a probability of at least one half,
            which may be none. Other models predict only the most probable label.
        multi_label: True if the model can predict any number of labels for an example.
    """

    label: str
    probabilities: dict[str, float]
    labels: tuple[str, ...]
    multi_label: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return the prediction as JSON values."""
        predicted = {"labels": list(self.labels)} if self.multi_label else {"label": self.label}
        return {**predicted, "probabilities": self.probabilities}

    def text(self, first: bool) -> str:
        """Return the text that `gatewright predict` prints. `first` is True for the first prediction of the output."""
        return str(self)

    def __str__(self) -> str:
        if not self.multi_label:
            return f"{self.label}\t{self.probabilities[self.label]:.4f}"
        listed = " ".join(f"{escape_control(label)} {p:.4f}" for label, p in self.probabilities.items())
        return f"{','.join(map(escape_control, self.labels)) or '-'}\t{listed}"


def predictions(labels: LabelSet, probabilities: NDArray[np.float64]) -> list[Prediction]:
    """Return a prediction for each example, given the probability of each label, [examples, labels]."""
    return [
        Prediction(
            labels.names[int(np.argmax(row))],
            {label: float(p) for label, p in zip(labels.names, row, strict=True)},
            predicted,
            labels.multi_label,
        )
        for row, predicted in zip(probabilities, labels.predicted(probabilities), strict=True)
    ]
