"""Load and use models for a long time, and at the same time, and check memory and answers.

    python tests/robustness/streams.py [loads] [steps] [calls] [forks]

Loading models many times and a stream of many steps must not need more and more memory. Concurrent calls from threads,
and calls in forked processes, must give the same answers as calls one after another.
"""

from __future__ import annotations

import os
import resource
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
from all_models import as_text, model_files
from series_models import loaded_series_classifier

from gatewright import runtime
from gatewright.nn.file import write

# Growth of memory that the allocator explains.
_GROWTH = 8 * 2**20
_THREADS = 8


def memory() -> int:
    """Return the memory of this process in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def check_growth(before: int, what: str) -> None:
    """Raise an error if this process needs much more memory than before."""
    grown = memory() - before
    if grown > _GROWTH:
        raise AssertionError(f"{what} need {grown / 2**20:.1f} MB more memory")
    print(f"{what}: {grown / 2**20:+.1f} MB", flush=True)


def load_often(loads: int, folder: Path) -> None:
    """Load models of all tasks, one after another, and use each once in a while."""
    paths = []
    for number, file in enumerate(model_files()):
        paths.append(folder / f"{number}.safetensors")
        write(file, paths[-1])
    for path in paths * 3:
        as_text(runtime.load(path))
    before = memory()
    for number in range(loads):
        model = runtime.load(paths[number % len(paths)])
        if number % 10 == 0:
            as_text(model)
    check_growth(before, f"{loads:,} loads")


def step_often(steps: int) -> None:
    """Run a stream of many steps through a classifier of series, whose answer is the mean over all of them."""
    model = loaded_series_classifier(pooling="mean")
    rows = np.random.default_rng(0).normal(5, 3, (1000, 3))
    states = model.start()
    for row in rows:
        answer, states = model.step(row, states)
    first, before = answer.probabilities, memory()
    for _ in range(max(steps // len(rows) - 1, 0)):
        for row in rows:
            answer, states = model.step(row, states)
    check_growth(before, f"{steps:,} steps")
    # The same steps again and again have about the same mean.
    difference = max(abs(first[label] - p) for label, p in answer.probabilities.items())
    if not difference < 0.01:
        raise AssertionError(f"after {steps:,} steps, a probability differs by {difference}")


def call_at_once(calls: int) -> None:
    """Call models of all tasks from several threads, also for the first time, and compare with serial calls."""
    expected = [as_text(loaded(number)) for number in range(len(model_files()))]
    done = 0
    while done < calls:
        models = [loaded(number) for number in range(len(expected))]
        with ThreadPoolExecutor(_THREADS) as pool:
            found = list(pool.map(as_text, models * 4))
        if found != expected * 4:
            raise AssertionError("concurrent calls have other answers than serial ones")
        done += len(found)
    print(f"{done:,} concurrent calls: equal", flush=True)


def call_in_forks(forks: int) -> None:
    """Call models of all tasks in forked processes, while threads of this one call them too."""
    models = [loaded(number) for number in range(len(model_files()))]
    expected = [as_text(model) for model in models]
    with ThreadPoolExecutor(2) as pool:
        for fork in range(forks):
            running = pool.submit(as_text, models[fork % len(models)])
            child = os.fork()
            if not child:
                os._exit(0 if [as_text(model) for model in models] == expected else 1)
            deadline = time.monotonic() + 60
            while not (ended := os.waitpid(child, os.WNOHANG))[0]:
                if time.monotonic() > deadline:
                    os.kill(child, 9)
                    raise AssertionError(f"fork {fork} hangs")
                time.sleep(0.005)
            if ended[1] or running.result() != expected[fork % len(models)]:
                raise AssertionError(f"fork {fork} has other answers, or ended with {ended[1]}")
    print(f"{forks:,} forks: equal", flush=True)


def loaded(number: int) -> object:
    """Return one of `model_files()`, as `runtime.load` does."""
    from models import loaded as as_loaded

    return as_loaded(model_files()[number])


def main(loads: int = 10_000, steps: int = 10_000_000, calls: int = 30_000, forks: int = 120) -> None:
    """Run all checks.

    Raises:
        AssertionError: Memory grows, or answers differ.
    """
    with tempfile.TemporaryDirectory() as folder:
        load_often(loads, Path(folder))
    step_often(steps)
    call_at_once(calls)
    call_in_forks(forks)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
