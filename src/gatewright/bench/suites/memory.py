"""Measure the peak memory of training. Each library trains the text classifier of `peers` in a new process.

The texts consist of random word ids, so that no data set is needed. A batch therefore has more different words than a
batch of real texts.
"""

import statistics
import sys
from dataclasses import dataclass
from typing import Any

from gatewright.bench import peers, tables
from gatewright.bench.facts import facts
from gatewright.bench.workers import OURS, TITLES, Unavailable, Worker, WorkerError, print_progress, serve, worker_name

_MB = 2**20


@dataclass(frozen=True)
class Settings:
    rounds: int = 1  # processes for each cell and peer
    steps: int = 12
    cells: tuple[str, ...] = peers.CELLS
    peers: tuple[str, ...] = peers.NAMES
    tensorflow_python: str = sys.executable


def measure(settings: Settings) -> dict[str, Any]:
    """Run the suite. Return a dict with facts about the machine and the run, and measurements in the list "rows".

    There is a row for each combination of recurrent cell and library.

    Raises:
        Unavailable: No worker process could be started.
    """
    result = facts(settings) | {"peers": {}, "notes": []}
    found: dict[tuple[str, str], list[dict[str, float]]] = {}
    names = [*settings.peers, OURS]
    for number in range(settings.rounds):
        for cell in settings.cells:
            for peer in list(names):
                try:
                    result["peers"][peer], memory = _measure(peer, cell, settings)
                except WorkerError as error:
                    names.remove(peer)
                    result["notes"].append(f"{TITLES[peer]} is skipped: {error.reason}.")
                    print_progress(result["notes"][-1])
                else:
                    found.setdefault((cell, peer), []).append(memory)
                    done = f"round {number + 1} of {settings.rounds}"
                    print_progress(f"{done}, {cell}, {peer}: {memory['peak_mb']:.0f} MB")
    if not found:
        raise Unavailable(" ".join(result["notes"]))
    return {**result, "rows": [summarize(cell, peer, found) for cell, peer in found]}


def _measure(peer: str, cell: str, settings: Settings) -> tuple[Any, dict[str, float]]:
    """Train in a new process. Return package versions, and the peak memory and its growth in units of 2^20 bytes."""
    python = settings.tensorflow_python if peer == "keras-tensorflow" else sys.executable
    with Worker("suites.memory", peer, python) as worker:
        return worker.request("start"), worker.request("train", cell=cell, steps=settings.steps)


def summarize(cell: str, peer: str, found: dict[tuple[str, str], list[dict[str, float]]]) -> dict[str, Any]:
    """Return the result row for a recurrent cell and the library `peer`.

    `found` contains the memory sizes of each round, with (cell, library) as keys.
    """

    def median(peer: str, name: str) -> float:
        return statistics.median(memory[name] for memory in found[cell, peer])

    def ratio(name: str) -> float | None:
        ours = median(OURS, name) if (cell, OURS) in found else 0
        return median(peer, name) / ours if ours else None

    return {
        "cell": cell,
        "peer": peer,
        "peak_mb": median(peer, "peak_mb"),
        "growth_mb": median(peer, "growth_mb"),
        "peak_ratio": ratio("peak_mb"),
        "growth_ratio": ratio("growth_mb"),
        "rounds": found[cell, peer],
    }


def markdown(result: dict[str, Any]) -> str:
    rows = [
        (
            row["cell"],
            TITLES[row["peer"]],
            f"{row['peak_mb']:.0f}",
            tables.format_ratio(row["peak_ratio"]),
            f"{row['growth_mb']:.0f}",
            tables.format_ratio(row["growth_ratio"]),
        )
        for row in result["rows"]
    ]
    return tables.page(
        "Peak memory of training",
        result,
        (
            "cell",
            "library",
            "peak MB",
            "library / Gatewright",
            "growth during training, MB",
            "library / Gatewright",
        ),
        rows,
        f"Peak resident memory of a fresh process after {result['settings']['steps']} steps on random words, and its "
        "growth since the moment before the first step. A MB is 2^20 bytes.",
    )


def _peak_mb() -> float:
    """Return the peak resident memory of this process in units of 2^20 bytes."""
    try:
        # Unlike ru_maxrss, this does not include the memory of the parent process.
        with open("/proc/self/status", encoding="ascii") as lines:
            return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM")) / _MB
    except (OSError, StopIteration):
        import resource

        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / _MB


class _Trainer:
    """The commands that a worker process handles. The attributes keep data from one command to the next."""

    def start(self) -> dict[str, Any]:
        self.peer = peers.load(worker_name())
        return self.peer.facts()

    def train(self, cell: str, steps: int) -> dict[str, float]:
        import numpy as np

        rng = np.random.default_rng(1)
        x = rng.integers(1, peers.VOCABULARY, (steps * peers.BATCH_SIZE, peers.LENGTH), dtype=np.int32)
        y = rng.integers(0, 2, len(x)).astype(np.float32)
        self.peer.build(cell, "plain")
        before = _peak_mb()
        self.peer.train(x, y)
        return {"peak_mb": _peak_mb(), "growth_mb": _peak_mb() - before}


if __name__ == "__main__":
    trainer = _Trainer()
    serve(start=trainer.start, train=trainer.train)
