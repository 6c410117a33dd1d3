"""How numbers of series become inputs, and outputs become numbers: needs NumPy alone."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gatewright.support.errors import InputError
from gatewright.tasks.forecast.grid import Grid

if TYPE_CHECKING:
    from gatewright.tasks.forecast.table import Table

# A spread that is smaller, for the size of the numbers, is rounding.
_FLAT = 1e-9


@dataclass(frozen=True)
class Scales:
    """Means and standard deviations of series, and what a step's inputs are made of.

    Attributes:
        variables: targets, then what is known of the past alone, then what is known ahead.
        targets: how many of the first.
        ahead: how many of the last.
        calendar: whether the place in year, week and day is an input too.
        since: whether the steps since a number was there are inputs too, of what is not known ahead.
        grid: the times.
        series: of each series, by name, mean and standard deviation of each variable, [2, variables].
        time, by: the columns of times, and of the names of series where there are several.
    """

    variables: tuple[str, ...]
    targets: int
    ahead: int
    calendar: bool
    since: bool
    grid: Grid
    series: Mapping[str, NDArray[np.float64]]
    time: str
    by: str | None

    @classmethod
    def fit(cls, table: Table, learnt: Sequence[int], calendar: bool, since: bool = False) -> Scales:
        """From the first `learnt` steps of each series. A variable that does not vary there is divided by 1."""
        series = {line.name: _fitted(line.values[:end]) for line, end in zip(table.lines, learnt, strict=True)}
        sizes = table.targets, table.known
        return cls(table.variables, *sizes, calendar, since, table.grid, series, table.time, table.by)

    def notes(self, table: Table, learnt: Sequence[int]) -> list[str]:
        """Which numbers are missing, and which variables do not vary in the first `learnt` steps of each series."""
        found = []
        for place, name in enumerate(self.variables):
            columns = [line.values[:, place] for line in table.lines]
            if missing := sum(int(np.isnan(column).sum()) for column in columns):
                total = sum(map(len, columns))
                found.append(f"{missing:,} of {total:,} numbers of {name} are missing: the last before each is read.")
            heads = [column[:end] for column, end in zip(columns, learnt, strict=True)]
            if flat := sum(len(np.unique(head[~np.isnan(head)])) < 2 for head in heads):
                of = "" if len(columns) == 1 else f" of {flat:,} of the {len(columns):,} series"
                found.append(f"{name} never changes in the training part{of}.")
        return found

    @property
    def known(self) -> int:
        """How many numbers of a step are known ahead."""
        return self.ahead + int(self.grid.calendar(0, 1).shape[1]) * self.calendar

    @property
    def features(self) -> int:
        """How many numbers a step has."""
        return (len(self.variables) - self.ahead) * (1 + self.since) + self.known

    def of(self, name: str, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Mean and standard deviation of a series; of one that was not there, those of the given values."""
        if name in self.series:
            return self.series[name]
        return next(iter(self.series.values())) if len(self.series) == 1 else _fitted(values)

    def scaled(self, scale: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Values of a series, [time, variables], relative to its mean and standard deviation."""
        mean, deviation = scale
        scaled: NDArray[np.float64] = (values - mean) / deviation
        return scaled

    def inputs(self, scale: NDArray[np.float64], seen: Seen, first: int) -> NDArray[np.float32]:
        """What is read of each step, [time, features].

        Args:
            scale: of the series, see `of`.
            seen: its numbers.
            first: the place of the first step on the grid.
        """
        own = self.scaled(scale, seen.values)
        # Before the first number there is none to carry forward: the first itself stands there.
        own = filled(own)
        if self.since:
            past = len(self.variables) - self.ahead
            own = np.concatenate([own[:, :past], seen.since[:, :past], own[:, past:]], axis=1)
        if self.calendar:
            own = np.concatenate([own, self.grid.calendar(first, len(own))], axis=1)
        return own.astype(np.float32)

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {
            "kind": "series",
            "variables": list(self.variables),
            "targets": self.targets,
            "ahead": self.ahead,
            "calendar": self.calendar,
            "since": self.since,
            "grid": self.grid.to_json(),
            "series": {name: scale.tolist() for name, scale in self.series.items()},
            "time": self.time,
            "by": self.by,
        }

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Scales:
        """What `to_json` was made of.

        Raises:
            InputError: it is not of that form.
        """
        if kept.get("kind") != "series":
            raise InputError("its encoder is not of series.")
        variables, series = kept.get("variables"), kept.get("series")
        if not isinstance(variables, list) or not variables or not all(isinstance(name, str) for name in variables):
            raise InputError("its variables are not names.")
        targets, ahead, calendar, since = (kept.get(name) for name in ("targets", "ahead", "calendar", "since"))
        if not isinstance(targets, int) or not isinstance(ahead, int):
            raise InputError("it does not tell its variables apart.")
        if not isinstance(calendar, bool) or not isinstance(since, bool):
            raise InputError("it does not tell its variables apart.")
        if not 0 <= ahead <= len(variables) - targets < len(variables):
            raise InputError("it does not tell its variables apart.")
        if not isinstance(series, dict) or not series:
            raise InputError("it has no scales.")
        scales = {name: _scale(scale, len(variables)) for name, scale in series.items()}
        time, by = kept.get("time"), kept.get("by")
        if not isinstance(time, str) or not (by is None or isinstance(by, str)):
            raise InputError("it does not name the column of times.")
        grid = Grid.from_json(kept.get("grid"))
        return cls(tuple(variables), targets, ahead, calendar, since, grid, scales, time, by)


def _scale(kept: Any, variables: int) -> NDArray[np.float64]:
    fits = isinstance(kept, list) and len(kept) == 2
    fits = fits and all(isinstance(row, list) and len(row) == variables for row in kept)
    if not fits or not all(type(number) in (int, float) and math.isfinite(number) for row in kept for number in row):
        raise InputError("its scales are not two numbers for each variable.")
    scale = np.array(kept, np.float64)
    if not (scale[1] > 0).all():
        raise InputError("its scales are not above 0.")
    return scale


def _fitted(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean and standard deviation of each variable, [2, variables]; 0 and 1 where nothing tells them."""
    there = ~np.isnan(values)
    count = np.maximum(there.sum(axis=0), 1)
    mean = np.where(there, values, 0).sum(axis=0) / count
    deviation = np.sqrt(np.where(there, np.square(values - mean), 0).sum(axis=0) / count)
    return np.stack([mean, np.where(deviation > _FLAT * np.abs(mean), deviation, 1)])


class Seen(NamedTuple):
    """Numbers as they are known at each step.

    Attributes:
        values: [time, variables], a missing one the last before it; NaN where there is none yet.
        since: the steps since it was there, 0 where it is; before the first they count from the beginning.
    """

    values: NDArray[np.float64]
    since: NDArray[np.float64]

    @classmethod
    def of(cls, values: NDArray[np.float64], before: Seen | None = None) -> Seen:
        """These numbers, [time, variables] with NaN where one is missing, after those `before`."""
        steps = np.arange(len(values))[:, None]
        there = ~np.isnan(values)
        last = np.maximum.accumulate(np.where(there, steps, -1), axis=0)
        carried = np.take_along_axis(values, np.maximum(last, 0), axis=0)
        since: NDArray[np.float64] = np.where(last < 0, steps + 1, steps - last).astype(np.float64)
        if before is None or not len(before.values):
            return cls(carried, since)
        return cls(np.where(last < 0, before.values[-1], carried), np.where(last < 0, since + before.since[-1], since))

    def last(self, steps: int) -> Seen:
        """The last of them."""
        return Seen(self.values[-steps:], self.since[-steps:])

    def then(self, after: Seen) -> Seen:
        """These and those after them."""
        return Seen(np.concatenate([self.values, after.values]), np.concatenate([self.since, after.since]))


def filled(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each missing number as the one before it; those before the first as the first, and 0 where there is none."""
    result = values.copy()
    for column in result.T:
        there = ~np.isnan(column)
        if not there.any():
            column[:] = 0
            continue
        last = np.maximum.accumulate(np.where(there, np.arange(len(column)), -1))
        column[:] = column[np.where(last < 0, np.flatnonzero(there)[0], last)]
    return result
