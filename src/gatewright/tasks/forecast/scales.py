"""Scale the numbers of series, and turn them into the inputs of a network."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, NamedTuple, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gatewright.support.errors import InputError
from gatewright.support.schema import Count, Items, Number, Parsed, Size, read_as
from gatewright.tasks.forecast.grid import Grid
from gatewright.tasks.forecast.table import Columns, Table
from gatewright.tasks.forecast.trained import TrainedSteps

# A standard deviation below this fraction of the mean is a rounding error.
_ROUNDING = 1e-9

LARGEST, SMALLEST = 1e155, 1e-170
"""Limits of the size of means and standard deviations. The square of a number beyond them has no standard deviation."""


class Observed(NamedTuple):
    """The last known number of each variable at each step of a series.

    Attributes:
        values: The last known number, [time, variables]; NaN before the first known number.
        since: Number of steps since the last known number, [time, variables]. Before the first known number, the number
            of steps since the start, counting this one.
    """

    values: NDArray[np.float64]
    since: NDArray[np.float64]

    @classmethod
    def from_values(cls, values: NDArray[np.float64], before: Self | None = None) -> Self:
        """Return the last known number of each variable at each step of a series.

        Args:
            values: The numbers of the series, [time, variables], with NaN for missing numbers.
            before: The last known numbers at the steps before `values`. None if `values` is the start of the series.
        """
        steps = np.arange(len(values))[:, None]
        present = ~np.isnan(values)
        last = np.maximum.accumulate(np.where(present, steps, -1), axis=0)
        filled = np.take_along_axis(values, np.maximum(last, 0), axis=0)
        since = np.where(last < 0, steps + 1, steps - last).astype(np.float64)
        if before is None or not len(before.values):
            return cls(filled, since)
        return cls(np.where(last < 0, before.values[-1], filled), np.where(last < 0, since + before.since[-1], since))

    def last(self, steps: int) -> Self:
        """Return the last `steps` steps of this object."""
        return self._replace(values=self.values[-steps:], since=self.since[-steps:])

    def followed_by(self, after: Self) -> Self:
        """Return the steps of this object, followed by the steps of `after`."""
        values, since = map(np.concatenate, zip(self, after, strict=True))
        return self._replace(values=values, since=since)


@dataclass(frozen=True)
class Scales:
    """The variables of series, the mean and the standard deviation of each, and the features of a step.

    Attributes:
        variables: The names of the targets, then of the past covariates, then of the future covariates.
        targets, future_covariates: The numbers of targets and of future covariates.
        calendar: Whether the time of year, time of week and time of day are features too.
        since: Whether the numbers of steps since the last known number of each target and past covariate are features
            too.
        grid: The grid of evenly spaced times.
        series: Mean and standard deviation of each variable, [2, variables], with the names of the series as keys.
        columns: The columns of the table that hold the times, the series IDs and the variables.
        trained: The training steps of each series, with the names of the series as keys.
    """

    variables: tuple[str, ...]
    targets: int
    future_covariates: int
    calendar: bool
    since: bool
    grid: Grid
    series: Mapping[str, NDArray[np.float64]]
    columns: Columns
    trained: Mapping[str, TrainedSteps] = field(default_factory=dict)

    @classmethod
    def fit(cls, table: Table, train_steps: Sequence[int], calendar: bool, since: bool = False) -> Self:
        """Return scales with the mean and standard deviation of each variable over the training steps of each series.

        Args:
            table: The series.
            train_steps: For each series, the number of steps from its start that are the training set.
            calendar, since: See `Scales`.
        """
        series = {line.name: _fit_scale(line.values[:end]) for line, end in zip(table.lines, train_steps, strict=True)}
        sizes = table.targets, table.future_covariates
        trained = {
            line.name: TrainedSteps.of(line, end, table.targets)
            for line, end in zip(table.lines, train_steps, strict=True)
        }
        return cls(table.variables, *sizes, calendar, since, table.grid, series, table.columns, trained)

    @staticmethod
    def notes(table: Table, train_steps: Sequence[int]) -> list[str]:
        """Return notes on variables that have missing numbers, or are constant in the first `train_steps` steps."""
        found = []
        for place, name in enumerate(table.variables):
            columns = [line.values[:, place] for line in table.lines]
            if missing := sum(int(np.isnan(column).sum()) for column in columns):
                total = sum(map(len, columns))
                found.append(
                    f"{missing:,} of {total:,} numbers of {name} are missing. The last number before each is used."
                )
            heads = [column[:end] for column, end in zip(columns, train_steps, strict=True)]
            if constant := sum(len(np.unique(head[~np.isnan(head)])) < 2 for head in heads):
                of_series = "" if len(columns) == 1 else f" of {constant:,} of the {len(columns):,} series"
                found.append(f"{name} is constant in the training set{of_series}.")
        return found

    @property
    def future_features(self) -> int:
        """The number of features whose values are known for the steps ahead: future covariates and time features."""
        return self.future_covariates + int(self.grid.calendar(0, 1).shape[1]) * self.calendar

    @property
    def features(self) -> int:
        """The number of input features in each step."""
        return (len(self.variables) - self.future_covariates) * (1 + self.since) + self.future_features

    def scale_of(self, name: str, values: NDArray[np.float64]) -> tuple[NDArray[np.float64], bool]:
        """Return the mean and the standard deviation of each variable of a series, [2, variables].

        Return also whether the scale is that of the training data. If a model was trained on several series, a series
        that was not among them is scaled by `values`. A model of one series scales all series alike.

        Args:
            name: The name of the series.
            values: The numbers of the series, [time, variables].
        """
        if name in self.series:
            return self.series[name], True
        if len(self.series) == 1:
            return next(iter(self.series.values())), True
        return _fit_scale(values), False

    def inputs(self, scale: NDArray[np.float64], observed: Observed, first: int) -> NDArray[np.float32]:
        """Return the inputs of the network at each step, [time, features].

        Args:
            scale: The scale of the series; see `scale_of`.
            observed: The last known numbers at each step of the series.
            first: The number of steps from the origin of the time grid to the first step; see `Grid`.
        """
        inputs = fill_missing(normalize(scale, observed.values))
        if self.since:
            past = len(self.variables) - self.future_covariates
            inputs = np.concatenate([inputs[:, :past], observed.since[:, :past], inputs[:, past:]], axis=1)
        if self.calendar:
            inputs = np.concatenate([inputs, self.grid.calendar(first, len(inputs))], axis=1)
        return inputs.astype(np.float32)

    def to_json(self) -> dict[str, Any]:
        """Return the scales as a JSON object, which `from_json` reads."""
        return {
            "kind": "series",
            "variables": list(self.variables),
            "targets": self.targets,
            "future_covariates": self.future_covariates,
            "calendar": self.calendar,
            "since": self.since,
            "grid": self.grid.to_json(),
            "series": {name: scale.tolist() for name, scale in self.series.items()},
            "columns": self.columns.to_json(),
            "trained": {name: steps.to_json() for name, steps in self.trained.items()},
        }

    @classmethod
    def from_json(cls, stored: Any) -> Self:
        """Return the scales that `to_json` converted to `stored`.

        Raises:
            InputError: `stored` does not describe scales. The message begins with "its".
        """
        read = read_as(_Stored, stored, "its scales")
        roles = read.columns.roles
        if (roles.variables, roles.sizes) != (read.variables, (read.targets, read.future_covariates)):
            raise InputError("its columns do not fit its variables.")
        if any(len(numbers) != len(read.variables) for scale in read.series.values() for numbers in scale):
            raise InputError("its scales do not have a mean and a standard deviation for each variable.")
        if any(len(numbers) != read.targets for steps in read.trained.values() for _, numbers in steps.samples):
            raise InputError("its training steps do not have a number for each target.")
        series = {name: np.array(scale, np.float64) for name, scale in read.series.items()}
        sizes = read.targets, read.future_covariates
        return cls(read.variables, *sizes, read.calendar, read.since, read.grid, series, read.columns, read.trained)


_Mean: TypeAlias = Annotated[float, Number(-LARGEST, LARGEST)]
_Deviation: TypeAlias = Annotated[float, Number(SMALLEST, LARGEST)]


@dataclass(frozen=True)
class _Stored:
    """A `Scales` as JSON values."""

    kind: Literal["series"]
    variables: Annotated[tuple[str, ...], Items(1)]
    targets: Size
    future_covariates: Count
    calendar: bool
    since: bool
    grid: Annotated[Grid, Parsed(Grid.from_json)]
    series: Annotated[Mapping[str, tuple[tuple[_Mean, ...], tuple[_Deviation, ...]]], Items(1)]
    columns: Annotated[Columns, Parsed(Columns.from_json)]
    trained: Mapping[str, Annotated[TrainedSteps, Parsed(TrainedSteps.from_json)]]


def normalize(scale: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the values, [time, variables], minus the mean and divided by the standard deviation of each variable."""
    mean, deviation = scale
    return np.asarray((values - mean) / deviation)


def _fit_scale(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return mean and standard deviation of each variable, [2, variables]; 0 and 1 for a variable without numbers."""
    present = ~np.isnan(values)
    count = np.maximum(present.sum(axis=0), 1)
    mean = np.where(present, values, 0).sum(axis=0) / count
    deviation = np.sqrt(np.where(present, np.square(values - mean), 0).sum(axis=0) / count)
    return np.stack([mean, np.where(deviation > _ROUNDING * np.abs(mean), deviation, 1)])


def fill_missing(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return an array, [time, variables], with missing numbers replaced.

    The replacement is the last number of the same variable before the missing number. If there is no number before, it
    is the first number after; if the variable has no numbers, 0.
    """
    result = values.copy()
    for column in result.T:
        present = ~np.isnan(column)
        if not present.any():
            column[:] = 0
            continue
        last = np.maximum.accumulate(np.where(present, np.arange(len(column)), -1))
        column[:] = column[np.where(last < 0, np.flatnonzero(present)[0], last)]
    return result
