"""Read series from long tables.

Each row of a long table is one step of a series. It has the id of the series, the time, and a number for each channel.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gatewright.data.numbers import read_numbers
from gatewright.data.tables import read_table, require_column
from gatewright.data.text_tables import label_name
from gatewright.support.errors import InputError
from gatewright.tasks.classify_series.times import read_times

LONG_TABLES = (".csv", ".tsv", ".parquet")
_OPTIONS = ("id", "time", "label")
_REMEDY = "leave the column out, or name the columns with --id, --time and --label"


class LongTable(NamedTuple):
    """The series read from a long table.

    Attributes:
        values: The numbers of each series, [time, channels].
        labels: The label of each series. None if labels were not read.
        channels: The names of the channels.
    """

    values: list[NDArray[np.float64]]
    labels: list[str] | None
    channels: tuple[str, ...]


def read_long(
    path: Path,
    id: str | None = None,
    time: str | None = None,
    label: str | None = None,
    channels: Sequence[str] | None = None,
    labelled: bool = True,
) -> LongTable:
    """Read the series of a long table. Series are in the order of their first rows, and steps in the order of time.

    Args:
        path: A .csv, .tsv or .parquet file.
        id, time, label: The names of the columns with the id of the series, the time of the step, and the label of the
            series. By default, `id`, `time` and `label`.
        channels: The names of the columns to read as channels. By default, all other columns.
        labelled: Whether to read the label of each series. All rows of a series must have the same label.

    Raises:
        InputError: The table cannot be read or used.
    """
    table = read_table(path)
    id, time, label = (
        option if given is None else given for given, option in zip((id, time, label), _OPTIONS, strict=True)
    )
    names = _channel_columns(path, table.names, (id, time, label), channels, labelled)
    if not table.rows:
        raise InputError(f"{path} has no rows. Add a row for each step of a series.")
    table.require_unique((id, time, label))
    values, _ = read_numbers(table, names, _REMEDY)
    series, first_rows = _number_series(path, id, table.column(id).to_pylist())
    times = read_times(table, time)
    order = np.lexsort((times, series))
    repeated = (np.diff(series[order]) == 0) & (np.diff(times[order]) == 0)
    if repeated.any():
        raise InputError(
            f"{path} has two rows for the same series and time. The second is row {int(order[1:][repeated][0]) + 1}. "
            "Remove one, or choose other columns with --id and --time."
        )
    ends = np.cumsum(np.bincount(series))
    split = np.split(values[order], ends[:-1])
    if not labelled:
        return LongTable(split, None, names)
    return LongTable(split, _read_labels(path, label, table.column(label).to_pylist(), series, first_rows), names)


def _channel_columns(
    path: Path, names: list[str], given: tuple[str, str, str], channels: Sequence[str] | None, labelled: bool
) -> tuple[str, ...]:
    """Return the names of the columns that are channels. Raise an error if a named column does not exist.

    Args:
        path: The file, for error messages.
        names: The names of the table's columns.
        given: The names of the id column, the time column and the label column.
        channels: The names of the columns that are channels. None for all other columns.
        labelled: Whether the label column must exist.
    """
    id, time, label = given
    for option, name in zip(_OPTIONS, given, strict=True):
        if labelled or option != "label":
            require_column(path, option, name, names)
    if len(set(given)) < len(given):
        raise InputError(
            f"--id, --time and --label must name three different columns of {path}, not {id!r}, {time!r} and {label!r}."
        )
    chosen = tuple(name for name in names if name not in given) if channels is None else tuple(channels)
    if missing := [name for name in chosen if name not in names]:
        raise InputError(f"{path} has no column {missing[0]!r}, which is a channel of the other series. Add it.")
    if not chosen:
        raise InputError(f"{path} has only the columns {id!r}, {time!r} and {label!r}. Add a column for each channel.")
    return chosen


def _number_series(path: Path, name: str, ids: list[Any]) -> tuple[NDArray[np.intp], list[int]]:
    """Number the series from 0. Return the number of each row's series, and the index of each series' first row."""
    for row, id in enumerate(ids):
        if id is None or not str(id).strip():
            raise InputError(f"{path}: row {row + 1} has no {name!r}. Fix or remove the row.")
    numbers: dict[Any, int] = {}
    first_rows: list[int] = []
    series = np.empty(len(ids), np.intp)
    for row, id in enumerate(ids):
        if id not in numbers:
            numbers[id] = len(numbers)
            first_rows.append(row)
        series[row] = numbers[id]
    return series, first_rows


def _read_labels(
    path: Path, name: str, fields: list[Any], series: NDArray[np.intp], first_rows: list[int]
) -> list[str]:
    labels = [label_name(fields[row]) for row in first_rows]
    for row, (field, number) in enumerate(zip(fields, series.tolist(), strict=True)):
        if label_name(field) != labels[number]:
            raise InputError(
                f"{path}, row {row + 1}: {name!r} is {label_name(field)!r}, but {labels[number]!r} at an earlier step "
                "of the same series. Give each series one label."
            )
    if None in labels:
        raise InputError(f"{path}: row {first_rows[labels.index(None)] + 1} has no {name!r}. Fix or remove the row.")
    return [str(label) for label in labels]
