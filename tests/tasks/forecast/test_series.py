"""Series of a table: their names and keys, repeated times, wide tables, .tsf files, and the roles of columns."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gatewright.support.errors import InputError
from gatewright.tasks.forecast.reading import ColumnOptions, read_for_model, read_series
from gatewright.tasks.forecast.scales import Scales


def write(folder, text, name="s.csv", encoding="utf-8"):
    path = folder / name
    path.write_text(text, encoding=encoding)
    return str(path)


def dates(count, first="2020-01-01", frequency="D", format="%Y-%m-%d"):
    return list(pd.date_range(first, periods=count, freq=frequency).strftime(format))


def lines(header, rows):
    return "\n".join([header, *(",".join(map(str, row)) for row in rows)]) + "\n"


def panel(names, count=30, column="shop"):
    return lines(
        f"date,{column},y", [(day, n, p + 100 * k) for p, day in enumerate(dates(count)) for k, n in enumerate(names)]
    )


def read(folder, text, name="s.csv", encoding="utf-8", **options):
    return read_series(write(folder, text, name, encoding), ColumnOptions(**options))


def notes(table):
    return " ".join(table.notes)


class TestNames:
    @pytest.mark.parametrize("options", [{}, {"series_id": "shop"}])
    def test_names_are_texts_exactly_as_written(self, tmp_path, options):
        names = ["NA", "007", "", "é", "A / B", "null", "1.0", " x"]
        table = read(tmp_path, panel(names), **options)
        assert [line.name for line in table.lines] == sorted(names)
        assert [line.keys for line in table.lines] == [(name,) for name in sorted(names)]
        for line in table.lines:
            np.testing.assert_array_equal(line.values[:, 0], np.arange(30) + 100 * names.index(line.name))

    def test_latin_1(self, tmp_path):
        table = read(tmp_path, panel(["Köln", "Bär"]), encoding="latin-1", series_id="shop")
        assert [line.name for line in table.lines] == ["Bär", "Köln"]
        assert "Latin-1" in notes(table)

    def test_different_keys_have_different_names(self, tmp_path):
        keys = [("x / y", "z"), ("x", "y / z")]
        rows = [(day, *key, p + 9 * k) for p, day in enumerate(dates(30)) for k, key in enumerate(keys)]
        table = read(tmp_path, lines("date,a,b,y", rows), series_id="a,b")
        assert len({line.name for line in table.lines}) == 2
        assert sorted(line.keys for line in table.lines) == sorted(keys)

    def test_two_columns_are_found_if_one_is_not_enough(self, tmp_path):
        rows = [
            (day, store, item, p * 10 + 3 * len(store) + item)
            for p, day in enumerate(dates(30))
            for store in ("a", "bb")
            for item in (1, 2)
        ]
        table = read(tmp_path, lines("date,store,item,y", rows))
        assert table.columns.series_id == ("store", "item")
        assert (
            "The rows were read as 4 series, identified by store, item. Choose other columns with --series-id"
            in notes(table)
        )
        assert table.variables == ("y",)

    def test_several_choices_are_refused(self, tmp_path):
        rows = [(day, k, f"n{k % 3}{k}", 5 + p * 7 + k) for p, day in enumerate(dates(30)) for k in (1, 2, 3)]
        table = read(tmp_path, lines("date,code,name,y", rows))
        assert len(table.lines) == 3  # both columns tell the same series apart

    @pytest.mark.parametrize("column", ["Hour", "SETTLEMENT_PERIOD", "interval"])
    def test_times_of_day_are_not_taken_for_series(self, tmp_path, column):
        rows = [(day, k, 5 + p * 7 + k) for p, day in enumerate(dates(30)) for k in range(1, 25)]
        text = lines(f"date,{column},y", rows)
        if column == "Hour":
            assert read(tmp_path, text).grid.step_name == "1 hour"
            return
        with pytest.raises(
            InputError, match=rf"{column}.* may be the time of day .* --series-id {column}; or.* --time none"
        ):
            read(tmp_path, text)
        assert len(read(tmp_path, text, series_id=column).lines) == 24
        assert len(read(tmp_path, text, time="none", target="y").lines[0].values) == 720


class TestRepeatedTimes:
    def test_copies_are_left_out_with_a_note(self, tmp_path):
        rows = [(day, p) for p, day in enumerate(dates(30))]
        table = read(tmp_path, lines("date,y", [*rows, *rows[:3]]))
        assert len(table.lines[0].values) == 30
        assert "Rows that repeated the time and the numbers of another row were left out: 3." in table.notes
        assert "The rows were not in the order of their times and were sorted." in table.notes

    def test_different_numbers_are_refused_with_remedies_that_work(self, tmp_path):
        rows = [(day, p) for p, day in enumerate(dates(30))]
        text = lines("date,y", [*rows, ("2020-01-10", 99)])
        with pytest.raises(InputError, match=r"line 32: there are two rows .* 2020-01-10.* --frequency"):
            read(tmp_path, text)
        table = read(tmp_path, text, frequency="day")
        assert table.lines[0].values[9, 0] == (9 + 99) / 2
        assert "The 31 rows were averaged to steps of 1 day." in table.notes

    def test_the_repeated_hour_of_autumn_is_averaged_with_a_note(self, tmp_path):
        index = pd.date_range("2020-10-24", periods=72, freq="h", tz="Europe/Berlin")
        text = lines("date,y", [(f"{hour:%Y-%m-%d %H:%M}", p) for p, hour in enumerate(index)])
        table = read(tmp_path, text)
        assert len(table.lines[0].values) == 71
        assert "were averaged with it: 1. Give --time-zone to keep them apart" in notes(table)
        assert table.lines[0].values[26, 0] == 26.5
        assert len(read(tmp_path, text, time_zone="Europe/Berlin").lines[0].values) == 72

    def test_irregular_times_are_averaged_with_a_frequency(self, tmp_path):
        rng = np.random.default_rng(0)
        seconds = np.sort(rng.integers(0, 86_400 * 5, 400))
        index = pd.Timestamp("2020-01-01") + pd.to_timedelta(seconds, unit="s")
        text = lines("date,y", [(hour, p) for p, hour in enumerate(index)])
        with pytest.raises(InputError, match=r"are not evenly spaced.* --frequency minute"):
            read(tmp_path, text)
        table = read(tmp_path, text, frequency="hour")
        wanted = pd.Series(np.arange(400.0), index).resample("h").mean()
        np.testing.assert_allclose(table.lines[0].values[:, 0], wanted)
        assert table.grid.time_at(0) == wanted.index[0].isoformat()

    def test_remedies_of_a_model_name_no_options_of_training(self, tmp_path):
        scales = Scales.fit(read(tmp_path, lines("date,y", enumerated(30))), [30], False)
        for rows in (
            [*enumerated(9), ("2020-01-05", 77)],
            [("2020-01-01", 1), ("2020-01-02 05:00", 2)],
            [("2020-01-01", 1), ("2029-01-01", 2)],
            [("2020-01-01", "high"), ("2020-01-02", 2)],
            [("2020-01-01", 1), ("02/01/2020", 2)],
        ):
            with pytest.raises(InputError) as error:
                read_for_model(write(tmp_path, lines("date,y", rows)), scales)
            assert "--" not in str(error.value)


def enumerated(count):
    return [(day, p * 7 % 11) for p, day in enumerate(dates(count))]


class TestWide:
    @pytest.mark.parametrize(
        ("names", "step", "first"),
        [
            (dates(12, "2020-01-25"), "1 day", "2020-01-25"),
            (dates(12, "2020-01-25", format="%d/%m/%Y"), "1 day", "2020-01-25"),
            (dates(12, "2020-01-25", format="%m/%d/%y"), "1 day", "2020-01-25"),
            (dates(14, "2020-01-01", "MS", "%b-%y"), "1 month", "2020-01-01"),
            (dates(14, "2020-01-01", "MS", "%Y%m"), "1 month", "2020-01-01"),
            (dates(14, "2020-01-01", "MS", "%Y-%m"), "1 month", "2020-01-01"),
            ([f"{2000 + p // 4}Q{p % 4 + 1}" for p in range(12)], "3 months", "2000-01-01"),
            ([str(year) for year in range(1990, 2002)], "1 year", "1990-01-01"),
            ([f"{year} [YR{year}]" for year in range(1990, 2002)], "1 year", "1990-01-01"),
            ([f"d_{p}" for p in range(1, 13)], "1 number", "1"),
            (dates(30, "2020-01-01 00:00", "h", "%Y-%m-%d %H:%M"), "1 hour", "2020-01-01T00:00:00"),
        ],
    )
    def test_columns_are_times(self, tmp_path, names, step, first):
        rows = [(key, *(10 * k + p for p in range(len(names)))) for k, key in enumerate(("a", "b"))]
        table = read(tmp_path, lines(",".join(["name", *names]), rows))
        assert (table.grid.step_name, table.grid.time_at(0), table.variables) == (step, first, ("value",))
        assert [line.name for line in table.lines] == ["a", "b"]
        np.testing.assert_array_equal(table.lines[1].values[:, 0], 10 + np.arange(len(names)))
        assert "has a column for each time" in notes(table)
        # A model reads a wide table with few columns.
        again = lines(",".join(["name", *names[-3:]]), [("a", 7, 8, 9)])
        read_again = read_for_model(write(tmp_path, again), Scales.fit(table, [9, 9], False))
        np.testing.assert_array_equal(read_again.lines[0].values[:, 0], [7, 8, 9])
        if step != "1 number":  # which counts from the first column of each file
            assert read_again.lines[0].first == len(names) - 3

    def test_series_are_named_by_words_rather_than_by_a_position(self, tmp_path):
        rows = [(*key, *range(p, p + 9)) for p, key in enumerate([("", "DE", 1.5), ("x", "DE", 2.5), ("", "FR", 3.5)])]
        table = read(tmp_path, lines(",".join(["Province", "Country", "Lat", *dates(9)]), rows))
        assert table.columns.series_id == ("Province", "Country")
        assert "Left out: Lat." in notes(table)

    @pytest.mark.parametrize("first", [0, 1])
    def test_hours_of_a_day(self, tmp_path, first):
        names = [f"h{hour}" for hour in range(first, first + 24)]
        rows = [(day, *(p * 24 + hour for hour in range(24))) for p, day in enumerate(dates(9))]
        table = read(tmp_path, lines(",".join(["date", *names]), rows))
        assert (table.grid.step_name, table.grid.time_at(0)) == ("1 hour", "2020-01-01T00:00:00")
        np.testing.assert_array_equal(table.lines[0].values[:, 0], np.arange(9 * 24))

    @pytest.mark.parametrize("minutes", [60, 30, 15])
    def test_clock_times(self, tmp_path, minutes):
        clocks = [f"{at // 60:02d}:{at % 60:02d}" for at in range(0, 24 * 60, minutes)]
        rows = [(day, *(p * len(clocks) + at for at in range(len(clocks)))) for p, day in enumerate(dates(9))]
        table = read(tmp_path, lines(",".join(["date", *clocks]), rows))
        np.testing.assert_array_equal(table.lines[0].values[:, 0], np.arange(9 * len(clocks)))

    def test_months_of_a_year_without_their_sum(self, tmp_path):
        header = "Year,Jan,Feb,Mar,Apr,May,Jun,Jul,Aug,Sep,Oct,Nov,Dec,Annual"
        rows = [(1990 + p, *(p * 12 + month for month in range(12)), 999) for p in range(9)]
        rows[-1] = (1998, 96, 97, *[""] * 10, "")
        table = read(tmp_path, lines(header, rows))
        assert (table.variables, table.grid.step_name) == (("value",), "1 month")
        np.testing.assert_array_equal(table.lines[0].values[:, 0], np.arange(98))
        assert "Left out: Annual." in notes(table)

    @pytest.mark.parametrize(
        ("header", "rows", "options", "message"),
        [
            (
                ["name", *dates(9)],
                [("a", *range(9)), ("a", *range(9))],
                {},
                "no column has a different name in each row",
            ),
            (["name", *dates(9), "2020-01-01"], [("a", *range(10))], {}, "has 2 columns '2020-01-01'"),
            (["date", "y"], enumerated(9), {"layout": "wide"}, "named by times or numbered. Leave --layout out"),
            (
                ["n", *dates(9, format="%d/%m/%Y")],
                [("a", *range(9))],
                {},
                "'02/01/2020' may be .* Give --day-first yes",
            ),
        ],
    )
    def test_refused(self, tmp_path, header, rows, options, message):
        with pytest.raises(InputError, match=message):
            read(tmp_path, lines(",".join(header), rows), **options)

    def test_numbered_sensors_stay_variables(self, tmp_path):
        rows = [(day, *range(p, p + 20)) for p, day in enumerate(dates(30))]
        assert len(read(tmp_path, lines(",".join(["date", *(f"s{k}" for k in range(20))]), rows)).variables) == 20


class TestTsf:
    def test_series_with_times(self, tmp_path):
        header = "@attribute series_name string\n@attribute start_timestamp date\n@frequency monthly\n@data\n"
        text = f"# comment\n@relation x\n{header}T1:1979-01-01 00-00-00:1,?,3\nT2:1979-03-01 00-00-00:4,5\n"
        table = read(tmp_path, text, "s.tsf")
        assert [(line.name, line.first) for line in table.lines] == [("T1", 0), ("T2", 2)]
        np.testing.assert_array_equal(table.lines[0].values[:, 0], [1, np.nan, 3])
        assert (table.grid.step_name, table.grid.time_at(3)) == ("1 month", "1979-04-01")

    def test_series_without_times_have_the_season_of_the_frequency(self, tmp_path):
        table = read(tmp_path, "@attribute series_name string\n@frequency weekly\n@data\nT1:1,2,3\n", "s.tsf")
        assert (table.grid.season, table.lines[0].values[:, 0].tolist()) == (52, [1, 2, 3])

    def test_series_without_attributes(self, tmp_path):
        table = read(tmp_path, "@frequency daily\n@data\n1,2,3\n4,5,6\n", "s.tsf")
        assert len(table.lines) == 2

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("@attribute a string\n@data\n", "has no series after @data"),
            ("@attribute a string\n@data\nT1:x:1,2\n", "line 3: the series has 2 attributes before its values, but"),
            ("@attribute a string\n@frequency daily\n@data\nT1:1,x\n", "line 4 has 'x', which is not a number"),
            (
                "@attribute t date\n@frequency daily\n@data\nsoon:1,2\n",
                "line 4: the start time 'soon' is not written as",
            ),
            ("@attribute t date\n@frequency foo\n@data\n2020-01-01 00-00-00:1,2\n", "the frequency 'foo' of the file"),
        ],
    )
    def test_refused(self, tmp_path, text, message):
        with pytest.raises(InputError, match=message):
            read(tmp_path, text, "s.tsf")


class TestRoles:
    def test_the_index_of_pandas_is_left_out(self, tmp_path):
        frame = pd.DataFrame({"date": dates(30), "y": np.arange(30) * 7 % 11})
        frame.to_csv(tmp_path / "s.csv")
        table = read_series(str(tmp_path / "s.csv"), ColumnOptions())
        assert table.variables == ("y",)
        assert "Left out: '' (numbers of the rows)." in notes(table)

    def test_each_column_that_is_left_out_is_named_with_the_reason(self, tmp_path):
        rows = [(day, p, "x", "", f"{p}*" if p == 7 else p, day) for p, day in enumerate(dates(30))]
        table = read(tmp_path, lines("date,y,text,empty,stray,other", rows))
        assert table.variables == ("y",)
        assert (
            "Left out: text (texts); stray (line 9 has '7*', which is not a number); other (times)." in table.notes
            or "empty (empty)" in notes(table)
        )
        for name in ("text (texts)", "stray (line 9 has '7*', which is not a number)", "other (times)"):
            assert name in notes(table)

    @pytest.mark.parametrize("role", ["past_covariates", "future_covariates"])
    @pytest.mark.parametrize("texts", ["NSEW", ["S1", "S2", "S3"], ["0", "a", "b"]])
    def test_texts_of_covariates_are_categories(self, tmp_path, role, texts):
        rows = [(day, p, texts[p % len(texts)]) for p, day in enumerate(dates(30))]
        table = read(tmp_path, lines("date,y,wind", rows), target="y", **{role: "wind"})
        assert table.variables == ("y", *(f"wind={text}" for text in sorted(texts)))
        np.testing.assert_array_equal(table.lines[0].values[:, 1:].sum(axis=1), 1)
        other = lines("date,y,wind", [("2020-02-01", 1, texts[0]), ("2020-02-02", 2, "unseen")])
        again = read_for_model(write(tmp_path, other), Scales.fit(table, [30], False))
        assert again.lines[0].values[1, 1:].tolist() == [0] * len(texts)
        assert "wind has texts that were not in the training data, which are ignored: unseen." in again.notes

    def test_a_covariate_with_too_many_texts_is_refused(self, tmp_path):
        rows = [(day, p, f"w{p}") for p, day in enumerate(dates(150))]
        with pytest.raises(InputError, match="has 150 different texts, but a covariate has at most 100"):
            read(tmp_path, lines("date,y,wind", rows), target="y", past_covariates="wind")

    def test_a_number_that_may_stand_for_missing_ones_is_noted(self, tmp_path):
        rows = [(day, -200 if p % 9 == 4 else p + 1, p - 5) for p, day in enumerate(dates(30))]
        table = read(tmp_path, lines("date,y,z", rows))
        assert "3 numbers of y are -200, its only negative number. If that stands for a missing number" in notes(table)
        assert "of z are" not in notes(table)

    def test_a_decimal_character_is_kept_for_the_model(self, tmp_path):
        text = "date;y\n" + "\n".join(f"{day};{p + 1}.234,5" for p, day in enumerate(dates(30)))
        table = read(tmp_path, text)
        other = write(tmp_path, "date;y\n2020-02-01;1.234\n2020-02-02;2.345\n")
        again = read_for_model(other, Scales.fit(table, [30], False))
        np.testing.assert_array_equal(again.lines[0].values[:, 0], [1234, 2345])

    def test_an_unclear_decimal_character_is_refused_with_its_option(self, tmp_path):
        text = "date;y\n" + "\n".join(f"{day};{p + 1}.234" for p, day in enumerate(dates(30)))
        with pytest.raises(InputError, match=r"the point in '1.234' may be .*: give --decimal"):
            read(tmp_path, text)
        assert read(tmp_path, text, decimal=",").lines[0].values[0, 0] == 1234
        assert read(tmp_path, text, decimal=".").lines[0].values[0, 0] == 1.234

    def test_rows_without_times(self, tmp_path):
        text = "y\n" + "\n".join(str(p * 7 % 11) for p in range(30))
        table = read(tmp_path, text, time="none", frequency="hour")
        assert (table.grid.season, table.grid.time_at(0), len(table.lines[0].values)) == (24, "1", 30)
        with pytest.raises(InputError, match="--time none"):
            read(tmp_path, text)

    def test_names_with_line_breaks_stay_on_one_line(self, tmp_path):
        table = read(tmp_path, '"my\ndate","the\nload"\n' + "\n".join(f"{day},{p}" for p, day in enumerate(dates(30))))
        assert all("\n" not in note for note in table.notes)
        assert table.variables == ("the\nload",)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"date\n\n\n\n\n", "no column of numbers|has no rows|only one|no column of times"),
        (b"\n\n\n", "is empty"),
        (b"date,y\n", "has no rows"),
        (b"date,y\n2020-01-01,1\n", "has only one time"),
        (b"date,y\n" + b"2020-01-01,1\n" * 9, "has only one time"),
        (bytes(range(256)) * 9, "is not text"),
        (b"date,y\n2020-01-01,1\x00\n2020-01-02,2\n", "bytes that are not text"),
        (b"date,y\n,1\n,2\n", "The column 'date' of .* is empty"),
        (b"date,date,y\n2020-01-01,2020-01-01,1\n2020-01-02,2020-01-02,2\n", "has 2 columns 'date'"),
        (b"date,y\n2020-01-01,1e400\n2020-01-02,2\n", "line 2: 'y' is infinite"),
        (b"time,y\n0,1\n-1,2\n9,3\n" + b"9" * 40 + b",1\n", "time"),
    ],
)
def test_odd_files_are_refused_in_one_sentence(tmp_path, content, message):
    path = tmp_path / "s.csv"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message) as error:
        read_series(str(path), ColumnOptions())
    assert "\n" not in str(error.value)


ODD = [
    *("", "NA", "NaT", "-", "1e400", "inf", "0001-01-01", "9999-12-31", "10000-01-01", "24:00", "2020-02-30"),
    *("31/12/2020", '"1,234"', "1.234", '"12,5"', "$5", "5%", "(3)", "é", '""', "'", ";", "9" * 25, "1614556800"),
    *("99999999999999999999", "20200101", "202013", "Q1", "Jan", "M13", "2020-W60", "2020-01-01T00:00:00+99:00"),
    *("2020-01-01 00:00-00:00", "True", "0x1F", "--", "٣", "\x01", " ", "2020-01-01 - 2020-01-02", "\u202f"),
]


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    changes=st.lists(st.tuples(st.integers(0, 24), st.integers(0, 3), st.sampled_from(ODD)), min_size=1, max_size=6),
    options=st.sampled_from(
        [
            {},
            {"time": "none"},
            {"frequency": "hour"},
            {"time_zone": "Europe/Berlin"},
            {"day_first": "yes"},
            {"decimal": ","},
        ]
    ),
)
def test_any_cell_gives_a_table_or_one_sentence(tmp_path, changes, options):
    rows = [["date", "shop", "y", "z"], *([day, "ab"[p % 2], p, p / 2] for p, day in enumerate(dates(24)))]
    for row, column, text in changes:
        rows[row][column] = text
    path = write(tmp_path, "\n".join(",".join(map(str, row)) for row in rows) + "\n")
    message = ""
    try:
        table = read_series(path, ColumnOptions(**options))
    except InputError as error:
        message = str(error)
    assert "\n" not in message
    assert len(message) < 1000
    if message:
        return
    assert all(np.isfinite(line.values[~np.isnan(line.values)]).all() for line in table.lines)
    assert all("\n" not in note for note in table.notes)
    # A model reads the file that it was trained on in the same way.
    scales = Scales.fit(table, [len(line.values) for line in table.lines], False)
    again = read_for_model(path, Scales.from_json(scales.to_json()))
    for line, other in zip(table.lines, again.lines, strict=True):
        assert (line.name, line.first) == (other.name, other.first)
        np.testing.assert_array_equal(line.values, other.values)
