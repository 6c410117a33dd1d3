"""Turn wide tables, which have a column for each time, into long ones, which have a row for each time."""

import calendar
import re
from collections.abc import Sequence
from itertools import combinations, pairwise
from typing import Any, NamedTuple

from gatewright.data.numbers import is_missing, shown_names
from gatewright.data.tables import Table
from gatewright.data.time_layouts import TimeOptions, time_kind
from gatewright.data.time_texts import ISO
from gatewright.data.times import distinct_texts
from gatewright.support.errors import InputError

TIME, VALUE = "time", "value"
"""The names of the columns that replace the columns of a wide table."""

# Fewer columns named like times may be something else.
_MIN_TIMES, _MIN_NUMBERED = 5, 10
# The names of series are made of at most so many of the first columns.
_MAX_KEYS = 10
_NUMBERED = re.compile(r"(.*?)(\d+)", re.DOTALL)
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


def melt_wide(table: Table, series_id: Sequence[str], force: bool) -> Melted | None:
    """Return a wide table as a long one, or None if the table is not wide.

    A table is wide if its columns are named by times, such as 2020-01-31 or 1/22/20; if it has no column of times and
    its columns are numbered, such as d_1 to d_400; or if each row has the hours of a day or the months of a year.

    Args:
        table: The table.
        series_id: The columns that identify the series, as the user gave them. Empty if they are to be found.
        force: Whether the user says that the table is wide.

    Raises:
        InputError: The table is wide, but no column identifies its series; or it is not, although the user says so.
    """
    parts = _parts_of_day_or_year(table)
    if parts is not None:
        columns, name, numbers = parts
        kept = [other for other in table.names if other not in columns]
        note = f"Each row of {table.path} has {len(columns)} {name}s ({shown_names(columns, 2)}): they are one series."
        return Melted(_melt(table, kept, columns, name, numbers), tuple(series_id), None, note)
    times = _named_by_times(table) or _numbered(table, force)
    if not times:
        if force:
            raise InputError(f"{table.path} has no columns that are named by times or numbered. Leave --layout out.")
        return None
    keys = tuple(series_id) or _find_keys(table, times)
    texts = [str(number) for number in range(1, len(times) + 1)] if _is_numbered(times) else list(times)
    others = [name for name in table.names if name not in times and name not in keys]
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

    pieces, lines = [], []
    for column, text in zip(columns, texts, strict=True):
        values = table.column(column)
        trimmed = pc.utf8_trim_whitespace(pc.fill_null(pc.cast(values, pa.string()), ""))
        unique = pc.unique(trimmed)
        missing = pc.is_in(trimmed, pa.array([one for one in unique.to_pylist() if is_missing(one)], pa.string()))
        rows = pc.indices_nonzero(pc.invert(missing))
        arrays = [table.column(one).take(rows) for one in kept]
        pieces.append(pa.table([*arrays, pa.array([text] * len(rows)), values.take(rows)], names=[*kept, name, VALUE]))
        lines += [table.lines[row] for row in rows.to_pylist()] if table.lines is not None else []
    joined = pa.concat_tables(pieces, promote_options="permissive")
    return Table(table.path, joined, lines or None, table.notes, table.delimiter, table.as_written)


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
    months = [
        lowered.get(name, lowered.get(full.lower()))
        for name, full in zip(_MONTHS, calendar.month_name[1:], strict=True)
    ]
    if None not in months and ({"year", "yr"} & lowered.keys()):
        return [str(month) for month in months], "month", [str(number) for number in range(1, 13)]
    return None


def _named_by_times(table: Table) -> list[str]:
    """Return the columns that are named by times, if there are enough of them with the same layout."""
    import pyarrow as pa

    names = [name for name in table.names if re.search(r"\d", name)]
    for pattern in (r"(18|19|20)\d\d", r".*\d.*[-/. ].*\d.*", r"\d{6}|\d{8}"):
        found = [name for name in names if re.fullmatch(pattern, name.strip())]
        if len(found) < _MIN_TIMES:
            continue
        column = Table(table.path, pa.table({"year": pa.array(found)}), as_written=True)
        kind = time_kind(column, "year", TimeOptions())
        if kind is not None and (kind == ISO or "%Y" in kind or "%y" in kind):
            return found
    return []


def _is_numbered(names: Sequence[str]) -> bool:
    found = [_NUMBERED.fullmatch(name) for name in names]
    return all(one is not None and (one[1] or len(one[2]) != 4) for one in found) and (
        len({one[1] for one in found if one is not None}) == 1 and not re.search(r"\d", found[0][1] if found[0] else "")
    )


def _numbered(table: Table, force: bool) -> list[str]:
    """Return the columns of numbers that are numbered from left to right, if the table has no column of times."""
    groups: dict[str, list[str]] = {}
    for name in table.names:
        if matched := _NUMBERED.fullmatch(name):
            groups.setdefault(matched[1], []).append(name)
    best = max(groups.values(), key=len, default=[])
    texts = [name for name in best if _has_words(table, name)]
    best = [name for name in best if name not in texts]
    numbers = [int(_NUMBERED.fullmatch(name)[2]) for name in best]  # type: ignore[index]
    others = [name for name in table.names if name not in best]
    if len(best) < (2 if force else _MIN_NUMBERED) or any(after - before != 1 for before, after in pairwise(numbers)):
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
    others = [name for name in table.names if name not in times]
    words = [name for name in others if _has_words(table, name)]
    whole = [name for name in others if name not in words and _is_whole(table, name)]
    candidates = [*words, *whole][:_MAX_KEYS]
    for size in range(1, len(candidates) + 1):
        for names in combinations(candidates, size):
            joined: Any = zip(*(distinct_texts(table, name)[0].tolist() for name in names), strict=True)
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
