"""Prepare what a trained network keeps in general for display, as sentences and rows of tables."""

import numpy as np

from gatewright.report.tables import significant
from gatewright.results.explanation import Floats, LayerMemory, ModelExplanation
from gatewright.results.naming import METHODS
from gatewright.support.escapes import escape_control

# Borders of the bins of half-lives, in steps.
_BORDERS = (0, 1, 2, 4, 8, 16, 32, 64, 128, np.inf)

SATURATION = ("layer", "gate", "below 0.1", "between", "above 0.9")
"""The headings of `saturation`."""

WORDS = ("word", "mean effect", "on", "occurrences")
"""The headings of `words`."""


def title(explanation: ModelExplanation) -> str:
    """Return a sentence that says what was measured."""
    return (
        f"{explanation.model}: what its recurrent layers keep, over {explanation.examples:,} {explanation.unit} with "
        f"{explanation.steps:,} steps."
    )


def half_lives(values: Floats) -> list[tuple[str, int]]:
    """Return the number of units for each range of half-lives, without empty ranges at both ends."""
    counts = np.histogram(np.minimum(values, np.finfo(np.float64).max), _BORDERS)[0]
    filled = np.flatnonzero(counts)
    if not len(filled):
        return []
    return [(_range(place), int(counts[place])) for place in range(filled[0], filled[-1] + 1)]


def _range(place: int) -> str:
    low, high = _BORDERS[place : place + 2]
    if low == 0:
        return f"below {high} step"
    return f"from {low} steps" if np.isinf(high) else f"{low} to {high} steps"


def no_half_lives(layer: LayerMemory) -> str:
    """Return a sentence about a layer whose units have no half-life."""
    return f"{layer.title}: {layer.cell} has no gate that keeps a part of the state, so its units have no half-life."


def saturation(explanation: ModelExplanation) -> list[tuple[str, ...]]:
    """Return a row for each gate of each layer: the fractions of steps and units at which it is saturated."""
    return [
        (layer.title, letter, f"{low:.0%}", f"{1 - low - high:.0%}", f"{high:.0%}")
        for layer in explanation.layers
        for letter, fractions in layer.saturation.items()
        if len(fractions)
        for low, high in [np.mean(fractions, axis=0)]
    ]


def words(explanation: ModelExplanation) -> list[tuple[str, ...]]:
    """Return a row for each word with a strong effect: above 0 speaks for the answer, below 0 against it."""
    return [
        (
            escape_control(word.text),
            f"{'+' if word.effect > 0 else ''}{significant(word.effect)}",
            escape_control(word.target),
            f"{word.count:,}",
        )
        for word in explanation.words
    ]


def words_title(explanation: ModelExplanation) -> str:
    """Return the title of the table of words."""
    return f"Words with the strongest effect on the logit of an answer ({METHODS[explanation.method]})"
