"""Frequencies that people name, such as "hour" or "15 minutes", as grids of times."""

import re

import numpy as np
from numpy.typing import NDArray

from gatewright.data.time_texts import DAY, MICROSECONDS
from gatewright.data.times import Times
from gatewright.support.errors import InputError
from gatewright.tasks.forecast.grid import Grid

# The kind of grid and its step for each unit, and the number of steps in a season of rows without times.
_UNITS = {
    "millisecond": ("microseconds", 1_000, 1),
    "second": ("seconds", 1, 60),
    "minute": ("seconds", 60, 60),
    "hour": ("seconds", 3_600, 24),
    "day": ("seconds", 86_400, 7),
    "week": ("seconds", 7 * 86_400, 52),
    "month": ("months", 1, 12),
    "quarter": ("months", 3, 4),
    "year": ("months", 12, 1),
    "month end": ("month ends", 1, 12),
    "working day": ("working days", 1, 5),
    "working month end": ("working month ends", 1, 12),
}
_OTHER_NAMES = {
    "ms": "millisecond",
    "s": "second",
    "min": "minute",
    "t": "minute",
    "h": "hour",
    "d": "day",
    "w": "week",
    "m": "month",
    "ms.": "month",
    "q": "quarter",
    "y": "year",
    "a": "year",
    "me": "month end",
    "b": "working day",
    "business day": "working day",
    "weekday": "working day",
    "bme": "working month end",
    "business month end": "working month end",
    "daily": "day",
    "hourly": "hour",
    "weekly": "week",
    "monthly": "month",
    "quarterly": "quarter",
    "yearly": "year",
    "annual": "year",
    "half hour": "30 minute",
}


# Names of pandas, whose case matters.
_PANDAS_NAMES = {
    "MS": "month",
    "M": "month",
    "QS": "quarter",
    "Q": "quarter",
    "YS": "year",
    "AS": "year",
    "BM": "bme",
    "W-SUN": "week",
}


def is_frequency(frequency: str) -> bool:
    """Return True if a frequency is known."""
    try:
        _parse(frequency)
    except InputError:
        return False
    return True


def frequency_season(frequency: str) -> int:
    """Return the number of steps in a season of rows without times.

    Raises:
        InputError: The frequency is unknown.
    """
    count, unit = _parse(frequency)
    return max(_UNITS[unit][2] // count, 1)


def frequency_grid(frequency: str, times: Times) -> Grid:
    """Return the grid of this frequency on which the first time lies, or whose step contains it.

    Raises:
        InputError: The frequency is unknown.
    """
    count, unit = _parse(frequency)
    kind, step, _ = _UNITS[unit]
    if not times.layout.are_dates:
        raise InputError(f"--frequency {frequency} needs dates, but the times are plain numbers. Leave it out.")
    step *= count
    zone = times.layout.zone
    counts_instants = kind in ("seconds", "microseconds") and zone and step * MICROSECONDS % DAY
    numbers = times.instants if counts_instants and times.instants is not None else times.numbers
    start = int(numbers.min())
    if kind in ("seconds", "microseconds"):
        unit_size = MICROSECONDS if kind == "seconds" else 1
        length = step * unit_size
        origin = start
        if ((numbers - start) % length).any():  # steps begin at midnight, and weeks on Monday
            origin = start - (start - 4 * DAY) % length if length % DAY == 0 else start - start % length
        return Grid(kind, step, origin // unit_size, zone)
    if kind == "months":
        month = np.datetime64(start, "us").astype("datetime64[M]")
        first = month - (int(month.astype(np.int64)) % step if step in (3, 12) else 0)
        origin = int(first.astype("datetime64[s]").astype(np.int64))
        return Grid(kind, step, origin, zone)
    day = np.datetime64(start, "us").astype("datetime64[D]")
    if kind == "working days":
        day = np.busday_offset(day, 0, roll="forward")
    else:
        day = (day.astype("datetime64[M]") + 1).astype("datetime64[D]") - 1
        day = np.busday_offset(day, 0, roll="backward") if kind == "working month ends" else day
    return Grid(kind, step, int(day.astype("datetime64[s]").astype(np.int64)), zone)


def bins(grid: Grid, times: Times) -> NDArray[np.int64]:
    """Return for each time the place of the step that contains it."""
    numbers = grid.own_numbers(times)
    if grid.kind in ("seconds", "microseconds"):
        unit = MICROSECONDS if grid.kind == "seconds" else 1
        return np.asarray((numbers - grid.origin * unit) // (grid.step * unit), np.int64)
    dates = numbers.astype("datetime64[us]").astype("datetime64[D]")
    origin = np.datetime64(grid.origin, "s").astype("datetime64[D]")
    if grid.kind == "working days":
        return np.asarray(np.busday_count(origin, dates) // grid.step, np.int64)
    months = dates.astype("datetime64[M]").astype(np.int64) - int(origin.astype("datetime64[M]").astype(np.int64))
    return np.asarray(months // grid.step, np.int64)


def _parse(frequency: str) -> tuple[int, str]:
    """Return the number of units in a step, and the unit."""
    text = str(frequency).strip()
    count, alias = re.fullmatch(r"(\d*)(.*)", text, re.DOTALL).groups()  # type: ignore[union-attr]  # it always fits
    text = f"{count}{_PANDAS_NAMES.get(alias, alias)}"
    text = " ".join(text.lower().replace("_", " ").split())
    text = _OTHER_NAMES.get(text, text)
    matched = re.fullmatch(r"(\d*)\s*(.*)", text)
    count, unit = (matched[1], matched[2]) if matched else ("", text)
    unit = _OTHER_NAMES.get(unit, unit)
    unit = _OTHER_NAMES.get(unit.removesuffix("s"), unit.removesuffix("s")) if unit not in _UNITS else unit
    if unit not in _UNITS or count == "0" or len(count) > 6:
        raise InputError(
            f"--frequency must be one of {', '.join(_UNITS)}, perhaps with a number before it such as '15 minutes', "
            f"not {frequency!r}."
        )
    return int(count or 1), unit
