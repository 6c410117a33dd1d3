"""A table of time series."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gatewright.tasks.forecast.grid import Grid


@dataclass(frozen=True)
class Line:
    """One series.

    Attributes:
        name: of the series; empty where there is one alone.
        first: the place of its first step on the grid.
        values: [time, variables], NaN where a number is missing.
    """

    name: str
    first: int
    values: NDArray[np.float64]


@dataclass(frozen=True)
class Table:
    """What a table holds.

    Attributes:
        name: for a reader.
        variables: targets, then what is known of the past alone, then what is known ahead.
        targets, known: how many of the first, and of the last.
        grid: the evenly spaced times.
        lines: the series.
        time, by: the columns of times, and of the names of series where there are several.
        borders: where training, validation and test part end, of a named set that has such; else empty.
        notes: sentences that a reader of the figures must know.
    """

    name: str
    variables: tuple[str, ...]
    targets: int
    known: int
    grid: Grid
    lines: tuple[Line, ...]
    time: str
    by: str | None = None
    borders: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()
