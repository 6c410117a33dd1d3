"""Grids of evenly spaced times.

A grid step is a number of seconds, months, month ends or working days, a slot of a week, or a plain number. The place
of a time is its index on the grid: the number of steps from the grid's origin to that time.

Steps shorter than a day count instants, so that an hour after a change of the clock is still one step; all others count
the time on the clock, so that a day that has 23 hours is still one step.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Self

import numpy as np
from numpy.typing import NDArray

from gatewright.data.time_texts import DAY, MICROSECONDS
from gatewright.data.time_zones import find_zone, known_zone, utc_offsets
from gatewright.data.times import Times
from gatewright.support.errors import InputError
from gatewright.support.schema import Items, Text, Whole, read_as

KINDS = (
    *("numbers", "seconds", "microseconds", "months", "month ends", "working days", "working month ends", "week slots"),
)
_UNITS = {"seconds": MICROSECONDS, "microseconds": 1}
_WEEK = 7 * DAY
# Monday, January 5, 1970, the start of a week.
_MONDAY = 4 * DAY
_MAX_NUMBER = 1 << 62
_MAX_STEPS = 1 << 40
# The frequency to suggest for steps of at least these lengths.
_HINTS = (
    *(("month", 20 * DAY), ("week", 4 * DAY), ("day", DAY // 2), ("hour", DAY // 48)),
    *(("minute", 30 * MICROSECONDS), ("second", 0)),
)
# Largest distance of a time from the origin, in units of a step: thousands of years, which fit into 64 bits.
_FARTHEST = {
    "numbers": 1 << 61,
    "seconds": 1 << 42,
    "microseconds": 1 << 62,
    "working days": 1 << 23,
    **dict.fromkeys(("months", "month ends", "working month ends"), 1 << 18),
}
_FARTHEST_WEEK = 1 << 20
# Times are in the years 1 to 9998.
_MIN_TIME, _MAX_TIME = -62_135_596_800, 253_370_764_800
_MIN_DAYS_OF_MONTH = 28
# The minutes of a week.
_MAX_SLOTS = 10_080
# A week has slots if times leave out some of its steps in at least so many weeks: at most this fraction of the steps is
# ever used, and at least this fraction of the slots between the first and the last time.
_MIN_WEEKS, _MAX_SLOT_SHARE, _MIN_USED = 3, 0.86, 0.8


@dataclass(frozen=True)
class Grid:
    """A grid of evenly spaced times. The place of a time is its index: the number of steps from the origin to it.

    Attributes:
        kind: The unit of a step: "seconds", "microseconds", "months", "month ends" (the last day of each month),
            "working days" (Monday to Friday), "working month ends" (the last working day of each month), "week slots"
            (the same times in each week, such as trading hours), or "numbers" if times are not dates.
        step: The length of a step, in units of `kind`.
        origin: The time at place 0, in seconds since 1970 (microseconds for the kind "microseconds"); or a plain number
            if times are not dates.
        zone: The time zone: a name such as "Europe/Berlin", an offset such as "+01:00", or "" if it is unknown.
        slots: The seconds from the start of the week to each of its slots, in rising order. Only for "week slots".
        length: The number of steps in a season, for "numbers" whose frequency was given; otherwise 0.
    """

    kind: Annotated[str, Text(choices=KINDS)]
    step: Annotated[int, Whole(1, _MAX_STEPS)]
    origin: Annotated[int, Whole(-_MAX_NUMBER, _MAX_NUMBER)]
    zone: Annotated[str, Text(0, 100)] = ""
    slots: Annotated[tuple[Annotated[int, Whole(0, 7 * 86_400 - 1)], ...], Items(0, _MAX_SLOTS, rising=True)] = ()
    length: Annotated[int, Whole(0, _MAX_STEPS)] = 0

    def to_json(self) -> dict[str, Any]:
        """Return the grid as a JSON object, which `from_json` reads."""
        return {**asdict(self), "slots": list(self.slots)}

    @classmethod
    def from_json(cls, stored: Any) -> Self:
        """Return the grid that `to_json` converted to `stored`.

        Raises:
            InputError: `stored` does not describe a grid. The message begins with "its".
        """
        grid = read_as(cls, stored, "its grid of times")
        unit = MICROSECONDS // _UNITS.get(grid.kind, MICROSECONDS)
        if grid.kind != "numbers" and not _MIN_TIME * unit <= grid.origin < _MAX_TIME * unit:
            raise InputError("its grid of times does not start in the years 1 to 9998.")
        if bool(grid.slots) != (grid.kind == "week slots"):
            raise InputError("its grid of times has slots that do not fit its kind.")
        if grid.slots and (grid.origin * MICROSECONDS - _MONDAY) % _WEEK // MICROSECONDS not in grid.slots:
            raise InputError("its grid of times does not start at one of its slots.")
        if grid.zone and known_zone(grid.zone) is None:
            raise InputError("its grid of times has an unknown time zone.")
        return grid

    @property
    def counts_instants(self) -> bool:
        """True if places count instants (steps shorter than a day), not the time on the clock."""
        return bool(self.zone) and self.kind in _UNITS and self._microseconds % DAY != 0

    @property
    def _microseconds(self) -> int:
        """The length of a step of seconds or microseconds, in microseconds."""
        return self.step * _UNITS.get(self.kind, 0)

    def places(self, path: Path, times: Times) -> NDArray[np.int64]:
        """Return the place of each time, which is its index on the grid.

        Args:
            path: The file with the times, for error messages.
            times: The times to find on the grid.

        Raises:
            InputError: A time is not on the grid, or the times are dates although the grid has numbers, or the reverse.
        """
        if times.layout.are_dates == (self.kind == "numbers"):
            found, needed = ("dates", "numbers") if times.layout.are_dates else ("numbers", "dates")
            raise InputError(f"{path} has {found} as times, but the model was trained with {needed}. Give {needed}.")
        numbers = self.own_numbers(times)
        places, rest = _places(self, numbers)
        if (wrong := np.flatnonzero(rest)).size:
            time = self.format_number(int(numbers[wrong[0]]))
            raise InputError(
                f"{path} has the time {time}, which is not a whole number of steps of {self.step_name} from the other "
                "times. Give evenly spaced times."
            )
        return places

    def own_numbers(self, times: Times) -> NDArray[np.int64]:
        """Return those numbers of times that the grid counts: instants, or times on the clock."""
        if self.counts_instants and times.instants is not None:
            return times.instants
        return times.numbers

    def time_at(self, place: int) -> str:
        """Return the time at an index of the grid in ISO 8601, such as "2026-01-31T18:00:00"."""
        return self.format_number(self._number_at(place))

    def format_number(self, number: int) -> str:
        """Return a time that the grid counts in ISO 8601, with the offset from UTC if the time zone is known.

        The time of day is left out only if steps are whole days from midnight to midnight and no time zone is known.
        """
        if self.kind == "numbers":
            return str(number)
        if not _MIN_TIME <= number // MICROSECONDS < _MAX_TIME:
            raise InputError("A time is not in the years 1 to 9998. Forecast fewer steps.")
        epoch = datetime(1970, 1, 1)
        if self.counts_instants:
            return (
                (epoch.replace(tzinfo=UTC) + timedelta(microseconds=number))
                .astimezone(find_zone(self.zone))
                .isoformat()
            )
        local = epoch + timedelta(microseconds=number)
        if self.zone:
            return local.replace(tzinfo=find_zone(self.zone)).isoformat()
        return local.isoformat() if self._has_clock or number % DAY else local.date().isoformat()

    @property
    def _has_clock(self) -> bool:
        """True if times have a time of day: steps are not whole days from midnight to midnight."""
        if self.kind == "week slots":
            return any(slot % 86_400 for slot in self.slots)
        origin = self.origin * _UNITS.get(self.kind, MICROSECONDS)
        return bool(origin % DAY or (self.kind in _UNITS and self._microseconds % DAY))

    def _number_at(self, place: int) -> int:
        """Return the time at an index of the grid: microseconds since 1970, or a plain number."""
        return int(self._numbers_at(place, 1)[0])

    def _numbers_at(self, first: int, steps: int) -> NDArray[np.int64]:
        """Return the times at consecutive indices of the grid, [steps]: microseconds since 1970, or plain numbers.

        Raises:
            InputError: The times are so far away that integers do not hold them.
        """
        farthest = _FARTHEST.get(self.kind, _FARTHEST_WEEK * len(self.slots))
        if max(abs(first), abs(first + steps)) * self.step > farthest:
            raise InputError("A time is not in the years 1 to 9998. Forecast fewer steps.")
        places = np.arange(first, first + steps, dtype=np.int64)
        moved = places * self.step
        if self.kind == "numbers":
            return self.origin + moved
        if self.kind in _UNITS:
            return (self.origin + moved) * _UNITS[self.kind]
        origin = self.origin * MICROSECONDS
        if self.kind == "week slots":
            week, slot = np.divmod(self._slot_index(origin) + places, len(self.slots))
            return _MONDAY + week * _WEEK + np.array(self.slots, np.int64)[slot] * MICROSECONDS
        if self.kind == "working days":
            day = origin // DAY
            days = np.busday_offset(np.datetime64(day, "D"), moved)
            return origin + (days.astype(np.int64) - day) * DAY
        if self.kind == "working month ends":
            months = _month(np.array([origin]))[0] + moved
            last = (months + 1).astype("datetime64[M]").astype("datetime64[D]") - 1
            working = np.busday_offset(last, 0, roll="backward")
            return working.astype(np.int64) * DAY + origin % DAY
        shift = DAY * (self.kind == "month ends")
        month_of, offset = _month(np.array([origin + shift]))
        starts = (month_of + moved).astype("datetime64[M]").astype("datetime64[us]").astype(np.int64)
        return np.asarray(starts + offset - shift)

    def _slot_index(self, number: int) -> int:
        """Return the number of slots from the first Monday of 1970 to a time."""
        week, rest = divmod(number - _MONDAY, _WEEK)
        return week * len(self.slots) + self.slots.index(rest // MICROSECONDS)

    @property
    def season(self) -> int:
        """The number of steps in a season.

        A season is a day if steps are shorter than a day, a week if steps are shorter than a week, and otherwise a
        year. If times are plain numbers, a season is 1 step, unless the frequency was given.
        """
        return self.seasons[0]

    @property
    def seasons(self) -> tuple[int, ...]:
        """The numbers of steps in the seasons that the data may have, such as a day and a week, the shortest first."""
        if self.kind == "numbers":
            return (max(self.length, 1),)
        if self.kind in ("months", "month ends", "working month ends"):
            return (max(12 // self.step, 1),)
        if self.kind == "working days":
            return (5,) if self.step == 1 else (1,)
        if self.kind == "week slots":
            days = len({slot // 86_400 for slot in self.slots})
            day, week = len(self.slots) // days, len(self.slots)
            return (day, week) if 1 < day < week else (week,)
        lengths = [DAY, _WEEK] if self._microseconds < DAY else [_WEEK] if self._microseconds < _WEEK else [52 * _WEEK]
        return tuple(dict.fromkeys(max(length // self._microseconds, 1) for length in lengths))

    def calendar(self, first: int, steps: int) -> NDArray[np.float64]:
        """Return the time of year, time of week and time of day, each as a sine and a cosine, [steps, features].

        The time of week is left out if steps are a week or longer, and the time of day if they are a day or longer. If
        times are plain numbers, there are no features. They are those of the clock of the time zone, if it is known.

        Args:
            first: The index of the first step on the grid.
            steps: Number of steps.
        """
        if self.kind == "numbers":
            return np.zeros((steps, 0))
        numbers = self._numbers_at(first, steps)
        if self.counts_instants and steps:
            numbers = numbers + utc_offsets(numbers, self.zone)
        days = numbers // DAY
        stamps = days.astype("datetime64[D]")
        year = (stamps - stamps.astype("datetime64[Y]")).astype(np.int64) / 365.25
        fractions = [year]
        of_day = self.kind in _UNITS and self._microseconds < DAY
        of_day = of_day or (self.kind == "week slots" and len({slot % 86_400 for slot in self.slots}) > 1)
        if (
            of_day
            or self.kind in ("working days", "week slots")
            or (self.kind in _UNITS and self._microseconds < _WEEK)
        ):
            fractions.append((days + 3) % 7 / 7)  # 1970 began on a Thursday
        if of_day:
            fractions.append(numbers % DAY / DAY)
        angles = 2 * np.pi * np.stack(fractions, axis=1)
        return np.concatenate([np.sin(angles), np.cos(angles)], axis=1)

    @property
    def step_name(self) -> str:
        """The length of a step as text: "1 hour", "3 months", "1 working day"."""
        if self.kind == "week slots":
            return f"1 of {len(self.slots)} slots a week"
        unit, step = self.kind, self.step
        lengths = (("weeks", _WEEK), ("days", DAY), ("hours", DAY // 24), ("minutes", DAY // 1440), ("seconds", 10**6))
        for name, length in (*lengths, ("milliseconds", 1000)):
            if self.kind in _UNITS and self._microseconds % length == 0:
                unit, step = name, self._microseconds // length
                break
        if unit in ("months", "month ends", "working month ends") and step % 12 == 0:
            unit, step = unit.replace("month", "year"), step // 12
        return f"{step} {unit.removesuffix('s') if step == 1 else unit}"


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
    local = _steps(times.numbers, order)
    if not len(local):
        raise InputError(f"{path} has only one time{'' if lines == [''] else ' in each series'}. A series needs many.")
    if not times.layout.are_dates:
        kinds: tuple[str, ...] = ("numbers",)
    elif local.min() >= _MIN_DAYS_OF_MONTH * DAY:  # months, even if all of them have the same number of days
        kinds = ("months", "month ends", "working month ends", "seconds")
    else:
        kinds = ("working days", "week slots", "seconds", "months", "month ends", "working month ends", "microseconds")
    for kind in kinds:
        grid = _grid(kind, times, local, order)
        if grid is not None:
            return grid
    unit = next(unit for unit, length in _HINTS if np.median(local) >= length)
    hint = f", or average the rows of each step with --frequency, such as --frequency {unit}" * times.layout.are_dates
    raise InputError(
        f"The times of {path}, in {name}, are not evenly spaced. Give a row for each hour, day or month, for example"
        f"{hint}."
    )


def _steps(numbers: NDArray[np.int64], order: Sequence[NDArray[np.intp]]) -> NDArray[np.int64]:
    """Return the differences between consecutive distinct times of each series."""
    return np.concatenate([np.diff(np.unique(numbers[rows])) for rows in order])


def _grid(kind: str, times: Times, local: NDArray[np.int64], order: Sequence[NDArray[np.intp]]) -> Grid | None:
    """Return a grid of this kind that contains all times, or None if the times do not fit such a grid.

    Args:
        kind: See `Grid`.
        times: All times.
        local: The differences between consecutive times of each series, on the clock.
        order: For each series, the indices of its rows.
    """
    zone = times.layout.zone if times.layout.are_dates else ""
    numbers, steps = times.numbers, local
    if kind in _UNITS and times.instants is not None and (local % DAY).any():
        numbers, steps = times.instants, _steps(times.instants, order)
    start, step = int(numbers.min()), _most_common(steps)
    slots: tuple[int, ...] = ()
    if kind == "working days":
        # Daily steps of two weeks or more, without weekends.
        days = numbers // DAY
        if step != DAY or ((days + 3) % 7 > 4).any() or np.ptp(days) < 14:
            return None
        step = 1
    elif kind == "week slots":
        slots = _week_slots(numbers, steps)
        if not slots:
            return None
        step = 1
    elif kind in ("months", "month ends", "working month ends"):
        months = np.unique(_month(numbers + DAY * (kind == "month ends"))[0])
        if len(months) < 2:
            return None
        step = _most_common(np.diff(months))
    elif kind in _UNITS:
        if (numbers % _UNITS[kind]).any():
            return None
        step = step // _UNITS[kind]
    origin = start if kind == "numbers" else start // _UNITS.get(kind, MICROSECONDS)
    if kind != "numbers" and kind not in _UNITS and start % MICROSECONDS:
        return None
    grid = Grid(kind, step, origin, zone, slots)
    return None if _places(grid, numbers)[1].any() else grid


def _week_slots(numbers: NDArray[np.int64], steps: NDArray[np.int64]) -> tuple[int, ...]:
    """Return the seconds of the week that times have, if they leave out the same times of each week; otherwise ()."""
    step = _most_common(steps)
    weeks = (numbers - _MONDAY) // _WEEK
    total = len(np.unique(weeks))
    if step >= _WEEK or (numbers % MICROSECONDS).any() or total < _MIN_WEEKS:
        return ()
    distinct = np.unique(numbers)
    offsets = np.unique((distinct - _MONDAY) % _WEEK)
    step = min(step, DAY)
    if len(offsets) > _MAX_SLOT_SHARE * _WEEK / step or len(offsets) > _MAX_SLOTS:
        return ()
    slots = tuple((offsets // MICROSECONDS).tolist())
    places, _ = _places(Grid("week slots", 1, int(distinct[0]) // MICROSECONDS, slots=slots), distinct)
    return slots if len(distinct) >= _MIN_USED * (places[-1] + 1) else ()


def _most_common(steps: NDArray[np.int64]) -> int:
    values, counts = np.unique(steps, return_counts=True)
    return int(values[counts.argmax()])


def _places(grid: Grid, numbers: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the index of each time on a grid, and a remainder that is 0 if the time is on the grid."""
    kind, step = grid.kind, grid.step
    if kind == "numbers":
        return np.divmod(numbers - grid.origin, step)
    if kind in _UNITS:
        return np.divmod(numbers - grid.origin * _UNITS[kind], step * _UNITS[kind])
    origin = grid.origin * MICROSECONDS
    if kind == "week slots":
        weeks, rest = np.divmod(numbers - _MONDAY, _WEEK)
        slots = np.array(grid.slots, np.int64) * MICROSECONDS
        index = np.searchsorted(slots, rest, side="right") - 1
        wrong = (index < 0) | (slots[index] != rest)
        return weeks * len(slots) + index - grid._slot_index(origin), wrong.astype(np.int64)
    if kind == "working days":
        first = origin // DAY
        moved = numbers - origin + first * DAY
        days = moved // DAY
        dates = days.astype("datetime64[D]")
        places = np.busday_count(np.datetime64(first, "D"), dates).astype(np.int64)
        return places // step, places % step + (moved - days * DAY) + ~np.is_busday(dates)
    if kind == "working month ends":
        months, _ = _month(numbers)
        places, rest = np.divmod(months - _month(np.array([origin]))[0], step)
        last = (months + 1).astype("datetime64[M]").astype("datetime64[D]") - 1
        expected = np.busday_offset(last, 0, roll="backward").astype(np.int64) * DAY + origin % DAY
        return places, rest + (expected != numbers)
    shift = DAY * (kind == "month ends")
    first_month, offset = _month(np.array([origin + shift]))
    months, remainder = _month(numbers + shift - offset)
    places, rest = np.divmod(months - first_month, step)
    return places, rest + remainder


def _month(numbers: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the number of months from January 1970 to each time, and the remaining microseconds."""
    months = numbers.astype("datetime64[us]").astype("datetime64[M]")
    return months.astype(np.int64), numbers - months.astype("datetime64[us]").astype(np.int64)
