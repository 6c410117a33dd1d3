"""The heads of imported models: what the outputs of the last layer mean.

The outputs of a network are logits, if its last activation is a sigmoid or softmax: the head applies it.
"""

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gatewright.data.keras_words import KerasEncoder
from gatewright.support.errors import InputError
from gatewright.support.escapes import escape_control
from gatewright.support.schema import Parsed, Size, read_as
from gatewright.tasks.base.labels import Labels, LabelSet, MultiLabel, SingleLabel
from gatewright.tasks.base.measures import to_probabilities
from gatewright.tasks.base.prediction import predictions

_SHOWN_WORDS = 10


@dataclass(frozen=True)
class SoftmaxLabels(SingleLabel):
    """The labels of a classifier with a softmax. There is a logit for each class, even if there are only two."""

    @property
    def outputs(self) -> int:
        return len(self.names)


@dataclass(frozen=True)
class StepLabels:
    """The predicted label of each time step.

    Attributes:
        steps: The words, or the numbers of the time steps.
        labels: The most probable label of each step.
        probabilities: The probability of each of these labels.
    """

    steps: tuple[str, ...]
    labels: tuple[str, ...]
    probabilities: tuple[float, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the prediction as JSON values."""
        rows = zip(self.steps, self.labels, self.probabilities, strict=True)
        return {"steps": [{"step": step, "label": label, "probability": p} for step, label, p in rows]}

    def text(self, first: bool) -> str:
        """Return the text that `gatewright predict` prints: a line for each step, and an empty line between texts."""
        return ("" if first else "\n") + str(self)

    def __str__(self) -> str:
        rows = zip(self.steps, self.labels, self.probabilities, strict=True)
        return "\n".join(f"{escape_control(step)}\t{escape_control(label)}\t{p:.4f}" for step, label, p in rows)


@dataclass(frozen=True)
class NextWord:
    """The word that a language model expects next.

    Attributes:
        word: The most probable word.
        probabilities: The probabilities of the most probable words, the highest first.
    """

    word: str
    probabilities: dict[str, float]

    def to_json(self) -> dict[str, Any]:
        """Return the prediction as JSON values."""
        return {"word": self.word, "probabilities": self.probabilities}

    def text(self, first: bool) -> str:
        """Return the text that `gatewright predict` prints."""
        return str(self)

    def __str__(self) -> str:
        return f"{escape_control(self.word)}\t{next(iter(self.probabilities.values())):.4f}"


@dataclass(frozen=True)
class Numbers:
    """The numbers that a model predicts: one for each output or, with outputs at each step, a tuple for each step."""

    values: tuple[Any, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the prediction as JSON values."""
        return {"values": [list(value) if isinstance(value, tuple) else value for value in self.values]}

    def text(self, first: bool) -> str:
        """Return the text that `gatewright predict` prints: numbers separated by tabs, a line for each step."""
        is_steps = bool(self.values) and isinstance(self.values[0], tuple)
        return ("" if first or not is_steps else "\n") + str(self)

    def __str__(self) -> str:
        rows = self.values if self.values and isinstance(self.values[0], tuple) else (self.values,)
        return "\n".join("\t".join(f"{value:.6g}" for value in row) for row in rows)


@dataclass(frozen=True)
class ClassHead:
    """One label, or any number of labels, for an example or for each of its time steps.

    Attributes:
        labels: The labels.
        per_step: True if there is an answer for each time step.
    """

    labels: LabelSet
    per_step: bool = False
    kind: ClassVar[str] = "classes"

    @property
    def outputs(self) -> int:
        """The number of outputs of the network."""
        return self.labels.outputs

    @property
    def activation(self) -> str:
        """The function that turns the outputs into probabilities."""
        return self.labels.activation

    def probabilities(self, outputs: NDArray[Any]) -> NDArray[np.float64]:
        """Convert logits, [rows, outputs], to the probability of each label, [rows, labels]."""
        return self.labels.probabilities(outputs)

    def answer(self, outputs: NDArray[Any], steps: tuple[str, ...]) -> Any:
        """Return the prediction for one example, given its outputs, [outputs] or [time, outputs]."""
        if not self.per_step:
            return predictions(self.labels, self.probabilities(outputs[None]))[0]
        found = self.probabilities(outputs)
        names = tuple(",".join(names) or "-" for names in self.labels.predicted(found))
        return StepLabels(steps, names, tuple(found.max(axis=1).tolist()))

    def to_json(self) -> dict[str, Any]:
        """Return the head as JSON values."""
        softmax = isinstance(self.labels, SoftmaxLabels)
        return {"kind": self.kind, **self.labels.to_json(), "softmax": softmax, "per_step": self.per_step}


@dataclass(frozen=True)
class WordHead:
    """The next word of a text, of all words of the encoder.

    Attributes:
        outputs: The number of outputs, one for each id.
        per_step: True if the network has outputs at each time step. The last ones are those of the next word.
    """

    outputs: Size
    per_step: bool = False
    kind: ClassVar[str] = "words"
    activation: ClassVar[str] = "softmax"

    def probabilities(self, outputs: NDArray[Any]) -> NDArray[np.float64]:
        """Convert logits, [rows, ids], to the probability of each id to come next, [rows, ids]."""
        return to_probabilities(outputs)

    def answer(self, outputs: NDArray[Any], encoder: KerasEncoder) -> NextWord:
        """Return the prediction, given the outputs after the last word, [ids]."""
        found = self.probabilities(outputs[None])[0]
        best = np.argsort(-found, kind="stable")[:_SHOWN_WORDS]
        probabilities = {word_of(encoder, int(number)): float(found[number]) for number in best}
        return NextWord(next(iter(probabilities)), probabilities)

    def to_json(self) -> dict[str, Any]:
        """Return the head as JSON values."""
        return {"kind": self.kind, "outputs": self.outputs, "per_step": self.per_step}


@dataclass(frozen=True)
class NumberHead:
    """The outputs of the network as they are.

    Attributes:
        outputs: The number of outputs.
        per_step: True if there are outputs at each time step.
    """

    outputs: Size
    per_step: bool = False
    kind: ClassVar[str] = "numbers"
    activation: ClassVar[str] = "linear"

    def answer(self, outputs: NDArray[Any]) -> Numbers:
        """Return the prediction for one example, given its outputs, [outputs] or [time, outputs]."""
        values = outputs.astype(float).tolist()
        return Numbers(tuple(map(tuple, values)) if self.per_step else tuple(values))

    def to_json(self) -> dict[str, Any]:
        """Return the head as JSON values."""
        return {"kind": self.kind, "outputs": self.outputs, "per_step": self.per_step}


Head: TypeAlias = ClassHead | WordHead | NumberHead


def word_of(encoder: KerasEncoder, number: int) -> str:
    """Return the word with this id, or the id in angle brackets if it is not that of a word."""
    return encoder.token(number) or f"<{number}>"


def default_labels(classes: int) -> tuple[str, ...]:
    """Return the labels of a model that was imported without labels: the numbers from 0."""
    return tuple(map(str, range(classes)))


@dataclass(frozen=True)
class _StoredClasses:
    labels: Labels
    multi_label: bool
    softmax: bool
    per_step: bool


def class_head(names: tuple[str, ...], multi_label: bool, softmax: bool, per_step: bool) -> ClassHead:
    """Return the head of a classifier.

    Args:
        names: The labels.
        multi_label: True if an example can have any number of labels: there is a sigmoid for each.
        softmax: True if there is a softmax, False if there is a sigmoid.
        per_step: True if there is an answer for each time step.

    Raises:
        InputError: The number of labels does not fit.
    """
    if multi_label == softmax if multi_label else len(names) < 2 or (not softmax and len(names) != 2):
        raise InputError("its labels do not fit its activation.")
    kind = MultiLabel if multi_label else SoftmaxLabels if softmax else SingleLabel
    return ClassHead(kind(names), per_step)


def head_from_json(stored: Any) -> Head:
    """Restore a head from `stored`, the result of `to_json`.

    Raises:
        InputError: `stored` does not describe a head. The message begins with "its".
    """
    kind = stored.get("kind") if isinstance(stored, dict) else None
    values = {name: value for name, value in stored.items() if name != "kind"} if isinstance(stored, dict) else {}
    if kind == ClassHead.kind:
        read = read_as(_StoredClasses, values, "its head")
        return class_head(read.labels, read.multi_label, read.softmax, read.per_step)
    if kind == WordHead.kind:
        return read_as(WordHead, values, "its head")
    if kind == NumberHead.kind:
        return read_as(NumberHead, values, "its head")
    raise InputError("its head is of an unknown kind.")


StoredHead: TypeAlias = Annotated[Head, Parsed(head_from_json)]
"""A head in a model file."""
