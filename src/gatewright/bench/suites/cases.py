"""Time recurrent layers with many combinations of options in stock Keras and on the kernels.

The suite finds the layers for which the kernels are slow. Each row of the result is one layer. Two functions, compiled
with `jax.jit`, are timed. The training step computes the sum of the squared outputs and the gradients of this sum with
respect to weights and inputs. Inference computes the outputs. The versions for stock Keras and for the kernels are
compiled in the same process and called alternately.
"""

import itertools
import random
import statistics
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Self

from gatewright.bench import instruction_sets, tables
from gatewright.bench.facts import facts, kernel_facts
from gatewright.bench.shape import Case
from gatewright.bench.workers import Unavailable, Worker, WorkerError, print_progress, serve

_CELLS = (("SimpleRNN", True), ("LSTM", True), ("GRU", True), ("GRU", False))
_MASKS = ("none", "left", "random")
_DROPOUTS = ("none", "recurrent", "both")
_DIRECTIONS = ("forward", "backward", "Bidirectional")
_DTYPES = ("float32", "float64")
_ACTIVATIONS = ("default", "relu/hard_sigmoid")
_MEASURED = ("training", "inference")
_DOUBTFUL_RATIO = 1.1  # rows with a lower ratio are measured again
_REPEAT_FACTOR = 4  # with this many times the rounds


@dataclass(frozen=True)
class Settings:
    rounds: int = 9
    sample: int = 24  # random combinations of options
    shapes: int = 20  # random shapes
    seed: int = 1
    instruction_sets: tuple[str, ...] = field(default_factory=instruction_sets.measured)
    peers: tuple[str, ...] = ("keras-jax",)


def all_cases(settings: Settings) -> list[Case]:
    """Return all layers to measure, without duplicates.

    The list has all combinations of recurrent cell, mask and dropout, each cell with one other option changed, random
    combinations of options, and random sizes.
    """
    plain = [Case(cell, reset_after) for cell, reset_after in _CELLS]
    product = [
        replace(case, mask=mask, dropout=dropout) for case, mask, dropout in itertools.product(plain, _MASKS, _DROPOUTS)
    ]
    options: list[dict[str, Any]] = [{"direction": direction} for direction in _DIRECTIONS[1:]]
    options += [{"dtype": _DTYPES[1]}, {"activation": _ACTIVATIONS[1]}, {"sequences": True}]
    single = [replace(case, **option) for case in plain for option in options]
    rng = random.Random(settings.seed)
    drawn = [_random_options(rng) for _ in range(settings.sample)]
    drawn += [_random_shape(rng) for _ in range(settings.shapes)]
    return list(dict.fromkeys(product + single + drawn))


def _random_options(rng: random.Random) -> Case:
    return Case(
        *rng.choice(_CELLS),
        mask=rng.choice(_MASKS),
        dropout=rng.choice(_DROPOUTS),
        direction=rng.choice(_DIRECTIONS),
        dtype=rng.choice(_DTYPES),
        activation=rng.choice(_ACTIVATIONS),
        sequences=rng.random() < 0.5,
    )


def _random_shape(rng: random.Random) -> Case:
    return Case(
        *rng.choice(_CELLS),
        batch=rng.randint(1, 70),
        time=rng.randint(1, 150),
        features=rng.randint(1, 150),
        units=rng.randint(1, 200),
        sequences=rng.random() < 0.5,
    )


def measure(settings: Settings) -> dict[str, Any]:
    """Time all layers. Return a dict with facts about the machine and the run, and "rows".

    There is a row for each layer and instruction set. The rows are sorted: first the layer for which Gatewright is
    slowest relative to stock Keras.

    Raises:
        Unavailable: Keras on JAX is not available, or no layer could be measured.
    """
    if not settings.peers:
        raise Unavailable("it needs keras-jax, which --peers leaves out")
    result = facts(settings)
    rows, notes = [], []
    for name in settings.instruction_sets:
        with _Workers(name) as workers:
            try:
                workers.start(_DTYPES[0])
            except WorkerError as error:  # otherwise every case would report the same error
                raise Unavailable(error.reason) from None
            measured, failed = _measure_all(workers, all_cases(settings), settings.rounds, f"{name}, case")
            measured = _measure_doubtful_again(workers, measured, settings.rounds)
            rows += [{"instruction_set": name, **row} for row in measured]
            notes += [f"{name}: {note}" for note in failed]
            result["versions"] = workers.facts | result.get("versions", {})
    result["notes"] = notes
    if not rows:
        raise Unavailable("; ".join(notes))
    rows.sort(key=_lowest_ratio)
    return {**result, "rows": rows, "verdict": verdict(rows)}


class _Workers:
    """Worker processes with an instruction set, one for each dtype.

    Each is started when it is first needed, and again after a failure.
    """

    def __init__(self, instruction_set: str) -> None:
        self._environment = {"KERAS_BACKEND": "jax", **instruction_sets.environment(instruction_set)}
        self._workers: dict[str, Worker] = {}
        self._stack = ExitStack()
        self.facts: dict[str, Any] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: Any) -> None:
        self._stack.__exit__(*error)

    def measure(self, case: Case, rounds: int) -> dict[str, Any]:
        """Time a layer in `rounds` rounds and return a row of the result with the times.

        Raises:
            WorkerError: The measurement failed.
        """
        worker = self._workers.get(case.dtype) or self.start(case.dtype)
        try:
            row = worker.request("measure", case=asdict(case), rounds=rounds)
        except WorkerError:
            self._workers.pop(case.dtype).close()
            raise
        return {"case": asdict(case), "name": str(case), "shape": str(case.shape), **row}

    def start(self, dtype: str) -> Worker:
        """Start the worker for a dtype and return it. Store the package versions of the worker in `facts`."""
        environment = {**self._environment, "JAX_ENABLE_X64": "1" if dtype == "float64" else "0"}
        worker = self._stack.enter_context(Worker("suites.cases", dtype, environment=environment))
        self.facts = worker.request("start")
        self._workers[dtype] = worker
        return worker


def _ratio(row: dict[str, Any], name: str) -> float:
    return tables.median_ratio(row[name]["stock"], row[name]["ours"])


def _lowest_ratio(row: dict[str, Any]) -> float:
    return min(_ratio(row, name) for name in _MEASURED)


def _measure_all(
    workers: _Workers, cases: list[Case], rounds: int, label: str
) -> tuple[list[dict[str, Any]], list[str]]:
    """Time the layers `cases`. Return a row for each measured layer, and a note for each layer that failed.

    `label` is the start of the progress lines.
    """
    rows, notes = [], []
    for count, case in enumerate(cases, 1):
        try:
            rows.append(workers.measure(case, rounds))
            outcome = ", ".join(f"{name} {_ratio(rows[-1], name):.2f}" for name in _MEASURED)
        except WorkerError as error:
            outcome = f"failed: {error}"
            notes.append(f"{case}, {case.shape} {outcome}")
        print_progress(f"{label} {count} of {len(cases)}: {case}, {case.shape}: {outcome}")
    return rows, notes


def _measure_doubtful_again(workers: _Workers, rows: list[dict[str, Any]], rounds: int) -> list[dict[str, Any]]:
    """Return `rows` after a second measurement, with more rounds, of the layers that are not clearly faster."""
    doubtful = [Case(**row["case"]) for row in rows if _lowest_ratio(row) < _DOUBTFUL_RATIO]
    again, _ = _measure_all(workers, doubtful, _REPEAT_FACTOR * rounds, "again")
    by_case = {Case(**row["case"]): {**row, "measured_again": True} for row in again}
    return [by_case.get(Case(**row["case"]), row) for row in rows]


def markdown(result: dict[str, Any]) -> str:
    """Return the result as a Markdown page, which ends with the result of `verdict`."""
    rows = result["rows"]
    header = ["instructions", "layer", "shape", "path"]
    for name in _MEASURED:
        header += [f"{name}: stock ms", "Gatewright ms", "stock / Gatewright", "quartiles"]
    notes = "".join(f"- {note}\n" for note in [*result["notes"], *_slow_path_reasons(rows)])
    return (
        f"{tables.heading('Kinds of layer, on stock Keras on JAX and on Gatewright', result)}\n"
        f"{tables.table(header, map(_line, rows))}\n\n{notes}{_differences(rows)}\n{result['verdict']}"
    )


def _line(row: dict[str, Any]) -> list[str]:
    line = [row["instruction_set"], row["name"], row["shape"], _path(row)]
    for name in _MEASURED:
        times = row[name]
        low, middle, high = tables.quartiles([s / o for s, o in zip(times["stock"], times["ours"], strict=True)])
        line += [tables.format_number(statistics.median(times[program])) for program in ("stock", "ours")]
        line += [f"{middle:.2f}", f"{low:.2f}-{high:.2f}"]
    return line


def _path(row: dict[str, Any]) -> str:
    slow = [name for name in _MEASURED if row[name]["path"] == "slow"]
    return "fast" if not slow else "slow" if len(slow) == len(_MEASURED) else f"slow in {slow[0]}"


def _slow_path_reasons(rows: list[dict[str, Any]]) -> list[str]:
    """Return the reasons why layers run on the slower loop of stock Keras, without duplicates."""
    return sorted({row[name]["reason"] for row in rows for name in _MEASURED if row[name]["reason"]})


def _differences(rows: list[dict[str, Any]]) -> str:
    largest = max(max(row[name]["difference"] for name in _MEASURED) for row in rows)
    infinite = [row["name"] for row in rows if any(row[name]["difference"] < 0 for name in _MEASURED)]
    more = f"; not finite: {'; '.join(infinite)}" if infinite else ""
    return f"Largest relative difference of the results: {largest:.1e}{more}."


def verdict(rows: list[dict[str, Any]]) -> str:
    """Return a sentence for the end of the page.

    It gives the number of layers that are slower than in stock Keras, in training or in inference, and the slowest
    layer.
    """
    slower = sum(_lowest_ratio(row) < 1 for row in rows)
    row = min(rows, key=_lowest_ratio)
    name = min(_MEASURED, key=lambda measured: _ratio(row, measured))
    worst = f"{row['instruction_set']}, {row['name']}, {row['shape']}, {name}: {_ratio(row, name):.2f}"
    return f"slower than stock: {slower} of {len(rows)} rows; worst: {worst}"


def _start() -> dict[str, Any]:
    import keras  # noqa: F401  a missing package is reported at the start

    instruction_sets.choose()
    return kernel_facts("keras", "jax", "jaxlib")


def _measure_case(case: dict[str, Any], rounds: int) -> dict[str, Any]:
    from gatewright.bench.layers import measure_layer

    return measure_layer(Case(**case), rounds)


if __name__ == "__main__":
    serve(start=_start, measure=_measure_case)
