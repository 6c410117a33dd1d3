"""A forecast as numbers, times and text."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Forecasted:
    """The steps after the last one of a series.

    Attributes:
        series: its name; empty where there is one alone.
        times: of the steps ahead.
        targets: the names of what is forecast.
        values: [horizon, targets].
        quantiles: by probability, each [horizon, targets], in rising order.
    """

    series: str
    times: tuple[str, ...]
    targets: tuple[str, ...]
    values: NDArray[np.float64]
    quantiles: Mapping[float, NDArray[np.float64]]

    def to_json(self) -> dict[str, Any]:
        """The forecast as plain JSON values: of each target a list over the steps ahead."""

        def listed(values: NDArray[np.float64]) -> dict[str, list[float]]:
            return {name: column.tolist() for name, column in zip(self.targets, values.T, strict=True)}

        quantiles = {f"{q:g}": listed(values) for q, values in self.quantiles.items()}
        return {
            "series": self.series,
            "times": list(self.times),
            "forecast": listed(self.values),
            "quantiles": quantiles,
        }

    def table(self, header: bool = True) -> str:
        """The forecast as CSV: a row a step ahead, of each target its forecast and quantiles, NAME and NAME_0.1."""
        lines = io.StringIO()
        writer = csv.writer(lines, lineterminator="\n")
        beside = ["series"] if self.series else []
        names = [one for name in self.targets for one in (name, *(f"{name}_{q:g}" for q in self.quantiles))]
        if header:
            writer.writerow([*beside, "time", *names])
        columns = np.stack([self.values, *self.quantiles.values()], axis=-1).reshape(len(self.times), -1)
        for time, row in zip(self.times, columns, strict=True):
            writer.writerow([*([self.series] if beside else []), time, *(f"{value:.6g}" for value in row)])
        return lines.getvalue().rstrip("\n")

    def __str__(self) -> str:
        return self.table()
