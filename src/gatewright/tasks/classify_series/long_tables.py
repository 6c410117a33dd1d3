"""Read series from long tables.

Each row of a long table is one step of a series. It has the id of the series, the time, and a number for each channel.
A label at each step needs windows; see `streams`.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gatewright.data.numbers import read_number_columns, read_numbers
from gatewright.data.tables import Table, column_list, quoted
from gatewright.support.errors import InputError, nearest
from gatewright.tasks.classify_series.counters import is_counter, without_codes
from gatewright.tasks.classify_series.options import SeriesOptions
from gatewright.tasks.classify_series.series import FoundSeries, label_text
from gatewright.tasks.classify_series.streams import Steps, cut_windows
from gatewright.tasks.classify_series.times import read_times

_REMEDY = "leave the column out, or name the columns with --id, --time and --label"
# The ids of windows are their groups by default if there are at least this many, so that each split has some.
_MIN_GROUPS = 5
_INDEX_NAMES = ("id", "", "Unnamed: 0", "index")


class _Columns(NamedTuple):
    """The columns of a long table. Those that it does not need are None or empty."""

    ids: tuple[str, ...]
    time: str | None
    label: str | None
    group: str | None
    channels: tuple[str, ...]


def read_long(table: Table, options: SeriesOptions) -> FoundSeries:
    """Read the series of a long table. Series are in the order of their first rows, and steps in the order of time.

    Raises:
        InputError: The table cannot be used.
    """
    if not table.rows:
        raise InputError(f"{table.path} has no rows. Add a row for each step of a series.")
    columns, notes = _choose_columns(table, options)
    table.require_unique([name for name in (*columns.ids, columns.time, columns.label, columns.group) if name])
    values, number_notes = read_numbers(table, columns.channels, _REMEDY if options.names is None else "fix the value")
    names, series = _number_series(table, columns.ids)
    times = None if columns.time is None else read_times(table, columns.time)
    labels = None if columns.label is None else table.column(columns.label).to_pylist()
    groups = _groups(table, columns, options, names, series)
    options = replace(
        options,
        id=",".join(columns.ids) or None,
        time=columns.time,
        label=columns.label,
        layout="long",
        group=columns.group or (columns.ids and groups and ",".join(columns.ids)) or None,
    )
    if options.names is None and labels is not None:
        kept = without_codes(table.path.name, columns.channels, values, [label_text(label) for label in labels])
        columns = columns._replace(channels=tuple(columns.channels[place] for place in kept.places))
        values = values[:, kept.places]
        notes += [kept.note] if kept.note else []
    steps = Steps(values, series, times, labels, groups)
    notes = [*table.notes, *number_notes, *notes]
    if options.window is not None:
        return cut_windows(table.path, steps, columns.channels, options, notes)
    return _whole_series(table, steps, columns, options, notes)


def _choose_columns(table: Table, options: SeriesOptions) -> tuple[_Columns, list[str]]:
    """Return the columns of a table, and notes about those that are left out."""
    path, names = table.path, table.names
    streams = options.window is not None
    ids = _id_columns(table, options)
    if ids and _has_one_row_each(table, ids):
        if streams and options.id is None:
            ids = ()
        elif options.names is None:
            raise InputError(
                f"Each row of {path} has a different {' and '.join(map(repr, ids))}, so that each series would have "
                "one step. Choose the column of the series with --id, or cut the rows into windows with --window STEPS."
            )
    time = options.column(path, "time", names, "time")
    label = options.column(path, "label", names, "label")
    group = options.column(path, "group", names)
    notes = options.lacking(path, names)
    if not ids and not streams:
        raise _no_column(table, "id", "the column that says which series a row belongs to", notes)
    if time is None and not streams:
        raise _no_column(table, "time", "the column with the time of each step", notes)
    if label is None and options.labelled:
        raise _no_column(table, "label", "the column of the labels", notes)
    given = [*ids, *(name for name in (time, label) if name is not None)]
    if len(set(given)) < len(given) or (group is not None and group in (time, label)):
        raise InputError(
            f"--id, --time, --label and --group must name different columns of {path}, not {quoted(given)} and "
            f"{group!r}."
        )
    if options.names is not None:
        if missing := [name for name in options.names if name not in names]:
            raise InputError(
                f"{path} has no column {missing[0]!r}, which is a channel of the other series. Add it"
                f"{nearest(missing[0], names)}"
            )
        channels = options.names
    else:
        others = [name for name in names if name not in (*given, group)]
        counters = [name for name in others if name in _INDEX_NAMES and _counts_rows(table, name)]
        notes += [f"The column {name!r} counts the rows of {path.name}. It is not a channel." for name in counters]
        channels = tuple(name for name in others if name not in counters)
    if not channels:
        raise InputError(f"{path} has only the columns {quoted(given)}. Add a column for each channel.")
    return _Columns(ids, time, label, group, channels), notes


def _id_columns(table: Table, options: SeriesOptions) -> tuple[str, ...]:
    if options.id is None:
        return ("id",) if "id" in table.names else ()
    ids = column_list(options.id, table.names)
    if missing := [name for name in ids if name not in table.names]:
        if "id" not in options.given:
            return ("id",) if "id" in table.names else ()
        raise InputError(
            f"--id {missing[0]!r} is not a column of {table.path}, which has {quoted(table.names)}"
            f"{nearest(missing[0], table.names)}"
        )
    return tuple(dict.fromkeys(ids))


def _has_one_row_each(table: Table, ids: Sequence[str]) -> bool:
    """Return True if there are several rows, all with ids, and each has other ids than all others."""
    columns = (
        [None if value in (None, "") else str(value) for value in table.column(name).to_pylist()] for name in ids
    )
    rows = set(zip(*columns, strict=True))
    return len(rows) == table.rows > 1 and not any(None in row for row in rows)


def _no_column(table: Table, option: str, meaning: str, notes: Sequence[str]) -> InputError:
    known = "".join(f"{note} " for note in notes)
    return InputError(
        f"{known}{table.path} has no column {option!r}. It has: {quoted(table.names)}. Choose {meaning} with "
        f"--{option} COLUMN."
    )


def _counts_rows(table: Table, name: str) -> bool:
    if name == "id" and _has_one_row_each(table, (name,)):
        return True
    values = read_number_columns(table, [name])[name].values
    return values is not None and is_counter(values)


def _number_series(table: Table, ids: Sequence[str]) -> tuple[list[str], NDArray[np.intp]]:
    """Number the series from 0, in the order of their first rows. Return their ids, and the number for each row."""
    if not ids:
        return [""], np.zeros(table.rows, np.intp)
    numbers: dict[tuple[str, ...], int] = {}
    series = np.empty(table.rows, np.intp)
    for row, fields in enumerate(zip(*(table.column(name).to_pylist() for name in ids), strict=True)):
        id = tuple("" if field is None else str(field).strip() for field in fields)
        if "" in id:
            raise InputError(f"{table.where(row)}: the row has no {ids[id.index('')]!r}. Fix or remove the row.")
        series[row] = numbers.setdefault(id, len(numbers))
    return [",".join(id) for id in numbers], series


def _groups(
    table: Table, columns: _Columns, options: SeriesOptions, names: list[str], series: NDArray[np.intp]
) -> list[str]:
    """Return the group of each row. Without --group, windows are grouped by id if there are several ids."""
    if columns.group is None:
        grouped = options.window is not None and len(names) >= _MIN_GROUPS
        return [names[number] for number in series.tolist()] if grouped else []
    groups = [label_text(value) for value in table.column(columns.group).to_pylist()]
    if None in groups:
        raise InputError(f"{table.where(groups.index(None))}: the row has no {columns.group!r}. Fix or remove the row.")
    return [str(group) for group in groups]


def _whole_series(
    table: Table, steps: Steps, columns: _Columns, options: SeriesOptions, notes: list[str]
) -> FoundSeries:
    """Return a series for each id."""
    times = steps.times
    order = np.argsort(steps.series, kind="stable")
    if times is not None:
        order = np.lexsort((times, steps.series))
        repeated = (np.diff(steps.series[order]) == 0) & (np.diff(times[order]) == 0)
        if repeated.any():
            row = int(order[1:][repeated][0])
            raise InputError(
                f"{table.where(row)}: an earlier row has the same series and time. Remove one, or choose other columns "
                "with --id and --time."
            )
    ends = np.cumsum(np.bincount(steps.series))[:-1]
    first_rows = [int(rows[0]) for rows in np.split(np.argsort(steps.series, kind="stable"), ends)]
    labels = None if steps.labels is None else _series_labels(table, steps, columns, options)
    if steps.groups:
        _require_one_group(table, steps, columns)
    groups = tuple(steps.groups[row] for row in first_rows) if steps.groups else ()
    values = np.split(steps.values[order], ends)
    return FoundSeries(values, labels, options, columns.channels, tuple(notes), groups)


def _series_labels(table: Table, steps: Steps, columns: _Columns, options: SeriesOptions) -> list[Any]:
    """Return the label of each series. Rows without one belong to series that have it at other rows."""
    found: dict[int, Any] = {}
    for row, (label, number) in enumerate(zip(steps.labels or [], steps.series.tolist(), strict=True)):
        name = label_text(label)
        if name is None:
            continue
        earlier = label_text(found.setdefault(number, label))
        if earlier != name and options.labelled:
            raise InputError(
                f"{table.where(row)}: {columns.label!r} is {name!r}, but {earlier!r} at an earlier step of the same "
                "series. Give each series one label, or cut the series into windows with --window STEPS."
            )
    return [found.get(number) for number in range(int(steps.series.max()) + 1)]


def _require_one_group(table: Table, steps: Steps, columns: _Columns) -> None:
    found: dict[int, str] = {}
    for row, (group, number) in enumerate(zip(steps.groups, steps.series.tolist(), strict=True)):
        if found.setdefault(number, group) != group:
            raise InputError(
                f"{table.where(row)}: {columns.group!r} is {group!r}, but {found[number]!r} at an earlier step of the "
                f"same series. Choose a column that is constant in each series, or none, with --group."
            )
