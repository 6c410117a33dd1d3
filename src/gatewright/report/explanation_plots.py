"""Plot explanations."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter

from gatewright.report import explanation_rows as rows
from gatewright.report import explanation_sentences as sentences
from gatewright.report import sound_rows as layout
from gatewright.report.plots import NotebookFigure, drawable
from gatewright.report.sound_plots import draw_effects, draw_spectrogram, step_places
from gatewright.results.explanation import (
    GRADIENTS,
    LEDGER,
    OMISSION,
    Explanation,
    Floats,
    LayerMemory,
    LayerTrace,
    ModelExplanation,
)
from gatewright.results.naming import METHODS, quantity, shown_text, unit
from gatewright.results.sound import SoundEffects
from gatewright.support import plot_style as style

# Of more steps than this, the axis has numbers and not texts.
_MAX_LABELS = 80
_LONGEST_LABEL = 16
# Of more steps than this, the bars are one shape.
_MAX_BARS = 300
# Half-lives beyond these are drawn at the edges of a logarithmic axis, which has no 0 and no infinity.
_SHORTEST, _LONGEST = 0.1, 1000.0
_INCHES_PER_STEP = 0.17
_COLOURS = {LEDGER: style.PALETTE[0], OMISSION: style.PALETTE[1], GRADIENTS: style.PALETTE[2]}
_WRITTEN, _KEPT, _OVERWRITTEN = style.GREY, style.PALETTE[2], style.PALETTE[3]


class _Map(NamedTuple):
    """A heat map: its title, its values, [units, steps], and the ends of its scale."""

    title: str
    values: Floats
    low: float
    high: float
    colours: str
    axis: str


def plot(explanation: Explanation) -> Figure:
    """Return a figure with the effects of all steps, the memory of the top layer, and heat maps of its gates."""
    count = len(explanation.steps)
    memory = rows.memory(explanation)
    maps = [one for place in explanation.top_layers for one in _maps(explanation.layers[place])] if count else []
    gradients = [layer for layer in explanation.layers if any((norms > 0).any() for norms in layer.gradients.values())]
    sound = [1.9, 1.4] if explanation.sound is not None and count else []
    heights = [*sound, 2.4, *([2.0] if memory else []), *([1.9] if gradients else []), *(1.9 for _ in maps)]
    width = float(np.clip(2.5 + _INCHES_PER_STEP * count, 7, 16))
    with style.plot_style():
        figure = NotebookFigure(figsize=(width, 1.2 + sum(heights)), layout="constrained")
        grid = figure.add_gridspec(len(heights), 2, height_ratios=heights, width_ratios=(60, 1), wspace=0.02)
        axes = [figure.add_subplot(grid[place, 0]) for place in range(len(heights))]
        for other in axes[1:]:
            other.sharex(axes[0])
            other.tick_params(labelbottom=True)
        figure.suptitle("\n".join(_wrapped(explanation.summary, int(width * 11))), fontsize=11)
        if not count:
            axes[0].set_axis_off()
            return figure
        if explanation.sound is not None:
            _draw_sound(figure, grid, axes, explanation.sound, quantity(explanation.target))
        _draw_effects(axes[len(sound)], explanation)
        if memory is not None:
            _draw_memory(axes[len(sound) + 1], memory, explanation)
        if gradients:
            _draw_gradients(axes[len(heights) - len(maps) - 1], gradients)
        for place, one in enumerate(maps, len(heights) - len(maps)):
            image = axes[place].imshow(
                one.values, cmap=one.colours, vmin=one.low, vmax=one.high, aspect="auto", interpolation="nearest"
            )
            axes[place].set_title(drawable(one.title), fontsize=9, loc="left")
            axes[place].set_ylabel(one.axis)
            axes[place].grid(visible=False)
            axes[place].set_yticks([])
            figure.colorbar(image, cax=figure.add_subplot(grid[place, 1]))
        _label_steps(axes, explanation)
    return figure


def plot_model(explanation: ModelExplanation) -> Figure:
    """Return a figure with the half-lives of all units, and the saturation of the gates of each layer."""
    saturated = [layer for layer in explanation.layers if any(len(found) for found in layer.saturation.values())]
    columns = 1 + len(saturated)
    with style.plot_style():
        figure = NotebookFigure(figsize=(max(4.6, 3.4 * columns), 3.8), layout="constrained")
        panels = figure.subplots(1, columns, squeeze=False)[0]
        figure.suptitle(
            f"What the layers keep, over {explanation.examples:,} {explanation.unit} with {explanation.steps:,} steps",
            fontsize=11,
        )
        _draw_half_lives(panels[0], explanation.layers)
        for axes, layer in zip(panels[1:], saturated, strict=True):
            _draw_saturation(axes, layer)
    return figure


def _draw_effects(axes: Axes, explanation: Explanation) -> None:
    count = len(explanation.attributions)
    for number, found in enumerate(explanation.attributions):
        shift = (number - (count - 1) / 2) * 0.8 / count
        values = np.nan_to_num(found.values)
        _draw_bars(axes, values, shift, 0.8 / count, color=_COLOURS[found.method], label=METHODS[found.method])
    positive, negative = sentences.sides(explanation)
    axes.axhline(0, color="#374151", linewidth=0.8)
    axes.set_ylabel(f"effect on the {quantity(explanation.target)}")
    _explain(axes, f"effects: above 0 {positive}, below 0 {negative}")


def _draw_bars(axes: Axes, values: Floats, shift: float = 0.0, width: float = 0.8, **drawn: Any) -> None:
    """Draw a bar for each step. Many bars are one shape, because matplotlib draws each bar slowly."""
    if len(values) <= _MAX_BARS:
        axes.bar(np.arange(len(values)) + shift, values, width, **drawn)
    else:
        axes.stairs(values, np.arange(len(values) + 1) - 0.5, fill=True, **{"alpha": 0.7, **drawn})


def _draw_memory(axes: Axes, memory: rows.Memory, explanation: Explanation) -> None:
    _draw_bars(axes, memory.written, color=_WRITTEN, alpha=0.45, label="written")
    _draw_bars(axes, memory.kept, color=_KEPT, label="kept at the end")
    _draw_bars(axes, -memory.overwritten, color=_OVERWRITTEN, label="overwritten here")
    axes.axhline(0, color="#374151", linewidth=0.8)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{abs(value):g}"))
    titles = " and ".join(explanation.layers[place].title for place in explanation.top_layers)
    axes.set_ylabel("size, all units")
    _explain(axes, f"state of {titles}: written above 0, overwritten below 0")


def _draw_gradients(axes: Axes, layers: Sequence[LayerTrace]) -> None:
    curves = [(layer, name, norms) for layer in layers for name, norms in layer.gradients.items()]
    for number, (layer, name, norms) in enumerate(curves):
        drawn = np.where(norms > 0, norms, np.nan)  # a logarithmic axis has no 0
        line = ("-", "--", ":")[number // len(style.PALETTE) % 3]
        label = drawable(f"{layer.title}, {name}")
        axes.plot(drawn, line, color=style.PALETTE[number % len(style.PALETTE)], linewidth=1.2, marker=".", label=label)
    axes.set_yscale("log")
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.set_ylabel("norm, log scale")
    axes.set_title("gradient with respect to the state after each step", fontsize=9, loc="left")
    axes.legend(framealpha=0.7, edgecolor="none", fontsize=7, loc="best", ncols=2)


def _explain(axes: Axes, title: str) -> None:
    """Write a title, and the legend on the line below it."""
    axes.set_title(f"{drawable(title)}\n", fontsize=9, loc="left")
    axes.legend(ncols=3, frameon=False, fontsize=8, loc="lower left", bbox_to_anchor=(-0.01, 0.97), borderpad=0.2)


def _maps(trace: LayerTrace) -> list[_Map]:
    """Return a heat map for each gate, or for the states of a cell without gates."""
    units = next(iter(trace.states.values())).shape[1]
    if not units:
        return []
    order, axis = np.arange(units), "units"
    if trace.half_life is not None:
        order, axis = np.argsort(-trace.half_life, kind="stable"), "units, longest\nhalf-life on top"
    gates = [
        _Map(
            f"{trace.title}, gate {letter}: {trace.conventions.get(letter, '')}".rstrip(": "),
            trace.gates[letter].T[order],
            0.0,
            1.0,
            "cividis",
            axis,
        )
        for letter in trace.saturation
    ]
    if gates:
        return gates
    name, values = next(iter(trace.states.items()))
    largest = float(np.abs(values).max()) or 1.0
    return [_Map(f"{trace.title}, state {name}", values.T[order], -largest, largest, "PuOr", axis)]


def _draw_sound(figure: Figure, grid: GridSpec, axes: Sequence[Axes], found: SoundEffects, of: str) -> None:
    """Draw a spectrogram, and under it the effects of leaving out windows of it."""
    picture = found.sound.spectrogram
    image = draw_spectrogram(axes[0], picture, *step_places(found, [0.0, picture.seconds]))
    axes[0].set_title("what the network reads", fontsize=9, loc="left")
    figure.colorbar(image, cax=figure.add_subplot(grid[0, 1]), label=layout.unit(picture))
    draw_effects(axes[1], found)
    axes[1].set_ylabel(f"fall of the {of}")
    title = f"mean fall of the {of} if {found.window:.2g} s around a step are left out; yellow: what decides most"
    axes[1].set_title(title, fontsize=9, loc="left")


def _label_seconds(axes: Sequence[Axes], found: SoundEffects) -> None:
    """Label the steps of a recording with seconds."""
    picture = found.sound.spectrogram
    seconds = layout.seconds((0.0, picture.seconds))
    for one in axes:
        one.set_xticks(step_places(found, seconds), [f"{second:g}" for second in seconds])
    axes[-1].set_xlabel("seconds")
    axes[0].set_xlim(*step_places(found, [0.0, picture.seconds]))


def _label_steps(axes: Sequence[Axes], explanation: Explanation) -> None:
    """Label the steps of all axes with their texts, or with their numbers if there are too many."""
    if explanation.sound is not None:
        _label_seconds(axes, explanation.sound)
        return
    count = len(explanation.steps)
    if count <= _MAX_LABELS:
        labels = [_step_label(explanation, index) for index in range(count)]
        for one in axes:
            one.tick_params(labelbottom=one is axes[-1])
            one.set_xticks(range(count), labels, rotation=90, fontsize=8)
            one.grid(visible=False, axis="x")
    else:
        axes[0].xaxis.set_major_locator(MaxNLocator(integer=True))
        axes[0].xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value + 1:g}"))
        axes[-1].set_xlabel(f"{unit(explanation.steps, 1)}, counted from 1")
    axes[0].set_xlim(-0.6, count - 0.4)


def _step_label(explanation: Explanation, index: int) -> str:
    text = shown_text(explanation.steps[index])
    return f"{index + 1}" if drawable(text) != text else text[:_LONGEST_LABEL]


def _wrapped(text: str, width: int) -> list[str]:
    lines = [""]
    for word in drawable(text).split():
        if lines[-1] and len(lines[-1]) + len(word) >= width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


def _draw_half_lives(axes: Axes, layers: Sequence[LayerMemory]) -> None:
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.set_ylabel("half-life in steps")
    axes.set_xlabel("fraction of the units")
    axes.set_title("half-lives of the units, in order", fontsize=9, loc="left")
    drawn = [layer for layer in layers if layer.half_life is not None and len(layer.half_life)]
    for number, layer in enumerate(drawn):
        values = np.clip(np.sort(np.asarray(layer.half_life)), _SHORTEST, _LONGEST)
        colour = style.PALETTE[number % len(style.PALETTE)]
        places = (np.arange(len(values)) + 0.5) / len(values)
        axes.plot(places, values, "o-", markersize=3, linewidth=1, color=colour, label=drawable(layer.title))
    low, high = axes.get_ylim()
    axes.set_ylim(min(low, 0.8), max(high, 12.0))
    if drawn:
        axes.legend(frameon=False, fontsize=8)


def _draw_saturation(axes: Axes, layer: LayerMemory) -> None:
    """Draw a point for each unit of each gate, as Karpathy, Johnson & Fei-Fei 2015, figure 2."""
    for number, (letter, fractions) in enumerate(layer.saturation.items()):
        colour = style.PALETTE[number % len(style.PALETTE)]
        axes.scatter(fractions[:, 0], fractions[:, 1], s=12, alpha=0.6, color=colour, label=drawable(letter))
    axes.plot([0, 1], [1, 0], color=style.GREY, linewidth=0.8, linestyle=(0, (1, 2)))
    axes.set_xlim(-0.03, 1.03)
    axes.set_ylim(-0.03, 1.03)
    axes.set_xlabel("fraction of steps below 0.1")
    axes.set_ylabel("fraction of steps above 0.9")
    axes.set_title(drawable(f"{layer.title}: saturation of the gates"), fontsize=9, loc="left")
    axes.legend(frameon=False, fontsize=8)
