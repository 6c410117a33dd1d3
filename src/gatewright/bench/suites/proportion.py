"""Time the forward and backward pass for growing lengths, units and batch sizes, on one thread and on all threads.

The suite shows whether the time is proportional to the size. A sweep is a series of shapes in which one size grows.
"""

import statistics
from dataclasses import dataclass, field
from typing import Any

from gatewright.bench import tables
from gatewright.bench.facts import facts, kernel_facts, thread_counts
from gatewright.bench.shape import Shape
from gatewright.bench.workers import OURS, Worker, WorkerPool, print_progress, serve

# One size of (32, 200, 128, 128) grows. Long sequences have smaller batches to keep memory below 1.5 GB, and large
# layers and batches have fewer steps to keep the suite short.
_SWEEPS: dict[str, tuple[Shape, ...]] = {
    "length": tuple(Shape(8, time, 128, 128) for time in (10, 30, 100, 300, 1000, 3000, 10000)),
    "units": tuple(
        Shape(32, 25 if units == 1024 else 100, 128, units) for units in (8, 16, 32, 64, 128, 256, 512, 1024)
    ),
    "batch": tuple(Shape(batch, 50, 128, 128) for batch in (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)),
}
VARIED = {"length": 1, "units": 3, "batch": 0}
"""The index, in a Shape, of the size that grows in each sweep."""
_MIN_SECONDS = 0.02  # shorter calls are repeated within a turn


@dataclass(frozen=True)
class Settings:
    rounds: int = 5
    cells: tuple[str, ...] = ("gru", "lstm")
    sweeps: dict[str, tuple[Shape, ...]] = field(default_factory=lambda: dict(_SWEEPS))
    threads: tuple[int, ...] = field(default_factory=thread_counts)


def measure(settings: Settings) -> dict[str, Any]:
    """Run the suite. Return a dict with facts about the machine and the run, and measurements in the list "rows".

    There is a row for each combination of recurrent cell, shape and number of threads.

    Raises:
        Unavailable: The kernels cannot be loaded.
    """
    result = facts(settings)
    with WorkerPool() as pool:
        pool.start([Worker("suites.proportion", OURS)])
        return {
            **result,
            "versions": pool.facts[OURS],
            "notes": pool.notes,
            "rows": _measure(pool.workers[OURS], settings),
        }


def _measure(worker: Worker, settings: Settings) -> list[dict[str, Any]]:
    """Measure each combination of recurrent cell, shape and number of threads once per round. Return their rows.

    Each round measures all sizes, so that all sizes are affected if the machine is slow for a minute.
    """
    turns: dict[tuple[str, str, Shape, int], list[dict[str, Any]]] = {}
    for number in range(settings.rounds):
        for sweep, shapes in settings.sweeps.items():
            for cell in settings.cells:
                for shape in shapes:
                    for turn in worker.request("turns", cell=cell, shape=shape, threads=settings.threads):
                        turns.setdefault((sweep, cell, shape, turn["threads"]), []).append(turn)
                print_progress(f"round {number + 1} of {settings.rounds}, {sweep}, {cell}")
    return [summarize(*key, of_key) for key, of_key in turns.items()]


def summarize(sweep: str, cell: str, shape: Shape, threads: int, turns: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the row for a recurrent cell, a shape and a number of threads. `turns` has the times of each round."""
    times = [turn["seconds"] for turn in turns]
    median = statistics.median(times)
    return {
        "sweep": sweep,
        "cell": cell,
        "shape": list(shape),
        "threads": threads,
        "ms": 1e3 * median,
        "ns_per_token": 1e9 * median / (shape.batch * shape.time),
        "gflops": turns[0]["gflop"] / median,
        "times": [1e3 * time for time in times],
    }


def markdown(result: dict[str, Any]) -> str:
    counts = result["settings"]["threads"]
    groups: dict[tuple[str, str, Shape], dict[int, dict[str, Any]]] = {}
    for row in result["rows"]:
        groups.setdefault((row["sweep"], row["cell"], Shape(*row["shape"])), {})[row["threads"]] = row
    header = ["varied", "cell", "shape"]
    for threads in counts:
        header += [f"ns per token, {tables.format_threads(threads)}", "GFLOP/s"]
    header += [f"1 thread / {counts[-1]} threads"] if len(counts) > 1 else []
    return tables.page(
        "Cost and size",
        result,
        header,
        [_line(*key, by_threads, counts) for key, by_threads in groups.items()],
        "Forward and backward pass, float32, batch x time x features to units. Cost is in proportion to size if "
        "GFLOP/s are constant.\nGFLOP/s count only the products. Calls write into memory that was allocated before.",
    )


def _line(sweep: str, cell: str, shape: Shape, by_threads: dict[int, dict[str, Any]], counts: list[int]) -> list[str]:
    line = [sweep, cell, str(shape)]
    for threads in counts:
        row = by_threads[threads]
        line += [tables.format_number(row["ns_per_token"]), tables.format_number(row["gflops"])]
    if len(counts) > 1:
        one_thread, all_threads = (by_threads[threads]["times"] for threads in (counts[0], counts[-1]))
        line.append(f"{tables.median_ratio(one_thread, all_threads):.2f}")
    return line


def _turns(cell: str, shape: list[int], threads: list[int]) -> list[dict[str, Any]]:
    """Time forward and backward passes on each number of threads. Return a dict with the seconds per call for each."""
    from gatewright.bench.calls import KernelCall, calls_for, gflop, seconds
    from gatewright.ops import kernels

    sizes = Shape(*shape)
    call = KernelCall(cell, sizes)
    turns = []
    for count in threads:
        kernels.set_num_threads(count)
        calls = calls_for(_MIN_SECONDS, seconds(call))  # this call also warms up
        turns.append({"threads": count, "seconds": seconds(call, calls), "gflop": gflop(cell, sizes)})
    return turns


if __name__ == "__main__":
    serve(start=kernel_facts, turns=_turns)
