"""Plot the attention of translations."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from gatewright.report.plots import NotebookFigure, drawable
from gatewright.results.translation import Translation
from gatewright.support import plot_style as style
from gatewright.support.errors import InputError

# Of more pieces than this, an axis has numbers and not texts.
_MAX_LABELS = 80
_LONGEST_LABEL = 24
_INCHES_PER_PIECE = 0.22


def plot(translation: Translation) -> Figure:
    """Return a heat map of the attention: a row for each piece of the translation, a column for each source piece.

    Raises:
        InputError: The translation has no attention.
    """
    if translation.attention is None:
        raise InputError("The translation has no attention. Translate with attention=True.")
    rows, columns = translation.attention.shape
    width, height = (float(np.clip(1.6 + _INCHES_PER_PIECE * count, 3, 20)) for count in (columns, rows))
    with style.plot_style():
        figure = NotebookFigure(figsize=(width + 0.8, height), layout="constrained")
        axes = figure.subplots()
        if rows and columns:
            image = axes.imshow(
                translation.attention, cmap="Blues", vmin=0, vmax=1, aspect="auto", interpolation="nearest"
            )
            figure.colorbar(image, ax=axes, label="attention", fraction=0.05, pad=0.02)
        axes.grid(visible=False)
        axes.xaxis.tick_top()
        for axis, pieces in ((axes.xaxis, translation.source_pieces), (axes.yaxis, translation.target_pieces)):
            if len(pieces) <= _MAX_LABELS:
                axis.set_ticks(range(len(pieces)), [drawable(piece[:_LONGEST_LABEL]) for piece in pieces], fontsize=8)
            else:
                axis.set_major_locator(MaxNLocator(integer=True))
        axes.tick_params(axis="x", rotation=90)
        axes.spines[:].set_visible(True)
    return figure
