"""Find the columns of a table that hold the times, and how they are written. `times` reads them."""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gatewright.data.numbers import MAX_SHOWN, is_missing, missing_among
from gatewright.data.tables import Table, column_list, require_column
from gatewright.data.time_formats import are_clock_times, find_digits, find_fault, find_format, may_be_times
from gatewright.data.time_texts import ISO, read_texts, require_format
from gatewright.data.time_zones import find_zone, utc_offsets
from gatewright.data.times import (
    EPOCHS,
    NUMBER,
    PARTS,
    TimeLayout,
    are_hours_and_minutes,
    distinct_texts,
    encoded_texts,
    hours_of_day,
    is_part,
    whole_numbers,
)
from gatewright.support.errors import InputError

NONE = "none"
"""The value of --time for tables without times."""

TIME_NAMES = (
    *("date", "time", "timestamp", "datetime", "date_time", "date time", "ds"),
    *("day", "week", "month", "quarter", "year", "period", "ts", "unix", "unix_time", "epoch", "open time"),
    *("open_time", "dteday", "observation_date"),
)
"""Names of columns that hold times, in lower case."""

_PART_NAMES = {
    "year": ("year", "yr", "yyyy", "jahr"),
    "quarter": ("quarter", "qtr"),
    "month": ("month", "mnth", "mon", "mo", "mm", "monat", "month_name", "period"),
    "week": ("week", "weekofyear", "isoweek"),
    "day of year": ("doy", "yday", "dayofyear", "day_of_year", "day of year", "yearday"),
    "day": ("day", "dd", "dy", "mday", "dayofmonth", "tag"),
    "hour": ("hour", "hr", "hh", "stunde"),
    "minute": ("minute", "min", "mi"),
    "second": ("second", "sec"),
}
_CLOCK_NAMES = (
    *("time", "hour", "hr", "hh", "tod", "uhrzeit", "zeit", "stunde", "time_of_day", "clock", "he", "hour_ending"),
)

UNNAMED = frozenset(f"column {number}" for number in range(1, 10_001))
"""Names of columns of a file without a header."""

_FORMAT_NAMES = {"number": NUMBER, "iso": ISO, **{name.split()[1]: name for name in EPOCHS}}
# From 1973 to 2099.
_FIRST_EPOCH, _LAST_EPOCH = 100_000_000, 4_102_000_000
_YEARS = (1500, 2200)
_SAMPLE = 60
_MAX_OFFSETS = 4
_HOURS = {f"{hour:0{width}d}" for hour in range(25) for width in (1, 2)}
# Numbers are times without a name that says so if at least this fraction of their steps have the same length.
_REGULAR = 0.75
# Time zones whose changes of the clock are those of many others.
_ZONES = (
    *("Europe/Berlin", "Europe/London", "Europe/Athens", "Europe/Moscow", "America/New_York", "America/Chicago"),
    *("America/Denver", "America/Los_Angeles", "America/Halifax", "America/St_Johns", "America/Anchorage"),
    *("America/Sao_Paulo", "America/Santiago", "Australia/Sydney", "Australia/Adelaide", "Pacific/Auckland"),
    *("Asia/Jerusalem", "Africa/Cairo", "Atlantic/Azores"),
)


class TimeOptions(NamedTuple):
    """The options that the user gave for reading the times.

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
        return [_given_kind(table, name, one) for name, one in zip(names, formats, strict=True)]
    if len(names) == 1:
        kind = time_kind(table, names[0], options)
        if kind is None:
            raise _not_times(table, names[0], options)
        return [kind]
    kinds = []
    for name in names:
        part = _part_of(name)
        kind = part if part and is_part(table, name, part) else time_kind(table, name, options, part=True)
        if kind is None:
            raise _not_times(table, name, options)
        kinds.append(kind)
    dates = [name for name, kind in zip(names, kinds, strict=True) if _is_date(table, name, kind)]
    if not dates:
        raise InputError(f"The columns {', '.join(names)} of {table.path} have no year. Add it to --time.")
    if len(dates) > 1:
        raise InputError(f"The columns {' and '.join(dates)} of {table.path} each have a date. Give one with --time.")
    return kinds


def _is_date(table: Table, name: str, kind: str) -> bool:
    """Return True if a column has at least the year."""
    from pyarrow import types

    if kind == ISO:
        return not types.is_time(table.column(name).type)
    return kind in ("year", NUMBER) or kind in EPOCHS or bool(re.search("%[YyGFDc]", kind))


def _given_kind(table: Table, name: str, format: str) -> str:
    """Return the layout that the user gave for a column."""
    if format in PARTS:
        return format
    if format in _FORMAT_NAMES:
        kind = _FORMAT_NAMES[format]
        if kind != ISO or not is_temporal(table, name):
            return kind
    elif "%" not in format:
        raise InputError(
            f"--time-format must be a format of strptime such as %d/%m/%Y, or one of {', '.join(_FORMAT_NAMES)} and "
            f"{', '.join(PARTS)}, not {format!r}."
        )
    if is_temporal(table, name):
        raise InputError(f"The column {name!r} of {table.path} has times, not texts. Leave --time-format out.")
    require_format(format)
    texts = encoded_texts(table, name)[1]
    if len(texts) and not read_texts(texts, format).fits.any():
        raise InputError(
            f"No time in the column {name!r} of {table.path} has the --time-format {format!r}; the first is "
            f"{texts[0].as_py()[:MAX_SHOWN]!r}. Change the format, or leave it out."
        )
    return format


def is_temporal(table: Table, name: str) -> bool:
    """Return True if a column has a type of times, in a file that is no text."""
    from pyarrow import types

    return bool(types.is_temporal(table.column(name).type))


def _not_times(table: Table, name: str, options: TimeOptions) -> InputError:
    if _is_empty(table, name):
        return _no_times(table, name)
    _, texts = distinct_texts(table, name)
    shown = next((text for text in texts if text), "")[:MAX_SHOWN]
    if options.day_first is not None and time_kind(table, name, options._replace(day_first=None)) is not None:
        order = "yes" if options.day_first else "no"
        return InputError(
            f"--day-first {order} does not fit the times in the column {name!r} of {table.path}, such as {shown!r}. "
            "Leave it out."
        )
    has_name = " Names of months must be English." if re.search("[^\\W\\d]{3}", shown) else ""
    return _fault(table, name) or InputError(
        f"The column {name!r} of {table.path} has no times that can be read, such as {shown!r}. Give their format "
        f"with --time-format, such as %d/%m/%Y, or choose another column with --time.{has_name}"
    )


def _is_empty(table: Table, name: str) -> bool:
    return all(map(is_missing, distinct_texts(table, name)[1]))


def _no_times(table: Table, name: str) -> InputError:
    return InputError(f"The column {name!r} of {table.path} is empty. Give each row a time, or choose another --time.")


def _fault(table: Table, name: str) -> InputError | None:
    """Return an error that names the first text of a column that is no time, if most of the others are."""
    from pyarrow import compute

    if not is_text(table.column(name).type):
        return None
    encoded, texts = encoded_texts(table, name)
    kept = np.flatnonzero(np.asarray(compute.invert(missing_among(texts))))
    found = find_fault(texts.take(kept)) if len(kept) else None
    if found is None:
        return None
    place = int(kept[found])
    where = table.where(int(np.flatnonzero(encoded == place)[0]))
    return InputError(
        f"{where}: the {name} {texts[place].as_py()[:MAX_SHOWN]!r} is not a time in the format of the others. Fix it, "
        "or remove the row."
    )


def _find_columns(table: Table, options: TimeOptions) -> list[str]:
    """Return the columns that hold the times, judged by their names and values."""
    known = sorted(
        (name for name in table.names if _folded(name) in TIME_NAMES),
        key=lambda name: TIME_NAMES.index(_folded(name)) > 6,
    )
    if options.format is not None:
        return [_find_given(table, known, options.format)]
    others = [name for name in table.names if name not in known and _may_be_dates(table, name)]
    parts = _part_columns(table)
    for name in (*known, *others):
        kind = time_kind(table, name, options)
        if kind is None and name in known and (fault := _fault(table, name)):
            raise fault
        if kind is None or (kind == NUMBER and len(parts) > 1) or (kind == "%Y" and len(parts) > 1):
            continue
        if not _has_clock(kind) and kind not in EPOCHS and kind != NUMBER and (clock := _clock_column(table, name)):
            return [name, clock]
        return [name]
    if len(parts) > 1:
        return parts
    for name in table.names:
        if _is_regular(table, name) and time_kind(table, name, options) in EPOCHS:
            return [name]
    if empty := [name for name in known if _is_empty(table, name)]:
        raise _no_times(table, empty[0])
    raise InputError(
        f"{table.path} has no column of times. Choose it with --time, or several columns such as --time Date,Time, or "
        "give --time none if the rows are in order and evenly spaced."
    )


def _find_given(table: Table, known: Sequence[str], format: str) -> str:
    """Return the column whose times have the format that the user gave, preferably one named like times."""
    for name in (*known, *table.names):
        texts = encoded_texts(table, name)[1]
        if "%" in format and len(texts) and read_texts(texts, format).fits.mean() > 0.5:
            return name
    if known:
        return known[0]
    raise InputError(f"{table.path} has no column of times in the --time-format {format!r}. Choose it with --time.")


def _folded(name: str) -> str:
    return name.strip().lower()


def _may_be_dates(table: Table, name: str) -> bool:
    """Return True if the first values of a column are dates, by their type or their text. Numbers are none."""
    from pyarrow import types

    kind = table.column(name).type
    if not is_text(kind):
        return bool(types.is_timestamp(kind) or types.is_date(kind))
    texts = [text.strip() for text in table.column(name).slice(0, _SAMPLE).to_pylist() if text and text.strip()]
    return bool(texts) and not any(map(_is_number, texts)) and may_be_times(texts)


def _is_number(text: str) -> bool:
    return is_missing(text) or re.fullmatch(r"[-+]?[$€£]?\d+([.,]\d+)?", text) is not None


def _part_columns(table: Table) -> list[str]:
    """Return the columns of the year, month, day, hour and so on, if there are a year and more."""
    found: dict[str, str] = {}
    for name in table.names:
        part = _part_of(name)
        if part and part not in found and is_part(table, name, part):
            found[part] = name
    if "year" not in found or not {"month", "quarter", "week", "day of year"} & found.keys():
        return []
    kept = [part for part in PARTS if part in found]
    if "month" in found:
        kept = [part for part in kept if part not in ("quarter", "week", "day of year")]
    elif "day of year" in found:
        kept = [part for part in kept if part not in ("quarter", "week", "day")]
    return [found[part] for part in kept]


def _part_of(name: str) -> str | None:
    return next((part for part, names in _PART_NAMES.items() if _folded(name) in names), None)


def _clock_column(table: Table, date: str) -> str | None:
    """Return the column with the time of day of each date, if dates repeat and there is one such column."""
    encoded, texts = distinct_texts(table, date)
    if len(texts) == len(encoded):
        return None
    for name in table.names:
        if name == date:
            continue
        texts = encoded_texts(table, name)[1]
        clock = texts.to_pylist()
        if len(clock) > 1 and ":" in clock[0] and are_clock_times(texts):
            return name
        if _folded(name) not in _CLOCK_NAMES and name not in UNNAMED:
            continue
        if name in UNNAMED:  # without a name, only all hours of a day are surely hours
            is_clock = hours_of_day(clock)
        else:
            whole = set(clock) <= _HOURS or are_hours_and_minutes(clock)
            is_clock = (whole and len(clock) > 1) or is_temporal(table, name) or are_clock_times(texts)
        if is_clock:
            return name
    return None


def _is_regular(table: Table, name: str) -> bool:
    """Return True if numbers rise or fall in mostly equal steps from row to row."""
    encoded, texts = encoded_texts(table, name)
    numbers = whole_numbers(texts)
    if numbers is None or len(encoded) < 2:
        return False
    lengths, counts = np.unique(np.diff(numbers[encoded]), return_counts=True)
    return bool(lengths[counts.argmax()] and counts.max() >= _REGULAR * (len(encoded) - 1))


def time_kind(table: Table, name: str, options: TimeOptions, part: bool = False) -> str | None:
    """Return how the times of a column are written, or None if it has none.

    Args:
        table, name: The column.
        options: What the user says about the times.
        part: Whether the column may hold only the time of day.

    Raises:
        InputError: The order of day and month stays ambiguous.
    """
    from pyarrow import compute, types

    column = table.column(name)
    if types.is_temporal(column.type):
        return None if types.is_duration(column.type) or (types.is_time(column.type) and not part) else ISO
    if not (is_text(column.type) or types.is_integer(column.type) or types.is_floating(column.type)):
        return None
    texts = encoded_texts(table, name)[1]
    present = texts.filter(compute.invert(missing_among(texts)))
    if not len(present):
        return None
    where = f"the column {name!r} of {table.path}"
    if compute.all(compute.match_substring_regex(present, r"^-?[0-9]+(\.[0-9]*)?$")).as_py():
        if part and set(present.to_pylist()) <= _HOURS:
            return "hour"
        if part and are_hours_and_minutes(present.to_pylist()):
            return "hhmm"
        return _kind_of_numbers(present, name, where, options)
    return find_format(present, where, options.day_first, part)


def is_text(kind: Any) -> bool:
    """Return True if a pyarrow type is one of strings."""
    from pyarrow import types

    return bool(types.is_string(kind) or types.is_large_string(kind) or str(kind) == "string_view")


def _kind_of_numbers(texts: Any, name: str, where: str, options: TimeOptions) -> str | None:
    """Return how times that are numbers are written: dates of digits, time since 1970, or plain numbers."""
    from pyarrow import compute

    has_fraction = compute.any(compute.match_substring_regex(texts, r"\.0*[1-9]")).as_py()
    whole = compute.replace_substring_regex(texts, r"\..*", "")
    numbers = whole_numbers(whole)
    if numbers is None:
        return None
    if not has_fraction and numbers.min() > 0 and len(compute.unique(compute.utf8_length(whole))) == 1:
        found = find_digits(compute.unique(whole), where, options.day_first, _are_years(name, numbers))
        if found is not None:
            return found
    for kind, factor in (("epoch s", 1), ("epoch ms", 10**3), ("epoch us", 10**6), ("epoch ns", 10**9)):
        if _FIRST_EPOCH * factor <= numbers.min() and numbers.max() <= _LAST_EPOCH * factor:
            return kind
    return None if has_fraction else NUMBER


def _are_years(name: str, numbers: NDArray[np.int64]) -> bool:
    in_years = _YEARS[0] <= numbers.min() and numbers.max() <= _YEARS[1]
    return bool(in_years) and _folded(name) in (*TIME_NAMES, *_PART_NAMES["year"])


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
    read = read_texts(encoded_texts(table, names[0])[1], kinds[0])
    offsets = np.unique(read.offsets[read.has_offset])
    if len(offsets) > _MAX_OFFSETS:
        first, last = _offset_name(int(offsets[0])), _offset_name(int(offsets[-1]))
        raise InputError(
            f"The times in the column {names[0]!r} of {table.path} have {len(offsets)} offsets from UTC, from "
            f"{first} to {last}, but a time zone has 2 or 3. If they are ranges, put spaces around the dash."
        )
    if given is not None or not len(offsets):
        return given or "", []
    if len(offsets) == 1:
        return _offset_name(int(offsets[0])), []
    instants = (read.stamps - read.offsets)[read.has_offset]
    zone = next(
        (zone for zone in _ZONES if (utc_offsets(instants, zone) == read.offsets[read.has_offset]).all()), "UTC"
    )
    title = "UTC" if zone == "UTC" else f"the time zone {zone}, whose offsets from UTC they have"
    return zone, [f"Times with several offsets from UTC are shown in {title}; choose another one with --time-zone."]


def _offset_name(offset: int) -> str:
    if not offset:
        return "UTC"
    minutes = abs(offset) // 60_000_000
    return f"{'-' if offset < 0 else '+'}{minutes // 60:02d}:{minutes % 60:02d}"
