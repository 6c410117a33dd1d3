"""Results as pictures, PNG beside their Markdown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, NullFormatter, NullLocator

from gatewright.bench import results
from gatewright.bench.suites.proportion import VARIED
from gatewright.bench.workers import OURS, TITLES
from gatewright.support import pictures as style
from gatewright.support.files import atomically

_DPI = 200
_PEER = "#c3c8d0"
_CELLS = {"gru": "GRU", "lstm": "LSTM", "simple_rnn": "SimpleRNN"}


def write(folder: Path, name: str, result: dict[str, Any]) -> list[Path]:
    """Write the suite's picture, if it has one."""
    if name not in _DRAWN:
        return []
    file = folder / f"{name}.png"
    with style.styled(), atomically(file) as path:
        _DRAWN[name](result).savefig(path, dpi=_DPI, facecolor="white", format="png")
    return [file]


def _training(result: dict[str, Any]) -> Figure:
    """Milliseconds a step of the plain case: a group of bars a cell, ours above the peers."""
    rows = [row for row in result["rows"] if row["case"] == "plain"] or result["rows"]
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault((row["cell"], row["case"]), []).append(row)
    figure = Figure(figsize=(7, 1.0 + 0.27 * len(rows) + 0.4 * len(groups)), layout="constrained")
    axes = figure.subplots()
    place = 0.0
    for (cell, case), of_group in groups.items():
        axes.text(0, place, cell if case == "plain" else f"{cell}, {case}", ha="left", va="center", weight="bold")
        for row in sorted(of_group, key=lambda row: row["peer"] != OURS):
            place += 1
            _bar(axes, place, row)
        place += 1.3
    axes.set_ylim(place - 0.7, -0.6)
    axes.set_xlim(0, 1.2 * max(row["ms"] for row in rows))
    axes.set_yticks([])
    axes.grid(False, axis="y")
    axes.spines["left"].set_visible(False)
    axes.set_xlabel("milliseconds a training step (times as long as ours); less is better")
    machine = result["machine"]
    title = f"Training step, batch 32 x 200 words, 128 units; {machine['processor']}, {machine['cores']} cores"
    figure.suptitle(title, fontsize=10.5, x=0.01, ha="left", parse_math=False)
    return figure


def _bar(axes: Axes, place: float, row: dict[str, Any]) -> None:
    ours = row["peer"] == OURS
    weight = "bold" if ours else "normal"
    axes.barh(place, row["ms"], height=0.8, color=style.PALETTE[0] if ours else _PEER)
    axes.text(
        -0.01, place, TITLES[row["peer"]], transform=axes.get_yaxis_transform(), ha="right", va="center", weight=weight
    )
    times = "" if ours or row["ratio"] is None else f"  ({row['ratio']:.1f}x)"
    axes.annotate(
        f"{results.number(row['ms'])}{times}", (row["ms"], place), xytext=(4, 0), textcoords="offset points",
        va="center", weight=weight,
    )  # fmt: skip


def _proportion(result: dict[str, Any]) -> Figure:
    """GFLOP/s over the size that varies, a panel for each; level is cost in proportion."""
    rows = result["rows"]
    sweeps = list(dict.fromkeys(row["sweep"] for row in rows))
    cells = list(dict.fromkeys(row["cell"] for row in rows))
    counts = sorted({row["threads"] for row in rows})
    figure = Figure(figsize=(8.6, 3.4), layout="constrained")
    panels = figure.subplots(1, len(sweeps), sharey=True, squeeze=False)[0]
    for axes, sweep in zip(panels, sweeps, strict=True):
        for cell in cells:
            for threads in counts:
                chosen = [r for r in rows if (r["sweep"], r["cell"], r["threads"]) == (sweep, cell, threads)]
                line = _line_of(cells.index(cell), threads == counts[-1])
                axes.plot([r["shape"][VARIED[sweep]] for r in chosen], [r["gflops"] for r in chosen], **line)
        _label_sizes(axes, [row["shape"][VARIED[sweep]] for row in rows if row["sweep"] == sweep])
        axes.set_xlabel(sweep if sweep != "length" else "length, steps")
    panels[0].set_ylim(bottom=0)
    panels[0].set_ylabel("GFLOP/s, forward and backward")
    handles = [
        Line2D([], [], label=f"{_CELLS[cell]}, {results.threads(count)}", **_line_of(k, count == counts[-1]))
        for k, cell in enumerate(cells)
        for count in counts
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), frameon=False)
    figure.suptitle("Speed as one size grows: level is cost in proportion", fontsize=11)
    return figure


def _line_of(cell: int, all_threads: bool) -> dict[str, Any]:
    style_of = {"linestyle": "-"} if all_threads else {"linestyle": "--", "markerfacecolor": "white"}
    return {"color": style.PALETTE[cell], "linewidth": 1.6, "marker": "o", "markersize": 4, **style_of}


def _label_sizes(axes: Axes, sizes: list[int]) -> None:
    """A logarithmic axis with labels at powers of ten, or at every third doubling or so."""
    different = sorted(set(sizes))
    axes.set_xscale("log")
    tens = [size for size in different if str(size).strip("0") == "1"]
    axes.set_xticks(tens if len(tens) > 2 else different[:: max(1, round(len(different) / 4))])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}" if value < 10_000 else f"{value:,.0f}"))


_DRAWN = {"training": _training, "proportion": _proportion}
