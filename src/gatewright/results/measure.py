"""A metric of a task, and which of two values of it is better."""

from __future__ import annotations

import math
from typing import Literal, NamedTuple


class Measure(NamedTuple):
    """A figure of merit: its plain name (a key in every `test`), how a table heads it, and which way is better."""

    name: str
    title: str
    better: Literal["higher", "lower"]


def better(measure: Measure, new: float, old: float) -> bool:
    """Whether `new` is better than `old`; a figure that is not a number is worse than any."""
    if math.isnan(new) or math.isnan(old):
        return math.isnan(old) and not math.isnan(new)
    return new > old if measure.better == "higher" else new < old
