"""Grids of evenly spaced times.

A grid step is a number of seconds, months, month ends or working days, or a plain number. The place of a time is its
index on the grid: the number of steps from the grid's origin to that time.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from gatewright.support.errors import InputError

KINDS = ("numbers", "seconds", "months", "month ends", "working days")
_DAY = 24 * 3600
_WEEK = 7 * _DAY
_MAX_NUMBER = 1 << 62
_MIN_DAYS_OF_MONTH = 28


@dataclass(frozen=True)
class Times:
    """Times as whole numbers: seconds since 1970 if `are_dates`, otherwise the numbers in the table."""

    numbers: NDArray[np.int64]
    are_dates: bool

    def take(self, rows: NDArray[np.intp]) -> Self:
        """Return the times at the given row indices, in that order."""
        return replace(self, numbers=self.numbers[rows])


@dataclass(frozen=True)
class Grid:
    """A grid of evenly spaced times. The place of a time is its index: the number of steps from the origin to it.

    Attributes:
        kind: The unit of a step: "seconds", "months", "month ends" (the last day of each month), "working days" (Monday
            to Friday), or "numbers" if times are not dates.
        step: The length of a step, in units of `kind`.
        origin: The time at place 0, in seconds since 1970; or a plain number if times are not dates.
    """

    kind: str
    step: int
    origin: int

    def to_json(self) -> dict[str, Any]:
        """Return the kind, step and origin of the grid as a JSON object."""
        return asdict(self)

    @classmethod
    def from_json(cls, saved: Any) -> Self:
        """Return the grid that `to_json` saved.

        Raises:
            InputError: `saved` does not describe a grid. The message completes "FILE is damaged because ...".
        """
        fits = isinstance(saved, dict) and saved.keys() == {"kind", "step", "origin"} and saved["kind"] in KINDS
        numbers = (saved["step"], saved["origin"]) if fits else ()
        if not fits or not all(type(number) is int and abs(number) < _MAX_NUMBER for number in numbers):
            raise InputError("its grid of times has an unknown kind or unexpected fields.")
        if saved["step"] < 1:
            raise InputError("its grid of times has a step below 1.")
        return cls(**saved)

    def places(self, path: Path, times: Times) -> NDArray[np.int64]:
        """Return the place of each time, which is its index on the grid.

        Args:
            path: The file with the times, for error messages.
            times: The times to find on the grid.

        Raises:
            InputError: A time is not on the grid, or the times are dates although the grid has numbers, or the reverse.
        """
        if times.are_dates == (self.kind == "numbers"):
            found, needed = ("dates", "numbers") if times.are_dates else ("numbers", "dates")
            raise InputError(f"{path} has {found} as times, but the model was trained with {needed}. Give {needed}.")
        places, rest = _places(self.kind, times.numbers, self.step, self.origin)
        if (wrong := np.flatnonzero(rest)).size:
            time = format_time(int(times.numbers[wrong[0]]), times.are_dates)
            raise InputError(
                f"{path} has the time {time}, which is not a whole number of steps of {self.step_name} from the other "
                "times. Give evenly spaced times."
            )
        return places

    def time_at(self, place: int) -> str:
        """Return the time at an index of the grid as text, such as "2026-01-31 18:00:00"."""
        return format_time(self._number_at(place), self.kind != "numbers")

    def _number_at(self, place: int) -> int:
        """Return the time at an index of the grid: seconds since 1970, or a plain number if times are not dates."""
        if self.kind in ("numbers", "seconds"):
            return self.origin + place * self.step
        if self.kind == "working days":
            day = self.origin // _DAY
            moved = np.busday_offset(np.datetime64(day, "D"), place * self.step)
            return self.origin + (int(moved.astype(np.int64)) - day) * _DAY
        shift = _DAY * (self.kind == "month ends")
        month, offset = _month(np.array([self.origin + shift]))
        start = (month + place * self.step).astype("datetime64[M]").astype("datetime64[s]").astype(np.int64)
        return int(start[0]) + int(offset[0]) - shift

    @property
    def season(self) -> int:
        """The number of steps in a season.

        A season is a day if steps are shorter than a day, a week if steps are shorter than a week, and otherwise a
        year. If times are plain numbers, a season is 1 step.
        """
        if self.kind in ("months", "month ends"):
            return max(12 // self.step, 1)
        if self.kind == "working days":
            return 5 if self.step == 1 else 1
        if self.kind == "numbers":
            return 1
        longest = _DAY if self.step < _DAY else _WEEK if self.step < _WEEK else 52 * _WEEK
        return max(longest // self.step, 1)

    def calendar(self, first: int, steps: int) -> NDArray[np.float64]:
        """Return the time of year, time of week and time of day, each as a sine and a cosine, [steps, features].

        The time of week is left out if steps are a week or longer, and the time of day if they are a day or longer. If
        times are plain numbers, there are no features.

        Args:
            first: The index of the first step on the grid.
            steps: Number of steps.
        """
        if self.kind == "numbers":
            return np.zeros((steps, 0))
        seconds = np.array([self._number_at(place) for place in range(first, first + steps)], np.int64)
        days = seconds // _DAY
        stamps = days.astype("datetime64[D]")
        year = (stamps - stamps.astype("datetime64[Y]")).astype(np.int64) / 365.25
        fractions = [year]
        if self.kind == "working days" or (self.kind == "seconds" and self.step < _WEEK):
            fractions.append((days + 3) % 7 / 7)  # 1970 began on a Thursday
        if self.kind == "seconds" and self.step < _DAY:
            fractions.append(seconds % _DAY / _DAY)
        angles = 2 * np.pi * np.stack(fractions, axis=1)
        return np.concatenate([np.sin(angles), np.cos(angles)], axis=1)

    @property
    def step_name(self) -> str:
        """The length of a step as text: "1 hour", "3 months", "1 working day"."""
        unit, step = self.kind, self.step
        for name, seconds in (("weeks", _WEEK), ("days", _DAY), ("hours", 3600), ("minutes", 60)):
            if self.kind == "seconds" and step % seconds == 0:
                unit, step = name, step // seconds
                break
        return f"{step} {unit.removesuffix('s') if step == 1 else unit}"


def format_time(number: int, is_date: bool) -> str:
    """Return a time as text: a date, followed by the time of day unless it is midnight; or a number."""
    if not is_date:
        return str(number)
    text = str(np.datetime64(number, "s")).replace("T", " ")
    return text.removesuffix(" 00:00:00")


def find_grid(path: Path, name: str, times: Times, order: Sequence[NDArray[np.intp]], lines: Sequence[str]) -> Grid:
    """Return a grid of evenly spaced times that contains the times of all series.

    Args:
        path, name: The file and the column of times, for error messages.
        times: The time of each row of the table.
        order: For each series, the indices of its rows.
        lines: The names of the series.

    Raises:
        InputError: The times are not evenly spaced.
    """
    steps = np.concatenate([np.diff(np.unique(times.numbers[rows])) for rows in order])
    if not len(steps):
        raise InputError(f"{path} has only one time{'' if lines == [''] else ' in each series'}. A series needs many.")
    start = int(times.numbers.min())
    kinds: tuple[str, ...] = ("working days", "seconds", "months", "month ends")
    if steps.min() >= _MIN_DAYS_OF_MONTH * _DAY:  # months, even if all of them have the same number of days
        kinds = ("months", "month ends", "seconds")
    for kind in kinds if times.are_dates else ("numbers",):
        grid = _grid(kind, times.numbers, steps, start)
        if grid is not None:
            return grid
    raise InputError(
        f"The column {name!r} of {path} is not evenly spaced. Give a row for each hour, day or month, for example."
    )


def _grid(kind: str, numbers: NDArray[np.int64], steps: NDArray[np.int64], start: int) -> Grid | None:
    """Return a grid of this kind that contains all times, or None if the times do not fit such a grid.

    Args:
        kind: See `Grid`.
        numbers: All times.
        steps: The differences between consecutive times of each series.
        start: The origin of the grid.
    """
    step = _most_common(steps)
    if kind == "working days":
        # Daily steps of two weeks or more, without weekends.
        days = numbers // _DAY
        if step != _DAY or ((days + 3) % 7 > 4).any() or np.ptp(days) < 14:
            return None
        step = 1
    elif kind in ("months", "month ends"):
        months = np.unique(_month(numbers + _DAY * (kind == "month ends"))[0])
        if len(months) < 2:
            return None
        step = _most_common(np.diff(months))
    _, rest = _places(kind, numbers, step, start)
    return None if rest.any() else Grid(kind, step, start)


def _most_common(steps: NDArray[np.int64]) -> int:
    values, counts = np.unique(steps, return_counts=True)
    return int(values[counts.argmax()])


def _places(
    kind: str, numbers: NDArray[np.int64], step: int, origin: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the index of each time on a grid, and a remainder that is 0 if the time is on the grid."""
    if kind in ("numbers", "seconds"):
        return np.divmod(numbers - origin, step)
    if kind == "working days":
        first = origin // _DAY
        seconds = numbers - origin + first * _DAY
        days = seconds // _DAY
        dates = days.astype("datetime64[D]")
        places = np.busday_count(np.datetime64(first, "D"), dates).astype(np.int64)
        return places // step, places % step + (seconds - days * _DAY) + ~np.is_busday(dates)
    shift = _DAY * (kind == "month ends")
    first_month, offset = _month(np.array([origin + shift]))
    months, remainder = _month(numbers + shift - offset)
    places, rest = np.divmod(months - first_month, step)
    return places, rest + remainder


def _month(numbers: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the number of months from January 1970 to each time, and the remaining seconds."""
    months = numbers.astype("datetime64[s]").astype("datetime64[M]")
    return months.astype(np.int64), numbers - months.astype("datetime64[s]").astype(np.int64)
