"""Read columns of times in a known layout, with NumPy and the standard library alone. `time_layouts` finds the layout.

Times are whole microseconds since 1970, or plain whole numbers.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from gatewright.data.numbers import MAX_SHOWN, is_missing
from gatewright.data.tables import Table
from gatewright.data.time_texts import DAY, ISO, MICROSECONDS, parse_time, read_texts
from gatewright.data.time_zones import is_named, known_zone, zone_instants, zone_locals
from gatewright.support.errors import InputError

NUMBER = "number"
EPOCHS = {"epoch s": MICROSECONDS, "epoch ms": 1000, "epoch us": 1, "epoch ns": 0}
"""The layouts of numbers that count from 1970 in UTC, with the microseconds of their units (0 stands for 1/1000)."""
PARTS = ("year", "quarter", "month", "week", "day of year", "day", "hour", "hhmm", "minute", "second")
"""The layouts of whole numbers that are parts of a date or time. Those of "hhmm" are hours and minutes, as in 1830."""

_WHOLE = re.compile(r"([+-]?\d{1,18})(\.0*)?", re.ASCII)
_NUMBER = re.compile(r"[+-]?\d{1,19}(\.\d*)?", re.ASCII)
# Later than any time, in microseconds.
_FAR = 1 << 62
# The years that NumPy and Python both can print.
_MIN_YEAR, _MAX_YEAR = 1, 9999
_SECONDS = {"hour": 3600, "minute": 60, "second": 1}
_PART_LIMITS = {
    "quarter": (1, 4),
    "month": (1, 12),
    "week": (1, 53),
    "day of year": (1, 366),
    "day": (1, 31),
    "hour": (0, 24),
    "hhmm": (0, 2400),
    "minute": (0, 59),
    "second": (0, 59),
}
_LIMITS = tuple(int(np.datetime64(f"{year:04d}-01-01", "us").astype(np.int64)) for year in (_MIN_YEAR, _MAX_YEAR))


@dataclass(frozen=True)
class TimeLayout:
    """The columns of a table that hold the time of a row, and their formats.

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
        """True if the times are dates, not plain numbers or the numbers of the rows."""
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
        if zone and known_zone(zone) is None:
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
    for kind, own in zip(layout.kinds, columns, strict=True):
        if kind == "hhmm":
            local = local + (own.values // 100 * 60 + own.values % 100) * 60 * MICROSECONDS
        elif kind in _SECONDS:
            local = local + own.values * _SECONDS[kind] * MICROSECONDS
        elif kind not in PARTS:
            local = local + own.values
    if len(wrong := np.flatnonzero((local < _LIMITS[0]) | (local >= _LIMITS[1]))):
        raise InputError(
            f"{table.where(int(wrong[0]))}: the time is not in the years {_MIN_YEAR} to {_MAX_YEAR - 1}. Fix it."
        )
    offsets = [own.offsets for own in columns if own.offsets is not None]
    if layout.kinds[0] in EPOCHS:
        return Times(zone_locals(local, layout.zone), local, layout)
    if offsets:
        instants = local - offsets[0]
        return Times(zone_locals(instants, layout.zone) if is_named(layout.zone) else local, instants, layout)
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
        return _Column(_read_part(table, name, kind))
    if kind in EPOCHS:
        return _Column(_read_epoch(table, name, kind))
    if types.is_temporal(column.type):
        return _read_temporal(table, name)
    encoded, texts = encoded_texts(table, name)
    read = read_texts(texts, kind)
    if len(wrong := np.flatnonzero(~read.fits)):
        row = int(np.flatnonzero(encoded == wrong[0])[0])
        raise _not_a_time(table, name, texts[int(wrong[0])].as_py(), row, kind)
    if read.has_offset.any() and not read.has_offset.all():
        raise InputError(f"Only some times of {name!r} in {table.path} have an offset from UTC. Give all of them one.")
    offsets = read.offsets[encoded] if read.has_offset.any() else None
    return _Column(read.stamps[encoded], offsets)


def _not_a_time(table: Table, name: str, text: str, row: int, kind: str) -> InputError:
    if is_missing(text):
        return InputError(f"{table.where(row)}: the row has no {name}. Give each row a time.")
    written = "in ISO 8601, such as 2026-01-31 18:00:00" if kind == ISO else f"in the format {kind}"
    return InputError(f"{table.where(row)}: the {name} {text[:MAX_SHOWN]!r} is not a time {written}. Fix it.")


def distinct_texts(table: Table, name: str) -> tuple[NDArray[np.intp], list[str]]:
    """Return the distinct texts of a column without surrounding spaces, and for each row the index of its text."""
    encoded, texts = encoded_texts(table, name)
    return encoded, texts.to_pylist()


def encoded_texts(table: Table, name: str) -> tuple[NDArray[np.intp], Any]:
    """Return the same as `distinct_texts`, but with the texts as a pyarrow array. Missing values are empty texts."""
    import pyarrow as pa
    from pyarrow import compute

    column = table.column(name)
    if pa.types.is_floating(column.type):
        column = _whole_floats(column)
    encoded = compute.utf8_trim_whitespace(as_texts(column)).combine_chunks().dictionary_encode()
    return np.asarray(encoded.indices.to_numpy(), np.intp), encoded.dictionary


def as_texts(column: Any) -> Any:
    """Return a pyarrow column of any type as texts, with empty texts for missing values."""
    import pyarrow as pa
    from pyarrow import compute

    try:
        return compute.fill_null(compute.cast(column, pa.string()), "")
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):  # lists, objects, and bytes that are not UTF-8
        return pa.chunked_array([["" if value is None else str(value) for value in column.to_pylist()]], pa.string())


def _whole_floats(column: Any) -> Any:
    """Return a column of floating-point numbers as integers if all are whole, because texts of integers have no
    exponents."""
    import pyarrow as pa

    try:
        return column.cast(pa.int64())
    except pa.ArrowInvalid:
        return column


def _read_whole(table: Table, name: str) -> NDArray[np.int64]:
    """Return the whole numbers of a column."""
    encoded, texts = encoded_texts(table, name)
    numbers = whole_numbers(texts)
    if numbers is None:
        found = [_WHOLE.fullmatch(text) for text in texts.to_pylist()]
        for place, one in enumerate(found):
            if one is None:
                raise _not_a_number(table, name, texts[place].as_py(), encoded, place, "a whole number")
        numbers = np.array([int(one[1]) for one in found if one is not None], np.int64)
    return np.asarray(numbers[encoded], np.int64)


def _read_part(table: Table, name: str, kind: str) -> NDArray[np.int64]:
    """Return the numbers of a part of dates or times. Months may have names, and quarters may be like Q1."""
    encoded, texts = distinct_texts(table, name)
    numbers = [part_number(text, kind) for text in texts]
    for place, number in enumerate(numbers):
        if number is None:
            raise _not_a_number(table, name, texts[place], encoded, place, f"a {kind}")
        least, most = _PART_LIMITS.get(kind, (1, _MAX_YEAR))
        if not least <= number <= most:
            row = int(np.flatnonzero(encoded == place)[0])
            raise InputError(f"{table.where(row)}: {number} is not a {kind}, which is {least} to {most}.")
    return np.array([number for number in numbers if number is not None], np.int64)[encoded]


def part_number(text: str, kind: str) -> int | None:
    """Return the number of a part of dates or times, or None if the text is no such part."""
    if matched := _WHOLE.fullmatch(text):
        return int(matched[1])
    if kind == "month" and (found := parse_time(text, "%b")) is not None:
        return int(np.datetime64(found[0], "us").astype("datetime64[M]").astype(np.int64)) + 1
    pattern = {"month": r"M(\d{2})", "quarter": r"Q0?(\d)|(\d)Q"}.get(kind)
    matched = re.fullmatch(pattern, text, re.IGNORECASE) if pattern else None
    return int(matched[1] or matched[2]) if matched else None


def is_part(table: Table, name: str, part: str) -> bool:
    """Return True if a column has numbers that may be years, months and so on, or names of months or quarters."""
    _, texts = distinct_texts(table, name)
    return bool(texts) and all(re.fullmatch(r"\d{1,4}", text) or part_number(text, part) is not None for text in texts)


def hours_of_day(texts: Sequence[str]) -> bool:
    """Return True if texts are the hours of a day, from 0 to 23."""
    return {int(text) for text in texts if re.fullmatch(r"\d{1,2}", text)} == set(range(24)) and len(texts) <= 48


def are_hours_and_minutes(texts: Sequence[str]) -> bool:
    """Return True if texts are hours and minutes without a colon, such as 30, 900 and 2330."""
    numbers = [int(text) for text in texts if re.fullmatch(r"\d{1,4}", text)]
    return len(numbers) == len(texts) > 0 and max(numbers) <= 2400 and all(number % 100 < 60 for number in numbers)


def _read_epoch(table: Table, name: str, kind: str) -> NDArray[np.int64]:
    """Return the microseconds since 1970 of a column of numbers that count from 1970."""
    encoded, texts = encoded_texts(table, name)
    numbers, unit = whole_numbers(texts), EPOCHS[kind]
    if numbers is not None and (not unit or not len(numbers) or abs(numbers).max() < _FAR // unit):
        return np.asarray((numbers * unit if unit else numbers // 1000)[encoded], np.int64)
    found = []
    for place, text in enumerate(texts.to_pylist()):
        if not _NUMBER.fullmatch(text):
            raise _not_a_number(table, name, text, encoded, place, "a time since 1970")
        whole, _, fraction = text.partition(".")
        # In integers, because floating-point numbers cannot hold the microseconds of today.
        digits = int(f"{whole}{fraction[:9].ljust(9, '0')}")
        stamp = digits * unit // 10**9 if unit else digits // 10**12
        found.append(min(max(stamp, -_FAR), _FAR))
    return np.array(found, np.int64)[encoded]


def _not_a_number(table: Table, name: str, text: str, encoded: NDArray[np.intp], place: int, wanted: str) -> InputError:
    where = table.where(int(np.flatnonzero(encoded == place)[0]))
    if is_missing(text):
        return InputError(f"{where}: the row has no {name}. Give each row a time.")
    return InputError(f"{where}: the {name} {text[:MAX_SHOWN]!r} is not {wanted}. Fix it.")


def whole_numbers(texts: Any) -> NDArray[np.int64] | None:
    """Return the numbers of a pyarrow array of strings, or None if one is no whole number of 64 bits."""
    import pyarrow as pa
    from pyarrow import compute

    if not compute.all(compute.match_substring_regex(texts, "^-?[0-9]{1,19}$")).as_py():
        return None
    try:
        return np.asarray(texts.cast(pa.int64()).to_numpy(zero_copy_only=False), np.int64)
    except pa.ArrowInvalid:  # more than 64 bits
        return None


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
    year = parts["year"]
    month = parts.get("month", 3 * parts.get("quarter", np.ones_like(year)) - 2)
    months = (year - 1970) * 12 + month - 1
    start = months.astype("datetime64[M]").astype("datetime64[D]")
    if "week" in parts:  # ISO weeks: week 1 has January 4, and weeks begin on Monday
        fourth = start + 3
        start = fourth - (fourth.astype(np.int64) + 3) % 7 + 7 * (parts["week"] - 1)
    days = start + (parts.get("day of year", parts.get("day", np.ones_like(year))) - 1)
    if "day of year" in parts:
        wrong = np.flatnonzero(days.astype("datetime64[Y]").astype(np.int64) != year - 1970)
        if len(wrong):
            row = int(wrong[0])
            raise InputError(f"{table.where(row)}: the year {year[row]} has no day {parts['day of year'][row]}.")
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


def require_existing(table: Table, times: Times) -> None:
    """Raise an error if a clock time does not exist in its time zone, because clocks are put forward.

    Raises:
        InputError: It does not.
    """
    if times.instants is None or not is_named(times.layout.zone):
        return
    wrong = np.flatnonzero(zone_locals(times.instants, times.layout.zone) != times.numbers)
    if len(wrong):
        shown = str(np.datetime64(int(times.numbers[wrong[0]]), "us")).split(".")[0]
        raise InputError(
            f"{table.where(int(wrong[0]))}: the time {shown} does not exist in the time zone {times.layout.zone}, "
            "where clocks are put forward. Correct the time or the time zone."
        )


def shown_kinds(layout: TimeLayout) -> str:
    """Return how times are written, for reports, such as "day/month/year" or "seconds since 1970"."""
    words = {"%d": "day", "%m": "month", "%Y": "year", "%y": "2-digit year", "%b": "month name", "%B": "month name"}
    words |= {"%H": "hour", "%M": "minute", "%S": "second", "%f": "fraction", "%I": "hour", "%p": "AM/PM", "%q": ""}
    epochs = {"s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}
    shown: Sequence[str] = [
        f"{epochs[kind.split()[1]]} since 1970"
        if kind in EPOCHS
        else re.sub("%.", lambda m: words.get(m[0], m[0]), re.sub("(%.)(?=%)", r"\1 ", kind))
        for kind in layout.kinds
    ]
    return ", ".join(shown)
