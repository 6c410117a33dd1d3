"""Figures of merit, from what a model says and what was right."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Intervals of confidence, of equal width, over which calibration is measured.
_BINS = 15


def to_probabilities(outputs: NDArray[Any]) -> NDArray[np.float64]:
    """Logits [rows, outputs] to the probability of each class; one logit is that of the second of two classes."""
    logits = np.asarray(outputs, np.float64)
    if logits.shape[1] == 1:
        logits = np.concatenate([np.zeros_like(logits), logits], axis=1)
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities: NDArray[np.float64] = shares / shares.sum(axis=1, keepdims=True)
    return probabilities


def to_shares(outputs: NDArray[Any]) -> NDArray[np.float64]:
    """Logits [rows, labels] to the probability of each label by itself, their sigmoid."""
    logits = np.asarray(outputs, np.float64)
    small = np.exp(-np.abs(logits))  # of neither sign too large
    probabilities: NDArray[np.float64] = np.where(logits < 0, small, 1.0) / (1 + small)
    return probabilities


def are_given(probabilities: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which labels are given, of any number: those with a probability of at least one half."""
    given: NDArray[np.bool_] = probabilities >= 0.5
    return given


def of_classes(probabilities: NDArray[np.float64], targets: NDArray[np.integer[Any]]) -> dict[str, float]:
    """Accuracy; the mean over classes of F1; of AUROC, each class against the rest; log loss; calibration error.

    Args:
        probabilities: [rows, classes].
        targets: the numbers of the right classes, [rows].

    AUROC is the mean over the classes that some rows have and others do not; without one it is NaN. Log loss is the
    mean cross-entropy in nats. The calibration error is the expected one of Guo et al. 2017, "On Calibration of Modern
    Neural Networks", equation 3, over 15 intervals.
    """
    from sklearn import metrics

    classes = probabilities.shape[1]
    answers = probabilities.argmax(axis=1)
    own = probabilities[np.arange(len(targets)), targets]
    right = answers == targets
    return {
        "accuracy": float(right.mean()),
        "macro_f1": float(metrics.f1_score(targets, answers, labels=range(classes), average="macro", zero_division=0)),
        "auroc": _auroc(probabilities, targets),
        # A probability that float64 can't hold counts as the smallest one that it can.
        "log_loss": float(-np.log(np.maximum(own, np.finfo(np.float64).tiny)).mean()),
        "calibration_error": _calibration_error(probabilities.max(axis=1), right),
    }


def of_labels(probabilities: NDArray[np.float64], targets: NDArray[np.integer[Any]]) -> dict[str, float]:
    """What is measured where a text has any number of labels.

    Args:
        probabilities: [rows, labels].
        targets: 1 where a row has a label, else 0, [rows, labels].

    macro_f1: the mean over labels of F1, which is 0 of a label that is neither there nor given. micro_f1: F1 of all
    labels of all rows taken together. accuracy: the share of rows of which every label is right. auroc: the mean over
    the labels that some rows have and others do not; without one it is NaN. log_loss: the mean over rows and labels of
    the cross-entropy of yes and no, in nats; a probability counts as at least the smallest step from 1 of float64, and
    at most 1 without it. calibration_error: that of `of_classes`, over all yes and no of all rows, the confidence in an
    answer being its own probability.
    """
    from sklearn import metrics

    answers, truths = are_given(probabilities), targets.astype(np.bool_)
    right = answers == truths
    hits, there, given = (table.sum(axis=0) for table in (answers & truths, truths, answers))
    areas = [
        float(metrics.roc_auc_score(truths[:, number], probabilities[:, number]))
        for number in np.flatnonzero(truths.any(axis=0) & ~truths.all(axis=0))
    ]
    least = float(np.finfo(np.float64).eps)
    own = np.clip(np.where(truths, probabilities, 1 - probabilities), least, 1 - least)
    return {
        "macro_f1": float(np.mean(_f1(hits, there, given))),
        "micro_f1": float(_f1(hits.sum(), there.sum(), given.sum())),
        "accuracy": float(right.all(axis=1).mean()),
        "auroc": float(np.mean(areas)) if areas else math.nan,
        "log_loss": float(-np.log(own).mean()),
        "calibration_error": _calibration_error(np.maximum(probabilities, 1 - probabilities).ravel(), right.ravel()),
    }


def _f1(hits: Any, there: Any, given: Any) -> Any:
    """F1, from how often a label was given rightly, was there, and was given; 0 where it never was either."""
    return 2 * hits / np.maximum(there + given, 1)


def _auroc(probabilities: NDArray[np.float64], targets: NDArray[np.integer[Any]]) -> float:
    from sklearn import metrics

    # Of two classes, both ways round are the same.
    numbers = [1] if probabilities.shape[1] == 2 else range(probabilities.shape[1])
    areas = [
        float(metrics.roc_auc_score(targets == number, probabilities[:, number]))
        for number in numbers
        if 0 < int((targets == number).sum()) < len(targets)
    ]
    return float(np.mean(areas)) if areas else math.nan


def _calibration_error(confidence: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    """The mean over rows of |accuracy - mean confidence| of the interval that a row's confidence is in."""
    places = np.minimum((confidence * _BINS).astype(int), _BINS - 1)
    gaps = np.abs(np.bincount(places, right - confidence, minlength=_BINS))
    return float(gaps.sum() / len(right))


def confusion(answers: NDArray[np.integer[Any]], targets: NDArray[np.integer[Any]], classes: int) -> list[list[int]]:
    """How often each class (a row) was answered with each (a column)."""
    table = np.bincount(targets * classes + answers, minlength=classes * classes).reshape(classes, classes)
    listed: list[list[int]] = table.tolist()
    return listed


def confusion_of_labels(answers: NDArray[np.bool_], targets: NDArray[np.integer[Any]]) -> list[list[list[int]]]:
    """Of each label how many rows without it, and with it, were not given it, and given it: [[tn, fp], [fn, tp]].

    `answers` and `targets` are [rows, labels].
    """
    pairs = zip(answers.T, targets.T, strict=True)
    return [confusion(answer.astype(np.intp), target, 2) for answer, target in pairs]
