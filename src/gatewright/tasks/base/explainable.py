"""What the explanation of an answer needs to know of a task: which steps, which output, and what a shorter input is."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from gatewright.data.encoders import Encoder
from gatewright.nn.layer import Layer, Weights
from gatewright.results.explanation import INPUT, START, UNKNOWN, Alignment, Step
from gatewright.results.page_network import PageReading, TextRule
from gatewright.results.sound import Sound
from gatewright.support import ids
from gatewright.support.errors import InputError, nearest
from gatewright.support.trees import Tree
from gatewright.tasks.base.labels import LabelSet

T = TypeVar("T")


@dataclass(frozen=True)
class Output:
    """The number that is explained: one of the network's outputs, or the difference of two.

    Attributes:
        name: The answer for which the number speaks.
        index: Index of its output along the last axis.
        against: The alternative. Empty if there is none.
        against_index: Index of the alternative's output. None if the number is a single output, such as the logit of
            the second of two classes.
        sign: -1 if the number is the negative of the output, such as the logit of the first of two classes.
        step: Index of the time step whose output it is, if the network has outputs at each step, [1, time, outputs].
    """

    name: str
    index: int
    against: str = ""
    against_index: int | None = None
    sign: int = 1
    step: int | None = None


@dataclass(frozen=True)
class Explainable:
    """One example, as the network reads it.

    Attributes:
        inputs: The input of the first layer, [1, time, ...] or a dict of such arrays, without padding that is not read.
        steps: One for each time step that the recurrent layers read.
        output: The number that is explained.
        answer: The prediction, in words.
        probability: The probability of `output.name`, or None.
        removable: Indices of the steps that can be left out.
        without: Function that takes a list of sets of steps. It returns the inputs of the network if the steps of each
            set are left out, [sets, time, ...], as `predict` would read the shortened examples.
        notes: Sentences about the limits of an explanation of this example.
        network: The layers to explain and their weights, as returned by `bind`, if they are not those of the model. For
            a tagger with a CRF, for example, the last layer returns the scores of the tags before the CRF.
        alignment: Where the decoder of a translator read. None for other models.
        comparable: Whether `output` can be that of other examples too, so that the effects of a word on it can be
            averaged over examples.
        sound: The recording that the network reads. None for other examples.
    """

    inputs: Tree
    steps: tuple[Step, ...]
    output: Output
    answer: str
    probability: float | None
    removable: tuple[int, ...]
    without: Callable[[Sequence[Collection[int]]], Tree]
    notes: tuple[str, ...] = ()
    network: tuple[Sequence[Layer], Sequence[Weights]] | None = None
    alignment: Alignment | None = None
    comparable: bool = True
    sound: Sound | None = None


def items_without(items: Sequence[T], places: Iterable[int]) -> list[T]:
    """Return the items without those at some places, such as the tokens of a text without some of them."""
    keep = bytearray(b"\1") * len(items)
    for place in places:
        keep[place] = 0
    return list(compress(items, keep))


def label_output(
    labels: LabelSet, probabilities: NDArray[np.float64], label: str | None, against: str | None
) -> Output:
    """Return the output of a classifier that speaks for a label and against another one.

    Args:
        labels: The labels of the classifier.
        probabilities: The probability of each label for the example, [labels].
        label: The label, by default the most probable one.
        against: The other label, by default the most probable of the others. With any number of labels for each
            example, a label has no alternative but its absence.

    Raises:
        InputError: The model has no such label, or both are the same.
    """
    ranked = [labels.names[place] for place in np.argsort(-probabilities, kind="stable")]
    label = ranked[0] if label is None else _known(labels, label)
    if labels.multi_label:
        if against is not None:
            raise InputError(
                f"A text can have any number of labels, so {label!r} has no alternative: leave {against!r} out."
            )
        return Output(label, labels.names.index(label), f"not {label}")
    against = next(name for name in ranked if name != label) if against is None else _known(labels, against)
    if against == label:
        raise InputError(f"{label!r} cannot be compared with itself: give another label of the model.")
    own, other = labels.names.index(label), labels.names.index(against)
    if labels.outputs == 1:
        return Output(label, 0, against, sign=1 if own == 1 else -1)
    return Output(label, own, against, other)


def label_reading(rule: TextRule, labels: LabelSet) -> PageReading:
    """Return what the page of an explanation needs to know of a classifier of texts."""
    outputs = "sigmoids" if labels.multi_label else "sigmoid" if labels.outputs == 1 else "softmax"
    return PageReading(rule, outputs, labels.names)


def _known(labels: LabelSet, label: str) -> str:
    if label not in labels.names:
        raise InputError(
            f"The model has no label {label!r}. It has: {', '.join(labels.names)}{nearest(label, labels.names)}"
        )
    return label


def require_step(step: int | None, count: int) -> int:
    """Return the index of a step, which is by default the last one.

    Args:
        step: The index that the user gave, counted from 0, or None.
        count: The number of steps.

    Raises:
        InputError: There is no such step.
    """
    if step is None:
        return count - 1
    if not 0 <= step < count:
        raise InputError(
            f"There are {count:,} steps, so step {step + 1:,} does not exist: give one from 1 to {count:,}."
        )
    return step


def token_steps(encoder: Encoder, text: str, read: Sequence[int]) -> tuple[Step, ...]:
    """Return the steps of a text.

    Args:
        encoder: The encoder.
        text: The text.
        read: The ids that the network reads: those of the last tokens of the text, which the start id may precede.
    """
    return piece_steps(encoder.pieces_of(text), read)


def piece_steps(words: Sequence[str], read: Sequence[int]) -> tuple[Step, ...]:
    """Return the steps of a text that is split into tokens.

    Args:
        words: The tokens as the text writes them.
        read: The ids that the network reads: those of the last tokens, which the start id may precede.
    """
    first = len(read) - len(words)
    steps = []
    for place, number in enumerate(read, -first):
        if place < 0:
            steps.append(Step("start of the text", START, number))
        else:
            steps.append(Step(words[place], UNKNOWN if number == ids.UNKNOWN else INPUT, number))
    return tuple(steps)


def frequent_words(encoder: Encoder, limit: int) -> list[str]:
    """Return the tokens of a vocabulary with the smallest ids, which are the most frequent ones, as texts.

    Tokens that are not a token by themselves when they are read as a text are left out.
    """
    tokens = (encoder.token(number) for number in range(ids.FIRST, min(encoder.ids, ids.FIRST + 2 * limit)))
    return [token for token in tokens if token.strip() and len(encoder.encode(token)) == 1][:limit]


def text_rule(encoder: Encoder, max_length: int) -> TextRule:
    """Return the rule by which a model reads texts, for the page of an explanation.

    Args:
        encoder: The encoder.
        max_length: Largest number of ids that the network reads.

    Raises:
        InputError: The tokens are byte pairs, which the page cannot find in a text.
    """
    stored = encoder.to_json()
    if "tokens" not in stored:
        raise InputError("The model reads texts as byte pairs, which the page cannot find in an edited text.")
    tokens = tuple(stored["tokens"])
    numbers = tuple(range(ids.FIRST, ids.FIRST + len(tokens)))
    return TextRule(stored.get("split", stored["kind"]), tokens, numbers, ids.UNKNOWN, ids.START, max_length)
