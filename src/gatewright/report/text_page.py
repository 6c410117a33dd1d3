"""A page of text with rows that are aligned to each other, as wide as the output and in characters that it can show."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from rich import box
from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.table import Table
from rich.text import Text

from gatewright.results.explanation import Floats

# Paragraphs are not wider than this, however wide the terminal is.
_PARAGRAPH = 100
# On a narrower terminal, names are short and tables have fewer columns.
_NARROW = 60


class Signs(NamedTuple):
    """The characters of a page, which depend on what the output can encode."""

    blocks: str
    bar: str
    dash: str
    ellipsis: str


_UNICODE = Signs("▁▂▃▄▅▆▇█", "│", "–", "…")
_ASCII = Signs("_.:-=+*#", "|", "-", "~")


@dataclass(frozen=True)
class TextPage:
    """A console with functions for rows, paragraphs and tables.

    Attributes:
        console: The console.
    """

    console: Console

    @cached_property
    def signs(self) -> Signs:
        """Block characters, or ASCII characters if the output cannot encode blocks."""
        wanted = "".join(_UNICODE)
        return _UNICODE if self.encodable(wanted) == wanted else _ASCII

    @property
    def is_narrow(self) -> bool:
        """True if the output is too narrow for long names and wide tables."""
        return self.console.width < _NARROW

    @property
    def is_wide(self) -> bool:
        """True if the output is wide enough for full headings of tables."""
        return self.console.width >= _PARAGRAPH

    @property
    def gutter(self) -> int:
        """The width of the names of rows and of the bar after them."""
        return len("overwritten" if self.is_narrow else "overwritten here") + 2

    @property
    def width(self) -> int:
        """The width of a row without its name."""
        return max(8, self.console.width - self.gutter)

    def encodable(self, text: str) -> str:
        """Return the text with escapes for the characters that the output cannot encode, so that its width is known."""
        encoding = self.console.encoding
        return text.encode(encoding, "backslashreplace").decode(encoding)

    def shortened(self, text: str, width: int) -> str:
        """Return the text with at most this many columns."""
        return text if cell_len(text) <= width else set_cell_size(text, width - 1).rstrip() + self.signs.ellipsis

    def row(self, name: str, content: Text) -> None:
        """Print the name of a row, a bar and the content."""
        name = self.shortened(self.encodable(name), self.gutter - 2)
        line = Text.assemble((f"{set_cell_size(name, self.gutter - 2)}{self.signs.bar} ", "dim"), content)
        line.rstrip()
        self.console.print(line, no_wrap=True, overflow="ignore", crop=False, soft_wrap=True)

    def paragraph(self, text: str | Text, style: str = "") -> None:
        """Print a text, wrapped to the width of the output, and an empty line."""
        if text:
            shown = Text(self.encodable(text), style) if isinstance(text, str) else text
            self.console.print(shown, width=min(self.console.width, _PARAGRAPH))
            self.console.print()

    def table(self, headings: Sequence[str], rows: Iterable[Sequence[str]], dim: Iterable[Sequence[str]] = ()) -> None:
        """Print a table whose first column is text and whose others are numbers, and an empty line.

        The rows `dim` follow the others in a weaker style.
        """
        shown = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
        for place, heading in enumerate(headings):
            shown.add_column(self.encodable(heading), justify="right" if place else "left", overflow="fold")
        for style, group in (("", rows), ("dim", dim)):
            for row in group:
                shown.add_row(*(Text(self.encodable(cell), style) for cell in row))
        self.console.print(shown)
        self.console.print()

    def blocks(self, heights: Floats) -> list[str]:
        """Return a block for each height from 0 to 1, and nothing for NaN."""
        blocks = self.signs.blocks
        places = np.clip(np.nan_to_num(heights) * len(blocks), 0, len(blocks) - 1).astype(int)
        return [blocks[place] if np.isfinite(height) else "" for place, height in zip(places, heights, strict=True)]
