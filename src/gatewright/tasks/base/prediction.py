"""What a classifier says of one row, a text or a series."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewright.results.figures import printable
from gatewright.tasks.base.labels import Labels


@dataclass(frozen=True)
class Prediction:
    """What a classifier says of one row.

    Attributes:
        label: the likeliest.
        probabilities: of each label.
        labels: those that the row is given: the likeliest; of a model that gives a text any number of labels those
            with a probability of at least one half, which may be none.
        several: whether it is of such a model.
    """

    label: str
    probabilities: dict[str, float]
    labels: tuple[str, ...]
    several: bool = False

    def to_json(self) -> dict[str, Any]:
        """The answer as plain JSON values."""
        answer = {"labels": list(self.labels)} if self.several else {"label": self.label}
        return {**answer, "probabilities": self.probabilities}

    def __str__(self) -> str:
        if not self.several:
            return f"{self.label}\t{self.probabilities[self.label]:.4f}"
        shares = " ".join(f"{printable(label)} {share:.4f}" for label, share in self.probabilities.items())
        return f"{','.join(map(printable, self.labels)) or '-'}\t{shares}"


def predictions(answers: Labels, probabilities: NDArray[np.float64]) -> list[Prediction]:
    """The answers of rows whose probabilities, [rows, labels], these are."""
    return [
        Prediction(
            answers.names[int(np.argmax(row))],
            {label: float(share) for label, share in zip(answers.names, row, strict=True)},
            given,
            answers.several,
        )
        for row, given in zip(probabilities, answers.given(probabilities), strict=True)
    ]
