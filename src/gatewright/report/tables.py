"""The tables of a report and the sentences about them, as strings: the terminal and the page show the same."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

from gatewright.results.measure import Measure
from gatewright.results.records import Baseline, CellResult, Comparison
from gatewright.results.statistics import Interval
from gatewright.results.verdict import PairedTest


class Column(NamedTuple):
    """A heading, in which a line break is a good place to break, and a string for each row."""

    heading: str
    cells: tuple[str, ...]


class Results(NamedTuple):
    """The main table: a row for each cell, then the baseline, then chance.

    Attributes:
        names: whose row it is.
        costs: size, time and memory; to be aligned on the right.
        outcomes: measures and chosen epochs; to be aligned on the left, which puts decimal points in one line.
    """

    names: Column
    costs: tuple[Column, ...]
    outcomes: tuple[Column, ...]


class PairedRow(NamedTuple):
    """One paired test: who against whom, the figures, what may be said, and whether that is a difference."""

    pair: str
    difference: str
    t_p: str
    sign_p: str
    adjusted_p: str
    conclusion: str
    differs: bool


class PairedGroup(NamedTuple):
    """Paired tests of one family under its heading."""

    title: str
    rows: tuple[PairedRow, ...]


@dataclass(frozen=True)
class Figures:
    """How the figures of one measure are written.

    Attributes:
        decimals: of a measure that is a share; None where significant digits count instead, as for an error.
    """

    decimals: int | None

    def number(self, value: float) -> str:
        """The value alone."""
        if self.decimals is None or not math.isfinite(value):
            return significant(value)
        return f"{value:.{self.decimals}f}"

    def interval(self, interval: Interval) -> str:
        """`mean ± half of the interval`, or the mean alone where there is no interval."""
        reach = _reach(interval)
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
        """The value with its sign, and with as many digits as keep it from looking like 0."""
        if self.decimals is None or not math.isfinite(value):
            return f"{'+' if value > 0 else ''}{significant(value)}"
        decimals = self.decimals
        if value != 0 and round(value, decimals) == 0:
            decimals = min(6, _decimals(value, 1))
        return f"{value:+.{decimals}f}" if value else f"{value:.{decimals}f}"


def figures(comparison: Comparison, measure: Measure) -> Figures:
    """How this measure is written throughout the report: one number of decimals for a column of shares.

    Three decimals; four where three would show two different means as one, or an interval as nothing.
    """
    intervals = [cell.test[measure.name] for cell in comparison.cells]
    simple = [
        model.test[measure.name] for model in (comparison.baseline, comparison.chance) if measure.name in model.test
    ]
    values = {value for value in [*(interval.mean for interval in intervals), *simple] if math.isfinite(value)}
    if measure.better == "lower" or not all(0 <= value <= 1 for value in values):
        return Figures(None)
    reaches = [reach for interval in intervals if (reach := _reach(interval))]
    distinct = len({round(value, 3) for value in values}) == len(values)
    visible = all(round(reach, 3) > 0 for reach in reaches)
    return Figures(3 if distinct and visible else 4)


def significant(value: float, digits: int = 3) -> str:
    """The value with so many significant digits: 0.000421, 12.3, 1,230; with an exponent below 0.00001."""
    if not math.isfinite(value):
        return str(value)
    if value == 0:
        return "0"
    if _written_with_exponent(value):
        return f"{value:.{digits - 1}e}"
    return f"{value:,.{max(0, _decimals(value, digits))}f}"


def p_value(p: float | None) -> str:
    """Three decimals, more where they would hide on which side of 0.05 it lies; a dash where there is none."""
    if p is None:
        return "–"
    if p < 0.001:
        return "<0.001"
    decimals = 3
    while (float(f"{p:.{decimals}f}") < 0.05) != (p < 0.05):
        decimals += 1
    return f"{p:.{decimals}f}"


def seeds(comparison: Comparison) -> int:
    """How many times each cell was trained."""
    return max(len(cell.runs) for cell in comparison.cells)


def title(comparison: Comparison) -> str:
    """Who competes on what."""
    names = [cell.name for cell in comparison.cells]
    listed = f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0]
    return f"{listed} on {comparison.data}"


def heading(comparison: Comparison) -> str:
    """Task, data and sizes."""
    rows = comparison.sizes
    subject = ", ".join(dict.fromkeys((comparison.task, comparison.data)))
    listed = f"{rows['train']:,} training, {rows['validation']:,} validation and {rows['test']:,} test"
    return f"{subject}: {listed} {comparison.unit}"


def legend(comparison: Comparison) -> str:
    """What the figures of the main table are."""
    count = seeds(comparison)
    what = (
        f"mean ± half of the 95% interval over {count} seeds"
        if count > 1
        else "one seed, which allows no interval and no claim of a difference"
    )
    return (
        f"Measures on the test rows: {what}. Decided by {comparison.measures[0].title}, "
        f"{comparison.measures[0].better} is better. Seconds: training for an epoch; for the baseline, fitting. "
        "Peak memory: what a training step needs."
    )


CLAIM = (
    "A difference is claimed only where both tests show it: adjusted p, the larger of the two after Holm's correction, "
    "is below 0.05. Undecided: these runs can't tell the two apart; more seeds may."
)


def differences(comparison: Comparison) -> str:
    """What the table of paired tests holds."""
    return f"Differences in {comparison.measures[0].title} on the test rows, first - second"


def results(comparison: Comparison) -> Results:
    """The main table."""
    cells, baseline, chance = comparison.cells, comparison.baseline, comparison.chance
    costs = [
        _cost("units", [f"{cell.units:,}" for cell in cells]),
        _cost("parameters", [f"{cell.parameters:,}" for cell in cells]),
        _cost("seconds\nan epoch", [significant(cell.seconds.mean) for cell in cells], significant(baseline.seconds)),
        _cost("peak\nMB", [significant(cell.peak_memory / 1e6) for cell in cells]),
    ]
    if _learning_rates_matter(comparison):
        costs.insert(2, _cost("learning\nrate", [f"{cell.learning_rate:g}" for cell in cells]))
    return Results(
        Column("", (*(cell.name for cell in cells), f"baseline: {baseline.name}", _chance_name(chance))),
        tuple(costs),
        (
            *(_outcome(comparison, measure) for measure in comparison.measures),
            Column("chosen\nepochs", (*(_chosen_epochs(cell) for cell in cells), "", "")),
        ),
    )


def paired_tests(comparison: Comparison) -> tuple[PairedGroup, ...]:
    """The paired tests: between cells, against the baseline, against chance; families without a test are left out."""
    families: dict[str, list[PairedRow]] = {
        "Between cells": [],
        "Against the baseline": [],
        "Against chance": [],
    }
    between, against_baseline, against_chance = families.values()
    write = figures(comparison, comparison.measures[0])
    for test in comparison.tests:
        sides = {test.first, test.second}
        if sides & {"chance", comparison.chance.name}:
            against_chance.append(_paired_row(test, comparison, write))
        elif comparison.baseline.name in sides:
            against_baseline.append(_paired_row(test, comparison, write))
        else:
            between.append(_paired_row(test, comparison, write))
    return tuple(PairedGroup(name, tuple(rows)) for name, rows in families.items() if rows)


def _paired_row(test: PairedTest, comparison: Comparison, write: Figures) -> PairedRow:
    return PairedRow(
        f"{_side(test.first, comparison)} - {_side(test.second, comparison)}",
        write.difference(test.difference),
        p_value(test.t_p),
        p_value(test.sign_p),
        p_value(test.adjusted_p),
        _conclusion(test),
        test.differs,
    )


def _conclusion(test: PairedTest) -> str:
    if test.differs:
        return "differs"
    return "no claim" if test.adjusted_p is None else "undecided"


def _side(name: str, comparison: Comparison) -> str:
    """A competitor in as few words as a row of tests has room for."""
    return {comparison.baseline.name: "baseline", comparison.chance.name: "chance"}.get(name, name)


def _cost(heading: str, cells: list[str], baseline: str = "") -> Column:
    return Column(heading, (*cells, baseline, ""))


def _outcome(comparison: Comparison, measure: Measure) -> Column:
    write = figures(comparison, measure)
    simple = [
        write.number(model.test[measure.name]) if measure.name in model.test else ""
        for model in (comparison.baseline, comparison.chance)
    ]
    return Column(measure.title, (*(write.interval(cell.test[measure.name]) for cell in comparison.cells), *simple))


def _chosen_epochs(cell: CellResult) -> str:
    """Of each run, or from which to which where there are many."""
    chosen = [run.chosen_epoch for run in cell.runs]
    if len(set(chosen)) == 1:
        return str(chosen[0])
    if len(chosen) <= 3:
        return ", ".join(map(str, chosen))
    return f"{min(chosen)} to {max(chosen)}"


def _chance_name(chance: Baseline) -> str:
    return chance.name if chance.name == "chance" else f"chance: {chance.name}"


def _learning_rates_matter(comparison: Comparison) -> bool:
    tried = comparison.settings.get("learning_rates")
    several = isinstance(tried, list | tuple) and len(tried) > 1
    return several or len({cell.learning_rate for cell in comparison.cells}) > 1


def _reach(interval: Interval) -> float | None:
    return None if interval.high is None else interval.high - interval.mean


def _decimals(value: float, digits: int) -> int:
    """Decimals that show so many significant digits of the value."""
    return max(0, digits - 1 - math.floor(math.log10(abs(value)))) if value else digits


def _written_with_exponent(value: float) -> bool:
    return 0 < abs(value) < 1e-5
