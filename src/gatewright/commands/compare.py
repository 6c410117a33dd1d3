"""The `compare` command: train several recurrent cells from several seeds, and compare them with a baseline."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gatewright.commands.flags import (
    add_json,
    add_no_cache,
    add_options,
    add_settings,
    add_splits,
    names,
    numbers,
    whole_number,
)
from gatewright.commands.printing import called_with_cache, print_json
from gatewright.data.files import stem_inputs
from gatewright.data.limits import with_max_input
from gatewright.ops.cells import CELLS
from gatewright.support.files import atomically, require_outside
from gatewright.support.packages import require_packages
from gatewright.tasks import registry

if TYPE_CHECKING:
    from gatewright.results.records import Comparison


@with_max_input
def compare(
    data: str = "adding",
    *,
    task: str | None = None,
    validation: str | None = None,
    test: str | None = None,
    cells: Sequence[str] = ("simple_rnn", "lstm", "gru"),
    match: str = "units",
    learning_rates: Sequence[float] | None = None,
    seeds: int = 3,
    limit: int | None = None,
    max_input: float | None = None,
    out: str | Path = "gatewright-compare",
    **settings: Any,
) -> "Comparison":
    """Train each recurrent cell from several seeds on the same data, and compare the cells with a baseline.

    Every finished run is stored in `out`, and a further call with the same `out` does not repeat it. So repeat the call
    to resume an interrupted comparison, or to add seeds, cells or learning rates. Only one comparison at a time may
    write to `out`. If the loss of a run becomes infinite or not a number, the run is reported as diverged, and nothing
    is concluded about its cell.

    Args:
        data: "adding" (the adding problem, which needs no data), or a named data set, a file or a folder as for
            `train`.
        task: "classify", "generate", "forecast" or "tag". The default is "classify". Leave it out if `data` is
            "adding".
        validation, test: Data for the validation set and the test set. By default, the sets that `data` contains, or
            examples set aside from `data`.
        cells: Names of recurrent cells. A cell that is given twice is trained twice, from different initial weights.
        match: "units" gives each cell the same number of units. "parameters" gives the first cell `units` units, and
            chooses the units of each other cell so that all networks have about the same number of parameters.
        learning_rates: Learning rates of Adam. If there are several, each cell uses the one that is best on the
            validation set.
        seeds: Number of runs of each cell. A seed determines the initial weights and the order of the examples.
        limit: Use at most this many training examples, and at most this many test examples.
        max_input: Maximum size of an input file after decompression, in GB. The default is 4.
        out: Folder for the runs, compare.json and report.html.
        settings: Settings of the task and options of its data, as for `train`. By default, the network is plain: one
            recurrent layer whose last output is used, no dropout, and a constant learning rate. See
            `gatewright compare --help`.

    Returns:
        The comparison: a table of results, tests of the differences and a verdict. `.plot()` plots it, and a notebook
            displays it as a report.

    Raises:
        InputError: An argument or the data cannot be used. The message says what to do.
        ImportError: A package is missing. The message names it.
        KeyboardInterrupt: The comparison was interrupted. The message says where the runs are stored.
    """
    require_packages("gatewright compare", ("jax", "optax", "sklearn", "scipy", "matplotlib", "rich"))
    from gatewright.ops import kernels

    kernels.share_threads_with_jax()  # before JAX starts its threads
    from gatewright.comparison.conclusion import conclude
    from gatewright.comparison.folder import RunFolder
    from gatewright.comparison.plan import entrants, resolve
    from gatewright.comparison.runs import run_all
    from gatewright.ops import machine
    from gatewright.training.client import reusing_memory
    from gatewright.training.dataset import Dataset

    plan = resolve(
        data,
        task,
        {"validation": validation, "test": test},
        cells=cells,
        match=match,
        learning_rates=learning_rates,
        seeds=seeds,
        limit=limit,
        given=settings,
    )
    files = {option.flag: settings.get(option.name) for option in registry.all_options().values()}
    inputs = {"DATA": data, "--validation": validation, "--test": test}
    require_outside(Path(out), "--out", {**inputs, **files, **stem_inputs(inputs, files.values())})
    with RunFolder(out) as folder:
        shared = {**plan.shared, "gatewright": machine.facts()["gatewright"]}
        folder.require_same(shared, unknown=("fingerprint",))  # before the data is read, which may take long
        dataset = Dataset.read(plan.task)
        folder.claim({**shared, "fingerprint": dataset.fingerprint()})
        entries = entrants(plan, dataset)
        with reusing_memory():
            baseline, runs = run_all(plan, entries, dataset, folder)
        result = conclude(plan, entries, dataset, baseline, runs)
        _write(result, folder.path)
    return result


_DEFAULT_CELLS = ["SimpleRNN", "LSTM", "GRU"]


def add_parser(commands: Any) -> None:
    """Add the command to the command line."""
    about = "Compare recurrent cells with each other and with a baseline on your data, over several seeds."
    parser = commands.add_parser(
        "compare",
        help=about,
        usage="gatewright compare [DATA] [options]",
        description=f"{about}\nFinished runs are stored in --out. Run the same command again to resume.\n\n"
        "example:\n  gatewright compare reviews.csv --text review --label stars --seeds 5",
    )
    specs = [spec for listed in registry.commands().values() for spec in listed]
    reads = "; ".join(f"{spec.examples}: {spec.reads}" for spec in specs)
    reads = f"adding (the adding problem, needs no data); {reads} (default: adding)"
    parser.add_argument("data", nargs="?", default="adding", help=reads)
    add = parser.add_argument_group("comparison").add_argument
    others = ", ".join(cell.title for cell in CELLS.values() if cell.title not in _DEFAULT_CELLS)
    cells = f"Cells, separated by commas (default: {','.join(_DEFAULT_CELLS)}; others: {others})."
    add("--cells", metavar="A,B,...", type=names, default=_DEFAULT_CELLS, help=cells)
    add("--seeds", metavar="N", type=whole_number, default=3, help="Number of runs of each cell (default: 3).")
    add(
        "--learning-rates",
        metavar="X,Y,...",
        type=numbers,
        help="Learning rates; each cell uses the best on the validation set (default: one rate, set by the task).",
    )
    add(
        "--match",
        metavar="units|parameters",
        default="units",
        help="Give all cells the same number of units or of parameters (default: units).",
    )
    data = parser.add_argument_group("data")
    data.add_argument("--task", metavar="NAME", help=f"The task: {', '.join(registry.commands())} (default: classify).")
    add_options(data, registry.all_options().values())
    add_splits(data)
    tables = {spec.examples: spec.settings for spec in (*specs, *registry.compare_only())}
    add_settings(parser, tables, compare=True, groups={"data": data})
    output = parser.add_argument_group("output")
    output.add_argument(
        "--out",
        metavar="DIR",
        default="gatewright-compare",
        help="Folder for the runs and the report (default: %(default)s).",
    )
    add_no_cache(output)
    add_json(output)
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from gatewright.report import terminal

    result = called_with_cache(compare, options)
    if options.json:
        print_json(result.to_json())
    else:
        terminal.show(result, sys.stdout)
        print(f"\nThe report is {options.out}/report.html")
    return 0


def _write(result: "Comparison", folder: Path) -> None:
    from gatewright.report import html

    with atomically(folder / "compare.json") as path:
        path.write_text(json.dumps(result.to_json(), indent=1, allow_nan=False) + "\n", encoding="utf-8")
    html.write(result, folder / "report.html")
