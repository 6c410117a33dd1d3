"""A whole training step of a text classifier, ours beside its peers. Each runs in a process of its own, in turns.

Rows are real reviews, 32 a batch, their last 200 words, padded on the left; see `peers` for the model.
"""

from __future__ import annotations

import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gatewright.bench import peers, results, reviews, workers
from gatewright.bench.workers import OURS, TITLES, Crew, Worker, WorkerError

_STOCK = "keras-jax"
_WARM = 2  # turns that are not counted: compilation, first touch of memory, thread pools
# Every cell as it is most used; what else a layer can do, with one cell.
_COMMON = (*((cell, "plain") for cell in peers.CELLS), *(("GRU", case) for case in peers.CASES[1:]))
_ALL = tuple((cell, case) for case in peers.CASES for cell in peers.CELLS)


@dataclass(frozen=True)
class Settings:
    """What is measured, and how often."""

    rounds: int = 7  # turns of each peer that count
    steps: int = 10  # timed steps of a turn
    all_cases: bool = False
    peers: tuple[str, ...] = peers.NAMES
    tensorflow_python: str = sys.executable
    cases: tuple[tuple[str, str], ...] | None = None  # cell and case; None: as `all_cases` says

    @property
    def chosen(self) -> tuple[tuple[str, str], ...]:
        """Cell and case of each measurement."""
        return self.cases or (_ALL if self.all_cases else _COMMON)


def measure(settings: Settings) -> dict[str, Any]:
    """The result: facts, and a row for each cell, case and peer.

    Raises:
        Unavailable: there are no reviews, or no peer starts.
    """
    about = results.facts(settings)
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder, Crew() as crew:
        path = Path(folder) / "rows.npz"
        about["data"] = reviews.write_rows(path, (1 + settings.steps) * peers.BATCH)
        for name in (*settings.peers, OURS):
            python = settings.tensorflow_python if name == "keras-tensorflow" else sys.executable
            crew.start(Worker("suites.training", name, python), rows=str(path))
        crew.require_any()
        for cell, case in settings.chosen:
            rows += _measure(crew, cell, case, settings)
        about |= {"peers": crew.about, "notes": crew.notes, "idle_cpu": crew.idle_cpu}
    return {**about, "rows": rows}


def _measure(crew: Crew, cell: str, case: str, settings: Settings) -> list[dict[str, Any]]:
    """Rounds in which each worker has one turn; one row for each peer."""
    turns: dict[str, list[dict[str, float]]] = {}
    for peer, worker in crew.workers.items():
        if peer == "torch" and case == "recurrent_dropout":
            continue  # torch.nn has none
        try:
            worker.ask("build", cell=cell, case=case)
            for _ in range(_WARM):
                worker.ask("run", steps=settings.steps)
            turns[peer] = []
        except WorkerError as error:
            crew.note(f"{TITLES[peer]}, {cell}, {case} failed: {error}.")
    for number in range(settings.rounds):
        for peer in list(turns):
            time.sleep(workers.PAUSE)
            try:
                turns[peer].append(crew.workers[peer].ask("run", steps=settings.steps))
            except WorkerError as error:  # the others' rounds are still good
                del turns[peer]
                crew.note(f"{TITLES[peer]}, {cell}, {case} failed: {error}.")
        shown = ", ".join(f"{peer} {results.number(turn[-1]['ms'])}" for peer, turn in turns.items())
        workers.say(f"{cell} {case}, round {number + 1} of {settings.rounds}, ms a step: {shown}")
    rows = [_row(cell, case, peer, turns) for peer in turns]
    if sentence := _disagreement(rows):
        crew.note(sentence)
    return rows


def _row(cell: str, case: str, peer: str, turns: dict[str, list[dict[str, float]]]) -> dict[str, Any]:
    ms = {name: [turn["ms"] for turn in of_peer] for name, of_peer in turns.items()}
    low, middle, high = results.quartiles(ms[peer])
    return {
        "cell": cell,
        "case": case,
        "peer": peer,
        "ms": middle,
        "quartiles": [low, high],
        "ratio": results.median_ratio(ms[peer], ms[OURS]) if OURS in ms else None,
        "loss": turns[peer][-1]["loss"],
        "rounds": ms[peer],
    }


def _disagreement(rows: list[dict[str, Any]]) -> str | None:
    """Ours and stock start from the same weights and see the same rows: their losses must stay together."""
    loss = {row["peer"]: row["loss"] for row in rows}
    if OURS not in loss or _STOCK not in loss or abs(loss[OURS] - loss[_STOCK]) < 0.02:
        return None
    row = rows[0]
    return f"{row['cell']}, {row['case']}: the losses DIFFER, {loss[OURS]:.4f} and stock {loss[_STOCK]:.4f}."


def markdown(result: dict[str, Any]) -> str:
    """The result as a page."""
    lines = [
        (
            row["cell"],
            row["case"],
            TITLES[row["peer"]],
            results.number(row["ms"]),
            "-".join(map(results.number, row["quartiles"])),
            results.ratio(row["ratio"]),
        )
        for row in result["rows"]
    ]
    head = ("cell", "case", "peer", "ms a step", "quartiles", "peer / ours")
    return (
        f"{results.heading('Training step', result)}\n{results.table(head, lines)}\n\n"
        f"{results.idle(result)}\nRows: {result['data']}.\n{results.notes(result)}"
    ).rstrip()


def _work(name: str) -> None:
    """Be the worker of one peer."""
    import numpy as np

    peer: Any = None
    rows: Any = None

    def answer(do: str, **request: Any) -> Any:
        nonlocal peer, rows
        if do == "start":
            peer = peers.peer(name)
            rows = np.load(request["rows"])
            return peer.facts()
        if do == "build":
            return peer.build(**request)
        count = (1 + request["steps"]) * peers.BATCH  # the first batch of a turn is not timed
        seconds, loss = peer.run(rows["x"][:count], rows["y"][:count])
        return {"ms": 1e3 * seconds / request["steps"], "loss": float(loss)}

    workers.serve(answer)


if __name__ == "__main__":
    _work(workers.name_of_this())
