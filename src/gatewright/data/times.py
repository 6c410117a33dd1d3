"""Read columns of times in a known layout, with NumPy and the standard library alone. `time_layouts` finds the layout.

Times are whole microseconds since 1970, or plain whole numbers.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from gatewright.data.numbers import MAX_SHOWN
from gatewright.data.tables import Table
from gatewright.support.errors import InputError

MICROSECONDS = 1_000_000
"""The number of microseconds in a second."""
DAY = 24 * 3600 * MICROSECONDS
"""The number of microseconds in a day."""

ISO = "ISO 8601"
NUMBER = "number"
EPOCHS = {"epoch s": MICROSECONDS, "epoch ms": 1000, "epoch us": 1, "epoch ns": 0}
"""The layouts of numbers that count from 1970 in UTC, with the microseconds of their units (0 stands for 1/1000)."""
PARTS = ("year", "quarter", "month", "week", "day", "hour", "minute", "second")
"""The layouts of whole numbers that are parts of a date or time."""

ISO_TIME = re.compile(r"\d{4}-\d{2}(-\d{2}([T ]\d{2}:\d{2}(:\d{2}([.,]\d{1,9})?)?)?)?")
MIDNIGHT = re.compile(r"(^|[\sT])24((?:[:.]00)*)$")
"""Matches the hour 24 of a time, which is midnight at the end of the day."""
_OFFSET = re.compile(r"(?P<local>.*\d.*?)\s?(?P<offset>Z|UTC|GMT|[+-]\d{2}:?\d{2}|(?<=:\d\d)[+-]\d{2})")
_RANGE = re.compile(r"(.*\d.*?)\s+(?:-|–|to)\s+.*\d.*")
_WHOLE = re.compile(r"[+-]?\d+(\.0*)?")
# The years that NumPy and Python both can print.
_MIN_YEAR, _MAX_YEAR = 1, 9999
_LIMITS = tuple(int(np.datetime64(f"{year:04d}-01-01", "us").astype(np.int64)) for year in (_MIN_YEAR, _MAX_YEAR))


@dataclass(frozen=True)
class TimeLayout:
    """How the columns of a table hold the time of a row.

    Attributes:
        columns: The names of the columns.
        kinds: The layout of each column: ISO, NUMBER, a key of EPOCHS, one of PARTS, or a format of `strptime`.
        zone: The time zone of the times: a name such as "Europe/Berlin", an offset such as "+01:00", or "" if unknown.
    """

    columns: tuple[str, ...]
    kinds: tuple[str, ...]
    zone: str = ""

    @property
    def are_dates(self) -> bool:
        """Whether the times are dates, not plain numbers or the numbers of the rows."""
        return bool(self.kinds) and self.kinds != (NUMBER,)

    def to_json(self) -> dict[str, Any]:
        """Return the layout as a JSON object, which `from_json` reads."""
        return {"columns": list(self.columns), "kinds": list(self.kinds), "zone": self.zone}

    @classmethod
    def from_json(cls, stored: Any) -> Self:
        """Return the layout that `to_json` converted to `stored`.

        Raises:
            InputError: `stored` is not a layout. The message follows "FILE is damaged (", so it begins with "its".
        """
        if not isinstance(stored, Mapping) or stored.keys() != {"columns", "kinds", "zone"}:
            raise InputError("its layout of times has unexpected fields.")
        columns, kinds, zone = stored["columns"], stored["kinds"], stored["zone"]
        lists = isinstance(columns, list) and isinstance(kinds, list) and len(columns) == len(kinds)
        if not lists or not all(isinstance(name, str) for name in (*columns, *kinds, zone)):
            raise InputError("its layout of times is not a list of columns with their formats.")
        if zone and _find_zone(zone) is None:
            raise InputError("its time zone is unknown.")
        return cls(tuple(columns), tuple(kinds), zone)


@dataclass(frozen=True)
class Times:
    """The times of rows.

    Attributes:
        numbers: Microseconds since 1970 on the clock of the time zone, or plain numbers, [rows].
        instants: Microseconds since 1970 in UTC, [rows]. None if the time zone is unknown, or for plain numbers.
        layout: The columns that hold the times.
    """

    numbers: NDArray[np.int64]
    instants: NDArray[np.int64] | None
    layout: TimeLayout

    def take(self, rows: NDArray[Any]) -> "Times":
        """Return the times at the given row indices, in that order."""
        instants = None if self.instants is None else self.instants[rows]
        return Times(self.numbers[rows], instants, self.layout)


def read_times(table: Table, layout: TimeLayout, series: NDArray[np.intp] | None = None) -> Times:
    """Read the time of each row in a known layout.

    Args:
        table: The table.
        layout: The columns and their layouts. Without columns, the times are the numbers of the rows of each series.
        series: The number of the series of each row, [rows]. None if there is one series.

    Raises:
        InputError: A row has no time, or one in another layout.
    """
    series = np.zeros(table.rows, np.intp) if series is None else series
    if not layout.columns:
        return Times(_count_within(series), None, layout)
    if layout.kinds == (NUMBER,):
        return Times(_read_whole(table, layout.columns[0]), None, layout)
    columns = [_read_column(table, name, kind) for name, kind in zip(layout.columns, layout.kinds, strict=True)]
    parts = {kind: own.values for kind, own in zip(layout.kinds, columns, strict=True) if kind in PARTS}
    local = _join_parts(table, parts) if "year" in parts else np.zeros(table.rows, np.int64)
    small = {"hour": 3600, "minute": 60, "second": 1}
    for kind, own in zip(layout.kinds, columns, strict=True):
        if kind in small:
            local = local + own.values * small[kind] * MICROSECONDS
        elif kind not in PARTS:
            local = local + own.values
    if len(wrong := np.flatnonzero((local < _LIMITS[0]) | (local >= _LIMITS[1]))):
        raise InputError(f"{table.where(int(wrong[0]))}: the time is not in the years {_MIN_YEAR} to {_MAX_YEAR - 1}.")
    offsets = [own.offsets for own in columns if own.offsets is not None]
    if layout.kinds[0] in EPOCHS:
        return Times(zone_locals(local, layout.zone), local, layout)
    if offsets:
        instants = local - offsets[0]
        return Times(zone_locals(instants, layout.zone) if _is_named(layout.zone) else local, instants, layout)
    if layout.zone:
        return Times(local, zone_instants(local, layout.zone, series), layout)
    return Times(local, None, layout)


@dataclass(frozen=True)
class _Column:
    """The values of one column: microseconds or parts, [rows], and the offsets from UTC in microseconds, [rows]."""

    values: NDArray[np.int64]
    offsets: NDArray[np.int64] | None = None


def _read_column(table: Table, name: str, kind: str) -> _Column:
    """Return the values of one column of a layout."""
    from pyarrow import types

    column = table.column(name)
    if kind in PARTS:
        return _Column(_read_whole(table, name))
    if kind in EPOCHS:
        return _Column(_read_epoch(table, name, kind))
    if types.is_temporal(column.type):
        return _read_temporal(table, name)
    encoded, texts = distinct_texts(table, name)
    stamps, offsets = [], []
    for place, text in enumerate(texts):
        found = parse_time(text, kind)
        if found is None:
            row = int(np.flatnonzero(encoded == place)[0])
            raise _not_a_time(table, name, text, row, kind)
        stamps.append(found[0])
        offsets.append(found[1])
    known = [offset for offset in offsets if offset is not None]
    if known and len(known) < len(offsets):
        raise InputError(f"Only some times of {name!r} in {table.path} have an offset from UTC. Give all of them one.")
    values = np.array(stamps, np.int64)[encoded] if stamps else np.empty(0, np.int64)
    return _Column(values, np.array(known, np.int64)[encoded] if known else None)


def _not_a_time(table: Table, name: str, text: str, row: int, kind: str) -> InputError:
    if not text:
        return InputError(f"{table.where(row)}: the row has no {name}. Give each row a time.")
    written = "ISO 8601, such as 2026-01-31 18:00:00" if kind == ISO else f"the format {kind}"
    return InputError(
        f"{table.where(row)}: the {name} {text[:MAX_SHOWN]!r} is not a time in {written}, as the others are. Fix it, "
        "or give the format with --time-format."
    )


def distinct_texts(table: Table, name: str) -> tuple[NDArray[np.intp], list[str]]:
    """Return the distinct texts of a column without surrounding spaces, and for each row the index of its text."""
    from pyarrow import compute

    column = compute.fill_null(compute.cast(table.column(name), "string"), "")
    encoded = column.combine_chunks().dictionary_encode()
    return np.asarray(encoded.indices.to_numpy(), np.intp), [text.strip() for text in encoded.dictionary.to_pylist()]


def split_offset(text: str) -> tuple[str, int | None]:
    """Split a time into its local part and its offset from UTC in microseconds (None without one).

    Of a range of times, such as "10:00 - 11:00", the start is taken.
    """
    if " - " in text or " – " in text or " to " in text:
        ranged = _RANGE.fullmatch(text)
        text = ranged[1] if ranged else text
    found = _OFFSET.fullmatch(text)
    if found is None or not re.search(r"\d[T :]\d", found["local"]):
        return text, None
    offset = found["offset"]
    if offset in ("Z", "UTC", "GMT"):
        return found["local"], 0
    digits = offset[1:].replace(":", "").ljust(4, "0")
    seconds = int(digits[:2]) * 3600 + int(digits[2:]) * 60
    return found["local"], (-seconds if offset[0] == "-" else seconds) * MICROSECONDS


def parse_time(text: str, kind: str) -> tuple[int, int | None] | None:
    """Return the microseconds and the offset from UTC of a time, or None if it does not have the layout `kind`.

    The microseconds count from 1970, or from midnight for a format without a date.
    """
    local, offset = split_offset(text)
    try:
        if kind == ISO:
            if not ISO_TIME.fullmatch(local):
                return None
            stamp = int(np.datetime64(local.replace(",", "."), "us").astype(np.int64))
        else:
            stamp = _parse_format(local, kind)
    except ValueError:
        return None
    return stamp, offset


def _parse_format(local: str, format: str) -> int:
    if format.endswith("Q%q"):  # quarters, which strptime does not know
        year, quarter = re.split(r"[- ]?Q", local, maxsplit=1)
        if quarter not in ("1", "2", "3", "4"):
            raise ValueError(local)
        return int(np.datetime64(f"{int(year):04d}-{3 * int(quarter) - 2:02d}", "us").astype(np.int64))
    extra = timedelta(0)
    if "%H" in format and MIDNIGHT.search(local):
        local, extra = MIDNIGHT.sub(r"\g<1>00\g<2>", local), timedelta(days=1)
    parsed = datetime.strptime(local, format) + extra
    start = datetime(1970, 1, 1) if re.search(r"%[YyGjbBdmc]", format) else datetime(1900, 1, 1)
    return (parsed - start) // timedelta(microseconds=1)


def _read_whole(table: Table, name: str) -> NDArray[np.int64]:
    """Return the whole numbers of a column."""
    from pyarrow import types

    column = table.column(name)
    if types.is_integer(column.type) and not column.null_count:
        return np.asarray(column.to_numpy(), np.int64)
    encoded, texts = distinct_texts(table, name)
    for place, text in enumerate(texts):
        if not _WHOLE.fullmatch(text) or abs(int(text.split(".")[0])) > 1 << 62:
            row = int(np.flatnonzero(encoded == place)[0])
            found = f"{text[:MAX_SHOWN]!r}, which is not a whole number" if text else "nothing"
            raise InputError(f"{table.where(row)}: {name!r} has {found}. Give each row a whole number as its time.")
    numbers = np.array([int(text.split(".")[0]) for text in texts], np.int64)
    return np.asarray(numbers[encoded] if texts else np.empty(0, np.int64))


def _read_epoch(table: Table, name: str, kind: str) -> NDArray[np.int64]:
    encoded, texts = distinct_texts(table, name)
    found = []
    for place, text in enumerate(texts):
        whole, _, fraction = text.partition(".")
        if not re.fullmatch(r"-?\d+", whole) or not re.fullmatch(r"\d*", fraction):
            row = int(np.flatnonzero(encoded == place)[0])
            raise InputError(f"{table.where(row)}: {name!r} has {text[:MAX_SHOWN]!r}, which is not a time since 1970.")
        unit = EPOCHS[kind]
        if not unit:
            found.append(int(whole) // 1000)
        else:
            found.append(int(whole) * unit + round(float(f"0.{fraction or 0}") * unit))
    return np.array(found, np.int64)[encoded]


def _read_temporal(table: Table, name: str) -> _Column:
    """Return the times of a column of an Arrow type for dates or times."""
    import pyarrow as pa

    column = table.column(name)
    if column.null_count:
        row = next(row for row, value in enumerate(column.to_pylist()) if value is None)
        raise InputError(f"{table.where(row)}: the row has no {name}. Give each row a time.")
    if pa.types.is_time(column.type):
        return _Column(np.asarray(column.cast(pa.time64("us")).cast(pa.int64()).to_numpy(), np.int64))
    zone = column.type.tz if pa.types.is_timestamp(column.type) else None
    stamps = column.cast(pa.timestamp("us", zone), safe=False).cast(pa.int64()).to_numpy()
    instants = np.asarray(stamps, np.int64)
    if zone is None:
        return _Column(instants)
    local = zone_locals(instants, zone)
    return _Column(local, local - instants)


def _join_parts(table: Table, parts: Mapping[str, NDArray[np.int64]]) -> NDArray[np.int64]:
    """Return the microseconds since 1970 of dates given as numbers: years with quarters, months, weeks or days."""
    limits = {"quarter": 4, "month": 12, "week": 53, "day": 31, "hour": 24, "minute": 59, "second": 60}
    for kind, values in parts.items():
        least = 0 if kind in ("hour", "minute", "second") else 1
        most = limits.get(kind, _MAX_YEAR)
        if len(wrong := np.flatnonzero((values < least) | (values > most))):
            row = int(wrong[0])
            raise InputError(f"{table.where(row)}: {int(values[row])} is not a {kind}, which is {least} to {most}.")
    year = parts["year"]
    month = parts.get("month", 3 * parts.get("quarter", np.ones_like(year)) - 2)
    months = (year - 1970) * 12 + month - 1
    start = months.astype("datetime64[M]").astype("datetime64[D]")
    if "week" in parts:  # ISO weeks: week 1 has January 4, and weeks begin on Monday
        fourth = start + 3
        start = fourth - (fourth.astype(np.int64) + 3) % 7 + 7 * (parts["week"] - 1)
    days = start + (parts["day"] - 1 if "day" in parts else 0)
    if "day" in parts and "month" in parts:
        wrong = np.flatnonzero(days.astype("datetime64[M]").astype(np.int64) != months)
        if len(wrong):
            row = int(wrong[0])
            raise InputError(f"{table.where(row)}: {year[row]}-{month[row]}-{parts['day'][row]} is not a date. Fix it.")
    return np.asarray(days.astype(np.int64) * DAY, np.int64)


def _count_within(series: NDArray[np.intp]) -> NDArray[np.int64]:
    """Return for each row its number among the rows of the same series, from 1."""
    order = np.argsort(series, kind="stable")
    ordered = series[order]
    starts = np.flatnonzero(np.diff(ordered, prepend=-1))
    counts = np.arange(len(series)) - np.repeat(starts, np.diff(starts, append=len(series)))
    numbers = np.empty(len(series), np.int64)
    numbers[order] = counts + 1
    return numbers


def find_zone(name: str) -> tzinfo:
    """Return the time zone with this name, such as "Europe/Berlin", or with this offset, such as "+01:00".

    Raises:
        InputError: There is no such time zone.
    """
    zone = _find_zone(name)
    if zone is None:
        raise InputError(
            f"{name!r} is not a time zone. Give a name such as Europe/Berlin or UTC, or an offset such as +01:00."
        )
    return zone


def _find_zone(name: str) -> tzinfo | None:
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


def _is_named(zone: str) -> bool:
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
    quarters, places = np.unique(instants // (900 * MICROSECONDS), return_inverse=True)
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
    keys, places = np.unique(np.stack([local, again]), axis=1, return_inverse=True)
    epoch = datetime(1970, 1, 1)
    offsets = [
        (epoch + timedelta(microseconds=int(number))).replace(tzinfo=found, fold=int(fold)).utcoffset() or timedelta(0)
        for number, fold in keys.T
    ]
    shifts = np.array([offset // timedelta(microseconds=1) for offset in offsets], np.int64)
    return local - shifts[places.reshape(-1)]


def shown_kinds(layout: TimeLayout) -> str:
    """Return how times are written, for reports, such as "day/month/year" or "seconds since 1970"."""
    words = {"%d": "day", "%m": "month", "%Y": "year", "%y": "2-digit year", "%b": "month name", "%B": "month name"}
    words |= {"%H": "hour", "%M": "minute", "%S": "second", "%f": "fraction", "%I": "hour", "%p": "AM/PM", "%q": ""}
    epochs = {"s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}
    shown: Sequence[str] = [
        f"{epochs[kind.split()[1]]} since 1970"
        if kind in EPOCHS
        else re.sub("%.", lambda m: words.get(m[0], m[0]), kind)
        for kind in layout.kinds
    ]
    return ", ".join(shown)
