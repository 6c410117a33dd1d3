"""Small models of all tasks, as training would leave them, and the usual ways to use them."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from forecast_models import HOURS, forecaster
from imported_models import imported_files
from keyword_models import keyword_classifier
from models import classifier, language_model
from roll_models import roll_model
from series_models import series_classifier
from speech_models import sound, transcriber
from tag_models import tagger
from translation_models import translator

from gatewright.nn.file import ModelFile
from gatewright.tasks.forecast.grid import Grid


def model_files() -> list[ModelFile]:
    """Return the contents of model files of all tasks, with all kinds of layers."""
    return [
        classifier(),
        classifier(pooling="attention", cell="lstm", bidirectional=True, layers=2),
        classifier(tokens="bytes", pooling="mean"),
        classifier(multi_label=True, pooling="max", cell="min_gru"),
        series_classifier(),
        series_classifier("lstm", pooling="attention", bidirectional=True, labels=("a", "b")),
        tagger(crf=True),
        tagger(cell="lstm", pooling="attention", labels=()),
        language_model(tied=True),
        language_model(tokens="characters", examples="prefixes", layers=2),
        language_model(tokens="bytes"),
        forecaster(),
        forecaster(decoding="recursive", known=1, calendar=True),
        forecaster(decoding="direct", missing="decay", layers=2, series=("x", "y")),
        forecaster(grid=Grid("months", 1, 0), calendar=True),
        forecaster(grid=Grid("numbers", 1, 0)),
        forecaster(grid=Grid(HOURS.kind, HOURS.step, 0, "Europe/Berlin"), calendar=True),
        roll_model(),
        translator(),
        translator("words", "lstm", attention="fed"),
        translator(attention="bottom"),
        transcriber(),
        transcriber(bidirectional=True, tokens="words"),
        keyword_classifier(),
        keyword_classifier(False, "attention", "utterance", ("no", "yes")),
        *imported_files(),
    ]


def answers(model: Any) -> list[Any]:
    """Use a model in its usual ways, and return arrays of numbers and predictions."""
    return list(_USES[model.task](model))


def answers_from_table(model: Any, folder: Path) -> list[Any]:
    """Predict from a table, which a forecaster reads with what its model file says about columns and times."""
    if model.task != "forecast":
        return []
    columns, zone = model.scales.columns, model.scales.grid.zone
    names = [*columns.layout.columns, *columns.series_id, *columns.roles.names]
    times = [str(step) if model.scales.grid.kind == "numbers" else f"1970-01-{step + 1:02}" for step in range(12)]
    if zone or model.scales.grid.kind == "seconds":
        times = [f"1970-01-02 {step:02}:00" for step in range(12)]
    if model.scales.grid.kind == "months":
        times = [f"1970-{step + 1:02}-01" for step in range(12)]
    filler = ["x"] * len(columns.series_id)
    rows = [[time, *filler, *[str(step)] * len(columns.roles.names)] for step, time in enumerate(times)]
    path = folder / "table.csv"
    path.write_text("\n".join(",".join(row) for row in [names, *rows]) + "\n", encoding="utf-8", errors="replace")
    with contextlib.redirect_stderr(io.StringIO()):  # notes
        return list(model.predict_from(None, str(path), {}))


def as_text(model: Any) -> str:
    """Return the answers of a model as JSON, which has no number that is not finite."""
    found = [one.tolist() if isinstance(one, np.ndarray) else one.to_json() for one in answers(model)]
    return json.dumps(found, allow_nan=False)


def _is_bidirectional(model: Any) -> bool:
    return any(getattr(layer, "bidirectional", False) for layer in model.layers)


def _classify(model: Any) -> list[Any]:
    found = model.predict(["a fine film", "", "x" * 3])
    if not _is_bidirectional(model):
        states = model.start()
        for token in (1, 2):
            answer, states = model.step(token, states)
            found.append(answer)
    return list(found)


def _classify_series(model: Any) -> list[Any]:
    channels = len(model.channels.names)
    series = [np.linspace(-1, 1, 5 * channels).reshape(5, -1), np.ones((1, channels))]
    found = model.predict(series)
    if not _is_bidirectional(model):
        found.append(model.step(series[0][0], model.start())[0])
    return list(found)


def _tag(model: Any) -> list[Any]:
    return list(model.predict(["a fine film", ["what", "a", "dull day", "\u4e2d\u6587"]]))


def _generate(model: Any) -> list[Any]:
    batch = model.prepared.encode(["a fine film", "a dull film"])
    texts = [
        model.generate("a fine film", tokens=5, seed=0).text,
        model.generate("", tokens=3, seed=0, beams=2).text,
    ]
    likely = np.exp(model.step(1, model.start())[0])
    return [likely, model.outputs(batch), *(np.array([ord(letter) for letter in text]) for text in texts)]


def _forecast(model: Any) -> list[Any]:
    scales = model.scales
    ahead = model.horizon if scales.future_covariates else 0
    values = np.linspace(0, 9, (20 + ahead) * len(scales.variables)).reshape(-1, len(scales.variables))
    is_number = scales.grid.kind == "numbers"
    last = scales.grid.origin + 20 * scales.grid.step if is_number else scales.grid.time_at(20)
    return [model.predict(values, series=next(iter(scales.series)), last_time=last if scales.calendar else None)]


def _rolls(model: Any) -> list[Any]:
    frames = np.zeros((3, model.keys), np.uint8)
    return [model.probabilities(frames), model.generate(2, 0).astype(float), model.step(frames[0], model.start())[0]]


def _translate(model: Any) -> list[Any]:
    found = model.translate(["a man is reading", "", "x" * 3], best=2, attention=True)
    every = [one for best in found for one in best]
    numbers = [np.array([one.log_probability, one.score, *map(ord, one.text)]) for one in every]
    return [*numbers, *(one.attention for one in every)]


def _transcribe(model: Any) -> list[Any]:
    found = model.transcribe(sound(0.5), model.sample_rate)
    times = [number for word in found.words for number in (word.start, word.end, word.confidence)]
    return [np.array([found.log_probability, *times, *map(ord, found.text)])]


def _keywords(model: Any) -> list[Any]:
    return list(model.predict([sound(0.5), sound(0.1, seed=1)], model.rate))


def _imported(model: Any) -> list[Any]:
    if model.prepared.input.kind == "series":
        return list(model.predict([np.ones((3, model.prepared.features)), np.zeros((1, model.prepared.features))]))
    found = list(model.predict(["a fine film", "", "what a dull day what a film"]))
    if model.prepared.head.kind == "words":
        letters = model.generate("a fine film", tokens=3, seed=0).text
        found.append(np.array([ord(letter) for letter in letters]))
    return found


_USES: dict[str, Callable[[Any], list[Any]]] = {
    "classify": _classify,
    "classify_series": _classify_series,
    "tag": _tag,
    "generate": _generate,
    "forecast": _forecast,
    "rolls": _rolls,
    "translate": _translate,
    "transcribe": _transcribe,
    "keywords": _keywords,
    "imported": _imported,
}
