"""Place the rows of each series on a grid of evenly spaced times."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gatewright.data.tables import Table
from gatewright.data.time_texts import DAY
from gatewright.data.times import Times, require_existing
from gatewright.support.errors import InputError
from gatewright.tasks.forecast.frequency import bins
from gatewright.tasks.forecast.grid import Grid
from gatewright.tasks.forecast.series_keys import NamedRows
from gatewright.tasks.forecast.table import Line

# If more than nine in ten rows are missing, a time is probably wrong.
_MAX_STEPS_PER_ROW = 10


class _Merged(NamedTuple):
    """The rows of a series, one for each time.

    Attributes:
        places: The place of each row on the grid, in rising order.
        values: The numbers, [rows, variables].
        copies: Number of rows that repeated another one.
        averaged: Number of rows that were averaged with others of the same clock time.
    """

    places: NDArray[np.int64]
    values: NDArray[np.float64]
    copies: int
    averaged: int


def make_lines(
    table: Table,
    grid: Grid,
    named: NamedRows,
    times: Times,
    values: NDArray[np.float64],
    resample: bool,
    can_choose: bool = True,
) -> tuple[tuple[Line, ...], list[str]]:
    """Return each series, with a step for each time of the grid between its first and its last time, and notes.

    Args:
        table: The table, for error messages.
        grid: The grid of times.
        named: The series and their rows.
        times: The time of each row.
        values: The numbers of the variables, [rows, variables].
        resample: Whether to average the rows of each step, if times are not evenly spaced.
        can_choose: Whether the command has options for the columns, which messages may name.

    Raises:
        InputError: Times are not on the grid, repeat with different numbers, or leave out most steps.
    """
    notes = []
    if grid.counts_instants:
        require_existing(table, times)
    off_grid = resample and _is_off(grid, table, named, times)
    places = bins(grid, times) if off_grid else grid.places(table.path, times)
    lines, copies, averaged = [], 0, 0
    for name, keys, rows in zip(named.names, named.keys, named.rows, strict=True):
        merged = _merge(table, grid, name, times.take(rows), places[rows], values[rows], rows, off_grid, can_choose)
        copies, averaged = copies + merged.copies, averaged + merged.averaged
        lines.append(_line(table, name, keys, merged, can_choose))
    if off_grid:
        notes.append(f"The {table.rows:,} rows were averaged to steps of {grid.step_name}.")
    if any((np.diff(places[rows]) < 0).any() for rows in named.rows):
        notes.append("The rows were not in the order of their times and were sorted.")
    if copies:
        notes.append(f"Rows that repeated the time and the numbers of another row were left out: {copies:,}.")
    if averaged:
        remedy = " Give --time-zone to keep them apart." if can_choose else ""
        notes.append(
            f"Rows that repeated the clock time of another row, in the hour that is repeated when daylight saving time "
            f"ends, were averaged with it: {averaged:,}.{remedy}"
        )
    total = sum(len(line.values) for line in lines)
    known = sum(len(np.unique(places[rows])) for rows in named.rows)
    if total > known:
        notes.append(f"Times without a row, whose values are missing: {total - known:,}.")
    return tuple(lines), notes


def _is_off(grid: Grid, table: Table, named: NamedRows, times: Times) -> bool:
    """Return True if times are not all on the grid, or repeat in a series, so that rows must be averaged."""
    try:
        places = grid.places(table.path, times)
    except InputError:
        return True
    return any(len(np.unique(places[rows])) < len(rows) for rows in named.rows)


def _merge(
    table: Table,
    grid: Grid,
    name: str,
    times: Times,
    places: NDArray[np.int64],
    values: NDArray[np.float64],
    rows: NDArray[np.intp],
    off_grid: bool,
    can_choose: bool,
) -> _Merged:
    """Return one row for each place: without copies, and with the means of rows that may share a place."""
    order = np.argsort(places, kind="stable")
    places, values = places[order], values[order]
    distinct, starts, counts = np.unique(places, return_index=True, return_counts=True)
    if len(distinct) == len(places):
        return _Merged(places, values, 0, 0)
    if off_grid:
        return _Merged(distinct, _means(values, starts, counts), 0, 0)
    same = np.diff(places) == 0
    equal = ((values[1:] == values[:-1]) | (np.isnan(values[1:]) & np.isnan(values[:-1]))).all(axis=1)
    kept = np.concatenate([[True], ~(same & equal)])
    copies = int((~kept).sum())
    places, values, order = places[kept], values[kept], order[kept]
    distinct, starts, counts = np.unique(places, return_index=True, return_counts=True)
    for first, count in zip(starts[counts > 1], counts[counts > 1], strict=True):
        number = int(times.numbers[order[first]])
        if count > 2 or times.instants is not None or not _may_be_repeated_hour(times, number):
            second = int(rows[order[first + 1]])
            of_series = f" of series {name!r}" if name else ""
            hint = "Remove one, choose the columns that identify the series with --series-id, or average the rows of a "
            hint = f"{hint}time with --frequency." if can_choose else "Remove one."
            raise InputError(
                f"{table.where(second)}: there are two rows{of_series} with different numbers for the time "
                f"{grid.format_number(int(grid.own_numbers(times)[order[first]]))}. {hint}"
            )
    return _Merged(distinct, _means(values, starts, counts), copies, int((counts - 1).sum()))


def _may_be_repeated_hour(times: Times, number: int) -> bool:
    """Return True if a clock time may be in the hour that is repeated when daylight saving time ends.

    This is an hour of a Sunday night, in autumn of either half of the Earth.
    """
    if not times.layout.are_dates:
        return False
    day, rest = divmod(number, DAY)
    month = np.datetime64(day, "D").astype("datetime64[M]").astype(int) % 12 + 1
    hour = rest // (DAY // 24)
    # 1970 began on a Thursday; in some zones the clock changes at midnight between Saturday and Sunday.
    return month in (9, 10, 11, 3, 4) and (((day + 3) % 7 == 6 and hour <= 3) or ((day + 3) % 7 == 5 and hour == 23))


def _means(values: NDArray[np.float64], starts: NDArray[np.intp], counts: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return the means of successive rows, ignoring missing numbers; NaN where all are missing."""
    present = ~np.isnan(values)
    sums = np.add.reduceat(np.where(present, values, 0), starts, axis=0)
    known = np.add.reduceat(present.astype(np.int64), starts, axis=0)
    return np.asarray(np.where(known > 0, sums / np.maximum(known, 1), np.nan))


def _line(table: Table, name: str, keys: tuple[str, ...], merged: _Merged, can_choose: bool) -> Line:
    places, values = merged.places, merged.values
    steps = int(places[-1] - places[0]) + 1
    if steps > _MAX_STEPS_PER_ROW * len(places) and len(places) > 1:
        of_series = f" of series {name!r}" if name else ""
        raise InputError(
            f"{table.path} has {len(places):,} rows{of_series}, but its times span {steps:,} steps, so most steps have "
            f"no row. Correct the times{', or average them to longer steps with --frequency' * can_choose}."
        )
    filled = np.full((steps, values.shape[1]), np.nan)
    filled[places - places[0]] = values
    return Line(name, int(places[0]), filled, keys)
