"""What a public layout of a table of time series is, and helpers that invent values for one."""

import gzip
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np

VALUE = "value"
"""The name of the target if a file has no name for it: each row or line is a series, and its columns are times."""

NUMBERED = "1 number"
"""The step of series without times. Their steps are numbered from 1."""


def unnamed(place: int) -> str:
    """Return the name of a column of a file without a header. The first column has place 1."""
    return f"column {place}"


@dataclass(frozen=True)
class PublicLayout:
    """The layout of a public table of time series: how a file with invented values is written, and what it means.

    Attributes:
        name: Name of the data set, unique among the layouts.
        file_name: Name of the file as its publisher names it.
        header_from: The publisher, and where the header and the format of the rows were looked up. What is recalled was
            written from memory.
        text: Return the text of a file for a random number generator.
        targets: The target columns, in the order of the file: those that the options name, or otherwise all columns of
            numbers, without times, series ids and row numbers. Columns without any number are no targets.
        first: The first time of all series in ISO 8601: a date if a step is a day or longer, an offset if the file has
            one. A number if there are no times.
        last: The last time of all series, likewise.
        step: The most common difference between two times in a row.
        series: Number of series.
        options: The options of `gatewright train forecast` that the layout needs.
    """

    name: str
    file_name: str
    header_from: str
    text: Callable[[np.random.Generator], str]
    targets: tuple[str, ...]
    first: str
    last: str
    step: str
    series: int = 1
    options: dict[str, str] = field(default_factory=dict)

    @property
    def by_default(self) -> bool:
        """Whether the layout is read without options."""
        return not self.options

    def write(self, folder: Path, seed: int = 0) -> Path:
        """Write a file with this layout into a folder and return its path. The same seed gives the same file."""
        path = folder / self.file_name
        content = self.text(np.random.default_rng(seed)).encode()
        path.write_bytes(gzip.compress(content, mtime=0) if path.suffix == ".gz" else content)
        return path


def times(first: str, step: timedelta, count: int) -> list[datetime]:
    """Return evenly spaced times from an ISO 8601 time on."""
    start = datetime.fromisoformat(first)
    return [start + place * step for place in range(count)]


def days(first: str, count: int) -> list[date]:
    """Return consecutive dates."""
    return [time.date() for time in times(first, timedelta(days=1), count)]


def hours(first: str, count: int) -> list[datetime]:
    """Return consecutive hours."""
    return times(first, timedelta(hours=1), count)


def months(first: str, count: int, step: int = 1) -> list[date]:
    """Return the first days of every `step`-th month. `first` is a year and a month, such as "1949-01"."""
    year, month = map(int, first.split("-"))
    places = range(month - 1, month - 1 + count * step, step)
    return [date(year + place // 12, place % 12 + 1, 1) for place in places]


def working_days(first: str, last: str) -> list[date]:
    """Return the days from Monday to Friday between two dates, with both ends."""
    start, end = date.fromisoformat(first), date.fromisoformat(last)
    found = [start + timedelta(days=place) for place in range((end - start).days + 1)]
    return [day for day in found if day.weekday() < 5]


def wave(
    rng: np.random.Generator, count: int, level: float, swing: float, period: float = 24, noise: float | None = None
) -> np.ndarray:
    """Return a seasonal wave around a level with noise, [count]. The default noise is a fifth of the swing."""
    angle = 2 * np.pi * (np.arange(count) / period + rng.random())
    return level + swing * np.sin(angle) + rng.normal(0, swing / 5 if noise is None else noise, count)


def walk(rng: np.random.Generator, count: int, start: float, change: float = 0.01) -> np.ndarray:
    """Return prices: a random walk whose relative changes have the given deviation, [count]."""
    return start * np.exp(np.cumsum(rng.normal(0, change, count)))


def fixed(values: Iterable[float], digits: int) -> list[str]:
    """Format numbers with a fixed number of decimal places."""
    return [f"{value:.{digits}f}" for value in values]


def counts(values: Iterable[float]) -> list[str]:
    """Format numbers as whole numbers that are not negative."""
    return [str(max(round(value), 0)) for value in values]


def stamps(values: Iterable[date], pattern: str) -> list[str]:
    """Format dates or times with a pattern of `strftime`."""
    return [value.strftime(pattern) for value in values]


def quoted(values: Iterable[str]) -> list[str]:
    """Put texts in double quotes."""
    return [f'"{value}"' for value in values]


def with_gaps(rng: np.random.Generator, values: Sequence[str], share: float, marker: str = "") -> list[str]:
    """Replace a share of the values, but neither the first nor the last, by the marker of a missing value."""
    gone = rng.random(len(values)) < share
    gone[[0, -1]] = False
    return [marker if missing else value for value, missing in zip(values, gone, strict=True)]


def joined(header: str, columns: Sequence[Sequence[str]], delimiter: str = ",", end: str = "\n") -> str:
    """Return the text of a table with a header line, unless it is empty, and a line for each row."""
    rows = [delimiter.join(row) for row in zip(*columns, strict=True)]
    return "".join(line + end for line in ([header] if header else []) + rows)
