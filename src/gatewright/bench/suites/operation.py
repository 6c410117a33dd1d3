"""The operations alone, forward with everything kept and back, beside what the processor can do at that moment.

Windows of multiply-adds that wait for nothing alternate with the calls, on as many threads and about as long: a slow
moment of the machine meets both, and the fraction of the two is steadier than either.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field
from typing import Any

from gatewright.bench import results
from gatewright.bench.workers import OURS, Crew, Worker, name_of_this, say, serve

Sizes = tuple[int, int, int, int]  # batch, time, features, units

_SHAPES: tuple[Sizes, ...] = ((32, 200, 128, 128), (32, 100, 256, 256), (32, 50, 512, 512), (256, 50, 128, 128))
_WINDOW = (0.005, 0.020)  # the shortest and the longest, in seconds


@dataclass(frozen=True)
class Settings:
    """What is measured, and how often."""

    rounds: int = 10
    calls: int = 3  # timed in one turn
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
    shapes: tuple[Sizes, ...] = _SHAPES
    threads: tuple[int, ...] = field(default_factory=results.thread_counts)


def measure(settings: Settings) -> dict[str, Any]:
    """The result: facts, and a row for each cell, shape and number of threads.

    Raises:
        Unavailable: the kernels do not load.
    """
    about = results.facts(settings)
    with Crew() as crew:
        crew.start(Worker("suites.operation", OURS))
        crew.require_any()
        rows = _measure(crew.workers[OURS], settings)
        about |= {"versions": crew.about[OURS], "notes": crew.notes}
    return {**about, "rows": rows}


def _measure(worker: Worker, settings: Settings) -> list[dict[str, Any]]:
    """Rounds in which each cell, shape and number of threads has one turn; the first is not counted."""
    turns: dict[tuple[str, Sizes, int], list[dict[str, Any]]] = {}
    for number in range(settings.rounds + 1):
        for shape in settings.shapes:
            for cell in settings.cells:
                for threads in settings.threads:
                    turn = worker.ask("turn", cell=cell, shape=shape, threads=threads, calls=settings.calls)
                    turns.setdefault((cell, shape, threads), []).append(turn)
            say(f"round {number} of {settings.rounds}, {results.shape_name(*shape)}")
    return [_row(*key, of_key[1:]) for key, of_key in turns.items()]


def _row(cell: str, shape: Sizes, threads: int, turns: list[dict[str, Any]]) -> dict[str, Any]:
    forward, backward, peaks = ([v for turn in turns for v in turn[name]] for name in ("forward", "backward", "peaks"))
    ms = [1e3 * (f + b) for f, b in zip(forward, backward, strict=True)]
    low, middle, high = results.quartiles(ms)
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
    """The result as a page."""
    lines = [
        (
            row["cell"],
            results.shape_name(*row["shape"]),
            str(row["threads"]),
            results.number(row["forward_ms"]),
            results.number(row["backward_ms"]),
            results.number(row["ms"]),
            "-".join(map(results.number, row["quartiles"])),
            results.number(row["gflops"]),
            results.number(row["peak_gflops"]),
            f"{row['fraction']:.2f}",
        )
        for row in result["rows"]
    ]
    head = ["cell", "shape", "threads", "forward ms", "backward ms", "both ms", "quartiles"]
    head += ["GFLOP/s", "multiply-add peak", "of the peak"]
    return (
        f"{results.heading('Operations alone', result)}\n{results.table(head, lines)}\n\n"
        "float32, batch x time x features to units; `forward` keeps what `backward` needs; zoneout has its masks. "
        "GFLOP/s count the products "
        "alone.\nThe peak is that of multiply-adds which wait for nothing, on as many threads, in windows of 5 to 20 "
        "ms between the calls.\nCalls write into memory that is there already. Instruction set: "
        f"{result['versions']['instruction_set']}.\n{results.notes(result)}"
    ).rstrip()


def _turn(cell: str, shape: list[int], threads: int, calls: int) -> dict[str, Any]:
    """Seconds of a few calls, and the peaks of as many windows between them."""
    from gatewright.bench.calls import Call, Shape, gflop, seconds
    from gatewright.ops import kernels

    kernels.set_num_threads(threads)
    sizes = Shape(*shape)
    call = Call(cell, sizes)
    window = min(max(seconds(call), _WINDOW[0]), _WINDOW[1])
    taken: dict[str, Any] = {"forward": [], "backward": [], "peaks": [], "gflop": gflop(cell, sizes)}
    for _ in range(calls):
        taken["peaks"].append(kernels.multiply_add_peak(window))
        taken["forward"].append(seconds(call.forward))
        taken["backward"].append(seconds(call.backward))
    return taken


def _work(name: str) -> None:
    def answer(do: str, **request: Any) -> Any:
        if do == "start":
            return results.kernel_facts()
        return _turn(**request)

    serve(answer)


if __name__ == "__main__":
    _work(name_of_this())
