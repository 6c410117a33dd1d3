"""Classify series of numbers."""

from collections.abc import Mapping
from typing import Any

from gatewright.tasks.base.spec import Option, TaskSpec
from gatewright.tasks.classify_series.settings import ClassifySeriesSettings

_ID = Option("id", "COLUMN", "Column of a long table that says which series a row belongs to (default: id).")
_TIME = Option("time", "COLUMN", "Column of a long table with the time of each step (default: time).")


def _owns(data: str, options: Mapping[str, Any]) -> bool:
    from gatewright.tasks.classify_series.reading import is_series

    return is_series(data, options)


SPEC = TaskSpec(
    name="classify_series",
    command="classify",
    function="train_series_classifier",
    summary="Learn to predict the label of a series of numbers.",
    examples="series of numbers",
    reads="japanese-vowels, digits, a .ts file, a .npz archive, or a long table with --id and --time",
    example="walks.csv --id walk --time ms --label surface",
    options=(Option("label", "COLUMN", "Column of the labels (default: label)."), _ID, _TIME),
    predict_options=(_ID, _TIME),
    settings=ClassifySeriesSettings,
    owns=_owns,
    task="gatewright.tasks.classify_series.task:ClassifySeries",
    model="gatewright.tasks.classify_series.model:SeriesClassifier",
)
