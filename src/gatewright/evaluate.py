"""`gatewright evaluate`: the figures of a model file on other data."""

from __future__ import annotations

import html
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gatewright import runtime
from gatewright.data.corpora import read_corpus
from gatewright.data.sources import read_labelled
from gatewright.errors import InputError, nearest
from gatewright.language import LanguageModel
from gatewright.measures import confusion, of_classes, plain
from gatewright.runtime import Classifier
from gatewright.setting import require_packages
from gatewright.tasks.generate import Generate
from gatewright.tasks.protocol import EVALUATED_STREAMS

# Steps of one call.
_STEPS = 128


@dataclass(frozen=True)
class Evaluated:
    """Figures of a model on data.

    Attributes:
        model, data: the file, and the name of the data.
        task: of the model.
        unit, rows: what the data is counted in, "rows" or "tokens", and how much there was.
        test: measures, by name.
        baseline: the same measures of the best constant answer for these very rows: always the commonest label, or each
            token by its share.
        labels, confusion: of a classifier: texts of each label (rows) that were given each label (columns).
    """

    model: str
    data: str
    task: str
    unit: str
    rows: int
    test: dict[str, float]
    baseline: dict[str, float]
    labels: tuple[str, ...]
    confusion: tuple[tuple[int, ...], ...]

    def to_json(self) -> dict[str, Any]:
        """All of it as plain JSON values; what is no number is null."""
        values: dict[str, Any] = plain(asdict(self))
        return values

    def __str__(self) -> str:
        from gatewright.report.figures import evaluated

        return evaluated(self)

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(str(self))}</pre>"


def evaluate(
    model: str | Path, data: str, *, text: str | None = None, label: str | None = None, limit: int | None = None
) -> Evaluated:
    """Measure a model on data; of data with a test part, on that part.

    Args:
        model: a model file.
        data, text, label: as for `train`.
        limit: at most so many rows, or tokens, the first.

    Raises:
        InputError: the model or the data can't be used, or the data has a label that the model does not know.
        ImportError: a package is missing; the sentence names it.
    """
    require_packages("gatewright evaluate", ("sklearn", "rich"))
    if limit is not None and (not isinstance(limit, int) or limit < 1):
        raise InputError(f"limit must be a whole number from 1 up, not {limit!r}.")
    loaded = runtime.load(model)
    if isinstance(loaded, LanguageModel):
        if label is not None:
            raise InputError(f"--label {label} is for a classifier, and {model} is a language model: leave it out.")
        return _language(str(model), loaded, data, text, limit)
    return _labelled(str(model), loaded, data, text, label, limit)


def _language(model: str, loaded: LanguageModel, data: str, text: str | None, limit: int | None) -> Evaluated:
    corpus = read_corpus(data, text)
    task = Generate(data, text, rows="stream" if loaded.ends else "prefixes", limit=limit, length=_STEPS)
    task.use(loaded.encoder)
    examples = task.encode(task.texts(next(part for part in (corpus.test, corpus.validation, corpus.train) if part)))
    outputs = loaded.losses(examples.inputs, examples.targets, EVALUATED_STREAMS if task.carried else None)
    shares = task.chance(examples, examples)
    return Evaluated(
        model,
        corpus.name,
        task.name,
        task.unit,
        task.size(examples),
        task.measure(outputs, examples.targets),
        task.measure(shares.outputs, examples.targets),
        (),
        (),
    )


def _labelled(
    model: str, loaded: Classifier, data: str, text: str | None, label: str | None, limit: int | None
) -> Evaluated:
    source = read_labelled(data, text, label)
    rows = source.train if source.test is None else source.test
    texts, labels = rows.texts[:limit], rows.labels[:limit]
    numbers = {name: place for place, name in enumerate(loaded.labels)}
    if strange := next((name for name in labels if name not in numbers), None):
        known = ", ".join(map(repr, loaded.labels[:20]))
        raise InputError(
            f"{source.name} has the label {strange!r}, which {model} does not know (it knows {known}): leave "
            f"those rows out{nearest(strange, loaded.labels)}"
        )
    targets = np.array([numbers[name] for name in labels])
    probabilities = loaded.probabilities(texts, progress=True)
    shares = np.bincount(targets, minlength=len(numbers)) / len(targets)
    counted = confusion(probabilities.argmax(axis=1), targets, len(numbers))
    return Evaluated(
        model,
        source.name,
        "classify",
        "rows",
        len(texts),
        of_classes(probabilities, targets),
        of_classes(np.tile(shares, (len(targets), 1)), targets),
        loaded.labels,
        tuple(map(tuple, counted)),
    )
