"""Turn wide tables, which have a column for each time, into long ones, which have a row for each time."""

import calendar
import re
from collections.abc import Sequence
from itertools import combinations, pairwise
from typing import Any, NamedTuple

import numpy as np

from gatewright.data.numbers import is_missing, missing_among, shown_names
from gatewright.data.tables import Table
from gatewright.data.time_formats import find_digits, find_format, times_among
from gatewright.data.time_layouts import UNNAMED, TimeOptions, is_text, time_kind
from gatewright.data.time_texts import ISO, read_texts
from gatewright.data.times import as_texts, distinct_texts
from gatewright.support.errors import InputError

TIME, VALUE = "time", "value"
"""The names of the columns that replace the columns of a wide table."""

# Columns next to those of the months or hours, in lower case.
_SUMS = ("annual", "ann", "total", "sum", "mean", "avg", "average", "j-d", "d-n", "djf", "mam", "jja", "son")
# Fewer columns named like times may be something else.
_MIN_TIMES, _MIN_NUMBERED = 5, 10
# The least number of columns if the user says that they are times.
_FORCED = 2
# The names of series are made of at most so many of the first columns.
_MAX_KEYS = 10
_NUMBERED = re.compile(r"(.*?)(\d{1,18})", re.DOTALL)
# After the years of the World Bank.
_YEAR_CODE = r" \[YR\d{4}\]"
_HOURS = ("h", "hr", "hour", "he", "hour_", "hour ", "h_")
_MONTHS = [name.lower() for name in calendar.month_abbr[1:]]


class Melted(NamedTuple):
    """A table with a row for each time.

    Attributes:
        table: The table.
        series_id: The columns that identify the series.
        time: The columns of the times, for `TimeOptions.time`. None if they are found as in any other table.
        note: A sentence for reports.
    """

    table: Table
    series_id: tuple[str, ...]
    time: str | None
    note: str


def melt_wide(table: Table, series_id: Sequence[str], force: bool, options: TimeOptions) -> Melted | None:
    """Return a wide table as a long one, or None if the table is not wide.

    A table is wide if its columns are named by times, such as 2020-01-31 or 1/22/20; if it has no column of times and
    its columns are numbered, such as d_1 to d_400; or if each row has the hours of a day or the months of a year.

    Args:
        table: The table.
        series_id: The columns that identify the series, as the user gave them. Empty if they are to be found.
        force: Whether the user says that the table is wide.
        options: What the user says about the times.

    Raises:
        InputError: The table is wide, but no column identifies its series; or it is not, although the user says so.
    """
    parts = _parts_of_day_or_year(table)
    if parts is not None:
        columns, name, numbers = parts
        table.require_unique(columns)
        sums = [other for other in table.names if other.strip().lower() in _SUMS]
        kept = [other for other in table.names if other not in {*columns, *sums}]
        left = f" Left out: {shown_names(sums)}." if sums else ""
        note = f"Each row of {table.path} has {len(columns)} {name}s ({shown_names(columns, 2)}): they are one series."
        return Melted(_melt(table, kept, columns, name, numbers), tuple(series_id), None, f"{note}{left}")
    dated = _named_by_times(table, options, _FORCED if force else _MIN_TIMES)
    times = list(dated) or _numbered(table, force)
    if not times:
        if force:
            raise InputError(f"{table.path} has no columns that are named by times or numbered. Leave --layout out.")
        return None
    table.require_unique(times)
    keys = tuple(series_id) or _find_keys(table, times)
    texts = list(dated.values()) or [str(number) for number in range(1, len(times) + 1)]
    taken = {*times, *keys}
    others = [name for name in table.names if name not in taken]
    left = f" Left out: {shown_names(others)}." if others else ""
    note = (
        f"{table.path} has a column for each time ({times[0]} to {times[-1]}) and a row for each series, named by "
        f"{shown_names(keys)}.{left}"
    )
    return Melted(_melt(table, list(keys), times, TIME, texts), keys, TIME, note)


def _melt(table: Table, kept: Sequence[str], columns: Sequence[str], name: str, texts: Sequence[str]) -> Table:
    """Return a table with a row for each of the named columns in each row, without those of missing values."""
    import pyarrow as pa
    from pyarrow import compute as pc

    pieces, places = [], []
    mixed = len({is_text(table.column(column).type) for column in columns}) > 1
    for column, text in zip(columns, texts, strict=True):
        values = as_texts(table.column(column)) if mixed else table.column(column)
        missing = missing_among(as_texts(values))
        rows = pc.indices_nonzero(pc.invert(missing))
        arrays = [table.column(one).take(rows) for one in kept]
        pieces.append(pa.table([*arrays, pa.array([text] * len(rows)), values.take(rows)], names=[*kept, name, VALUE]))
        places.append(rows.to_numpy())
    rows = np.concatenate(places)
    order = np.argsort(rows, kind="stable")
    try:
        joined = pa.concat_tables(pieces, promote_options="permissive").take(order)
    except pa.ArrowException:
        raise InputError(
            f"The columns {shown_names(columns, 3)} of {table.path} have values of different types. Give all columns "
            "numbers."
        ) from None
    lines = [table.lines[int(row)] for row in rows[order]] if table.lines is not None else None
    return Table(table.path, joined, lines, table.notes, table.delimiter, table.as_written)


def _parts_of_day_or_year(table: Table) -> tuple[list[str], str, list[str]] | None:
    """Return the columns of the hours of a day or the months of a year, the name of the part, and its numbers."""
    lowered = {name.strip().lower(): name for name in table.names}
    for prefix in _HOURS:
        for first in (0, 1):
            hours = [
                lowered.get(f"{prefix}{hour}", lowered.get(f"{prefix}{hour:02d}")) for hour in range(first, first + 24)
            ]
            if None not in hours:
                return [str(hour) for hour in hours], "hour", [str(number) for number in range(24)]
    clocks = [name for name in table.names if re.fullmatch(r"\d{1,2}:\d{2}(:\d{2})?", name.strip())]
    if len(clocks) in (24, 48, 96):
        return clocks, "clock time", clocks
    months = [
        lowered.get(name, lowered.get(full.lower()))
        for name, full in zip(_MONTHS, calendar.month_name[1:], strict=True)
    ]
    if None not in months and ({"year", "yr"} & lowered.keys()):
        return [str(month) for month in months], "month", [str(number) for number in range(1, 13)]
    return None


def _named_by_times(table: Table, options: TimeOptions, least: int) -> dict[str, str]:
    """Return the times of the columns that are named by them, if at least so many have the same layout."""
    import pyarrow as pa

    names = [name for name in table.names if re.search(r"\d", name)]
    where = f"the names of the columns of {table.path}"
    if options.format is not None and "%" in options.format:
        texts = [re.sub(_YEAR_CODE, "", name) for name in names]
        fits = read_texts(texts, options.format).fits
        found = {name: text for name, text, fit in zip(names, texts, fits, strict=True) if fit}
        return found if len(found) >= least else {}
    for pattern in (rf"((?:18|19|20)\d\d)(?:{_YEAR_CODE})?", r"(\d{6}|\d{8})"):
        years = {name: matched[1] for name in names if (matched := re.fullmatch(pattern, name.strip()))}
        if len(years) >= least:
            texts = pa.array(list(years.values()))
            is_same_width = len(set(map(len, years.values()))) == 1
            if is_same_width and find_digits(texts, where, options.day_first, are_years=True):
                return years
    names = [name for name in names if not name.strip().isdigit()]
    if len(names) < least:
        return {}
    kept = [name for name, fit in zip(names, times_among(pa.array(names)), strict=True) if fit]
    if len(kept) < least or find_format(pa.array(kept), where, options.day_first) is None:
        return {}
    return {name: name for name in kept}


def _numbered(table: Table, force: bool) -> list[str]:
    """Return the columns of numbers that are numbered from left to right, if the table has no column of times."""
    groups: dict[str, list[str]] = {}
    for name in table.names:
        if name in UNNAMED and not force:
            continue
        if matched := _NUMBERED.fullmatch(name):
            groups.setdefault(matched[1], []).append(name)
    best = max(groups.values(), key=len, default=[])
    best = [name for name in best if not _has_words(table, name)]
    numbers = [int(_NUMBERED.fullmatch(name)[2]) for name in best]  # type: ignore[index]
    chosen = set(best)
    others = [name for name in table.names if name not in chosen]
    if len(best) < (_FORCED if force else _MIN_NUMBERED) or any(
        after - before != 1 for before, after in pairwise(numbers)
    ):
        return []
    # Without names of the series, the columns are rather variables, such as sensor1 to sensor50.
    words = [name for name in others if _has_words(table, name)]
    return best if force or (words and not any(_holds_times(table, name) for name in others)) else []


def _has_words(table: Table, name: str) -> bool:
    _, texts = distinct_texts(table, name)
    return any(re.search("[A-Za-z]", text) and not is_missing(text) for text in texts)


def _holds_times(table: Table, name: str) -> bool:
    kind = time_kind(table, name, TimeOptions())
    return kind is not None and (kind == ISO or "%" in kind)


def _find_keys(table: Table, times: Sequence[str]) -> tuple[str, ...]:
    """Return the columns that name the series: as few as have different texts in each row, words rather than numbers.

    Numbers with fractions, such as a latitude, are no names.
    """
    steps = set(times)
    others = [name for name in table.names if name not in steps]
    words = {name: None for name in others if _has_words(table, name)}
    whole = [name for name in others if name not in words and _is_whole(table, name)]
    candidates = [*words, *whole][:_MAX_KEYS]
    codes = {name: distinct_texts(table, name)[0].tolist() for name in candidates}
    for size in range(1, len(candidates) + 1):
        for names in combinations(candidates, size):
            joined: Any = zip(*(codes[name] for name in names), strict=True)
            if len(set(joined)) == table.rows:
                return names
    if table.rows == 1 and others:
        return (others[0],)
    raise InputError(
        f"{table.path} has a column for each time, but no column has a different name in each row. Choose the columns "
        "that identify the series with --series-id."
    )


def _is_whole(table: Table, name: str) -> bool:
    return all(re.fullmatch(r"\d*", text) for text in distinct_texts(table, name)[1])
