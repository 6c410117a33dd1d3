"""Errors of forecasts in the units of the data, and for each step ahead."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gatewright.results.records import DetailTable
from gatewright.tasks.forecast.scales import Scales
from gatewright.tasks.forecast.windows import WindowSet

# Of more targets or steps ahead, the first targets, and evenly spaced steps, are shown.
_MAX_TARGETS, _MAX_STEPS = 12, 12


class UnitWindows(NamedTuple):
    """Windows in the units of the data.

    Attributes:
        line: The index of the series of each window, [windows].
        first: The index of the first step ahead of each window in its series, [windows].
        mean, deviation: The scale of the targets of each window, [windows, 1, targets].
        truth: The numbers ahead, [windows, horizon, targets], with NaN for missing ones.
    """

    line: NDArray[np.intp]
    first: NDArray[np.intp]
    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]
    truth: NDArray[np.float64]


def unit_windows(scales: Scales, windows: WindowSet, look_back: int, horizon: int) -> UnitWindows:
    """Return windows in the units of the data."""
    lines, C = windows.table.lines, scales.targets
    offsets = np.cumsum([0, *(len(line.values) for line in lines)])
    line = np.searchsorted(offsets, windows.starts, side="right") - 1
    first = windows.starts - offsets[line] + look_back
    scale = np.stack([scales.scale_of(one.name, one.values)[0][:, :C] for one in lines])[line]
    values = np.concatenate([one.values[:, :C] for one in lines])
    truth = values[(windows.starts + look_back)[:, None] + np.arange(horizon)]
    return UnitWindows(line, first, scale[:, :1], scale[:, 1:], truth)


def unit_tables(
    units: UnitWindows, targets: Sequence[str], outputs: Mapping[str, NDArray[Any]]
) -> tuple[DetailTable, ...]:
    """Return a table of the errors of each target, and one of the errors at each step ahead.

    Args:
        units: The windows.
        targets: The names of the targets.
        outputs: The scaled forecasts of each model, [windows, horizon, targets, 1 + quantiles], with its name as key.
    """
    errors = {}
    for name, own in outputs.items():
        forecast = np.asarray(own[..., 0], np.float64) * units.deviation + units.mean
        errors[name] = units.truth - forecast
    heads = [f"{kind} {name}" for name in errors for kind in ("MAE", "RMSE")]
    rows = []
    for place, target in enumerate(targets[:_MAX_TARGETS]):
        cells: list[float] = []
        for error in errors.values():
            own = error[..., place]
            cells += (
                [float(np.nanmean(np.abs(own))), float(np.sqrt(np.nanmean(np.square(own))))]
                if _any(own)
                else [np.nan] * 2
            )
        rows.append((target, *cells))
    more = f" (the first {_MAX_TARGETS} of {len(targets)} targets)" if len(targets) > _MAX_TARGETS else ""
    by_target = DetailTable(
        f"Mean absolute error (MAE) and root mean squared error (RMSE) in the units of the data{more}",
        ("target", *heads),
        tuple(rows),
    )
    return by_target, _by_step(errors, units, targets)


def _by_step(errors: Mapping[str, NDArray[np.float64]], units: UnitWindows, targets: Sequence[str]) -> DetailTable:
    horizon = units.truth.shape[1]
    scaled = len(targets) > 1
    if scaled:  # units differ
        errors = {name: error / units.deviation for name, error in errors.items()}
    steps = sorted({1, horizon, *np.linspace(1, horizon, min(horizon, _MAX_STEPS)).round().astype(int).tolist()})
    rows = [
        (
            str(step),
            *(
                float(np.nanmean(np.abs(error[:, step - 1]))) if _any(error[:, step - 1]) else np.nan
                for error in errors.values()
            ),
        )
        for step in steps
    ]
    unit = "scaled numbers, as the units of the targets differ" if scaled else f"the unit of {targets[0]}"
    return DetailTable(f"Mean absolute error by step ahead, in {unit}", ("step ahead", *errors), tuple(rows))


def _any(errors: NDArray[np.float64]) -> bool:
    return bool((~np.isnan(errors)).any())
