"""Metrics of a tagger."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewright.results.measure import Measure
from gatewright.tasks.tag.schemes import PREFIX, spans

SPANS = Measure("span_f1", "span F1", "higher")
TOKENS = Measure("accuracy", "accuracy", "higher")
UNKNOWN_WORDS = Measure("unknown_word_accuracy", "accuracy on unknown words", "higher")
LABELS = Measure("intent_accuracy", "intent accuracy", "higher")
LOSS = Measure("loss", "loss", "lower", per_epoch=True)


def span_f1(predicted: Sequence[Sequence[str]], correct: Sequence[Sequence[str]], notation: str = PREFIX) -> float:
    """Return the micro F1 of the spans that the predicted and the correct tags of all sentences mark.

    A predicted span is correct if its kind, first word and last word are correct. F1 is 0 if there are no spans.
    """
    right = total = 0
    for one, other in zip(predicted, correct, strict=True):
        found, wanted = set(spans(one, notation)), set(spans(other, notation))
        right, total = right + len(found & wanted), total + len(found) + len(wanted)
    return 2 * right / max(total, 1)


def of_tags(
    outputs: Mapping[str, NDArray[Any]], targets: Mapping[str, NDArray[Any]], names: Sequence[str], notation: str
) -> dict[str, float]:
    """Return a dictionary of these metrics, the main metric first. A metric without examples is NaN.

    span_f1: See the function `span_f1`. Only if the tags mark spans.
    accuracy: The fraction of words with the correct tag.
    unknown_word_accuracy: The fraction of words with the correct tag, among the words that have no id.
    intent_accuracy: The fraction of sentences with the correct label, among the sentences that have a label.
    loss: The sum of -log p of the tags of each sentence, in nats, divided by the number of words; plus the mean of
        -log p of the labels of sentences, without labels that are not in the training set.

    Args:
        outputs: See `layers.Tags`.
        targets: See `task.PreparedSentences.encode`.
        names: The names of the tags, followed by tags that are not in the training set and so are never predicted.
        notation: The notation of spans; see `schemes.Recognized`.
    """
    predicted, live = outputs["scores"].argmax(axis=2) + 1, targets["tags"] > 0
    right = predicted == targets["tags"]
    figures = {}
    if notation:
        one, other = (_named(numbers, live, names) for numbers in (predicted, targets["tags"]))
        figures[SPANS.name] = span_f1(one, other, notation)
    figures[TOKENS.name] = _fraction(right[live])
    figures[UNKNOWN_WORDS.name] = _fraction(right[live & targets["unknown"]])
    if outputs["labels"].shape[1]:
        labels = targets["labels"]
        figures[LABELS.name] = _fraction((outputs["labels"].argmax(axis=1) + 1 == labels)[labels > 0])
    figures[LOSS.name] = float(outputs["losses"].sum(dtype=np.float64) / live.sum()) + _label_loss(outputs, targets)
    return figures


def _label_loss(outputs: Mapping[str, NDArray[Any]], targets: Mapping[str, NDArray[Any]]) -> float:
    """Return the mean of -log p of the labels of sentences, in nats; 0 without sentences that have a known label."""
    logits, labels = np.asarray(outputs["labels"], np.float64), targets["labels"]
    known = (labels > 0) & (labels <= logits.shape[1])
    if not known.any():
        return 0.0
    shifted = logits[known] - logits[known].max(axis=1, keepdims=True)
    own = shifted[np.arange(len(shifted)), labels[known] - 1]
    return float((np.log(np.exp(shifted).sum(axis=1)) - own).mean())


def fractions_right(outputs: Mapping[str, NDArray[Any]], targets: Mapping[str, NDArray[Any]]) -> NDArray[np.float64]:
    """Return, for each sentence, the fraction of words with the correct tag, [sentences]."""
    live = targets["tags"] > 0
    right = live & (outputs["scores"].argmax(axis=2) + 1 == targets["tags"])
    return np.asarray(right.sum(axis=1) / live.sum(axis=1).clip(1))


def _named(numbers: NDArray[Any], live: NDArray[np.bool_], names: Sequence[str]) -> list[list[str]]:
    return [[names[number - 1] for number in row[there]] for row, there in zip(numbers, live, strict=True)]


def _fraction(right: NDArray[np.bool_]) -> float:
    return float(right.mean()) if right.size else float("nan")
