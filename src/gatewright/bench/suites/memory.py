"""Peak memory of training: each library trains the classifier of `training` for some steps, in a fresh process.

Word ids are random, so that no data set is needed; nearly all words of a batch differ then, more than in real texts.
"""

from __future__ import annotations

import statistics
import sys
from dataclasses import dataclass
from typing import Any

from gatewright.bench import peers, results
from gatewright.bench.workers import OURS, TITLES, Unavailable, Worker, WorkerError, name_of_this, say, serve

_MB = 2**20


@dataclass(frozen=True)
class Settings:
    """What is measured, and how often."""

    rounds: int = 1  # fresh processes of each kind
    steps: int = 12
    cells: tuple[str, ...] = peers.CELLS
    peers: tuple[str, ...] = peers.NAMES
    tensorflow_python: str = sys.executable


def measure(settings: Settings) -> dict[str, Any]:
    """The result: facts, and a row for each cell and peer.

    Raises:
        Unavailable: no peer starts.
    """
    about = results.facts(settings) | {"peers": {}, "notes": []}
    taken: dict[tuple[str, str], list[dict[str, float]]] = {}
    missing: set[str] = set()
    for number in range(settings.rounds):
        for cell in settings.cells:
            for peer in (*settings.peers, OURS):
                if peer in missing:
                    continue
                try:
                    about["peers"][peer], found = _weigh(peer, cell, settings)
                    taken.setdefault((cell, peer), []).append(found)
                    say(f"round {number + 1} of {settings.rounds}, {cell}, {peer}: {found['peak_mb']:.0f} MB")
                except WorkerError as error:
                    missing.add(peer)
                    about["notes"].append(f"{TITLES[peer]} is skipped: {error.reason}.")
                    say(about["notes"][-1])
    if not taken:
        raise Unavailable(" ".join(about["notes"]))
    return {**about, "rows": [_row(cell, peer, taken) for cell, peer in taken]}


def _weigh(peer: str, cell: str, settings: Settings) -> tuple[Any, dict[str, float]]:
    """What a fresh process says about itself, and its memory."""
    python = settings.tensorflow_python if peer == "keras-tensorflow" else sys.executable
    with Worker("suites.memory", peer, python) as worker:
        return worker.ask("start"), worker.ask("measure", cell=cell, steps=settings.steps)


def _row(cell: str, peer: str, taken: dict[tuple[str, str], list[dict[str, float]]]) -> dict[str, Any]:
    def middle(of: str, name: str) -> float:
        return statistics.median(found[name] for found in taken[cell, of])

    ours = (cell, OURS) in taken
    return {
        "cell": cell,
        "peer": peer,
        "peak_mb": middle(peer, "peak_mb"),
        "growth_mb": middle(peer, "growth_mb"),
        "peak_ratio": middle(peer, "peak_mb") / middle(OURS, "peak_mb") if ours else None,
        "growth_ratio": middle(peer, "growth_mb") / middle(OURS, "growth_mb")
        if ours and middle(OURS, "growth_mb")
        else None,
        "rounds": taken[cell, peer],
    }


def markdown(result: dict[str, Any]) -> str:
    """The result as a page."""
    lines = [
        (
            row["cell"],
            TITLES[row["peer"]],
            f"{row['peak_mb']:.0f}",
            results.ratio(row["peak_ratio"]),
            f"{row['growth_mb']:.0f}",
            results.ratio(row["growth_ratio"]),
        )
        for row in result["rows"]
    ]
    head = ("cell", "peer", "peak MB", "peer / ours", "of it since before the first step", "peer / ours")
    return (
        f"{results.heading('Peak memory of training', result)}\n{results.table(head, lines)}\n\n"
        f"Resident memory at its highest, of a fresh process, after {result['settings']['steps']} steps on random "
        f"words; MB are 2^20 bytes.\n{results.notes(result)}"
    ).rstrip()


def _peak_mb() -> float:
    """The most memory that this process has had resident."""
    try:
        # Not ru_maxrss here: what it counts begins with the memory of the process that started this one.
        with open("/proc/self/status", encoding="ascii") as lines:
            return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM")) / _MB
    except (OSError, StopIteration):
        import resource

        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most * (1 if sys.platform == "darwin" else 1024) / _MB


def _train(peer: Any, cell: str, steps: int) -> dict[str, float]:
    import numpy as np

    rng = np.random.default_rng(1)
    x = rng.integers(1, peers.WORDS, (steps * peers.BATCH, peers.LENGTH), dtype=np.int32)
    y = rng.integers(0, 2, len(x)).astype(np.float32)
    peer.build(cell, "plain")
    before = _peak_mb()
    peer.run(x, y)
    return {"peak_mb": _peak_mb(), "growth_mb": _peak_mb() - before}


def _work(name: str) -> None:
    """Be the worker of one peer."""
    peer: Any = None

    def answer(do: str, **request: Any) -> Any:
        nonlocal peer
        if do == "start":
            peer = peers.peer(name)
            return peer.facts()
        return _train(peer, **request)

    serve(answer)


if __name__ == "__main__":
    _work(name_of_this())
