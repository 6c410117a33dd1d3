"""`gatewright compare`: recurrent cells over several seeds, beside a simple baseline, on one's own data."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewright import _heap, machine
from gatewright.comparison import Baseline, CellResult, Comparison
from gatewright.files import atomically
from gatewright.fitting import better
from gatewright.plan import Entrant, Plan, entrants, resolve
from gatewright.run_folder import RunFolder
from gatewright.runs import Data, Finished, run_all
from gatewright.setting import require_packages
from gatewright.statistics import mean_interval
from gatewright.tasks.protocol import Simple, Task
from gatewright.verdict import Competitor, judge, verdict


def compare(
    data: str = "adding",
    *,
    task: str | None = None,
    test: str | None = None,
    validation: str | None = None,
    cells: Sequence[str] = ("simple_rnn", "lstm", "gru"),
    units: int | None = None,
    match: str = "units",
    embedding: int | None = None,
    length: int | None = None,
    vocabulary: int | None = None,
    batch: int | None = None,
    epochs: int | None = None,
    learning_rates: Sequence[float] | None = None,
    seeds: int = 3,
    limit: int | None = None,
    out: str | Path = "gatewright-compare",
    **settings: Any,
) -> Comparison:
    """Train each cell from several seeds on the same rows, beside a simple baseline, and say what that shows.

    Every run that ends is kept in `out`; calling again with the same settings does the missing ones only, so an
    interrupted comparison goes on where it stopped, and more seeds, cells or learning rates can be added.

    Args:
        data: "adding" (see `tasks.adding.Adding`), "imdb", or labelled texts: a .csv, .tsv, .parquet or .jsonl file, a
            folder of text files by class, or a .tar.gz of one. For the other tasks, what `train` reads for them.
        task: "classify", "generate", "forecast" or "tag": what `train` learns of that name; of "adding" there is none.
        test: a table or folder of test rows; without one, a fifth of the rows is set aside.
        validation: likewise; without one, a tenth of the training rows is set aside.
        cells: of `blocks.CELLS`, in any order; one given twice is trained twice, from other initial weights.
        units: of the recurrent layer.
        match: "units" gives each cell as many units; "parameters" gives the first cell `units`, and the others as many
            as make their network's parameters most nearly equal to the first's.
        embedding: numbers for each token.
        length: steps; of a text, its last words; of a language model, the steps that gradients reach back.
        vocabulary: ids in use, the four that are no words (padding, start, unknown, one unused) included.
        batch, epochs: rows of a training step; passes over the training rows.
        learning_rates: of Adam; where there are several, each cell gets the one that is best on the validation rows.
        seeds: how many times each cell is trained; a seed is that of initial weights and of the order of rows.
        limit: use at most so many training rows, and as many test rows.
        out: folder for the runs, compare.json and report.html.
        settings: options of the data as for `train`, and any other setting of it, such as `pooling="max"`, `both=True`
            or `word_dropout=0.2`; where it is not given, the networks are plain: one layer, its last output, no
            dropout (but zoneout 0.1 in the cells that have it), a constant learning rate.

    Where a setting is None, the task's own holds: for "adding" 64 units, length 100, batch 16, 5 epochs, learning rate
    0.005; for texts 128 units, embedding 128, length 200, vocabulary 10,000, batch 32, 5 epochs, learning rate 0.001;
    for language models 128 units, embedding 64, length 64, vocabulary 10,000, batch 32, 5 epochs, learning rate 0.003;
    for taggers as for texts, but length 64, learning rate 0.002, both directions and word dropout 0.1; of series of
    numbers, piano rolls and forecasts see `settings.Job.plain`.

    Returns:
        The rows of the table, the tests and the verdict, with `.plot()`; a notebook shows it as the report.

    Raises:
        InputError: an input can't be used; one sentence says which, and what to do.
        ImportError: a package is missing; the sentence names it.
        KeyboardInterrupt: it was interrupted; the message says what is kept.
    """
    require_packages("gatewright compare", ("jax", "optax", "sklearn", "scipy", "matplotlib", "rich"))
    _heap.use_one_arena()  # before there are threads, JAX's above all
    plan = resolve(
        data,
        task,
        {
            "test": test,
            "validation": validation,
            "vocabulary": vocabulary,
            "embedding": embedding,
        },
        {"units": units, "length": length, "batch": batch, "epochs": epochs, "limit": limit},
        cells=cells,
        match=match,
        learning_rates=learning_rates,
        seeds=seeds,
        more=settings,
    )
    folder = RunFolder(out)
    shared = {**plan.shared, "gatewright": machine.facts()["gatewright"]}
    folder.require_same(shared, unknown=("rows of data",))  # before the rows are read: that may take long
    rows = Data.read(plan.task)
    folder.claim({**shared, "rows of data": rows.fingerprint()})
    listed = entrants(plan, rows.train)
    simple, runs = run_all(plan, listed, rows, folder)
    result = _conclude(plan, listed, rows, simple, runs)
    _write(result, folder.path)
    return result


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


def _write(result: Comparison, folder: Path) -> None:
    from gatewright.report import html

    with atomically(folder / "compare.json") as path:
        path.write_text(json.dumps(result.to_json(), indent=1, allow_nan=False) + "\n", encoding="utf-8")
    html.write(result, folder / "report.html")
