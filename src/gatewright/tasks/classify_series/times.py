"""Read the times of steps: numbers, or dates and times in any consistent format."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewright.data import times
from gatewright.data.numbers import MAX_SHOWN, is_missing, read_number_columns
from gatewright.data.tables import Table
from gatewright.data.time_layouts import TimeOptions, is_temporal, time_kind
from gatewright.data.times import TimeLayout, distinct_texts
from gatewright.support.errors import InputError

_REMEDY = "Write times as numbers or as 2024-01-31 12:00:00"


def read_times(table: Table, name: str) -> NDArray[Any]:
    """Return the time of each row, [rows]: numbers as they are, and dates and times in microseconds.

    Raises:
        InputError: A time is missing, or the column does not contain times.
    """
    encoded, texts = distinct_texts(table, name)
    missing = [place for place, text in enumerate(texts) if is_missing(text)]
    if missing:
        row = int(np.flatnonzero(np.isin(encoded, missing))[0])
        raise InputError(f"{table.where(row)}: the row has no {name!r}. Fix or remove the row.")
    if not is_temporal(table, name):
        numbers = read_number_columns(table, [name])[name].values
        if numbers is not None:
            return numbers
    try:
        kind = time_kind(table, name, TimeOptions())
    except InputError:
        raise InputError(
            f"The column {name!r} of {table.path} has times such as {texts[0][:MAX_SHOWN]!r}, in which the first "
            f"number may be the day or the month. {_REMEDY}."
        ) from None
    if kind is None:
        wrong = next((text for text in texts if not any(map(str.isdigit, text))), texts[0])
        raise InputError(
            f"The column {name!r} of {table.path} does not contain times, such as {wrong[:MAX_SHOWN]!r}. Choose "
            f"another column with --time COLUMN, or {_REMEDY[0].lower()}{_REMEDY[1:]}."
        )
    found = times.read_times(table, TimeLayout((name,), (kind,)))
    return found.numbers if found.instants is None else found.instants
