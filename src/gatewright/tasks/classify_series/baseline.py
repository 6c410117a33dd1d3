"""The baseline of series classifiers: logistic regression on a summary of each channel."""

import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gatewright.tasks.base.labels import LabelSet

# The inverse regularization strengths that are tried, and the numbers of steps to which channels are resampled in
# addition to their statistics. The validation set chooses one pair.
_STRENGTHS = (0.01, 0.1, 1.0, 10.0)
_STEPS = (0, 8)


class SummaryRegression(NamedTuple):
    """The result of `summary_regression`.

    Attributes:
        outputs: Logits for the test set, [series, 1] for two classes and [series, classes] for more classes.
        C: The inverse regularization strength, chosen on the validation set.
        steps: The number of steps to which each channel is resampled, chosen on the validation set; 0 for none.
    """

    outputs: NDArray[np.float64]
    C: float
    steps: int


def summary(one: NDArray[np.float64], steps: int = 0) -> NDArray[np.float64]:
    """Return a vector that summarizes a series: statistics and resampled values of each channel, then the length.

    The statistics are the mean, standard deviation, minimum, maximum, first and last number.

    Args:
        one: The series, [time, channels]. NaN stands for a missing number. The summary of a channel without numbers
            is 0.
        steps: Number of evenly spaced steps to which each channel is resampled by linear interpolation. 0 for none.
    """
    return np.concatenate([*(_channel_summary(column, steps) for column in one.T), [float(len(one))]])


def _channel_summary(column: NDArray[np.float64], steps: int) -> NDArray[np.float64]:
    present = np.flatnonzero(~np.isnan(column))
    if not len(present):
        return np.zeros(6 + steps)
    x = column[present]
    resampled = np.interp(np.linspace(0, len(column) - 1, steps), present, x)
    return np.concatenate([[x.mean(), x.std(), x.min(), x.max(), x[0], x[-1]], resampled])


def summary_regression(
    train: Sequence[NDArray[np.float64]],
    train_classes: NDArray[np.integer[Any]],
    validation: Sequence[NDArray[np.float64]],
    validation_classes: NDArray[np.integer[Any]],
    test: Sequence[NDArray[np.float64]],
    labels: LabelSet,
) -> SummaryRegression:
    """Fit logistic regression on the `summary` of each training series, and return its logits for the test series.

    The regularization strength and the number of resampled steps are chosen on the validation set as
    `LabelSet.selection` says.

    Args:
        train, train_classes: The training series, [time, channels] each, and their classes as numbers from 0, [series].
            Every class occurs.
        validation, validation_classes: The validation series and their classes, in the same form.
        test: The test series, [time, channels] each.
        labels: The names of the classes.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    fitted = []
    for steps in _STEPS:
        features, validation_features = (
            np.stack([summary(one, steps) for one in series]) for series in (train, validation)
        )
        for strength in _STRENGTHS:
            model = make_pipeline(StandardScaler(), LogisticRegression(C=strength, max_iter=1_000))
            with warnings.catch_warnings():  # a model that has not converged is compared like the others
                warnings.simplefilter("ignore")
                model.fit(features, train_classes)
            probabilities = labels.probabilities(_logits(model, validation_features))
            figures = labels.measure(probabilities, validation_classes)
            fitted.append((figures, strength, steps, model))
    best = labels.selection(len(validation)).best([figures for figures, *_ in fitted])
    _, strength, steps, model = fitted[best]
    return SummaryRegression(_logits(model, np.stack([summary(one, steps) for one in test])), strength, steps)


def _logits(model: Any, features: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(model.decision_function(features), np.float64).reshape(len(features), -1)
