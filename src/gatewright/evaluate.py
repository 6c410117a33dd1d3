"""`gatewright evaluate`: the figures of a model file on labelled texts."""

from __future__ import annotations

import html
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gatewright import runtime
from gatewright.data.sources import read_labelled
from gatewright.errors import InputError, nearest
from gatewright.measures import confusion, of_classes, plain
from gatewright.setting import require_packages


@dataclass(frozen=True)
class Evaluated:
    """Figures of a model on labelled texts.

    Attributes:
        model, data: the file, and the name of the data.
        rows: how many texts.
        test: measures, by name.
        baseline: the same measures of the answer that is always the commonest label of these very rows.
        labels, confusion: texts of each label (rows) that were given each label (columns).
    """

    model: str
    data: str
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
    """Measure a model on labelled texts; of data with a test part, on that part.

    Args:
        model: a model file.
        data, text, label: as for `train`.
        limit: at most so many rows, the first.

    Raises:
        InputError: the model or the data can't be used, or the data has a label that the model does not know.
        ImportError: a package is missing; the sentence names it.
    """
    require_packages("gatewright evaluate", ("sklearn", "rich"))
    if limit is not None and (not isinstance(limit, int) or limit < 1):
        raise InputError(f"limit must be a whole number from 1 up, not {limit!r}.")
    loaded = runtime.load(model)
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
        str(model),
        source.name,
        len(texts),
        of_classes(probabilities, targets),
        of_classes(np.tile(shares, (len(targets), 1)), targets),
        loaded.labels,
        tuple(map(tuple, counted)),
    )
