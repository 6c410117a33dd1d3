"""The simple forecasters that every network is held against."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gatewright.data.batches import Examples
from gatewright.tasks.forecast.table import Table

# Windows of one call.
_AT_ONCE = 512
# Training windows from whose errors quantiles are taken, evenly spaced.
_JUDGED = 2_000
# Penalties of the linear map, for each window of training, that are tried; the best on the validation windows is kept.
# Long windows and short series want large ones.
_PENALTIES = (1e-4, 1e-2, 1.0, 10.0, 100.0, 1e3, 1e4)


class Forecaster(NamedTuple):
    """A simple model's answers: its outputs for the test windows, and its squared error on the validation windows."""

    name: str
    description: str
    outputs: NDArray[np.float32]
    error: float


def seasonal(
    train: Examples, validation: Examples, test: Examples, table: Table, look_back: int, quantiles: Sequence[float]
) -> Forecaster:
    """The value of the same place in the last season of the window, or its last value, whichever is the better on the
    validation windows. Hyndman & Athanasopoulos 2021, "Forecasting: Principles and Practice", section 5.2.

    Args:
        train, validation, test: windows, whose first features are the targets.
        table: where they come from.
        look_back: steps of a window.
        quantiles: that are wanted beside, from the errors on the training windows.
    """
    C, horizon = table.targets, test.targets.shape[1]

    def of(season: int) -> Callable[[NDArray[Any]], NDArray[Any]]:
        places = look_back - season + np.arange(horizon) % season
        return lambda inputs: inputs[:, places, :C]

    seasons = sorted({1, table.grid.season} if table.grid.season <= look_back else {1})
    errors = {season: _error(of(season), validation) for season in seasons}
    season = min(errors, key=errors.__getitem__)
    name = "the last value" if season == 1 else "seasonal naive"
    what = (
        "the window's last value"
        if season == 1
        else f"the value {season} steps before, of the same place in its season"
    )
    chosen = ", chosen on the validation windows" if len(seasons) > 1 else ""
    outputs = _with_quantiles(of(season), train, test, quantiles)
    return Forecaster(name, f"{what}{chosen}", outputs, errors[season])


def linear(
    train: Examples, validation: Examples, test: Examples, table: Table, look_back: int, quantiles: Sequence[float]
) -> Forecaster:
    """A linear map from each target's window to its steps ahead, one for all targets, relative to the last value.

    What DLinear and NLinear (Zeng et al. 2023, "Are Transformers Effective for Time Series Forecasting?", section 4)
    descend to: both are such a map, since a moving average is linear too; here it is the exact least squares of the
    training windows, with a penalty on its square that is chosen on the validation windows.

    Args: as of `seasonal`.
    """
    C, horizon = table.targets, test.targets.shape[1]
    products, sides, count = np.zeros((look_back, look_back)), np.zeros((look_back, horizon)), 0
    for first in range(0, len(train.inputs), _AT_ONCE):
        rows = np.arange(first, min(first + _AT_ONCE, len(train.inputs)))
        x, y = _relative(train.inputs[rows], train.targets[rows], C, look_back)
        x, y = x[(there := ~np.isnan(y).any(axis=1))], y[there]
        products += x.T @ x
        sides += x.T @ y
        count += len(x)
    values, vectors = np.linalg.eigh(products)
    rotated = vectors.T @ sides

    def of(penalty: float) -> Callable[[NDArray[Any]], NDArray[Any]]:
        weights = (vectors / (np.maximum(values, 0) + penalty * max(count, 1) / look_back)[:, None].T) @ rotated
        weights = weights.astype(np.float32)

        def forecast(inputs: NDArray[Any]) -> NDArray[Any]:
            past = inputs[:, :look_back, :C]
            last = past[:, -1:]
            moved: NDArray[Any] = ((past - last).swapaxes(1, 2) @ weights).swapaxes(1, 2) + last
            return moved

        return forecast

    errors = {penalty: _error(of(penalty), validation) for penalty in _PENALTIES}
    penalty = min(errors, key=errors.__getitem__)
    outputs = _with_quantiles(of(penalty), train, test, quantiles)
    what = f"least squares on the window relative to its last value, as DLinear; penalty {penalty:g}, chosen on the"
    return Forecaster("a linear map", f"{what} validation windows", outputs, errors[penalty])


def _relative(
    inputs: NDArray[Any], targets: NDArray[Any], C: int, look_back: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Each target of each window as a row, relative to its last value: [rows * C, look_back], [rows * C, horizon]."""
    past = inputs[:, :look_back, :C].astype(np.float64)
    last = past[:, -1:]
    x, y = past - last, targets - last
    return x.swapaxes(1, 2).reshape(-1, look_back), y.swapaxes(1, 2).reshape(-1, targets.shape[1])


def _error(forecast: Callable[[NDArray[Any]], NDArray[Any]], windows: Examples) -> float:
    """The mean squared error."""
    total, count = 0.0, 0
    for first in range(0, len(windows.inputs), _AT_ONCE):
        rows = np.arange(first, min(first + _AT_ONCE, len(windows.inputs)))
        error = windows.targets[rows] - forecast(windows.inputs[rows])
        there = ~np.isnan(error)
        total += float(np.square(error[there], dtype=np.float64).sum())
        count += int(there.sum())
    return total / max(count, 1)


def _with_quantiles(
    forecast: Callable[[NDArray[Any]], NDArray[Any]], train: Examples, test: Examples, quantiles: Sequence[float]
) -> NDArray[np.float32]:
    """The forecasts of the test windows, and beside them quantiles: the forecast and those of the training errors, of
    each step ahead and target by itself. [rows, horizon, C, 1 + quantiles]"""
    rows = np.linspace(0, len(train.inputs) - 1, min(_JUDGED, len(train.inputs))).round().astype(np.intp)
    errors = train.targets[rows] - forecast(train.inputs[rows])
    errors[:, np.isnan(errors).all(axis=0)] = 0
    spread = [np.nanquantile(errors, q, axis=0) for q in quantiles]
    parts = []
    for first in range(0, len(test.inputs), _AT_ONCE):
        one = forecast(test.inputs[np.arange(first, min(first + _AT_ONCE, len(test.inputs)))])
        parts.append(np.stack([one, *(one + off for off in spread)], axis=-1).astype(np.float32))
    return np.concatenate(parts)
