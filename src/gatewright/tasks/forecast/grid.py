"""Evenly spaced times: seconds, months, their ends, working days or plain numbers, and the places of rows on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewright.support.errors import InputError

KINDS = ("numbers", "seconds", "months", "month ends", "working days")
_DAY = 24 * 3600
# Steps of a season, by seconds of a step: a day of what is shorter, a week of days, a year of weeks.
_WEEK = 7 * _DAY
_LARGEST = 1 << 62
# Of a month.
_FEWEST_DAYS = 28


@dataclass(frozen=True)
class Times:
    """Times as whole numbers: seconds since 1970 where they are `stamped`, else as they were given."""

    numbers: NDArray[np.int64]
    stamped: bool

    def take(self, rows: NDArray[np.intp]) -> Times:
        """The times of the given rows."""
        return Times(self.numbers[rows], self.stamped)


@dataclass(frozen=True)
class Grid:
    """Evenly spaced times.

    Attributes:
        kind: "seconds", "months", "month ends" (the last day of each), "working days" (Monday to Friday), or "numbers"
            that are no dates.
        step: so many of these.
        origin: the time of place 0.
    """

    kind: str
    step: int
    origin: int

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, kept: Any) -> Grid:
        """What `to_json` was made of.

        Raises:
            InputError: it is not of that form.
        """
        fits = isinstance(kept, dict) and kept.keys() == {"kind", "step", "origin"} and kept["kind"] in KINDS
        if not fits or not all(type(kept[name]) is int and abs(kept[name]) < _LARGEST for name in ("step", "origin")):
            raise InputError("its grid of times is not one.")
        if kept["step"] < 1:
            raise InputError("its grid of times has no step.")
        return cls(**kept)

    def places(self, path: Path, times: Times) -> NDArray[np.int64]:
        """Where times stand on the grid.

        Raises:
            InputError: one stands between two places, or is a date where numbers are wanted, or the other way round.
        """
        if times.stamped == (self.kind == "numbers"):
            has, wants = ("dates", "numbers") if times.stamped else ("numbers", "dates")
            raise InputError(f"{path} has {has} for times, and the model was trained with {wants}: give these.")
        found, rest = _positions(self.kind, times.numbers, self.step, self.origin)
        if (wrong := np.flatnonzero(rest)).size:
            when = time_name(int(times.numbers[wrong[0]]), times.stamped)
            raise InputError(
                f"{path} has the time {when}, which is no whole number of steps of {self.told} away from the others: "
                "give evenly spaced times."
            )
        return found

    def time(self, place: int) -> str:
        """The name of the time at a place."""
        if self.kind == "numbers":
            return str(self.origin + place * self.step)
        return time_name(self.second(place), True)

    def second(self, place: int) -> int:
        """The seconds since 1970 at a place; of plain numbers the number."""
        if self.kind in ("numbers", "seconds"):
            return self.origin + place * self.step
        if self.kind == "working days":
            day = self.origin // _DAY
            moved = np.busday_offset(np.datetime64(day, "D"), place * self.step)
            return self.origin + (int(moved.astype(np.int64)) - day) * _DAY
        late = _DAY * (self.kind == "month ends")
        month, into = _month(np.array([self.origin + late]))
        return _second(month + place * self.step)[0] + int(into[0]) - late

    @property
    def season(self) -> int:
        """Steps after which things tend to come again: a day, a week or a year; 1 where that can't be told."""
        if self.kind in ("months", "month ends"):
            return max(12 // self.step, 1)
        if self.kind == "working days":
            return 5 if self.step == 1 else 1
        if self.kind == "numbers":
            return 1
        longest = _DAY if self.step < _DAY else _WEEK if self.step < _WEEK else 52 * _WEEK
        return max(longest // self.step, 1)

    def calendar(self, first: int, steps: int) -> NDArray[np.float64]:
        """Sine and cosine of where steps stand in year, week and day, [steps, features]; of plain numbers none."""
        if self.kind == "numbers":
            return np.zeros((steps, 0))
        seconds = np.array([self.second(place) for place in range(first, first + steps)], np.int64)
        days = seconds // _DAY
        stamps = days.astype("datetime64[D]")
        year = (stamps - stamps.astype("datetime64[Y]")).astype(np.int64) / 365.25
        shares = [year]
        if self.kind == "working days" or (self.kind == "seconds" and self.step < _WEEK):
            shares.append((days + 3) % 7 / 7)  # 1970 began on a Thursday
        if self.kind == "seconds" and self.step < _DAY:
            shares.append(seconds % _DAY / _DAY)
        angles = 2 * np.pi * np.stack(shares, axis=1)
        return np.concatenate([np.sin(angles), np.cos(angles)], axis=1)

    @property
    def told(self) -> str:
        """A step, for a reader: "1 hour", "3 months", "1 working day"."""
        unit, step = self.kind, self.step
        for name, seconds in (("weeks", _WEEK), ("days", _DAY), ("hours", 3600), ("minutes", 60)):
            if self.kind == "seconds" and step % seconds == 0:
                unit, step = name, step // seconds
                break
        return f"{step} {unit.removesuffix('s') if step == 1 else unit}"


def time_name(number: int, stamped: bool) -> str:
    """A time for a reader: a date, with the time of day where it is not midnight."""
    if not stamped:
        return str(number)
    text = str(np.datetime64(number, "s")).replace("T", " ")
    return text.removesuffix(" 00:00:00")


def find_grid(path: Path, name: str, times: Times, order: Sequence[NDArray[np.intp]], lines: Sequence[str]) -> Grid:
    """The grid on which the times of all series stand.

    Raises:
        InputError: there is none.
    """
    steps = np.concatenate([np.diff(np.unique(times.numbers[rows])) for rows in order])
    if not len(steps):
        raise InputError(f"{path} has a single time{'' if lines == [''] else ' of each series'}: a series needs many.")
    start = int(times.numbers.min())
    kinds: tuple[str, ...] = ("working days", "seconds", "months", "month ends")
    if steps.min() >= _FEWEST_DAYS * _DAY:  # months that happen to have as many days are months all the same
        kinds = ("months", "month ends", "seconds")
    for kind in kinds if times.stamped else ("numbers",):
        grid = _grid(kind, times.numbers, steps, start)
        if grid is not None:
            return grid
    raise InputError(
        f"the column {name!r} of {path} is not evenly spaced: give a row for each hour, day, month or the like."
    )


def _grid(kind: str, numbers: NDArray[np.int64], steps: NDArray[np.int64], start: int) -> Grid | None:
    """The grid of this kind, if the times have one."""
    step = _commonest(steps)
    if kind == "working days":
        # Daily, and never at a weekend, through more than one.
        days = numbers // _DAY
        if step != _DAY or ((days + 3) % 7 > 4).any() or np.ptp(days) < 14:
            return None
        step = 1
    elif kind in ("months", "month ends"):
        months = np.unique(_month(numbers + _DAY * (kind == "month ends"))[0])
        if len(months) < 2:
            return None
        step = _commonest(np.diff(months))
    _, rest = _positions(kind, numbers, step, start)
    return None if rest.any() else Grid(kind, step, start)


def _commonest(steps: NDArray[np.int64]) -> int:
    values, counts = np.unique(steps, return_counts=True)
    return int(values[counts.argmax()])


def _positions(
    kind: str, numbers: NDArray[np.int64], step: int, origin: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The places of times, and what is left of each beyond its place."""
    if kind in ("numbers", "seconds"):
        return np.divmod(numbers - origin, step)
    if kind == "working days":
        first = origin // _DAY
        into = numbers - origin + first * _DAY
        days = into // _DAY
        dates = days.astype("datetime64[D]")
        places = np.busday_count(np.datetime64(first, "D"), dates).astype(np.int64)
        return places // step, places % step + (into - days * _DAY) + ~np.is_busday(dates)
    late = _DAY * (kind == "month ends")
    begin, into = _month(np.array([origin + late]))
    months, left = _month(numbers + late - into)
    places, rest = np.divmod(months - begin, step)
    return places, rest + left


def _month(numbers: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The month of each time, from January 1970 on, and the seconds into it."""
    months = numbers.astype("datetime64[s]").astype("datetime64[M]")
    return months.astype(np.int64), numbers - months.astype("datetime64[s]").astype(np.int64)


def _second(months: NDArray[np.int64]) -> list[int]:
    """The seconds since 1970 at which months begin."""
    begun: list[int] = months.astype("datetime64[M]").astype("datetime64[s]").astype(np.int64).tolist()
    return begun
