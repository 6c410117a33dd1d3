"""Read .tsf files of the Monash archive as long tables.

Godahewa et al. 2021, "Monash Time Series Forecasting Archive", section 2: after a header with attributes, each line has
the attributes of a series, separated by colons, and then its values, separated by commas.
"""

from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np

from gatewright.data.files import Decoded
from gatewright.data.tables import Table
from gatewright.data.time_layouts import NONE
from gatewright.data.time_texts import ISO
from gatewright.data.times import TimeLayout, Times
from gatewright.support.errors import InputError
from gatewright.tasks.forecast.frequency import frequency_grid, is_frequency

TIME, VALUE = "time", "value"
_FREQUENCIES = {
    "yearly": "year",
    "quarterly": "quarter",
    "monthly": "month",
    "weekly": "week",
    "daily": "day",
    "hourly": "hour",
    "half_hourly": "30 minutes",
    "minutely": "minute",
    "10_minutes": "10 minutes",
    "4_seconds": "4 seconds",
    "15_minutes": "15 minutes",
    "30_minutes": "30 minutes",
}


class MonashTable(NamedTuple):
    """The series of a .tsf file as a table with a row for each value.

    Attributes:
        table: The table, with the attributes of the series, their times if they have start times, and their values.
        series_id: The columns that identify the series.
        time: The column of the times, or "none".
        frequency: The frequency, for `frequency.frequency_season`. None if the file does not give it.
    """

    table: Table
    series_id: tuple[str, ...]
    time: str
    frequency: str | None


def read_tsf(path: Path, decoded: Decoded) -> MonashTable:
    """Read the series of a .tsf file.

    Raises:
        InputError: The file does not have this format.
    """
    import pyarrow as pa

    attributes: list[tuple[str, str]] = []
    frequency, rows, lines, data = None, [], [], False
    for number, content in enumerate(decoded.text.splitlines(), 1):
        line = content.strip()
        if not line or line.startswith("#"):
            continue
        if not data:
            tag, *words = line.split()
            if tag.lower() == "@attribute" and len(words) == 2:
                attributes.append((words[0], words[1].lower()))
            elif tag.lower() == "@frequency" and words:
                frequency = _FREQUENCIES.get(words[0].lower(), words[0].lower().replace("_", " "))
            data = tag.lower() == "@data"
            continue
        *fields, written = line.split(":")
        if not attributes:
            fields = [str(number)]
        if len(fields) != max(len(attributes), 1):
            raise InputError(
                f"{path}, line {number}: the series has {len(fields)} attributes before its values, but the header has "
                f"{len(attributes)}. Fix the line."
            )
        rows.append((fields, written.split(",")))
        lines.append(number)
    if not data or not rows:
        raise InputError(f"{path} has no series after @data. Give a complete .tsf file.")
    attributes = attributes or [("line", "string")]
    names = [name for name, _ in attributes]
    if wrong := next((name for name in names if names.count(name) > 1 or name in (TIME, VALUE)), None):
        raise InputError(f"{path} has an attribute {wrong!r} that another column is named like. Rename it.")
    columns: dict[str, list[str]] = {name: [] for name, _ in attributes}
    numbers: list[str] = []
    places: list[int] = []
    for (fields, values), number in zip(rows, lines, strict=True):
        for (name, _), attribute in zip(attributes, fields, strict=True):
            columns[name] += [attribute] * len(values)
        numbers += ["" if value.strip() == "?" else value.strip() for value in values]
        places += [number] * len(values)
    keys = [name for name, kind in attributes if kind == "string"][:1] or [attributes[0][0]]
    if len(set(columns[keys[0]])) < len(rows):
        keys = [name for name, kind in attributes if kind != "date"]
    start = next((place for place, (_, kind) in enumerate(attributes) if kind == "date"), None)
    arrays = {name: pa.array(listed) for name, listed in columns.items()}
    if start is not None and frequency is not None:
        stamps = [
            text
            for (fields, values), number in zip(rows, lines, strict=True)
            for text in _times(f"{path}, line {number}", fields[start], frequency, len(values))
        ]
        arrays = {**{name: one for name, one in arrays.items() if name in keys}, TIME: pa.array(stamps)}
    table = pa.table({**arrays, VALUE: pa.array(numbers)})
    notes = (decoded.note,) if decoded.note else ()
    return MonashTable(
        Table(path, table, places, notes, as_written=True), tuple(keys), TIME if TIME in arrays else NONE, frequency
    )


def _times(where: str, start: str, frequency: str, steps: int) -> list[str]:
    """Return the times of a series in ISO 8601."""
    try:
        stamp = np.datetime64(datetime.strptime(start.strip(), "%Y-%m-%d %H-%M-%S"), "us").astype(np.int64)
    except ValueError:
        raise InputError(f"{where}: the start time {start!r} is not written as 2026-01-31 18-00-00. Fix it.") from None
    if not is_frequency(frequency):
        raise InputError(f"{where}: the frequency {frequency!r} of the file is unknown. Change it, such as to daily.")
    grid = frequency_grid(frequency, Times(np.array([stamp], np.int64), None, TimeLayout((TIME,), (ISO,))))
    return [grid.time_at(step) for step in range(steps)]
