"""Recognize columns that are no measurements: those that count or time the rows of a table, or encode the labels."""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gatewright.data.numbers import shown_names

_NAMES = re.compile(
    r"(t|ts|time|times|timestamps?|time_?stamp|date|datetime|index|idx|steps?|frames?|samples?|rows?|no|nr|#|"
    r"ms|msec|milliseconds?|s|sec|secs|seconds?|unnamed: 0|)[ _]?([(\[].*[)\]]|(ms|s|us|ns|sec|seconds))?",
    re.IGNORECASE,
)
# Steps of a counter are equal up to this fraction: times may be rounded.
_TOLERANCE = 0.01


def is_named_like_a_counter(name: str) -> bool:
    """Return True if the name of a column is usual for times and counters, such as "t", "time (s)" or ""."""
    return bool(_NAMES.fullmatch(name.strip()))


def is_increasing(values: NDArray[Any]) -> bool:
    """Return True if each number is greater than the one before it. There are two numbers or more."""
    return len(values) > 1 and bool((np.diff(values) > 0).all())


def is_counter(values: NDArray[Any]) -> bool:
    """Return True if the numbers increase by equal steps. There are three numbers or more."""
    if len(values) < 3 or not is_increasing(values):
        return False
    steps = np.diff(values)
    return bool(np.ptp(steps) <= _TOLERANCE * np.median(steps))


class Channels(NamedTuple):
    """The columns that are channels, by their index, and a note about the others. The note is empty if all are."""

    places: list[int]
    note: str


def without_codes(
    source: str, names: Sequence[str], values: NDArray[np.float64], labels: Sequence[str | None]
) -> Channels:
    """Leave out the columns that encode the labels: whole numbers, another one for each label, at all steps.

    Args:
        source: The name of the data, for the note.
        names: The names of the columns.
        values: The numbers of all series, [steps, columns].
        labels: The label at each step. Steps without one do not count.
    """
    places = list(range(len(names)))
    known = np.array([label is not None for label in labels], np.bool_)
    distinct, numbers = np.unique([label for label in labels if label is not None], return_inverse=True)
    if len(distinct) < 2:
        return Channels(places, "")
    steps, first = values[known], np.unique(numbers, return_index=True)[1]
    found = []
    for place in places:
        codes = steps[first, place]
        is_code = len(set(codes.tolist())) == len(distinct) and bool((codes % 1 == 0).all())
        found += [place] if is_code and (steps[:, place] == codes[numbers]).all() else []
    if not found or len(found) == len(places):
        return Channels(places, "")
    shown = shown_names([names[place] for place in found])
    return Channels(
        [place for place in places if place not in found],
        f"Columns of {source} with one whole number for each label were left out, because they give the label away: "
        f"{shown}.",
    )
