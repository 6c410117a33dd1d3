"""A table of time series."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from gatewright.data.numbers import DECIMALS
from gatewright.data.times import TimeLayout
from gatewright.support.errors import InputError
from gatewright.tasks.forecast.columns import Roles
from gatewright.tasks.forecast.grid import Grid


@dataclass(frozen=True)
class Line:
    """One series of a table.

    Attributes:
        name: The name of the series; empty if there is only one.
        first: The number of steps from the origin of the table's time grid to the first step; see `Grid`.
        values: The numbers, [time, variables], with NaN for missing numbers.
        keys: The texts of the series ID columns, whose joined texts are the name.
    """

    name: str
    first: int
    values: NDArray[np.float64]
    keys: tuple[str, ...] = ()


@dataclass(frozen=True)
class Columns:
    """The columns of a table and their roles, which a model needs to read other tables.

    Attributes:
        layout: The columns that hold the times, and how they are written.
        series_id: The columns that identify the series, if there are several.
        roles: The variables.
        decimal: The decimal character that was given or found. Empty if the numbers show none.
        header: Whether a file of text has a line with the names of the columns. None finds out.
        is_wide: Whether the table has a column for each time, each hour of a day, or each month of a year.
        resampled: Whether rows are averaged to the steps of the grid.
    """

    layout: TimeLayout
    series_id: tuple[str, ...]
    roles: Roles
    decimal: str = ""
    header: bool | None = None
    is_wide: bool = False
    resampled: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return the columns as a JSON object, which `from_json` reads."""
        return {
            "times": self.layout.to_json(),
            "series_id": list(self.series_id),
            "roles": self.roles.to_json(),
            "decimal": self.decimal,
            "header": self.header,
            "is_wide": self.is_wide,
            "resampled": self.resampled,
        }

    @classmethod
    def from_json(cls, stored: Any) -> Self:
        """Return the columns that `to_json` converted to `stored`.

        Raises:
            InputError: `stored` does not describe columns. The message follows "FILE is damaged (".
        """
        fields = {"times", "series_id", "roles", "decimal", "header", "is_wide", "resampled"}
        if not isinstance(stored, Mapping) or stored.keys() != fields:
            raise InputError("its columns have unexpected fields.")
        keys, decimal, header = (stored[name] for name in ("series_id", "decimal", "header"))
        if not isinstance(keys, list) or not all(isinstance(name, str) for name in keys):
            raise InputError("its series ID columns are not names.")
        flags = [stored["is_wide"], stored["resampled"], bool(header) if header is None else header]
        if decimal not in ("", *DECIMALS) or not all(isinstance(flag, bool) for flag in flags):
            raise InputError("its columns have a value of the wrong type.")
        layout, roles = TimeLayout.from_json(stored["times"]), Roles.from_json(stored["roles"])
        return cls(layout, tuple(keys), roles, decimal, header, stored["is_wide"], stored["resampled"])


@dataclass(frozen=True)
class Table:
    """The series of a table.

    Attributes:
        name: The name shown to the user.
        variables: The names of the targets, then of the past covariates, then of the future covariates.
        targets, future_covariates: The numbers of targets and of future covariates.
        grid: The grid of evenly spaced times.
        lines: The series, one entry for each series ID.
        columns: The columns of the times and of the series IDs.
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
    columns: Columns
    split_ends: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()
