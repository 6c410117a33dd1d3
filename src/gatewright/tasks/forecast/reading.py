"""Read one or many evenly spaced time series from a table."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gatewright.data import public
from gatewright.data.number_tables import MAX_SHOWN, SUFFIXES, is_numeric, is_table, read_numbers, read_table
from gatewright.data.tables import column_list, require_column
from gatewright.support.errors import InputError, nearest
from gatewright.tasks.forecast.grid import Grid, Times, find_grid, format_time
from gatewright.tasks.forecast.scales import Scales
from gatewright.tasks.forecast.table import Line, Table

_TIME_COLUMNS = ("date", "time", "timestamp", "datetime", "ds")
# If more than nine in ten rows are missing, a time is probably wrong.
_MAX_STEPS_PER_ROW = 10


class ColumnOptions(NamedTuple):
    """The columns of a table as the user gave them; see `read_series`."""

    time: str | None = None
    target: str | None = None
    past_covariates: str | None = None
    future_covariates: str | None = None
    series_id: str | None = None


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


def read_series(source: str, wanted: ColumnOptions, grid: Grid | None = None) -> Table:
    """Read a table with a row for each time of each series, and a column for each variable.

    Args:
        source: "ett-h1", "ett-m1", or a .csv or .tsv file, which may be compressed (.gz), or a .parquet file.
        wanted: The columns. `time` names the column of times, which are ISO 8601 dates, ISO 8601 dates with times, or
            whole numbers. By default it is the column date, time, timestamp, datetime or ds, or the only column of
            dates. `target` names the columns to forecast, separated by commas; "all" (the default) means all columns of
            numbers without another role. `past_covariates` names the columns that are known up to the present; "all"
            means all other columns of numbers. `future_covariates` names the columns that are also known for the steps
            to forecast. `series_id` names the column that identifies the series if there are several.
        grid: The grid of evenly spaced times. By default, it is found from the times in the table.

    Rows may have any order. If a time of the grid has no row, its numbers are missing numbers.

    Raises:
        ImportError: Pyarrow is not installed.
        InputError: The table cannot be read or used.
    """
    path, split_ends = _find_table(source)
    columns = _read_columns(path)
    time = _time_column(path, wanted.time, columns)
    names, counts = _variables(path, wanted, columns, time)
    lines, rows = _rows_of_series(path, wanted.series_id, columns)
    times = _read_times(path, time, columns[time])
    values = _read_values(path, names, columns)
    found = find_grid(path, time, times, rows, lines) if grid is None else grid
    made = _make_lines(path, found, lines, rows, times, values, bool(wanted.series_id))
    missing = sum(len(line.values) for line in made) - len(values)
    notes = []
    if any((np.diff(times.numbers[own]) < 0).any() for own in rows):
        notes.append("The rows were not in the order of their times and were sorted.")
    if missing:
        notes.append(f"{missing:,} times have no row. Their values are missing.")
    return Table(source, names, *counts, found, made, time, wanted.series_id, split_ends, tuple(notes))


def read_for_model(source: str, scales: Scales) -> Table:
    """Read a table with the same columns and time grid as the data that a model was trained on.

    Raises:
        ImportError: Pyarrow is not installed.
        InputError: The table cannot be read or used, or a column is missing.
    """
    path, split_ends = _find_table(source)
    columns = _read_columns(path)
    for name in (scales.time, *([scales.series_id] if scales.series_id else []), *scales.variables):
        if name not in columns:
            raise InputError(
                f"{path} has no column {name!r}, which the model was trained with. Add it{nearest(name, list(columns))}"
            )
    lines, rows = _rows_of_series(path, scales.series_id, columns)
    times = _read_times(path, scales.time, columns[scales.time])
    values = _read_values(path, scales.variables, columns)
    made = _make_lines(path, scales.grid, lines, rows, times, values, bool(scales.series_id))
    sizes = scales.targets, scales.future_covariates
    return Table(source, scales.variables, *sizes, scales.grid, made, scales.time, scales.series_id, split_ends)


def observed_steps(line: Line, targets: int) -> int:
    """Return the number of steps of a series up to the last step at which a target is known."""
    present = np.flatnonzero(~np.isnan(line.values[:, :targets]).all(axis=1))
    return int(present[-1]) + 1 if len(present) else 0


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
    if path.is_dir() or not is_table(path):
        raise InputError(f"A table of series must be one of {', '.join(SUFFIXES)}, not {source}.")
    return path, ()


def _read_columns(path: Path) -> dict[str, Any]:
    """Return the pyarrow columns of a table, with their names as keys."""
    table = read_table(path)
    if not table.num_rows:
        raise InputError(f"{path} has no rows. Add a row for each time.")
    return {name: table.column(name) for name in table.column_names}


def _time_column(path: Path, given: str | None, columns: Mapping[str, Any]) -> str:
    if given is not None:
        require_column(path, "time", given, list(columns))
        return given
    named = [name for name in columns if name.lower() in _TIME_COLUMNS]
    if not named:
        named = [name for name, column in columns.items() if _holds_times(column)]
        if len(named) != 1:
            raise InputError(
                f"{path} has no column {' or '.join(_TIME_COLUMNS)}. Choose the column of times with --time. If "
                "there are no times, add a column that numbers the rows."
            )
    return named[0]


def _holds_times(column: Any) -> bool:
    """Return whether a column contains dates, judged by its type or its first field."""
    import pyarrow

    kind = column.type
    if pyarrow.types.is_string(kind):
        return column[0].is_valid and _is_time(_with_dashes(column[0].as_py()))
    return bool(pyarrow.types.is_timestamp(kind) or pyarrow.types.is_date(kind))


def _with_dashes(text: str) -> str:
    """Return a time in the format that NumPy reads: with - instead of /, and without a Z for UTC at its end."""
    return text.strip().replace("/", "-").removesuffix("Z")


def _listed(path: Path, option: str, given: str | None, columns: Mapping[str, Any]) -> list[str]:
    """Return the names of the columns that an option names. Raise an error if a column does not exist."""
    names = [] if given is None else [name for name in column_list(given, list(columns)) if name]
    for name in names:
        require_column(path, option, name, list(columns))
    return list(dict.fromkeys(names))


def _variables(
    path: Path, wanted: ColumnOptions, columns: Mapping[str, Any], time: str
) -> tuple[tuple[str, ...], tuple[int, int]]:
    """Choose the columns that are variables.

    Return the names of the targets, past covariates and future covariates, in this order; and a pair of the number of
    targets and the number of future covariates.
    """
    keys = [time, *([wanted.series_id] if wanted.series_id else [])]
    future = _listed(path, "known", wanted.future_covariates, columns)
    past = [] if wanted.past_covariates == "all" else _listed(path, "past", wanted.past_covariates, columns)
    free = [name for name in columns if name not in (*keys, *future, *past) and is_numeric(columns[name])]
    targets = free if wanted.target in (None, "all") else _listed(path, "target", wanted.target, columns)
    if wanted.past_covariates == "all":
        past = [name for name in free if name not in targets]
    if not targets:
        raise InputError(
            f"{path} has no column of numbers apart from {', '.join(keys)}. Choose the one to forecast with --target."
        )
    chosen = [*targets, *past, *future]
    if repeated := [name for name in (*keys, *chosen) if (*keys, *chosen).count(name) > 1]:
        raise InputError(
            f"The column {repeated[0]!r} can only be one of --time, --series-id, --target, --past-covariates "
            "and --future-covariates. Name it once."
        )
    return tuple(chosen), (len(targets), len(future))


def _read_values(path: Path, names: Sequence[str], columns: Mapping[str, Any]) -> NDArray[np.float64]:
    """Return the numbers in the named columns, [rows, columns], with NaN for missing numbers."""
    found = []
    for name in names:
        found.append(read_numbers(path, name, columns[name], "choose the columns of numbers with --target"))
        if np.isnan(found[-1]).all():
            raise InputError(f"The column {name!r} of {path} is empty. Fill it, or leave it out.")
        if np.isinf(found[-1]).any():
            row = int(np.flatnonzero(np.isinf(found[-1]))[0])
            raise InputError(
                f"The column {name!r} of {path} is infinite in row {row + 1}. Fix it, or leave the field empty."
            )
    return np.stack(found, axis=1)


def _read_times(path: Path, name: str, column: Any) -> Times:
    import pyarrow

    kind = column.type
    if column.null_count:
        row = next(place for place, value in enumerate(column.to_pylist()) if value is None)
        raise InputError(f"{path} has no {name} in row {row + 1}. Give each row a time.")
    if pyarrow.types.is_integer(kind):
        return Times(np.asarray(column.to_numpy(), np.int64), False)
    if pyarrow.types.is_timestamp(kind) or pyarrow.types.is_date(kind):
        stamps = column.cast(pyarrow.timestamp("s"), safe=False).to_numpy()
        return Times(np.asarray(stamps, "datetime64[s]").astype(np.int64), True)
    texts = [_with_dashes(str(value)) for value in column.to_pylist()]
    try:
        return Times(np.array(texts, "datetime64[s]").astype(np.int64), True)
    except ValueError:
        row = next(place for place, text in enumerate(texts) if not _is_time(text))
        raise InputError(
            f"{path} has the {name} {texts[row][:MAX_SHOWN]!r} in row {row + 1}, which is not a time. Write times as "
            "2026-01-31 18:00:00, dates as 2026-01-31, or give whole numbers."
        ) from None


def _is_time(text: str) -> bool:
    try:
        np.datetime64(text, "s")
    except ValueError:
        return False
    return True


def _rows_of_series(
    path: Path, series_id: str | None, columns: Mapping[str, Any]
) -> tuple[list[str], list[NDArray[np.intp]]]:
    """Return the names of the series, and for each series the indices of its rows in the order of the table."""
    if series_id is None:
        return [""], [np.arange(len(next(iter(columns.values()))))]
    require_column(path, "series", series_id, list(columns))
    names, series = np.unique([str(value) for value in columns[series_id].to_pylist()], return_inverse=True)
    return list(map(str, names)), [np.flatnonzero(series == place) for place in range(len(names))]


def _make_lines(
    path: Path,
    grid: Grid,
    names: Sequence[str],
    rows: Sequence[NDArray[np.intp]],
    times: Times,
    values: NDArray[np.float64],
    has_series_id: bool,
) -> tuple[Line, ...]:
    """Return each series, with a step for each time of the grid between its first and its last time."""
    return tuple(
        _make_line(path, grid, name, times.take(own), values[own], has_series_id)
        for name, own in zip(names, rows, strict=True)
    )


def _make_line(
    path: Path, grid: Grid, name: str, times: Times, values: NDArray[np.float64], has_series_id: bool
) -> Line:
    places = grid.places(path, times)
    of_series = f" of series {name!r}" if name else ""
    order = np.argsort(places, kind="stable")
    places, values = places[order], values[order]
    if len(repeated := np.flatnonzero(np.diff(places) == 0)):
        time = format_time(int(times.numbers[order[repeated[0]]]), times.are_dates)
        hint = "" if has_series_id else ", or choose the column that identifies the series with --series-id"
        raise InputError(f"{path} has two rows{of_series} for the time {time}. Remove one{hint}.")
    steps = int(places[-1] - places[0]) + 1
    if steps > _MAX_STEPS_PER_ROW * len(places):
        raise InputError(
            f"{path} has {len(places):,} rows{of_series}, but its times span {steps:,} steps, so most steps have no "
            "row. Correct the times, or add the missing rows."
        )
    filled = np.full((steps, values.shape[1]), np.nan)
    filled[places - places[0]] = values
    return Line(name, int(places[0]), filled)
