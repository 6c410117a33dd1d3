"""Remember which steps of which series a forecaster was trained on, to say so when it is evaluated on them."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, NamedTuple, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gatewright.support.schema import Whole, read_as
from gatewright.tasks.forecast.table import Line, Table

# Numbers that are kept of each series, to know its training steps again.
_SAMPLES = 8


class TrainedSteps(NamedTuple):
    """The training steps of a series.

    Attributes:
        first, end: The places of the first training step, and after the last one, on the grid of times.
        samples: Some places with the numbers of the targets there, (place, numbers).
    """

    first: int
    end: int
    samples: tuple[tuple[int, tuple[float, ...]], ...]

    @classmethod
    def of(cls, line: Line, steps: int, targets: int) -> Self:
        """Return what to remember of a series whose first `steps` steps are the training set."""
        known = np.flatnonzero(~np.isnan(line.values[:steps, :targets]).any(axis=1))
        places = (
            known[np.linspace(0, len(known) - 1, min(_SAMPLES, len(known))).round().astype(int)] if len(known) else []
        )
        samples = tuple((line.first + int(place), tuple(line.values[place, :targets].tolist())) for place in places)
        return cls(line.first, line.first + steps, samples)

    def is_in(self, line: Line, targets: int) -> bool:
        """Return True if a series has the same numbers as the training steps, as far as both can be compared."""
        compared = [
            line.values[place - line.first, :targets].tolist() == list(numbers)
            for place, numbers in self.samples
            if 0 <= place - line.first < len(line.values)
        ]
        return all(compared)

    def to_json(self) -> list[Any]:
        """Return the steps as JSON values, which `from_json` reads."""
        return [self.first, self.end, [[place, list(numbers)] for place, numbers in self.samples]]

    @classmethod
    def from_json(cls, stored: Any) -> Self:
        """Return the steps that `to_json` converted to `stored`.

        Raises:
            InputError: `stored` does not describe steps. The message begins with "its".
        """
        return cls(*read_as(_Stored, stored, "its training steps"))


_Place: TypeAlias = Annotated[int, Whole(-(1 << 62), 1 << 62)]
_Stored: TypeAlias = tuple[_Place, _Place, tuple[tuple[_Place, tuple[float, ...]], ...]]
"""A `TrainedSteps` as JSON values."""


def trained_windows(
    trained: Mapping[str, TrainedSteps], table: Table, starts: NDArray[np.intp], look_back: int, horizon: int
) -> int:
    """Return how many windows forecast steps of the training set.

    Args:
        trained: The training steps of each series.
        table: The series that are evaluated.
        starts: The index of each window's first step in the concatenation of all series, [windows].
        look_back, horizon: Number of steps of a window that the network reads, and number of steps ahead.
    """
    offsets = np.cumsum([0, *(len(line.values) for line in table.lines)])
    line = np.searchsorted(offsets, starts, side="right") - 1
    ranges = [_range(trained.get(one.name), one, table.targets) for one in table.lines]
    first = starts - offsets[line] + look_back
    low, high = np.array(ranges, np.int64).reshape(-1, 2)[line].T
    return int(((first < high) & (first + horizon > low)).sum())


def _range(steps: TrainedSteps | None, line: Line, targets: int) -> Sequence[int]:
    """Return the first training step of a series and the one after the last, as indices; (0, 0) if there are none."""
    if steps is None or not steps.is_in(line, targets):
        return (0, 0)
    return (steps.first - line.first, steps.end - line.first)
