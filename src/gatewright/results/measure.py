"""Metrics of tasks."""

import math
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Measure:
    """A metric of a task.

    Attributes:
        name: The key of the metric in dictionaries of metric values.
        title: The heading of the metric in tables.
        better: Whether "higher" or "lower" values of the metric are better.
        per_epoch: True to show the metric in the table of epochs even if it is not the first metric of the task.
    """

    name: str
    title: str
    better: Literal["higher", "lower"]
    per_epoch: bool = False


def is_better(measure: Measure, new: float, old: float) -> bool:
    """Return True if the value `new` of the metric is better than the value `old`. NaN is worse than any number."""
    if math.isnan(new) or math.isnan(old):
        return math.isnan(old) and not math.isnan(new)
    return new > old if measure.better == "higher" else new < old
