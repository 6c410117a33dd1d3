"""Read series from wide tables, which have a series in each row and a column for each step."""

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gatewright.data.numbers import is_missing, is_number, read_numbers, shown_names
from gatewright.data.tables import Table
from gatewright.support.errors import InputError
from gatewright.tasks.classify_series.counters import is_named_like_a_counter
from gatewright.tasks.classify_series.options import SeriesOptions
from gatewright.tasks.classify_series.plain_rows import is_ucr
from gatewright.tasks.classify_series.series import FoundSeries, label_text

LABEL_NAMES = ("label", "class", "target", "y")
"""Names of label columns of wide tables, in any case."""

_NUMBERED = re.compile(r"(.*?)(\d{1,18})")
_UNNAMED = re.compile(r"column \d+")
# Number of steps below which numbered columns are not taken for a series unless the layout is given.
_MIN_STEPS = 3
# A column without a name that has more values is not taken for one of labels unless it is given.
_MAX_LABELS = 100
_REMEDY = "fix the value, or leave the column out"


class WideColumns(NamedTuple):
    """The columns of a wide table.

    Attributes:
        channels: The columns of each channel in the order of time, with the names of the channels as keys.
        others: The other columns, one of which may have the labels.
    """

    channels: dict[str, list[str]]
    others: list[str]


def find_wide(names: Sequence[str]) -> WideColumns | None:
    """Return the columns of a wide table, or None if the names are not those of one.

    The columns of a channel have a common prefix and numbers that rise by equal steps, such as t0, t1, t2. All channels
    have the same numbers.
    """
    numbered: dict[str, dict[int, str]] = {}
    for name in names:
        if matched := _NUMBERED.fullmatch(name):
            numbered.setdefault(matched[1], {}).setdefault(int(matched[2]), name)
    longest = max(map(len, numbered.values()), default=0)
    channels = {prefix: columns for prefix, columns in numbered.items() if len(columns) == longest}
    if longest < _MIN_STEPS or len({tuple(sorted(columns)) for columns in channels.values()}) > 1:
        return None
    steps = sorted(next(iter(channels.values())))
    if len({after - before for before, after in pairwise(steps)}) > 1:
        return None
    ordered = {
        prefix.strip(" _-.[(") or "value": [columns[step] for step in steps] for prefix, columns in channels.items()
    }
    if len(ordered) < len(channels):
        return None
    used = {name for columns in channels.values() for name in columns.values()}
    return WideColumns(ordered, [name for name in names if name not in used])


def is_unnamed(names: Sequence[str]) -> bool:
    """Return True if a table has no header, so that its columns are called "column 1" and so on."""
    return all(map(_UNNAMED.fullmatch, names))


def read_wide(table: Table, options: SeriesOptions) -> FoundSeries:
    """Return the series of a wide table.

    Raises:
        InputError: The table has no series, or it is not clear which column has the labels.
    """
    path, names = table.path, table.names
    table.require_unique(names)
    if not table.rows:
        raise InputError(f"{path} has no rows. Add a row for each series.")
    options.refuse(("id", "time"), path, "has a series in each row")
    options.refuse(("window", "stride"), path, "has a series in each row, with one label")
    group = options.column(path, "group", names)
    found = find_wide(names)
    if is_unnamed(names) or (found is not None and not found.others and len(found.channels) == 1):
        label, steps = _unnamed_columns(table, options, [name for name in names if name != group])
        channels, unused = {"1": steps}, []
        options = replace(options, columns=len(names))
    else:
        if found is None:
            found = WideColumns({"value": [name for name in names if name not in (options.label, group)]}, [])
            label = options.column(path, "label", names) if options.label is not None else None
            label = _label_by_name(table, options, found.channels["value"]) if label is None else label
            found.channels["value"] = [name for name in found.channels["value"] if name != label]
        else:
            label = _label_of(table, options, [name for name in found.others if name != group])
        channels, unused = found.channels, [name for name in found.others if name not in (label, group)]
    if options.labelled and label is None:
        raise InputError(f"{path} has no column of labels, only {shown_names(names)}. Add one.")
    if options.names is not None and set(options.names) == set(channels):
        channels = {name: channels[name] for name in options.names}
    columns = [name for steps in channels.values() for name in steps]
    values, number_notes = read_numbers(table, columns, _REMEDY)
    cube = values.reshape(table.rows, len(channels), -1).transpose(0, 2, 1)
    labels = None if label is None else table.column(label).to_pylist()
    lacking = options.lacking(path, names)
    notes = [
        *table.notes,
        *lacking,
        *number_notes,
        _note(path.name, cube, channels, label if options.labelled else None),
    ]
    if unused:
        notes.append(f"Columns of {path.name} that are neither steps nor labels were left out: {shown_names(unused)}.")
    kept = np.flatnonzero(~np.isnan(cube).all(axis=(1, 2)))
    if len(kept) < len(cube):
        left_out = len(cube) - len(kept)
        rows = "row" if left_out == 1 else "rows"
        were = "was" if left_out == 1 else "were"
        notes.append(f"{left_out:,} {rows} of {path.name} without any number {were} left out.")
    return FoundSeries(
        [cube[row] for row in kept],
        None if labels is None else [labels[row] for row in kept],
        replace(options, layout="wide", label=label if label is not None else options.label),
        tuple(channels) if len(channels) > 1 else None,
        tuple(notes),
        _groups(table, group, kept),
    )


def _groups(table: Table, group: str | None, kept: NDArray[np.intp]) -> tuple[str, ...]:
    if group is None:
        return ()
    values = [label_text(value) for value in table.column(group).to_pylist()]
    if None in values:
        raise InputError(f"{table.where(values.index(None))}: the row has no {group!r}. Fix or remove the row.")
    return tuple(str(values[row]) for row in kept)


def _label_of(table: Table, options: SeriesOptions, others: list[str]) -> str | None:
    """Return the label column of a table whose steps are known. `others` are its other columns."""
    given = options.column(table.path, "label", table.names)
    if given is not None or not others:
        return given
    named = [name for name in others if name.strip().lower() in LABEL_NAMES]
    candidates = named or [name for name in others if not is_named_like_a_counter(name)]
    if len(candidates) > 1 and options.labelled:
        raise InputError(
            f"{table.path} has the columns {shown_names(candidates)} besides the steps of the series. Choose the "
            "column of the labels with --label."
        )
    return candidates[0] if len(candidates) == 1 else None


def _label_by_name(table: Table, options: SeriesOptions, names: list[str]) -> str | None:
    """Return the label column of a table whose columns have other names than numbered ones."""
    named = [name for name in names if name.strip().lower() in LABEL_NAMES]
    if not named:
        named = [name for name in (names[0], names[-1]) if not _is_of_numbers(table, name)]
    if len(named) != 1 and options.labelled:
        raise InputError(
            f"It is not clear which column of {table.path} has the labels. It has: {shown_names(names)}. Choose one "
            "with --label."
        )
    return named[0] if len(named) == 1 else None


def _unnamed_columns(table: Table, options: SeriesOptions, names: list[str]) -> tuple[str | None, list[str]]:
    """Return the label column and the columns of the steps of a table whose columns are only numbered, all alike.

    Args:
        table: The table.
        options: How to read it.
        names: The columns that may have labels or steps.
    """
    label = options.column(table.path, "label", table.names)
    if options.columns is not None and not options.labelled:
        if len(names) == options.columns - 1:
            return None, names
        if len(names) != options.columns:
            raise InputError(
                f"{table.path} has {len(names):,} columns, but the training data has {options.columns:,} with the "
                "labels. Give as many columns, or one fewer, without the labels."
            )
    if label is None and is_ucr(table.path):
        label = names[0]
    if label is None:
        candidates = [name for name in dict.fromkeys((names[0], names[-1])) if _is_like_labels(table, name)]
        if len(candidates) != 1:
            looks = "both the first and the last one look" if candidates else "neither the first nor the last one looks"
            raise InputError(
                f"No column of {table.path} has a usual name for labels, and {looks} like labels. Choose "
                f"the column of the labels with --label, such as --label {names[0]!r}."
            )
        label = candidates[0]
    return label, [name for name in names if name != label]


def _is_of_numbers(table: Table, name: str) -> bool:
    return all(value is None or is_missing(str(value)) or is_number(value) for value in table.column(name).to_pylist())


def _is_like_labels(table: Table, name: str) -> bool:
    """Return True if the values of a column are texts or whole numbers, and most of them occur several times."""
    values = [label_text(value) for value in table.column(name).to_pylist()]
    present = [value for value in values if value is not None]
    if not present or len(set(present)) > max(2, min(len(present) / 2, _MAX_LABELS)):
        return False
    return not all(map(is_number, present)) or all(float(value).is_integer() for value in present if is_number(value))


def _note(name: str, cube: NDArray[np.float64], channels: dict[str, list[str]], label: str | None) -> str:
    several = f" of {len(channels)} channels ({shown_names(list(channels))})" if len(channels) > 1 else ""
    labels = f" The column {label!r} has the labels." if label is not None else ""
    size = f"{len(cube):,} series of up to {cube.shape[1]:,} steps{several}"
    return f"{name} was read as {size}, one in each row.{labels}"
