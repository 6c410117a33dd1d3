"""What all pictures look like."""

from __future__ import annotations

import contextlib
from typing import Any

import matplotlib.style

# Okabe and Ito's colours, which the colour-blind tell apart; those that read well as text on white come first.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000", "#56B4E9", "#E69F00")
GREY = "#6b7280"
_STYLE: dict[str, Any] = {
    "font.family": ["sans-serif"],
    # The first comes with matplotlib: pictures are laid out alike everywhere, and it has every glyph that they use.
    "font.sans-serif": ["DejaVu Sans", "Verdana", "sans-serif"],
    "font.size": 9,
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


def styled() -> contextlib.AbstractContextManager[None]:
    """While it is entered, pictures are drawn so."""
    # On top of matplotlib's defaults rather than of the caller's settings, which may be a dark style.
    return matplotlib.style.context(["default", _STYLE])
