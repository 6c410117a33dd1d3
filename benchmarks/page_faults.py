"""Count minor page faults: of calls of the kernels, and of training steps before and after other uses of JAX.

    python benchmarks/page_faults.py [--kernels] [--order] [--threads] [--steps 60] [--rounds 3]

Without one of the first three flags, all three parts run. Counts do not depend on the load of the machine, times do.
`--order` and `--threads` read the imdb data set from GATEWRIGHT_DATA, and `--threads` a text from GATEWRIGHT_DATA, too.
"""

import argparse
import contextlib
import itertools
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

_WARM_UP = 20  # training steps that are not counted


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for part in ("kernels", "order", "threads"):
        parser.add_argument(f"--{part}", action="store_true")
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--train", nargs=2, metavar=("TASK", "ORDER"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.train:
        train(*options.train, options.steps)
        return
    every = not (options.kernels or options.order or options.threads)
    if options.kernels or every:
        count_in_kernels()
    if options.order or every:
        for _ in range(options.rounds):
            for order in ("gatewright first", "JAX first"):
                start("classify", order, options.steps)
    if options.threads or every:
        for task in ("classify", "generate"):
            start(task, "gatewright first", options.steps, GATEWRIGHT_NUM_THREADS="24")


def start(task: str, order: str, steps: int, **variables: str) -> None:
    """Train in a new process."""
    command = [sys.executable, __file__, "--train", task, order, "--steps", str(steps)]
    subprocess.run(command, env={**os.environ, **variables}, check=True, stderr=subprocess.DEVNULL)


def count_in_kernels() -> None:
    """Print the faults per call of large layers, 32 rows x 5 steps, on 1, 2 and 24 threads."""
    from gatewright.bench.calls import KernelCall
    from gatewright.bench.shape import Shape
    from gatewright.ops import kernels

    for threads in (1, 2, 24):
        kernels.set_num_threads(threads)
        for cell in ("lstm", "gru"):
            call = KernelCall(cell, Shape(32, 5, 1024, 1024))
            for _ in range(3):
                call()
            before, began = _used(), time.process_time()
            for _ in range(10):
                call()
            faults, seconds = (_used() - before) / 10, (time.process_time() - began) / 10
            title = f"{cell} 1024 -> 1024, {threads} threads"
            print(f"{title}: {faults:.1f} faults and {1e3 * seconds:.1f} ms of CPU time per call", flush=True)


def train(task: str, order: str, steps: int) -> None:
    """Start a training, and print the median time and the faults of its steps."""
    if order == "JAX first":
        import jax.numpy as jnp

        for _ in range(20):
            (jnp.ones((512, 512)) @ jnp.ones((512, 512))).block_until_ready()
    import gatewright
    from gatewright.training.network import Network

    step, marks = Network.train_step, []

    class Enough(Exception):
        """Raised to end the training."""

    def timed(self: Network, *arguments: Any) -> Any:
        state, loss = step(self, *arguments)
        loss.block_until_ready()
        marks.append((time.perf_counter(), time.process_time(), _used()))
        if len(marks) > _WARM_UP + steps:
            raise Enough
        return state, loss

    Network.train_step = timed  # type: ignore[method-assign]
    data = "imdb" if task == "classify" else str(Path(os.environ["GATEWRIGHT_DATA"]) / "shakespeare" / "input.txt")
    with tempfile.TemporaryDirectory() as folder:
        limit = 2000 if task == "classify" else None
        with contextlib.suppress(Enough):
            gatewright.train(task, data, Path(folder) / "model.safetensors", limit=limit)
    pairs = itertools.pairwise(marks[_WARM_UP:])
    used = [[after - before for before, after in zip(*pair, strict=True)] for pair in pairs]
    wall, cpu, faults = zip(*used, strict=True)
    print(
        f"train {task}, {order}, {gatewright.num_threads()} threads: {1e3 * statistics.median(wall):.1f} ms and "
        f"{1e3 * statistics.median(cpu):.1f} ms of CPU time per step (medians), {statistics.median(faults):.0f} faults "
        f"per step (median; mean {statistics.fmean(faults):.0f}, largest {max(faults)})",
        flush=True,
    )


def _used() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt


if __name__ == "__main__":
    main()
