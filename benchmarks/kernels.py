"""Times the operations alone, through the NumPy door, on one thread and on two.

    python benchmarks/kernels.py

Beside them stands NumPy's product of two large float32 matrices, in the same run: a lower bound of what the processor
can do in multiply-adds. The doors' own work counts: results are fresh arrays, whose pages the system hands out.
"""

import argparse
import time
from pathlib import Path
from typing import Any

import common

BATCH, TIME, WIDTH = 32, 200, 128
CELLS = ("gru", "lstm", "simple_rnn")
PRODUCT = "product"
SIDE = 2048  # of the matrices of that product
CALLS = 3  # timed in one turn
PAUSE = 0.1  # seconds after the product: OpenBLAS' threads spin for a while


def operands(rec: Any) -> tuple[Any, ...]:
    import numpy as np

    rng = np.random.default_rng(1)
    gates = rec.gates
    shapes = ((BATCH, TIME, WIDTH), (WIDTH, gates * WIDTH), (WIDTH, gates * WIDTH), rec.bias_shape(WIDTH))
    scales = (1.0, 0.1, 0.1, 0.1)
    return tuple((s * rng.standard_normal(shape)).astype(np.float32) for s, shape in zip(scales, shapes, strict=True))


def gflop(cell: str) -> float:
    """Multiply-adds of the products forward, each as two; backward has twice as many."""
    from gatewright.cells import Recurrence

    return 2e-9 * BATCH * TIME * 2 * WIDTH * Recurrence(cell).gates * WIDTH


def turn(cell: str) -> dict[str, list[float]]:
    """Seconds of a few calls of each way to walk."""
    import numpy as np

    from gatewright.cells import Recurrence
    from gatewright.ops.numpy import forward

    rec = Recurrence(cell)
    given = operands(rec)
    run = forward(rec, *given, keep=True)
    d_sequence = np.ones_like(run.sequence)
    ways = {
        "inference": lambda: forward(rec, *given),
        "forward": lambda: forward(rec, *given, keep=True),
        "backward": lambda: run.backward(d_sequence),
    }
    return {name: [_seconds(way) for _ in range(CALLS)] for name, way in ways.items()}


def product() -> dict[str, list[float]]:
    import numpy as np

    a = np.ones((SIDE, SIDE), np.float32)
    taken = [_seconds(lambda: a @ a) for _ in range(CALLS)]
    time.sleep(PAUSE)
    return {PRODUCT: taken}


def _seconds(way: Any) -> float:
    start = time.perf_counter()
    way()
    return time.perf_counter() - start


def work() -> None:
    def answer(do: str, **request: Any) -> Any:
        if do == "start":
            return common.versions("gatewright", "numpy") | common.kernel_facts()
        return product() if request["cell"] == PRODUCT else turn(request["cell"])

    common.serve(answer)


# ---- the run -------------------------------------------------------------------------------------------------


def measure(workers: dict[int, common.Worker], rounds: int) -> list[dict[str, Any]]:
    """Rounds in which each number of threads has one turn at each cell; the first is not counted."""
    taken: dict[tuple[str, int, str], list[float]] = {}
    for number in range(rounds + 1):
        for cell in (*CELLS, PRODUCT):
            for threads, worker in workers.items():
                for way, seconds in worker.ask("turn", cell=cell).items():
                    taken.setdefault((cell, threads, way), []).extend(seconds if number else [])
        common.say(f"round {number} of {rounds}")
    return [_row(*key, seconds) for key, seconds in taken.items()]


def _row(cell: str, threads: int, way: str, seconds: list[float]) -> dict[str, Any]:
    operations = 2e-9 * SIDE**3 if cell == PRODUCT else gflop(cell) * (2 if way == "backward" else 1)
    low, middle, high = common.quartiles([1e3 * s for s in seconds])
    return {
        "cell": cell,
        "threads": threads,
        "way": way,
        "ms": middle,
        "quartiles": [low, high],
        "gflops": 1e3 * operations / middle,
        "best_gflops": operations / min(seconds),
        "times": [1e3 * s for s in seconds],
    }


def markdown(about: dict[str, Any], rows: list[dict[str, Any]]) -> str:
    bound = {row["threads"]: row["best_gflops"] for row in rows if row["cell"] == PRODUCT}
    lines = [
        (
            f"NumPy, {SIDE} x {SIDE} matrices" if row["cell"] == PRODUCT else row["cell"],
            row["way"],
            str(row["threads"]),
            common.number(row["ms"]),
            "-".join(map(common.number, row["quartiles"])),
            common.number(row["gflops"]),
            common.number(row["best_gflops"]),
            f"{row['gflops'] / bound[row['threads']]:.2f}",
        )
        for row in rows
    ]
    head = ("cell", "way", "threads", "ms", "quartiles", "GFLOP/s", "at best", "of the product's best")
    shape = f"Batch {BATCH}, time {TIME}, {WIDTH} features to {WIDTH} units, float32"
    return (
        f"{common.heading('Operations alone', about)}\n{common.table(head, lines)}\n\n{shape}. `inference` keeps "
        "nothing, `forward` keeps what `backward` needs.\nThe product of matrices is a lower bound of what the "
        "processor can do, not its peak: an operation may pass it."
    )


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10, help=f"turns of {CALLS} calls each (default 10)")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--out", type=Path, default=common.RESULTS / "kernels.json")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    return parser.parse_args()


def run(options: argparse.Namespace) -> None:
    about = common.facts({"rounds": options.rounds, "threads": options.threads})
    workers = {}
    try:
        for threads in options.threads:
            names = ("GATEWRIGHT_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS")
            environment = dict.fromkeys(names, str(threads))
            workers[threads] = common.Worker(__file__, "kernels", environment=environment)
            about["versions"] = workers[threads].ask("start")
        rows = measure(workers, options.rounds)
    finally:
        for worker in workers.values():
            worker.close()
    common.publish(options.out, markdown(about, rows), {**about, "rows": rows})


if __name__ == "__main__":
    given = parse()
    if given.worker:
        work()
    else:
        run(given)
