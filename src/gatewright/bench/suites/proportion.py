"""Whether cost is in proportion: forward and backward while one size varies, on one thread and on all."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field
from typing import Any

from gatewright.bench import results
from gatewright.bench.workers import OURS, Crew, Worker, name_of_this, say, serve

Sizes = tuple[int, int, int, int]  # batch, time, features, units

# One size of (32, 200, 128, 128) varies. Long rows come in smaller batches, so that memory stays under 1.5 GB, and many
# units or rows in fewer steps, so that the suite takes minutes.
_SWEEPS: dict[str, tuple[Sizes, ...]] = {
    "length": tuple((8, time, 128, 128) for time in (10, 30, 100, 300, 1000, 3000, 10000)),
    "units": tuple((32, 25 if units == 1024 else 100, 128, units) for units in (8, 16, 32, 64, 128, 256, 512, 1024)),
    "batch": tuple((batch, 50, 128, 128) for batch in (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)),
}
VARIED = {"length": 1, "units": 3, "batch": 0}  # the place of the size that a sweep varies
_TURN = 0.02  # seconds of a turn at least: short calls are made several times in a row


@dataclass(frozen=True)
class Settings:
    """What is measured, and how often."""

    rounds: int = 5
    cells: tuple[str, ...] = ("gru", "lstm")
    sweeps: dict[str, tuple[Sizes, ...]] = field(default_factory=lambda: dict(_SWEEPS))
    threads: tuple[int, ...] = field(default_factory=results.thread_counts)


def measure(settings: Settings) -> dict[str, Any]:
    """The result: facts, and a row for each cell, size and number of threads.

    Raises:
        Unavailable: the kernels do not load.
    """
    about = results.facts(settings)
    with Crew() as crew:
        crew.start(Worker("suites.proportion", OURS))
        crew.require_any()
        rows = _measure(crew.workers[OURS], settings)
        about |= {"versions": crew.about[OURS], "notes": crew.notes}
    return {**about, "rows": rows}


def _measure(worker: Worker, settings: Settings) -> list[dict[str, Any]]:
    """Rounds over all sizes, so that a slow minute meets all of them; the threads take turns at each."""
    turns: dict[tuple[str, str, Sizes, int], list[dict[str, Any]]] = {}
    for number in range(settings.rounds):
        for sweep, shapes in settings.sweeps.items():
            for cell in settings.cells:
                for shape in shapes:
                    of_threads = worker.ask("turn", cell=cell, shape=shape, threads=settings.threads)
                    for turn in of_threads:
                        turns.setdefault((sweep, cell, shape, turn["threads"]), []).append(turn)
                say(f"round {number + 1} of {settings.rounds}, {sweep}, {cell}")
    return [_row(*key, of_key) for key, of_key in turns.items()]


def _row(sweep: str, cell: str, shape: Sizes, threads: int, turns: list[dict[str, Any]]) -> dict[str, Any]:
    times = [turn["seconds"] for turn in turns]
    middle = statistics.median(times)
    return {
        "sweep": sweep,
        "cell": cell,
        "shape": list(shape),
        "threads": threads,
        "ms": 1e3 * middle,
        "ns_per_token": 1e9 * middle / (shape[0] * shape[1]),
        "gflops": turns[0]["gflop"] / middle,
        "times": [1e3 * time for time in times],
    }


def markdown(result: dict[str, Any]) -> str:
    """The result as a page."""
    counts = result["settings"]["threads"]
    groups: dict[tuple[Any, ...], dict[int, dict[str, Any]]] = {}
    for row in result["rows"]:
        groups.setdefault((row["sweep"], row["cell"], *row["shape"]), {})[row["threads"]] = row
    lines = [_line(key, of_threads, counts) for key, of_threads in groups.items()]
    head = ["varied", "cell", "shape"]
    for threads in counts:
        head += [f"ns a token, {results.threads(threads)}", "GFLOP/s"]
    head += [f"1 thread / {counts[-1]}"] if len(counts) > 1 else []
    return (
        f"{results.heading('Cost in proportion', result)}\n{results.table(head, lines)}\n\n"
        "Forward and backward, float32, batch x time x features to units; where GFLOP/s stay level, cost is in "
        "proportion.\nGFLOP/s count the products alone. Calls write into memory that is there already.\n"
        f"{results.notes(result)}"
    ).rstrip()


def _line(key: tuple[Any, ...], of_threads: dict[int, dict[str, Any]], counts: list[int]) -> list[str]:
    sweep, cell, *shape = key
    line = [sweep, cell, results.shape_name(*shape)]
    for threads in counts:
        row = of_threads[threads]
        line += [results.number(row["ns_per_token"]), results.number(row["gflops"])]
    if len(counts) > 1:
        one, all_of_them = (of_threads[threads]["times"] for threads in (counts[0], counts[-1]))
        line.append(f"{results.median_ratio(one, all_of_them):.2f}")
    return line


def _turn(cell: str, shape: list[int], threads: list[int]) -> list[dict[str, Any]]:
    """Seconds of a call on each number of threads."""
    from gatewright.bench.calls import Call, Shape, calls_for, gflop, seconds
    from gatewright.ops import kernels

    sizes = Shape(*shape)
    call = Call(cell, sizes)
    turns = []
    for count in threads:
        kernels.set_num_threads(count)
        calls = calls_for(_TURN, seconds(call))  # that first call warms up
        turns.append({"threads": count, "seconds": seconds(call, calls), "gflop": gflop(cell, sizes)})
    return turns


def _work(name: str) -> None:
    def answer(do: str, **request: Any) -> Any:
        if do == "start":
            return results.kernel_facts()
        return _turn(**request)

    serve(answer)


if __name__ == "__main__":
    _work(name_of_this())
