"""Find the columns of times, and how they are written."""

import subprocess
import sys
import time
from datetime import date, datetime, timedelta

import numpy as np
import pytest
from data.tables import text_table
from hypothesis import given
from hypothesis import strategies as st

from gatewright.data.time_formats import _formats
from gatewright.data.time_layouts import TimeOptions, find_layout, time_kind
from gatewright.data.times import read_times
from gatewright.support.errors import InputError


def days(first, count, step=1):
    start = date.fromisoformat(first)
    return [start + timedelta(days=place * step) for place in range(count)]


def written(dates, format):
    return [day.strftime(format) for day in dates]


def read(table, **options):
    layout, _ = find_layout(table, TimeOptions(**options))
    return read_times(table, layout)


def read_or_ambiguous(table, **options):
    """Return the times, or None if they are refused because several readings are possible."""
    try:
        return read(table, **options)
    except InputError as error:
        if "are ambiguous" in str(error) and "--time-format" in str(error):
            return None
        raise


def microseconds(times):
    return np.array(times, "datetime64[us]").astype(np.int64)


class TestOrderOfDayAndMonth:
    @pytest.mark.parametrize("format", ["%d/%m/%Y", "%m/%d/%Y", "%d-%m-%y", "%m/%d/%y", "%y/%m/%d", "%d.%m.%y"])
    def test_a_day_above_12_anywhere_decides(self, format):
        dates = days("2021-03-05", 40)
        np.testing.assert_array_equal(read(text_table(date=written(dates, format))).numbers, microseconds(dates))

    @given(
        first=st.dates(date(2001, 1, 1), date(2030, 1, 1)),
        count=st.integers(2, 40),
        step=st.sampled_from([1, 7, 28]),
        format=st.sampled_from(["%d/%m/%Y", "%m/%d/%Y", "%d/%m/%y", "%m/%d/%y", "%y/%m/%d", "%y%m%d", "%Y%m%d"]),
    )
    def test_dates_are_read_as_written_or_refused(self, first, count, step, format):
        dates = [first + timedelta(days=place * step) for place in range(count)]
        times = read_or_ambiguous(text_table(date=written(dates, format)))
        assert times is None or (times.numbers == microseconds(dates)).all()

    def test_what_stays_ambiguous_is_refused_with_remedies_that_work(self):
        dates = days("2020-03-01", 12)
        table = text_table(date=written(dates, "%d/%m/%Y"))
        remedies = "Give --day-first yes or --day-first no, or --time-format '%d/%m/%Y'"
        with pytest.raises(InputError, match=rf"'01/03/2020' may be 2020-03-01 or 2020-01-03\. {remedies}"):
            read(table)
        np.testing.assert_array_equal(read(table, day_first=True).numbers, microseconds(dates))
        np.testing.assert_array_equal(read(table, format="%d/%m/%Y").numbers, microseconds(dates))
        other = [day.replace(month=day.day, day=3) for day in dates]
        np.testing.assert_array_equal(read(table, day_first=False).numbers, microseconds(other))

    def test_hours_of_a_few_days_show_the_order(self):
        hours = [datetime(2020, 3, 1) + timedelta(hours=hour) for hour in range(240)]
        for format in ("%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M"):
            np.testing.assert_array_equal(read(text_table(date=written(hours, format))).numbers, microseconds(hours))

    def test_the_order_of_rows_shows_the_order_of_irregular_times(self):
        rng = np.random.default_rng(0)
        dates = [day for day in days("2020-01-01", 300) if day.day <= 12 and rng.random() < 0.5]
        for format in ("%d/%m/%Y", "%m/%d/%Y"):
            np.testing.assert_array_equal(read(text_table(date=written(dates, format))).numbers, microseconds(dates))

    def test_a_wrong_order_is_refused(self):
        with pytest.raises(InputError, match=r"--day-first no does not fit the times in the column 'date' .* Leave it"):
            read(text_table(date=written(days("2020-01-01", 40), "%d/%m/%Y")), time="date", day_first=False)


@pytest.mark.parametrize("start", range(8))
def test_each_format_is_found_and_read(start):
    """The reading with a format that was found equals what strftime wrote, whatever the format."""
    rng = np.random.default_rng(start)
    for format in _formats()[start::150]:
        if "%q" in format or "%G" in format or "%j" in format:
            continue
        steps = np.sort(rng.choice(500, 90, replace=False))
        times = [datetime(2021, 1, 1) + timedelta(days=int(step), minutes=61 * int(step)) for step in steps]
        kept = {"%d": "day", "%H": "hour", "%I": "hour", "%M": "minute"}
        lowest = {part: 1 if part == "day" else 0 for mark, part in kept.items() if mark not in format}
        lowest = {part: value for part, value in lowest.items() if not (part == "hour" and "%I" in format)}
        lowest = {part: value for part, value in lowest.items() if not (part == "hour" and "%H" in format)}
        wanted = [one.replace(**lowest) for one in times]
        found = read_or_ambiguous(text_table(date=written(times, format)), time="date")
        assert found is None or (found.numbers == microseconds(wanted)).all(), format


@pytest.mark.parametrize(
    ("texts", "kind"),
    [
        (["201901", "201902", "201912"], "%Y%m"),
        (["20190131", "20190201"], "%Y%m%d"),
        (["31012019", "01022019"], "%d%m%Y"),
        (["2019013107", "2019013108"], "%Y%m%d%H"),
        (["201901310730", "201901310800"], "%Y%m%d%H%M"),
        (["1546300800", "1546304400"], "epoch s"),
        (["1546300800000", "1546304400000"], "epoch ms"),
        (["1546300800000000", "1546304400000000"], "epoch us"),
        (["1546300800000000000", "1546304400000000000"], "epoch ns"),
        (["1546300800.5", "1546304400.0"], "epoch s"),
        (["1999", "2000"], "%Y"),
        (["1", "2"], "number"),
        (["-1", "0"], "number"),
        (["1.5", "2.5"], None),
        (["9" * 30, "8" * 30], None),
    ],
)
def test_numbers_that_are_times(texts, kind):
    assert time_kind(text_table(time=texts), "time", TimeOptions()) == kind


def test_numbers_are_years_only_in_a_column_of_that_name():
    assert time_kind(text_table(load=["1999", "2000"]), "load", TimeOptions()) == "number"


@pytest.mark.parametrize(
    ("columns", "chosen"),
    [
        ({"a": ["1", "2"], "when": ["2020-01-01", "2020-01-02"]}, ("when",)),
        ({"start": ["2020-01-01", "2020-01-02"], "end": ["2020-01-02", "2020-01-03"]}, ("start",)),
        ({"a": ["1600000000", "1600003600"]}, ("a",)),
        ({"revenue": ["1600000000", "1600003600", "1700003600"], "date": ["1", "2", "3"]}, ("date",)),
        ({"Date": ["2020-01-01"] * 2, "Hour": ["1", "2"]}, ("Date", "Hour")),
    ],
)
def test_columns_are_found(columns, chosen):
    assert find_layout(text_table(**columns), TimeOptions())[0].columns == chosen


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"a": ["1", "2"]}, "has no column of times. Choose it with --time, or several columns"),
        ({"revenue": ["1600000000", "1600003611", "1700003600"]}, "has no column of times"),
        ({"date": ["", ""]}, "The column 'date' of t.csv is empty. Give each row a time"),
        ({"date": ["NaT", "NaT"]}, "The column 'date' of t.csv is empty"),
    ],
)
def test_tables_without_times_are_refused(columns, message):
    with pytest.raises(InputError, match=message):
        find_layout(text_table(**columns), TimeOptions())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"format": "%d/%m/%Y"}, r"No time in the column 'date' .* has the --time-format '%d/%m/%Y'; the first is"),
        ({"format": "%Q"}, "has %Q, which is not supported"),
        ({"format": "dd/mm/yyyy"}, "--time-format must be a format of strptime"),
        ({"time": "when"}, "--time 'when' is not a column of t.csv"),
    ],
)
def test_wrong_options_are_refused(options, message):
    with pytest.raises(InputError, match=message):
        read(text_table(date=written(days("2020-01-01", 40), "%Y-%m-%d")), **options)


def test_texts_in_another_language_get_a_hint():
    with pytest.raises(InputError, match="Names of months must be English"):
        read(text_table(date=["1. Januar 2020", "2. Januar 2020"]), time="date")


@pytest.mark.parametrize("format", ["%Y-%m-%d %H:%M:%S", "%d/%m/%Y %H:%M", "%b %d, %Y %I:%M %p"])
def test_many_different_times_are_read_fast(format):
    """40,000 times take about 0.2 s; one call of strptime for each format and time took 4 s."""
    table = text_table(t=written([datetime(2001, 1, 3) + timedelta(minutes=place) for place in range(40_000)], format))
    start = time.process_time()
    times = read(table, time="t")
    assert time.process_time() - start < 2
    np.testing.assert_array_equal(np.diff(times.numbers), 60_000_000)


def test_times_are_read_without_pandas():
    program = (
        "import sys\n"
        "from importlib.abc import MetaPathFinder\n"
        "class Blocker(MetaPathFinder):\n"
        "    def find_spec(self, name, path, target=None):\n"
        "        if name == 'pandas':\n"
        "            raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, Blocker())\n"
        "from pathlib import Path\n"
        "import pyarrow as pa\n"
        "from gatewright.data.tables import Table\n"
        "from gatewright.data.time_layouts import TimeOptions, find_layout\n"
        "from gatewright.data.times import read_times\n"
        "table = Table(Path('t.csv'), pa.table({'t': ['31/01/2020 10:00', '01/02/2020 11:00']}), as_written=True)\n"
        "print(read_times(table, find_layout(table, TimeOptions(time='t'))[0]).numbers.tolist())\n"
    )
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert shown.strip() == str(microseconds(["2020-01-31T10", "2020-02-01T11"]).tolist())
