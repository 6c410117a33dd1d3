"""Show an explanation as text: the sentence coloured by influence, with rows of blocks under its words."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, TextIO

import numpy as np
from rich.cells import cell_len
from rich.console import Console
from rich.style import Style
from rich.text import Text

from gatewright.report import attention_text
from gatewright.report import explanation_rows as rows
from gatewright.report import explanation_sentences as sentences
from gatewright.report.explanation_rows import Gap
from gatewright.report.explanation_table import top_table
from gatewright.report.terminal import plain_text
from gatewright.report.text_page import TextPage
from gatewright.results.explanation import (
    ENDING,
    PADDED,
    START,
    UNKNOWN,
    Alignment,
    Explanation,
    Floats,
    LayerMemory,
    LayerTrace,
)
from gatewright.results.naming import are_tight, shown_text, unit
from gatewright.support.console import EscapingConsole
from gatewright.support.escapes import escape_control

# Effects below this fraction of the largest one are shown as a sign, and below the second one not at all.
_NUMBER, _SIGN = 0.2, 0.05

# Blue and orange are told apart with every common kind of colour blindness. Weak effects colour the letters, because a
# pale background would be the most conspicuous one on a dark terminal.
_BLUES = ("", "#0087d7", "#000000 on #5fafff", "bold #ffffff on #005faf")
_ORANGES = ("", "#d75f00", "#000000 on #ffaf5f", "bold #ffffff on #af5f00")


class _Row(NamedTuple):
    """A row under the steps: its name, a text for each step, and its style.

    `fills` means that the single character of a step fills the step's width.
    """

    name: str
    cells: Sequence[str]
    style: str = ""
    fills: bool = True


def text(explanation: Explanation) -> str:
    """Return the explanation as plain text with at most 100 columns."""
    return plain_text(lambda console: _write(explanation, console))


def show(explanation: Explanation, file: TextIO) -> None:
    """Print the explanation to `file`, as wide as the terminal, and in colour if `file` is a terminal with colours."""
    _write(explanation, EscapingConsole(file, force_jupyter=False))


def _write(explanation: Explanation, console: Console) -> None:
    page = TextPage(console)
    page.paragraph(explanation.summary, "bold")
    if explanation.steps:
        (_write_series if rows.has_numbers(explanation) else _write_sentence)(page, explanation)
        page.paragraph(sentences.sound(explanation))
        _write_legend(page, explanation)
        page.table(*top_table(explanation, page.signs.dash, short=not page.is_wide, narrow=page.is_narrow))
    if explanation.faithfulness:
        page.paragraph(sentences.deletion(explanation), "bold")
        page.table(sentences.DELETION_HEADINGS, sentences.deletion_rows(explanation, short=page.is_narrow))
    page.paragraph("\n".join([*sentences.together(explanation), *sentences.sums(explanation)]))
    if explanation.alignment is not None:
        _write_alignment(page, explanation.alignment)
    write_layers(page, explanation.layers)
    for note in explanation.notes:
        page.paragraph(f"Note: {note}")


def _write_alignment(page: TextPage, found: Alignment) -> None:
    page.paragraph(sentences.ALIGNMENT, "bold")
    source, target = sentences.alignment_names(found)
    # Names are shortened at their end, but not their probabilities. ">" marks the explained piece.
    digits, shown = len(str(len(target))), rows.shown_pieces(found)
    names = [
        f"{'>' if row == found.chosen else ' '}{' ' * (digits - len(str(row + 1)))}"
        f"{page.shortened(page.encodable(escape_control(target[row])), page.gutter - 9)} {found.probabilities[row]:.2f}"
        for row in shown
    ]
    attention_text.write(page, source, names, found.weights[shown])
    page.paragraph(sentences.alignment(found), "dim")


def write_layers(page: TextPage, layers: Sequence[LayerTrace] | Sequence[LayerMemory]) -> None:
    """Print the memory of each layer, and what its gates mean."""
    listed = list(filter(None, map(sentences.layer_memory, layers)))
    if listed:
        page.paragraph("\n".join(["Memory of the layers", *listed]))
        page.paragraph(sentences.LAYERS, "dim")
    page.paragraph("\n".join(sentences.conventions(layers)))


def _write_sentence(page: TextPage, explanation: Explanation) -> None:
    values = _main_values(explanation)
    strengths = rows.strengths(values)
    space = 0 if are_tight(explanation.steps) else 1
    words = [page.shortened(page.encodable(shown_text(step)), page.width) for step in explanation.steps]
    if not space:  # what is no part of the text does not touch it
        kinds = [step.kind for step in explanation.steps]
        words = [f"{word} " if kind in (START, PADDED) else word for word, kind in zip(words, kinds, strict=True)]
        words = [f" {word}" if kind == ENDING else word for word, kind in zip(words, kinds, strict=True)]
    numbers = _effects(values, strengths, room=space > 0)
    numbers = [
        "" if step.kind in (START, ENDING, PADDED) else text
        for step, text in zip(explanation.steps, numbers, strict=True)
    ]
    widths = [max(1, cell_len(word), len(number)) for word, number in zip(words, numbers, strict=True)]
    under = [_Row("effect", numbers, fills=False), *_explained(explanation), *_memory(page, explanation)]
    for line in _lines(page, explanation, widths, space):
        content = Text()
        for step in line:
            content.append(words[step], _style(strengths[step], explanation.steps[step].kind))
            content.append(" " * (widths[step] - cell_len(words[step]) + space))
        page.row("", content)
        for row in under:
            _write_row(page, row, line, widths, space)
        page.console.print()


def _write_series(page: TextPage, explanation: Explanation) -> None:
    values = _main_values(explanation)
    strengths = rows.strengths(values)
    under = [
        _Row("effect +", page.blocks(np.maximum(strengths, 0)), _BLUES[1]),
        _Row("effect -", page.blocks(np.maximum(-strengths, 0)), _ORANGES[1]),
        *_explained(explanation),
        *_windows(page, explanation),
        *_memory(page, explanation),
        *(_Row(name, page.blocks(rows.from_lowest(numbers))) for name, numbers in rows.channels(explanation)),
    ]
    widths = [1] * len(explanation.steps)
    for line in _lines(page, explanation, widths, 0):
        ends = page.shortened(page.encodable(sentences.ends(explanation, line[0], line[-1])), page.width)
        page.row("", Text(ends, "bold"))
        for row in under:
            _write_row(page, row, line, widths, 0)
        page.console.print()


def _write_row(page: TextPage, row: _Row, line: Sequence[int], widths: Sequence[int], space: int) -> None:
    """Print the cells of a row at the steps of a line, each as wide as its step, unless all are empty."""
    cells = [row.cells[step] * (widths[step] if row.fills else 1) for step in line]
    if any(cells):
        joined = "".join(cell.ljust(widths[step] + space) for cell, step in zip(cells, line, strict=True))
        page.row(row.name, Text(joined, row.style))


def _main_values(explanation: Explanation) -> Floats:
    main = rows.main_attribution(explanation)
    return np.full(len(explanation.steps), np.nan) if main is None else main.values


def _lines(page: TextPage, explanation: Explanation, widths: Sequence[int], space: int) -> Iterator[list[int]]:
    """Yield the steps of each line. Print a sentence about each gap where it is."""
    line: list[int] = []
    used = 0
    for item in rows.fold(explanation):
        if line and (isinstance(item, Gap) or used + widths[item] > page.width):
            yield line
            line, used = [], 0
        if isinstance(item, Gap):
            page.row("", Text(page.encodable(sentences.gap(explanation, item)), "dim italic"))
            page.console.print()
        else:
            line.append(item)
            used += widths[item] + space
    if line:
        yield line


def _effects(values: Floats, strengths: Floats, room: bool) -> list[str]:
    """Return the effect of each step as a number, or as a sign if it is weak or there is no room for a number."""
    digits = rows.decimals(values, 2)
    texts = []
    for value, strength in zip(values, strengths, strict=True):
        if not np.isfinite(strength):
            texts.append("?")
        elif abs(strength) >= _NUMBER and room:
            texts.append(f"{value:+.{digits}f}" if abs(value) >= 1e-6 else f"{value:+.0e}")
        else:
            texts.append("" if abs(strength) < _SIGN else "+" if value > 0 else "-")
    return texts


def _explained(explanation: Explanation) -> list[_Row]:
    """Return a row that marks the step whose output is explained, if it is one of several."""
    chosen = explanation.target.step
    if chosen is None:
        return []
    return [_Row("explained", ["^" if step == chosen else "" for step in range(len(explanation.steps))], "bold")]


def _windows(page: TextPage, explanation: Explanation) -> list[_Row]:
    """Return a row with the effects of leaving out windows of a recording."""
    if explanation.sound is None:
        return []
    return [
        _Row(
            f"{explanation.sound.window:.2g} s left out",
            page.blocks(np.maximum(rows.strengths(explanation.sound.effects), 0)),
            _BLUES[1],
        )
    ]


def _memory(page: TextPage, explanation: Explanation) -> list[_Row]:
    memory = rows.memory(explanation)
    if memory is None:
        return []
    names = ("written", "kept", "overwritten") if page.is_narrow else rows.MEMORY
    return [_Row(name, page.blocks(row / memory.scale)) for name, row in zip(names, memory, strict=True)]


def _style(strength: float, kind: str) -> Style:
    level = rows.level(strength)
    style = Style.parse(_BLUES[level] if level >= 0 else _ORANGES[-level])
    return style + Style(italic=True) if kind == UNKNOWN else style


def _write_legend(page: TextPage, explanation: Explanation) -> None:
    legend = Text(page.encodable(sentences.meaning(explanation)), "dim")
    if rows.main_attribution(explanation) is not None:
        positive, negative = sentences.sides(explanation)
        legend.append(" ")
        legend.append(page.encodable(f"+ {positive}"), f"not dim {_BLUES[2]}")
        legend.append(", ")
        legend.append(page.encodable(f"- {negative}"), f"not dim {_ORANGES[2]}")
        legend.append(".")
    if any(step.kind == UNKNOWN for step in explanation.steps):
        legend.append(f" [Brackets]: a {unit(explanation.steps, 1)} that the vocabulary lacks.")
    page.paragraph(legend)
    page.paragraph(sentences.memory(explanation), "dim")
    page.paragraph(sentences.channels(explanation), "dim")
