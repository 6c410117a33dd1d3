"""Time the inference of one recurrent layer on a batch of sequences, on all cores, compared with ONNX Runtime.

Gatewright is called through its NumPy backend. ONNX Runtime runs a model with one recurrent node, whose input has the
layout [time, batch, features]. Both return the outputs of all time steps and the final states in new arrays. They run
in separate processes.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from gatewright.bench import tables
from gatewright.bench.facts import facts, kernel_facts, thread_counts, versions
from gatewright.bench.shape import Shape
from gatewright.bench.workers import OURS, TITLES, Worker, WorkerPool, print_progress, serve, worker_name

_SHAPE = Shape(32, 200, 128, 128)


@dataclass(frozen=True)
class Settings:
    rounds: int = 15
    calls: int = 5  # timed calls per turn
    cells: tuple[str, ...] = ("gru", "lstm", "simple_rnn")
    shape: Shape = _SHAPE
    threads: int = field(default_factory=lambda: thread_counts()[-1])
    peers: tuple[str, ...] = ("onnxruntime",)


def measure(settings: Settings) -> dict[str, Any]:
    """Run the suite. Return a dict with facts about the machine and the run, and measurements in the list "rows".

    There is a row for each combination of recurrent cell and library.

    Raises:
        Unavailable: No worker process could be started.
    """
    result = facts(settings)
    with WorkerPool() as pool:
        pool.start(Worker("suites.forward", name) for name in (*settings.peers, OURS))
        rows = [row for cell in settings.cells for row in _measure(pool, cell, settings)]
        return {**result, **pool.summary(), "rows": rows}


def _measure(pool: WorkerPool, cell: str, settings: Settings) -> list[dict[str, Any]]:
    """Time a recurrent cell, and return a row for each library. The libraries take turns in each round."""
    means = pool.request_each(pool.workers, cell, "build", cell=cell, shape=settings.shape, threads=settings.threads)
    times: dict[str, list[float]] = {peer: [] for peer in means}
    for number in range(settings.rounds + 1):
        latest = pool.request_each(times, cell, "run", calls=settings.calls)
        # The first round warms up.
        times = {peer: times[peer] + (ms if number else []) for peer, ms in latest.items()}
        print_progress(f"{cell}, round {number} of {settings.rounds}")
    if means and max(means.values()) - min(means.values()) > 1e-4 * max(means.values()):
        pool.add_note(f"{cell}: the outputs DIFFER, their mean absolute values are {means}.")
    return [_summarize(cell, peer, times) for peer in times]


def _summarize(cell: str, peer: str, times: dict[str, list[float]]) -> dict[str, Any]:
    low, middle, high = tables.quartiles(times[peer])
    ratio = tables.median_ratio(times[peer], times[OURS]) if OURS in times else None
    return {"cell": cell, "peer": peer, "ms": middle, "quartiles": [low, high], "ratio": ratio, "times": times[peer]}


def markdown(result: dict[str, Any]) -> str:
    rows = [
        (row["cell"], TITLES[row["peer"]], tables.format_spread(row["times"]), tables.format_ratio(row["ratio"]))
        for row in result["rows"]
    ]
    settings = result["settings"]
    return tables.page(
        "Inference",
        result,
        ("cell", "library", "ms (quartiles)", "library / Gatewright"),
        rows,
        f"{Shape(*settings['shape'])}, float32, {tables.format_threads(settings['threads'])} each; outputs of all "
        f"steps.\n{tables.idle_sentence(result)}",
    )


def _call(cell: str, shape: Shape, threads: int) -> Callable[[], Any]:
    """Return a function that runs the recurrence once and returns the outputs of all time steps.

    The function uses the library that this worker process measures.
    """
    from gatewright.bench.calls import operands, recurrence

    rec = recurrence(cell)
    x, *weights = operands(rec, shape)
    if worker_name() == OURS:
        from gatewright.ops import kernels
        from gatewright.ops.numpy import forward

        kernels.set_num_threads(threads)
        return lambda: forward(rec, x, *weights).sequence
    from gatewright.bench import onnx_models

    run = onnx_models.session(rec, weights, shape, states=False, sequence=True, threads=threads).run
    inputs = {"X": x.swapaxes(0, 1).copy()}
    return lambda: run(None, inputs)[0]


def _facts() -> dict[str, Any]:
    if worker_name() == OURS:
        return kernel_facts()
    import onnx  # noqa: F401  a missing package is reported at the start
    import onnxruntime  # noqa: F401

    return versions("onnx", "onnxruntime")


class _Runner:
    """The commands that a worker process handles. The attributes keep data from one command to the next."""

    def build(self, cell: str, shape: list[int], threads: int) -> float:
        self.call = _call(cell, Shape(*shape), threads)
        return float(abs(self.call()).mean())

    def run(self, calls: int) -> list[float]:
        from gatewright.bench.calls import seconds

        return [1e3 * seconds(self.call) for _ in range(calls)]


if __name__ == "__main__":
    runner = _Runner()
    serve(start=_facts, build=runner.build, run=runner.run)
