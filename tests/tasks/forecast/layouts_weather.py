"""Public layouts of tables of weather, air and sun."""

from datetime import timedelta

from tasks.forecast.public_layout import (
    PublicLayout,
    counts,
    days,
    fixed,
    hours,
    joined,
    months,
    quoted,
    stamps,
    times,
    unnamed,
    wave,
    with_gaps,
)

JENA_COLUMNS = (
    "p (mbar)",
    "T (degC)",
    "Tpot (K)",
    "Tdew (degC)",
    "rh (%)",
    "VPmax (mbar)",
    "VPact (mbar)",
    "VPdef (mbar)",
    "sh (g/kg)",
    "H2OC (mmol/mol)",
    "rho (g/m**3)",
    "wv (m/s)",
    "max. wv (m/s)",
    "wd (deg)",
)


def _jena(rng):
    levels = (990, 2, 275, -1, 80, 7, 5, 1, 3, 5, 1250, 2, 4, 180)
    columns = [fixed(wave(rng, 600, level, abs(level) / 20, 144), 2) for level in levels]
    moments = stamps(times("2009-01-11T00:10", timedelta(minutes=10), 600), "%d.%m.%Y %H:%M:%S")
    return joined(",".join(quoted(["Date Time", *JENA_COLUMNS])), [moments, *columns])


jena = PublicLayout(
    "Jena climate",
    "jena_climate_2009_2016.csv",
    "Max Planck Institute for Biogeochemistry, copy of TensorFlow; header and rows as quoted in public programs",
    _jena,
    JENA_COLUMNS,
    "2009-01-11T00:10:00",
    "2009-01-15T04:00:00",
    "10 minutes",
)


def _beijing(rng):
    moments = hours("2010-01-01", 700)
    numbers = [str(place) for place in range(1, 701)]
    parts = [[str(getattr(time, part)) for time in moments] for part in ("year", "month", "day", "hour")]
    dust = ["NA"] * 24 + with_gaps(rng, counts(wave(rng, 676, 90, 50, 100)), 0.03, "NA")
    dew, temperature, pressure = (fixed(wave(rng, 700, level, 10), 0) for level in (-20, 0, 1020))
    winds = [str(wind) for wind in rng.choice(["NW", "NE", "SE", "cv"], 700)]
    speeds = fixed(wave(rng, 700, 40, 38), 2)
    snow = counts(wave(rng, 700, -1, 2, 200))
    columns = [numbers, *parts, dust, dew, temperature, pressure, winds, speeds, snow, ["0"] * 700]
    return joined("No,year,month,day,hour,pm2.5,DEWP,TEMP,PRES,cbwd,Iws,Is,Ir", columns)


beijing = PublicLayout(
    "Beijing PM2.5",
    "PRSA_data_2010.1.1-2014.12.31.csv",
    "UCI Machine Learning Repository; read in the copy jbrownlee/Datasets on GitHub",
    _beijing,
    ("pm2.5", "DEWP", "TEMP", "PRES", "Iws", "Is", "Ir"),
    "2010-01-01T00:00:00",
    "2010-01-30T03:00:00",
    "1 hour",
)

AIR_COLUMNS = (
    "CO(GT)",
    "PT08.S1(CO)",
    "NMHC(GT)",
    "C6H6(GT)",
    "PT08.S2(NMHC)",
    "NOx(GT)",
    "PT08.S3(NOx)",
    "NO2(GT)",
    "PT08.S4(NO2)",
    "PT08.S5(O3)",
    "T",
    "RH",
    "AH",
)


def _air_quality(rng):
    # Decimal commas, dots in times, two delimiters at the end of each row, -200 for missing values, and rows without
    # any value at the end.
    digits = (1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 1, 4)
    levels = (2, 1100, 150, 9, 900, 160, 900, 110, 1500, 1000, 14, 45, 0.8)
    moments = hours("2004-03-10T18:00", 700)
    columns = []
    for level, places in zip(levels, digits, strict=True):
        values = fixed(wave(rng, 700, level, level / 3), places)
        columns.append([value.replace(".", ",") for value in with_gaps(rng, values, 0.03, "-200")])
    header = ";".join(("Date", "Time", *AIR_COLUMNS, "", ""))
    dates, clock = stamps(moments, "%d/%m/%Y"), stamps(moments, "%H.%M.%S")
    text = joined(header, [dates, clock, *columns, [""] * 700, [""] * 700], ";", "\r\n")
    return text + (";" * 16 + "\r\n") * 114


air_quality = PublicLayout(
    "UCI air quality",
    "AirQualityUCI.csv",
    "UCI Machine Learning Repository; read in a copy on GitHub, empty rows at the end recalled",
    _air_quality,
    AIR_COLUMNS,
    "2004-03-10T18:00:00",
    "2004-04-08T21:00:00",
    "1 hour",
)


def _ghcn(rng):
    # All values are quoted and padded to five characters, with a column of flags behind each. Days without a report
    # have no row.
    elements = {"PRCP": (30, 30, ",,W,2400"), "SNOW": (2, 2, ",,W"), "SNWD": (5, 5, ",,W")}
    elements |= {"TMAX": (180, 120, ",,W"), "TMIN": (90, 120, ",,W")}
    dates = days("1990-01-01", 600)
    fields = ('"USW00094728"', '"40.77898"', '"-73.96925"', '"42.7"', '"NY CITY CENTRAL PARK, NY US"')
    station, latitude, longitude, elevation, name = ([value] * 600 for value in fields)
    columns = [station, quoted(stamps(dates, "%Y-%m-%d")), latitude, longitude, elevation, name]
    for level, swing, flags in elements.values():
        values = wave(rng, 600, level, swing, 365).round().astype(int)
        shown = with_gaps(rng, [f'"{value if level > 50 else max(value, 0):5d}"' for value in values], 0.03)
        columns += [shown, [f'"{flags}"' if value else "" for value in shown]]
    names = ["STATION", "DATE", "LATITUDE", "LONGITUDE", "ELEVATION", "NAME"]
    for element in elements:
        names += [element, f"{element}_ATTRIBUTES"]
    lines = joined(",".join(quoted(names)), columns).splitlines(keepends=True)
    return "".join(lines[:300] + lines[312:])


ghcn = PublicLayout(
    "NOAA GHCN daily",
    "USW00094728.csv",
    "NOAA NCEI, global-historical-climatology-network-daily/access; header and padded values in public programs",
    _ghcn,
    ("LATITUDE", "LONGITUDE", "ELEVATION", "PRCP", "SNOW", "SNWD", "TMAX", "TMIN"),
    "1990-01-01",
    "1991-08-23",
    "1 day",
)


def _climate_at_a_glance(rng):
    # Four lines stand before the header, and the first of them has as many commas as the header.
    preamble = (
        "Contiguous U.S., Average Temperature, All Months\n"
        "Units: Degrees Fahrenheit\nBase Period: 1901-2000\nMissing: -99\n"
    )
    values = wave(rng, 400, 52, 22, 12)
    dates = stamps(months("1895-01", 400), "%Y%m")
    return preamble + joined("Date,Value,Anomaly", [dates, fixed(values, 2), fixed(rng.normal(0, 2, 400), 2)])


climate_at_a_glance = PublicLayout(
    "NOAA Climate at a Glance",
    "110-tavg-all-1-1895-1928.csv",
    "NOAA NCEI, climate at a glance, national time series; preamble as quoted in public programs, months recalled",
    _climate_at_a_glance,
    ("Value", "Anomaly"),
    "1895-01-01",
    "1928-04-01",
    "1 month",
)


def _meteostat_daily(rng):
    # The columns snow, wpgt and tsun are empty.
    average = wave(rng, 500, 10, 9, 365)
    values = [
        fixed(average, 1),
        fixed(average - 4, 1),
        fixed(average + 5, 1),
        with_gaps(rng, fixed(wave(rng, 500, 0, 3, 30).clip(0), 1), 0.05),
        [""] * 500,
        fixed(rng.uniform(0, 360, 500), 1),
        fixed(wave(rng, 500, 11, 5, 30).clip(0), 1),
        [""] * 500,
        with_gaps(rng, fixed(wave(rng, 500, 1015, 9, 30), 1), 0.02),
        [""] * 500,
    ]
    dates = stamps(days("2018-01-01", 500), "%Y-%m-%d")
    return joined("date,tavg,tmin,tmax,prcp,snow,wdir,wspd,wpgt,pres,tsun", [dates, *values])


meteostat_daily = PublicLayout(
    "Meteostat daily",
    "export.csv",
    "meteostat.net, export of daily data; header and empty columns as quoted in public programs",
    _meteostat_daily,
    ("tavg", "tmin", "tmax", "prcp", "wdir", "wspd", "pres"),
    "2018-01-01",
    "2019-05-15",
    "1 day",
)


def _meteostat_hourly(rng):
    # No header: date, hour, temp, dwpt, rhum, prcp, snow, wdir, wspd, wpgt, pres, tsun, coco. Snow and tsun are empty.
    moments = hours("2020-01-01", 600)
    temperature = wave(rng, 600, 5, 4)
    values = [
        fixed(temperature, 1),
        fixed(temperature - 3, 1),
        counts(wave(rng, 600, 75, 10)),
        with_gaps(rng, fixed(wave(rng, 600, 0, 1, 60).clip(0), 1), 0.1),
        [""] * 600,
        counts(rng.uniform(0, 36, 600).round() * 10),
        fixed(wave(rng, 600, 12, 5).clip(0), 1),
        with_gaps(rng, fixed(wave(rng, 600, 25, 8).clip(0), 1), 0.3),
        fixed(wave(rng, 600, 1015, 6, 100), 1),
        [""] * 600,
        counts(rng.integers(1, 9, 600)),
    ]
    return joined("", [stamps(moments, "%Y-%m-%d"), [str(time.hour) for time in moments], *values])


meteostat_hourly = PublicLayout(
    "Meteostat hourly",
    "10637.csv.gz",
    "meteostat.net, bulk data of hours; order of the columns and the missing header as quoted in public programs",
    _meteostat_hourly,
    tuple(unnamed(place) for place in (3, 4, 5, 6, 8, 9, 10, 11, 13)),
    "2020-01-01T00:00:00",
    "2020-01-25T23:00:00",
    "1 hour",
)


def _open_meteo(rng):
    # A table of the place stands before the table of the weather.
    preamble = (
        "latitude,longitude,elevation,utc_offset_seconds,timezone,timezone_abbreviation\n"
        "52.52,13.419998,38.0,0,GMT,GMT\n\n"
    )
    moments = stamps(hours("2022-01-01", 500), "%Y-%m-%dT%H:%M")
    values = [
        fixed(wave(rng, 500, 3, 4), 1),
        counts(wave(rng, 500, 80, 10)),
        fixed(wave(rng, 500, 0, 0.5, 60).clip(0), 2),
        fixed(wave(rng, 500, 14, 6).clip(0), 1),
    ]
    header = "time,temperature_2m (°C),relative_humidity_2m (%),rain (mm),wind_speed_10m (km/h)"
    return preamble + joined(header, [moments, *values])


open_meteo = PublicLayout(
    "Open-Meteo",
    "open-meteo-52.52N13.42E38m.csv",
    "open-meteo.com, historical weather API; preamble and header in open-meteo/open-meteo and public programs",
    _open_meteo,
    ("temperature_2m (°C)", "relative_humidity_2m (%)", "rain (mm)", "wind_speed_10m (km/h)"),
    "2022-01-01T00:00:00",
    "2022-01-21T19:00:00",
    "1 hour",
)


def _mauna_loa(rng):
    comments = (
        "# --------------------------------------------------------------------\n"
        "# USE OF NOAA GML DATA\n"
        "#\n"
        "# These data are made freely available to the public and the scientific\n"
        "# community in the belief that their wide dissemination will lead to\n"
        "# greater understanding and new scientific insights.\n"
        "#\n"
        "# Mauna Loa, monthly mean carbon dioxide, in parts per million (ppm), 1958-2024\n"
        "#\n"
    )
    dates = months("1958-03", 400)
    trend = 314 + 0.1 * (wave(rng, 400, 0, 0, noise=0.1) + list(range(400)))
    decimal = [f"{day.year + (day.month - 0.5) / 12:.4f}" for day in dates]
    known = [place >= 200 for place in range(400)]
    columns = [
        stamps(dates, "%Y"),
        [str(day.month) for day in dates],
        decimal,
        fixed(trend + wave(rng, 400, 0, 3, 12, 0.1), 2),
        fixed(trend, 2),
        [str(rng.integers(15, 31)) if reported else "-1" for reported in known],
        [f"{rng.uniform(0.2, 0.9):.2f}" if reported else "-9.99" for reported in known],
        [f"{rng.uniform(0.1, 0.3):.2f}" if reported else "-0.99" for reported in known],
    ]
    return comments + joined("year,month,decimal date,average,deseasonalized,ndays,sdev,unc", columns)


mauna_loa = PublicLayout(
    "Mauna Loa CO2",
    "co2_mm_mlo.csv",
    "NOAA Global Monitoring Laboratory; header, comments and rows as quoted in public programs and pages",
    _mauna_loa,
    ("average",),
    "1958-03-01",
    "1991-06-01",
    "1 month",
    options={"target": "average"},
)


def _sunspots(rng):
    # The index of pandas is a column without a name. Months are written as their last days.
    ends = [day - timedelta(days=1) for day in months("1749-02", 400)]
    values = fixed(wave(rng, 400, 80, 75, 132).clip(0), 1)
    places = [str(place) for place in range(400)]
    return joined(",Date,Monthly Mean Total Sunspot Number", [places, stamps(ends, "%Y-%m-%d"), values])


sunspots = PublicLayout(
    "Kaggle sunspots",
    "Sunspots.csv",
    "Kaggle robervalt/sunspots; header and rows as quoted in public lessons",
    _sunspots,
    ("Monthly Mean Total Sunspot Number",),
    "1749-01-31",
    "1782-04-30",
    "1 month end",
)


def _yearly_sunspots(rng):
    years = [str(year) for year in range(1700, 2009)]
    return joined('"YEAR","SUNACTIVITY"', [years, [f"{value:.3g}" for value in wave(rng, 309, 60, 55, 11).clip(0)]])


yearly_sunspots = PublicLayout(
    "statsmodels sunspots",
    "sunspots.csv",
    "statsmodels.datasets.sunspots; recalled",
    _yearly_sunspots,
    ("SUNACTIVITY",),
    "1700-01-01",
    "2008-01-01",
    "1 year",
)

LAYOUTS = (
    jena,
    beijing,
    air_quality,
    ghcn,
    climate_at_a_glance,
    meteostat_daily,
    meteostat_hourly,
    open_meteo,
    mauna_loa,
    sunspots,
    yearly_sunspots,
)
