"""Public layouts of tables of sales, visitors and traffic, and of the collections of forecasting competitions."""

from datetime import timedelta

from tasks.forecast.public_layout import (
    NUMBERED,
    VALUE,
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
    wave,
    with_gaps,
)


def _walmart(rng):
    lines = ["Store,Date,Weekly_Sales,Holiday_Flag,Temperature,Fuel_Price,CPI,Unemployment"]
    weeks = times("2010-02-05", timedelta(days=7), 143)
    for store in (1, 2, 3, 4):
        columns = [
            [str(store)] * 143,
            stamps(weeks, "%d-%m-%Y"),
            [f"{value:.10g}" for value in wave(rng, 143, 1.5e6, 2e5, 52).round(2)],
            ["1" if week.isocalendar().week in (6, 36, 47, 52) else "0" for week in weeks],
            [f"{value:.4g}" for value in wave(rng, 143, 60, 20, 52)],
            fixed(wave(rng, 143, 3.2, 0.4, 143), 3),
            [f"{value:.10g}" for value in wave(rng, 143, 212, 5, 143)],
            [f"{value:.4g}" for value in wave(rng, 143, 7.8, 0.3, 143)],
        ]
        lines += [",".join(row) for row in zip(*columns, strict=True)]
    return "\n".join(lines) + "\n"


walmart = PublicLayout(
    "Walmart",
    "Walmart.csv",
    "Kaggle yasserh/walmart-dataset; header and rows as quoted in public programs that read it",
    _walmart,
    ("Weekly_Sales", "Holiday_Flag", "Temperature", "Fuel_Price", "CPI", "Unemployment"),
    "2010-02-05",
    "2012-10-26",
    "1 week",
    series=4,
)


def _rossmann(rng):
    # The last day comes first, and each day has a row for each store. Holidays are 0, a, b and c.
    lines = ['"Store","DayOfWeek","Date","Sales","Customers","Open","Promo","StateHoliday","SchoolHoliday"']
    levels = rng.uniform(4000, 9000, 4)
    for day in reversed(days("2015-01-13", 200)):
        holiday = {"2015-04-03": "b", "2015-05-01": "a"}.get(f"{day}", "0")
        is_open = int(day.isoweekday() < 7 and holiday == "0")
        for store, level in enumerate(levels, 1):
            sales = int(is_open * rng.normal(level, level / 8))
            promo = int(day.isocalendar().week % 2 and day.isoweekday() < 6)
            school = int(day.month == 7)
            lines.append(
                f'{store},{day.isoweekday()},{day},{sales},{sales // 9},{is_open},{promo},"{holiday}","{school}"'
            )
    return "\n".join(lines) + "\n"


rossmann = PublicLayout(
    "Rossmann",
    "train.csv",
    "Kaggle rossmann-store-sales; header and rows as quoted in public programs that read it",
    _rossmann,
    ("DayOfWeek", "Sales", "Customers", "Open", "Promo", "SchoolHoliday"),
    "2015-01-13",
    "2015-07-31",
    "1 day",
    series=4,
)


def _store_item(rng):
    lines = ["date,store,item,sales"]
    for item in (1, 2, 3):
        for store in (1, 2):
            sales = counts(wave(rng, 150, 15 * item, 5, 7))
            lines += [f"{day},{store},{item},{sold}" for day, sold in zip(days("2013-01-01", 150), sales, strict=True)]
    return "\n".join(lines) + "\n"


store_item = PublicLayout(
    "Kaggle store and item",
    "train.csv",
    "Kaggle demand-forecasting-kernels-only; header and rows as quoted in public programs that read it",
    _store_item,
    ("sales",),
    "2013-01-01",
    "2013-05-30",
    "1 day",
    series=6,
)


def _favorita(rng):
    # Rows are numbered. A day without sales has no row, and in the first months no promotions are known.
    lines = ["id,date,store_nbr,item_nbr,unit_sales,onpromotion"]
    for day in days("2013-01-01", 130):
        for store in (25, 44):
            for item in (103665, 105574, 105575):
                if rng.random() < 0.85 or f"{day}" in ("2013-01-01", "2013-05-10"):
                    lines.append(f"{len(lines) - 1},{day},{store},{item},{float(rng.integers(1, 40))},")
    return "\n".join(lines) + "\n"


favorita = PublicLayout(
    "Favorita",
    "train.csv",
    "Kaggle favorita-grocery-sales-forecasting; header and rows as quoted in public programs that read it",
    _favorita,
    ("unit_sales",),
    "2013-01-01",
    "2013-05-10",
    "1 day",
    series=6,
)


def _m4(rng):
    # A row is a series, all values are quoted, and shorter series end with fields that are empty and not quoted.
    lengths = [300, *rng.integers(60, 300, 23)]
    lines = [",".join(quoted(f"V{place}" for place in range(1, 302)))]
    for place, length in enumerate(lengths, 1):
        values = [f"{value:.6g}" for value in wave(rng, length, rng.uniform(1000, 9000), 400, 12)]
        lines.append(",".join(quoted([f"M{place}", *values])) + "," * (300 - length))
    return "\n".join(lines) + "\n"


m4 = PublicLayout(
    "M4",
    "Monthly-train.csv",
    "Mcompetitions/M4-methods on GitHub; header, quotes and empty fields read in its Hourly-train.csv",
    _m4,
    (VALUE,),
    "1",
    "300",
    NUMBERED,
    series=24,
)


def _m5(rng):
    lines = ["id,item_id,dept_id,cat_id,store_id,state_id," + ",".join(f"d_{day}" for day in range(1, 301))]
    for number in range(1, 11):
        for store in ("CA_1", "CA_2", "TX_1"):
            item = f"HOBBIES_1_{number:03d}"
            sold = ",".join(map(str, rng.poisson(rng.uniform(0.5, 5), 300)))
            lines.append(f"{item}_{store}_validation,{item},HOBBIES_1,HOBBIES,{store},{store[:2]},{sold}")
    return "\n".join(lines) + "\n"


m5 = PublicLayout(
    "M5 sales",
    "sales_train_validation.csv",
    "Kaggle m5-forecasting-accuracy; header and rows as quoted in public programs that read it",
    _m5,
    (VALUE,),
    "1",
    "300",
    NUMBERED,
    series=30,
)

BIKE_COLUMNS = (
    "holiday",
    "weekday",
    "workingday",
    "weathersit",
    "temp",
    "atemp",
    "hum",
    "windspeed",
    "casual",
    "registered",
    "cnt",
)


def _bike_fields(rng, dates, period):
    """Return the columns of a table of bike sharing from season to mnth, and those from holiday to cnt."""
    count = len(dates)
    casual, registered = (wave(rng, count, level, 30, period).clip(0).astype(int) for level in (40, 130))
    holidays = ["1" if f"{day}" in ("2011-01-17", "2011-04-15") else "0" for day in dates]
    weekdays = [day.isoweekday() % 7 for day in dates]
    before = [
        [str(day.month % 12 // 3 + 1) for day in dates],
        [str(day.year - 2011) for day in dates],
        [str(day.month) for day in dates],
    ]
    after = [
        holidays,
        [str(day) for day in weekdays],
        [str(int(0 < day < 6 and holiday == "0")) for day, holiday in zip(weekdays, holidays, strict=True)],
        [str(weather) for weather in rng.integers(1, 4, count)],
        *([f"{value:.4g}" for value in wave(rng, count, level, 0.1, period).clip(0, 1)] for level in (0.4, 0.4, 0.6)),
        [f"{value:.4g}" for value in wave(rng, count, 0.2, 0.1, period).clip(0, 1)],
        [str(value) for value in casual],
        [str(value) for value in registered],
        [str(value) for value in casual + registered],
    ]
    return before, after


def _bike_hour(rng):
    # The hour has a column of its own. Hours without rides have no row, and neither has the hour that is left out when
    # clocks are put forward.
    left_out = {"2011-03-13 02", "2011-03-06 04", "2011-03-06 05", "2011-03-10 03"}
    moments = [time for time in hours("2011-03-01", 720) if f"{time:%Y-%m-%d %H}" not in left_out]
    dates = [time.date() for time in moments]
    before, after = _bike_fields(rng, dates, 24)
    numbers = [str(place) for place in range(1, len(moments) + 1)]
    columns = [numbers, stamps(dates, "%Y-%m-%d"), *before, [str(time.hour) for time in moments], *after]
    return joined(",".join(("instant,dteday,season,yr,mnth,hr", *BIKE_COLUMNS)), columns)


bike_hour = PublicLayout(
    "Bike sharing by hour",
    "hour.csv",
    "UCI Machine Learning Repository, Bike Sharing; header and rows as quoted in public programs that read it",
    _bike_hour,
    ("season", "yr", "mnth", *BIKE_COLUMNS),
    "2011-03-01T00:00:00",
    "2011-03-30T23:00:00",
    "1 hour",
)


def _bike_day(rng):
    dates = days("2011-01-01", 400)
    before, after = _bike_fields(rng, dates, 365)
    columns = [[str(place) for place in range(1, 401)], stamps(dates, "%Y-%m-%d"), *before, *after]
    return joined(",".join(("instant,dteday,season,yr,mnth", *BIKE_COLUMNS)), columns)


bike_day = PublicLayout(
    "Bike sharing by day",
    "day.csv",
    "UCI Machine Learning Repository, Bike Sharing; header and rows as quoted in public programs that read it",
    _bike_day,
    ("season", "yr", "mnth", *BIKE_COLUMNS),
    "2011-01-01",
    "2012-02-04",
    "1 day",
)


def _metro(rng):
    # An hour has a row for each kind of weather that was reported. Some hours have no row. A holiday is named only at
    # midnight.
    lines = ["holiday,temp,rain_1h,snow_1h,clouds_all,weather_main,weather_description,date_time,traffic_volume"]
    kinds = ["Clouds,broken clouds", "Clear,sky is clear", "Rain,light rain", "Mist,mist", "Drizzle,light drizzle"]
    volumes = counts(wave(rng, 640, 3300, 2200))
    temperatures = fixed(wave(rng, 640, 283, 6), 2)
    for place, time in enumerate(hours("2012-10-02T09:00", 640)):
        if place not in (0, 639) and rng.random() < 0.04:
            continue
        holiday = "Columbus Day" if f"{time:%m-%d %H}" == "10-08 00" else "None"
        for kind in rng.choice(kinds, 1 + (rng.random() < 0.08) + (rng.random() < 0.03), replace=False):
            rain = f"{rng.random():.2f}" if "Rain" in kind else "0.0"
            clouds = rng.choice([1, 40, 75, 90])
            lines.append(f"{holiday},{temperatures[place]},{rain},0.0,{clouds},{kind},{time},{volumes[place]}")
    return "\n".join(lines) + "\n"


metro = PublicLayout(
    "Metro Interstate traffic",
    "Metro_Interstate_Traffic_Volume.csv.gz",
    "UCI Machine Learning Repository; header and rows as quoted in public programs that read it",
    _metro,
    ("temp", "rain_1h", "snow_1h", "clouds_all", "traffic_volume"),
    "2012-10-02T09:00:00",
    "2012-10-29T00:00:00",
    "1 hour",
    options={"frequency": "hour"},
)


def _shampoo(rng):
    # The first year is called 1, so that a month is 1-01.
    names = quoted(f"{year}-{month:02d}" for year in range(1, 10) for month in range(1, 13))
    return joined('"Month","Sales"', [names, fixed(wave(rng, 108, 400, 90, 12), 1)], end="\r\n").removesuffix("\r\n")


shampoo = PublicLayout(
    "Shampoo sales",
    "shampoo.csv",
    "jbrownlee/Datasets on GitHub; read there. It has three years, this has nine",
    _shampoo,
    ("Sales",),
    "1",
    "108",
    NUMBERED,
    options={"time": "none"},
)


def _airline_rows(rng):
    passengers = counts(wave(rng, 144, 280, 60, 12) + range(-144, 144, 2))
    return [quoted(stamps(months("1949-01", 144), "%Y-%m")), passengers]


def _airline(rng):
    return joined('"Month","Passengers"', _airline_rows(rng), end="\r\n").removesuffix("\r\n")


airline = PublicLayout(
    "Airline passengers",
    "airline-passengers.csv",
    "jbrownlee/Datasets on GitHub; read there",
    _airline,
    ("Passengers",),
    "1949-01-01",
    "1960-12-01",
    "1 month",
)

AIRLINE_TITLE = "International airline passengers: monthly totals in thousands. Jan 49 ? Dec 60"


def _airline_with_footer(rng):
    # The title is the name of the values and, after an empty line, a line at the end.
    return joined(f'"Month","{AIRLINE_TITLE}"', _airline_rows(rng)) + f"\n{AIRLINE_TITLE}\n\n"


airline_with_footer = PublicLayout(
    "Airline passengers with a footer",
    "international-airline-passengers.csv",
    "DataMarket, Time Series Data Library; header and three lines at the end in public programs that read it",
    _airline_with_footer,
    (AIRLINE_TITLE,),
    "1949-01-01",
    "1960-12-01",
    "1 month",
)


def _tourism(rng):
    # A line is a series: its name, its first time and its values, separated by colons.
    lines = [
        "# Dataset Information",
        "# This dataset contains monthly time series that were used in the tourism forecasting competition.",
        "#",
        "@relation tourism",
        "@attribute series_name string",
        "@attribute start_timestamp date",
        "@frequency monthly",
        "@horizon 24",
        "@missing false",
        "@equallength false",
        "@data",
    ]
    starts = [("1979-01", 150), *((f"{1980 + place}-0{place + 1}", 60 + 3 * place) for place in range(7))]
    for place, (start, length) in enumerate(starts, 1):
        values = ",".join(f"{value:.6g}" for value in wave(rng, length, 4000, 900, 12))
        lines.append(f"T{place}:{start}-01 00-00-00:{values}")
    return "\n".join(lines) + "\n"


tourism = PublicLayout(
    "Monash tourism",
    "tourism_monthly_dataset.tsf",
    "Monash Time Series Forecasting Repository; header and form of a line as quoted in public programs that read it",
    _tourism,
    (VALUE,),
    "1979-01-01",
    "1992-12-01",
    "1 month",
    series=8,
)


def _wikipedia(rng):
    # Names contain commas and letters of many languages. Days without a known number of views are empty.
    articles = ["2NE1_zh", "Washington,_D.C._en", "陈乔恩_zh", "Дубна_ru", "Élysée_fr", "Main_Page_en", "Bär_de"]
    lines = ["Page," + ",".join(f"{day}" for day in days("2015-07-01", 300))]
    for article in articles:
        for traffic in ("all-access_spider", "desktop_all-agents", "mobile-web_all-agents"):
            page = f"{article}.wikipedia.org_{traffic}"
            level = rng.uniform(10, 900)
            views = [f"{value}.0" for value in counts(wave(rng, 300, level, level / 4, 7))]
            lines.append(",".join([f'"{page}"' if "," in page else page, *with_gaps(rng, views, 0.05)]))
    return "\n".join(lines) + "\n"


wikipedia = PublicLayout(
    "Wikipedia web traffic",
    "train_1.csv",
    "Kaggle web-traffic-time-series-forecasting; header and rows as shown in public notebooks",
    _wikipedia,
    (VALUE,),
    "2015-07-01",
    "2016-04-25",
    "1 day",
    series=21,
)

LAYOUTS = (
    walmart,
    rossmann,
    store_item,
    favorita,
    m4,
    m5,
    bike_hour,
    bike_day,
    metro,
    shampoo,
    airline,
    airline_with_footer,
    tourism,
    wikipedia,
)
