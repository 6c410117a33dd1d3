"""Draw the plot of the suite `training`."""

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gatewright.bench.tables import format_number
from gatewright.bench.workers import OURS, OURS_BF16, TITLES
from gatewright.support.plot_style import PALETTE

_COLORS = {OURS: PALETTE[0], OURS_BF16: "#7db8dc"}  # in the order of the bars
_PEER_COLOR = "#c3c8d0"


def draw(result: dict[str, Any]) -> Figure:
    """Draw a bar chart of the milliseconds per training step in the case "plain", with the widest instruction set.

    There is a group of bars for each recurrent cell, and a bar for each library, with Gatewright at the top. Next to
    the bars of other libraries is the quotient of the numbers that are shown.
    `result` is what the suite measured.
    """
    widest = [row for row in result["rows"] if row["instruction_set"] == result["rows"][0]["instruction_set"]]
    rows = [row for row in widest if row["case"] == "plain"] or widest
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault((row["cell"], row["case"]), []).append(row)
    figure = Figure(figsize=(7, 1.0 + 0.27 * len(rows) + 0.4 * len(groups)), layout="constrained")
    axes = figure.subplots()
    position = 0.0
    for (cell, case), group in groups.items():
        axes.text(0, position, cell if case == "plain" else f"{cell}, {case}", ha="left", va="center", weight="bold")
        ours = next((format_number(row["ms"]) for row in group if row["peer"] == OURS), None)
        order = [*_COLORS, *(row["peer"] for row in group if row["peer"] not in _COLORS)]
        for row in sorted(group, key=lambda row: order.index(row["peer"])):
            position += 1
            _draw_bar(axes, position, row, ours)
        position += 1.3
    axes.set_ylim(position - 0.7, -0.6)
    axes.set_xlim(0, 1.2 * max(row["ms"] for row in rows))
    axes.set_yticks([])
    axes.grid(False, axis="y")
    axes.spines["left"].set_visible(False)
    axes.set_xlabel("milliseconds per training step (relative to Gatewright); less is better")
    machine = result["machine"]
    figure.suptitle(
        f"Training step, batch 32 x 200 words, 128 units; {machine['processor']}, {machine['cores']} cores",
        fontsize=10.5,
        x=0.01,
        ha="left",
        parse_math=False,
    )
    return figure


def _draw_bar(axes: Axes, position: float, row: dict[str, Any], ours: str | None) -> None:
    weight = "bold" if row["peer"] == OURS else "normal"
    axes.barh(position, row["ms"], height=0.8, color=_COLORS.get(row["peer"], _PEER_COLOR))
    transform = axes.get_yaxis_transform()
    axes.text(-0.01, position, TITLES[row["peer"]], transform=transform, ha="right", va="center", weight=weight)
    shown = format_number(row["ms"])
    ratio = "" if row["peer"] in _COLORS or ours is None else f"  ({float(shown) / float(ours):.1f}x)"
    text, end = f"{shown}{ratio}", (row["ms"], position)
    axes.annotate(text, end, xytext=(4, 0), textcoords="offset points", va="center", weight=weight)
