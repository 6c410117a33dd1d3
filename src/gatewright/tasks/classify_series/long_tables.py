"""Long tables of series: a record a step, with the row that it belongs to, its time, and a number for each channel."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gatewright.data.number_tables import numbers, read_table
from gatewright.data.tables import as_name
from gatewright.support.errors import InputError, nearest

LONG_TABLES = (".csv", ".tsv", ".parquet")
_REMEDY = "leave it out, or name the columns with --id, --time and --label"
_COLUMNS_SHOWN = 20


class Long(NamedTuple):
    """What was read of a long table: values [time, channels] of each row, labels if they were asked for, channels."""

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
) -> Long:
    """The series of a long table, in the order in which they first occur; the steps of each in the order of time.

    Args:
        path: a .csv, .tsv or .parquet file.
        id, time, label: columns; `id`, `time` and `label` if not given.
        channels: the columns of numbers; None is all others.
        labelled: whether the label of each row is wanted, which is the same at all its steps.

    Raises:
        InputError: the table can't be read or used.
    """
    table = read_table(path)
    names = list(table.column_names)
    key, at, of = (
        default if given is None else given for given, default in zip((id, time, label), _NAMES, strict=True)
    )
    for option, name in zip(_NAMES, (key, at, of), strict=True):
        if name not in names and (labelled or option != "label"):
            shown = ", ".join(map(repr, names[:_COLUMNS_SHOWN])) + (", ..." if len(names) > _COLUMNS_SHOWN else "")
            raise InputError(
                f"--{option} must be a column of {path}, which has {shown}, not {name!r}{nearest(name, names)}"
            )
    if len({key, at, of}) < len(_NAMES):
        raise InputError(f"--id, --time and --label must be three columns of {path}, not {key!r}, {at!r} and {of!r}.")
    own = tuple(name for name in names if name not in (key, at, of)) if channels is None else tuple(channels)
    if lacking := [name for name in own if name not in names]:
        raise InputError(f"{path} has no column {lacking[0]!r}, which the other rows have as a channel: add it.")
    if not own:
        raise InputError(
            f"{path} has no columns of numbers beside {key!r}, {at!r} and {of!r}: add one for each channel."
        )
    if not table.num_rows:
        raise InputError(f"{path} has no rows: a row is a step of a series.")
    values = np.stack([numbers(path, name, table.column(name), _REMEDY) for name in own], axis=1)
    keys, first = _keys(path, key, table.column(key).to_pylist())
    times = _times(path, at, table.column(at))
    order = np.lexsort((times, keys))
    again = (np.diff(keys[order]) == 0) & (np.diff(times[order]) == 0)
    if again.any():
        raise InputError(
            f"{path} has two steps of one row at one time, second in row {int(order[1:][again][0]) + 1}: remove "
            "one, or name the columns with --id and --time."
        )
    ends = np.cumsum(np.bincount(keys))
    rows = np.split(values[order], ends[:-1])
    if not labelled:
        return Long(rows, None, own)
    return Long(rows, _labels(path, of, table.column(of).to_pylist(), keys, first), own)


_NAMES = ("id", "time", "label")


def _keys(path: Path, name: str, fields: list[Any]) -> tuple[NDArray[np.intp], list[int]]:
    """The number of each step's row, in the order in which rows first occur, and where that is."""
    if None in fields:
        raise InputError(f"{path}: row {fields.index(None) + 1} has no {name!r}: mend or remove it.")
    numbers: dict[Any, int] = {}
    first: list[int] = []
    keys = np.empty(len(fields), np.intp)
    for place, field in enumerate(fields):
        if field not in numbers:
            numbers[field] = len(numbers)
            first.append(place)
        keys[place] = numbers[field]
    return keys, first


def _times(path: Path, name: str, column: Any) -> NDArray[Any]:
    """Numbers in the order of time."""
    from pyarrow import compute, types

    if column.null_count:
        raise InputError(f"{path} has a step without a {name!r}: mend or remove it.")
    if types.is_temporal(column.type):
        read = np.array([str(value) for value in column.to_pylist()])  # ISO 8601, whose letters stand in its order
        return np.unique(read, return_inverse=True)[1]
    if not (types.is_integer(column.type) or types.is_floating(column.type)):
        raise InputError(
            f"the column {name!r} of {path} holds {column.type}, not times: name another with --time COLUMN."
        )
    times: NDArray[Any] = compute.cast(column, "float64").to_numpy(zero_copy_only=False)
    if not np.isfinite(times).all():
        raise InputError(f"{path} has a step without a {name!r}: mend or remove it.")
    return times


def _labels(path: Path, name: str, fields: list[Any], keys: NDArray[np.intp], first: list[int]) -> list[str]:
    labels = [as_name(fields[place]) for place in first]
    for place, (field, key) in enumerate(zip(fields, keys.tolist(), strict=True)):
        if as_name(field) != labels[key]:
            raise InputError(
                f"{path}, row {place + 1}: {name!r} is {as_name(field)!r}, and at an earlier step of the same row "
                f"{labels[key]!r}: give a row one label."
            )
    if None in labels:
        raise InputError(f"{path}: row {first[labels.index(None)] + 1} has no {name!r}: mend or remove it.")
    return [str(label) for label in labels]
