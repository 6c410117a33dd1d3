"""Public layouts of tables of electricity: demand, prices and generation."""

from datetime import timedelta

from tasks.forecast.public_layout import (
    VALUE,
    PublicLayout,
    days,
    fixed,
    hours,
    joined,
    quoted,
    stamps,
    times,
    wave,
    with_gaps,
)


def _household_power(rng):
    # The last field of a row with missing values is empty, not a question mark.
    moments = times("2006-12-16T17:24", timedelta(minutes=1), 900)
    values = [
        fixed(wave(rng, 900, level, swing, 600).clip(0), 3)
        for level, swing in [(2.5, 1.5), (0.2, 0.1), (236, 4), (10, 6), (0.5, 0.5), (1, 1), (10, 8)]
    ]
    rows = [list(row) for row in zip(*values, strict=True)]
    for place in (*range(410, 418), 700):
        rows[place] = ["?"] * 6 + [""]
    dates = [f"{time.day}/{time.month}/{time.year};{time:%H:%M:%S}" for time in moments]
    header = (
        "Date;Time;Global_active_power;Global_reactive_power;Voltage;Global_intensity;"
        "Sub_metering_1;Sub_metering_2;Sub_metering_3"
    )
    return joined(header, [dates, *zip(*rows, strict=True)], ";")


household_power = PublicLayout(
    "UCI household power",
    "household_power_consumption.txt",
    "UCI Machine Learning Repository; header and rows as quoted in public programs that read it",
    _household_power,
    (
        "Global_active_power",
        "Global_reactive_power",
        "Voltage",
        "Global_intensity",
        "Sub_metering_1",
        "Sub_metering_2",
        "Sub_metering_3",
    ),
    "2006-12-16T17:24:00",
    "2006-12-17T08:23:00",
    "1 minute",
)


def _pjm_hourly(rng):
    # The last day comes first, and a day ends with the hour 0:00 of the next day. When clocks are put back, 2:00 occurs
    # twice, because hours are named by their end.
    lines = ["Datetime,PJME_MW"]
    for day in reversed(days("2014-10-22", 30)):
        ends = hours(f"{day}T01:00", 24)
        if f"{day}" == "2014-11-02":
            ends.insert(2, ends[1])
        values = fixed(wave(rng, len(ends), 28000, 5000), 1)
        lines += [f"{time:%Y-%m-%d %H:%M:%S},{value}" for time, value in zip(ends, values, strict=True)]
    return "\n".join(lines) + "\n"


pjm_hourly = PublicLayout(
    "PJM hourly",
    "PJME_hourly.csv",
    "Kaggle robikscube/hourly-energy-consumption; header, order and repeated hour in copies on GitHub",
    _pjm_hourly,
    ("PJME_MW",),
    "2014-10-22T01:00:00",
    "2014-11-21T00:00:00",
    "1 hour",
)


def _electricity(rng):
    # Decimal commas, and an empty name for the column of times. Clients that came later are zero until then.
    names = [f"MT_{client:03d}" for client in range(1, 25)]
    moments = times("2011-01-01T00:15", timedelta(minutes=15), 400)
    columns = []
    for client in range(24):
        scale = rng.integers(7, 400) / 7
        values = rng.poisson(wave(rng, 400, 30, 10, 96).clip(0)) * scale
        columns.append(["0" if client == 2 or not value else f"{value:.15g}".replace(".", ",") for value in values])
    header = ";".join(quoted(["", *names]))
    return joined(header, [quoted(stamps(moments, "%Y-%m-%d %H:%M:%S")), *columns], ";")


electricity = PublicLayout(
    "UCI electricity",
    "LD2011_2014.txt",
    "UCI ElectricityLoadDiagrams20112014; header and rows as quoted in public programs that read it",
    _electricity,
    tuple(f"MT_{client:03d}" for client in range(1, 25)),
    "2011-01-01T00:15:00",
    "2011-01-05T04:00:00",
    "15 minutes",
)


def _entsoe_prices(rng):
    # A time is the interval of an hour. When clocks are put back, the hour from 02:00 to 03:00 occurs twice.
    starts = hours("2019-10-20", 720)
    starts.insert(starts.index(hours("2019-10-27T02:00", 1)[0]), hours("2019-10-27T02:00", 1)[0])
    intervals = [f"{start:%d.%m.%Y %H:%M} - {start + timedelta(hours=1):%d.%m.%Y %H:%M}" for start in starts]
    prices = with_gaps(rng, fixed(wave(rng, 721, 38, 12), 2), 0.01, "N/A")
    header = '"MTU (CET/CEST)","Day-ahead Price [EUR/MWh]","Currency","BZN|DE-LU"'
    return joined(header, [quoted(intervals), quoted(prices), ['"EUR"'] * 721, ['""'] * 721])


entsoe_prices = PublicLayout(
    "ENTSO-E day-ahead prices",
    "Day-ahead Prices_201901010000-202001010000.csv",
    "ENTSO-E Transparency Platform, export before 2025; columns and date format in public programs; N/A recalled",
    _entsoe_prices,
    ("Day-ahead Price [EUR/MWh]",),
    "2019-10-20T00:00:00",
    "2019-11-18T23:00:00",
    "1 hour",
)

OPSD_COLUMNS = (
    "AT_load_actual_entsoe_transparency",
    "AT_load_forecast_entsoe_transparency",
    "AT_price_day_ahead",
    "AT_solar_generation_actual",
    "AT_wind_onshore_generation_actual",
    "DE_load_actual_entsoe_transparency",
    "DE_load_forecast_entsoe_transparency",
    "DE_solar_capacity",
    "DE_solar_generation_actual",
    "DE_solar_profile",
    "DE_wind_capacity",
    "DE_wind_generation_actual",
    "DE_wind_profile",
)


def _opsd(rng):
    # Two columns of times: in UTC, and in local time with an offset that changes in the night to 29 March.
    moments = hours("2015-03-14T23:00", 600)
    change = hours("2015-03-29T01:00", 1)[0]
    local = []
    for time in moments:
        offset = 1 + (time >= change)
        local.append(f"{time + timedelta(hours=offset):%Y-%m-%dT%H:%M:%S}+0{offset}00")
    digits = {"price": 2, "profile": 4}
    columns = []
    for name in OPSD_COLUMNS:
        values = wave(rng, 600, 0.2, 0.1) if "profile" in name else wave(rng, 600, 9000, 2000)
        shown = next((places for word, places in digits.items() if word in name), 1)
        columns.append(["37248.0"] * 600 if "capacity" in name else with_gaps(rng, fixed(values, shown), 0.02))
    header = ",".join(("utc_timestamp", "cet_cest_timestamp", *OPSD_COLUMNS))
    return joined(header, [stamps(moments, "%Y-%m-%dT%H:%M:%SZ"), local, *columns])


opsd = PublicLayout(
    "OPSD time series",
    "time_series_60min_singleindex.csv",
    "Open Power System Data, time_series; header and rows as quoted in public programs and pages that read it",
    _opsd,
    OPSD_COLUMNS,
    "2015-03-14T23:00:00+00:00",
    "2015-04-08T22:00:00+00:00",
    "1 hour",
)


def _gefcom_2012(rng):
    # A row is a day of a zone, and the columns h1 to h24 are its hours: h1 begins at midnight. Numbers have thousands
    # separators in quotes.
    lines = ["zone_id,year,month,day," + ",".join(f"h{hour}" for hour in range(1, 25))]
    for zone in (1, 2, 3):
        for day in days("2004-01-01", 200):
            loads = [f'"{load:,}"' if load > 999 else f"{load}" for load in wave(rng, 24, 16000, 3000).astype(int)]
            if zone == 2 and 60 <= day.timetuple().tm_yday < 67:
                loads = [""] * 24
            lines.append(f"{zone},{day.year},{day.month},{day.day}," + ",".join(loads))
    return "\n".join(lines) + "\n"


gefcom_2012 = PublicLayout(
    "GEFCom2012 load",
    "Load_history.csv",
    "Kaggle global-energy-forecasting-competition-2012-load-forecasting; header in public programs that read it",
    _gefcom_2012,
    (VALUE,),
    "2004-01-01T00:00:00",
    "2004-07-18T23:00:00",
    "1 hour",
    series=3,
)


def _gefcom_2014(rng):
    # The hour has no leading zero.
    moments = hours("2012-01-01T01:00", 700)
    stamped = [f"{time:%Y%m%d} {time.hour}:00" for time in moments]
    power = [f"{value:.10g}" for value in wave(rng, 700, 0.3, 0.4, 60).clip(0, 1)]
    winds = [[f"{value:.13g}" for value in wave(rng, 700, 1, 4, 60)] for _ in range(4)]
    return joined("ZONEID,TIMESTAMP,TARGETVAR,U10,V10,U100,V100", [["1"] * 700, stamped, power, *winds])


gefcom_2014 = PublicLayout(
    "GEFCom2014 wind",
    "Task1_W_Zone1.csv",
    "GEFCom2014-W; header and a row as quoted in public programs that read it",
    _gefcom_2014,
    ("TARGETVAR",),
    "2012-01-01T01:00:00",
    "2012-01-30T04:00:00",
    "1 hour",
    options={"target": "TARGETVAR", "future_covariates": "U10,V10,U100,V100"},
)


def _etth1(rng):
    columns = [[str(value) for value in wave(rng, 500, level, 3)] for level in (6, 2, 4, 1, 3, 1, 20)]
    moments = stamps(hours("2016-07-01", 500), "%Y-%m-%d %H:%M:%S")
    return joined("date,HUFL,HULL,MUFL,MULL,LUFL,LULL,OT", [moments, *columns])


etth1 = PublicLayout(
    "ETTh1",
    "ETTh1.csv",
    "zhouhaoyi/ETDataset on GitHub; read in a copy on GitHub",
    _etth1,
    ("HUFL", "HULL", "MUFL", "MULL", "LUFL", "LULL", "OT"),
    "2016-07-01T00:00:00",
    "2016-07-21T19:00:00",
    "1 hour",
)


def _nixtla(rng):
    # Series of different lengths, one after the other.
    lines = ["unique_id,ds,y"]
    for name, first, count in [
        ("BE", "2016-12-01", 200),
        ("DE", "2016-12-03", 150),
        ("FR", "2016-12-01", 200),
        ("PJM", "2016-12-02", 100),
    ]:
        prices = fixed(wave(rng, count, 50, 20), 2)
        lines += [f"{name},{time},{price}" for time, price in zip(hours(first, count), prices, strict=True)]
    return "\n".join(lines) + "\n"


nixtla = PublicLayout(
    "Nixtla electricity",
    "electricity-short.csv",
    "Nixtla/transfer-learning-time-series on GitHub; header in its programs, rows recalled",
    _nixtla,
    ("y",),
    "2016-12-01T00:00:00",
    "2016-12-09T07:00:00",
    "1 hour",
    series=4,
)

LAYOUTS = (
    household_power,
    pjm_hourly,
    electricity,
    entsoe_prices,
    opsd,
    gefcom_2012,
    gefcom_2014,
    etth1,
    nixtla,
)
