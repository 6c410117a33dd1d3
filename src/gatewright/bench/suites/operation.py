"""Time the forward and backward pass of the kernels, compared with the peak speed of the processor.

The peak is the speed of independent multiply-adds on the same number of threads. It is measured before each call, for
about as long as the call takes. If the machine is slow for a moment, both speeds are lower, so that their ratio varies
less than the speeds.
"""

import itertools
import statistics
from dataclasses import dataclass, field
from typing import Any

from gatewright.bench import instruction_sets, tables
from gatewright.bench.facts import facts, kernel_facts, thread_counts
from gatewright.bench.shape import Shape
from gatewright.bench.workers import OURS, Worker, WorkerPool, print_progress, serve

_SHAPES = (Shape(32, 200, 128, 128), Shape(32, 100, 256, 256), Shape(32, 50, 512, 512), Shape(256, 50, 128, 128))
_MIN_WINDOW, _MAX_WINDOW = 0.005, 0.020  # seconds


@dataclass(frozen=True)
class Settings:
    rounds: int = 10
    calls: int = 3  # timed calls per turn
    cells: tuple[str, ...] = (
        "gru",
        "lstm",
        "simple_rnn",
        "min_gru",
        "min_lstm",
        "layer_norm_lstm",
        "layer_norm_gru",
        "zoneout_lstm",
        "zoneout_gru",
    )
    shapes: tuple[Shape, ...] = _SHAPES
    threads: tuple[int, ...] = field(default_factory=thread_counts)
    instruction_sets: tuple[str, ...] = field(default_factory=instruction_sets.measured)


def measure(settings: Settings) -> dict[str, Any]:
    """Run the suite. Return a dict with facts about the machine and the run, and measurements in the list "rows".

    There is a row for each combination of instruction set, recurrent cell, shape and number of threads.

    Raises:
        Unavailable: The kernels cannot be loaded.
    """
    result = facts(settings)
    with WorkerPool() as pool:
        pool.start([Worker("suites.operation", OURS)])
        return {
            **result,
            "versions": pool.facts[OURS],
            "notes": pool.notes,
            "rows": _measure(pool.workers[OURS], settings),
        }


def _measure(worker: Worker, settings: Settings) -> list[dict[str, Any]]:
    """Measure each combination of cell, shape, number of threads and instruction set once per round. Return the rows.

    A first round for warming up is not counted.
    """
    turns: dict[tuple[str, str, Shape, int], list[dict[str, Any]]] = {}
    for number in range(settings.rounds + 1):
        for shape in settings.shapes:
            for cell in settings.cells:
                for name, threads in itertools.product(settings.instruction_sets, settings.threads):
                    case = {"cell": cell, "shape": shape, "threads": threads}
                    turn = worker.request("turn", **case, instruction_set=name, calls=settings.calls)
                    turns.setdefault((name, cell, shape, threads), []).append(turn)
            print_progress(f"round {number} of {settings.rounds}, {shape}")
    rows = [
        {"instruction_set": name, **summarize(cell, shape, threads, of_key[1:])}
        for (name, cell, shape, threads), of_key in turns.items()
    ]
    return sorted(rows, key=lambda row: settings.instruction_sets.index(row["instruction_set"]))


def summarize(cell: str, shape: Shape, threads: int, turns: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the row for a recurrent cell, a shape and a number of threads. `turns` has the times of each round."""
    forward, backward, peaks = ([v for turn in turns for v in turn[name]] for name in ("forward", "backward", "peaks"))
    ms = [1e3 * (f + b) for f, b in zip(forward, backward, strict=True)]
    low, middle, high = tables.quartiles(ms)
    speed, peak = 1e3 * turns[0]["gflop"] / middle, statistics.median(peaks)
    return {
        "cell": cell,
        "shape": list(shape),
        "threads": threads,
        "ms": middle,
        "quartiles": [low, high],
        "forward_ms": 1e3 * statistics.median(forward),
        "backward_ms": 1e3 * statistics.median(backward),
        "gflops": speed,
        "peak_gflops": peak,
        "fraction": speed / peak,
        "forward_times": [1e3 * f for f in forward],
        "backward_times": [1e3 * b for b in backward],
        "peaks": peaks,
    }


def markdown(result: dict[str, Any]) -> str:
    rows = [
        (
            row["instruction_set"],
            row["cell"],
            str(Shape(*row["shape"])),
            str(row["threads"]),
            tables.format_number(row["forward_ms"]),
            tables.format_number(row["backward_ms"]),
            tables.format_number(row["ms"]),
            tables.format_range(row["quartiles"]),
            tables.format_number(row["gflops"]),
            tables.format_number(row["peak_gflops"]),
            f"{row['fraction']:.2f}",
        )
        for row in result["rows"]
    ]
    times = ("forward ms", "backward ms", "total ms", "quartiles")
    header = ("instructions", "cell", "shape", "threads", *times, "GFLOP/s", "peak GFLOP/s", "fraction of the peak")
    return tables.page(
        "Forward and backward pass",
        result,
        header,
        rows,
        "float32, batch x time x features to units. The forward pass saves what the backward pass needs. Cells with "
        "zoneout have a mask. GFLOP/s count only the products.\nThe peak is the speed of independent multiply-adds on "
        "as many threads, in windows of 5 to 20 ms between the calls.\nCalls write into memory that was allocated "
        "before.",
    )


def _turn(cell: str, shape: list[int], threads: int, calls: int, instruction_set: str) -> dict[str, Any]:
    """Time `calls` calls. Return their "forward" and "backward" seconds, and the "peaks" measured before each call."""
    from gatewright.bench.calls import KernelCall, gflop, seconds
    from gatewright.ops import kernels

    kernels.choose_instruction_set(instruction_set)
    kernels.set_num_threads(threads)
    sizes = Shape(*shape)
    call = KernelCall(cell, sizes)
    window = min(max(seconds(call), _MIN_WINDOW), _MAX_WINDOW)
    turn: dict[str, Any] = {"forward": [], "backward": [], "peaks": [], "gflop": gflop(cell, sizes)}
    for _ in range(calls):
        turn["peaks"].append(kernels.multiply_add_peak(window))
        turn["forward"].append(seconds(call.forward))
        turn["backward"].append(seconds(call.backward))
    return turn


if __name__ == "__main__":
    serve(start=kernel_facts, turn=_turn)
