"""Files of the UEA and UCR archives' form .ts: a header, then a row a line.

Bagnall et al. 2018, "The UEA multivariate time series classification archive": the dimensions of a row stand between
colons, their values between commas, and the class is the last field.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gatewright.support.data_progress import Progress, say
from gatewright.support.errors import InputError

_MISSING = "?"
# Letters of a value that is refused.
_SHOWN = 40


def read_ts(path: Path) -> tuple[list[NDArray[np.float64]], list[str] | None]:
    """The rows, [time, dimensions] each with NaN where a value is missing, and the class of each; None without classes.

    Raises:
        InputError: the file can't be read or used.
    """
    rows: list[NDArray[np.float64]] = []
    labels: list[str] = []
    classed, dimensions = False, None
    told = Progress()
    try:
        with path.open(encoding="utf-8-sig") as file:
            lines = _lines(file)
            classed, dimensions = _header(path, lines)
            for number, line in lines:
                if told.due():
                    say(f"{len(rows):,} rows of {path} are read.")
                fields = line.split(":")
                if classed:
                    labels.append(fields.pop().strip())
                    if labels[-1] in ("", _MISSING):
                        raise InputError(f"{path}, line {number}: the row has no class at its end: mend or remove it.")
                dimensions = len(fields) if dimensions is None else dimensions
                if len(fields) != dimensions:
                    raise InputError(
                        f"{path}, line {number}: the row has {len(fields)} dimensions, and others have {dimensions}: "
                        "give each row as many."
                    )
                rows.append(_row(f"{path}, line {number}", fields))
    except UnicodeDecodeError:
        raise InputError(f"{path} is not UTF-8: save it as UTF-8.") from None
    except OSError as error:
        raise InputError(f"{path} can't be read ({error.strerror}): make it a readable file.") from None
    return rows, labels if classed else None


def _lines(file: Iterator[str]) -> Iterator[tuple[int, str]]:
    """The lines that say something, each with its number; a comment begins with # or %."""
    for number, line in enumerate(file, 1):
        content = line.strip()
        if content and not content.startswith(("#", "%")):
            yield number, content


def _header(path: Path, lines: Iterator[tuple[int, str]]) -> tuple[bool, int | None]:
    """Whether rows have a class, and how many dimensions the header says they have; reads up to @data."""
    classed, dimensions = False, None
    for number, line in lines:
        tag, *values = line.split()
        name = tag.lower()
        if not name.startswith("@"):
            raise InputError(f"{path}, line {number}: a row stands before @data: it is no whole .ts file.")
        if name == "@data":
            return classed, dimensions
        first = values[0].lower() if values else ""
        if name == "@timestamps" and first == "true":
            raise InputError(
                f"{path} has time stamps, which are not read: give values at equal steps, with @timeStamps false, or a "
                "long table with a column of times."
            )
        if name == "@targetlabel" and first == "true":
            raise InputError(f"{path} has a number as the target of each row, not a class: give a file with classes.")
        if name == "@classlabel":
            classed = first == "true"
        if name in ("@dimensions", "@dimension"):
            if not first.isdecimal() or not int(first):
                raise InputError(f"{path}, line {number}: @dimensions must be a whole number from 1 up, not {first!r}.")
            dimensions = int(first)
        if name == "@univariate" and first == "true":
            dimensions = 1
    raise InputError(f"{path} has no @data: it is no .ts file, or not a whole one.")


def _row(where: str, fields: list[str]) -> NDArray[np.float64]:
    """[time, dimensions] of the fields of the dimensions."""
    columns = [_numbers(where, field) for field in fields]
    if len({len(column) for column in columns}) > 1:
        lengths = ", ".join(sorted({str(len(column)) for column in columns}))
        raise InputError(f"{where}: the dimensions of the row have {lengths} values: give each as many.")
    return np.stack(columns, axis=1)


def _numbers(where: str, field: str) -> NDArray[np.float64]:
    values = [value.strip() for value in field.split(",")] if field.strip() else []
    if "(" in field:
        raise InputError(f"{where}: the row has time stamps, which are not read: give the values alone.")
    try:
        return np.array([np.nan if value == _MISSING else float(value) for value in values], np.float64)
    except ValueError:
        wrong = next(value for value in values if value != _MISSING and not _is_number(value))
        raise InputError(f"{where}: {wrong[:_SHOWN]!r} is no number; a missing value is ? or NaN: mend it.") from None


def _is_number(value: str) -> bool:
    try:
        float(value)
    except ValueError:
        return False
    return True
