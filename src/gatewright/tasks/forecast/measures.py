"""Metrics of forecasts, all computed from scaled numbers."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewright.data.windows import Windows
from gatewright.results.measure import Measure

MEASURES = (
    Measure("mse", "squared error", "lower"),
    Measure("mae", "absolute error", "lower"),
    Measure("mase", "MASE", "lower"),
    Measure("pinball", "pinball loss", "lower"),
    Measure("coverage", "coverage", "higher"),
)


def measure_forecasts(
    outputs: NDArray[Any], targets: Windows, quantiles: Sequence[float], naive_errors: Sequence[float]
) -> dict[str, float]:
    """Return the mean squared error, mean absolute error, MASE, mean pinball loss and coverage.

    MASE is the mean absolute error of a target divided by that of the seasonal naive forecast in the training set,
    averaged over the targets (Hyndman & Koehler 2006, "Another Look at Measures of Forecast Accuracy", section 3).
    Coverage is the fraction of numbers between the lowest and the highest quantile; ideally it equals the difference of
    the probabilities of these two quantiles.

    Args:
        outputs: Forecasts and their quantiles, [windows, horizon, targets, 1 + quantiles].
        targets: The true numbers, [windows, horizon, targets]. NaN stands for a missing number, which is ignored.
        quantiles: The probabilities of the quantiles, in rising order.
        naive_errors: Mean absolute error of the seasonal naive forecast for each target; NaN if it is 0.
    """
    y = np.asarray(targets)
    present = ~np.isnan(y)
    error, counts = np.where(present, y - outputs[..., 0], 0).astype(np.float64), present.sum(axis=(0, 1))
    relative = np.abs(error).sum(axis=(0, 1)) / np.maximum(counts, 1) / np.array(naive_errors)
    known = ~np.isnan(relative) & (counts > 0)
    pinball = coverage = np.nan
    if quantiles:
        losses = []
        for place, q in enumerate(quantiles, 1):
            e = y[present] - outputs[..., place][present]
            losses.append(np.maximum(q * e, (q - 1) * e).mean(dtype=np.float64))
        pinball = float(np.mean(losses))
    if len(quantiles) > 1:
        inside = (outputs[..., 1] <= y) & (y <= outputs[..., -1])
        coverage = float(inside[present].mean())
    return {
        "mse": float(np.square(error).sum() / present.sum()),
        "mae": float(np.abs(error).sum() / present.sum()),
        "mase": float(relative[known].mean()) if known.any() else np.nan,
        "pinball": pinball,
        "coverage": coverage,
    }


def window_scores(outputs: NDArray[Any], targets: Windows) -> NDArray[np.float64]:
    """Return the negative mean squared error of each window chosen by `disjoint`, [chosen windows].

    A paired test needs independent scores, and windows that share steps ahead are not independent.
    """
    windows = disjoint(targets)
    y = targets[windows]
    present = ~np.isnan(y)
    error = np.where(present, y - outputs[windows][..., 0], 0).astype(np.float64)
    return np.asarray(-np.square(error).sum(axis=(1, 2)) / np.maximum(present.sum(axis=(1, 2)), 1))


def disjoint(targets: Windows) -> NDArray[np.intp]:
    """Return the indices of windows that do not share any step ahead, in the order of time."""
    kept, free = [], -1
    for window in np.argsort(targets.starts, kind="stable"):
        if targets.starts[window] >= free:
            kept.append(window)
            free = targets.starts[window] + targets.shape[1]
    return np.array(kept, np.intp)


def naive_errors(series: Sequence[NDArray[np.float32]], season: int) -> tuple[float, ...]:
    """Return the mean absolute error of the seasonal naive forecast for each target, or NaN where it is 0.

    Args:
        series: The scaled targets of each series, [time, targets].
        season: Number of steps in a season. In a series of at most this length, the naive forecast is the value
            one step before.
    """
    changes = [one[season:] - one[:-season] if len(one) > season else one[1:] - one[:-1] for one in series]
    absolute = np.abs(np.concatenate(changes).astype(np.float64))
    present = ~np.isnan(absolute)
    errors = np.where(present, absolute, 0).sum(axis=0) / np.maximum(present.sum(axis=0), 1)
    return tuple(np.where(errors > 0, errors, np.nan).tolist())
