"""`gatewright predict`: what a model file says of texts or series, or of what comes after them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gatewright import runtime
from gatewright.support.errors import InputError
from gatewright.tasks.base.prediction import Prediction
from gatewright.tasks.classify.model import Classifier
from gatewright.tasks.classify_series.model import SeriesClassifier
from gatewright.tasks.forecast.answer import Forecasted
from gatewright.tasks.forecast.model import Forecaster
from gatewright.tasks.generate.model import LanguageModel
from gatewright.tasks.rolls.model import RollModel
from gatewright.tasks.tag.model import TaggedSentence, Tagger


def predict(
    model: str | Path,
    texts: str | Sequence[str] | None = None,
    *,
    file: str | None = None,
    text: str | None = None,
    id: str | None = None,
    time: str | None = None,
    plot: str | Path | None = None,
) -> list[Prediction] | list[TaggedSentence] | list[Forecasted]:
    """What a model says of each text or series: a classifier its label or labels, a tagger a tag for each word; a
    forecaster of what comes after each series.

    Args:
        model: a model file.
        texts: one text or several.
        file: in their place a text file with one text a line, "-" for standard input, or a table; of a classifier of
            series a file of rows, with labels or without: see `data.series.read_rows`. Of a forecaster a table of
            recent steps, with the columns that it was trained with; rows ahead of the last forecast step, with what is
            known ahead, may follow.
        text: the column of a table; "text" where not given.
        id, time: columns of a long table of series; "id" and "time" where not given.
        plot: of a forecaster, a .png, .svg or .pdf file for a picture of the forecasts with their intervals.

    Raises:
        InputError: the model or the texts can't be used.
    """
    loaded = runtime.load(model)
    if type(loaded) in _INSTEAD:
        raise InputError(f"{model} is {_INSTEAD[type(loaded)]}.")
    given = {"texts": texts, "--text": text, "--id": id, "--time": time, "--plot": plot}
    given = {name: value for name, value in given.items() if value is not None}
    answers: list[Prediction] | list[TaggedSentence] | list[Forecasted] = _PREDICTORS[type(loaded)](loaded, file, given)
    return answers


def _of_texts(
    loaded: Classifier | Tagger, file: str | None, given: dict[str, Any]
) -> list[Prediction] | list[TaggedSentence]:
    texts = given.pop("texts", None)
    text = given.pop("--text", None)
    _refuse(given, f"a model of train {loaded.task}")
    if texts is None and file is None:
        raise InputError("predict needs texts: give some, - for standard input, or a file of texts with --file.")
    if texts is not None and file is not None:
        raise InputError(f"predict takes texts or --file {file}, not both: leave one of the two out.")
    if file is not None:
        from gatewright.data.texts import read_texts

        texts = read_texts(file, text)
    return loaded.predict([texts] if isinstance(texts, str) else texts)


def _of_rows(loaded: SeriesClassifier, file: str | None, given: dict[str, Any]) -> list[Prediction]:
    from gatewright.tasks.classify_series.reading import Wanted, read_rows

    if file is None or "texts" in given or "--text" in given:
        raise InputError("the model answers series of numbers, not texts: give a file of rows with --file, no texts.")
    wanted = Wanted(given.pop("--id", None), given.pop("--time", None), None, loaded.channels.names, False)
    _refuse(given, "a classifier of series")
    return loaded.predict(read_rows(file, wanted, "--file").values)


def _of_series(loaded: Forecaster, file: str | None, given: dict[str, Any]) -> list[Forecasted]:
    from gatewright.tasks.forecast.reading import been, read_measured

    plot = given.pop("--plot", None)
    _refuse(given, "a forecaster")
    if file is None:
        raise InputError("a forecaster needs a table of recent steps: give one with --file.")
    answers, pasts = [], []
    for line in read_measured(file, loaded.scales).lines:
        seen = been(line, loaded.scales.targets)
        ahead = loaded.horizon if loaded.scales.ahead else 0
        values = line.values[: seen + ahead]
        if len(values) < seen + ahead:
            values = np.concatenate([values, np.full((seen + ahead - len(values), values.shape[1]), np.nan)])
        try:
            answers.append(loaded.predict(values, series=line.name, last=line.first + seen - 1))
        except InputError as error:
            raise InputError(f"{file}{f', series {line.name!r}' if line.name else ''}: {error}") from None
        pasts.append(line.values[:seen, : loaded.scales.targets])
    if plot is not None:
        from gatewright.tasks.forecast.plot import write

        write(answers, pasts, Path(plot))
    return answers


def _refuse(given: dict[str, Any], what: str) -> None:
    for name, value in given.items():
        shown = "texts are" if name == "texts" else f"{name} {value} is"
        raise InputError(f"{shown} not for {what}: leave {'them' if name == 'texts' else 'it'} out.")


_PREDICTORS: dict[type[runtime.AnyModel], Callable[..., Any]] = {
    Classifier: _of_texts,
    SeriesClassifier: _of_rows,
    Tagger: _of_texts,
    Forecaster: _of_series,
}
_INSTEAD = {
    LanguageModel: "a language model, which says nothing of texts: use `gatewright generate`",
    RollModel: "a model of piano rolls, and answers nothing: measure it with `gatewright evaluate`",
}
