"""Read .ts files, the format of the UEA and UCR archives.

Bagnall et al. 2018, "The UEA multivariate time series classification archive": after a header, each line is a series.
The dimensions of a series are separated by colons, and the values of a dimension by commas. The class is the last
field.
"""

import io
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gatewright.data.files import read_text
from gatewright.data.numbers import MAX_SHOWN, is_number
from gatewright.support.errors import InputError
from gatewright.support.progress import Ticker, print_status
from gatewright.tasks.classify_series.options import SeriesOptions
from gatewright.tasks.classify_series.series import FoundSeries

_MISSING = "?"
_MAX_DIGITS = 9


def read_ts(path: Path, options: SeriesOptions) -> FoundSeries:
    """Return the series of a file, with NaN for missing values, and their classes. A missing class is None.

    Raises:
        InputError: The file cannot be read or used.
    """
    series: list[NDArray[np.float64]] = []
    labels: list[str | None] = []
    ticker = Ticker()
    text = read_text(path)
    lines = _lines(io.StringIO(text.text, newline=None))
    has_classes, dimensions = _read_header(path, lines)
    for number, line in lines:
        if ticker.due():
            print_status(f"{len(series):,} series of {path} read.")
        fields = line.split(":")
        if has_classes:
            label = fields.pop().strip()
            labels.append(None if label == _MISSING else label)
        dimensions = len(fields) if dimensions is None else dimensions
        if len(fields) != dimensions:
            raise InputError(
                f"{path}, line {number}: the series has {len(fields)} dimensions, but the others have "
                f"{dimensions}. Give all series the same dimensions."
            )
        series.append(_parse_series(f"{path}, line {number}", fields))
    return FoundSeries(series, labels if has_classes else None, options, notes=(text.note,) if text.note else ())


def _lines(file: Iterable[str]) -> Iterator[tuple[int, str]]:
    """Yield the number and the content of each line that is not blank or a comment, which starts with # or %."""
    for number, line in enumerate(file, 1):
        content = line.strip()
        if content and not content.startswith(("#", "%")):
            yield number, content


def _read_header(path: Path, lines: Iterator[tuple[int, str]]) -> tuple[bool, int | None]:
    """Read the header of a .ts file, up to and including @data.

    Return whether the series have classes, and the number of dimensions (None if the header does not give it).
    """
    has_classes, dimensions = False, None
    for number, line in lines:
        tag, *values = line.split()
        name = tag.lower()
        if not name.startswith("@"):
            raise InputError(f"{path}, line {number}: a series comes before @data. Give a complete .ts file.")
        if name == "@data":
            return has_classes, dimensions
        first = values[0].lower() if values else ""
        if name == "@timestamps" and first == "true":
            raise InputError(
                f"{path} has timestamps, which are not supported. Give values at equal steps with @timeStamps false, "
                "or a long table with a column of times."
            )
        if name == "@targetlabel" and first == "true":
            raise InputError(
                f"{path} has a number, not a class, as the target of each series. Give a file with classes."
            )
        if name == "@classlabel":
            has_classes = first == "true"
        if name in ("@dimensions", "@dimension"):
            if not first.isdecimal() or len(first) > _MAX_DIGITS or not int(first):
                raise InputError(f"{path}, line {number}: @dimensions must be a positive whole number, not {first!r}.")
            dimensions = int(first)
        if name == "@univariate" and first == "true":
            dimensions = 1
    raise InputError(f"{path} has no @data. Give a complete .ts file.")


def _parse_series(where: str, fields: list[str]) -> NDArray[np.float64]:
    """Return the values of a series, [time, dimensions], from the text of each dimension."""
    columns = [_parse_numbers(where, field) for field in fields]
    if len({len(column) for column in columns}) > 1:
        lengths = ", ".join(sorted({str(len(column)) for column in columns}))
        raise InputError(f"{where}: the dimensions of the series have {lengths} values. Give all the same number.")
    return np.stack(columns, axis=1)


def _parse_numbers(where: str, field: str) -> NDArray[np.float64]:
    values = [value.strip() for value in field.split(",")] if field.strip() else []
    if "(" in field:
        raise InputError(f"{where}: the series has timestamps, which are not supported. Give the values alone.")
    try:
        return np.array([np.nan if value == _MISSING else float(value) for value in values], np.float64)
    except ValueError:
        wrong = next(value for value in values if value != _MISSING and not is_number(value))
        raise InputError(
            f"{where}: {wrong[:MAX_SHOWN]!r} is not a number. Fix it, or write ? or NaN for a missing value."
        ) from None
