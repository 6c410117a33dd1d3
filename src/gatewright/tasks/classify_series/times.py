"""Read the times of steps: numbers, or dates and times in any consistent format."""

import warnings
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewright.data.numbers import MAX_SHOWN, is_missing, read_number_columns
from gatewright.data.tables import Table
from gatewright.support.errors import InputError
from gatewright.support.packages import require_packages

# Number of texts from which the format of dates is found.
_SAMPLES = 100
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def read_times(table: Table, name: str) -> NDArray[Any]:
    """Return the time of each row, [rows]: numbers as they are, and dates and times in microseconds.

    Raises:
        InputError: A time is missing, or the column does not contain times.
    """
    from pyarrow import types

    column = table.column(name)
    if types.is_temporal(column.type):
        if column.null_count:
            raise _without_time(table, column.is_null().to_pylist().index(True), name)
        texts = [str(value) for value in column.to_pylist()]
    else:
        found = read_number_columns(table, [name])[name]
        if found.values is not None:
            finite = np.isfinite(found.values)
            if not finite.all():
                raise _without_time(table, int(np.argmin(finite)), name)
            return found.values
        texts = ["" if value is None else str(value).strip() for value in column.to_pylist()]
    return _read_dates(table, name, texts)


def _read_dates(table: Table, name: str, texts: list[str]) -> NDArray[np.int64]:
    """Return dates and times in microseconds, [rows]."""
    if (missing := next((row for row, text in enumerate(texts) if is_missing(text)), None)) is not None:
        raise _without_time(table, missing, name)
    distinct, places = np.unique(np.array(texts, np.str_), return_inverse=True)
    try:
        times = [datetime.fromisoformat(text) for text in distinct.tolist()]
        numbers = [_microseconds(time) for time in times]
    except ValueError:
        return _parse_dates(table, name, distinct)[places]
    return np.array(numbers, np.int64)[places]


def _microseconds(time: datetime) -> int:
    difference = (time if time.tzinfo else time.replace(tzinfo=UTC)) - _EPOCH
    return (difference.days * 86_400 + difference.seconds) * 1_000_000 + difference.microseconds


def _parse_dates(table: Table, name: str, texts: NDArray[np.str_]) -> NDArray[np.int64]:
    """Parse dates that are not ISO 8601, but all have the same format."""
    require_packages("reading times like these", ("pandas",))
    import pandas
    from pandas.tseries.api import guess_datetime_format

    found: list[NDArray[np.int64]] = []
    samples = texts[:_SAMPLES].tolist()
    with warnings.catch_warnings():  # where the order of day and month is plain, it is not the one that is asked for
        warnings.simplefilter("ignore")
        guessed = {guess_datetime_format(text, dayfirst) for text in samples for dayfirst in (True, False)}
    for format in sorted(guessed - {None}):
        try:
            times = pandas.to_datetime(list(texts), format=format, utc=True)
        except (ValueError, OverflowError):
            continue
        parsed = np.asarray(times.as_unit("us").asi8, np.int64)
        if not any((parsed == other).all() for other in found):
            found.append(parsed)
    if not found:
        wrong = next((text for text in texts.tolist() if not any(map(str.isdigit, text))), str(texts[0]))
        raise InputError(
            f"The column {name!r} of {table.path} does not contain times, such as {wrong[:MAX_SHOWN]!r}. Choose "
            "another column with --time COLUMN, or write times as numbers or as 2024-01-31 12:00:00."
        )
    if len(found) > 1:
        raise InputError(
            f"The column {name!r} of {table.path} has times such as {str(texts[0])[:MAX_SHOWN]!r}, in which the first "
            "number may be the day or the month. Write times as numbers or as 2024-01-31 12:00:00."
        )
    return found[0]


def _without_time(table: Table, row: int, name: str) -> InputError:
    return InputError(f"{table.where(row)}: the row has no {name!r}. Fix or remove the row.")
