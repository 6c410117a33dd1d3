"""Read files of numbers without a header: the text files of the UCR archive, and recordings.

Dau et al. 2018, "The UCR Time Series Archive": each line is a series, with the class first. Values are separated by
tabs, commas or spaces. Shorter series end with NaN.
"""

import re
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gatewright.data import public
from gatewright.data.files import inner_name, read_text
from gatewright.data.numbers import MAX_SHOWN
from gatewright.data.tables import Table
from gatewright.support.errors import InputError
from gatewright.tasks.classify_series.options import SeriesOptions
from gatewright.tasks.classify_series.series import FoundSeries

_SEPARATOR = re.compile(r"\s*[,;\t]\s*|\s+")
_MISSING = ("", "?", "nan")
_SPLIT_NAME = re.compile(r".*_(train|test)(\.(tsv|txt|csv|data))?", re.IGNORECASE)


class PlainRows(NamedTuple):
    """The numbers of a file.

    Attributes:
        rows: The numbers on each line.
        note: A sentence about the encoding of the file. Empty if there is nothing to say.
    """

    rows: list[NDArray[np.float64]]
    note: str


def is_ucr(path: Path) -> bool:
    """Return True if a file is one of the UCR archive: X_TRAIN or X_TEST with lines of numbers and no header."""
    return bool(_SPLIT_NAME.fullmatch(inner_name(path))) and path.is_file() and starts_with_numbers(path)


def starts_with_numbers(path: Path) -> bool:
    """Return True if the first line of a file that can be read has numbers only."""
    try:
        text = read_text(path).text
    except InputError:
        return False
    line = next((line for line in text.splitlines() if line.strip()), "")
    fields = _SEPARATOR.split(line.strip())
    return len(fields) > 1 and _numbers(fields) is not None and any(field.lower() not in _MISSING for field in fields)


def read_plain_rows(path: Path) -> PlainRows:
    """Return the numbers on each line of a file. Blank lines are left out.

    Raises:
        InputError: The file cannot be read, or a value is not a number.
    """
    text = read_text(path)
    rows = []
    for number, line in enumerate(text.text.splitlines(), 1):
        if not line.strip():
            continue
        fields = _SEPARATOR.split(line.strip())
        row = _numbers(fields)
        if row is None:
            wrong = next(field for field in fields if _numbers([field]) is None)
            raise InputError(
                f"{path}, line {number}: {wrong[:MAX_SHOWN]!r} is not a number. Fix it, or write NaN for a missing "
                "value."
            )
        rows.append(row)
    return PlainRows(rows, text.note)


def read_spaced_table(path: Path) -> Table:
    """Return the columns of a file without a header in which spaces separate the numbers.

    Raises:
        InputError: The file cannot be read, a value is not a number, or lines have different numbers of values.
    """
    public.import_pyarrow(path)
    import pyarrow

    found = read_plain_rows(path)
    width = len(found.rows[0])
    other = next((row for row in found.rows if len(row) != width), None)
    if other is not None:
        raise InputError(
            f"{path} has lines with {width} numbers and lines with {len(other)}. Give each line the same number."
        )
    names = [f"column {number}" for number in range(1, width + 1)]
    notes = (
        found.note,
        f"{path} has no line with the names of columns. The columns are called {names[0]!r} to {names[-1]!r}.",
    )
    return Table(path, pyarrow.table(list(np.array(found.rows).T), names=names), None, tuple(filter(None, notes)))


def read_ucr(path: Path, options: SeriesOptions) -> FoundSeries:
    """Return the series of a file of the UCR archive, which have one channel.

    Raises:
        InputError: The file cannot be read, a value is not a number, or the first values are not labels.
    """
    found = read_plain_rows(path)
    first = np.array([row[0] for row in found.rows])
    if (wrong := first[~np.isnan(first) & ((first != np.trunc(first)) | np.isinf(first))]).size:
        raise InputError(
            f"The first value on a line of {path} must be the label, a whole number, but one is {wrong[0]:g}. Put the "
            "labels first. If they are in a file of their own, save both as arrays X and y in a .npz archive."
        )
    note = f"The first value on each line of {path.name} was read as the label, as in the UCR archive."
    return FoundSeries(
        [row[1:, None] for row in found.rows],
        [float(row[0]) for row in found.rows],
        options,
        notes=tuple(filter(None, (found.note, note))),
    )


def _numbers(fields: list[str]) -> NDArray[np.float64] | None:
    try:
        return np.array([np.nan if field.lower() in _MISSING else float(field) for field in fields], np.float64)
    except ValueError:
        return None
