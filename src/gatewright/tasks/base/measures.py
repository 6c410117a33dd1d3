"""The metrics of classifiers."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Intervals of confidence, of equal width, over which calibration is measured.
_BINS = 15
# Larger logits count as this one. The difference of two of them is finite.
_LARGEST = 1e300


def to_probabilities(outputs: NDArray[Any]) -> NDArray[np.float64]:
    """Convert logits, [examples, outputs], to the probability of each class, [examples, classes].

    If there is only one output, it is the logit of the second of two classes.
    """
    # The constant baseline of data with one class has infinite logits, whose differences are not numbers.
    logits = np.clip(np.asarray(outputs, np.float64), -_LARGEST, _LARGEST)
    if logits.shape[1] == 1:
        logits = np.concatenate([np.zeros_like(logits), logits], axis=1)
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def to_label_probabilities(outputs: NDArray[Any]) -> NDArray[np.float64]:
    """Convert logits, [examples, labels], to the probability of each label by the sigmoid function."""
    logits = np.asarray(outputs, np.float64)
    small = np.exp(-np.abs(logits))  # does not overflow, whatever the sign
    return np.asarray(np.where(logits < 0, small, 1.0) / (1 + small))


def predicted_labels(probabilities: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return an array of bools, True where the probability of a label is at least one half."""
    return np.asarray(probabilities >= 0.5)


def class_metrics(probabilities: NDArray[np.float64], targets: NDArray[np.integer[Any]]) -> dict[str, float]:
    """Return the metrics of a classifier with one class per example, with these keys.

        accuracy           fraction of examples whose most probable class is right
        macro_f1           mean of F1 over the classes
        auroc              mean of the AUROC of each class against the rest, over the classes that some examples have
                           and others do not; NaN if there is no such class
        log_loss           mean cross-entropy in nats
        calibration_error  expected calibration error over 15 intervals (Guo et al. 2017, "On Calibration of Modern
                           Neural Networks", equation 3)

    Args:
        probabilities: [examples, classes].
        targets: The indices of the true classes, [examples].
    """
    from sklearn import metrics

    predicted = probabilities.argmax(axis=1)
    right = predicted == targets
    numbers = np.arange(probabilities.shape[1])[int(probabilities.shape[1] == 2) :]  # two classes have the same AUROC
    return {
        "accuracy": float(right.mean()),
        "macro_f1": float(
            metrics.f1_score(targets, predicted, labels=range(probabilities.shape[1]), average="macro", zero_division=0)
        ),
        "auroc": _mean_auroc(targets[:, None] == numbers, probabilities[:, numbers]),
        "log_loss": float(
            # A probability that underflowed to 0 counts as the smallest positive float64.
            -np.log(np.maximum(probabilities[np.arange(len(targets)), targets], np.finfo(np.float64).tiny)).mean()
        ),
        "calibration_error": _calibration_error(probabilities.max(axis=1), right),
    }


def multi_label_metrics(probabilities: NDArray[np.float64], targets: NDArray[np.integer[Any]]) -> dict[str, float]:
    """Return the metrics of a classifier with any number of labels per example, with these keys.

        macro_f1           mean of F1 over the labels; 0 for a label that is neither present nor predicted
        micro_f1           F1 of all labels of all examples together
        accuracy           fraction of examples whose labels are all right
        auroc              mean of the AUROC of each label, over the labels that some examples have and others do not;
                           NaN if there is no such label
        log_loss           mean binary cross-entropy over examples and labels, in nats; probabilities are clipped to
                           [eps, 1 - eps], where eps is the machine epsilon of float64
        calibration_error  as in `class_metrics`, over all examples and labels; the confidence is the probability of
                           the predicted value, 0 or 1

    Args:
        probabilities: [examples, labels].
        targets: [examples, labels], 1 where an example has a label, otherwise 0.
    """
    predicted, present = predicted_labels(probabilities), targets.astype(np.bool_)
    right = predicted == present
    hits, there, given = (table.sum(axis=0) for table in (predicted & present, present, predicted))
    eps = float(np.finfo(np.float64).eps)
    own = np.clip(np.where(present, probabilities, 1 - probabilities), eps, 1 - eps)
    return {
        "macro_f1": float(np.mean(_f1(hits, there, given))),
        "micro_f1": float(_f1(hits.sum(), there.sum(), given.sum())),
        "accuracy": float(right.all(axis=1).mean()),
        "auroc": _mean_auroc(present, probabilities),
        "log_loss": float(-np.log(own).mean()),
        "calibration_error": _calibration_error(np.maximum(probabilities, 1 - probabilities).ravel(), right.ravel()),
    }


def _f1(hits: Any, there: Any, given: Any) -> Any:
    """Return F1.

    Args:
        hits: Number of true positives.
        there: Number of positives in the data.
        given: Number of predicted positives. If all three numbers are 0, F1 is 0.
    """
    return 2 * hits / np.maximum(there + given, 1)


def _mean_auroc(present: NDArray[np.bool_], probabilities: NDArray[np.float64]) -> float:
    """Return the mean AUROC over the columns of `present` with both True and False; NaN if there is no such column."""
    from sklearn import metrics

    areas = [
        float(metrics.roc_auc_score(present[:, number], probabilities[:, number]))
        for number in np.flatnonzero(present.any(axis=0) & ~present.all(axis=0))
    ]
    return float(np.mean(areas)) if areas else math.nan


def _calibration_error(confidence: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    """Return the expected calibration error over 15 equal intervals of confidence.

    This is the mean over intervals of |accuracy - mean confidence|, weighted by the number of predictions.
    """
    places = np.minimum((confidence * _BINS).astype(int), _BINS - 1)
    return float(np.abs(np.bincount(places, right - confidence, minlength=_BINS)).sum() / len(right))


def confusion(predicted: NDArray[np.integer[Any]], targets: NDArray[np.integer[Any]], classes: int) -> list[list[int]]:
    """Return the confusion matrix: the number of examples for each true class (row) and predicted class (column)."""
    counts = np.bincount(targets * classes + predicted, minlength=classes * classes)
    return list(counts.reshape(classes, classes).tolist())


def label_confusion(predicted: NDArray[np.bool_], targets: NDArray[np.integer[Any]]) -> list[list[list[int]]]:
    """Return a confusion matrix for each label, [[tn, fp], [fn, tp]].

    Args:
        predicted, targets: True or 1 for each label of an example, [examples, labels].
    """
    return [confusion(p.astype(np.intp), t, 2) for p, t in zip(predicted.T, targets.T, strict=True)]
