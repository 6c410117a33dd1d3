"""Draw the plot of the suite `proportion`."""

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, NullFormatter, NullLocator

from gatewright.bench.suites.proportion import VARIED
from gatewright.bench.tables import format_threads
from gatewright.support.plot_style import PALETTE

_CELL_TITLES = {"gru": "GRU", "lstm": "LSTM", "simple_rnn": "SimpleRNN"}


def draw(result: dict[str, Any]) -> Figure:
    """Draw the speed in GFLOP/s against the size that varies, with a panel for each varied size.

    A horizontal line means that the time is proportional to the size. `result` is what the suite measured.
    """
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
                axes.plot(
                    [row["shape"][VARIED[sweep]] for row in chosen],
                    [row["gflops"] for row in chosen],
                    **_line_style(cells.index(cell), threads == counts[-1]),
                )
        _label_sizes(axes, [row["shape"][VARIED[sweep]] for row in rows if row["sweep"] == sweep])
        axes.set_xlabel(sweep if sweep != "length" else "length, steps")
    panels[0].set_ylim(bottom=0)
    panels[0].set_ylabel("GFLOP/s, forward and backward")
    handles = [
        Line2D([], [], label=f"{_CELL_TITLES[cell]}, {format_threads(count)}", **_line_style(k, count == counts[-1]))
        for k, cell in enumerate(cells)
        for count in counts
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), frameon=False)
    figure.suptitle("Speed as one size grows; a level line means cost in proportion to size", fontsize=11)
    return figure


def _line_style(cell: int, all_threads: bool) -> dict[str, Any]:
    line = {"linestyle": "-"} if all_threads else {"linestyle": "--", "markerfacecolor": "white"}
    return {"color": PALETTE[cell], "linewidth": 1.6, "marker": "o", "markersize": 4, **line}


def _label_sizes(axes: Axes, sizes: list[int]) -> None:
    """Make the x axis logarithmic, and label some of the `sizes` on it.

    These are the powers of ten if there are more than two, or else about four of the sizes.
    """
    different = sorted(set(sizes))
    axes.set_xscale("log")
    tens = [size for size in different if str(size).strip("0") == "1"]
    axes.set_xticks(tens if len(tens) > 2 else different[:: max(1, round(len(different) / 4))])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}" if value < 10_000 else f"{value:,.0f}"))
