"""Stock Keras on JAX and ours over many kinds of recurrent layer, to find where ours is slow.

A row is one layer. Timed are its training step (jitted value and gradients, by weights and input, of the sum of squares
of its output) and its inference (jitted). Both programs are compiled in one process and called in turn.
"""

from __future__ import annotations

import itertools
import random
import statistics
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from typing import Any

from gatewright.bench import results
from gatewright.bench.layers import MEASURED, Case, measure_layer
from gatewright.bench.workers import Unavailable, Worker, WorkerError, say, serve

_CELLS = (("SimpleRNN", True), ("LSTM", True), ("GRU", True), ("GRU", False))
_MASKS = ("none", "left", "random")
_DROPOUTS = ("none", "recurrent", "both")
_DIRECTIONS = ("forward", "backward", "Bidirectional")
_DTYPES = ("float32", "float64")
_ACTIVATIONS = ("default", "relu/hard_sigmoid")
_DOUBTFUL = 1.1  # a ratio below it is measured again before it is reported
_AGAIN = 4  # times as many rounds then


@dataclass(frozen=True)
class Settings:
    """What is measured, and how often."""

    rounds: int = 9  # timed turns of each program
    sample: int = 24  # random combinations
    shapes: int = 20  # random odd shapes
    seed: int = 1  # of both
    peers: tuple[str, ...] = ("keras-jax",)


def chosen(settings: Settings) -> list[Case]:
    """The product of cell, mask and dropout; the rest varied one at a time; a sample of all; odd shapes."""
    plain = [Case(cell, reset_after) for cell, reset_after in _CELLS]
    product = [
        replace(case, mask=mask, dropout=dropout) for case, mask, dropout in itertools.product(plain, _MASKS, _DROPOUTS)
    ]
    others: list[dict[str, Any]] = [{"direction": d} for d in _DIRECTIONS[1:]]
    others += [{"dtype": _DTYPES[1]}, {"activation": _ACTIVATIONS[1]}, {"sequences": True}]
    single = [replace(case, **other) for case in plain for other in others]
    rng = random.Random(settings.seed)
    sampled = [_any_case(rng) for _ in range(settings.sample)]
    odd = [_any_shape(rng) for _ in range(settings.shapes)]
    return list(dict.fromkeys(product + single + sampled + odd))


def _any_case(rng: random.Random) -> Case:
    return Case(
        *rng.choice(_CELLS),
        mask=rng.choice(_MASKS),
        dropout=rng.choice(_DROPOUTS),
        direction=rng.choice(_DIRECTIONS),
        dtype=rng.choice(_DTYPES),
        activation=rng.choice(_ACTIVATIONS),
        sequences=rng.random() < 0.5,
    )


def _any_shape(rng: random.Random) -> Case:
    return Case(
        *rng.choice(_CELLS),
        batch=rng.randint(1, 70),
        time=rng.randint(1, 150),
        features=rng.randint(1, 150),
        units=rng.randint(1, 200),
        sequences=rng.random() < 0.5,
    )


def measure(settings: Settings) -> dict[str, Any]:
    """The result: facts, and a row for each layer, the worst first.

    Raises:
        Unavailable: stock Keras is not to be compared with, or nothing could be measured.
    """
    if not settings.peers:
        raise Unavailable("it compares with keras-jax alone, which was left out")
    about = results.facts(settings)
    with _Workers() as workers:
        try:
            workers.start(_DTYPES[0])
        except WorkerError as error:  # else every case would tell the same
            raise Unavailable(error.reason) from None
        rows, about["notes"] = _measure_all(workers, chosen(settings), settings.rounds, "case")
        rows = _with_doubtful_again(workers, rows, settings.rounds)
        about["versions"] = workers.facts
    if not rows:
        raise Unavailable("; ".join(about["notes"]))
    rows.sort(key=_worst_ratio)
    return {**about, "rows": rows, "verdict": verdict(rows)}


class _Workers:
    """One worker for each floating type, started when it is needed, and again if it has died."""

    def __init__(self) -> None:
        self._workers: dict[str, Worker] = {}
        self._stack = ExitStack()
        self.facts: dict[str, Any] = {}

    def __enter__(self) -> _Workers:
        return self

    def __exit__(self, *left: Any) -> None:
        self._stack.__exit__(*left)

    def measure(self, case: Case, rounds: int) -> dict[str, Any]:
        """The case's row."""
        worker = self._workers.get(case.dtype) or self.start(case.dtype)
        try:
            row = worker.ask("measure", case=asdict(case), rounds=rounds)
        except WorkerError:
            self._workers.pop(case.dtype).close()
            raise
        return {"case": asdict(case), "name": str(case), "shape": case.shape, **row}

    def start(self, dtype: str) -> Worker:
        """The worker of that type, and `facts`."""
        wide = {"JAX_ENABLE_X64": "1" if dtype == "float64" else "0"}
        worker = self._stack.enter_context(Worker("suites.cases", dtype, environment={"KERAS_BACKEND": "jax", **wide}))
        self.facts = worker.ask("start")
        self._workers[dtype] = worker
        return worker


def _ratio(row: dict[str, Any], name: str) -> float:
    return results.median_ratio(row[name]["stock"], row[name]["ours"])


def _worst_ratio(row: dict[str, Any]) -> float:
    return min(_ratio(row, name) for name in MEASURED)


def _measure_all(
    workers: _Workers, cases: list[Case], rounds: int, what: str
) -> tuple[list[dict[str, Any]], list[str]]:
    """A row for each case, and a sentence for each that failed."""
    rows, notes = [], []
    for count, case in enumerate(cases, 1):
        try:
            rows.append(workers.measure(case, rounds))
            shown = ", ".join(f"{name} {_ratio(rows[-1], name):.2f}" for name in MEASURED)
        except WorkerError as error:
            shown = f"failed: {error}"
            notes.append(f"{case}, {case.shape} {shown}")
        say(f"{what} {count} of {len(cases)}: {case}, {case.shape}: {shown}")
    return rows, notes


def _with_doubtful_again(workers: _Workers, rows: list[dict[str, Any]], rounds: int) -> list[dict[str, Any]]:
    """The rows, those whose ratio is doubtful measured again, with more rounds, after all the others."""
    doubtful = [Case(**row["case"]) for row in rows if _worst_ratio(row) < _DOUBTFUL]
    again, _ = _measure_all(workers, doubtful, _AGAIN * rounds, "again")
    by_case = {Case(**row["case"]): {**row, "measured_again": True} for row in again}
    return [by_case.get(Case(**row["case"]), row) for row in rows]


def markdown(result: dict[str, Any]) -> str:
    """The result as a page; its last line is the verdict."""
    rows = result["rows"]
    head = ["layer", "shape", "path"]
    for name in MEASURED:
        head += [f"{name}: stock ms", "ours ms", "stock / ours", "quartiles"]
    notes = "".join(f"- {note}\n" for note in [*result["notes"], *_reasons(rows)])
    return (
        f"{results.heading('Kinds of layer, stock Keras on JAX and ours', result)}\n"
        f"{results.table(head, map(_line, rows))}\n\n{notes}{_differences(rows)}\n{result['verdict']}"
    )


def _line(row: dict[str, Any]) -> list[str]:
    line = [row["name"], row["shape"], _path(row)]
    for name in MEASURED:
        of = row[name]
        low, middle, high = results.quartiles([s / o for s, o in zip(of["stock"], of["ours"], strict=True)])
        times = [results.number(statistics.median(of[who])) for who in ("stock", "ours")]
        line += [*times, f"{middle:.2f}", f"{low:.2f}-{high:.2f}"]
    return line


def _path(row: dict[str, Any]) -> str:
    slow = [name for name in MEASURED if row[name]["path"] == "slow"]
    return "fast" if not slow else "slow" if len(slow) == len(MEASURED) else f"slow in {slow[0]}"


def _reasons(rows: list[dict[str, Any]]) -> list[str]:
    """Why rows took the slow path, each reason once."""
    return sorted({row[name]["reason"] for row in rows for name in MEASURED if row[name]["reason"]})


def _differences(rows: list[dict[str, Any]]) -> str:
    worst = max(max(row[name]["difference"] for name in MEASURED) for row in rows)
    strange = [row["name"] for row in rows if any(row[name]["difference"] < 0 for name in MEASURED)]
    more = f"; not finite: {'; '.join(strange)}" if strange else ""
    return f"Largest relative difference between the results of both: {worst:.1e}{more}."


def verdict(rows: list[dict[str, Any]]) -> str:
    """The last line: how many rows are slower than stock, in training or inference, and which is worst."""
    slower = sum(_worst_ratio(row) < 1 for row in rows)
    row = min(rows, key=_worst_ratio)
    name = min(MEASURED, key=lambda measured: _ratio(row, measured))
    worst = f"{row['name']}, {row['shape']}, {name}: {_ratio(row, name):.2f}"
    return f"slower than stock: {slower} of {len(rows)} rows; worst: {worst}"


def _work() -> None:
    """Be the worker of one floating type; the environment says which."""

    def answer(do: str, **request: Any) -> Any:
        if do == "start":
            import keras  # noqa: F401  so that what is missing is named at once

            return results.kernel_facts("keras", "jax", "jaxlib")
        return measure_layer(Case(**request["case"]), request["rounds"])

    serve(answer)


if __name__ == "__main__":
    _work()
