"""Figures of one model as text: a table of measures beside its baseline, its epochs, and who was taken for whom."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from gatewright.results.figures import printable, told
from gatewright.results.measure import Measure
from gatewright.tasks.base.labels import OneLabel, SeveralLabels
from gatewright.tasks.forecast.task import Forecast
from gatewright.tasks.generate.task import Generate
from gatewright.tasks.rolls.task import GenerateRolls
from gatewright.tasks.tag.measures import MEASURES as OF_TAGS

if TYPE_CHECKING:
    from gatewright.results.records import Evaluated, Trained

_WIDTH = 100
_MEASURES = {
    measure.name: measure
    for kind in (OneLabel, SeveralLabels, Generate, GenerateRolls, Forecast)
    for measure in kind.measures
}
_MEASURES |= {measure.name: measure for measure in OF_TAGS}
# More labels than these make a table that no one reads.
_CONFUSION_SHOWN = 12
_LABELS_SHOWN = 40
# Of more epochs than these, some; and the first, the last and the kept one.
_EPOCHS_SHOWN = 12


def measures_of(test: Mapping[str, float]) -> list[Measure]:
    """The measures whose figures these are, the deciding one first."""
    return [_MEASURES[name] for name in test]


def trained(result: Trained) -> str:
    """A training, no line longer than 100 columns."""
    sizes = ", ".join(f"{rows:,} {name}" for name, rows in result.sizes.items())
    measures = measures_of(result.test)
    parts: list[RenderableType] = [
        Text(f"{result.task} {result.data}: {sizes} {result.unit}", "bold"),
        _epochs(result, measures),
        _measures(
            measures,
            result.unit,
            {"network": result.test, "baseline": result.baseline, **result.others},
        ),
        Text(f"baseline: {result.baseline_name}"),
    ]
    parts += _by_label(result)
    parts += [Text(f"Note: {note}") for note in result.notes]
    parts.append(Text(result.verdict, "bold"))
    how = "" if result.finished else " (interrupted; the same command goes on)"
    parts.append(Text(f"The model is {result.out}: {result.parameters:,} parameters, {result.seconds:,.0f} s{how}"))
    return _printed(parts)


def evaluated(result: Evaluated) -> str:
    """An evaluation, no line longer than 100 columns."""
    parts: list[RenderableType] = [
        Text(f"{result.model} on {result.data}: {result.rows:,} {result.unit}", "bold"),
        _measures(measures_of(result.test), result.unit, {"model": result.test, "constant": result.baseline}),
        Text(f"constant: {result.baseline_name}"),
    ]
    parts += _by_label(result)
    parts += [Text(f"Note: {note}") for note in result.notes]
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
        table.add_column(Text(printable(column)), justify="left" if place == 0 else "right", overflow="fold")
    return table


def _measures(measures: Sequence[Measure], unit: str, columns: Mapping[str, Mapping[str, float]]) -> Table:
    table = _table(f"test {unit}", *columns)
    for measure in measures:
        figures = [test[measure.name] for test in columns.values()]
        if not all(map(math.isnan, figures)):
            table.add_row(measure.title, *map(told, figures))
    return table


def _epochs(result: Trained, measures: Sequence[Measure]) -> Table:
    """Of the measures on the validation part those by which an epoch is judged: the first, and the loss."""
    judged = [
        measure for measure in measures if measure in measures[:1] or measure.name in ("log_loss", "perplexity", "mae")
    ]
    table = _table("epoch", "loss", *(f"validation {measure.title}" for measure in judged), "s")
    shown = {1, result.chosen, len(result.epochs), *range(0, len(result.epochs), _every(len(result.epochs)))}
    for number, epoch in enumerate(result.epochs, 1):
        if number not in shown:
            continue
        figures = (told(epoch.validation[measure.name]) for measure in judged)
        kept = " kept" if number == result.chosen else ""
        table.add_row(f"{number}{kept}", told(epoch.loss), *figures, f"{epoch.seconds:.1f}")
    return table


def _every(epochs: int) -> int:
    """Of many epochs, how many make a step of the table."""
    return -(-epochs // _EPOCHS_SHOWN)


def _by_label(result: Trained | Evaluated) -> list[RenderableType]:
    """A table of the labels, where it has so few that it can be read."""
    if result.several:
        return [_of_each(result.labels, result.confusion)] if len(result.labels) <= _LABELS_SHOWN else []
    return [_confusion(result.labels, result.confusion)] if 0 < len(result.labels) <= _CONFUSION_SHOWN else []


def _confusion(labels: Sequence[str], counts: Sequence[Sequence[int]]) -> Table:
    table = _table("label \\ answer", *labels)
    for label, row in zip(labels, counts, strict=True):
        table.add_row(Text(printable(label)), *(f"{count:,}" for count in row))
    return table


def _of_each(labels: Sequence[str], counts: Sequence[Sequence[Sequence[int]]]) -> Table:
    """Of each of several labels: rows that have it; of the rows given it the share that has it, and the other way."""
    table = _table("label", "support", "precision", "recall", "F1")
    for label, ((_, strange), (missed, hit)) in zip(labels, counts, strict=True):
        f1 = 2 * hit / max(2 * hit + strange + missed, 1)  # of what is neither there nor given 0, as in `of_labels`
        shares = _share(hit, hit + strange), _share(hit, hit + missed), f1
        table.add_row(Text(printable(label)), f"{hit + missed:,}", *map(told, shares))
    return table


def _share(some: int, of: int) -> float:
    return some / of if of else math.nan
