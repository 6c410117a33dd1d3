"""Show the attention of a translation as text: a row of blocks for each of its pieces."""

from collections.abc import Iterator, Sequence
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray
from rich.cells import cell_len
from rich.text import Text

from gatewright.report.text_page import TextPage
from gatewright.results.translation import SPACE, Translation
from gatewright.support.console import EscapingConsole
from gatewright.support.escapes import escape_control

# Less attention than this is not shown.
_LEAST = 0.05


def show(translation: Translation, file: TextIO) -> None:
    """Print the attention to `file`, as wide as the terminal, and in colour if `file` is a terminal with colours."""
    if translation.attention is None:
        raise ValueError("The translation has no attention.")
    page = TextPage(EscapingConsole(file, force_jupyter=False))
    write(page, translation.source_pieces, translation.target_pieces, translation.attention)


def write(page: TextPage, source: Sequence[str], target: Sequence[str], attention: NDArray[np.floating[Any]]) -> None:
    """Print attention.

    Args:
        page: The page.
        source, target: The names of its columns and rows: the pieces of the sentence and of the translation.
        attention: The attention, [target pieces, source pieces].
    """
    sources = [page.shortened(_shown(page, piece), page.width) for piece in source]
    shares = np.where(attention < _LEAST, np.nan, attention).astype(np.float64)
    for line in _lines([cell_len(piece) for piece in sources], page.width):
        page.row("", Text(" ".join(sources[place] for place in line), "bold"))
        for piece, row in zip(target, shares, strict=True):
            cells = zip(page.blocks(row[line]), (cell_len(sources[place]) for place in line), strict=True)
            page.row(_shown(page, piece), Text(" ".join((block * width).ljust(width) for block, width in cells)))
        page.console.print()
    empty, full = page.signs.blocks[0], page.signs.blocks[-1]
    page.paragraph(
        f"Each row shows how the attention for a piece of the translation is shared among the pieces of the sentence, "
        f"from {empty} (at least {_LEAST:.0%}) to {full} (all of it).",
        "dim",
    )


def _shown(page: TextPage, piece: str) -> str:
    space = SPACE if page.encodable(SPACE) == SPACE else "_"
    return page.encodable(escape_control(piece.replace(SPACE, space))) or "''"


def _lines(widths: Sequence[int], width: int) -> Iterator[list[int]]:
    """Yield the columns that fit side by side, with a space between them."""
    line: list[int] = []
    used = 0
    for place, own in enumerate(widths):
        if line and used + own > width:
            yield line
            line, used = [], 0
        line.append(place)
        used += own + 1
    if line:
        yield line
