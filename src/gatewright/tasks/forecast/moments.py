"""Find the place of one time on a grid."""

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from gatewright.data.time_texts import ISO, parse_time
from gatewright.data.time_zones import zone_instants, zone_locals
from gatewright.data.times import TimeLayout, Times
from gatewright.support.errors import InputError
from gatewright.tasks.forecast.grid import Grid


def place_of(grid: Grid, layout: TimeLayout, time: Any) -> int:
    """Return the place of a time on a grid.

    Args:
        grid: The grid.
        layout: How the times of the training data are written.
        time: Text in ISO 8601 or in the format of the training data, a datetime, date or numpy.datetime64, or a whole
            number if the times of the grid are plain numbers.

    Raises:
        InputError: It is not a time, or not one of the grid.
    """
    if grid.kind == "numbers":
        if isinstance(time, bool) or not isinstance(time, int | np.integer):
            raise InputError(f"last_time must be a whole number, as in the training data, not {time!r}.")
        numbers = np.array([int(time)], np.int64)
        return int(grid.places(Path("last_time"), Times(numbers, None, layout))[0])
    local, offset = _parse(layout, time)
    zone = layout.zone
    if offset is not None:
        instants = np.array([local - offset], np.int64)
        times = Times(zone_locals(instants, zone) if zone else np.array([local]), instants, layout)
    elif zone:
        numbers = np.array([local], np.int64)
        times = Times(numbers, zone_instants(numbers, zone, np.zeros(1, np.intp)), layout)
    else:
        times = Times(np.array([local], np.int64), None, layout)
    return int(grid.places(Path("last_time"), times)[0])


def _parse(layout: TimeLayout, time: Any) -> tuple[int, int | None]:
    """Return the microseconds since 1970 on the clock, and the offset from UTC in microseconds if it is known."""
    if isinstance(time, np.datetime64):
        if np.isnat(time):
            raise InputError("last_time is NaT, not a time.")
        return int(time.astype("datetime64[us]").astype(np.int64)), None
    text = time.isoformat() if isinstance(time, date) else str(time).strip()  # a datetime is a date
    for kind in (ISO, *layout.kinds[:1]):
        found = parse_time(text, kind)
        if found is not None:
            return found
    raise InputError(f"last_time must be a time such as 2026-01-31T18:00:00, not {time!r}.")
