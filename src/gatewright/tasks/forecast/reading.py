"""Series of numbers over time, from tables: evenly spaced, sorted, one or many, with what is known ahead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gatewright.data import public
from gatewright.data.number_tables import SUFFIXES, is_numeric, is_table, numbers, read_table
from gatewright.support.errors import InputError, nearest
from gatewright.tasks.forecast.grid import Grid, Times, find_grid, time_name
from gatewright.tasks.forecast.scales import Scales
from gatewright.tasks.forecast.table import Line, Table

_TIMES = ("date", "time", "timestamp", "datetime", "ds")
# A row missing now and then is a gap; more than nine in ten missing is a mistake in a time.
_MOST_MISSING = 10
_SHOWN = 20


class Wanted(NamedTuple):
    """Which columns are read: see `read_series`."""

    time: str | None = None
    target: str | None = None
    past: str | None = None
    known: str | None = None
    series: str | None = None


class _NamedSet(NamedTuple):
    file: str
    borders: tuple[int, ...]


# 12, 4 and 4 months of 30 days: Zhou et al. 2021, "Informer", section 4.1, as its followers divide the data.
_MONTH = 30 * 24
_NAMED = {
    "ett-h1": _NamedSet("ETTh1.csv", (12 * _MONTH, 16 * _MONTH, 20 * _MONTH)),
    "ett-m1": _NamedSet("ETTm1.csv", (48 * _MONTH, 64 * _MONTH, 80 * _MONTH)),
}

NAMES = tuple(_NAMED)
"""The named sets."""


def read_series(source: str, wanted: Wanted, grid: Grid | None = None) -> Table:
    """A table of series: a row is a time (of a series), a column a variable.

    Args:
        source: "ett-h1", "ett-m1", or a .csv or .tsv file, which may be compressed (.gz), or a .parquet file.
        wanted: `time`, the column of times, dates and times as in ISO 8601, or whole numbers; by default one of the
            name date, time, timestamp, datetime or ds, or the only one that holds dates. `target`: columns to forecast
            with commas between, or "all" (the default), every column of numbers that no other option names. `past`:
            columns that are known up to now, or "all", every other column of numbers. `known`: columns that are known
            ahead. `series`: the column that tells several series apart.
        grid: of the times, where it is known; else it is found in them.

    Rows may stand in any order; a missing row is one of missing numbers.

    Raises:
        ImportError: pyarrow is not installed.
        InputError: the table can't be read or used.
    """
    path, borders = _place(source)
    columns = _columns(path)
    time = _time_column(path, wanted.time, columns)
    names, counts = _variables(path, wanted, columns, time)
    order, lines, notes = _split(path, wanted.series, columns)
    times = _times(path, time, columns[time])
    values = _numbers(path, names, columns)
    found = find_grid(path, time, times, order, lines) if grid is None else grid
    made = [
        _line(path, found, name, times.take(rows), values[rows], wanted)
        for name, rows in zip(lines, order, strict=True)
    ]
    missing = sum(line.values.shape[0] for line in made) - len(values)
    if any((np.diff(times.numbers[rows]) < 0).any() for rows in order):
        notes.append("The rows were not in the order of their times, and were sorted.")
    if missing:
        notes.append(f"{missing:,} times lack a row: their values are missing.")
    return Table(source, names, *counts, found, tuple(made), time, wanted.series, borders, tuple(notes))


def read_measured(source: str, scales: Scales) -> Table:
    """The table with the columns that a model was trained with, on its grid of times.

    Raises:
        ImportError, InputError: as `read_series`; or a column is missing.
    """
    path, borders = _place(source)
    columns = _columns(path)
    for name in (scales.time, *([scales.by] if scales.by else []), *scales.variables):
        if name not in columns:
            raise InputError(
                f"{path} has no column {name!r}, which the model was trained with: add it{nearest(name, list(columns))}"
            )
    wanted = Wanted(series=scales.by)
    order, names, _ = _split(path, scales.by, columns)
    times = _times(path, scales.time, columns[scales.time])
    values = _numbers(path, scales.variables, columns)
    lines = [
        _line(path, scales.grid, name, times.take(rows), values[rows], wanted)
        for name, rows in zip(names, order, strict=True)
    ]
    sizes = scales.targets, scales.ahead
    return Table(source, scales.variables, *sizes, scales.grid, tuple(lines), scales.time, scales.by, borders)


def been(line: Line, targets: int) -> int:
    """How many steps of a series have been: up to the last with a number of a target; what follows is known ahead."""
    there = np.flatnonzero(~np.isnan(line.values[:, :targets]).all(axis=1))
    return int(there[-1]) + 1 if len(there) else 0


def _place(source: str) -> tuple[Path, tuple[int, ...]]:
    if source not in _NAMED:
        path = Path(source)
        if not path.exists():
            raise InputError(
                f"data must be a file or {' or '.join(NAMES)}, and {source} is not there{nearest(source, NAMES)}"
            )
        if path.is_dir() or not is_table(path):
            raise InputError(f"a table of series must be one of {', '.join(SUFFIXES)}, not {source}.")
        return path, ()
    file, borders = _NAMED[source]
    places = [root / "ett" / name for root in public.roots() for name in (file, f"{file}.gz")]
    for path in places:
        if path.is_file():
            return path, borders
    why = f"{places[0]} is not there" if places else "GATEWRIGHT_DATA is not set"
    raise InputError(
        f"{source} is not downloaded, and {why}: put {file} of github.com/zhouhaoyi/ETDataset into a folder ett and "
        "set GATEWRIGHT_DATA to the folder that holds it."
    )


def _columns(path: Path) -> dict[str, Any]:
    """The columns by name, as pyarrow has them."""
    table = read_table(path)
    if not table.num_rows:
        raise InputError(f"{path} has no rows: a row is a time.")
    return {name: table.column(name) for name in table.column_names}


def _time_column(path: Path, given: str | None, columns: Mapping[str, Any]) -> str:
    if given is not None:
        _require(path, "time", given, columns)
        return given
    named = [name for name in columns if name.lower() in _TIMES]
    if not named:
        named = [name for name, column in columns.items() if _holds_times(column)]
        if len(named) != 1:
            raise InputError(
                f"{path} has no column {' or '.join(_TIMES)}: name the column of times with --time; whole numbers, "
                "one more a row, will do where there are no times."
            )
    return named[0]


def _holds_times(column: Any) -> bool:
    """Whether a column, by its type or its first field, holds dates."""
    import pyarrow

    kind = column.type
    if pyarrow.types.is_string(kind):
        return column[0].is_valid and _is_time(_dashed(column[0].as_py()))
    return bool(pyarrow.types.is_timestamp(kind) or pyarrow.types.is_date(kind))


def _dashed(text: str) -> str:
    """A time with - between its parts, as NumPy reads it, and without the Z of UTC."""
    return text.strip().replace("/", "-").removesuffix("Z")


def _require(path: Path, option: str, name: str, columns: Mapping[str, Any]) -> None:
    if name not in columns:
        listed = list(columns)
        shown = ", ".join(map(repr, listed[:_SHOWN])) + (", ..." if len(listed) > _SHOWN else "")
        raise InputError(
            f"--{option} must name a column of {path}, which has {shown}, not {name!r}{nearest(name, listed)}"
        )


def _listed(path: Path, option: str, given: str | None, columns: Mapping[str, Any]) -> list[str]:
    """The columns of an option; a name with a comma in it is one column, where there is one."""
    if given is None:
        return []
    names = [given] if given in columns else [name.strip() for name in given.split(",") if name.strip()]
    for name in names:
        _require(path, option, name, columns)
    return list(dict.fromkeys(names))


def _variables(
    path: Path, wanted: Wanted, columns: Mapping[str, Any], time: str
) -> tuple[tuple[str, ...], tuple[int, int]]:
    """Targets, what is known of the past, and what is known ahead; how many of the first and of the last there are."""
    beside = [time, *([wanted.series] if wanted.series else [])]
    known = _listed(path, "known", wanted.known, columns)
    past = [] if wanted.past in (None, "all") else _listed(path, "past", wanted.past, columns)
    free = [name for name in columns if name not in (*beside, *known, *past) and is_numeric(columns[name])]
    every = wanted.target in (None, "all")
    targets = free if every else _listed(path, "target", wanted.target, columns)
    if wanted.past == "all":
        past = [name for name in free if name not in targets]
    if not targets:
        raise InputError(
            f"{path} has no column of numbers beside {', '.join(beside)}: name the one to forecast with --target."
        )
    chosen = [*targets, *past, *known]
    if twice := [name for name in (*beside, *chosen) if (*beside, *chosen).count(name) > 1]:
        raise InputError(
            f"the column {twice[0]!r} can't be two of --time, --series, --target, --past and --known: name it once."
        )
    return tuple(chosen), (len(targets), len(known))


def _numbers(path: Path, names: Sequence[str], columns: Mapping[str, Any]) -> NDArray[np.float64]:
    """The columns of numbers, [rows, columns], NaN where one is missing."""
    found = []
    for name in names:
        found.append(numbers(path, name, columns[name], "name the columns of numbers with --target"))
        if np.isnan(found[-1]).all():
            raise InputError(f"the column {name!r} of {path} is empty: leave it out, or fill it.")
        if np.isinf(found[-1]).any():
            row = int(np.flatnonzero(np.isinf(found[-1]))[0])
            raise InputError(
                f"the column {name!r} of {path} is infinite in row {row + 1}: mend it, or leave the field empty."
            )
    return np.stack(found, axis=1)


def _times(path: Path, name: str, column: Any) -> Times:
    import pyarrow

    kind = column.type
    if column.null_count:
        row = next(place for place, value in enumerate(column.to_pylist()) if value is None)
        raise InputError(f"{path} has no {name} in row {row + 1}: give each row a time.")
    if pyarrow.types.is_integer(kind):
        return Times(np.asarray(column.to_numpy(), np.int64), False)
    if pyarrow.types.is_timestamp(kind) or pyarrow.types.is_date(kind):
        stamps = column.cast(pyarrow.timestamp("s"), safe=False).to_numpy()
        return Times(np.asarray(stamps, "datetime64[s]").astype(np.int64), True)
    texts = [_dashed(str(value)) for value in column.to_pylist()]
    try:
        return Times(np.array(texts, "datetime64[s]").astype(np.int64), True)
    except ValueError:
        row = next(place for place, text in enumerate(texts) if not _is_time(text))
        raise InputError(
            f"{path} has the {name} {texts[row][:40]!r} in row {row + 1}, which is no time: write times as 2026-01-31 "
            "18:00:00, dates as 2026-01-31, or give whole numbers."
        ) from None


def _is_time(text: str) -> bool:
    try:
        np.datetime64(text, "s")
    except ValueError:
        return False
    return True


def _split(
    path: Path, series: str | None, columns: Mapping[str, Any]
) -> tuple[list[NDArray[np.intp]], list[str], list[str]]:
    """The rows of each series, in the order of the table; their names; and notes, of which there are none yet."""
    notes: list[str] = []
    if series is None:
        first = next(iter(columns.values()))
        return [np.arange(len(first))], [""], notes
    _require(path, "series", series, columns)
    names, of = np.unique([str(value) for value in columns[series].to_pylist()], return_inverse=True)
    return [np.flatnonzero(of == place) for place in range(len(names))], list(map(str, names)), notes


def _line(path: Path, grid: Grid, name: str, times: Times, values: NDArray[np.float64], wanted: Wanted) -> Line:
    """A series with a row for each step of its grid."""
    places = grid.places(path, times)
    of = f" of series {name!r}" if name else ""
    order = np.argsort(places, kind="stable")
    places, values = places[order], values[order]
    if len(twice := np.flatnonzero(np.diff(places) == 0)):
        when = time_name(int(times.numbers[order[twice[0]]]), times.stamped)
        hint = "" if wanted.series else ", or name the column that tells series apart with --series"
        raise InputError(f"{path} has two rows{of} of the time {when}: leave one out{hint}.")
    length = int(places[-1] - places[0]) + 1
    if length > _MOST_MISSING * len(places):
        raise InputError(
            f"{path} has {len(places):,} rows{of}, and {length:,} steps between the first and the last: mend the "
            "times, or give a row for most of them."
        )
    whole = np.full((length, values.shape[1]), np.nan)
    whole[places - places[0]] = values
    return Line(name, int(places[0]), whole)
