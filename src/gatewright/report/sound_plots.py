"""Plot recordings: the spectrogram, the symbols of a transcript over it, and their probabilities."""

import re
import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gatewright.report import sound_rows as layout
from gatewright.report.plots import NotebookFigure, drawable
from gatewright.results.sound import SoundEffects, Spectrogram
from gatewright.results.spoken import SpokenExplanation
from gatewright.support import plot_style as style

_INCHES_PER_SECOND = 2.4
_WIDTHS = (6.5, 13.0)
# The inches of a row that are not those of its axes, and those of a letter.
_MARGIN, _LETTER = 1.6, 0.085
_HEIGHTS = (1.5, 0.95)
# Smaller probabilities are not drawn, so that the lines of symbols do not hide each other at 0.
_SMALLEST = 0.01


def plot_spoken(explanation: SpokenExplanation) -> Figure:
    """Return a figure of the spectrogram with the symbols at their times, and the probabilities of the symbols.

    Recordings of more than five seconds have several rows.
    """
    texts = [drawable(text) for text in layout.labels(explanation)]
    seconds = min(explanation.spectrogram.seconds, layout.MAX_SECONDS)
    width = float(np.clip(_MARGIN + _INCHES_PER_SECOND * seconds, *_WIDTHS))
    shares = [(len(text) + 0.6) * _LETTER / (width - _MARGIN) for text in texts]
    rows = layout.rows(explanation, shares)
    with style.plot_style():
        figure = NotebookFigure(figsize=(width, 0.8 + len(rows) * (sum(_HEIGHTS) + 0.85)), layout="constrained")
        figure.suptitle(_title(explanation, width), fontsize=11)
        grid = figure.add_gridspec(2 * len(rows), 1, height_ratios=_HEIGHTS * len(rows))
        above = [figure.add_subplot(grid[2 * row]) for row in range(len(rows))]
        below = [figure.add_subplot(grid[2 * row + 1], sharex=above[row]) for row in range(len(rows))]
        images = [draw_spectrogram(axes, explanation.spectrogram) for axes in above]
        for place, row in enumerate(rows):
            _draw_labels(above[place], explanation, texts, shares, row)
            _draw_probabilities(below[place], explanation, texts, row)
            above[place].set_xlim(*row)
            above[place].tick_params(labelbottom=False)
        below[-1].set_xlabel("seconds")
        figure.colorbar(images[0], ax=above, label=layout.unit(explanation.spectrogram), fraction=0.03, pad=0.01)
        below[0].set_title("probability of each symbol; dashed: of the blank", fontsize=9, loc="left")
    return figure


def draw_spectrogram(axes: Axes, found: Spectrogram, start: float = 0.0, end: float | None = None) -> Any:
    """Draw a spectrogram, and return its image.

    Args:
        axes: The axes.
        found: The spectrogram.
        start, end: Where it begins and ends on the horizontal axis. By default the axis is in seconds.
    """
    low, high = layout.scale(found)
    count = found.values.shape[1]
    image = axes.imshow(
        found.values.T,
        cmap="magma" if found.hertz else "PuOr",
        vmin=low,
        vmax=high,
        aspect="auto",
        origin="lower",
        interpolation="nearest",
        extent=(start, found.seconds if end is None else end, -0.5, count - 0.5),
    )
    places, texts = zip(*layout.ticks(found), strict=True)
    axes.set_yticks(places, texts)
    axes.set_ylabel(layout.axis(found))
    axes.grid(visible=False)
    return image


def _title(explanation: SpokenExplanation, width: float) -> str:
    text = drawable(f"{explanation.summary} {layout.cut(explanation)}".strip())
    # No line begins with the unit of the number before it.
    return textwrap.fill(re.sub(r"(\d) s\b", "\\1\N{NO-BREAK SPACE}s", text), int(width * 10))


def _draw_labels(
    axes: Axes, explanation: SpokenExplanation, texts: Sequence[str], shares: Sequence[float], row: tuple[float, float]
) -> None:
    """Draw the symbols of a row above the spectrogram, and a line from each to its time."""
    places, colours, length = (
        layout.times(explanation),
        layout.colours(explanation, style.PALETTE, style.GREY),
        row[1] - row[0],
    )
    shown = layout.inside(places, row)
    at = layout.spread([places[index] for index in shown], [shares[index] * length for index in shown], *row)
    across = axes.get_xaxis_transform()
    for index, place in zip(shown, at, strict=True):
        symbol, time = explanation.symbols[index], places[index]
        colour = colours[symbol.text]
        axes.plot(
            [time, time, place], [0, 1, 1.07], transform=across, color="white", linewidth=0.7, alpha=0.55, clip_on=True
        )
        axes.plot([time, place], [1, 1.07], transform=across, color=style.GREY, linewidth=0.7, clip_on=False)
        axes.text(
            place,
            1.1,
            texts[index],
            transform=across,
            color=colour,
            fontsize=10,
            fontweight="bold" if symbol.text.strip() else "normal",
            ha="center",
            va="baseline",
            family="DejaVu Sans Mono",
        )


def _draw_probabilities(
    axes: Axes, explanation: SpokenExplanation, texts: Sequence[str], row: tuple[float, float]
) -> None:
    """Draw the probability of the blank and of each symbol of the transcript over time."""
    seconds, colours = explanation.step_seconds, layout.colours(explanation, style.PALETTE, style.GREY)
    middles = (np.arange(len(explanation.probabilities)) + 0.5) * seconds
    near = (middles > row[0] - seconds) & (middles < row[1] + seconds)
    blank, *others = explanation.probabilities[near].T
    axes.plot(middles[near], blank, "--", color=style.GREY, linewidth=1)
    for text, values in zip(explanation.outputs[1:], others, strict=True):
        colour = colours[text]
        drawn = np.where(_near(values >= _SMALLEST), values, np.nan)
        axes.fill_between(middles[near], drawn, color=colour, alpha=0.25, linewidth=0)
        axes.plot(middles[near], drawn, color=colour, linewidth=1.2)
    axes.set_ylim(0, 1.03)
    axes.set_yticks([0, 0.5, 1])
    axes.set_ylabel("probability")


def _near(places: np.ndarray) -> np.ndarray:
    """Return True at these places and next to them, so that lines reach the bottom."""
    wide = np.pad(places, 1)
    found: np.ndarray = wide[:-2] | wide[1:-1] | wide[2:]
    return found


def draw_effects(axes: Axes, found: SoundEffects) -> None:
    """Draw the effects of leaving out windows of a recording, over its steps, and shade the stretches that decide."""
    effects, places = found.effects, np.arange(len(found.effects))
    for part, colour in ((np.maximum(effects, 0), style.PALETTE[0]), (np.minimum(effects, 0), style.PALETTE[1])):
        axes.fill_between(places, part, color=colour, alpha=0.45, linewidth=0, step="mid")
    axes.axhline(0, color="#374151", linewidth=0.8)
    for stretch in found.stretches:
        axes.axvspan(*step_places(found, [stretch.start, stretch.end]), color=style.PALETTE[6], alpha=0.2, linewidth=0)


def step_places(found: SoundEffects, seconds: Sequence[float]) -> list[float]:
    """Return where times are on an axis of steps, whose middles are at 0, 1, 2, ..."""
    starts, ends = found.sound.starts, found.sound.ends
    step = ends[-1] - starts[-1]  # the first step can be shorter
    places: list[float] = ((np.array(seconds) - ends[-1]) / step + len(starts) - 0.5).tolist()
    return places
