"""The result of a comparison, computed from its finished runs: table, statistical tests and verdict."""

import math
from collections.abc import Sequence

import numpy as np

from gatewright.comparison.plan import Entrant, Plan
from gatewright.comparison.runs import Finished
from gatewright.ops import machine
from gatewright.results.records import BaselineResult, CellResult, Comparison, Run
from gatewright.results.statistics import mean_interval
from gatewright.results.verdict import Competitor, comparison_verdict, judge
from gatewright.tasks.base.competitor import competitor
from gatewright.tasks.base.task import FittedBaseline
from gatewright.training.dataset import Dataset


def conclude(
    plan: Plan,
    entrants: Sequence[Entrant],
    dataset: Dataset,
    fitted: tuple[FittedBaseline, float],
    runs: dict[str, Finished],
) -> Comparison:
    """Return the result of a comparison: the table of cells, the statistical tests and the verdict.

    Args:
        plan: The settings of the comparison.
        entrants: The entries, one for each cell in `plan.cells`.
        dataset: The data set that the runs were trained and tested on.
        fitted: The fitted baseline, and the time in seconds that fitting took.
        runs: All runs of the comparison. The keys are those of `Entrant.key`.
    """
    prepared, targets = dataset.prepared, dataset.test.targets
    main = prepared.measures[0]
    cells, competitors = [], []
    for entrant in entrants:
        chosen = _best_rate(plan, dataset, entrant, runs)
        cells.append(_cell_result(dataset, entrant, chosen))
        if cells[-1].diverged:
            continue
        values = [finished.run.test[main.name] for finished in chosen]
        outputs = [finished.outputs for finished in chosen]
        competitors.append(competitor(prepared, entrant.name, values, outputs, targets))
    baseline, baseline_competitor = _judged(dataset, *fitted)
    answers, description = prepared.constant(targets, dataset.train.targets)
    constant, constant_competitor = _judged(dataset, FittedBaseline("constant", description, answers), 0.0)
    tests = [
        *judge([(a, b) for place, a in enumerate(competitors) for b in competitors[place + 1 :]], main.better),
        *judge([(cell, baseline_competitor) for cell in competitors], main.better),
        *judge([(cell, constant_competitor) for cell in competitors], main.better),
    ]
    return Comparison(
        task=plan.shared["task"],
        data=dataset.splits.name,
        settings={
            **plan.shared,
            "cells": [entrant.name for entrant in entrants],
            "learning_rates": list(plan.learning_rates),
            "seeds": plan.seeds,
        },
        unit=prepared.unit,
        sizes=dataset.sizes,
        notes=(*dataset.splits.notes, *_rate_notes(plan, entrants, cells, runs)),
        measures=prepared.measures,
        score_label=prepared.score_label,
        cells=tuple(cells),
        baseline=baseline,
        constant=constant,
        tests=tuple(tests),
        verdict=" ".join(
            [
                *filter(None, map(_divergence, cells)),
                comparison_verdict(
                    main, competitors, baseline_competitor, constant_competitor, tests, prepared.score_name
                ),
            ]
        ),
        machine=machine.facts(),
        seconds=sum(finished.seconds for finished in runs.values()) + fitted[1],
        selection=str(prepared.selection(dataset.validation.size)),
    )


def _best_rate(plan: Plan, dataset: Dataset, entrant: Entrant, runs: dict[str, Finished]) -> list[Finished]:
    """Select the best learning rate of an entry and return its runs, one for each seed, in the order of the seeds.

    Learning rates are chosen as epochs are, by the means over the runs; see `Prepared.selection`. A learning rate with
    which a run diverged is only chosen if there is no other, and then it is the lowest one.
    """
    selection = dataset.prepared.selection(dataset.validation.size)
    of_rate = {rate: [runs[entrant.key(rate, seed)] for seed in range(plan.seeds)] for rate in plan.learning_rates}
    candidates = [found for found in of_rate.values() if not any(one.run.divergence for one in found)]
    if not candidates:
        return of_rate[min(of_rate)]
    means = []
    for finished in candidates:
        values = [one.run.epochs[one.run.chosen_epoch - 1].validation for one in finished]
        names = [measure.name for measure in selection.measures]
        means.append({name: float(np.mean([one[name] for one in values])) for name in names})
    return candidates[selection.best(means)]


def _cell_result(dataset: Dataset, entrant: Entrant, finished: Sequence[Finished]) -> CellResult:
    measures = dataset.prepared.measures
    return CellResult(
        entrant.name,
        entrant.cell,
        entrant.units,
        finished[0].parameters,
        finished[0].run.learning_rate,
        max(one.peak_memory for one in finished),
        mean_interval([_seconds_per_epoch(one.run) for one in finished]),
        {measure.name: mean_interval([one.run.test[measure.name] for one in finished]) for measure in measures},
        tuple(one.run for one in finished),
    )


def _seconds_per_epoch(run: Run) -> float:
    return float(np.mean([epoch.seconds for epoch in run.epochs])) if run.epochs else math.nan


def _divergence(cell: CellResult) -> str:
    """Return a sentence on the runs of a cell that diverged; empty if none did."""
    diverged = [run for run in cell.runs if run.divergence]
    if not diverged:
        return ""
    several = f" in {len(diverged)} of {len(cell.runs)} runs" if len(cell.runs) > 1 else ""
    first = diverged[0]
    return (
        f"{cell.name} diverged{several} (seed {first.seed}: {first.divergence}), so nothing is concluded about it: "
        f"give lower --learning-rates than {first.learning_rate:g}."
    )


def _rate_notes(
    plan: Plan, entrants: Sequence[Entrant], cells: Sequence[CellResult], runs: dict[str, Finished]
) -> list[str]:
    """Return a note for each learning rate with which a cell diverged, if the cell has results with another one."""
    return [
        f"{entrant.name} diverged with the learning rate {rate:g}, which was not used."
        for entrant, cell in zip(entrants, cells, strict=True)
        for rate in plan.learning_rates
        if not cell.diverged and any(runs[entrant.key(rate, seed)].run.divergence for seed in range(plan.seeds))
    ]


def _judged(dataset: Dataset, fitted: FittedBaseline, seconds: float) -> tuple[BaselineResult, Competitor]:
    """Return the baseline's metrics on the test set, and its scores in the form that the statistical tests need."""
    prepared, targets = dataset.prepared, dataset.test.targets
    test = prepared.measure(fitted.outputs, targets)
    judged = competitor(prepared, fitted.name, [test[prepared.measures[0].name]], [fitted.outputs], targets)
    return BaselineResult(fitted.name, fitted.description, test, seconds), judged
