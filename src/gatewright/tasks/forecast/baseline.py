"""The baselines of forecasters: the seasonal naive forecast and a linear map."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gatewright.data.batches import Batch

# From windows [windows, look_back, features], whose first features are the targets, to [windows, horizon, targets].
_Forecast: TypeAlias = Callable[[NDArray[Any]], NDArray[Any]]

# Number of windows whose forecasts are computed at once.
_WINDOWS_PER_CALL = 512
# Largest number of training windows, evenly spaced, from whose errors quantiles are estimated.
_MAX_ERRORS = 2_000
# Penalties of the linear map, per training window. The validation set chooses one. Long windows and short series need
# large ones.
_PENALTIES = (1e-4, 1e-2, 1.0, 10.0, 100.0, 1e3, 1e4)


class FittedForecaster(NamedTuple):
    """A fitted baseline and its forecasts for the test set.

    Attributes:
        name: The name shown to the user.
        description: The method, described for the user.
        outputs: The forecasts of the test windows and their quantiles, [windows, horizon, targets, 1 + quantiles].
        error: The mean squared error of the forecast on the validation windows, in scaled numbers.
    """

    name: str
    description: str
    outputs: NDArray[np.float32]
    error: float


def seasonal(
    train: Batch, validation: Batch, test: Batch, seasons: Sequence[int], quantiles: Sequence[float]
) -> FittedForecaster:
    """Forecast each target by its value one season before, or its last value, whichever is best in validation.

    Hyndman & Athanasopoulos 2021, "Forecasting: Principles and Practice", section 5.2.

    Args:
        train, validation, test: The encoded windows of each split.
        seasons: Numbers of steps of the seasons to try, such as a day and a week. Those longer than a window are not.
        quantiles: The probabilities of the quantiles to forecast too. They are estimated from the errors on the
            training windows.
    """
    (_, horizon, C), look_back = test.targets.shape, test.inputs["past"].shape[1]

    def naive(season: int) -> _Forecast:
        places = look_back - season + np.arange(horizon) % season
        return lambda past: past[:, places, :C]

    tried = sorted({1, *(season for season in seasons if season <= look_back)})
    errors = {steps: _error(naive(steps), validation) for steps in tried}
    best = min(errors, key=errors.__getitem__)
    name = "the last value" if best == 1 else "seasonal naive"
    what = "the window's last value" if best == 1 else f"the value {best} steps before, at the same place in its season"
    chosen = ", chosen on the validation set" if len(tried) > 1 else ""
    outputs = _with_quantiles(naive(best), train, test, quantiles)
    return FittedForecaster(name, f"{what}{chosen}", outputs, errors[best])


def linear(train: Batch, validation: Batch, test: Batch, quantiles: Sequence[float]) -> FittedForecaster:
    """Forecast each target by a linear map of its past values, relative to the last one. All targets share the map.

    DLinear and NLinear (Zeng et al. 2023, "Are Transformers Effective for Time Series Forecasting?", section 4) are
    also linear maps of the past values, but are fitted by gradient descent. This function computes the exact
    least-squares solution for the training windows, with a penalty on the squared weights. The penalty is the
    one with the smallest error on the validation set.

    Args:
        train, validation, test: The encoded windows of each split.
        quantiles: See `seasonal`.
    """
    (_, horizon, C), look_back = test.targets.shape, test.inputs["past"].shape[1]
    products, sides, count = np.zeros((look_back, look_back)), np.zeros((look_back, horizon)), 0
    for windows in _calls(train):
        x, y = _relative(train.inputs["past"][windows], train.targets[windows], C)
        x, y = x[(present := ~np.isnan(y).any(axis=1))], y[present]
        products += x.T @ x
        sides += x.T @ y
        count += len(x)
    values, vectors = np.linalg.eigh(products)
    rotated = vectors.T @ sides

    def fitted(penalty: float) -> _Forecast:
        inverse = vectors / (np.maximum(values, 0) + penalty * max(count, 1) / look_back)
        weights = (inverse @ rotated).astype(np.float32)

        def forecast(past: NDArray[Any]) -> NDArray[Any]:
            last = past[:, -1:, :C]
            return np.asarray(((past[:, :, :C] - last).swapaxes(1, 2) @ weights).swapaxes(1, 2) + last)

        return forecast

    errors = {penalty: _error(fitted(penalty), validation) for penalty in _PENALTIES}
    best = min(errors, key=errors.__getitem__)
    description = (
        f"least squares on the window relative to its last value, as in DLinear; penalty {best:g}, chosen on the "
        "validation set"
    )
    outputs = _with_quantiles(fitted(best), train, test, quantiles)
    return FittedForecaster("a linear map", description, outputs, errors[best])


def _calls(batch: Batch) -> list[NDArray[np.intp]]:
    """Return arrays of window indices that together contain all windows, each small enough to forecast at once."""
    return [
        np.arange(first, min(first + _WINDOWS_PER_CALL, batch.size))
        for first in range(0, batch.size, _WINDOWS_PER_CALL)
    ]


def _relative(past: NDArray[Any], targets: NDArray[Any], C: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the past and future values of each target in each window, relative to its last past value.

    Args:
        past: The past steps, [windows, look_back, features]. The first C features are the targets.
        targets: The future values of the targets, [windows, horizon, C].
        C: Number of targets.

    Returns:
        The past values, [windows * C, look_back], and the future values, [windows * C, horizon].
    """
    y = past[:, :, :C].astype(np.float64)
    x, ahead = y - y[:, -1:], targets - y[:, -1:]
    return x.swapaxes(1, 2).reshape(-1, past.shape[1]), ahead.swapaxes(1, 2).reshape(-1, targets.shape[1])


def _error(forecast: _Forecast, batch: Batch) -> float:
    """Return the mean squared error of a forecast over all windows of a batch, ignoring missing targets."""
    total, count = 0.0, 0
    for windows in _calls(batch):
        error = batch.targets[windows] - forecast(batch.inputs["past"][windows])
        present = ~np.isnan(error)
        total += float(np.square(error[present], dtype=np.float64).sum())
        count += int(present.sum())
    return total / max(count, 1)


def _with_quantiles(forecast: _Forecast, train: Batch, test: Batch, quantiles: Sequence[float]) -> NDArray[np.float32]:
    """Return the forecasts of the test windows and their quantiles, [windows, horizon, targets, 1 + quantiles].

    A quantile is the forecast plus the same quantile of the training errors at the same step ahead and target, or the
    forecast itself if the quantile would be on its other side.
    """
    windows = np.linspace(0, train.size - 1, min(_MAX_ERRORS, train.size)).round().astype(np.intp)
    errors = train.targets[windows] - forecast(train.inputs["past"][windows])
    errors[:, np.isnan(errors).all(axis=0)] = 0
    spread = [_on_own_side(np.nanquantile(errors, q, axis=0), q) for q in quantiles]
    parts = []
    for windows in _calls(test):
        one = forecast(test.inputs["past"][windows])
        parts.append(np.stack([one, *(one + off for off in spread)], axis=-1).astype(np.float32))
    return np.concatenate(parts)


def _on_own_side(spread: NDArray[Any], q: float) -> NDArray[Any]:
    """Return distances of a quantile from the forecast: below 0 for a quantile under the median, above 0 over it."""
    if q == 0.5:
        return spread
    return np.asarray(np.minimum(spread, 0) if q < 0.5 else np.maximum(spread, 0))
