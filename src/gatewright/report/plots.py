"""Plot a comparison."""

import functools
import hashlib
import io
import math
import re
import textwrap
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.figure import Figure, FigureBase
from matplotlib.ft2font import FT2Font
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter
from numpy.typing import NDArray

from gatewright.report import tables
from gatewright.results.records import CellResult, Comparison
from gatewright.support import plot_style as style

# Smaller fractions of the largest gradient are drawn as this one, because a logarithmic axis has no 0.
_SMALLEST = 1e-12
# Height of one line of a label, as a fraction of the height of the axes.
_LINE = 0.058


class NotebookFigure(Figure):
    """A matplotlib figure that notebooks display although pyplot did not create it."""

    def _repr_svg_(self) -> str:
        return svg(self)


class _Band(NamedTuple):
    """Mean, minimum and maximum over several curves, at each position. NaN where no curve has a finite value."""

    mean: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


class _Label(NamedTuple):
    """A label at the right end of a curve. `height` is the y position of that end, from 0 (bottom) to 1 (top)."""

    text: str
    height: float
    colour: str


def drawable(text: str) -> str:
    """Return the text with a question mark for each character that the font of plots lacks."""
    return "".join(letter if letter.isspace() or _font().get_char_index(ord(letter)) else "?" for letter in text)


@functools.cache
def _font() -> FT2Font:
    return font_manager.get_font(font_manager.findfont("DejaVu Sans"))


def colour(position: int) -> str:
    """Return the colour that all plots and tables use for the recurrent cell with this index in the comparison."""
    return style.PALETTE[position % len(style.PALETTE)]


def learning_curves(comparison: Comparison) -> Figure:
    """Return a figure of the first metric on the validation set after each epoch, with one line per recurrent cell.

    Each line is the mean over seeds, and the band around it shows the minimum and the maximum. A dot marks the epoch
    whose weights were chosen for a seed. Dotted horizontal lines show the baselines on the test set.
    """
    with style.plot_style():
        figure = NotebookFigure(figsize=(7.6, 4.2), layout="constrained")
        _draw_learning_curves(figure, comparison)
    return figure


def gradients(comparison: Comparison) -> Figure:
    """Return a figure of the gradient norm |dL/dh_t| at each step before and after training, with a panel per cell."""
    rows, columns = _grid(len(comparison.cells))
    with style.plot_style():
        figure = NotebookFigure(figsize=(max(4.6, 2.6 * columns), 1.4 + 2.6 * rows), layout="constrained")
        _draw_gradients(figure, comparison)
    return figure


def overview(comparison: Comparison) -> Figure:
    """Return a figure with the learning curves and the gradients side by side."""
    rows, columns = _grid(len(comparison.cells))
    widths = (6.4, max(4.6, 2.3 * columns))
    with style.plot_style():
        figure = NotebookFigure(figsize=(sum(widths), max(4.2, 1.4 + 2.6 * rows)), layout="constrained")
        sides = figure.subfigures(1, 2, width_ratios=widths, wspace=0.04, squeeze=False)
        _draw_learning_curves(sides[0, 0], comparison)
        _draw_gradients(sides[0, 1], comparison)
    return figure


def svg(figure: Figure) -> str:
    """Return the figure as an `<svg>` element for an HTML page. The same figure always gives the same string."""
    stream = io.StringIO()
    with style.plot_style():
        figure.savefig(stream, format="svg", metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")))
    drawing = stream.getvalue()
    drawing = drawing[drawing.index("<svg") :].rstrip()
    # A style element would apply to the whole page, so its rules move to the root element, whose children inherit them.
    (everywhere,) = re.findall(r"<style[^>]*>\*{(.*?)}</style>", drawing)
    drawing = re.sub(r"\s*<defs>\s*<style.*?</style>\s*</defs>", "", drawing)
    drawing = drawing.replace("<svg", f'<svg style="{everywhere}"', 1)
    # matplotlib uses the same ids in every figure, but a page can have several figures.
    prefix = f"g{hashlib.sha256(drawing.encode()).hexdigest()[:10]}-"
    return re.sub(r'(\bid="|\bhref="#|url\(#)', rf"\g<1>{prefix}", drawing)


def _draw_learning_curves(figure: FigureBase, comparison: Comparison) -> None:
    measure = comparison.measures[0]
    axes = figure.subplots()
    bands = [
        _band([[epoch.validation[measure.name] for epoch in run.epochs] for run in cell.runs])
        for cell in comparison.cells
    ]
    baselines = {"constant baseline": comparison.constant, comparison.baseline.name: comparison.baseline}
    levels = [model.test[measure.name] for model in baselines.values()]
    if measure.better == "lower" and _spans(np.concatenate([*(band.mean for band in bands), levels]), 20):
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_minor_formatter(NullFormatter())

    for level in levels:
        axes.axhline(level, color=style.GREY, linewidth=0.9, linestyle=(0, (1, 2)))
    for position, (cell, band) in enumerate(zip(comparison.cells, bands, strict=True)):
        epochs = np.arange(1, len(band.mean) + 1)
        _draw_band(axes, epochs, band, colour(position), linewidth=1.8)
        _draw_chosen(axes, cell, measure.name, colour(position))

    last = max(1, *(len(band.mean) for band in bands))
    margin = 0.5 if last == 1 else 0.03 * (last - 1)
    axes.set_xlim(1 - min(margin, 0.5), last + margin)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.set_xlabel("epoch")
    axes.set_ylabel(f"validation {measure.title}", parse_math=False)
    figure.suptitle(f"Validation {measure.title} after each epoch", fontsize=11, parse_math=False)
    axes.set_title(_legend(comparison), fontsize=8, color=style.GREY)

    number_format = tables.format_of(comparison, measure)
    labels = [
        _curve_label(axes, cell.name, band, colour(position))
        for position, (cell, band) in enumerate(zip(comparison.cells, bands, strict=True))
    ]
    labels += [
        _Label(f"{name}: {number_format.number(level)} (test)", _height(axes, level), style.GREY)
        for name, level in zip(baselines, levels, strict=True)
    ]
    _draw_labels(axes, labels)


def _draw_chosen(axes: Axes, cell: CellResult, measure: str, colour: str) -> None:
    runs = [run for run in cell.runs if not run.divergence]
    epochs = [run.chosen_epoch for run in runs]
    values = [run.epochs[run.chosen_epoch - 1].validation[measure] for run in runs]
    axes.plot(epochs, values, "o", color=colour, markersize=5.5, markeredgecolor="white", markeredgewidth=0.9, zorder=4)


def _legend(comparison: Comparison) -> str:
    count = tables.seeds(comparison)
    if count == 1:
        return "one seed; dot: chosen epoch"
    return f"line: mean over {count} seeds; band: lowest to highest; dots: chosen epochs"


def _curve_label(axes: Axes, name: str, band: _Band, colour: str) -> _Label:
    finite = band.mean[np.isfinite(band.mean)]
    if not len(finite):
        return _Label(f"{name}: no finite value", 0.0, colour)
    return _Label(name, _height(axes, float(finite[-1])), colour)


def _height(axes: Axes, value: float) -> float:
    """Return the position of a value on the y axis: 0 is the bottom of the axes, 1 the top."""
    if not math.isfinite(value):
        return 0.0
    return float((axes.transScale + axes.transLimits).transform((1.0, value))[1])


def _draw_labels(axes: Axes, labels: Sequence[_Label]) -> None:
    """Draw labels to the right of the axes without overlaps, each as near as possible to the end of its curve."""
    labels = sorted(labels, key=lambda label: label.height)
    wrapped = [textwrap.fill(label.text, 24) for label in labels]
    room = [_LINE * (1 + text.count("\n")) for text in wrapped]
    for label, text, height in zip(labels, wrapped, _spread([label.height for label in labels], room), strict=True):
        axes.annotate(
            text, (1.015, height), xycoords="axes fraction", color=label.colour, va="center", parse_math=False
        )


def _spread(heights: Sequence[float], room: Sequence[float]) -> list[float]:
    """Return the y positions of labels, moved apart so that labels do not overlap.

    Args:
        heights: The wanted y positions, ascending, as fractions of the axes.
        room: The vertical size of each label.
    """
    spread = list(heights)
    for _ in range(100):
        for below in range(len(spread) - 1):
            missing = (room[below] + room[below + 1]) / 2 - (spread[below + 1] - spread[below])
            if missing > 0:
                spread[below] -= missing / 2
                spread[below + 1] += missing / 2
        spread = [min(max(height, 0.0), 1.0) for height in spread]
    return spread


def _draw_gradients(figure: FigureBase, comparison: Comparison) -> None:
    rows, columns = _grid(len(comparison.cells))
    panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel()
    largest, smallest = _range_of_norms(comparison)
    floor = largest * _SMALLEST
    for position, (axes, cell) in enumerate(zip(panels, comparison.cells, strict=False)):
        _draw_norms(axes, cell, floor, colour(position))
        axes.set_title(cell.name, color=colour(position), fontweight="bold", parse_math=False)
        axes.tick_params(labelbottom=True)
        axes.set_xlabel("steps before the last one")
    for axes in panels[len(comparison.cells) :]:
        axes.remove()

    steps = max(
        len(norms) for cell in comparison.cells for run in cell.runs for norms in run.gradient_after.states.values()
    )
    # A power of ten gives the axis labels even if the curves hardly fall. The floor lets curves that fall below it
    # reach the edge.
    bottom = max(10.0 ** math.floor(math.log10(smallest)), floor)
    panels[0].set_yscale("log")
    panels[0].set_ylim(bottom, 10.0 ** (math.floor(math.log10(largest)) + 1))
    panels[0].yaxis.set_major_formatter(FuncFormatter(_power_of_ten))
    panels[0].yaxis.set_minor_formatter(NullFormatter())
    panels[0].set_xlim(max(steps - 1, 1), 0)
    panels[0].xaxis.set_major_locator(MaxNLocator(nbins=4, integer=True))
    figure.supylabel("|dL/dh_t|, mean over the validation set", fontsize=9, color="#374151", parse_math=False)
    figure.suptitle("Gradient of the loss at each time step", fontsize=11)
    figure.legend(
        handles=_gradient_legend(comparison),
        loc="outside lower center",
        ncols=4,
        frameon=False,
        fontsize=8,
        columnspacing=1.2,
    )


def _draw_norms(axes: Axes, cell: CellResult, floor: float, colour: str) -> None:
    for state in cell.runs[0].gradient_after.states:
        width = 1.8 if state == "h" else 0.9
        before = _band([run.gradient_before.states[state] for run in cell.runs])
        after = _band([run.gradient_after.states[state] for run in cell.runs])
        for band, line in ((before, {"linestyle": "--", "alpha": 0.5}), (after, {})):
            clipped = _Band(*(np.maximum(values, floor) for values in band))
            _draw_band(axes, np.arange(len(band.mean)), clipped, colour, linewidth=width, **line)


def _range_of_norms(comparison: Comparison) -> tuple[float, float]:
    """Return the largest and the smallest gradient norm on the y axis, which is logarithmic."""
    norms = np.concatenate(
        [
            np.asarray(values, np.float64)
            for cell in comparison.cells
            for run in cell.runs
            for moment in (run.gradient_before, run.gradient_after)
            for values in moment.states.values()
        ]
    )
    norms = norms[np.isfinite(norms)]
    if not np.any(norms > 0):
        return 1.0, _SMALLEST
    largest = float(norms.max())
    return largest, max(float(norms.min()), largest * _SMALLEST)


def _gradient_legend(comparison: Comparison) -> list[Line2D]:
    handles = [
        Line2D([], [], color=style.GREY, linewidth=1.8, linestyle="--", alpha=0.6, label="before training"),
        Line2D([], [], color=style.GREY, linewidth=1.8, label="after training"),
    ]
    states = {state for cell in comparison.cells for state in cell.runs[0].gradient_after.states}
    if "c" in states:
        handles.append(Line2D([], [], color=style.GREY, linewidth=0.9, label="thin: LSTM cell state c"))
    return handles


def _power_of_ten(value: float, _: Any) -> str:
    exponent = str(round(math.log10(value)))
    return f"10{exponent.translate(str.maketrans('-0123456789', '⁻⁰¹²³⁴⁵⁶⁷⁸⁹'))}"


def _grid(count: int) -> tuple[int, int]:
    """Return the number of rows and the number of columns that arrange `count` panels in a grid."""
    columns = count if count <= 3 else 2 if count == 4 else 3
    return math.ceil(count / columns), columns


def _draw_band(axes: Axes, x: NDArray[Any], band: _Band, colour: str, **line: Any) -> None:
    axes.fill_between(x, band.low, band.high, color=colour, alpha=0.13, linewidth=0)
    axes.plot(x, band.mean, color=colour, **line)


def _band(curves: Iterable[Sequence[float]]) -> _Band:
    """Return the mean, minimum and maximum over the curves at each position. Values that are not finite are ignored."""
    curves = list(curves)
    table = np.full((len(curves), max(map(len, curves))), np.nan)
    for row, curve in zip(table, curves, strict=True):
        row[: len(curve)] = curve
    finite = np.ma.masked_invalid(table)
    return _Band(*(np.ma.filled(over(axis=0), np.nan) for over in (finite.mean, finite.min, finite.max)))


def _spans(values: NDArray[np.float64], factor: float) -> bool:
    """Return True if the largest positive value is more than `factor` times the smallest positive value."""
    positive = values[np.isfinite(values) & (values > 0)]
    return len(positive) > 0 and bool(positive.max() > factor * positive.min())
