"""A table of time series."""

import re
from dataclasses import dataclass
from typing import Annotated, Any, Self

import numpy as np
from numpy.typing import NDArray

from gatewright.data.numbers import DECIMALS
from gatewright.data.time_texts import ISO, require_format
from gatewright.data.times import EPOCHS, NUMBER, PARTS, TimeLayout
from gatewright.support.errors import InputError
from gatewright.support.schema import Parsed, Text, read_as
from gatewright.tasks.forecast.columns import Roles
from gatewright.tasks.forecast.grid import Grid

# Formats of `strptime` in model files.
_FORMAT = re.compile(r"(%.|[^%])+", re.DOTALL)
_MAX_FORMAT = 100


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
            InputError: `stored` does not describe columns. The message begins with "its".
        """
        read = read_as(_Stored, stored, "its columns")
        for kind in read.times.kinds:
            if len(read.times.kinds) > 1 and kind == NUMBER:
                raise InputError("its layout of times has several columns, one of plain numbers.")
            if kind not in (ISO, NUMBER, *EPOCHS, *PARTS):
                _require_format(kind)
        return cls(read.times, read.series_id, read.roles, read.decimal, read.header, read.is_wide, read.resampled)


@dataclass(frozen=True)
class _Stored:
    """A `Columns` as JSON values."""

    times: Annotated[TimeLayout, Parsed(TimeLayout.from_json)]
    series_id: tuple[str, ...]
    roles: Annotated[Roles, Parsed(Roles.from_json)]
    decimal: Annotated[str, Text(choices=("", *DECIMALS))]
    header: bool | None
    is_wide: bool
    resampled: bool


def _require_format(kind: str) -> None:
    """Raise an error if a layout of times in a model file is not a format of `strptime`."""
    try:
        if len(kind) > _MAX_FORMAT or not _FORMAT.fullmatch(kind):
            raise InputError("A format is too long or ends within a directive.")
        require_format(kind)
    except InputError:
        raise InputError("its layout of times has an unknown format.") from None


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
