"""`gatewright compare`: recurrent cells over several seeds, beside a simple baseline, on one's own data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewright.comparison.plan import Entrant, Plan
from gatewright.comparison.runs import Finished
from gatewright.ops import machine
from gatewright.results.measure import better
from gatewright.results.records import Baseline, CellResult, Comparison
from gatewright.results.statistics import mean_interval
from gatewright.results.verdict import Competitor, judge, verdict
from gatewright.tasks.base.task import Simple, Task
from gatewright.training.rows import Data


def _conclude(
    plan: Plan, listed: Sequence[Entrant], rows: Data, simple: tuple[Simple, float], runs: dict[str, Finished]
) -> Comparison:
    task, targets = plan.task, rows.test.targets
    deciding = task.measures[0]
    cells, competitors = [], []
    for entrant in listed:
        chosen = _best_rate(plan, entrant, runs)
        cells.append(_cell_result(task, entrant, chosen))
        answers = np.mean([finished.outputs for finished in chosen], axis=0)
        figures = tuple(finished.run.test[deciding.name] for finished in chosen)
        competitors.append(Competitor(entrant.name, figures, task.merits(answers, targets)))
    baseline, beside = _simple(task, *simple, targets)
    chance, nothing = _simple(task, task.chance(rows.train, rows.test), 0.0, targets)
    tests = [
        *judge([(a, b) for place, a in enumerate(competitors) for b in competitors[place + 1 :]], deciding.better),
        *judge([(cell, beside) for cell in competitors], deciding.better),
        *judge([(cell, nothing) for cell in competitors], deciding.better),
    ]
    return Comparison(
        task=task.name,
        data=task.data,
        settings={
            **plan.shared,
            "cells": [entrant.name for entrant in listed],
            "learning_rates": list(plan.learning_rates),
            "seeds": plan.seeds,
        },
        unit=task.unit,
        sizes={name: task.size(getattr(rows, name)) for name in ("train", "validation", "test")},
        notes=rows.parts.notes,
        measures=task.measures,
        right=task.right,
        cells=tuple(cells),
        baseline=baseline,
        chance=chance,
        tests=tuple(tests),
        verdict=verdict(deciding, competitors, beside, nothing, tests, task.counted),
        machine=machine.facts(),
        seconds=sum(finished.seconds for finished in runs.values()) + simple[1],
    )


def _best_rate(plan: Plan, entrant: Entrant, runs: dict[str, Finished]) -> list[Finished]:
    """The runs, one a seed, at the learning rate with the best mean on the validation rows."""
    deciding = plan.task.measures[0]
    best: tuple[float, list[Finished]] | None = None
    for rate in plan.learning_rates:
        some = [runs[entrant.key(rate, seed)] for seed in range(plan.seeds)]
        figure = float(np.mean([one.run.epochs[one.run.chosen_epoch - 1].validation[deciding.name] for one in some]))
        if best is None or better(deciding, figure, best[0]):
            best = figure, some
    assert best is not None
    return best[1]


def _cell_result(task: Task[Any], entrant: Entrant, finished: Sequence[Finished]) -> CellResult:
    return CellResult(
        entrant.name,
        entrant.cell,
        entrant.units,
        finished[0].parameters,
        finished[0].run.learning_rate,
        max(one.peak_memory for one in finished),
        mean_interval([float(np.mean([epoch.seconds for epoch in one.run.epochs])) for one in finished]),
        {measure.name: mean_interval([one.run.test[measure.name] for one in finished]) for measure in task.measures},
        tuple(one.run for one in finished),
    )


def _simple(task: Task[Any], simple: Simple, seconds: float, targets: NDArray[Any]) -> tuple[Baseline, Competitor]:
    test = task.measure(simple.outputs, targets)
    result = Baseline(simple.name, simple.description, test, seconds)
    return result, Competitor(simple.name, (test[task.measures[0].name],), task.merits(simple.outputs, targets))
