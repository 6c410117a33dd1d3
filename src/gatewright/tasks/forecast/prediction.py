"""The forecast of a series."""

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Forecasted:
    """The forecast of the steps after the last one of a series.

    Attributes:
        series: The name of the series. Empty if there is only one.
        times: The times of the forecast steps in ISO 8601, or plain numbers; "+1", "+2", ... if the time of the last
            past step is unknown.
        targets: The names of the targets.
        values: The forecast, [horizon, targets].
        quantiles: The forecast quantiles, [horizon, targets] each, with their probabilities as keys in rising order.
        time_column: The name of the column of times in tables.
        keys: The text of each column that identifies the series, with the names of the columns as keys.
        notes: Sentences about the series that affect the reading of the forecast.
    """

    series: str
    times: tuple[str, ...]
    targets: tuple[str, ...]
    values: NDArray[np.float64]
    quantiles: Mapping[float, NDArray[np.float64]]
    time_column: str = "time"
    keys: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the forecast as a JSON object. Each target has a list with one number for each step."""

        def listed(values: NDArray[np.float64]) -> dict[str, list[float]]:
            return {name: column.tolist() for name, column in zip(self.targets, values.T, strict=True)}

        return {
            "series": self.series,
            "times": list(self.times),
            "forecast": listed(self.values),
            "quantiles": {f"{q:g}": listed(values) for q, values in self.quantiles.items()},
            "notes": list(self.notes),
        }

    def table(self, header: bool = True) -> str:
        """Return the forecast as CSV text with a row for each step, and columns such as load and load_0.1.

        The columns of the series and of the times have the names that they have in the training data.
        """
        lines = io.StringIO()
        writer = csv.writer(lines, lineterminator="\n")
        keys = self.keys or ({"series": self.series} if self.series else {})
        names = [one for name in self.targets for one in (name, *(f"{name}_{q:g}" for q in self.quantiles))]
        if header:
            writer.writerow([*keys, self.time_column, *names])
        columns = np.stack([self.values, *self.quantiles.values()], axis=-1).reshape(len(self.times), -1)
        for time, row in zip(self.times, columns, strict=True):
            writer.writerow([*keys.values(), time, *(repr(float(value)) for value in row)])
        return lines.getvalue().rstrip("\n")

    def text(self, first: bool) -> str:
        """Return the CSV text that `gatewright predict` prints, with a header if this is the first forecast."""
        return self.table(header=first)

    def __str__(self) -> str:
        return self.table()
