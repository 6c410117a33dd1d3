"""Forecast series of numbers."""

from gatewright.tasks.base.spec import Option, TaskSpec
from gatewright.tasks.forecast.settings import ForecastSettings

SPEC = TaskSpec(
    name="forecast",
    command="forecast",
    function="train_forecaster",
    summary="Learn to forecast series of numbers, with intervals.",
    examples="series to forecast",
    reads="ett-h1, ett-m1, or a .csv, .tsv (also .gz) or .parquet file, with a row for each time and a column for each "
    "variable",
    example="load.csv --target load --future-covariates temperature --horizon 24",
    options=(
        Option(
            "time",
            "COLUMN",
            "Column of the times: dates, dates and times, or whole numbers (default: date, time or a similar name).",
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
        Option("series_id", "COLUMN", "Column that says which series a row belongs to, if there are several."),
    ),
    predict_options=(
        Option("plot", "FILE", "Plot the forecasts and their intervals to this .png, .svg or .pdf file."),
    ),
    settings=ForecastSettings,
    owns=lambda data, options: True,
    task="gatewright.tasks.forecast.task:Forecast",
    model="gatewright.tasks.forecast.model:Forecaster",
)
