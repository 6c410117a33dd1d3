"""A trained text classifier."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import ClassVar, overload

import numpy as np
from numpy.typing import NDArray

from gatewright.data.encoders import Encoder, encoder_from_json, pad
from gatewright.nn import model as models
from gatewright.nn.block import States, Steps
from gatewright.nn.file import Model
from gatewright.nn.layers import Embedding
from gatewright.nn.library import NUMPY
from gatewright.nn.stepping import Stepper
from gatewright.support.data_progress import Progress, say
from gatewright.support.errors import InputError
from gatewright.support.ids import PADDING, START
from gatewright.tasks.base.labels import Labels, OneLabel, SeveralLabels
from gatewright.tasks.base.prediction import Prediction, predictions

# Rows of one call: enough to fill the kernels.
_ROWS_AT_ONCE = 64


class Classifier:
    """A trained classifier of texts.

    Attributes:
        labels: the classes, in the order of the outputs.
        answers: what the outputs say of them: one label of a text, or any number.
        length: tokens of a text that are read, the last.
        encoder: how texts become ids.
        training: settings and figures, for a reader.
    """

    task: ClassVar[str] = "classify"

    def __init__(self, model: Model) -> None:
        self.encoder: Encoder = encoder_from_json(model.encoder)
        self.answers, self.length = _answers(model, self.encoder)
        self.labels = self.answers.names
        self.training = model.training
        self._blocks, self._weights = model.blocks, model.weights

    @overload
    def predict(self, texts: str) -> Prediction: ...  # type: ignore[overload-overlap]  # a str is a sequence too
    @overload
    def predict(self, texts: Sequence[str]) -> list[Prediction]: ...
    def predict(self, texts: str | Sequence[str]) -> Prediction | list[Prediction]:
        """What the model says of one text, or of each of many; a text is answered alike alone and among others.

        Raises:
            InputError: something else than a text was given.
        """
        if isinstance(texts, str):
            return predictions(self.answers, self.probabilities([texts]))[0]
        return predictions(self.answers, self.probabilities(texts))

    def probabilities(self, texts: Sequence[str], progress: bool = False) -> NDArray[np.float64]:
        """Of each label for each text, [texts, labels]; with `progress` it is told how many are done."""
        for text in texts:
            if not isinstance(text, str):
                kind = type(text).__name__
                raise InputError(f"a text must be a string, not {kind}: give one text or a list of texts.")
        rows = [self.encoder.encode(text)[-self.length :] for text in texts]
        # Rows of like length together: a call is as long as its longest.
        order = sorted(range(len(rows)), key=lambda place: len(rows[place]))
        outputs = np.empty((len(rows), self._blocks[-1].width(0)), np.float64)
        told = Progress()
        for first in range(0, len(order), _ROWS_AT_ONCE):
            if progress and told.due():
                say(f"{first:,} of {len(order):,} texts are answered.")
            places = order[first : first + _ROWS_AT_ONCE]
            length = min(self.length, 1 + len(rows[places[-1]]))
            ids = pad([rows[place] for place in places], length)
            outputs[places] = models.forward(self._blocks, NUMPY, self._weights, Steps(ids))[0].x
        return self.answers.probabilities(outputs)

    def start(self) -> list[States]:
        """The state before a text's first token, for `step`.

        Raises:
            InputError: the network walks in both directions, and needs the whole text.
        """
        return self._stepper(START, self._stepper.start())[1]

    def step(self, token: int, states: list[States]) -> tuple[Prediction, list[States]]:
        """What the model says when a text has ended with this token (an id of `encoder`), and the state after it.

        A state given stays as it was. As `predict` for texts of fewer than `length` tokens.
        """
        if not PADDING < token < self.encoder.ids:
            raise InputError(f"a token must be an id from 1 to {self.encoder.ids - 1}, not {token}.")
        outputs, after = self._stepper(token, states)
        return predictions(self.answers, self.answers.probabilities(outputs))[0], after

    @cached_property
    def _stepper(self) -> Stepper:
        return Stepper(self._blocks, self._weights)


def _answers(model: Model, encoder: Encoder) -> tuple[Labels, int]:
    """Labels and length, if they fit the blocks."""
    labels, length = (model.answers.get(name) for name in ("labels", "length"))
    if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
        raise InputError("its labels are not a list of texts.")
    if type(length) is not int or not 0 < length < 2**31:
        raise InputError("its length is not a whole number above 0.")
    several = model.answers.get("several", False)
    if not isinstance(several, bool):
        raise InputError("whether a text has several labels is neither true nor false.")
    answers = (SeveralLabels if several else OneLabel)(tuple(labels))
    if len(set(labels)) != len(labels) or not labels or answers.outputs != model.blocks[-1].width(0):
        raise InputError("its labels are not as many as its outputs.")
    table = model.blocks[0]
    if not isinstance(table, Embedding) or table.vocabulary != encoder.ids:
        raise InputError("its encoder has not as many ids as its embedding.")
    return answers, length
