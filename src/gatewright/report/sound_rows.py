"""The layout of recordings in pictures: rows of time, labels that do not overlap, and ticks of frequencies."""

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from gatewright.results.sound import Spectrogram
from gatewright.results.spoken import SpokenExplanation
from gatewright.support.escapes import escape_control

MAX_SECONDS = 60.0
"""Of a longer recording, only the beginning is drawn."""
SPACE = "␣"
"""The sign of a space between words."""
LOWEST_DECIBELS = -60.0
"""Lower levels are drawn like this one."""
LARGEST_DEVIATION = 3.0
"""Cepstral coefficients that are farther from 0 are drawn like this one."""

_ROW_SECONDS = 5.0
_SHORTEST_ROW = 0.25
# Labels fill at most this fraction of a row, so that they stay near their times.
_FILLED = 0.9
_SECONDS = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 60.0, 600.0)
_HERTZ = (100, 250, 500, 1000, 2000, 4000, 8000, 16000)


def labels(explanation: SpokenExplanation) -> list[str]:
    """Return the text of each symbol of a transcript, with a sign for a space."""
    return [shown_symbol(symbol.text) for symbol in explanation.symbols]


def shown_symbol(text: str) -> str:
    """Return the text of a symbol, with a sign for a space. That of the blank is "blank"."""
    return escape_control(text.replace(" ", SPACE) if not text.strip() else text.strip()) or "blank"


def colours(explanation: SpokenExplanation, palette: Sequence[str], grey: str) -> dict[str, str]:
    """Return the colour of each different symbol of a transcript, other than those of the symbols next to it.

    A space is grey. If a symbol has too many neighbours, it has the colour of one of them.
    """
    texts = [symbol.text for symbol in explanation.symbols]
    near: dict[str, set[str]] = {text: set() for text in texts}
    for one, other in pairwise(texts):
        near[one].add(other)
        near[other].add(one)
    found: dict[str, str] = {}
    for place, text in enumerate(near):
        taken = {found[other] for other in near[text] if other in found}
        order = [palette[(place + shift) % len(palette)] for shift in range(len(palette))]
        found[text] = next((colour for colour in order if colour not in taken), order[0]) if text.strip() else grey
    return found


def times(explanation: SpokenExplanation) -> list[float]:
    """Return the time in the middle of each symbol of a transcript."""
    return [(symbol.start + symbol.end) / 2 for symbol in explanation.symbols]


def rows(explanation: SpokenExplanation, widths: Sequence[float]) -> list[tuple[float, float]]:
    """Return the start and the end of each row of a picture, in seconds. All rows have the same length.

    Args:
        explanation: The explanation.
        widths: The width of each label, as a fraction of a row.
    """
    length = min(max(explanation.spectrogram.seconds, explanation.step_seconds), MAX_SECONDS)
    places = np.array(times(explanation))
    count = math.ceil(length / _ROW_SECONDS - 1e-9)
    while length / (count + 1) >= _SHORTEST_ROW:
        filled = np.zeros(count)
        inside = places < length
        np.add.at(filled, (places[inside] / length * count).astype(int), np.array(widths)[inside])
        if filled.max() <= _FILLED:
            break
        count += 1
    return [(length * row / count, length * (row + 1) / count) for row in range(count)]


def inside(places: Sequence[float], row: tuple[float, float]) -> list[int]:
    """Return the indices of the times in a row."""
    return [index for index, place in enumerate(places) if row[0] <= place < row[1]]


def spread(places: Sequence[float], widths: Sequence[float], low: float, high: float) -> list[float]:
    """Return places for the middles of labels that do not overlap, as near to the wanted ones as possible.

    The sum of the squares of the distances is the smallest one: with the widths before each label subtracted, the
    places are those of an isotonic regression (Barlow et al. 1972, "Statistical Inference under Order Restrictions";
    pool adjacent violators).

    Args:
        places: The wanted places, in ascending order.
        widths: The widths of the labels.
        low, high: The ends of the row. If there are too many labels for it, the last ones are beyond its end.
    """
    if not places:
        return []
    wide = np.array(widths, np.float64)
    before = np.concatenate([[0.0], np.cumsum((wide[1:] + wide[:-1]) / 2)])
    blocks: list[tuple[float, int]] = []
    for wanted in (np.array(places) - before).tolist():
        mean, count = wanted, 1
        while blocks and blocks[-1][0] >= mean:
            other, size = blocks.pop()
            mean, count = (mean * count + other * size) / (count + size), count + size
        blocks.append((mean, count))
    found = np.repeat([mean for mean, _ in blocks], [count for _, count in blocks])
    found = np.maximum(np.minimum(found, high - wide[-1] / 2 - before[-1]), low + wide[0] / 2)
    placed: list[float] = (found + before).tolist()
    return placed


def seconds(row: tuple[float, float]) -> list[float]:
    """Return round times in a row, about ten of them."""
    step = next(step for step in _SECONDS if step * 11 >= row[1] - row[0] or step == _SECONDS[-1])
    places = range(math.ceil(row[0] / step - 1e-6), math.floor(row[1] / step + 1e-6) + 1)
    return [round(place * step, 2) for place in places]


def ticks(spectrogram: Spectrogram) -> list[tuple[float, str]]:
    """Return the labels of the vertical axis: their places, counted from the middle of the first feature, and texts."""
    if not spectrogram.hertz:
        count = spectrogram.values.shape[1]
        return [(float(place), f"{place}") for place in range(0, count, max(1, math.ceil(count / 5)))]
    peaks = np.array(spectrogram.hertz)
    shown = [hertz for hertz in _HERTZ if peaks[0] <= hertz <= peaks[-1]]
    return [(float(np.interp(hertz, peaks, np.arange(len(peaks)))), _hertz(hertz)) for hertz in shown]


def _hertz(value: int) -> str:
    return f"{value:,} Hz" if value < 1000 else f"{value // 1000} kHz"


def scale(spectrogram: Spectrogram) -> tuple[float, float]:
    """Return the numbers of the ends of the scale of colours."""
    return (LOWEST_DECIBELS, 0.0) if spectrogram.hertz else (-LARGEST_DEVIATION, LARGEST_DEVIATION)


def axis(spectrogram: Spectrogram) -> str:
    """Return the title of the vertical axis."""
    return "mel band" if spectrogram.hertz else "cepstral coefficient"


def unit(spectrogram: Spectrogram) -> str:
    """Return the title of the scale of colours."""
    return "dB below the loudest" if spectrogram.hertz else "deviations from the mean"


def cut(explanation: SpokenExplanation) -> str:
    """Return a sentence if only the beginning of the recording is drawn."""
    length = explanation.spectrogram.seconds
    return f"Of {length:.0f} s, the first {MAX_SECONDS:.0f} s are drawn." if length > MAX_SECONDS else ""
