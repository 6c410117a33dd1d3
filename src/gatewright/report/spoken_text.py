"""Show the alignment of a transcript to its recording as text: each word with the times of its symbols."""

from collections.abc import Iterator, Sequence
from typing import TextIO

from rich.console import Console
from rich.text import Text

from gatewright.report.sound_rows import shown_symbol
from gatewright.report.terminal import plain_text
from gatewright.report.text_page import TextPage
from gatewright.results.spoken import SpokenExplanation, SpokenSymbol
from gatewright.support.console import EscapingConsole
from gatewright.support.escapes import escape_control

# Symbols with a smaller probability are marked.
_DOUBTFUL = 0.5
_ORANGE = "#d75f00"


def text(explanation: SpokenExplanation) -> str:
    """Return the explanation as plain text with at most 100 columns."""
    return plain_text(lambda console: _write(explanation, console))


def show(explanation: SpokenExplanation, file: TextIO) -> None:
    """Print the explanation to `file`, as wide as the terminal, and in colour if `file` is a terminal with colours."""
    _write(explanation, EscapingConsole(file, force_jupyter=False))


def _write(explanation: SpokenExplanation, console: Console) -> None:
    page = TextPage(console)
    page.paragraph(explanation.summary, "bold")
    if explanation.transcript.words:
        page.row("word", Text("start    end  confidence  symbols, each with its start", "bold"))
    for place, word in enumerate(explanation.transcript.words):
        numbers = f"{word.start:5.2f}  {word.end:5.2f}  {word.confidence:10.2f}  "
        name = escape_control(word.text)
        for line in _lines(page, explanation.symbols_of(place), page.width - len(numbers)):
            page.row(name, Text(numbers).append(line))
            name, numbers = "", " " * len(numbers)
    if explanation.transcript.words:
        console.print()
        page.paragraph(
            f"Times are in seconds. A question mark follows symbols with a probability below {_DOUBTFUL}.", "dim"
        )
    for note in explanation.notes:
        page.paragraph(f"Note: {note}")


def _lines(page: TextPage, symbols: Sequence[SpokenSymbol], width: int) -> Iterator[Text]:
    """Yield the symbols with their times, in lines of a width."""
    line = Text()
    for symbol in symbols:
        doubtful = symbol.confidence < _DOUBTFUL
        shown = f"{page.encodable(shown_symbol(symbol.text))} {symbol.start:.2f}{'?' * doubtful}"
        if line and line.cell_len + 2 + len(shown) > width:
            yield line
            line = Text()
        line.append("  " if line else "").append(shown, _ORANGE if doubtful else "")
    yield line
