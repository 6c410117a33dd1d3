"""Metrics of tasks."""

import math
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Measure:
    """A metric of a task.

    Attributes:
        name: Its key in dictionaries of metric values.
        title: Its heading in tables.
        better: "higher" or "lower": which values of the metric are better.
        per_epoch: True to show the metric in the table of epochs even if it is not the first metric of the task.
    """

    name: str
    title: str
    better: Literal["higher", "lower"]
    per_epoch: bool = False


def is_better(measure: Measure, new: float, old: float) -> bool:
    """Return True if `new` is better than `old`. NaN is worse than any number."""
    if math.isnan(new) or math.isnan(old):
        return math.isnan(old) and not math.isnan(new)
    return new > old if measure.better == "higher" else new < old
