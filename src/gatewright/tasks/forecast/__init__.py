"""Forecast series of numbers."""

from gatewright.tasks.base.spec import HEADER, Option, TaskSpec
from gatewright.tasks.forecast.settings import ForecastSettings

_OPTIONS = (
    Option(
        "time",
        "COLUMN",
        "Column of the times: dates, dates and times, or whole numbers; several columns separated by commas, such "
        "as Date,Time; or none if rows are in order and evenly spaced (default: found by names and values).",
    ),
    Option(
        "target",
        "COLUMN",
        "Column to forecast, several columns separated by commas, or 'all' for all columns of numbers without "
        "another role (default: all).",
    ),
    Option(
        "past_covariates",
        "COLUMN",
        "Column that helps to forecast and is known up to the present, several columns separated by commas, or "
        "'all' for all other columns of numbers (default: none).",
    ),
    Option(
        "future_covariates",
        "COLUMN",
        "Column that helps to forecast and is also known for the steps to forecast, or several columns separated "
        "by commas (default: none).",
    ),
    Option(
        "series_id",
        "COLUMN",
        "Column, or several separated by commas, that says which series a row belongs to (default: found if times "
        "repeat).",
    ),
    Option(
        "time_format",
        "FORMAT",
        "Format of the times, such as %d/%m/%Y; or iso, number, or s, ms, us or ns for times since 1970; separated "
        "by commas for several columns (default: found from all rows).",
    ),
    Option("day_first", "YES|NO", "Whether the day comes before the month (default: found from all rows)."),
    Option(
        "time_zone",
        "ZONE",
        "Time zone of the times, such as Europe/Berlin (default: that of the offsets in the data, or none).",
    ),
    Option(
        "frequency",
        "STEP",
        "Length of a step, such as hour, '15 minutes', 'working day' or month. Rows at other times are averaged "
        "(default: found from the times).",
    ),
    Option("decimal", "MARK", "Character before the fraction of a number: . or , (default: found from all rows)."),
    HEADER,
    Option(
        "layout",
        "LAYOUT",
        "Layout of a table: long (a row for each time) or wide (a column for each time) (default: found from the "
        "columns).",
    ),
)
# Options that cannot differ from those of the training.
_OF_THE_MODEL = ("time_zone", "frequency", "layout")

SPEC = TaskSpec(
    name="forecast",
    command="forecast",
    function="train_forecaster",
    summary="Learn to forecast series of numbers, with intervals.",
    examples="series to forecast",
    reads="ett-h1, ett-m1, or a .csv, .tsv, .txt, .json, .jsonl, .parquet or .tsf file (also compressed), with a row "
    "for each time and a column for each variable",
    example="load.csv --target load --future-covariates temperature --horizon 24",
    options=_OPTIONS,
    predict_options=(
        *(option for option in _OPTIONS if option.name not in _OF_THE_MODEL),
        Option(
            "horizon",
            "N",
            "Number of steps to forecast (default: as trained). Further steps are forecast from the forecast itself.",
            is_number=True,
        ),
        Option("plot", "FILE", "Plot the forecasts and their intervals to this .png, .svg or .pdf file."),
    ),
    evaluate_options=(
        Option(
            "plot", "FILE", "Plot forecasts of windows of the data, next to the truth, to a .png, .svg or .pdf file."
        ),
    ),
    settings=ForecastSettings,
    owns=lambda data, options: True,
    task="gatewright.tasks.forecast.task:Forecast",
    model="gatewright.tasks.forecast.model:Forecaster",
)
