"""The simple model beside a classifier of series: logistic regression on a summary of each channel."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gatewright.tasks.base.labels import OneLabel

# Inverse strengths of regularisation that are tried, and steps to which a channel is resampled beside its statistics
# (0: the statistics alone); the best on the validation rows are kept.
_STRENGTHS = (0.01, 0.1, 1.0, 10.0)
_STEPS = (0, 8)


class Summarised(NamedTuple):
    """Logits for the test rows, [rows, 1] for two classes and [rows, classes] for more; what was chosen."""

    outputs: NDArray[np.float64]
    C: float
    steps: int


def summary(row: NDArray[np.float64], steps: int = 0) -> NDArray[np.float64]:
    """Mean, standard deviation, minimum, maximum, first and last number of each channel, the row's length, and each
    channel at `steps` places at equal distances.

    Args:
        row: [time, channels]; NaN is missing, and of a channel without any number all are 0.
        steps: between its steps a channel is a straight line.
    """
    columns = [_channel(column, steps) for column in row.T]
    return np.concatenate([*columns, [float(len(row))]])


def _channel(column: NDArray[np.float64], steps: int) -> NDArray[np.float64]:
    there = np.flatnonzero(~np.isnan(column))
    if not len(there):
        return np.zeros(6 + steps)
    x = column[there]
    at = np.interp(np.linspace(0, len(column) - 1, steps), there, x)
    return np.concatenate([[x.mean(), x.std(), x.min(), x.max(), x[0], x[-1]], at])


def summary_regression(
    train: Sequence[NDArray[np.float64]],
    train_classes: NDArray[np.integer[Any]],
    validation: Sequence[NDArray[np.float64]],
    validation_classes: NDArray[np.integer[Any]],
    test: Sequence[NDArray[np.float64]],
    labels: OneLabel,
) -> Summarised:
    """Logistic regression on `summary`, whose strength and steps are those of the best accuracy on the validation rows;
    among equals the smaller log loss decides.

    Args:
        train, train_classes: what is fitted: rows [time, channels]; classes are numbers from 0, each of which occurs.
        validation, validation_classes, test: likewise.
        labels: of the classes.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    best: tuple[tuple[float, float], float, int, Any] | None = None
    for steps in _STEPS:
        own, others = (np.stack([summary(row, steps) for row in rows]) for rows in (train, validation))
        for strength in _STRENGTHS:
            model = make_pipeline(StandardScaler(), LogisticRegression(C=strength, max_iter=1_000))
            with warnings.catch_warnings():  # one that has not converged is still a model, and measured like any
                warnings.simplefilter("ignore")
                model.fit(own, train_classes)
            figures = labels.measure(labels.probabilities(_logits(model, others)), validation_classes)
            merit = figures["accuracy"], -figures["log_loss"]
            if best is None or merit > best[0]:
                best = merit, strength, steps, model
    assert best is not None
    _, strength, steps, model = best
    return Summarised(_logits(model, np.stack([summary(row, steps) for row in test])), strength, steps)


def _logits(model: Any, features: NDArray[np.float64]) -> NDArray[np.float64]:
    logits: NDArray[np.float64] = model.decision_function(features)
    return logits.reshape(len(features), -1)
