"""Metrics of tasks, and the choice of the best model by its metrics."""

import math
from collections.abc import Mapping, Sequence
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


@dataclass(frozen=True)
class Selection:
    """The rule by which one of several models, such as those after each epoch, is chosen on the validation set.

    Attributes:
        measures: The metrics that decide. Each metric only breaks ties in the metrics before it.
        reason: A clause about the validation set that says why the first metric is not the main metric of the task.
            Empty if it is.
    """

    measures: tuple[Measure, ...]
    reason: str = ""

    def is_better(self, new: Mapping[str, float], old: Mapping[str, float]) -> bool:
        """Return True if a model with the metrics `new` is better than a model with the metrics `old`.

        A model with NaN as one of the deciding metrics is worse than any model without NaN.
        """
        nan, old_nan = (any(math.isnan(values[measure.name]) for measure in self.measures) for values in (new, old))
        if nan or old_nan:
            return old_nan and not nan
        for measure in self.measures:
            if new[measure.name] != old[measure.name]:
                return is_better(measure, new[measure.name], old[measure.name])
        return False

    def best(self, models: Sequence[Mapping[str, float]]) -> int:
        """Return the index of the best model, given the metrics of each. Of several equals, the first is chosen."""
        best = 0
        for place, values in enumerate(models):
            if self.is_better(values, models[best]):
                best = place
        return best

    def __str__(self) -> str:
        first, *others = (measure.title for measure in self.measures)
        ties = f" ({others[0]} breaks ties)" if others else ""
        return f"{first} on the validation set{ties}{self.reason and f', {self.reason}'}"
