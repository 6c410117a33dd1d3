"""Public layouts of tables of prices, of the economy and of the COVID-19 pandemic."""

from tasks.forecast.public_layout import (
    VALUE,
    PublicLayout,
    counts,
    days,
    fixed,
    joined,
    months,
    quoted,
    stamps,
    unnamed,
    walk,
    wave,
    with_gaps,
    working_days,
)


def _fred_monthly(rng):
    # Until 1977 there was a survey only each third month. The other months have a dot.
    dates = months("1970-02", 420)
    values = fixed(wave(rng, 420, 85, 10, 60), 1)
    shown = ["." if day.year < 1978 and day.month % 3 != 2 else value for day, value in zip(dates, values, strict=True)]
    return joined("DATE,UMCSENT", [stamps(dates, "%Y-%m-%d"), shown])


fred_monthly = PublicLayout(
    "FRED monthly",
    "UMCSENT.csv",
    "Federal Reserve Bank of St. Louis, download before 2025; DATE and dots as quoted in public programs",
    _fred_monthly,
    ("UMCSENT",),
    "1970-02-01",
    "2005-01-01",
    "1 month",
)


def _fred_quarterly(rng):
    dates = stamps(months("1947-01", 300, 3), "%Y-%m-%d")
    return joined("observation_date,GDPC1", [dates, fixed(walk(rng, 300, 2182, 0.008), 3)])


fred_quarterly = PublicLayout(
    "FRED quarterly",
    "GDPC1.csv",
    "Federal Reserve Bank of St. Louis, download from 2025; observation_date as quoted in public programs",
    _fred_quarterly,
    ("GDPC1",),
    "1947-01-01",
    "2021-10-01",
    "3 months",
)


def _market_days(first, last, holidays):
    """Return the working days between two dates without holidays, which are given as month and day."""
    return [day for day in working_days(first, last) if f"{day:%m-%d}" not in holidays]


def _investing(rng):
    # A byte order mark, quotes around everything, thousands separators, units behind numbers, and the last day first.
    dates = _market_days("2023-01-02", "2024-06-28", {"01-26", "03-07", "05-01", "08-15", "10-02", "12-25"})
    count = len(dates)
    prices = walk(rng, count, 18000)
    volumes = with_gaps(rng, [f"{value:.2f}M" for value in wave(rng, count, 260, 60, 60)], 0.02, "-")
    columns = [
        stamps(dates, "%m/%d/%Y"),
        *([f"{value:,.2f}" for value in prices * factor] for factor in (1, 0.998, 1.004, 0.995)),
        volumes,
        [f"{value:.2f}%" for value in rng.normal(0, 0.9, count)],
    ]
    header = '\ufeff"Date","Price","Open","High","Low","Vol.","Change %"'
    return joined(header, [quoted(reversed(column)) for column in columns])


investing = PublicLayout(
    "Investing.com",
    "Nifty 50 Historical Data.csv",
    "investing.com, historical data; header, quotes and rows as quoted in public programs, byte order mark recalled",
    _investing,
    ("Price", "Open", "High", "Low", "Vol.", "Change %"),
    "2023-01-02",
    "2024-06-28",
    "1 working day",
)


def _nasdaq(rng):
    dates = _market_days("2022-06-13", "2024-06-07", {"07-04", "09-05", "11-24", "12-25", "01-02", "02-20", "05-29"})
    count = len(dates)
    prices = walk(rng, count, 150)
    columns = [stamps(dates, "%m/%d/%Y"), [f"${value:.2f}" for value in prices], counts(wave(rng, count, 5e7, 1e7, 60))]
    columns += [[f"${value:.2f}" for value in prices * factor] for factor in (0.998, 1.01, 0.99)]
    return joined("Date,Close/Last,Volume,Open,High,Low", [column[::-1] for column in columns])


nasdaq = PublicLayout(
    "Nasdaq",
    "HistoricalData_1718000000000.csv",
    "nasdaq.com, historical quotes; header and rows as quoted in public programs that read it",
    _nasdaq,
    ("Close/Last", "Volume", "Open", "High", "Low"),
    "2022-06-13",
    "2024-06-07",
    "1 working day",
)


def _yahoo(rng):
    # Holidays have a row in which all values are null.
    dates = working_days("2019-01-04", "2020-12-30")
    count = len(dates)
    prices = walk(rng, count, 20000)
    columns = [fixed(prices * factor, 6) for factor in (0.998, 1.01, 0.99, 1, 1)]
    columns.append([f"{value}00" for value in counts(wave(rng, count, 700, 200, 60))])
    rows = [list(row) for row in zip(*columns, strict=True)]
    for place, day in enumerate(dates):
        if f"{day:%m-%d}" in ("02-11", "05-03", "05-06", "07-15", "09-23", "11-04"):
            rows[place] = ["null"] * 6
    return joined(
        "Date,Open,High,Low,Close,Adj Close,Volume", [stamps(dates, "%Y-%m-%d"), *zip(*rows, strict=True)]
    ).removesuffix("\n")


yahoo = PublicLayout(
    "Yahoo Finance",
    "^N225.csv",
    "finance.yahoo.com, historical prices until 2024; header in public programs that read it, null rows recalled",
    _yahoo,
    ("Open", "High", "Low", "Close", "Adj Close", "Volume"),
    "2019-01-04",
    "2020-12-30",
    "1 working day",
)


def _binance(rng):
    # No header: open time, open, high, low, close, volume, close time, quote volume, trades, two more volumes, and an
    # unused column. Times are milliseconds since 1970.
    opened = [1614556800000 + 3600000 * place for place in range(500)]
    prices = walk(rng, 500, 45000, 0.006)
    volumes = wave(rng, 500, 2500, 900).clip(10)
    columns = [
        [str(time) for time in opened],
        *(fixed(prices * factor, 8) for factor in (0.999, 1.006, 0.993, 1)),
        fixed(volumes, 8),
        [str(time + 3599999) for time in opened],
        fixed(volumes * prices, 8),
        counts(volumes * 30),
        fixed(volumes / 2, 8),
        fixed(volumes * prices / 2, 8),
        ["0"] * 500,
    ]
    return joined("", columns)


binance = PublicLayout(
    "Binance klines",
    "BTCUSDT-1h-2021-03.csv",
    "data.binance.vision, spot data before 2025; columns in the README of binance/binance-public-data, row in a page",
    _binance,
    (unnamed(5),),
    "2021-03-01T00:00:00+00:00",
    "2021-03-21T19:00:00+00:00",
    "1 hour",
    options={"target": unnamed(5)},
)

JHU_PLACES = (
    ",Afghanistan,33.93911,67.709953",
    ",Albania,41.1533,20.1683",
    "Australian Capital Territory,Australia,-35.4735,149.0124",
    "New South Wales,Australia,-33.8688,151.2093",
    "Victoria,Australia,-37.8136,144.9631",
    ",Austria,47.5162,14.5501",
    ",Brazil,-14.235,-51.9253",
    "Alberta,Canada,53.9333,-116.5765",
    "Ontario,Canada,51.2538,-85.3232",
    "Quebec,Canada,52.9399,-73.5491",
    "Hubei,China,30.9756,112.2707",
    ",Cote d'Ivoire,7.54,-5.5471",
    "Faroe Islands,Denmark,61.8926,-6.9118",
    ",Denmark,56.2639,9.5018",
    "French Polynesia,France,-17.6797,149.4068",
    ",France,46.2276,2.2137",
    ",Germany,51.165691,10.451526",
    ",Italy,41.87194,12.56738",
    ',"Korea, South",35.907757,127.766922',
    ",Namibia,-22.9576,18.4904",
    '"Bonaire, Sint Eustatius and Saba",Netherlands,12.1784,-68.2385',
    ",Netherlands,52.1326,5.2913",
    ",Summer Olympics 2020,35.6491,139.7737",
    ",Taiwan*,23.7,121",
    ",US,40,-100",
    ",Zimbabwe,-19.015438,29.154857",
)


def _jhu(rng):
    # A row is a country or one of its provinces, with its position. Dates are month, day and year of two digits.
    dates = ",".join(f"{day.month}/{day.day}/{day:%y}" for day in days("2020-01-22", 300))
    lines = [f"Province/State,Country/Region,Lat,Long,{dates}"]
    for place in JHU_PLACES:
        cases = rng.poisson(wave(rng, 300, rng.uniform(5, 300), 3, 7).clip(0)).cumsum()
        lines.append(",".join((place, *map(str, cases))))
    return "\n".join(lines) + "\n"


jhu = PublicLayout(
    "COVID-19 of Johns Hopkins",
    "time_series_covid19_confirmed_global.csv",
    "CSSEGISandData/COVID-19 on GitHub; header and rows as quoted in public programs that read it",
    _jhu,
    (VALUE,),
    "2020-01-22",
    "2020-11-16",
    "1 day",
    series=len(JHU_PLACES),
)

_OWID_NAMES = """
    total_cases new_cases new_cases_smoothed total_deaths new_deaths new_deaths_smoothed total_cases_per_million
    new_cases_per_million new_cases_smoothed_per_million total_deaths_per_million new_deaths_per_million
    new_deaths_smoothed_per_million reproduction_rate icu_patients icu_patients_per_million hosp_patients
    hosp_patients_per_million weekly_icu_admissions weekly_icu_admissions_per_million weekly_hosp_admissions
    weekly_hosp_admissions_per_million total_tests new_tests total_tests_per_thousand new_tests_per_thousand
    new_tests_smoothed new_tests_smoothed_per_thousand positive_rate tests_per_case tests_units total_vaccinations
    people_vaccinated people_fully_vaccinated total_boosters new_vaccinations new_vaccinations_smoothed
    total_vaccinations_per_hundred people_vaccinated_per_hundred people_fully_vaccinated_per_hundred
    total_boosters_per_hundred new_vaccinations_smoothed_per_million new_people_vaccinated_smoothed
    new_people_vaccinated_smoothed_per_hundred stringency_index population_density median_age aged_65_older
    aged_70_older gdp_per_capita extreme_poverty cardiovasc_death_rate diabetes_prevalence female_smokers male_smokers
    handwashing_facilities hospital_beds_per_thousand life_expectancy human_development_index population
    excess_mortality_cumulative_absolute excess_mortality_cumulative excess_mortality
    excess_mortality_cumulative_per_million
"""
OWID_COLUMNS = tuple(_OWID_NAMES.split())
OWID_CONSTANTS = OWID_COLUMNS[OWID_COLUMNS.index("population_density") : OWID_COLUMNS.index("population") + 1]


def _owid(rng):
    # Countries start at different days, and the world is a country without a continent. Many columns have few values,
    # others are constant in a country.
    lines = [",".join(("iso_code,continent,location,date", *OWID_COLUMNS))]
    for place, first, count in [
        ("AFG,Asia,Afghanistan", "2020-02-24", 190),
        ("DEU,Europe,Germany", "2020-01-27", 218),
        ("KEN,Africa,Kenya", "2020-03-13", 172),
        ("OWID_WRL,,World", "2020-01-22", 223),
    ]:
        columns = []
        for name in OWID_COLUMNS:
            if name == "tests_units":
                columns.append(with_gaps(rng, ["tests performed"] * count, 0.4))
            elif name in OWID_CONSTANTS:
                columns.append([f"{rng.uniform(1, 90):.3f}"] * count)
            else:
                share = 0.05 if name.startswith(("total_cases", "new_cases")) else 0.6
                columns.append(with_gaps(rng, fixed(wave(rng, count, 500, 200, 90).clip(0), 3), share))
        dates = stamps(days(first, count), "%Y-%m-%d")
        lines += [",".join((place, *row)) for row in zip(dates, *columns, strict=True)]
    return "\n".join(lines) + "\n"


owid = PublicLayout(
    "COVID-19 of Our World in Data",
    "owid-covid-data.csv",
    "owid/covid-19-data on GitHub; header as quoted in public programs up to tests_units, the rest recalled",
    _owid,
    tuple(name for name in OWID_COLUMNS if name != "tests_units"),
    "2020-01-22",
    "2020-08-31",
    "1 day",
    series=4,
)

LAYOUTS = (
    fred_monthly,
    fred_quarterly,
    investing,
    nasdaq,
    yahoo,
    binance,
    jhu,
    owid,
)
