"""Public layouts of tables of time series.

The first tests check the layouts themselves: pandas reads each file in a way that is written for its layout, and finds
the targets, times and series that the layout declares. The others check that Gatewright finds the same by itself.
"""

import gzip
import io
import re
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from tasks.forecast.layouts import LAYOUTS
from tasks.forecast.public_layout import NUMBERED, VALUE, unnamed

from gatewright.commands import main as cli
from gatewright.support.errors import InputError
from gatewright.tasks.forecast.reading import ColumnOptions, read_series

OPTIONS = {
    "time",
    "time_format",
    "day_first",
    "time_zone",
    "frequency",
    "series_id",
    "target",
    "past_covariates",
    "future_covariates",
    "header",
    "decimal",
    "layout",
}

REPEATED = {"PJM hourly": 1, "ENTSO-E day-ahead prices": 1}
"""The number of rows whose time was in a row before, for layouts with one row for each hour of local time."""


def rows(time, series=None, pattern="ISO8601", **options):
    """Return a reader of a table with a row for each time and series.

    Args:
        time: The columns of times. Their texts are joined by spaces.
        series: The columns of series ids, if there are several series.
        pattern: The pattern of `strptime` for the joined texts.
        options: Options of `pandas.read_csv`.
    """

    def read(path):
        data = pd.read_csv(path, **({"dtype": dict.fromkeys(time, str)} | options))
        texts = data[time[0]].str.cat([data[name] for name in time[1:]], sep=" ")
        names = data[series].fillna("").astype(str).agg("/".join, axis=1) if series else ""
        values = data.drop(columns=[*time, *(series or [])])
        return values.assign(TIME=pd.to_datetime(texts, format=pattern), SERIES=names)

    return read


def columns(series, left_out=(), pattern=None, **options):
    """Return a reader of a table with a row for each series and a column for each time.

    Args:
        series: The columns of series ids.
        left_out: Other columns that are not times.
        pattern: The pattern of `strptime` for the names of the columns. Without one, columns are numbered from 1.
        options: Options of `pandas.read_csv`.
    """

    def read(path):
        data = pd.read_csv(path, keep_default_na=False, **options)
        values = data.drop(columns=[*series, *left_out])
        values.columns = pd.to_datetime(values.columns, format=pattern) if pattern else range(1, values.shape[1] + 1)
        values.index = data[series].agg("/".join, axis=1)
        long = values.stack().rename_axis(["SERIES", "TIME"]).rename(VALUE).reset_index()
        return long[long[VALUE] != ""].astype({VALUE: float})

    return read


def without(read, *names):
    """Return a reader that leaves out columns, such as row numbers."""
    return lambda path: read(path).drop(columns=list(names))


def numbers_in(read, *names):
    """Return a reader that takes units, signs and thousands separators away from the numbers of columns."""

    def cleaned(path):
        data = read(path)
        for name in names:
            millions = data[name].str.endswith("M")
            plain = data[name].str.strip("$%M").str.replace(",", "").replace("-", None)
            data[name] = plain.astype(float) * np.where(millions, 1e6, 1)
        return data

    return cleaned


def read_pm25(path):
    data = pd.read_csv(path)
    times = pd.to_datetime(data[["year", "month", "day", "hour"]])
    return data.drop(columns=["No", "year", "month", "day", "hour"]).assign(TIME=times, SERIES="")


def read_entsoe(path):
    data = pd.read_csv(path)
    starts = data.pop("MTU (CET/CEST)").str[:16]
    return data.assign(TIME=pd.to_datetime(starts, format="%d.%m.%Y %H:%M"), SERIES="")


def read_gefcom_2012(path):
    data = pd.read_csv(path, thousands=",")
    long = data.melt(["zone_id", "year", "month", "day"], var_name="hour", value_name=VALUE)
    dates = pd.to_datetime(long[["year", "month", "day"]])
    times = dates + pd.to_timedelta(long.hour.str[1:].astype(int) - 1, unit="h")
    return pd.DataFrame({VALUE: long[VALUE], "TIME": times, "SERIES": long.zone_id})


def read_meteostat_hourly(path):
    data = pd.read_csv(path, header=None, names=[unnamed(place) for place in range(1, 14)])
    times = pd.to_datetime(data.pop(unnamed(1))) + pd.to_timedelta(data.pop(unnamed(2)), unit="h")
    return data.assign(TIME=times, SERIES="")


def read_binance(path):
    data = pd.read_csv(path, header=None, names=[unnamed(place) for place in range(1, 13)])
    return data.assign(TIME=pd.to_datetime(data[unnamed(1)], unit="ms", utc=True), SERIES="")


def read_mauna_loa(path):
    data = pd.read_csv(path, comment="#")
    return data.assign(TIME=pd.to_datetime(data[["year", "month"]].assign(day=1)), SERIES="")


def read_bike_hour(path):
    data = pd.read_csv(path)
    times = pd.to_datetime(data.pop("dteday")) + pd.to_timedelta(data.pop("hr"), unit="h")
    return data.drop(columns="instant").assign(TIME=times, SERIES="")


def read_shampoo(path):
    data = pd.read_csv(path)
    return data.assign(TIME=range(1, len(data) + 1), SERIES="")


def read_tsf(path):
    tables = []
    for line in path.read_text().split("@data\n")[1].splitlines():
        name, start, values = line.split(":")
        numbers = np.array(values.split(","), float)
        times = pd.date_range(start[:10], periods=len(numbers), freq="MS")
        tables.append(pd.DataFrame({VALUE: numbers, "TIME": times, "SERIES": name}))
    return pd.concat(tables)


READERS = {
    "UCI household power": rows(["Date", "Time"], pattern="%d/%m/%Y %H:%M:%S", sep=";", na_values="?"),
    "PJM hourly": rows(["Datetime"]),
    "UCI electricity": rows(["Unnamed: 0"], sep=";", decimal=",", dtype=None),
    "ENTSO-E day-ahead prices": read_entsoe,
    "OPSD time series": rows(["utc_timestamp"]),
    "GEFCom2012 load": read_gefcom_2012,
    "GEFCom2014 wind": rows(["TIMESTAMP"], pattern="%Y%m%d %H:%M"),
    "ETTh1": rows(["date"]),
    "Nixtla electricity": rows(["ds"], ["unique_id"]),
    "Jena climate": rows(["Date Time"], pattern="%d.%m.%Y %H:%M:%S"),
    "Beijing PM2.5": read_pm25,
    "UCI air quality": rows(["Date", "Time"], pattern="%d/%m/%Y %H.%M.%S", sep=";", decimal=",", nrows=700),
    "NOAA GHCN daily": rows(["DATE"]),
    "NOAA Climate at a Glance": rows(["Date"], pattern="%Y%m", skiprows=4),
    "Meteostat daily": rows(["date"]),
    "Meteostat hourly": read_meteostat_hourly,
    "Open-Meteo": rows(["time"], skiprows=3),
    "Mauna Loa CO2": read_mauna_loa,
    "Kaggle sunspots": without(rows(["Date"]), "Unnamed: 0"),
    "statsmodels sunspots": rows(["YEAR"], pattern="%Y"),
    "Walmart": rows(["Date"], ["Store"], pattern="%d-%m-%Y"),
    "Rossmann": rows(["Date"], ["Store"]),
    "Kaggle store and item": rows(["date"], ["store", "item"]),
    "Favorita": without(rows(["date"], ["store_nbr", "item_nbr"]), "id"),
    "M4": columns(["V1"]),
    "M5 sales": columns(["id"], ["item_id", "dept_id", "cat_id", "store_id", "state_id"]),
    "Bike sharing by hour": read_bike_hour,
    "Bike sharing by day": without(rows(["dteday"]), "instant"),
    "Metro Interstate traffic": rows(["date_time"]),
    "Shampoo sales": read_shampoo,
    "Airline passengers": rows(["Month"], pattern="%Y-%m"),
    "Airline passengers with a footer": rows(["Month"], pattern="%Y-%m", nrows=144),
    "Monash tourism": read_tsf,
    "Wikipedia web traffic": columns(["Page"], pattern="%Y-%m-%d"),
    "FRED monthly": rows(["DATE"], na_values="."),
    "FRED quarterly": rows(["observation_date"]),
    "Investing.com": numbers_in(
        rows(["Date"], pattern="%m/%d/%Y", dtype=str), "Price", "Open", "High", "Low", "Vol.", "Change %"
    ),
    "Nasdaq": numbers_in(rows(["Date"], pattern="%m/%d/%Y"), "Close/Last", "Open", "High", "Low"),
    "Yahoo Finance": rows(["Date"], na_values="null"),
    "Binance klines": read_binance,
    "COVID-19 of Johns Hopkins": columns(["Province/State", "Country/Region"], ["Lat", "Long"], "%m/%d/%y"),
    "COVID-19 of Our World in Data": rows(["date"], ["iso_code"]),
}

ODDITIES = {
    "UCI household power": [r"\n16/12/2006;17:25:00;", r";\?;\?;\?;\?;\?;\?;\n"],
    "PJM hourly": [
        r"MW\n2014-11-20 01:00:00",
        r"2014-11-02 02:00:00,\S+\n2014-11-02 02:00:00",
        r"2014-10-23 00:00:00,\S+\n$",
    ],
    "UCI electricity": [r'^"";"MT_001"', r";\d+,\d{5,};", r'\n"2011-01-01 00:30:00";'],
    "ENTSO-E day-ahead prices": [
        r'(\n"27.10.2019 02:00 - 27.10.2019 03:00",.*){2}\n"27.10.2019 03:00 - 27.10.2019 04:00"',
        r'"N/A","EUR",""\n',
    ],
    "OPSD time series": [r"00:00:00Z,2015-03-29T01:00:00\+0100", r"01:00:00Z,2015-03-29T03:00:00\+0200"],
    "GEFCom2012 load": [r'\n1,2004,1,1,"\d\d,\d{3}","', r"\n2,2004,3,1,{24}\n"],
    "GEFCom2014 wind": [r"\n1,20120101 1:00,", r"\n1,20120102 0:00,"],
    "Jena climate": [r'^"Date Time","p \(mbar\)"', r"\n13\.01\.2009 00:00:00,"],
    "Beijing PM2.5": [r"\n1,2010,1,1,0,NA,", r",(NW|NE|SE|cv),"],
    "UCI air quality": [r"AH;;\r\n10/03/2004;18\.00\.00;\d,\d;", r";-200;", r"(\r\n;{16}){114}\r\n$"],
    "NOAA GHCN daily": [r'"NY CITY CENTRAL PARK, NY US"," {1,4}\d+",",,W,2400"', r',,,"'],
    "NOAA Climate at a Glance": [r"^Contiguous U\.S\., .*\n.*\n.*\nMissing: -99\nDate,Value,Anomaly\n189501,"],
    "Meteostat hourly": [r"^2020-01-01,0,", r"\n2020-01-25,23,"],
    "Open-Meteo": [r"^latitude,.*\n52\.52,.*\n\ntime,temperature_2m \(°C\),", r"\n2022-01-01T01:00,"],
    "Mauna Loa CO2": [r"^# ---", r"\n1958,3,1958\.\d{4},\d{3}\.\d\d,\d{3}\.\d\d,-1,-9\.99,-0\.99\n"],
    "Kaggle sunspots": [r"^,Date,", r"\n1,1749-02-28,"],
    "Walmart": [r"\n1,12-02-2010,", r"\n1,26-10-2012,.*\n2,05-02-2010,"],
    "Rossmann": [r"\n1,5,2015-07-31,", r',"a","0"\n', r"\n4,2,2015-01-13,.*\n$"],
    "Favorita": [r"\n0,2013-01-01,25,103665,\d+\.0,\n"],
    "M4": [r'^"V1","V2",', r'\n"M2","\d\S*",{2,}\n'],
    "M5 sales": [r"^id,item_id,.*,d_300\nHOBBIES_1_001_CA_1_validation,"],
    "Bike sharing by hour": [r"\n\d+,2011-03-13,.,0,3,1,.*\n\d+,2011-03-13,.,0,3,3,"],
    "Metro Interstate traffic": [r"\nColumbus Day,.*,2012-10-08 00:00:00,"],
    "Shampoo sales": [r'\r\n"1-02",', r'\r\n"9-12",\d+\.\d$'],
    "Airline passengers": [r'^"Month","Passengers"\r\n"1949-01",\d+\r\n'],
    "Airline passengers with a footer": [r'\n"1960-12",\d+\n\nInternational .* Dec 60\n\n$'],
    "Monash tourism": [r"@data\nT1:1979-01-01 00-00-00:\d"],
    "Wikipedia web traffic": [r'\n"Washington,_D\.C\._en\.', r"陈乔恩_zh", r",\d+\.0,,"],
    "FRED monthly": [r"^DATE,", r"\n1970-03-01,\.\n"],
    "Investing.com": [
        r'^\ufeff"Date",',
        r'"06/28/2024","\d\d,\d{3}\.\d\d"',
        r',"-","',
        r'\d{3}\.\d\dM","-?\d+\.\d\d%"\n',
    ],
    "Nasdaq": [r"Low\n06/07/2024,\$\d+\.\d\d,\d+,\$"],
    "Yahoo Finance": [r"\n2019-02-11(,null){6}\n"],
    "Binance klines": [r"^1614556800000,(\d+\.\d{8},){5}1614560399999,"],
    "COVID-19 of Johns Hopkins": [r"Lat,Long,1/22/20,1/23/20,", r'\n,"Korea, South",', r"\nHubei,China,"],
    "COVID-19 of Our World in Data": [r"\nOWID_WRL,,World,2020-01-22,", r"\nAFG,Asia,Afghanistan,2020-02-24,"],
}
"""Patterns that the text of a layout contains."""


def each_layout(test):
    return pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.name)(test)


def content(path):
    """Return the text of a file."""
    data = path.read_bytes()
    return (gzip.decompress(data) if path.suffix == ".gz" else data).decode()


def written_as(time, step):
    """Return a time in ISO 8601, without the time of day if a step is a day or longer."""
    if step == NUMBERED:
        return str(time)
    whole_days = step.split()[1].startswith(("day", "week", "month", "year", "working"))
    return f"{time:%Y-%m-%d}" if whole_days else time.isoformat()


def most_common_step(data):
    """Return the most common difference between two times in a row, in the words of a layout."""
    times = [group.drop_duplicates().sort_values() for _, group in data.groupby("SERIES").TIME]
    if data.TIME.dtype.kind == "i":
        return {1: NUMBERED}[Counter(np.concatenate([np.diff(group) for group in times])).most_common(1)[0][0]]
    step = pd.concat([group.diff() for group in times]).mode()[0]
    if step >= pd.Timedelta(days=28):
        months = pd.concat([(group.dt.year * 12 + group.dt.month).diff() for group in times]).mode()[0]
        unit, number = ("year", months // 12) if months % 12 == 0 else ("month", months)
        ends = " end" * bool(data.TIME.dt.is_month_end.all())
        return f"{number:.0f} {unit}{ends}{'s' if number > 1 else ''}"
    if step == pd.Timedelta(days=1) and (data.TIME.dt.day_of_week < 5).all():
        return "1 working day"
    for unit, length in (("week", 7 * 86400), ("day", 86400), ("hour", 3600), ("minute", 60)):
        if step.total_seconds() % length == 0:
            number = int(step.total_seconds() // length)
            return f"{number} {unit}{'s' if number > 1 else ''}"
    raise AssertionError(f"a step of {step}")


def test_most_layouts_need_no_options():
    assert 36 <= len(LAYOUTS) <= 42
    assert len({layout.name for layout in LAYOUTS}) == len(LAYOUTS)
    assert sum(layout.by_default for layout in LAYOUTS) >= 36
    assert all(len(layout.options) <= 2 and layout.options.keys() <= OPTIONS for layout in LAYOUTS)
    assert READERS.keys() == {layout.name for layout in LAYOUTS}


@each_layout
def test_pandas_finds_what_a_layout_declares(layout, tmp_path):
    data = READERS[layout.name](layout.write(tmp_path))
    numeric = data.drop(columns=["TIME", "SERIES"]).select_dtypes("number").dropna(axis=1, how="all")
    chosen = layout.options.get("target", ",".join(numeric.columns)).split(",")
    assert tuple(chosen) == layout.targets
    assert set(chosen) <= set(numeric.columns)
    assert data.SERIES.nunique() == layout.series
    assert written_as(data.TIME.min(), layout.step) == layout.first
    assert written_as(data.TIME.max(), layout.step) == layout.last
    assert most_common_step(data) == layout.step


@each_layout
def test_a_layout_has_one_row_for_each_time(layout, tmp_path):
    data = READERS[layout.name](layout.write(tmp_path))
    repeated = data.duplicated(["SERIES", "TIME"]).sum()
    if layout.name == "Metro Interstate traffic":
        assert repeated > 20
    else:
        assert repeated == REPEATED.get(layout.name, 0)
    assert data.groupby("SERIES").size().min() >= 60
    assert 100 <= len(data) <= 15000


@pytest.mark.parametrize("name", ODDITIES)
def test_a_layout_has_its_oddities(name, tmp_path):
    (layout,) = [layout for layout in LAYOUTS if layout.name == name]
    text = content(layout.write(tmp_path))
    for pattern in ODDITIES[name]:
        assert re.search(pattern, text), pattern


@each_layout
def test_the_same_seed_writes_the_same_file(layout, tmp_path):
    first = content(layout.write(tmp_path))
    assert content(layout.write(tmp_path)) == first
    assert content(layout.write(tmp_path, seed=1)) != first


def named(name):
    return next(layout for layout in LAYOUTS if layout.name == name)


def numbers_read(table):
    """Return the targets of all series at all times, with the names of the series and the times as index."""
    tables = []
    for line in table.lines:
        texts = [table.grid.time_at(line.first + place) for place in range(len(line.values))]
        times = [int(text) if table.grid.kind == "numbers" else pd.Timestamp(text) for text in texts]
        index = pd.MultiIndex.from_product([[line.name], times], names=["SERIES", "TIME"])
        values = line.values[:, : table.targets]
        tables.append(pd.DataFrame(values, index, table.variables[: table.targets]))
    return pd.concat(tables).dropna(how="all").sort_index()


@each_layout
def test_a_layout_is_read(layout, tmp_path):
    path = layout.write(tmp_path)
    table = read_series(str(path), ColumnOptions(**layout.options))
    last = max(line.first + len(line.values) - 1 for line in table.lines)
    assert table.variables[: table.targets] == layout.targets
    assert table.grid.time_at(min(line.first for line in table.lines)) == layout.first
    assert table.grid.time_at(last) == layout.last
    assert table.grid.step_name == layout.step
    assert len(table.lines) == layout.series
    data = READERS[layout.name](path)
    data["SERIES"] = data.SERIES.astype(str).str.replace("/", " / ") if layout.series > 1 else ""
    wanted = data.groupby(["SERIES", "TIME"])[list(layout.targets)].mean().dropna(how="all").sort_index()
    found = numbers_read(table)
    if wanted.index.dtypes["TIME"].kind == "M" and wanted.index.dtypes["TIME"] != found.index.dtypes["TIME"]:
        wanted.index = wanted.index.set_levels(pd.to_datetime(wanted.index.levels[1]).as_unit("us"), level=1)
        found.index = found.index.set_levels(pd.to_datetime(found.index.levels[1]).as_unit("us"), level=1)
    pd.testing.assert_frame_equal(found, wanted, check_dtype=False, check_index_type=False)


@pytest.mark.parametrize(
    ("name", "remedy"),
    [("Metro Interstate traffic", "average the rows of a time with --frequency"), ("Shampoo sales", "--time none")],
)
def test_a_layout_that_needs_an_option_is_refused_with_it(name, remedy, tmp_path):
    with pytest.raises(InputError, match=remedy):
        read_series(str(named(name).write(tmp_path)), ColumnOptions())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "target", "column", "after"),
    [
        ("ENTSO-E day-ahead prices", "Day-ahead Price [EUR/MWh]", "MTU (CET/CEST)", ["2019-11-19T00:00:00"]),
        ("Walmart", "Weekly_Sales", "Date", ["2012-11-02", "2012-11-09"]),
        ("Nasdaq", "Close/Last", "Date", ["2024-06-10", "2024-06-11"]),
        ("COVID-19 of Johns Hopkins", "value", "time", ["2020-11-17", "2020-11-18"]),
        ("Binance klines", "column 5", "column 1", ["2021-03-21T20:00:00+00:00"]),
        ("Kaggle sunspots", "Monthly Mean Total Sunspot Number", "Date", ["1782-05-31", "1782-06-30"]),
    ],
)
def test_a_forecast_continues_the_file(name, target, column, after, tmp_path, capsys):
    layout, out = named(name), tmp_path / "model.safetensors"
    path = str(layout.write(tmp_path))
    sizes = ["--epochs", "1", "--units", "4", "--look-back", "12", "--horizon", "4", "--segment", "4", "--limit", "50"]
    assert cli.main(["train", "forecast", path, "--target", target, "--out", str(out), *sizes]) == 0
    capsys.readouterr()
    assert cli.main(["predict", str(out), "--file", path]) == 0
    found = pd.read_csv(io.StringIO(capsys.readouterr().out), keep_default_na=False)
    assert [target, f"{target}_0.1", f"{target}_0.9"] == list(found.columns[-3:])
    assert found.columns[-4] == column
    assert len(found) == 4 * layout.series
    assert found[column].iloc[: len(after)].tolist() == after
    assert pd.to_datetime(found[column], format="ISO8601").notna().all()
    assert {str(kind) for kind in found.dtypes.iloc[-3:]} == {"float64"}
    assert (found[f"{target}_0.1"] <= found[target]).all()
    assert (found[target] <= found[f"{target}_0.9"]).all()
