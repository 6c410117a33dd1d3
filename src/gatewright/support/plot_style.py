"""The common style of all plots."""

import contextlib
from typing import Any

import matplotlib.style

# Okabe and Ito's palette for colour-blind readers. Colours that are legible as text on white come first.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000", "#56B4E9", "#E69F00")
GREY = "#6b7280"
_STYLE: dict[str, Any] = {
    "font.family": ["sans-serif"],
    # The first font ships with matplotlib, so plots have the same layout everywhere and no glyph is missing.
    "font.sans-serif": ["DejaVu Sans", "Verdana", "sans-serif"],
    "font.size": 9,
    "text.parse_math": False,  # a name with $ is not a formula
    "axes.edgecolor": "#9ca3af",
    "axes.labelcolor": "#374151",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e5e7eb",
    "grid.linewidth": 0.7,
    "xtick.color": "#4b5563",
    "ytick.color": "#4b5563",
    "svg.fonttype": "none",
    "svg.hashsalt": "gatewright",
}


def plot_style() -> contextlib.AbstractContextManager[None]:
    """Return a context manager inside which plots are drawn in this style."""
    # It starts from matplotlib's defaults, because the caller's settings may be a dark style.
    return matplotlib.style.context(["default", _STYLE])
