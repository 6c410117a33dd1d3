"""Recognize columns that count or time the rows of a table, and are not measurements."""

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

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
