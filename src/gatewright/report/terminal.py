"""A comparison as text."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TextIO

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from gatewright.report import tables
from gatewright.report.tables import Column, PairedGroup
from gatewright.results.records import Comparison

_WIDTH = 100
_GAP = 2


def text(comparison: Comparison) -> str:
    """The report as plain text, no line longer than 100 columns."""
    stream = io.StringIO()
    # Nothing of the surroundings (a notebook, FORCE_COLOR) may change what print and logs get.
    console = Console(file=stream, width=_WIDTH, color_system=None, force_terminal=False, force_jupyter=False)
    _print(comparison, console)
    return "\n".join(line.rstrip() for line in stream.getvalue().rstrip().split("\n"))


def show(comparison: Comparison, file: TextIO) -> None:
    """Print the report to `file`: as wide as its terminal, at most 100 columns; in colour where it has colours."""
    console = Console(file=file, force_jupyter=False)
    console.width = min(console.width, _WIDTH)
    _print(comparison, console)


def _print(comparison: Comparison, console: Console) -> None:
    _paragraph(console, tables.heading(comparison), "bold")
    for table in _results(comparison, console.width):
        console.print(table)
        console.print()
    _paragraph(console, tables.legend(comparison), "dim")
    groups = tables.paired_tests(comparison)
    if groups:
        _paragraph(console, tables.differences(comparison), "bold")
        console.print(_paired_tests(groups))
        console.print()
        _paragraph(console, tables.CLAIM, "dim")
    for note in comparison.notes:
        _paragraph(console, f"Note: {note}")
    console.print(Text(comparison.verdict, "bold"))


def _paragraph(console: Console, sentence: str, style: str = "") -> None:
    console.print(Text(sentence, style))
    console.print()


def _results(comparison: Comparison, width: int) -> list[Table]:
    """The main table; in several, costs below outcomes, where it is too wide for one."""
    names, costs, outcomes = tables.results(comparison)
    simple = len(comparison.cells)
    if _least_width(names, [*costs, *outcomes]) <= width:
        return [_table(names, costs, outcomes, simple)]
    parts: list[list[Column]] = [[]]
    for column in outcomes:
        if parts[-1] and _least_width(names, [*parts[-1], column]) > width:
            parts.append([])
        parts[-1].append(column)
    return [*(_table(names, (), part, simple) for part in parts), _table(names, costs, (), simple)]


def _least_width(names: Column, others: Sequence[Column]) -> int:
    """Of a table in which only names are broken, and only between words."""
    words = max(len(word) for name in names.cells for word in name.split())
    widths = [max(len(line) for cell in (other.heading, *other.cells) for line in cell.split("\n")) for other in others]
    return words + sum(widths) + _GAP * len(widths)


def _table(names: Column, costs: Sequence[Column], outcomes: Sequence[Column], simple: int) -> Table:
    table = _empty_table()
    table.add_column(names.heading)
    for column in costs:
        table.add_column(_heading(column.heading), justify="right", vertical="bottom", no_wrap=True)
    for column in outcomes:
        table.add_column(_heading(column.heading), justify="left", vertical="bottom", no_wrap=True)
    columns = [names, *costs, *outcomes]
    for row in range(len(names.cells)):
        style = "" if row < simple else "dim"
        cells = [Text(column.cells[row], "bold" if column is names and row < simple else style) for column in columns]
        table.add_row(*cells)
    return table


def _paired_tests(groups: Sequence[PairedGroup]) -> Table:
    table = _empty_table()
    table.add_column("")
    for heading in ("difference", "t test\np", "sign test\np", "adjusted\np"):
        table.add_column(_heading(heading), justify="right", vertical="bottom", no_wrap=True)
    table.add_column("", vertical="bottom", no_wrap=True)
    for group in groups:
        table.add_row(Text(group.title, "italic"))
        for row in group.rows:
            conclusion = Text(row.conclusion, "bold green" if row.differs else "dim")
            cells = (row.difference, row.t_p, row.sign_p, row.adjusted_p)
            table.add_row(Text(f"  {row.pair}"), *map(Text, cells), conclusion)
    return table


def _empty_table() -> Table:
    return Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, _GAP - 1, 0, 0), header_style="")


def _heading(words: str) -> Text:
    return Text(words, "bold")
