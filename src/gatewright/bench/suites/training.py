"""Time a training step of a text classifier, compared with other libraries. The module `peers` describes the model.

Each library runs in its own process, and the processes take turns. A batch contains the last 200 words of 32 real
reviews. Shorter reviews are padded on the left.
"""

import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gatewright.bench import instruction_sets, peers, reviews, tables
from gatewright.bench.facts import facts
from gatewright.bench.workers import OURS, OURS_BF16, TITLES, Worker, WorkerPool, print_progress, serve, worker_name

_STOCK = "keras-jax"
_WARM_UP_TURNS = 2  # not counted: compilation, first use of memory, start of thread pools
# Every cell in the plain case, and GRU in every other case.
_COMMON_CASES = (*((cell, "plain") for cell in peers.CELLS), *(("GRU", case) for case in peers.CASES[1:]))
_ALL_CASES = tuple((cell, case) for case in peers.CASES for cell in peers.CELLS)


@dataclass(frozen=True)
class Settings:
    rounds: int = 7
    steps: int = 10  # timed steps per turn
    all_cases: bool = False
    common_cases: tuple[tuple[str, str], ...] = _COMMON_CASES  # cell and case
    instruction_sets: tuple[str, ...] = field(default_factory=instruction_sets.measured)
    peers: tuple[str, ...] = (*peers.NAMES, OURS_BF16)
    tensorflow_python: str = sys.executable


def measure(settings: Settings) -> dict[str, Any]:
    """Run the suite. Return a dict with facts about the machine and the run, and measurements in the list "rows".

    There is a row for each combination of instruction set, recurrent cell, case and library. With a limited instruction
    set, Gatewright is compared only with libraries that can be limited, too.

    Raises:
        Unavailable: The reviews cannot be read, or no worker process could be started.
    """
    result = facts(settings) | {"notes": [], "peers": {}, "idle_cpu": {}, "rows": []}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "texts.npz"
        result["data"] = reviews.write_texts(path, (1 + settings.steps) * peers.BATCH_SIZE)
        for name in settings.instruction_sets:
            _measure_with(name, path, settings, result)
    return result


def _measure_with(instruction_set: str, texts: Path, settings: Settings, result: dict[str, Any]) -> None:
    """Measure all cells and cases with an instruction set, and add rows and facts to `result`."""
    names = [*settings.peers, OURS]
    if instruction_sets.is_limited(instruction_set):
        names = [name for name in names if name in (*instruction_sets.LIMITED_PEERS, OURS)]
    with WorkerPool() as pool:
        pool.start((_worker(name, instruction_set, settings) for name in names), texts=str(texts))
        cases = _ALL_CASES if settings.all_cases else settings.common_cases
        for cell, case in cases:
            rows = _measure(pool, cell, case, settings, instruction_set)
            result["rows"] += [{"instruction_set": instruction_set, **row} for row in rows]
        summary = pool.summary()
    result["notes"] += summary["notes"]
    for name in ("peers", "idle_cpu"):
        result[name] = summary[name] | result[name]


def _worker(name: str, instruction_set: str, settings: Settings) -> Worker:
    python = settings.tensorflow_python if name == "keras-tensorflow" else sys.executable
    return Worker("suites.training", name, python, instruction_sets.environment(instruction_set))


def _measure(pool: WorkerPool, cell: str, case: str, settings: Settings, instruction_set: str) -> list[dict[str, Any]]:
    """Time a recurrent cell in a case, and return a row for each library. The libraries take turns in each round."""
    label = f"{instruction_set}, {cell}, {case}"
    # torch.nn has no recurrent dropout.
    supporting = [peer for peer in pool.workers if not (peer == "torch" and case == "recurrent_dropout")]
    turns: dict[str, list[dict[str, float]]] = {
        peer: [] for peer in pool.request_each(supporting, label, "build", cell=cell, case=case)
    }
    for number in range(_WARM_UP_TURNS + settings.rounds):
        latest = pool.request_each(turns, label, "train", steps=settings.steps)
        turns = {peer: [*turns[peer], turn] for peer, turn in latest.items()}
        shown = ", ".join(f"{peer} {tables.format_number(turn['ms'])}" for peer, turn in latest.items())
        done = f"round {number + 1 - _WARM_UP_TURNS} of {settings.rounds}" if number >= _WARM_UP_TURNS else "warm-up"
        print_progress(f"{label}, {done}, ms per step: {shown}")
    counted = {peer: of_peer[_WARM_UP_TURNS:] for peer, of_peer in turns.items()}
    rows = [summarize(cell, case, peer, counted) for peer in counted]
    if sentence := disagreement(rows):
        pool.add_note(sentence)
    return rows


def summarize(cell: str, case: str, peer: str, turns: dict[str, list[dict[str, float]]]) -> dict[str, Any]:
    """Return the row of the library `peer` for a recurrent cell and a case.

    `turns` has the measurements of each round, with libraries as keys.
    """
    ms = {name: [turn["ms"] for turn in of_peer] for name, of_peer in turns.items()}
    low, middle, high = tables.quartiles(ms[peer])
    return {
        "cell": cell,
        "case": case,
        "peer": peer,
        "ms": middle,
        "quartiles": [low, high],
        "ratio": tables.median_ratio(ms[peer], ms[OURS]) if OURS in ms else None,
        "loss": turns[peer][-1]["loss"],
        "rounds": ms[peer],
    }


def disagreement(rows: list[dict[str, Any]]) -> str | None:
    """Return a note if the losses of Gatewright and stock Keras differ by 0.02 or more, or else None.

    Both libraries start with the same weights and train on the same texts. Therefore the losses must be almost equal.
    """
    loss = {row["peer"]: row["loss"] for row in rows}
    if OURS not in loss or _STOCK not in loss or abs(loss[OURS] - loss[_STOCK]) < 0.02:
        return None
    row = rows[0]
    return f"{row['cell']}, {row['case']}: the losses DIFFER, {loss[OURS]:.4f} and in stock Keras {loss[_STOCK]:.4f}."


def markdown(result: dict[str, Any]) -> str:
    rows = [
        (
            row["instruction_set"],
            row["cell"],
            row["case"],
            TITLES[row["peer"]],
            tables.format_number(row["ms"]),
            tables.format_range(row["quartiles"]),
            tables.format_ratio(row["ratio"]),
        )
        for row in result["rows"]
    ]
    return tables.page(
        "Training step",
        result,
        ("instructions", "cell", "case", "library", "ms per step", "quartiles", "library / Gatewright"),
        rows,
        f"{tables.idle_sentence(result)}\nTexts: {result['data']}.\n"
        "Where the instruction set is not the widest one of the processor, XLA is limited to it, too "
        "(`--xla_cpu_max_isa`).",
    )


class _Trainer:
    """The commands that a worker process handles. The attributes keep data from one command to the next."""

    def start(self, texts: str) -> dict[str, Any]:
        import numpy as np

        self.peer = peers.load(worker_name())
        self.texts = np.load(texts)
        return self.peer.facts()

    def build(self, cell: str, case: str) -> None:
        self.peer.build(cell, case)

    def train(self, steps: int) -> dict[str, float]:
        count = (1 + steps) * peers.BATCH_SIZE  # the first batch of a turn is not timed
        seconds, loss = self.peer.train(self.texts["x"][:count], self.texts["y"][:count])
        return {"ms": 1e3 * seconds / steps, "loss": float(loss)}


if __name__ == "__main__":
    trainer = _Trainer()
    serve(start=trainer.start, build=trainer.build, train=trainer.train)
