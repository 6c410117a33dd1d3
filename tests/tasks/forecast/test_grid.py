"""Grids of evenly spaced times: each kind is found, places and times belong together, and frequencies have names."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewright.data.time_texts import ISO
from gatewright.data.time_zones import zone_instants
from gatewright.data.times import TimeLayout, Times
from gatewright.support.errors import InputError
from gatewright.tasks.forecast.frequency import bins, frequency_grid, frequency_season
from gatewright.tasks.forecast.grid import KINDS, Grid, find_grid

PATH = Path("s.csv")


def times(stamps, zone=""):
    """Return times on the clock of a zone; pandas times with a zone keep their instants."""
    index = pd.DatetimeIndex(stamps)
    layout = TimeLayout(("t",), (ISO,), zone)
    if index.tz is not None:
        instants = index.tz_convert("UTC").tz_localize(None).as_unit("us").asi8
        return Times(index.tz_localize(None).as_unit("us").asi8, instants, TimeLayout(("t",), (ISO,), str(index.tz)))
    local = index.as_unit("us").asi8
    return Times(local, zone_instants(local, zone, np.zeros(len(local), np.intp)) if zone else None, layout)


def found(given):
    return find_grid(PATH, "t", given, [np.arange(len(given.numbers))], [""])


def trading_hours(first="2020-01-02", days=60, open_hours=range(9, 17)):
    hours = pd.date_range(first, periods=24 * days, freq="h")
    return hours[(hours.day_of_week < 5) & hours.hour.isin(list(open_hours))]


FREQUENCIES = {
    "250us": "250 microseconds",
    "500ms": "500 milliseconds",
    "1s": "1 second",
    "15min": "15 minutes",
    "h": "1 hour",
    "3h": "3 hours",
    "D": "1 day",
    "2D": "2 days",
    "B": "1 working day",
    "W": "1 week",
    "14D": "2 weeks",
    "MS": "1 month",
    "ME": "1 month end",
    "BME": "1 working month end",
    "QS": "3 months",
    "QE": "3 month ends",
    "BQE": "3 working month ends",
    "YS": "1 year",
}


@pytest.mark.parametrize("frequency", FREQUENCIES)
@given(start=st.dates(pd.Timestamp("1900-01-01").date(), pd.Timestamp("2100-01-01").date()), rows=st.integers(40, 60))
def test_each_frequency_of_pandas_is_found_and_continued(frequency, start, rows):
    index = pd.date_range(start, periods=rows + 3, freq=frequency)
    grid = found(times(index[:rows]))
    assert grid.step_name == FREQUENCIES[frequency]
    np.testing.assert_array_equal(grid.places(PATH, times(index)), range(rows + 3))
    assert [pd.Timestamp(grid.time_at(place)) for place in range(rows, rows + 3)] == list(index[rows:])
    assert Grid.from_json(grid.to_json()) == grid


class TestWeekSlots:
    def test_trading_hours(self):
        index = trading_hours()
        grid = found(times(index[:-3]))
        assert (grid.kind, len(grid.slots), grid.seasons) == ("week slots", 40, (8, 40))
        assert grid.places(PATH, times(index)).tolist() == list(range(len(index)))
        assert [pd.Timestamp(grid.time_at(place)) for place in range(len(index))] == list(index)

    def test_a_holiday_and_a_saturday_do_not_matter(self):
        index = trading_hours()
        kept = index[index.normalize() != pd.Timestamp("2020-01-20")].append(pd.DatetimeIndex(["2020-02-01 11:00"]))
        grid = found(times(kept))
        assert (grid.kind, len(grid.slots)) == ("week slots", 41)
        assert len(np.unique(grid.places(PATH, times(kept)))) == len(kept)

    @pytest.mark.parametrize(("days", "season"), [([0, 2], 2), ([6, 0, 1, 2, 3], 5), ([0, 1, 2, 3, 4, 5], 6)])
    def test_days_of_the_week(self, days, season):
        index = pd.date_range("2020-01-01", periods=200)
        kept = index[index.day_of_week.isin(days)]
        grid = found(times(kept))
        assert (grid.kind, grid.season) == ("week slots", season)
        assert grid.time_at(len(kept) - 1) == str(kept[-1].date())

    @pytest.mark.parametrize("share", [0.4, 0.6, 0.8])
    def test_random_holes_are_no_slots(self, share):
        rng = np.random.default_rng(0)
        index = pd.date_range("2020-01-01", periods=500, freq="h")
        assert found(times(index[rng.random(500) < share])).step_name == "1 hour"

    def test_times_outside_of_the_slots_are_refused(self):
        grid = found(times(trading_hours()))
        with pytest.raises(InputError, match="the time 2020-01-02T20:00:00, which is not a whole number of steps"):
            grid.places(PATH, times(["2020-01-02 20:00"]))

    def test_the_calendar_has_year_week_and_day(self):
        assert found(times(trading_hours())).calendar(0, 5).shape == (5, 6)


class TestZones:
    def test_hours_count_through_changes_of_the_clock(self):
        for first in ("2020-03-28", "2020-10-24"):
            index = pd.date_range(first, periods=60, freq="h", tz="Europe/Berlin")
            grid = found(times(index[:50]))
            assert (grid.step_name, grid.counts_instants) == ("1 hour", True)
            assert [pd.Timestamp(grid.time_at(place)) for place in range(60)] == list(index)

    def test_days_and_months_count_on_the_clock(self):
        for frequency in ("D", "MS", "W"):
            index = pd.date_range("2020-03-01", periods=30, freq=frequency, tz="Europe/Berlin")
            grid = found(times(index))
            assert not grid.counts_instants
            assert [pd.Timestamp(grid.time_at(place)) for place in range(30)] == list(index)
            np.testing.assert_array_equal(grid.places(PATH, times(index)), range(30))

    def test_the_calendar_is_that_of_the_clock(self):
        """Noon has the same time of day on both sides of a change of the clock."""
        index = pd.date_range("2020-03-28 12:00", periods=48, freq="h", tz="Europe/Berlin")
        grid = found(times(index))
        features = grid.calendar(0, 48)
        noons = np.flatnonzero(index.hour == 12)
        assert noons.tolist() == [0, 23, 47]
        for column in (2, 5):
            np.testing.assert_allclose(features[noons, column], features[0, column], atol=1e-12)


@pytest.mark.parametrize(
    ("index", "hint"),
    [
        (["2020-01-01", "2020-01-04", "2020-03-05", "2020-05-01"], "month"),
        (["2020-01-01 00:00:00", "2020-01-01 00:00:07", "2020-01-01 00:00:31"], "second"),
        (["2020-01-01 00:00", "2020-01-01 03:10", "2020-01-01 05:00", "2020-01-01 06:01"], "hour"),
    ],
)
def test_irregular_times_are_refused_with_a_frequency_that_works(index, hint):
    with pytest.raises(InputError, match=rf"are not evenly spaced.* --frequency {hint}\."):
        found(times(index))
    grid = frequency_grid(hint, times(index))
    assert bins(grid, times(index))[0] == 0


class TestFrequency:
    @pytest.mark.parametrize(
        ("given", "name"),
        [
            ("hour", "1 hour"),
            ("hourly", "1 hour"),
            ("1h", "1 hour"),
            ("H", "1 hour"),
            ("15 minutes", "15 minutes"),
            ("15min", "15 minutes"),
            ("15T", "15 minutes"),
            ("half hour", "30 minutes"),
            ("ms", "1 millisecond"),
            ("MS", "1 month"),
            ("M", "1 month"),
            ("ME", "1 month end"),
            ("QS", "3 months"),
            ("quarterly", "3 months"),
            ("Working_Day", "1 working day"),
            ("business day", "1 working day"),
            ("W-SUN", "1 week"),
            ("2 weeks", "2 weeks"),
            ("annual", "1 year"),
            ("BME", "1 working month end"),
        ],
    )
    def test_names(self, given, name):
        assert frequency_grid(given, times(["2020-01-01"])).step_name == name

    @pytest.mark.parametrize("given", ["", "fortnight", "0 days", "-1 day", "1.5 h", "W-MON", "9999999 s", "hour\n"])
    def test_other_names_are_refused(self, given):
        if given == "hour\n":
            assert frequency_season(given) == 24
            return
        with pytest.raises(InputError, match=r"--frequency must be one of millisecond, second"):
            frequency_season(given)

    @pytest.mark.parametrize(
        ("given", "first", "wanted"),
        [
            ("hour", "2020-01-01 10:20", "2020-01-01T10:00:00"),
            ("day", "2020-01-01 10:20", "2020-01-01"),
            ("week", "2020-01-01 10:20", "2019-12-30"),
            ("month", "2020-01-15 10:20", "2020-01-01"),
            ("quarter", "2020-02-15", "2020-01-01"),
            ("year", "2020-02-15", "2020-01-01"),
            ("month end", "2020-02-15", "2020-02-29"),
        ],
    )
    def test_a_step_contains_its_times(self, given, first, wanted):
        later = pd.Timestamp(first) + pd.Timedelta("13s")
        grid = frequency_grid(given, times([first, later]))
        assert grid.time_at(0) == wanted
        np.testing.assert_array_equal(bins(grid, times([first, later])), [0, 0])

    @given(
        seconds=st.lists(st.integers(0, 10**8), min_size=2, max_size=20),
        frequency=st.sampled_from(["hour", "day", "week", "month", "quarter", "year", "7 minutes"]),
    )
    def test_each_time_is_in_its_step(self, seconds, frequency):
        given = times(pd.Timestamp("2020-02-29") + pd.to_timedelta(seconds, unit="s"))
        grid = frequency_grid(frequency, given)
        for place, number in zip(bins(grid, given), given.numbers, strict=True):
            start, end = (pd.Timestamp(grid.time_at(int(one))) for one in (place, place + 1))
            assert start <= pd.Timestamp(int(number), unit="us") < end


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "days"},
        {"step": 0},
        {"step": 1.5},
        {"step": 1 << 50},
        {"origin": 1 << 70},
        {"origin": 10**12},
        {"origin": True},
        {"zone": "Mars"},
        {"zone": 3},
        {"slots": [3]},
        {"slots": None},
        {"length": -1},
        {"kind": "week slots"},
        {"kind": "week slots", "slots": [5, 3]},
        {"kind": "week slots", "slots": [-1]},
        {"kind": "week slots", "slots": [604_800]},
    ],
)
def test_damaged_json_is_refused(change):
    whole = found(times(pd.date_range("2020-01-01", periods=9, freq="h"))).to_json()
    with pytest.raises(InputError, match=r"^its grid of times"):
        Grid.from_json({**whole, **change})


@pytest.mark.parametrize("name", ["kind", "origin", "step"])
def test_json_without_a_needed_entry_is_refused(name):
    whole = found(times(pd.date_range("2020-01-01", periods=9, freq="h"))).to_json()
    missing = {key: value for key, value in whole.items() if key != name}
    with pytest.raises(InputError, match=r"^its grid of times"):
        Grid.from_json(missing)


@pytest.mark.parametrize("kind", KINDS)
def test_times_after_the_last_year_are_refused(kind):
    if kind == "numbers":
        assert Grid(kind, 1, 1 << 61).time_at(1 << 40)
        return
    origin = 253_370_764_800 - 86_400 * 3
    slots = (0,) if kind == "week slots" else ()
    if kind == "week slots":
        origin -= (origin - 4 * 86_400) % (7 * 86_400)
    grid = Grid(kind, 1, origin * (10**6 if kind == "microseconds" else 1), slots=slots)
    with pytest.raises(InputError, match=r"not in the years 1 to 9998\. Forecast fewer steps"):
        grid.time_at(10**12 if kind == "microseconds" else 10**6)
