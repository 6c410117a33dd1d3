"""How numbers of series become inputs, and outputs become numbers: needs NumPy alone."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gatewright.data.grid import Grid
from gatewright.errors import InputError

if TYPE_CHECKING:
    from gatewright.data.timeseries import Table

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

    def notes(self, table: Table) -> list[str]:
        """Which variables do not vary, and which numbers are missing."""
        found = []
        for place, name in enumerate(self.variables):
            missing = sum(int(np.isnan(line.values[:, place]).sum()) for line in table.lines)
            if missing:
                total = sum(len(line.values) for line in table.lines)
                found.append(f"{missing:,} of {total:,} numbers of {name} are missing: the last before each is read.")
            if flat := sum(bool(np.nanstd(line.values[:, place]) == 0) for line in table.lines):
                of = "" if len(table.lines) == 1 else f" in {flat:,} of {len(table.lines):,} series"
                found.append(f"{name} never changes{of}.")
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

    def scaled(self, name: str, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Values of a series, [time, variables], relative to its mean and standard deviation."""
        mean, deviation = self.of(name, values)
        scaled: NDArray[np.float64] = (values - mean) / deviation
        return scaled

    def inputs(self, name: str, values: NDArray[np.float64], first: int) -> NDArray[np.float32]:
        """What is read of each step, [time, features].

        Args:
            name: of the series.
            values: [time, variables]; a missing number is read as the last one before it.
            first: the place of the first step on the grid.
        """
        own = filled(self.scaled(name, values))
        if self.since:
            past = len(self.variables) - self.ahead
            own = np.concatenate([own[:, :past], _since(values[:, :past]), own[:, past:]], axis=1)
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


def _since(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The steps since each number was there, 0 where it is; those before the first count from the beginning."""
    steps = np.arange(len(values))[:, None]
    last = np.maximum.accumulate(np.where(np.isnan(values), -1, steps), axis=0)
    return np.where(last < 0, steps + 1, steps - last).astype(np.float64)


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
