"""Figures of one model as text: a table of measures beside its baseline, its epochs, and who was taken for whom."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from gatewright.tasks.classify import Classify

if TYPE_CHECKING:
    from gatewright.evaluate import Evaluated
    from gatewright.train import Trained

_WIDTH = 100
# More labels than these make a table that no one reads.
_CONFUSION_SHOWN = 12
# Of more epochs than these, some; and the first, the last and the kept one.
_EPOCHS_SHOWN = 12


def trained(result: Trained) -> str:
    """A training, no line longer than 100 columns."""
    sizes = ", ".join(f"{rows:,} {name}" for name, rows in result.sizes.items())
    parts: list[RenderableType] = [
        Text(f"{result.task} {result.data}: {sizes} rows", "bold"),
        _epochs(result),
        _measures(result.test, result.baseline, "network", "baseline"),
        Text(f"baseline: {result.baseline_name}"),
    ]
    if len(result.labels) <= _CONFUSION_SHOWN:
        parts.append(_confusion(result.labels, result.confusion))
    parts += [Text(f"Note: {note}") for note in result.notes]
    parts.append(Text(result.verdict, "bold"))
    how = "" if result.finished else " (interrupted; the same command goes on)"
    parts.append(Text(f"The model is {result.out}: {result.parameters:,} parameters, {result.seconds:,.0f} s{how}"))
    return _printed(parts)


def evaluated(result: Evaluated) -> str:
    """An evaluation, no line longer than 100 columns."""
    parts: list[RenderableType] = [
        Text(f"{result.model} on {result.data}: {result.rows:,} rows", "bold"),
        _measures(result.test, result.baseline, "model", "commonest"),
        Text("commonest: always the commonest label of these rows, with the labels' shares as probabilities"),
    ]
    if len(result.labels) <= _CONFUSION_SHOWN:
        parts.append(_confusion(result.labels, result.confusion))
    return _printed(parts)


def _printed(parts: Sequence[RenderableType]) -> str:
    stream = io.StringIO()
    # Nothing of the surroundings (a notebook, FORCE_COLOR) may change what print and logs get.
    console = Console(file=stream, width=_WIDTH, color_system=None, force_terminal=False, force_jupyter=False)
    for part in parts:
        console.print(part)
        console.print()
    return "\n".join(line.rstrip() for line in stream.getvalue().rstrip().split("\n"))


def _table(*columns: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for place, column in enumerate(columns):
        table.add_column(column, justify="left" if place == 0 else "right", overflow="fold")
    return table


def _number(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.4f}"


def _measures(mine: dict[str, float], its: dict[str, float], one: str, other: str) -> Table:
    table = _table("test rows", one, other)
    for measure in Classify.measures:
        table.add_row(measure.title, _number(mine[measure.name]), _number(its[measure.name]))
    return table


def _epochs(result: Trained) -> Table:
    table = _table("epoch", "loss", "validation accuracy", "validation log loss", "s")
    shown = {1, result.chosen, len(result.epochs), *range(0, len(result.epochs), _every(len(result.epochs)))}
    for number, epoch in enumerate(result.epochs, 1):
        if number not in shown:
            continue
        figures = (_number(epoch.validation[name]) for name in ("accuracy", "log_loss"))
        kept = " kept" if number == result.chosen else ""
        table.add_row(f"{number}{kept}", _number(epoch.loss), *figures, f"{epoch.seconds:.1f}")
    return table


def _every(epochs: int) -> int:
    """Of many epochs, how many make a step of the table."""
    return -(-epochs // _EPOCHS_SHOWN)


def _confusion(labels: Sequence[str], counts: Sequence[Sequence[int]]) -> Table:
    table = _table("label \\ answer", *labels)
    for label, row in zip(labels, counts, strict=True):
        table.add_row(label, *(f"{count:,}" for count in row))
    return table
