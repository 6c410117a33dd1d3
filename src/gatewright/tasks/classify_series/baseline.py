"""The baseline of series classifiers: logistic regression on a summary of each channel."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewright.tasks.base.baselines import LogisticRegression, logistic_regression
from gatewright.tasks.base.labels import LabelSet

# The numbers of steps to which channels are resampled in addition to their statistics, of which one is chosen.
_STEPS = (0, 8)


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
) -> LogisticRegression:
    """Fit logistic regression on the `summary` of each training series, and return its logits for the test series.

    The number of resampled steps, the `features` of the result, is chosen on the validation set.

    Args:
        train, train_classes: The training series, [time, channels] each, and their classes as numbers from 0, [series].
            Every class occurs.
        validation, validation_classes: The validation series and their classes, in the same form.
        test: The test series, [time, channels] each.
        labels: The names of the classes.
    """
    summaries = {
        steps: [np.stack([summary(one, steps) for one in series]) for series in (train, validation, test)]
        for steps in _STEPS
    }
    return logistic_regression(summaries, train_classes, validation_classes, labels)
