"""The names of series, and the columns that identify them."""

import re
from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gatewright.data.numbers import is_number, shown_names
from gatewright.data.tables import Table
from gatewright.data.times import Times, as_texts, distinct_texts, hours_of_day
from gatewright.support.errors import InputError

JOINT = " / "
"""Between the texts of several columns in the name of a series."""

_ID_NAMES = ("unique_id", "series_id", "item_id", "ts_id", "series", "series_name")
# Series that are found have on average at least this many rows.
_MIN_ROWS = 5
# In a table of several series, at least this fraction of the times repeats.
_PANEL = 0.3
# Of the times of one series, at most this fraction does.
_FAULTS = 0.01
# The series have on average at least this fraction of all times.
_COVERED = 0.3


_TIME_OF_DAY = re.compile("hour|half|period|interval|slot|time|clock|minute|block", re.IGNORECASE)


class NamedRows(NamedTuple):
    """The series of a table.

    Attributes:
        names: The name of each series.
        keys: For each series, the texts of the columns that identify it.
        rows: For each series, the indices of its rows in the order of the table.
        numbers: The number of the series of each row, [rows].
    """

    names: list[str]
    keys: list[tuple[str, ...]]
    rows: list[NDArray[np.intp]]
    numbers: NDArray[np.intp]


def name_series(table: Table, columns: Sequence[str]) -> NamedRows:
    """Return the series that columns identify, in the order of their names. Names are texts exactly as written."""
    if not columns:
        return NamedRows([""], [()], [np.arange(table.rows)], np.zeros(table.rows, np.intp))
    codes, texts = zip(*(_exact_texts(table, name) for name in columns), strict=True)
    keys, numbers = np.unique(np.stack(codes, axis=1), axis=0, return_inverse=True)
    numbers = np.asarray(numbers).reshape(-1)
    named = [tuple(own[code] for own, code in zip(texts, key, strict=True)) for key in keys]
    order = sorted(range(len(named)), key=named.__getitem__)
    place = np.empty(len(order), np.intp)
    place[order] = np.arange(len(order))
    numbers = place[numbers]
    by_series = np.argsort(numbers, kind="stable")
    rows = np.split(by_series, np.cumsum(np.bincount(numbers, minlength=len(named)))[:-1])
    sorted_keys = [named[one] for one in order]
    return NamedRows([_joined(key) for key in sorted_keys], sorted_keys, rows, numbers)


def _joined(key: tuple[str, ...]) -> str:
    """Return the name of a series. Different keys have different names, so what joins texts is marked inside a text."""
    return key[0] if len(key) == 1 else JOINT.join(text.replace(JOINT, " \\/ ") for text in key)


def _exact_texts(table: Table, name: str) -> tuple[NDArray[np.intp], list[str]]:
    """Return for each row the index of its text, and the texts exactly as written."""
    encoded = as_texts(table.column(name)).combine_chunks().dictionary_encode()
    return np.asarray(encoded.indices.to_numpy(), np.intp), list(encoded.dictionary.to_pylist())


class FoundKeys(NamedTuple):
    """The columns that identify series, and a sentence for reports. Both are empty if there is one series."""

    columns: tuple[str, ...]
    note: str


def find_series_id(
    table: Table, times: Times, values: NDArray[np.float64], others: Sequence[str], variables: Sequence[str]
) -> FoundKeys:
    """Return the columns that identify the series, if times repeat with different numbers and one choice explains it.

    Args:
        table: The table.
        times: The time of each row.
        values: The numbers of the variables, [rows, variables].
        others: The columns that are neither times nor variables.
        variables: The columns that are variables, which may identify series too if they are whole numbers.

    Raises:
        InputError: Several columns could identify the series.
    """
    named = [name for name in table.names if name.strip().lower() in _ID_NAMES and name not in times.layout.columns]
    if named and len(distinct_texts(table, named[0])[1]) <= table.rows / 2:
        return FoundKeys((named[0],), _note(table, named[:1]))
    numbers = times.numbers if times.instants is None else times.instants
    _, place, counts = np.unique(numbers, return_inverse=True, return_counts=True)
    if not _conflicts(np.asarray(place).reshape(-1), values) or _few_repeat(counts):
        return FoundKeys((), "")
    candidates = [name for name in (*others, *variables) if _may_identify(table, name)]
    for size in (1, 2):
        fitting: list[tuple[str, ...]] = []
        partitions: list[NDArray[np.intp]] = []
        for names in combinations(candidates[:12], size):
            found = name_series(table, names).numbers
            pairs = np.unique(np.stack([np.asarray(place).reshape(-1), found]), axis=1, return_counts=True)[1]
            # A few repeated times in a series are those of an hour in autumn.
            if (pairs > 1).mean() > _FAULTS:
                continue
            # The series of a table have mostly the same times.
            if len(pairs) < _COVERED * len(counts) * len(np.unique(found)):
                continue
            if not any(_same_partition(found, other) for other in partitions):
                fitting.append(names)
                partitions.append(found)
        if len(fitting) == 1 and size == 1:
            _refuse_times_of_day(table, times.layout.columns[0], fitting[0][0])
        if len(fitting) == 1:
            return FoundKeys(fitting[0], _note(table, fitting[0]))
        if fitting:
            choices = " or ".join(f"--series-id {','.join(names)}" for names in fitting[:4])
            raise InputError(
                f"{table.path} has several rows for a time, and several columns may identify the series. Give "
                f"{choices}."
            )
    return FoundKeys((), "")


def _refuse_times_of_day(table: Table, date: str, name: str) -> None:
    """Raise an error if a column that could identify the series could also be the time of day."""
    if hours_of_day(distinct_texts(table, name)[1]):
        raise InputError(
            f"The column {name!r} of {table.path} may be the hour of the day or identify the series. Give --time "
            f"{date},{name} or --series-id {name}."
        )
    if _TIME_OF_DAY.search(name):
        raise InputError(
            f"The column {name!r} of {table.path} may be the time of day or identify the series. Give --series-id "
            f"{name}; or, if the rows are one series in order and evenly spaced, --time none."
        )


def _note(table: Table, names: Sequence[str]) -> str:
    count = len(name_series(table, names).names)
    return (
        f"The rows were read as {count:,} series, identified by {shown_names(names)}. Choose other columns with "
        "--series-id."
    )


def _few_repeat(counts: NDArray[np.intp]) -> bool:
    """Return True if so few times repeat that this is a fault or a change of the clock, not several series."""
    return bool((counts > 1).mean() < _PANEL)


def _conflicts(place: NDArray[np.intp], values: NDArray[np.float64]) -> bool:
    """Return True if rows with the same time have different numbers."""
    order = np.argsort(place, kind="stable")
    same = np.diff(place[order]) == 0
    own = values[order]
    different = ~((own[1:] == own[:-1]) | (np.isnan(own[1:]) & np.isnan(own[:-1]))).all(axis=1)
    return bool((same & different).any())


def _may_identify(table: Table, name: str) -> bool:
    """Return True if a column has texts or whole numbers, not fractions, each in several rows."""
    _, texts = distinct_texts(table, name)
    if not 1 < len(texts) <= table.rows / _MIN_ROWS:
        return False
    are_numbers = all(not text or is_number(text) for text in texts)
    return not (are_numbers and any("." in text for text in texts))


def _same_partition(one: NDArray[np.intp], other: NDArray[np.intp]) -> bool:
    pairs = np.unique(np.stack([one, other]), axis=1).shape[1]
    return bool(pairs == len(np.unique(one)) == len(np.unique(other)))
