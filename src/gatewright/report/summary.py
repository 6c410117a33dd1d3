"""Summarize the training or the evaluation of a model as text."""

import math
from collections.abc import Mapping, Sequence

from rich import box
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from gatewright.report.terminal import plain_text
from gatewright.results.formatting import format_number
from gatewright.results.measure import Measure
from gatewright.results.records import Evaluated, Trained
from gatewright.support.escapes import escape_control

# Tables of more labels than this are too large to read.
_MAX_CONFUSION_LABELS = 12
_MAX_LABELS = 40
# Of more epochs than this, about as many are shown, always with the first, the last and the chosen one.
_MAX_EPOCHS = 12


def trained(result: Trained) -> str:
    """Return a text that summarizes a training run, with at most 100 columns."""
    sizes = ", ".join(f"{size:,} {split}" for split, size in result.sizes.items())
    tests = {"network": result.test, "baseline": result.baseline, **result.other_baselines}
    interrupted = "" if result.finished else " (interrupted; run the same command again to resume)"
    return _join(
        [
            Text(f"{result.task} {result.data}: {sizes} {result.unit}", "bold"),
            _epochs(result),
            *([Text(_chosen(result))] if result.selection else []),
            _tests(result.measures, result.unit, tests),
            Text(f"Baseline: {result.baseline_name}"),
            *_by_label(result),
            *_details(result),
            *(Text(f"Note: {note}") for note in result.notes),
            Text(result.verdict, "bold"),
            Text(f"Saved {result.out}: {result.parameters:,} parameters, {result.seconds:,.0f} s{interrupted}"),
        ]
    )


def evaluated(result: Evaluated) -> str:
    """Return a text that summarizes an evaluation, with at most 100 columns."""
    return _join(
        [
            Text(f"{result.model} on {result.data}: {result.size:,} {result.unit}", "bold"),
            _tests(result.measures, result.unit, {"model": result.test, "constant baseline": result.baseline}),
            Text(f"Constant baseline: {result.baseline_name}"),
            *_by_label(result),
            *_details(result),
            *(Text(f"Note: {note}") for note in result.notes),
        ]
    )


def _join(paragraphs: Sequence[RenderableType]) -> str:
    def write(console: Console) -> None:
        for paragraph in paragraphs:
            console.print(paragraph)
            console.print()

    return plain_text(write)


def _table(*columns: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for place, column in enumerate(columns):
        table.add_column(Text(escape_control(column)), justify="left" if place == 0 else "right", overflow="fold")
    return table


def _tests(measures: Sequence[Measure], unit: str, columns: Mapping[str, Mapping[str, float]]) -> Table:
    table = _table(f"test {unit}", *columns)
    for measure in measures:
        values = [test[measure.name] for test in columns.values()]
        if not all(map(math.isnan, values)):
            table.add_row(measure.title, *map(format_number, values))
    return table


def _epochs(result: Trained) -> Table:
    measures = [result.measures[0], *(measure for measure in result.measures[1:] if measure.per_epoch)]
    table = _table("epoch", "loss", *(f"validation {measure.title}" for measure in measures), "s")
    total = len(result.epochs)
    every = -(-total // _MAX_EPOCHS)
    shown = {1, result.chosen_epoch, total, *range(0, total, every)}
    for number, epoch in enumerate(result.epochs, 1):
        if number in shown:
            values = (format_number(epoch.validation[measure.name]) for measure in measures)
            chosen = " chosen" if number == result.chosen_epoch else ""
            table.add_row(f"{number}{chosen}", format_number(epoch.loss), *values, f"{epoch.seconds:.1f}")
    return table


def _chosen(result: Trained) -> str:
    """Return sentences that say which epoch was chosen, by which metric, and whether training stopped early."""
    done, patience = len(result.epochs), result.settings.get("patience")
    chosen = f"Epoch {result.chosen_epoch} of {done} was chosen by {result.selection}."
    if not result.finished or done == result.settings.get("epochs"):
        return chosen
    return (
        f"{chosen} Training stopped early, after {done} of {result.settings.get('epochs')} epochs, because "
        f"{patience} {'epoch' if patience == 1 else 'epochs'} brought no improvement (--patience)."
    )


def _by_label(result: Trained | Evaluated) -> list[RenderableType]:
    """Return a list with a table of results for each label. It is empty if there are no labels or too many to read."""
    if result.multi_label:
        return [_multi_label(result.labels, result.confusion)] if len(result.labels) <= _MAX_LABELS else []
    return [_confusion(result.labels, result.confusion)] if 0 < len(result.labels) <= _MAX_CONFUSION_LABELS else []


def _details(result: Trained | Evaluated) -> list[RenderableType]:
    """Return the further tables of a result, each after its title."""
    found: list[RenderableType] = []
    for detail in result.details:
        table = _table(*detail.columns)
        for name, *numbers in detail.rows:
            cells = (f"{one:,}" if isinstance(one, int) else format_number(one) for one in numbers)
            table.add_row(Text(escape_control(name)), *cells)
        found += [Text(escape_control(detail.title)), table]
    return found


def _confusion(labels: Sequence[str], counts: Sequence[Sequence[int]]) -> Table:
    table = _table("true \\ predicted", *labels)
    for label, row in zip(labels, counts, strict=True):
        table.add_row(Text(escape_control(label)), *(f"{count:,}" for count in row))
    return table


def _multi_label(labels: Sequence[str], counts: Sequence[Sequence[Sequence[int]]]) -> Table:
    table = _table("label", "support", "precision", "recall", "F1")
    for label, ((_, false_positive), (false_negative, true_positive)) in zip(labels, counts, strict=True):
        support, predicted = true_positive + false_negative, true_positive + false_positive
        # 0 for a label that is neither present nor predicted, as in the macro F1.
        f1 = 2 * true_positive / max(support + predicted, 1)
        values = _ratio(true_positive, predicted), _ratio(true_positive, support), f1
        table.add_row(Text(escape_control(label)), f"{support:,}", *map(format_number, values))
    return table


def _ratio(count: int, total: int) -> float:
    return count / total if total else math.nan
