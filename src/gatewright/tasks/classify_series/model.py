"""Use a trained classifier of series: NumPy and the kernels, without Keras or JAX."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gatewright.nn import model as models
from gatewright.nn.block import States, Steps
from gatewright.nn.file import Model
from gatewright.nn.library import NUMPY
from gatewright.nn.stepping import Stepper
from gatewright.support.data_progress import Progress, say
from gatewright.support.errors import InputError
from gatewright.tasks.base.labels import OneLabel
from gatewright.tasks.base.prediction import Prediction, predictions
from gatewright.tasks.classify_series.channels import channels_from_json, pad, trimmed

# Rows of one call: enough to fill the kernels.
_ROWS_AT_ONCE = 64


class SeriesClassifier:
    """A trained classifier of series of numbers.

    Attributes:
        labels: the classes, in the order of the outputs.
        answers: what the outputs say of them.
        channels: their names, means and scales.
        length: steps of a row that are read, the last.
        training: settings and figures, for a reader.
    """

    task: ClassVar[str] = "classify"

    def __init__(self, model: Model) -> None:
        self.channels = channels_from_json(model.encoder)
        self.answers, self.length = _answers(model, len(self.channels.names))
        self.labels = self.answers.names
        self.training = model.training
        self._blocks, self._weights = model.blocks, model.weights

    def predict(self, rows: Sequence[ArrayLike]) -> list[Prediction]:
        """What the model says of each row, [time, channels]; a row is answered alike alone and among others.

        Raises:
            InputError: a row is not numbers of that shape, or has an infinite one, or none.
        """
        return predictions(self.answers, self.probabilities(rows))

    def probabilities(self, rows: Sequence[ArrayLike], progress: bool = False) -> NDArray[np.float64]:
        """Of each label for each row, [rows, labels]; with `progress` it is told how many are done."""
        scaled = [self.channels.encode(self._row(row)[-self.length :]) for row in rows]
        # Rows of like length together: a call is as long as its longest.
        order = sorted(range(len(scaled)), key=lambda place: len(scaled[place]))
        outputs = np.empty((len(scaled), self._blocks[-1].width(0)), np.float64)
        told = Progress()
        for first in range(0, len(order), _ROWS_AT_ONCE):
            if progress and told.due():
                say(f"{first:,} of {len(order):,} rows are answered.")
            places = order[first : first + _ROWS_AT_ONCE]
            x = pad([scaled[place] for place in places], len(scaled[places[-1]]))
            outputs[places] = models.forward(self._blocks, NUMPY, self._weights, Steps(x))[0].x
        return self.answers.probabilities(outputs)

    def start(self) -> list[States]:
        """The state before a row's first step, for `step`.

        Raises:
            InputError: the network walks in both directions, and needs the whole row.
        """
        return self._stepper.start()

    def step(self, numbers: ArrayLike, states: list[States]) -> tuple[Prediction, list[States]]:
        """What the model says when a row has ended with this step, [channels], and the state after it.

        NaN is missing. A state given stays as it was. As `predict` for rows of no more than `length` steps.

        Raises:
            InputError: the step is not as many numbers, has an infinite one, or none.
        """
        outputs, after = self._stepper(self.channels.encode(self._row([numbers])), states)
        return predictions(self.answers, self.answers.probabilities(outputs))[0], after

    @cached_property
    def _stepper(self) -> Stepper:
        return Stepper(self._blocks, self._weights)

    def _row(self, given: Any) -> NDArray[np.float64]:
        """A row as float64 [time, channels], with a number at both ends, as rows of a file are."""
        channels = len(self.channels.names)
        try:
            row = np.asarray(given, np.float64)
        except (TypeError, ValueError):
            raise InputError("a row must be numbers [time, channels]; something in it is no number.") from None
        row = row[:, None] if row.ndim == 1 and channels == 1 else row
        if row.ndim != 2 or row.shape[1] != channels:
            raise InputError(f"a row must be numbers [time, {channels}], not of shape {list(row.shape)}.")
        if np.isinf(row).any():
            raise InputError("a row has an infinite number: mend it, or make it missing (NaN).")
        kept = trimmed(row)
        if not len(kept):
            raise InputError("a row has no number: leave it out.")
        return kept


def _answers(model: Model, channels: int) -> tuple[OneLabel, int]:
    """Labels and length, if they fit the blocks."""
    labels, length = (model.answers.get(name) for name in ("labels", "length"))
    if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
        raise InputError("its labels are not a list of texts.")
    if type(length) is not int or not 0 < length < 2**31:
        raise InputError("its length is not a whole number above 0.")
    answers = OneLabel(tuple(labels))
    if len(set(labels)) != len(labels) or len(labels) < 2 or answers.outputs != model.blocks[-1].width(0):
        raise InputError("its labels are not as many as its outputs.")
    if model.answers.get("features") != channels:
        raise InputError("its encoder has not as many channels as its first layer.")
    return answers, length
