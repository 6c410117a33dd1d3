"""Show a comparison as text."""

import io
from collections.abc import Callable, Sequence
from typing import TextIO

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from gatewright.report import tables
from gatewright.report.tables import Column, PairedGroup
from gatewright.results.records import Comparison
from gatewright.support.console import EscapingConsole

_WIDTH = 100
_GAP = 2


def text(comparison: Comparison) -> str:
    """Return the report as plain text with at most 100 columns."""
    return plain_text(lambda console: _print(comparison, console))


def plain_text(write: Callable[[Console], None]) -> str:
    """Return the text that `write` prints to a console with 100 columns, without colours or trailing spaces."""
    stream = io.StringIO()
    # The settings are fixed, so that neither a notebook nor FORCE_COLOR changes the text.
    console = EscapingConsole(stream, width=_WIDTH, color_system=None, force_terminal=False, force_jupyter=False)
    write(console)
    return "\n".join(line.rstrip() for line in stream.getvalue().rstrip().split("\n"))


def show(comparison: Comparison, file: TextIO) -> None:
    """Print the report to `file` with at most 100 columns, and in colour if `file` is a terminal with colours."""
    console = EscapingConsole(file, force_jupyter=False)
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
        over_examples = "bootstrap" if tables.has_bootstrap(comparison) else "sign test"
        console.print(_paired_tests(groups, over_examples))
        console.print()
        _paragraph(console, tables.CLAIM, "dim")
    for note in comparison.notes:
        _paragraph(console, f"Note: {note}")
    console.print(Text(comparison.verdict, "bold"))


def _paragraph(console: Console, sentence: str, style: str = "") -> None:
    console.print(Text(sentence, style))
    console.print()


def _results(comparison: Comparison, width: int) -> list[Table]:
    """Return the main table in a list. If it is wider than `width`, split it into several tables, the costs last."""
    names, costs, outcomes = tables.results(comparison)
    cells = len(comparison.cells)
    if _min_width(names, [*costs, *outcomes]) <= width:
        return [_table(names, costs, outcomes, cells)]
    groups: list[list[Column]] = [[]]
    for column in outcomes:
        if groups[-1] and _min_width(names, [*groups[-1], column]) > width:
            groups.append([])
        groups[-1].append(column)
    return [*(_table(names, (), group, cells) for group in groups), _table(names, costs, (), cells)]


def _min_width(names: Column, others: Sequence[Column]) -> int:
    """Return the smallest width of a table with these columns, in characters, if names may wrap between words."""
    words = max(len(word) for name in names.cells for word in name.split())
    widths = [max(len(line) for cell in (other.heading, *other.cells) for line in cell.split("\n")) for other in others]
    return words + sum(widths) + _GAP * len(widths)


def _table(names: Column, costs: Sequence[Column], outcomes: Sequence[Column], cells: int) -> Table:
    table = _empty_table()
    table.add_column(names.heading)
    for column in costs:
        table.add_column(Text(column.heading, "bold"), justify="right", vertical="bottom", no_wrap=True)
    for column in outcomes:
        table.add_column(Text(column.heading, "bold"), justify="left", vertical="bottom", no_wrap=True)
    for row in range(len(names.cells)):
        style = "" if row < cells else "dim"
        name = Text(names.cells[row], style or "bold")
        table.add_row(name, *(Text(column.cells[row], style) for column in (*costs, *outcomes)))
    return table


def _paired_tests(groups: Sequence[PairedGroup], over_examples: str) -> Table:
    table = _empty_table()
    table.add_column("")
    for heading in ("difference", "t test\np", f"{over_examples}\np", "adjusted\np"):
        table.add_column(Text(heading, "bold"), justify="right", vertical="bottom", no_wrap=True)
    table.add_column("", vertical="bottom", no_wrap=True)
    for group in groups:
        table.add_row(Text(group.title, "italic"))
        for row in group.rows:
            conclusion = Text(row.conclusion, "bold green" if row.differs else "dim")
            cells = (row.difference, row.t_p, row.examples_p, row.adjusted_p)
            table.add_row(Text(f"  {row.pair}"), *map(Text, cells), conclusion)
    return table


def _empty_table() -> Table:
    return Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, _GAP - 1, 0, 0), header_style="")
