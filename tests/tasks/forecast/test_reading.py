"""Tables of series: columns, times, missing numbers, scales and windows."""

import gzip
import os

import numpy as np
import pyarrow
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from gatewright.data.time_texts import ISO
from gatewright.data.times import NUMBER, TimeLayout, Times
from gatewright.data.windows import Windows
from gatewright.support.errors import InputError
from gatewright.tasks.forecast.grid import Grid, find_grid
from gatewright.tasks.forecast.reading import NAMES, ColumnOptions, read_series
from gatewright.tasks.forecast.scales import Observed, Scales, fill_missing, normalize


def csv_file(folder, text, name="s.csv"):
    path = folder / name
    path.write_text(text)
    return str(path)


def hourly(rows, columns="a,b", first="2026-01-01"):
    times = np.datetime64(first, "s") + np.arange(rows) * np.timedelta64(1, "h")
    width = columns.count(",") + 1
    lines = [f"{time},{','.join(str(row + column) for column in range(width))}" for row, time in enumerate(times)]
    return "\n".join([f"date,{columns}", *lines]) + "\n"


class TestRead:
    def test_all_columns_of_numbers_are_targets(self, tmp_path):
        table = read_series(csv_file(tmp_path, hourly(5)), ColumnOptions())
        assert (table.variables, table.targets, table.future_covariates) == (("a", "b"), 2, 0)
        assert table.columns.layout.columns == ("date",)
        assert table.grid.step_name == "1 hour"
        np.testing.assert_array_equal(table.lines[0].values[:, 1], [1, 2, 3, 4, 5])

    def test_the_only_column_of_dates_is_the_time(self, tmp_path):
        table = read_series(csv_file(tmp_path, "Month,y\n1949-01,112\n1949-02,118\n1949-03,132\n"), ColumnOptions())
        assert table.columns.layout.columns == ("Month",)
        assert (table.variables, table.grid.step_name) == (("y",), "1 month")

    def test_roles(self, tmp_path):
        path = csv_file(tmp_path, hourly(5, "a,b,c,d"))
        table = read_series(path, ColumnOptions(target="b", past_covariates="all", future_covariates="c"))
        assert (table.variables, table.targets, table.future_covariates) == (("b", "a", "d", "c"), 1, 1)
        assert read_series(path, ColumnOptions(target="b, a")).variables == ("b", "a")

    def test_unsorted_rows_are_sorted_with_a_note(self, tmp_path):
        lines = hourly(6).strip().split("\n")
        table = read_series(csv_file(tmp_path, "\n".join([lines[0], *lines[:0:-1]])), ColumnOptions())
        np.testing.assert_array_equal(table.lines[0].values[:, 0], range(6))
        assert any("were sorted" in note for note in table.notes)

    def test_gaps_are_missing_numbers_with_a_note(self, tmp_path):
        lines = hourly(6).strip().split("\n")
        table = read_series(csv_file(tmp_path, "\n".join([*lines[:3], *lines[5:]])), ColumnOptions())
        np.testing.assert_array_equal(np.isnan(table.lines[0].values[:, 0]), [0, 0, 1, 1, 0, 0])
        assert "Times without a row, whose values are missing: 2." in table.notes

    def test_several_series(self, tmp_path):
        rows = [f"{day},{name},{day * 10 + place}" for day in range(4) for place, name in enumerate("qp")]
        table = read_series(csv_file(tmp_path, "\n".join(["ds,shop,y", *rows])), ColumnOptions(series_id="shop"))
        assert [line.name for line in table.lines] == ["p", "q"]
        np.testing.assert_array_equal(table.lines[0].values[:, 0], [1, 11, 21, 31])
        assert table.variables == ("y",)

    @pytest.mark.parametrize("form", ["parquet", "gz", "semicolon"])
    def test_other_formats(self, tmp_path, form):
        path = tmp_path / {"parquet": "s.parquet", "gz": "s.csv.gz", "semicolon": "s.csv"}[form]
        if form == "parquet":
            times = np.datetime64("2026-01-01", "s") + np.arange(4) * np.timedelta64(1, "D")
            parquet.write_table(pyarrow.table({"date": times, "a": np.arange(4.0), "b": np.arange(4)}), path)
        elif form == "gz":
            path.write_bytes(gzip.compress(hourly(4).encode()))
        else:
            path.write_text(hourly(4).replace(",", ";"))
        table = read_series(str(path), ColumnOptions())
        np.testing.assert_array_equal(table.lines[0].values[:, 0], range(4))

    @pytest.mark.parametrize(
        ("text", "wanted", "message"),
        [
            ("", ColumnOptions(), "has no rows: it is empty"),
            ("date,a\n", ColumnOptions(), "has no rows. Add a row for each time"),
            ("step,a\n1,1\n2,2\n", ColumnOptions(), "has no column of times. Choose it with --time, or .* --time none"),
            (
                hourly(3),
                ColumnOptions(time="x"),
                "--time 'x' is not a column of .*, which has 'date', 'a', 'b'",
            ),
            (hourly(3), ColumnOptions(target="aa"), "--target 'aa' is not a column of .*; did you mean 'a'"),
            (hourly(3), ColumnOptions(target="a", future_covariates="a"), "The column 'a' can only be one of"),
            (
                hourly(3).replace(",2,", ",two,"),
                ColumnOptions(target="a"),
                "must contain numbers, but line 4 has 'two'",
            ),
            (hourly(3).replace(",2,", ",inf,"), ColumnOptions(), "line 4: 'a' is infinite"),
            (
                "date,a\n2026-01-01,1\n2026-01-01,2\n2026-01-02,3\n",
                ColumnOptions(),
                "line 3: there are two rows with different numbers for the time 2026-01-01. .*--series-id",
            ),
            (
                "date,a\n1 of May,1\n2 of May,3\n",
                ColumnOptions(time="date"),
                "no times that can be read, such as '1 of May'. Give their format with --time-format",
            ),
            ("date,a\n2026-01-01,1\n", ColumnOptions(), "has only one time"),
            (
                "date,a\n2026-01-01,1\n2026-01-02,1\n2026-01-03 05:01:07,1\n",
                ColumnOptions(),
                "are not evenly spaced.* --frequency day",
            ),
            (
                "date,a\n1,1\n2,1\n3,2\n99,3\n",
                ColumnOptions(),
                "has 4 rows, but its times span 99 steps",
            ),
            ("date,a\n,1\n2026-01-02,3\n", ColumnOptions(), "line 2: the row has no date. Give each row a time"),
            ("date,a\n1,x\n2,y\n", ColumnOptions(), "has no column of numbers apart from date"),
            ("date,a,a\n1,2,3\n2,3,4\n", ColumnOptions(), "2 columns 'a'. Give each its own name"),
        ],
    )
    def test_refused(self, tmp_path, text, wanted, message):
        with pytest.raises(InputError, match=message):
            read_series(csv_file(tmp_path, text), wanted)

    def test_other_files_are_refused(self, tmp_path):
        with pytest.raises(InputError, match="ett-h9 does not exist; did you mean 'ett-h1'"):
            read_series("ett-h9", ColumnOptions())
        with pytest.raises(InputError, match=r"must be one of .csv"):
            read_series(csv_file(tmp_path, "x", "s.xlsx"), ColumnOptions())

    @pytest.mark.parametrize("name", NAMES)
    def test_named_sets(self, name, monkeypatch):
        if not os.environ.get("GATEWRIGHT_DATA"):
            pytest.skip("GATEWRIGHT_DATA is not set: the named sets are not there")
        table = read_series(name, ColumnOptions())
        assert table.variables == ("HUFL", "HULL", "MUFL", "MULL", "LUFL", "LULL", "OT")
        assert len(table.lines[0].values) == {"ett-h1": 17_420, "ett-m1": 69_680}[name]
        monkeypatch.delenv("GATEWRIGHT_DATA")
        with pytest.raises(
            InputError, match=f"^{name} cannot be downloaded automatically, and GATEWRIGHT_DATA is not set. Put ETT"
        ):
            read_series(name, ColumnOptions())


def times(names):
    numbers = np.array(names, "datetime64[us]").astype(np.int64)
    return Times(numbers, None, TimeLayout(("date",), (ISO,)))


def plain(numbers):
    return Times(np.asarray(numbers, np.int64), None, TimeLayout(("date",), (NUMBER,)))


class TestGrid:
    @pytest.mark.parametrize(
        ("names", "step_name", "season", "following"),
        [
            (["2026-01-01 00:15", "2026-01-01 00:30", "2026-01-01 00:45"], "15 minutes", 96, "2026-01-01T01:00:00"),
            (["2026-01-30", "2026-01-31", "2026-02-01"], "1 day", 7, "2026-02-02"),
            (["2026-01-04", "2026-01-11"], "1 week", 52, "2026-01-18"),
            (["2025-11-01", "2025-12-01", "2026-01-01"], "1 month", 12, "2026-02-01"),
            (["2025-11-30", "2025-12-31", "2026-01-31"], "1 month end", 12, "2026-02-28"),
            (["2025-11-01", "2026-02-01", "2026-05-01"], "3 months", 4, "2026-08-01"),
            (["1999-01-01", "2000-01-01", "2001-01-01"], "1 year", 1, "2002-01-01"),
        ],
    )
    def test_dates(self, names, step_name, season, following):
        given = times(names)
        grid = find_grid("s.csv", "date", given, [np.arange(len(names))], [""])
        assert (grid.step_name, grid.season) == (step_name, season)
        places = grid.places("s.csv", given)
        np.testing.assert_array_equal(places, range(len(names)))
        assert [grid.time_at(int(place)) for place in places] == [
            str(np.datetime64(name, "s")).removesuffix("T00:00:00") for name in names
        ]
        assert grid.time_at(len(names)) == following
        assert Grid.from_json(grid.to_json()) == grid

    def test_working_days(self):
        days = [day for day in np.arange(np.datetime64("2026-01-05"), np.datetime64("2026-02-05")) if np.is_busday(day)]
        given = times(days)
        grid = find_grid("s.csv", "date", given, [np.arange(len(days))], [""])
        assert (grid.step_name, grid.season) == ("1 working day", 5)
        np.testing.assert_array_equal(grid.places("s.csv", given), range(len(days)))
        assert [grid.time_at(place) for place in range(len(days))] == [str(day) for day in days]

    @given(step=st.integers(1, 9), start=st.integers(-99, 99), rows=st.integers(2, 20))
    def test_numbers(self, step, start, rows):
        given = plain(start + step * np.arange(rows))
        grid = find_grid("s.csv", "date", given, [np.arange(rows)], [""])
        np.testing.assert_array_equal(grid.places("s.csv", given), range(rows))
        assert [grid.time_at(place) for place in range(rows)] == [str(number) for number in given.numbers]
        assert (grid.season, grid.calendar(0, 3).shape) == (1, (3, 0))

    def test_a_calendar_has_day_week_and_year(self):
        grid = find_grid("s.csv", "date", times(["2026-01-01", "2026-01-01 01:00"]), [np.arange(2)], [""])
        turned = grid.calendar(0, 24 * 15)
        assert turned.shape == (24 * 15, 6)
        np.testing.assert_allclose(np.square(turned[:, :3]) + np.square(turned[:, 3:]), 1)
        year, week, day = range(3)
        np.testing.assert_allclose(turned[:24, day], turned[24:48, day], atol=1e-12)
        np.testing.assert_allclose(turned[:24, week], turned[168:192, week], atol=1e-12)
        assert not np.allclose(turned[:24, week], turned[24:48, week])
        assert np.ptp(turned[:, year]) > 0.1

    def test_a_time_between_two_places_is_refused(self):
        grid = find_grid("s.csv", "date", times(["2026-01-01", "2026-01-02"]), [np.arange(2)], [""])
        with pytest.raises(
            InputError, match="the time 2026-01-02T12:00:00, which is not a whole number of steps of 1 day"
        ):
            grid.places("r.csv", times(["2026-01-02 12:00"]))
        with pytest.raises(InputError, match=r"r\.csv has numbers as times, but the model was trained with dates"):
            grid.places("r.csv", plain(np.arange(3)))

    @pytest.mark.parametrize(
        "kept",
        [
            None,
            {},
            {"kind": "days", "step": 1, "origin": 0},
            {"kind": "months", "step": 0, "origin": 0},
            {"kind": "months", "step": 1.5, "origin": 0},
            {"kind": "seconds", "step": 1, "origin": 1 << 70},
        ],
    )
    def test_damaged(self, kept):
        with pytest.raises(InputError, match="its grid of times"):
            Grid.from_json(kept)


@given(
    rows=st.lists(st.tuples(*[st.one_of(st.just(np.nan), st.floats(-9, 9))] * 2), min_size=1, max_size=20),
    cut=st.integers(0, 20),
)
def test_observing_step_by_step_equals_observing_at_once(rows, cut):
    values = np.array(rows)
    whole = Observed.from_values(values)
    parts = Observed.from_values(values[:cut])
    for row in values[cut:]:
        parts = parts.followed_by(Observed.from_values(row[None], parts))
    np.testing.assert_array_equal(parts.values, whole.values)
    np.testing.assert_array_equal(parts.since, whole.since)
    for column, since, value in zip(whole.values.T, whole.since.T, values.T, strict=True):
        for place in range(len(value)):
            back = int(since[place])
            assert np.isnan(value[max(place - back + 1, 0) : place + 1]).all()
            assert np.isnan(column[place]) if back > place else column[place] == value[place - back]


def test_missing_numbers_are_carried_forward():
    values = np.array([[np.nan, np.nan], [1, np.nan], [np.nan, np.nan], [3, np.nan]])
    np.testing.assert_array_equal(fill_missing(values), [[1, 0], [1, 0], [1, 0], [3, 0]])


class TestScales:
    def test_scales_come_from_the_training_set_alone(self, tmp_path):
        table = read_series(csv_file(tmp_path, hourly(10)), ColumnOptions())
        scales = Scales.fit(table, [4], False)
        scale, is_known = scales.scale_of("", table.lines[0].values)
        assert is_known
        first = normalize(scale, table.lines[0].values)[:4]
        np.testing.assert_allclose(first.mean(axis=0), 0, atol=1e-12)
        np.testing.assert_allclose(first.std(axis=0), 1)

    def test_a_constant_variable_is_noted_and_stays_finite(self, tmp_path):
        text = "\n".join(["ds,a", *(f"{row},7.1" for row in range(9))])
        table = read_series(csv_file(tmp_path, text), ColumnOptions())
        scales = Scales.fit(table, [6], False)
        assert scales.notes(table, [6]) == ["a is constant in the training set."]
        seen = Observed.from_values(table.lines[0].values)
        np.testing.assert_allclose(scales.inputs(scales.scale_of("", seen.values)[0], seen, 0), 0, atol=1e-9)

    def test_a_variable_that_is_constant_in_training_is_noted(self, tmp_path):
        text = "\n".join(["ds,a,b", *(f"{row},{int(row > 6)},{row if row < 2 else ''}" for row in range(9))])
        table = read_series(csv_file(tmp_path, text), ColumnOptions())
        assert Scales.fit(table, [6], False).notes(table, [6]) == [
            "a is constant in the training set.",
            "7 of 9 numbers of b are missing. The last number before each is used.",
        ]

    def test_each_series_has_its_own_scale(self, tmp_path):
        rows = [f"{day},{name},{(day % 3) * size}" for day in range(9) for name, size in (("p", 1), ("q", 1000))]
        table = read_series(csv_file(tmp_path, "\n".join(["ds,shop,y", *rows])), ColumnOptions(series_id="shop"))
        scales = Scales.fit(table, [9, 9], False)
        one, other = (normalize(scales.scale_of(line.name, line.values)[0], line.values) for line in table.lines)
        np.testing.assert_allclose(one, other)
        unknown = np.arange(5.0)[:, None]
        scale, is_known = scales.scale_of("r", unknown)
        assert not is_known
        np.testing.assert_allclose(normalize(scale, unknown).mean(), 0, atol=1e-12)

    def test_json(self, tmp_path):
        table = read_series(
            csv_file(tmp_path, hourly(9, "a,b,c")),
            ColumnOptions(target="a", past_covariates="b", future_covariates="c"),
        )
        scales = Scales.fit(table, [6], True)
        again = Scales.from_json(scales.to_json())
        assert again.to_json() == scales.to_json()
        assert (again.future_features, again.features) == (7, 9)

    @pytest.mark.parametrize(
        "wrong",
        [
            {"kind": "words"},
            {"variables": []},
            {"variables": [1]},
            {"targets": 0},
            {"targets": 3},
            {"targets": "1"},
            {"since": 2},
            {"future_covariates": -1},
            {"future_covariates": 2},
            {"calendar": 1},
            {"series": {}},
            {"series": {"": [[0, 0]]}},
            {"series": {"": [[0, 0], [1, 0]]}},
            {"series": {"": [[0, 0], [1, float("inf")]]}},
            {"grid": None},
            {"columns": None},
            {"columns": {"series_id": 3}},
        ],
    )
    def test_damaged(self, tmp_path, wrong):
        table = read_series(csv_file(tmp_path, hourly(9)), ColumnOptions())
        with pytest.raises(InputError, match=r"^it"):
            Scales.from_json({**Scales.fit(table, [6], False).to_json(), **wrong})


class TestWindows:
    def test_windows_equal_the_array_that_they_replace(self):
        values = np.arange(20, dtype=np.float32).reshape(10, 2)
        windows = Windows(values, np.array([0, 3, 4]), 4)
        whole = np.stack([values[0:4], values[3:7], values[4:8]])
        assert (windows.shape, windows.ndim, len(windows), windows.dtype) == ((3, 4, 2), 3, 3, np.float32)
        np.testing.assert_array_equal(np.asarray(windows), whole)
        np.testing.assert_array_equal(windows[np.array([2, 0])], whole[[2, 0]])
