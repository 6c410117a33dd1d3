"""Find the columns of a table that hold the times, and how they are written.

`times` reads them. All values of a column are tried, in both orders of day and month. What stays ambiguous is refused.
"""

import re
from collections.abc import Sequence
from functools import cache
from itertools import product
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gatewright.data.numbers import is_missing
from gatewright.data.tables import Table, column_list, require_column
from gatewright.data.times import (
    DAY,
    EPOCHS,
    ISO,
    ISO_TIME,
    MIDNIGHT,
    NUMBER,
    PARTS,
    TimeLayout,
    distinct_texts,
    find_zone,
    parse_time,
    split_offset,
    utc_offsets,
)
from gatewright.support.errors import InputError

NONE = "none"
"""The value of --time for tables without times."""

TIME_NAMES = (
    *(
        "date",
        "time",
        "timestamp",
        "datetime",
        "date_time",
        "date time",
        "ds",
        "day",
        "week",
        "month",
        "quarter",
        "year",
    ),
    *("period", "ts", "unix", "unix_time", "epoch", "open time", "open_time", "dteday", "observation_date"),
)
"""Names of columns that hold times, in lower case."""

_PART_NAMES = {
    "year": ("year", "yr", "yyyy", "jahr"),
    "quarter": ("quarter", "qtr"),
    "month": ("month", "mnth", "mon", "mo", "mm", "monat"),
    "week": ("week", "weekofyear", "isoweek"),
    "day": ("day", "dd", "dy", "mday", "dayofmonth", "tag"),
    "hour": ("hour", "hr", "hh", "stunde"),
    "minute": ("minute", "min", "mi"),
    "second": ("second", "sec"),
}
_CLOCK_NAMES = (
    "time",
    "hour",
    "hr",
    "hh",
    "tod",
    "uhrzeit",
    "zeit",
    "stunde",
    "time_of_day",
    "clock",
    "he",
    "hour_ending",
)

UNNAMED = tuple(f"column {number}" for number in range(1, 30))
"""Names of columns of a file without a header."""

_DATE_FORMATS = (
    *("%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y %m %d", "%Y%m%d"),
    *("%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%d.%m.%Y", "%m.%d.%Y", "%d %m %Y"),
    *("%d/%m/%y", "%m/%d/%y", "%y/%m/%d", "%d-%m-%y", "%m-%d-%y", "%y-%m-%d", "%d.%m.%y", "%m.%d.%y", "%y.%m.%d"),
    *("%d-%b-%Y", "%d-%b-%y", "%d %b %Y", "%d %b %y", "%d %B %Y", "%d-%B-%Y", "%d/%b/%Y", "%d%b%Y", "%d%b%y"),
    *("%b %d, %Y", "%B %d, %Y", "%b %d %Y", "%B %d %Y", "%b-%d-%Y", "%Y-%b-%d", "%Y %b %d", "%d. %B %Y"),
    *("%a %d %b %Y", "%a, %d %b %Y", "%A, %B %d, %Y", "%A, %d %B %Y", "%a %b %d %Y", "%a %m/%d/%Y", "%a %d/%m/%Y"),
)
_CLOCK_FORMATS = (
    *("%H:%M", "%H:%M:%S", "%H:%M:%S.%f", "%I:%M %p", "%I:%M:%S %p", "%I:%M%p", "%I %p"),
    *("%H.%M", "%H.%M.%S", "%H-%M-%S", "%H%M", "%H"),
)
_JOINTS = (" ", "T", ", ", "  ", "-", ":", " - ", "_")
_MONTH_FORMATS = (
    *("%b %Y", "%B %Y", "%b-%Y", "%B-%Y", "%b-%y", "%b %y", "%Y-%b", "%Y %b", "%b, %Y", "%B, %Y", "%Y/%b", "%y-%b"),
    *("%m/%Y", "%m-%Y", "%m.%Y", "%Y/%m", "%Y.%m", "%YM%m", "%Ym%m", "%Y M%m", "%Y-Q%q", "%YQ%q", "%Y Q%q"),
)
_OTHER_FORMATS = ("%Y%m%dT%H%M%S", "%Y%m%d%H%M%S", "%Y%m%d%H%M", "%Y%m%d%H", "%G-W%V-%u", "%Y-%j", "%Y%j")
# Two-digit years first, and months before days with points, are so rare that they are the last choices.
_RARE = ("%y/", "%y.", "%y-", "%m.%d.")
_FORMAT_NAMES = {"number": NUMBER, "iso": ISO, **{name.split()[1]: name for name in EPOCHS}}
# Digits of whole numbers that are dates, and their formats.
_DIGITS = {
    4: ("%Y",),
    6: ("%Y%m", "%y%m%d"),
    8: ("%Y%m%d",),
    10: ("%Y%m%d%H",),
    12: ("%Y%m%d%H%M",),
    14: ("%Y%m%d%H%M%S",),
}
# From 1973 to 2099.
_FIRST_EPOCH, _LAST_EPOCH = 100_000_000, 4_102_000_000
_YEARS = (1500, 2200)
# An order of day and month is preferred if this fraction of its steps are equal, and the other orders have fewer.
_REGULAR = 0.75
_SAMPLE = 60
# Time zones whose changes of the clock are those of many others.
_ZONES = (
    *("Europe/Berlin", "Europe/London", "Europe/Athens", "Europe/Moscow", "America/New_York", "America/Chicago"),
    *("America/Denver", "America/Los_Angeles", "America/Halifax", "America/St_Johns", "America/Anchorage"),
    *("America/Sao_Paulo", "America/Santiago", "Australia/Sydney", "Australia/Adelaide", "Pacific/Auckland"),
    *("Asia/Jerusalem", "Africa/Cairo", "Atlantic/Azores"),
)


class TimeOptions(NamedTuple):
    """What the user says about the times.

    Attributes:
        time: The column of the times, or several separated by commas, or "none". None finds them.
        format: The format of `strptime`, or "number", "iso", "s", "ms", "us" or "ns"; of several columns, separated by
            commas. None finds it.
        day_first: Whether the day comes before the month. None finds out.
        zone: The time zone of times without an offset, and of the output. None for that in the table.
    """

    time: str | None = None
    format: str | None = None
    day_first: bool | None = None
    zone: str | None = None


def find_layout(table: Table, options: TimeOptions) -> tuple[TimeLayout, list[str]]:
    """Return the columns of the times and how they are written, and notes for reports.

    Raises:
        ImportError: pandas is needed, but not installed.
        InputError: No column has times, or times stay ambiguous.
    """
    if options.zone is not None:
        find_zone(options.zone)
    if options.time == NONE:
        return TimeLayout((), ()), []
    names = table.names
    if options.time is not None:
        chosen = column_list(options.time, names)
        for name in chosen:
            require_column(table.path, "time", name, names)
    else:
        chosen = _find_columns(table, options)
    table.require_unique(chosen)
    kinds = _kinds(table, chosen, options)
    zone, notes = _find_zone_of(table, chosen, kinds, options.zone)
    return TimeLayout(tuple(chosen), tuple(kinds), zone), notes


def _kinds(table: Table, names: Sequence[str], options: TimeOptions) -> list[str]:
    if options.format is not None:
        formats = [options.format] if len(names) == 1 else [one.strip() for one in options.format.split(",")]
        if len(formats) != len(names):
            raise InputError(
                f"--time-format must have a format for each of the {len(names)} columns of the times, separated by "
                f"commas, but has {len(formats)}."
            )
        for one in formats:
            if one not in _FORMAT_NAMES and one not in PARTS and "%" not in one:
                raise InputError(
                    f"--time-format must be a format of strptime such as %d/%m/%Y, or one of "
                    f"{', '.join(_FORMAT_NAMES)}, not {one!r}."
                )
        return [_FORMAT_NAMES.get(one, one) for one in formats]
    if len(names) == 1:
        kind = time_kind(table, names[0], options)
        if kind is None:
            raise _not_times(table, names[0])
        return [kind]
    kinds = []
    for name in names:
        part = _part_of(name)
        kind = part if part and _is_whole(table, name) else time_kind(table, name, options, part=True)
        if kind is None:
            raise _not_times(table, name)
        kinds.append(kind)
    if not any(kind == "year" or kind == ISO or kind in EPOCHS or _has_date(kind) for kind in kinds):
        raise InputError(f"The columns {', '.join(names)} of {table.path} have no year. Add it to --time.")
    return kinds


def _not_times(table: Table, name: str) -> InputError:
    _, texts = distinct_texts(table, name)
    shown = next((text for text in texts if text), "")
    return InputError(
        f"The column {name!r} of {table.path} has no times that can be read, such as {shown[:40]!r}. Give their format "
        "with --time-format, such as %d/%m/%Y, or choose another column with --time."
    )


def _find_columns(table: Table, options: TimeOptions) -> list[str]:
    """Return the columns that hold the times, judged by their names and values."""
    known = sorted(
        (name for name in table.names if _folded(name) in TIME_NAMES),
        key=lambda name: TIME_NAMES.index(_folded(name)) > 6,
    )
    others = [name for name in table.names if name not in known and _may_be_dates(table, name)]
    parts = _part_columns(table)
    for name in (*known, *others):
        kind = time_kind(table, name, options)
        if kind is None or (kind == NUMBER and len(parts) > 1) or (kind == "%Y" and len(parts) > 1):
            continue
        if not _has_clock(kind) and kind not in EPOCHS and kind != NUMBER and (clock := _clock_column(table, name)):
            return [name, clock]
        return [name]
    if len(parts) > 1:
        return parts
    for name in table.names:
        if time_kind(table, name, options) in EPOCHS and _rises(table, name):
            return [name]
    raise InputError(
        f"{table.path} has no column of times. Choose it with --time, or several columns such as --time Date,Time, or "
        "give --time none if the rows are in order and evenly spaced."
    )


def _folded(name: str) -> str:
    return name.strip().lower()


def _may_be_dates(table: Table, name: str) -> bool:
    """Return True if the first values of a column are dates, by their type or their text. Numbers are none."""
    from pyarrow import types

    kind = table.column(name).type
    if not types.is_string(kind):
        return bool(types.is_timestamp(kind) or types.is_date(kind))
    texts = [text.strip() for text in table.column(name).slice(0, _SAMPLE).to_pylist() if text and text.strip()]
    return (
        bool(texts) and not any(map(_is_number, texts)) and bool(_fitting(texts, _formats(), None) or _all_iso(texts))
    )


def _is_number(text: str) -> bool:
    return is_missing(text) or re.fullmatch(r"[-+]?[$€£]?\d+([.,]\d+)?", text) is not None


def _part_columns(table: Table) -> list[str]:
    """Return the columns of the year, month, day, hour and so on, if there are a year and more."""
    found: dict[str, str] = {}
    for name in table.names:
        part = _part_of(name)
        if part and part not in found and _is_whole(table, name):
            found[part] = name
    if "year" not in found or not {"month", "quarter", "week"} & found.keys():
        return []
    kept = [part for part in PARTS if part in found]
    if "month" in found:
        kept = [part for part in kept if part not in ("quarter", "week")]
    return [found[part] for part in kept]


def _part_of(name: str) -> str | None:
    return next((part for part, names in _PART_NAMES.items() if _folded(name) in names), None)


def _is_whole(table: Table, name: str) -> bool:
    _, texts = distinct_texts(table, name)
    return bool(texts) and all(re.fullmatch(r"\d{1,4}(\.0*)?", text) for text in texts)


def _clock_column(table: Table, date: str) -> str | None:
    """Return the column with the time of day of each date, if dates repeat and there is one such column."""
    encoded, texts = distinct_texts(table, date)
    if len(texts) == len(encoded):
        return None
    for name in table.names:
        if name == date or _folded(name) not in (*_CLOCK_NAMES, *UNNAMED):
            continue
        _, clock = distinct_texts(table, name)
        if _folded(name) in UNNAMED:  # without a name, only all hours of a day are surely hours
            is_clock = hours_of_day(clock)
        else:
            whole = all(re.fullmatch(r"\d{1,2}", text) and int(text) <= 24 for text in clock)
            is_clock = (whole and len(clock) > 1) or bool(_fitting(clock, _CLOCK_FORMATS[:-3], None))
        if is_clock:
            return name
    return None


def hours_of_day(texts: Sequence[str]) -> bool:
    """Return True if texts are the hours of a day, from 0 to 23."""
    return {int(text) for text in texts if re.fullmatch(r"\d{1,2}", text)} == set(range(24)) and len(texts) <= 48


def _rises(table: Table, name: str) -> bool:
    _, texts = distinct_texts(table, name)
    return len(texts) > table.rows / 2


def time_kind(table: Table, name: str, options: TimeOptions, part: bool = False) -> str | None:
    """Return how the times of a column are written, or None if it has none.

    Args:
        table, name: The column.
        options: What the user says about the times.
        part: Whether the column may hold only the time of day.

    Raises:
        InputError: The order of day and month stays ambiguous.
    """
    from pyarrow import types

    column = table.column(name)
    if types.is_temporal(column.type):
        return ISO
    if not (types.is_string(column.type) or types.is_integer(column.type) or types.is_floating(column.type)):
        return None
    _, texts = distinct_texts(table, name)
    present = [text for text in texts if text]
    if not present:
        return None
    if part and all(re.fullmatch(r"\d{1,2}", text) and int(text) <= 24 for text in present):
        return "hour"
    if all(re.fullmatch(r"-?\d+(\.\d*)?", text) for text in present):
        return _kind_of_numbers(table, name, present, options)
    if _all_iso(present):
        return ISO
    formats = [*_formats(), *(_CLOCK_FORMATS if part else ())]
    fitting = _fitting(present, formats, options.day_first)
    return _choose(table, name, present, fitting) if fitting else None


def _all_iso(texts: Sequence[str]) -> bool:
    return all(ISO_TIME.fullmatch(split_offset(text)[0]) for text in texts) and all(
        parse_time(text, ISO) is not None for text in texts[:: max(len(texts) // _SAMPLE, 1)]
    )


def _kind_of_numbers(table: Table, name: str, texts: Sequence[str], options: TimeOptions) -> str | None:
    """Return how times that are numbers are written: dates of digits, time since 1970, or plain numbers."""
    whole = [text.split(".")[0] for text in texts]
    has_fraction = any("." in text and text.rstrip("0")[-1] != "." for text in texts)
    widths = {len(text) for text in whole}
    if len(widths) == 1 and not has_fraction and min(map(int, whole)) > 0:
        width = widths.pop()
        formats = [] if width == 4 and not _is_year(name, whole) else list(_DIGITS.get(width, ()))
        fitting = [one for one in _fitting(whole, formats, options.day_first) if _in_years(whole, one)]
        if fitting:
            return _choose(table, name, whole, fitting)
    numbers = [int(text) for text in whole]
    for kind, factor in (("epoch s", 1), ("epoch ms", 10**3), ("epoch us", 10**6), ("epoch ns", 10**9)):
        if _FIRST_EPOCH * factor <= min(numbers) and max(numbers) <= _LAST_EPOCH * factor:
            return kind
    return None if has_fraction else NUMBER


def _is_year(name: str, whole: Sequence[str]) -> bool:
    years = sorted(map(int, whole))
    return _YEARS[0] <= years[0] and years[-1] <= _YEARS[1] and _folded(name) in (*TIME_NAMES, *_PART_NAMES["year"])


def _in_years(texts: Sequence[str], format: str) -> bool:
    """Return True if digits that are dates are in the years in which data is measured."""
    if "%Y" not in format:
        return True
    years = [int(text[:4]) for text in texts]
    return _YEARS[0] <= min(years) and max(years) <= _YEARS[1]


@cache
def _formats() -> list[str]:
    whole = [f"{date}{joint}{clock}" for date, joint, clock in product(_DATE_FORMATS, _JOINTS, _CLOCK_FORMATS)]
    return [*_DATE_FORMATS, *_MONTH_FORMATS, *_OTHER_FORMATS, *whole]


def _fitting(texts: Sequence[str], formats: Sequence[str], day_first: bool | None) -> list[str]:
    """Return the formats that fit all texts."""
    if day_first is not None:
        wrong = re.compile("%[mbB].*%d" if day_first else "%d.*%[mbB]")
        formats = [one for one in formats if "%m" not in one or one.startswith("%Y") or not wrong.search(one)]
    first = texts[0]
    shape = _shape(split_offset(first)[0])
    fitting = [one for one in formats if _could_fit(shape, one) and parse_time(first, one) is not None]
    sample = texts[:: max(len(texts) // _SAMPLE, 1)]
    fitting = [one for one in fitting if all(parse_time(text, one) is not None for text in sample)]
    return [one for one in fitting if _fits_all(texts, one)]


def _shape(text: str) -> tuple[str, bool]:
    """Return the marks of a text between its digits and words, and whether it has letters."""
    return "".join(mark for mark in text if not mark.isalnum()), any(map(str.isalpha, text))


def _could_fit(shape: tuple[str, bool], format: str) -> bool:
    """Return False if a format cannot fit texts of a shape, to save parsing."""
    marks, letters = shape
    bare = re.sub("%.", "", format)
    if letters != bool(re.search("%[bBaAp]|[A-Za-z]", re.sub("%[^bBaAp]", "", format))):
        return False
    return re.sub(r"\s+", "", marks) == re.sub(r"[\sA-Za-z]+", "", bare)


def _fits_all(texts: Sequence[str], format: str) -> bool:
    return not np.isnat(_stamps(texts, format)).any()


def _stamps(texts: Sequence[str], format: str) -> NDArray[np.datetime64]:
    """Return the local times of texts, with NaT where the format does not fit. pandas reads whole columns fast."""
    local = [split_offset(text)[0] for text in texts]
    if "%q" in format or ("%H" in format and any(map(MIDNIGHT.search, local))):
        found = [parse_time(text, format) for text in texts]
        return np.array([np.datetime64("NaT") if one is None else np.datetime64(one[0], "us") for one in found])
    try:
        import pandas
    except ImportError:
        raise ImportError("Reading dates in this format needs pandas: pip install 'gatewright[train]'.") from None
    parsed = pandas.to_datetime(pandas.Series(local, dtype=object), format=format, errors="coerce")
    return np.asarray(parsed.to_numpy(), "datetime64[us]")


def _choose(table: Table, name: str, texts: Sequence[str], fitting: Sequence[str]) -> str:
    """Return the one format of those that fit all times. If they differ, take the one with evenly spaced times.

    Raises:
        InputError: Several formats stay.
    """
    common = [one for one in fitting if not one.startswith(_RARE)] or list(fitting)
    different: list[str] = []
    stamps: list[NDArray[Any]] = []
    for one in common:
        found = _stamps(texts, one)
        if not any(np.array_equal(found, other) for other in stamps):
            different.append(one)
            stamps.append(found)
    if len(different) == 1:
        return different[0]
    regular = [one for one, found in zip(different, stamps, strict=True) if _regularity(found) >= _REGULAR]
    if len(regular) == 1:
        return regular[0]
    shown = texts[0]
    readings = " or ".join(str(found[0]).split("T00:00")[0] for found in stamps[:2])
    remedy = "--day-first yes or --day-first no" if {"%d", "%m"} <= set(re.findall("%[dm]", different[0])) else ""
    remedy = f"{remedy}, or " if remedy else ""
    raise InputError(
        f"The times in the column {name!r} of {table.path} are ambiguous: {shown!r} may be {readings}. Give {remedy}"
        f"--time-format {different[0]!r}."
    )


def _regularity(stamps: NDArray[Any]) -> float:
    """Return the fraction of steps between successive times that have the most common length, in days or in months."""
    times = np.unique(stamps)
    if len(times) < 3:
        return 1.0
    steps = np.diff(times.astype("datetime64[us]").astype(np.int64))
    best = _most_common_share(steps)
    months = times.astype("datetime64[M]")
    days = (times.astype("datetime64[D]") - months.astype("datetime64[D]")).astype(np.int64)
    if len(np.unique(months)) == len(times) and (len(np.unique(days)) == 1 or days.min() > 24):
        best = max(best, _most_common_share(np.diff(months.astype(np.int64))))
    # Working days: four of five steps are a day, the fifth is a weekend.
    if (np.isin(steps, (DAY, 3 * DAY, 4 * DAY, 2 * DAY))).mean() > 0.97 and len(steps) > 8:
        best = max(best, 0.9)
    return best


def _most_common_share(steps: NDArray[Any]) -> float:
    return float(np.unique(steps, return_counts=True)[1].max() / len(steps))


def _has_date(kind: str) -> bool:
    return bool(re.search("%[YyGj]", kind))


def _has_clock(kind: str) -> bool:
    return bool(re.search("%[HI]", kind))


def _find_zone_of(table: Table, names: Sequence[str], kinds: Sequence[str], given: str | None) -> tuple[str, list[str]]:
    """Return the time zone of the times, and notes: the one given, or the one of their offsets from UTC."""
    from pyarrow import types

    if kinds[0] in EPOCHS:
        return given or "UTC", []
    column = table.column(names[0])
    if types.is_timestamp(column.type) and column.type.tz:
        return given or column.type.tz, []
    if types.is_temporal(column.type) or kinds[0] in PARTS or kinds[0] == NUMBER:
        return given or "", []
    _, texts = distinct_texts(table, names[0])
    parsed = {text: parse_time(text, kinds[0]) for text in texts}
    offsets = {found[1] for found in parsed.values() if found is not None} - {None}
    if given is not None or not offsets:
        return given or "", []
    if len(offsets) == 1:
        return _offset_name(offsets.pop() or 0), []
    instants = {found[0] - (found[1] or 0): found[1] for found in parsed.values() if found is not None}
    zone = next((zone for zone in _ZONES if _has_offsets(zone, instants)), "UTC")
    title = "UTC" if zone == "UTC" else f"the time zone {zone}, whose offsets from UTC they have"
    return zone, [f"The times have several offsets from UTC. They are shown in {title}; choose with --time-zone."]


def _offset_name(offset: int) -> str:
    if not offset:
        return "UTC"
    minutes = abs(offset) // 60_000_000
    return f"{'-' if offset < 0 else '+'}{minutes // 60:02d}:{minutes % 60:02d}"


def _has_offsets(zone: str, instants: dict[int, int | None]) -> bool:
    found = utc_offsets(np.array(list(instants), np.int64), zone)
    return bool((found == np.array(list(instants.values()), np.int64)).all())
