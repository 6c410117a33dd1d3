"""Read one or many evenly spaced time series from a table."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from gatewright.data import files, public
from gatewright.data.numbers import DECIMALS, read_number_columns
from gatewright.data.tables import Table as FileTable
from gatewright.data.tables import read_table
from gatewright.data.time_layouts import NONE, UNNAMED, TimeOptions, find_layout
from gatewright.data.times import TimeLayout, Times, read_times, shown_kinds
from gatewright.support.errors import InputError, nearest, require_one_of
from gatewright.tasks.forecast.columns import ReadValues, choose_roles, listed_columns, read_values, role_notes
from gatewright.tasks.forecast.frequency import frequency_grid, frequency_season
from gatewright.tasks.forecast.grid import Grid, find_grid
from gatewright.tasks.forecast.lines import make_lines
from gatewright.tasks.forecast.renaming import renamed, require_columns
from gatewright.tasks.forecast.scales import Scales
from gatewright.tasks.forecast.series_keys import NamedRows, find_series_id, name_series
from gatewright.tasks.forecast.table import Columns, Line, Table
from gatewright.tasks.forecast.tsf import read_tsf
from gatewright.tasks.forecast.wide import TIME, melt_wide

_SUFFIXES = (*files.TABLE_SUFFIXES, ".txt", ".dat", ".data", ".tsf")
WIDE, LONG = "wide", "long"
"""The values of --layout."""


class ColumnOptions(NamedTuple):
    """The columns of a table as the user gave them, and how to read it; see the options of the task."""

    time: str | None = None
    target: str | None = None
    past_covariates: str | None = None
    future_covariates: str | None = None
    series_id: str | None = None
    time_format: str | None = None
    day_first: str | bool | None = None
    time_zone: str | None = None
    frequency: str | None = None
    decimal: str | None = None
    header: str | None = None
    layout: str | None = None


class _NamedSet(NamedTuple):
    file: str
    split_ends: tuple[int, ...]


# 12, 4 and 4 months of 30 days, as in Zhou et al. 2021, "Informer", section 4.1.
_MONTH = 30 * 24
_NAMED = {
    "ett-h1": _NamedSet("ETTh1.csv", (12 * _MONTH, 16 * _MONTH, 20 * _MONTH)),
    "ett-m1": _NamedSet("ETTm1.csv", (48 * _MONTH, 64 * _MONTH, 80 * _MONTH)),
}

NAMES = tuple(_NAMED)


class _Opened(NamedTuple):
    """A table after its file is read and, if it was wide, made long.

    Attributes:
        table: The table.
        series_id: The columns that identify the series, as far as they are known.
        time: The columns of the times, or "none". None if they are to be found.
        is_wide: Whether the table was wide.
        header: Whether the file has a line with the names of the columns.
        frequency: The frequency that the file names. None if it names none.
        note: A sentence shown to the user. May be empty.
    """

    table: FileTable
    series_id: tuple[str, ...] = ()
    time: str | None = None
    is_wide: bool = False
    header: bool = True
    frequency: str | None = None
    note: str = ""


def read_series(source: str, wanted: ColumnOptions, grid: Grid | None = None) -> Table:
    """Read a table with a row for each time of each series, and a column for each variable.

    Args:
        source: "ett-h1", "ett-m1", or a table; see `data.tables`. Files of text with the suffix .txt, .dat or .data are
            tables too, and so are .tsf files of the Monash archive.
        wanted: The columns, and how to read them. By default, the times, the series and the numbers are found, and
            notes say what was found.
        grid: The grid of evenly spaced times. By default, it is found from the times in the table.

    Rows may have any order. If a time of the grid has no row, its numbers are missing numbers.

    Raises:
        ImportError: A package is not installed.
        InputError: The table cannot be read or used.
    """
    path, split_ends = _find_table(source)
    _check_options(wanted)
    header = None if wanted.header is None else wanted.header != NONE
    opened = _open(path, header, wanted)
    table = opened.table
    options = _time_options(wanted)
    layout, layout_notes = find_layout(table, options._replace(time=opened.time or wanted.time))
    keys = opened.series_id or tuple(listed_columns(table, "series-id", wanted.series_id))

    # Read once: finding the series and choosing the variables both need the numbers.
    numbers = read_number_columns(table, [name for name in table.names if name not in layout.columns], wanted.decimal)

    def read_variables(keys: Sequence[str]) -> ReadValues:
        given = wanted.target, wanted.past_covariates, wanted.future_covariates
        return read_values(table, choose_roles(table, layout, keys, numbers, *given), numbers, wanted.decimal)

    read, times, series_note = read_variables(keys), read_times(table, layout), ""
    if not keys and layout.columns and wanted.frequency is None:
        keys, series_note = find_series_id(table, times, read.numbers, list(read.roles.left_out), read.roles.names)
        read = read_variables(keys) if keys else read
    named = name_series(table, keys)
    if keys and (layout.zone or not layout.columns):  # repeated clock times and counts are those of each series
        times = read_times(table, layout, named.numbers)
    roles = read.roles
    found = grid or _find_grid(path, times, named, wanted.frequency or opened.frequency)
    resample = wanted.frequency is not None and layout.are_dates
    lines, line_notes = make_lines(table, found, named, times, read.numbers, resample)
    notes = [*table.notes, opened.note, *layout_notes, *_time_notes(table, times, found), series_note]
    notes += [*role_notes(table, roles, keys), *read.notes, *line_notes]
    columns = Columns(layout, keys, roles, read.decimal, opened.header, opened.is_wide, resample)
    notes = [note for note in notes if note]
    return Table(source, roles.variables, *roles.sizes, found, lines, columns, split_ends, tuple(notes))


def read_for_model(source: str, scales: Scales, given: Mapping[str, Any] = MappingProxyType({})) -> Table:
    """Read a table with the same columns and time grid as the data that a model was trained on.

    Args:
        source: A named data set, or the path of a table.
        scales: The scales of the model.
        given: Options for this table, which take the place of those of the training: other names of columns, and how
            its times and numbers are written.

    Raises:
        ImportError: A package is not installed.
        InputError: The table cannot be read or used, a column is missing, or an option does not apply.
    """
    path, split_ends = _find_table(source)
    columns = renamed(scales.columns, given)
    kind = columns.layout.kinds[0] if columns.layout.columns == (TIME,) else ""
    layout = ColumnOptions(layout=WIDE if columns.is_wide else LONG, time_format=kind if "%" in kind else None)
    table = _open(path, columns.header, layout).table
    if {"time_format", "day_first"} & given.keys():
        columns = replace(columns, layout=_layout_of(table, columns.layout, given))
    roles = columns.roles
    require_columns(table, columns, given)
    table.require_unique((*columns.layout.columns, *columns.series_id, *roles.names))
    named = name_series(table, columns.series_id)
    times = read_times(table, columns.layout, named.numbers)
    decimal = columns.decimal or None
    numbers = read_number_columns(table, [name for name in roles.names if name not in roles.categories], decimal)
    read = read_values(table, roles, numbers, decimal, can_choose=False)
    resample = columns.layout.are_dates and columns.resampled
    lines, line_notes = make_lines(table, scales.grid, named, times, read.numbers, resample, can_choose=False)
    sizes = scales.targets, scales.future_covariates
    notes = tuple(note for note in (*table.notes, *read.notes, *line_notes) if note)
    return Table(source, scales.variables, *sizes, scales.grid, lines, columns, split_ends, notes)


def _layout_of(table: FileTable, trained: TimeLayout, given: Mapping[str, Any]) -> TimeLayout:
    """Return how times are written in a table, of the same kind as those of the training.

    Raises:
        InputError: The times are dates, but those of the training are numbers, or the reverse.
    """
    wanted = ColumnOptions(
        time=",".join(trained.columns),
        time_format=given.get("time_format"),
        day_first=given.get("day_first"),
        time_zone=trained.zone or None,
    )
    found, _ = find_layout(table, _time_options(wanted))
    if found.are_dates != trained.are_dates:
        kinds = "dates", "numbers"
        one, other = kinds if found.are_dates else kinds[::-1]
        raise InputError(f"The times of {table.path} are {one}, but the model was trained with {other}.")
    return found


def _check_options(wanted: ColumnOptions) -> None:
    for name, value, allowed in (
        ("--decimal", wanted.decimal, DECIMALS),
        ("--header", wanted.header, ("first", NONE)),
        ("--layout", wanted.layout, (WIDE, LONG)),
    ):
        if value is not None:
            require_one_of(name, value, allowed)


def _time_options(wanted: ColumnOptions) -> TimeOptions:
    return TimeOptions(wanted.time, wanted.time_format, _yes_or_no(wanted.day_first), wanted.time_zone)


def _yes_or_no(given: str | bool | None) -> bool | None:
    if given is None or isinstance(given, bool):
        return given
    require_one_of("--day-first", given.lower(), ("yes", "no"))
    return given.lower() == "yes"


def _find_table(source: str) -> tuple[Path, tuple[int, ...]]:
    """Return the path of a table, and the steps at which its splits end (empty unless it is a named data set)."""
    if source in _NAMED:
        file, split_ends = _NAMED[source]
        origin = " of github.com/zhouhaoyi/ETDataset"
        return public.named_files(source, "ett", [file], origin, suffixes=(".gz",))[0], split_ends
    path = Path(source)
    if not path.exists():
        raise InputError(
            f"DATA must be a file or {' or '.join(NAMES)}, but {source} does not exist{nearest(source, NAMES)}"
        )
    if not path.is_file() or not files.inner_name(path).endswith(_SUFFIXES):
        raise InputError(f"A table of series must be one of {', '.join(_SUFFIXES)}, perhaps compressed, not {source}.")
    return path, ()


def _open(path: Path, header: bool | None, wanted: ColumnOptions) -> _Opened:
    """Read a file, and make a wide table long."""
    if files.inner_name(path).endswith(".tsf"):
        read = read_tsf(path, files.read_text(path))
        return _Opened(read.table, read.series_id, read.time, frequency=read.frequency)
    table = read_table(path, header)
    if not table.rows:
        raise InputError(f"{path} has no rows. Add a row for each time.")
    has_header = not UNNAMED.issuperset(table.names)
    keys = listed_columns(table, "series-id", wanted.series_id)
    if wanted.layout != LONG and (melted := melt_wide(table, keys, wanted.layout == WIDE, _time_options(wanted))):
        return _Opened(melted.table, melted.series_id, melted.time, True, has_header, note=melted.note)
    return _Opened(table, header=has_header)


def _find_grid(path: Path, times: Times, named: NamedRows, frequency: str | None) -> Grid:
    if frequency is not None and not times.layout.columns:
        return Grid("numbers", 1, 1, length=frequency_season(frequency))
    if frequency is not None and times.layout.are_dates:
        return frequency_grid(frequency, times)
    return find_grid(path, " and ".join(times.layout.columns), times, named.rows, named.names)


def _time_notes(table: FileTable, times: Times, grid: Grid) -> list[str]:
    """Return a sentence that says how the times of the first and the last row were read."""
    layout: TimeLayout = times.layout
    if not layout.columns:
        return ["The table has no times: its rows are taken to be in order and evenly spaced."]
    first, last = (_shown_time(table, layout, times, grid, row) for row in (0, table.rows - 1))
    how = "plain numbers" if not layout.are_dates else shown_kinds(layout)
    zone = f", time zone {grid.zone}" if grid.zone else ""
    return [
        f"Times: {' and '.join(map(repr, layout.columns))} ({how}{zone}). The first row is {first}, the last row "
        f"{last}; a step is {grid.step_name}."
    ]


def _shown_time(table: FileTable, layout: TimeLayout, times: Times, grid: Grid, row: int) -> str:
    """Return the text of a time in the table, and how it was read."""
    written = " ".join(str(table.column(name)[row].as_py()).strip() for name in layout.columns)
    read = grid.format_number(int(grid.own_numbers(times)[row]))
    return read if read == written else f"{written} = {read}"


def observed_steps(line: Line, targets: int) -> int:
    """Return the number of steps of a series up to the last step at which a target is known."""
    present = np.flatnonzero(~np.isnan(line.values[:, :targets]).all(axis=1))
    return int(present[-1]) + 1 if len(present) else 0
