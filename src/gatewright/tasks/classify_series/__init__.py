"""Classify series of numbers."""

from collections.abc import Mapping
from typing import Any

from gatewright.tasks.base.spec import Option, TaskSpec
from gatewright.tasks.classify_series.settings import ClassifySeriesSettings

_ID = Option(
    "id",
    "COLUMN",
    "Column of a long table that says which series a row belongs to, or several columns, separated by commas "
    "(default: id).",
)
_TIME = Option("time", "COLUMN", "Column of a long table with the time of each step (default: time).")
_WINDOW = Option(
    "window", "STEPS", "Cut a long table with a label at each step into windows of this many steps.", is_number=True
)
_STRIDE = Option(
    "stride",
    "STEPS",
    "Number of steps from one window to the next (default: the length of a window, so that windows do not overlap).",
    is_number=True,
)
_CHANNELS = Option(
    "channels",
    "first|last",
    "Order of the axes of an array: first for [series, channels, time], last for [series, time, channels] (default: "
    "the axis that is much longer is time).",
)
_LAYOUT = Option(
    "layout",
    "wide|long",
    "Layout of a table: wide for a series in each row, long for a step in each row (default: found from its columns).",
)


def _owns(data: str, options: Mapping[str, Any]) -> bool:
    from gatewright.tasks.classify_series.reading import is_series

    return is_series(data, options)


SPEC = TaskSpec(
    name="classify_series",
    command="classify",
    function="train_series_classifier",
    summary="Learn to predict the label of a series of numbers.",
    examples="series of numbers",
    reads="japanese-vowels, digits, a .ts, .arff, .npz or .npy file, a UCR file X_TRAIN.tsv, a table with a series in "
    "each row, a table with a step in each row (--id, --time, --window), or a folder with a subfolder of tables for "
    "each class",
    example="walks.csv --id walk --time ms --label surface",
    options=(
        Option("label", "COLUMN", "Column of the labels (default: label)."),
        _ID,
        _TIME,
        Option(
            "group",
            "COLUMN",
            "Column of a table whose values, such as subjects, stay together when series are split (default: for "
            "windows, the id if there are five or more).",
        ),
        _WINDOW,
        _STRIDE,
        _CHANNELS,
        _LAYOUT,
    ),
    predict_options=(_ID, _TIME, _WINDOW, _STRIDE, _CHANNELS, _LAYOUT),
    settings=ClassifySeriesSettings,
    owns=_owns,
    task="gatewright.tasks.classify_series.task:ClassifySeries",
    model="gatewright.tasks.classify_series.model:SeriesClassifier",
)
