"""A table of time series."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gatewright.tasks.forecast.grid import Grid


@dataclass(frozen=True)
class Line:
    """One series of a table.

    Attributes:
        name: The name of the series; empty if there is only one.
        first: The number of steps from the origin of the table's time grid to the first step; see `Grid`.
        values: The numbers, [time, variables], with NaN for missing numbers.
    """

    name: str
    first: int
    values: NDArray[np.float64]


@dataclass(frozen=True)
class Table:
    """The series of a table.

    Attributes:
        name: The name shown to the user.
        variables: The names of the targets, then of the past covariates, then of the future covariates.
        targets, future_covariates: The numbers of targets and of future covariates.
        grid: The grid of evenly spaced times.
        lines: The series, one entry for each series ID.
        time: The name of the column of times.
        series_id: The name of the column that identifies the series. None if there is only one series.
        split_ends: The steps at which the training, validation and test sets end. Only named
            data sets have them.
        notes: Sentences shown to the user.
    """

    name: str
    variables: tuple[str, ...]
    targets: int
    future_covariates: int
    grid: Grid
    lines: tuple[Line, ...]
    time: str
    series_id: str | None = None
    split_ends: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()
