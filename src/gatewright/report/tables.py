"""The tables of a comparison, and the sentences that explain them, as strings for the terminal and for HTML."""

import math
from dataclasses import dataclass
from typing import NamedTuple

from gatewright.results.measure import Measure
from gatewright.results.records import CellResult, Comparison
from gatewright.results.statistics import Interval
from gatewright.results.verdict import PairedTest


class Column(NamedTuple):
    """A table column: its heading, which may have line breaks, and one string for each row."""

    heading: str
    cells: tuple[str, ...]


class Results(NamedTuple):
    """The columns of the main table. Its rows are the recurrent cells, the baseline and the constant baseline.

    Attributes:
        names: The name of each recurrent cell or baseline.
        costs: Size, time and memory, aligned on the right.
        outcomes: Metrics and chosen epochs, aligned on the left so that decimal points line up.
    """

    names: Column
    costs: tuple[Column, ...]
    outcomes: tuple[Column, ...]


class PairedRow(NamedTuple):
    """A row in the table of paired tests, in text. `differs` is True if a difference is claimed; see `PairedTest`."""

    pair: str
    difference: str
    t_p: str
    examples_p: str
    adjusted_p: str
    conclusion: str
    differs: bool


class PairedGroup(NamedTuple):
    """Paired tests that are corrected together for multiple testing, and their title."""

    title: str
    rows: tuple[PairedRow, ...]


@dataclass(frozen=True)
class Format:
    """Number format of one metric.

    Attributes:
        decimals: Digits after the decimal point, or None to write three significant digits.
    """

    decimals: int | None

    def number(self, value: float) -> str:
        if self.decimals is None or not math.isfinite(value):
            return significant(value)
        return f"{value:.{self.decimals}f}"

    def interval(self, interval: Interval) -> str:
        """Return the text "mean ± half the width of the interval", or only the mean if there is only one value."""
        reach = _half_width(interval)
        if reach is None or not math.isfinite(interval.mean):
            return self.number(interval.mean)
        if self.decimals is not None:
            return f"{interval.mean:.{self.decimals}f} ± {reach:.{self.decimals}f}"
        if _written_with_exponent(interval.mean):
            return f"{interval.mean:.2e} ± {reach:.1e}"
        decimals = _decimals(interval.mean, 3)
        if reach > 0 and round(reach, decimals) == 0:
            decimals = min(decimals + 2, _decimals(reach, 1))
        return f"{interval.mean:.{decimals}f} ± {reach:.{decimals}f}"

    def difference(self, value: float) -> str:
        """Return the value as text with its sign. A small value gets enough digits that it does not look like 0."""
        if self.decimals is None or not math.isfinite(value):
            return f"{'+' if value > 0 else ''}{significant(value)}"
        decimals = self.decimals
        if value != 0 and round(value, decimals) == 0:
            decimals = min(6, _decimals(value, 1))
        return f"{value:+.{decimals}f}" if value else f"{value:.{decimals}f}"


def format_of(comparison: Comparison, measure: Measure) -> Format:
    """Return the number format that the whole report uses for a metric.

    Metrics between 0 and 1 have three decimals, or four if three would make different means look equal or an interval
    look like 0. Other metrics and errors have three significant digits.
    """
    intervals = [cell.test[measure.name] for cell in comparison.cells]
    baselines = [model.test[measure.name] for model in (comparison.baseline, comparison.constant)]
    values = {value for value in [*(interval.mean for interval in intervals), *baselines] if math.isfinite(value)}
    if measure.better == "lower" or not all(0 <= value <= 1 for value in values):
        return Format(None)
    reaches = [reach for interval in intervals if (reach := _half_width(interval))]
    distinct = len({round(value, 3) for value in values}) == len(values)
    visible = all(round(reach, 3) > 0 for reach in reaches)
    return Format(3 if distinct and visible else 4)


def significant(value: float, digits: int = 3) -> str:
    """Return the value as text with this many significant digits, such as 12.3. Values below 1e-5 get an exponent."""
    if not math.isfinite(value):
        return str(value)
    if value == 0:
        return "0"
    if _written_with_exponent(value):
        return f"{value:.{digits - 1}e}"
    return f"{value:,.{max(0, _decimals(value, digits))}f}"


def p_value(p: float | None) -> str:
    """Return p as text with three decimals, or more if needed to see whether it is below 0.05. None is a dash."""
    if p is None:
        return "–"
    if p < 0.001:
        return "<0.001"
    decimals = 3
    while (float(f"{p:.{decimals}f}") < 0.05) != (p < 0.05):
        decimals += 1
    return f"{p:.{decimals}f}"


def seeds(comparison: Comparison) -> int:
    """Return the number of seeds with which each recurrent cell was trained."""
    return max(len(cell.runs) for cell in comparison.cells)


def title(comparison: Comparison) -> str:
    """Return the title of the report, which names the recurrent cells and the data set."""
    names = [cell.name for cell in comparison.cells]
    listed = f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0]
    return f"{listed} on {comparison.data}"


def heading(comparison: Comparison) -> str:
    """Return a line with the task, the data set and the sizes of its splits."""
    sizes = comparison.sizes
    subject = ", ".join(dict.fromkeys((comparison.task, comparison.data)))
    listed = f"{sizes['train']:,} training, {sizes['validation']:,} validation and {sizes['test']:,} test"
    return f"{subject}: {listed} {comparison.unit}"


def legend(comparison: Comparison) -> str:
    """Return a text that explains the main table."""
    count = seeds(comparison)
    values = (
        f"the mean over {count} seeds ± half of its 95% interval"
        if count > 1
        else "one seed, so there are no intervals and no difference is claimed"
    )
    measure = comparison.measures[0]
    chosen = "Epochs and learning rates" if _has_several_learning_rates(comparison) else "Epochs"
    selection = f"{chosen} were chosen by {comparison.selection}. " if comparison.selection else ""
    return (
        f"Metrics on the test set: {values}. The tests compare {measure.title} ({measure.better} is better). "
        f"{selection}Seconds are for one epoch of training, or for fitting the baseline. Peak memory is that of a "
        "training step."
    )


CLAIM = (
    "A difference is claimed only if both tests show it: adjusted p, the larger of the two after Holm's correction, "
    "is below 0.05, and both favor the same model. Undecided means that these runs do not show a difference; more "
    "seeds might."
)


def differences(comparison: Comparison) -> str:
    """Return the title of the table of paired tests."""
    intervals = ", with 95% intervals over test examples" if has_bootstrap(comparison) else ""
    return f"Differences in test {comparison.measures[0].title}, first - second{intervals}"


def has_bootstrap(comparison: Comparison) -> bool:
    """Return True if the test over test examples was the paired bootstrap, and False if it was the sign test."""
    return any(test.interval for test in comparison.tests)


def results(comparison: Comparison) -> Results:
    """Return the columns of the main table."""
    cells, baseline = comparison.cells, comparison.baseline
    costs = [
        _cost("units", [f"{cell.units:,}" for cell in cells]),
        _cost("parameters", [f"{cell.parameters:,}" for cell in cells]),
        _cost("seconds\nper epoch", [significant(cell.seconds.mean) for cell in cells], significant(baseline.seconds)),
        _cost("peak\nMB", [significant(cell.peak_memory / 1e6) for cell in cells]),
    ]
    if _has_several_learning_rates(comparison):
        costs.insert(2, _cost("learning\nrate", [f"{cell.learning_rate:g}" for cell in cells]))
    return Results(
        Column("", (*(cell.name for cell in cells), f"baseline: {baseline.name}", "constant baseline")),
        tuple(costs),
        (
            *(_outcome(comparison, measure) for measure in comparison.measures),
            Column("chosen\nepochs", (*(_chosen_epochs(cell) for cell in cells), "", "")),
        ),
    )


def paired_tests(comparison: Comparison) -> tuple[PairedGroup, ...]:
    """Return the paired tests in up to three groups: between cells, against the baseline, and against the constant."""
    families: dict[str, list[PairedRow]] = {
        "Between cells": [],
        "Against baseline": [],
        "Against constant baseline": [],
    }
    number_format = format_of(comparison, comparison.measures[0])
    for test in comparison.tests:
        row = _paired_row(test, comparison, number_format)
        if comparison.constant.name in (test.first, test.second):
            families["Against constant baseline"].append(row)
        elif comparison.baseline.name in (test.first, test.second):
            families["Against baseline"].append(row)
        else:
            families["Between cells"].append(row)
    return tuple(PairedGroup(name, tuple(rows)) for name, rows in families.items() if rows)


def _paired_row(test: PairedTest, comparison: Comparison, number_format: Format) -> PairedRow:
    return PairedRow(
        f"{_side(test.first, comparison)} - {_side(test.second, comparison)}",
        _difference(test, number_format),
        p_value(test.t_p),
        p_value(test.examples_p),
        p_value(test.adjusted_p),
        _conclusion(test),
        test.differs,
    )


def _difference(test: PairedTest, number_format: Format) -> str:
    """Return the difference, and its interval if there is one, such as "+1.20 (+0.30 to +2.10)"."""
    interval = " to ".join(map(number_format.difference, test.interval))
    return f"{number_format.difference(test.difference)}{interval and f' ({interval})'}"


def _conclusion(test: PairedTest) -> str:
    if test.differs:
        return "differs"
    if test.disagrees:
        return "tests disagree"
    return "no claim" if test.adjusted_p is None else "undecided"


def _side(name: str, comparison: Comparison) -> str:
    """Return "baseline" or "constant" for the two baselines, and the name itself for a recurrent cell."""
    return {comparison.baseline.name: "baseline", comparison.constant.name: "constant"}.get(name, name)


def _cost(heading: str, cells: list[str], baseline: str = "") -> Column:
    return Column(heading, (*cells, baseline, ""))


def _outcome(comparison: Comparison, measure: Measure) -> Column:
    number_format = format_of(comparison, measure)
    cells = [
        "diverged" if cell.diverged else number_format.interval(cell.test[measure.name]) for cell in comparison.cells
    ]
    baselines = [number_format.number(model.test[measure.name]) for model in (comparison.baseline, comparison.constant)]
    return Column(measure.title, (*cells, *baselines))


def _chosen_epochs(cell: CellResult) -> str:
    """Return the chosen epochs of all runs as text: each epoch, or the range if there are more than three."""
    if cell.diverged:
        return "–"
    chosen = [run.chosen_epoch for run in cell.runs]
    if len(set(chosen)) == 1:
        return str(chosen[0])
    if len(chosen) <= 3:
        return ", ".join(map(str, chosen))
    return f"{min(chosen)} to {max(chosen)}"


def _has_several_learning_rates(comparison: Comparison) -> bool:
    tried = comparison.settings.get("learning_rates")
    used = {cell.learning_rate for cell in comparison.cells}
    return len(used) > 1 or (isinstance(tried, list | tuple) and len(tried) > 1)


def _half_width(interval: Interval) -> float | None:
    return None if interval.high is None else interval.high - interval.mean


def _decimals(value: float, digits: int) -> int:
    """Return the number of decimals with which the value has this many significant digits."""
    return max(0, digits - 1 - math.floor(math.log10(abs(value)))) if value else digits


def _written_with_exponent(value: float) -> bool:
    return 0 < abs(value) < 1e-5
