"""`gatewright evaluate`: the figures of a model file on other data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gatewright import runtime
from gatewright.nn.library import NUMPY
from gatewright.results.figures import as_tuples
from gatewright.results.records import Evaluated
from gatewright.support.errors import InputError, nearest
from gatewright.support.ids import PADDING
from gatewright.support.packages import require_packages
from gatewright.tasks.base.task import EVALUATED_STREAMS
from gatewright.tasks.classify.model import Classifier
from gatewright.tasks.classify.reading import AnyLabelled, Labelled, SeveralLabelled, Source, names_of, read_labelled
from gatewright.tasks.classify_series.model import SeriesClassifier
from gatewright.tasks.classify_series.reading import Wanted, read_series
from gatewright.tasks.forecast.model import Forecaster
from gatewright.tasks.forecast.task import Forecast
from gatewright.tasks.generate.model import LanguageModel
from gatewright.tasks.generate.reading import read_corpus
from gatewright.tasks.generate.task import Generate
from gatewright.tasks.registry import OPTIONS, of_data
from gatewright.tasks.rolls.model import RollModel
from gatewright.tasks.rolls.reading import Rolls, read_rolls
from gatewright.tasks.rolls.task import GenerateRolls
from gatewright.tasks.tag.model import Tagger
from gatewright.tasks.tag.reading import read_tagged
from gatewright.tasks.tag.task import Tag

_COMMONEST = "always the commonest label of these rows, with the labels' shares as probabilities"
# Steps of one call.
_STEPS = 128


def evaluate(
    model: str | Path,
    data: str,
    *,
    limit: int | None = None,
    **options: Any,
) -> Evaluated:
    """Measure a model on data; of data with a test part, on that part.

    Args:
        model: a model file.
        data: as for `train`.
        limit: at most so many rows, or tokens, the first.
        options: of the data, as for `train`.

    Raises:
        InputError: the model or the data can't be used, or the data has a label that the model does not know, or one
            label a text where the model gives any number, or no column for one of them.
        ImportError: a package is missing; the sentence names it.
    """
    require_packages("gatewright evaluate", ("sklearn", "rich"))
    if limit is not None and (not isinstance(limit, int) or limit < 1):
        raise InputError(f"limit must be a whole number from 1 up, not {limit!r}.")
    loaded = runtime.load(model)
    own, others = of_data(loaded.task, options)
    for name in others:
        raise InputError(f"{name!r} is no option of evaluate: leave it out{nearest(name, list(OPTIONS))}")
    return _EVALUATORS[type(loaded)](str(model), loaded, data, limit, **own)


def _language(model: str, loaded: LanguageModel, data: str, limit: int | None, text: str | None = None) -> Evaluated:
    corpus = read_corpus(data, text)
    rows, length = ("stream", _STEPS) if loaded.length is None else ("prefixes", loaded.length)
    task = Generate(data, text, rows=rows, limit=limit, length=length)
    task.use(loaded.encoder)
    examples = task.encode(task.texts(next(part for part in (corpus.test, corpus.validation, corpus.train) if part)))
    outputs = loaded.losses(examples.inputs, examples.targets, EVALUATED_STREAMS if task.carried else None)
    asked = examples.targets[examples.targets != PADDING]
    shares = np.log(asked.size / np.bincount(asked, minlength=loaded.encoder.ids).clip(1))[examples.targets]
    return Evaluated(
        model,
        corpus.name,
        task.name,
        task.unit,
        task.size(examples),
        task.measure(outputs, examples.targets),
        task.measure(shares, examples.targets),
        (),
        (),
        notes=task.remarks(examples),
        baseline_name="each token by its share of these very tokens, whatever stands before it",
    )


def _rolls(model: str, loaded: RollModel, data: str, limit: int | None, **others: str) -> Evaluated:
    for name in others:
        raise InputError(f"--{name} is for texts, and {model} is a model of piano rolls: leave it out.")
    source = read_rolls(data)
    pieces = next(part for part in (source.test, source.validation, source.train) if part).pieces[:limit]
    if pieces[0].shape[1] != loaded.keys:
        raise InputError(f"{data} has {pieces[0].shape[1]} keys, and {model} {loaded.keys}: give rolls of as many.")
    task = GenerateRolls(data)
    task.fit(Rolls(pieces))
    examples = task.encode(Rolls(pieces))
    return Evaluated(
        model,
        source.name,
        task.name,
        task.unit,
        task.size(examples),
        task.measure(loaded.losses(*examples), examples.targets),
        task.measure(task.chance(examples, examples).outputs, examples.targets),
        (),
        (),
        baseline_name="each key by its share of these very frames, whatever stands before it",
    )


def _labelled(
    model: str,
    loaded: Classifier,
    data: str,
    limit: int | None,
    text: str | None = None,
    label: str | None = None,
    label_separator: str | None = None,
    **others: str,
) -> Evaluated:
    for name in others:
        raise InputError(f"--{name} is for series of numbers, and {model} is a classifier of texts: leave it out.")
    source: Source = read_labelled(data, text, label, None, label_separator)
    rows = _first(source.train if source.test is None else source.test, limit)
    _require_its_labels(model, loaded, source.name, rows)
    labels = loaded.answers
    targets = labels.targets(rows.labels)
    probabilities = loaded.probabilities(rows.texts, progress=True)
    shares = np.tile(labels.shares(targets), (len(targets), 1))
    return Evaluated(
        model,
        source.name,
        "classify",
        "rows",
        len(targets),
        labels.measure(probabilities, targets),
        labels.measure(shares, targets),
        loaded.labels,
        as_tuples(labels.confusion(probabilities, targets)),
        labels.several,
        baseline_name="each label by its share of these very rows as its probability" if labels.several else _COMMONEST,
    )


def _series(
    model: str,
    loaded: SeriesClassifier,
    data: str,
    limit: int | None,
    id: str | None = None,
    time: str | None = None,
    label: str | None = None,
    **others: str,
) -> Evaluated:
    for name in others:
        raise InputError(
            f"--{name.replace('_', '-')} is for texts, and {model} is a classifier of series: leave it out."
        )
    source = read_series(data, Wanted(id, time, label, loaded.channels.names))
    rows = source.train if source.test is None else source.test
    rows = rows.take(np.arange(len(rows.values))[:limit])
    _require_known(model, loaded.labels, source.name, sorted(set(rows.labels)), "those rows")
    labels = loaded.answers
    targets = labels.targets(rows.labels)
    probabilities = loaded.probabilities(rows.values, progress=True)
    return Evaluated(
        model,
        source.name,
        "classify",
        "rows",
        len(targets),
        labels.measure(probabilities, targets),
        labels.measure(np.tile(labels.shares(targets), (len(targets), 1)), targets),
        loaded.labels,
        as_tuples(labels.confusion(probabilities, targets)),
        baseline_name=_COMMONEST,
    )


def _forecasts(model: str, loaded: Forecaster, data: str, limit: int | None, **columns: str) -> Evaluated:
    for name, value in columns.items():
        raise InputError(f"--{name} {value} is that of the model {model}: leave it out.")
    task = Forecast(data, look_back=loaded.look_back, horizon=loaded.horizon, quantiles=loaded.quantiles, limit=limit)
    examples = task.encode(task.use(loaded.scales, loaded.naive_errors))
    outputs = loaded.outputs(examples.inputs, progress=True)
    constant = task.chance(examples, examples)
    return Evaluated(
        model,
        task.data,
        task.name,
        task.unit,
        task.size(examples),
        task.measure(outputs, examples.targets),
        task.measure(constant.outputs, examples.targets),
        (),
        (),
        notes=task.remarks(examples),
        baseline_name="always the mean of these very numbers, and their quantiles",
    )


def _tagged(model: str, loaded: Tagger, data: str, limit: int | None, column: str | None = None) -> Evaluated:
    source = read_tagged(data, column)
    rows = (source.test or source.train).take(range(len((source.test or source.train).words))[:limit])
    if loaded.labels and rows.labels is None:
        raise InputError(
            f"{model} gives each sentence a label, and {source.name} has none: name data with a label for each one."
        )
    task = Tag(data, length=loaded.length)
    task.use(loaded.spelling, loaded.tags, loaded.labels)
    examples = task.encode(rows)
    outputs = loaded.answers(task.words(rows)).joined(NUMPY)
    return Evaluated(
        model,
        source.name,
        task.name,
        task.unit,
        task.size(examples),
        task.measure(outputs, examples.targets),
        task.measure(task.commonest(examples.targets, examples.targets), examples.targets),
        (),
        (),
        notes=(*source.notes, *task.remarks(examples)),
        baseline_name="always the commonest tag of these very words"
        + (", and the commonest label of these sentences" if loaded.labels else ""),
    )


_EVALUATORS: dict[type[runtime.AnyModel], Callable[..., Evaluated]] = {
    Classifier: _labelled,
    SeriesClassifier: _series,
    LanguageModel: _language,
    RollModel: _rolls,
    Forecaster: _forecasts,
    Tagger: _tagged,
}


def _first(rows: AnyLabelled, limit: int | None) -> AnyLabelled:
    if isinstance(rows, SeveralLabelled):
        return SeveralLabelled(rows.texts[:limit], rows.labels[:limit], rows.columns)
    return Labelled(rows.texts[:limit], rows.labels[:limit])


def _require_its_labels(model: str, loaded: Classifier, name: str, rows: AnyLabelled) -> None:
    """Check that the rows have labels as the model gives them."""
    several = isinstance(rows, SeveralLabelled)
    if several != loaded.answers.several:
        has, gives = ("any number of labels", "one label") if several else ("one label", "any number of labels")
        raise InputError(
            f"{name} has {has} for each text, and {model} gives {gives}: name the column or columns with --label, and "
            "what stands between the labels of a field with --label-separator."
        )
    columns = rows.columns if isinstance(rows, SeveralLabelled) else ()
    occurring = columns or sorted(names_of(rows))
    _require_known(model, loaded.labels, name, occurring, "that column" if columns else "those rows")
    if columns and (lacking := [label for label in loaded.labels if label not in columns]):
        raise InputError(
            f"{model} gives the label {lacking[0]!r}, of which --label names no column of {name}: name all its columns."
        )


def _require_known(model: str, known: Sequence[str], name: str, occurring: Sequence[str], what: str) -> None:
    """Check that a model knows the labels that occur."""
    if strange := [label for label in occurring if label not in known]:
        listed = ", ".join(map(repr, known[:20]))
        raise InputError(
            f"{name} has the label {strange[0]!r}, which {model} does not know (it knows {listed}): leave {what} "
            f"out{nearest(strange[0], known)}"
        )
