"""Inference alone: a batch of sequences through one recurrence, ours beside ONNX Runtime, on all cores.

Ours is a call of the NumPy door, ONNX Runtime's a session of one node with X in its own layout [time, batch, features];
both return the output of every step and the last states, in fresh arrays. Each stands in a process of its own.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from gatewright.bench import results, workers
from gatewright.bench.workers import OURS, TITLES, Crew, Worker, WorkerError


@dataclass(frozen=True)
class Settings:
    """What is measured, and how often."""

    rounds: int = 15
    calls: int = 5  # timed in one turn
    cells: tuple[str, ...] = ("gru", "lstm", "simple_rnn")
    shape: tuple[int, int, int, int] = (32, 200, 128, 128)  # batch, time, features, units
    threads: int = field(default_factory=lambda: results.thread_counts()[-1])
    peers: tuple[str, ...] = ("onnxruntime",)


def measure(settings: Settings) -> dict[str, Any]:
    """The result: facts, and a row for each cell and peer.

    Raises:
        Unavailable: no peer starts.
    """
    about = results.facts(settings)
    rows: list[dict[str, Any]] = []
    with Crew() as crew:
        for name in (*settings.peers, OURS):
            crew.start(Worker("suites.forward", name))
        crew.require_any()
        for cell in settings.cells:
            rows += _measure(crew, cell, settings)
        about |= {"peers": crew.about, "notes": crew.notes, "idle_cpu": crew.idle_cpu}
    return {**about, "rows": rows}


def _measure(crew: Crew, cell: str, settings: Settings) -> list[dict[str, Any]]:
    """Rounds in which each worker has one turn; one row for each peer."""
    taken: dict[str, list[float]] = {}
    sizes: dict[str, float] = {}
    for peer, worker in crew.workers.items():
        try:
            sizes[peer] = worker.ask("build", cell=cell, shape=settings.shape, threads=settings.threads)
            taken[peer] = []
        except WorkerError as error:
            crew.note(f"{TITLES[peer]}, {cell} failed: {error}.")
    for number in range(settings.rounds + 1):
        for peer, times in taken.items():
            time.sleep(workers.PAUSE)
            ms = crew.workers[peer].ask("run", calls=settings.calls)
            if number:  # the first round warms up
                times += ms
        workers.say(f"{cell}, round {number} of {settings.rounds}")
    if sizes and max(sizes.values()) - min(sizes.values()) > 1e-4 * max(sizes.values()):
        crew.note(f"{cell}: the outputs DIFFER, their mean sizes are {sizes}.")
    return [_row(cell, peer, taken) for peer in taken]


def _row(cell: str, peer: str, taken: dict[str, list[float]]) -> dict[str, Any]:
    low, middle, high = results.quartiles(taken[peer])
    ratio = results.median_ratio(taken[peer], taken[OURS]) if OURS in taken else None
    return {"cell": cell, "peer": peer, "ms": middle, "quartiles": [low, high], "ratio": ratio, "times": taken[peer]}


def markdown(result: dict[str, Any]) -> str:
    """The result as a page."""
    lines = [
        (row["cell"], TITLES[row["peer"]], results.spread(row["times"]), results.ratio(row["ratio"]))
        for row in result["rows"]
    ]
    settings = result["settings"]
    return (
        f"{results.heading('Inference', result)}\n"
        f"{results.table(('cell', 'peer', 'ms (quartiles)', 'peer / ours'), lines)}\n\n"
        f"{results.shape_name(*settings['shape'])}, float32, {results.threads(settings['threads'])} each; outputs of "
        f"every step.\n{results.idle(result)}\n{results.notes(result)}"
    ).rstrip()


def _call(name: str, cell: str, shape: list[int], threads: int) -> Any:
    """A function that runs the recurrence once and returns the output of every step."""
    from gatewright.bench.calls import Shape, operands, recurrence

    rec, sizes = recurrence(cell), Shape(*shape)
    x, *weights = operands(rec, sizes)
    if name == OURS:
        from gatewright.ops import kernels
        from gatewright.ops.numpy import forward

        kernels.set_num_threads(threads)
        return lambda: forward(rec, x, *weights).sequence
    from gatewright.bench import onnx_models

    run = onnx_models.session(rec, weights, sizes, states=False, sequence=True, threads=threads).run
    given = {"X": x.swapaxes(0, 1).copy()}
    return lambda: run(None, given)[0]


def _facts(name: str) -> dict[str, Any]:
    if name == OURS:
        return results.kernel_facts()
    import onnx  # noqa: F401  so that what is missing is named at once
    import onnxruntime  # noqa: F401

    return results.versions("onnx", "onnxruntime")


def _work(name: str) -> None:
    """Be the worker of one peer."""
    call: Any = None

    def answer(do: str, **request: Any) -> Any:
        nonlocal call
        if do == "start":
            return _facts(name)
        if do == "build":
            call = _call(name, **request)
            return float(abs(call()).mean())
        from gatewright.bench.calls import seconds

        return [1e3 * seconds(call) for _ in range(request["calls"])]

    workers.serve(answer)


if __name__ == "__main__":
    _work(workers.name_of_this())
