"""Times of rows: zones, parts of dates in several columns, typed columns, and faults."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest
from data.tables import text_table, typed_table
from hypothesis import given
from hypothesis import strategies as st

from gatewright.data.time_layouts import TimeOptions, find_layout
from gatewright.data.time_texts import ISO
from gatewright.data.time_zones import zone_instants, zone_locals
from gatewright.data.times import TimeLayout, read_times, require_existing
from gatewright.support.errors import InputError

HOUR = 3_600_000_000


def stamps(*texts):
    return np.array(texts, "datetime64[us]").astype(np.int64)


def read(table, series=None, **options):
    """Find the layout of the times of a table, and read them."""
    layout, _ = find_layout(table, TimeOptions(**options))
    return read_times(table, layout, series)


def local_hours(zone, first, count):
    """Return the clock times of consecutive hours in a time zone, and the hours in UTC."""
    start = datetime.fromisoformat(first).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    hours = [start + timedelta(hours=place) for place in range(count)]
    return [f"{hour.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M}" for hour in hours], stamps(
        *(hour.replace(tzinfo=None) for hour in hours)
    )


class TestZones:
    def test_offsets_are_kept(self):
        times = read(text_table(t=["2020-01-01 00:00+01:00", "2020-01-01 01:00+01:00"]), time="t")
        assert times.layout.zone == "+01:00"
        np.testing.assert_array_equal(times.numbers, stamps("2020-01-01", "2020-01-01T01"))
        np.testing.assert_array_equal(times.instants, stamps("2019-12-31T23", "2020-01-01"))

    @pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Sydney", "America/St_Johns"])
    def test_offsets_that_change_give_a_zone(self, zone):
        change = {"Europe/Berlin": "2020-10-24", "America/New_York": "2020-10-31", "America/St_Johns": "2020-10-31"}
        start = datetime.fromisoformat(change.get(zone, "2020-04-04")).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
        hours = [start + timedelta(hours=place) for place in range(60)]
        texts = [hour.astimezone(ZoneInfo(zone)).isoformat() for hour in hours]
        layout, notes = find_layout(text_table(t=texts), TimeOptions(time="t"))
        assert layout.zone == zone
        assert (
            f"the time zone {zone}, whose offsets from UTC they have; choose another one with --time-zone" in notes[0]
        )
        times = read_times(text_table(t=texts), layout)
        np.testing.assert_array_equal(np.diff(times.instants), HOUR)

    def test_only_some_times_with_an_offset_are_refused(self):
        with pytest.raises(InputError, match=r"Only some times of 't' .* have an offset"):
            read(text_table(t=["2020-01-01 00:00Z", "2020-01-01 01:00"]), time="t")

    def test_ranges_are_not_taken_for_offsets(self):
        texts = [f"2020-01-01 {hour:02d}:00-{hour + 1:02d}:00" for hour in range(20)]
        with pytest.raises(InputError, match=r"20 offsets from UTC.* If they are ranges, put spaces around the dash"):
            read(text_table(t=texts), time="t")

    @pytest.mark.parametrize("falling", [False, True])
    def test_the_repeated_hour_of_autumn_is_told_apart_by_the_order_of_rows(self, falling):
        texts, instants = local_hours("Europe/Berlin", "2020-10-24T00:00", 60)
        order = slice(None, None, -1 if falling else 1)
        times = read(text_table(t=texts[order]), time="t", zone="Europe/Berlin")
        np.testing.assert_array_equal(times.instants, instants[order])

    def test_the_repeated_hour_is_told_apart_within_each_series(self):
        texts, instants = local_hours("Europe/Berlin", "2020-10-24T00:00", 60)
        times = read(text_table(t=[*texts, *texts]), np.repeat([0, 1], 60), time="t", zone="Europe/Berlin")
        np.testing.assert_array_equal(times.instants, [*instants, *instants])

    def test_clock_times_that_do_not_exist_are_refused(self):
        table = text_table(t=["2020-03-29 01:00", "2020-03-29 02:00", "2020-03-29 03:00"])
        times = read(table, time="t", zone="Europe/Berlin")
        with pytest.raises(InputError, match=r"line 3: the time 2020-03-29T02:00:00 does not exist in"):
            require_existing(table, times)

    @given(
        days=st.lists(st.integers(-25_000, 25_000), min_size=1, max_size=9, unique=True),
        zone=st.sampled_from(["Europe/Berlin", "America/St_Johns", "Asia/Kathmandu", "+05:30", "UTC"]),
    )
    def test_clock_times_and_instants_belong_together(self, days, zone):
        instants = np.array(days, np.int64) * 13 * HOUR
        local = zone_locals(instants, zone)
        series = np.arange(len(days))
        again = zone_locals(zone_instants(local, zone, series), zone)
        np.testing.assert_array_equal(again, local)

    @pytest.mark.parametrize("zone", ["Mars/Base", "", "../etc", "+25:00", "x" * 300])
    def test_unknown_zones_are_refused(self, zone):
        with pytest.raises(InputError, match=r"is not a time zone. Give a name such as Europe/Berlin"):
            find_layout(text_table(t=["2020-01-01", "2020-01-02"]), TimeOptions(zone=zone))


class TestSeveralColumns:
    @pytest.mark.parametrize(
        ("columns", "wanted"),
        [
            ({"date": ["31/12/2020"] * 2, "time": ["10:30", "11:00"]}, ["2020-12-31T10:30", "2020-12-31T11:00"]),
            ({"date": ["31/12/2020"] * 2, "time": ["9", "24"]}, ["2020-12-31T09", "2021-01-01"]),
            ({"date": ["31/12/2020"] * 2, "time": ["30", "2330"]}, ["2020-12-31T00:30", "2020-12-31T23:30"]),
            ({"date": ["31/12/2020"] * 2, "von": ["10:30", "11:00"]}, ["2020-12-31T10:30", "2020-12-31T11:00"]),
            ({"date": ["31/12/2020"] * 2, "time": ["1:00 AM", "1:00 PM"]}, ["2020-12-31T01", "2020-12-31T13"]),
            ({"Year": ["2020", "2021"], "Mo": ["2", "3"]}, ["2020-02", "2021-03"]),
            ({"Year": ["2020", "2021"], "Month": ["Feb", "March"]}, ["2020-02", "2021-03"]),
            ({"Year": ["2020", "2021"], "Period": ["M02", "M12"]}, ["2020-02", "2021-12"]),
            ({"Year": ["2020", "2021"], "Quarter": ["Q2", "Q4"]}, ["2020-04", "2021-10"]),
            ({"year": ["2020", "2021"], "doy": ["60", "60"]}, ["2020-02-29", "2021-03-01"]),
            ({"year": ["2020", "2021"], "week": ["1", "53"]}, ["2019-12-30", "2022-01-03"]),
            ({"y": ["1", "2"], "year": ["2020"] * 2, "month": ["2"] * 2, "day": ["28", "29"]}, None),
        ],
    )
    def test_dates_and_times_in_parts(self, columns, wanted):
        times = read(text_table(**columns))
        np.testing.assert_array_equal(times.numbers, stamps(*(wanted or ["2020-02-28", "2020-02-29"])))
        # The same model reads the same columns.
        layout = TimeLayout.from_json(times.layout.to_json())
        np.testing.assert_array_equal(read_times(text_table(**columns), layout).numbers, times.numbers)

    def test_year_to_minute(self):
        names = ("year", "month", "day", "hour", "minute")
        rows = [("2020", "2", "29", "23", "45"), ("2020", "3", "1", "0", "0")]
        table = text_table(**{name: list(values) for name, values in zip(names, zip(*rows, strict=True), strict=True)})
        np.testing.assert_array_equal(read(table).numbers, stamps("2020-02-29T23:45", "2020-03-01"))

    @pytest.mark.parametrize(
        ("columns", "options", "message"),
        [
            ({"year": ["2021"], "month": ["2"], "day": ["29"]}, {}, "line 2: 2021-2-29 is not a date"),
            ({"year": ["2021"], "month": ["13"]}, {}, "line 2: 13 is not a month, which is 1 to 12"),
            ({"year": ["2021"], "doy": ["366"]}, {}, "line 2: the year 2021 has no day 366"),
            ({"year": ["2021", "2021"], "month": ["1", ""]}, {"time": "year,month"}, "no month. Give each row a time"),
            ({"a": ["2020-01-01"], "b": ["2020-01-02"]}, {"time": "a,b"}, "a and b of t.csv each have a date"),
            ({"month": ["1"], "day": ["2"]}, {"time": "month,day"}, "have no year. Add it to --time"),
            ({"a": ["2020-01-01"], "b": ["1"]}, {"time": "a,b", "format": "iso"}, "a format for each of the 2 columns"),
        ],
    )
    def test_faults_are_named(self, columns, options, message):
        with pytest.raises(InputError, match=message):
            read(text_table(**columns), **options)


class TestTypedColumns:
    @pytest.mark.parametrize(
        "array",
        [
            pa.array([date(2020, 1, 1), date(2020, 1, 2)]),
            pa.array([datetime(2020, 1, 1), datetime(2020, 1, 2)], pa.timestamp("s")),
            pa.array([datetime(2020, 1, 1), datetime(2020, 1, 2)], pa.timestamp("ns")),
            pa.array([1577836800, 1577923200]),
            pa.array([1577836800.0, 1577923200.0]),
            pa.array([1577836800000.0, 1577923200000.0]),
            pa.array([1577836800000000, 1577923200000000]),
            pa.array([1577836800000000000, 1577923200000000000]),
            pa.array(["2020-01-01", "2020-01-02"], pa.large_string()),
            pa.array([20200101, 20200102]),
        ],
    )
    def test_days(self, array):
        np.testing.assert_array_equal(read(typed_table(time=array)).numbers, stamps("2020-01-01", "2020-01-02"))

    def test_a_time_zone_is_kept(self):
        array = pa.array([datetime(2020, 7, 1, tzinfo=UTC)], pa.timestamp("us", "Europe/Berlin"))
        times = read(typed_table(time=array))
        assert times.layout.zone == "Europe/Berlin"
        np.testing.assert_array_equal(times.numbers, stamps("2020-07-01T02"))

    def test_dates_and_times_of_day(self):
        table = typed_table(time=pa.array([time(1), time(2)]), date=pa.array([date(2020, 1, 1)] * 2))
        np.testing.assert_array_equal(read(table).numbers, stamps("2020-01-01T01", "2020-01-01T02"))

    def test_fractions_of_seconds_since_1970_are_exact(self):
        times = read(text_table(time=["1600000000.5", "1600000001.25"]))
        np.testing.assert_array_equal(times.numbers, [1_600_000_000_500_000, 1_600_000_001_250_000])

    def test_null_is_named(self):
        table = typed_table(time=pa.array([datetime(2020, 1, 1), None]))
        with pytest.raises(InputError, match=r"row 2: the row has no time\. Give each row a time"):
            read(table)


@pytest.mark.parametrize("missing", ["", "NaT", "None", "NA", "null", "-"])
@pytest.mark.parametrize("format", ["%Y-%m-%d", "%d/%m/%Y", "%Y%m%d"])
def test_a_row_without_a_time_is_named(missing, format):
    days = [f"{date(2020, 1, 25) + timedelta(days=place):{format}}" for place in range(12)]
    days[7] = missing
    with pytest.raises(InputError, match=r"line 9: .*no date. Give each row a time"):
        read(text_table(date=days))


@pytest.mark.parametrize("fault", ["Total", "2020-13-01", "31/12/2020", "x"])
def test_a_text_that_is_no_time_is_named(fault):
    days = [f"{date(2020, 1, 25) + timedelta(days=place)}" for place in range(12)]
    days[7] = fault
    with pytest.raises(InputError, match=f"line 9: the date '{fault}' is not a time in the format of the others"):
        read(text_table(date=days))


def test_a_model_refuses_times_in_another_format():
    with pytest.raises(InputError, match=r"line 3: the t '31/01/2020' is not a time in ISO 8601.* Fix it\.$"):
        read_times(text_table(t=["2020-01-01", "31/01/2020"]), TimeLayout(("t",), (ISO,)))


@pytest.mark.parametrize("year", ["0001", "9998"])
def test_times_at_the_limits_of_years(year):
    table = text_table(t=[f"{year}-06-01 00:00", f"{year}-06-01 01:00"])
    np.testing.assert_array_equal(np.diff(read(table, time="t", zone="America/New_York").instants), HOUR)
    with pytest.raises(InputError, match="line 2: the time is not in the years 1 to 9998"):
        read(text_table(t=["9999-01-01", "9999-01-02"]), time="t")


@pytest.mark.parametrize("stored", [None, {}, {"columns": [], "kinds": ["x"], "zone": ""}, {"columns": 1}])
def test_damaged_layouts_are_refused(stored):
    with pytest.raises(InputError, match=r"^its layout of times"):
        TimeLayout.from_json(stored)
    with pytest.raises(InputError, match=r"^its time zone is unknown"):
        TimeLayout.from_json({"columns": [], "kinds": [], "zone": "Mars"})
