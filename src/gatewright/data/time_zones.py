"""Time zones: offsets from UTC, and clock times that occur twice."""

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo

import numpy as np
from numpy.typing import NDArray

from gatewright.data.time_texts import DAY, MICROSECONDS
from gatewright.support.errors import InputError

_QUARTER = 900 * MICROSECONDS
_FIRST, _LAST = (int(np.datetime64(year, "us").astype(np.int64)) for year in ("0001-01-01", "9999-01-01"))
# Python has no times outside of its years, in any zone.
_ZONED = (_FIRST + 366 * DAY, _LAST - 366 * DAY)


def find_zone(name: str) -> tzinfo:
    """Return the time zone with this name, such as "Europe/Berlin", or with this offset, such as "+01:00".

    Raises:
        InputError: There is no such time zone.
    """
    zone = known_zone(name)
    if zone is None:
        raise InputError(
            f"{name!r} is not a time zone. Give a name such as Europe/Berlin or UTC, or an offset such as +01:00."
        )
    return zone


def known_zone(name: str) -> tzinfo | None:
    from zoneinfo import ZoneInfo

    if name in ("UTC", "Z"):
        return UTC
    if offset := re.fullmatch(r"([+-])(\d{2}):?(\d{2})", name):
        sign = -1 if offset[1] == "-" else 1
        minutes = int(offset[2]) * 60 + int(offset[3])
        return timezone(sign * timedelta(minutes=minutes)) if minutes < 24 * 60 else None
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):  # ZoneInfoNotFoundError is a KeyError
        return None


def is_named(zone: str) -> bool:
    return bool(zone) and not re.fullmatch(r"[+-]\d{2}:?\d{2}", zone)


def zone_locals(instants: NDArray[np.int64], zone: str) -> NDArray[np.int64]:
    """Return the microseconds since 1970 on the clock of a time zone, given those in UTC."""
    if zone in ("", "UTC"):
        return instants
    return instants + utc_offsets(instants, zone)


def utc_offsets(instants: NDArray[np.int64], zone: str) -> NDArray[np.int64]:
    """Return the offset of a time zone from UTC in microseconds at each instant, given in microseconds in UTC."""
    found = find_zone(zone)
    # Offsets change at whole quarters of an hour.
    quarters, places = np.unique(np.clip(instants, *_ZONED) // _QUARTER, return_inverse=True)
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    offsets = [
        (epoch + timedelta(seconds=900 * int(quarter))).astimezone(found).utcoffset() or timedelta(0)
        for quarter in quarters
    ]
    return np.array([offset // timedelta(microseconds=1) for offset in offsets], np.int64)[places.reshape(-1)]


def zone_instants(local: NDArray[np.int64], zone: str, series: NDArray[np.intp]) -> NDArray[np.int64]:
    """Return the microseconds since 1970 in UTC of times on the clock of a zone.

    If a clock time occurs twice in a series, in the hour that is repeated in autumn, the first one in the order of the
    rows is the earlier one. If the rows are in falling order of time, it is the later one.
    """
    found = find_zone(zone)
    order = np.lexsort((np.arange(len(local)), local, series))
    again = np.zeros(len(local), bool)
    again[order[1:]] = (np.diff(local[order]) == 0) & (np.diff(series[order]) == 0)
    falling = len(local) > 1 and np.sum(np.diff(local) < 0) > len(local) / 2
    if falling:
        repeated = np.zeros(len(local), bool)
        repeated[order[:-1]] = again[order[1:]]
        again = repeated
    # Clocks change at whole quarters of an hour.
    keys, places = np.unique(np.clip(local, *_ZONED) // _QUARTER * 2 + again, return_inverse=True)
    epoch = datetime(1970, 1, 1)
    offsets = [
        (epoch + timedelta(seconds=900 * int(key // 2))).replace(tzinfo=found, fold=int(key % 2)).utcoffset()
        or timedelta(0)
        for key in keys
    ]
    shifts = np.array([offset // timedelta(microseconds=1) for offset in offsets], np.int64)
    return local - shifts[places.reshape(-1)]
