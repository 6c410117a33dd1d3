"""The `compare` command: train several cells from several seeds and compare them with a baseline."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gatewright.comparison.conclusion import _conclude
from gatewright.comparison.folder import RunFolder
from gatewright.comparison.plan import entrants, resolve
from gatewright.comparison.runs import run_all
from gatewright.ops import machine
from gatewright.results.records import Comparison
from gatewright.support import memory as _heap
from gatewright.support.files import atomically
from gatewright.support.packages import require_packages
from gatewright.training.rows import Data


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
            dropout, a constant learning rate.

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


def _write(result: Comparison, folder: Path) -> None:
    from gatewright.report import html

    with atomically(folder / "compare.json") as path:
        path.write_text(json.dumps(result.to_json(), indent=1, allow_nan=False) + "\n", encoding="utf-8")
    html.write(result, folder / "report.html")
