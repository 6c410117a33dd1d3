"""Show what a trained network keeps in general as text."""

from typing import TextIO

import numpy as np
from rich.console import Console
from rich.text import Text

from gatewright.report import explanation_sentences as sentences
from gatewright.report import model_rows as rows
from gatewright.report.terminal import plain_text
from gatewright.report.text_page import TextPage
from gatewright.results.explanation import ModelExplanation
from gatewright.support.console import EscapingConsole

_BAR = 40


def text(explanation: ModelExplanation) -> str:
    """Return the explanation as plain text with at most 100 columns."""
    return plain_text(lambda console: _write(explanation, console))


def show(explanation: ModelExplanation, file: TextIO) -> None:
    """Print the explanation to `file`, as wide as the terminal, and in colour if `file` is a terminal with colours."""
    _write(explanation, EscapingConsole(file, force_jupyter=False))


def _write(explanation: ModelExplanation, console: Console) -> None:
    page = TextPage(console)
    page.paragraph(rows.title(explanation), "bold")
    for layer in explanation.layers:
        if layer.half_life is None:
            page.paragraph(rows.no_half_lives(layer))
            continue
        page.paragraph(f"{layer.title}: half-lives of its {len(layer.half_life):,} units", "bold")
        bins = rows.half_lives(layer.half_life)
        full = page.signs.blocks[-1]
        for name, count in bins:
            length = int(np.ceil(count / max(most for _, most in bins) * min(_BAR, page.width - 8)))
            page.row(name, Text(f"{full * length} {count:,}"))
        page.console.print()
    saturation = rows.saturation(explanation)
    if saturation:
        page.table(rows.SATURATION, saturation)
    page.paragraph(sentences.LAYERS, "dim")
    page.paragraph("\n".join(sentences.conventions(explanation.layers)))
    if explanation.words:
        page.paragraph(rows.words_title(explanation), "bold")
        page.table(rows.WORDS, rows.words(explanation))
    for note in explanation.notes:
        page.paragraph(f"Note: {note}")
