"""Times stock Keras on JAX and ours over many kinds of recurrent layer, to find where ours is slow.

    python benchmarks/cases.py

A row is one layer. Timed are its training step (jitted value and gradients, by weights and input, of the sum of squares
of its output) and its inference (jitted). Both programs are compiled in one process and called in turn.
"""

import argparse
import itertools
import math
import random
import statistics
import time
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import common

CELLS = (("SimpleRNN", True), ("LSTM", True), ("GRU", True), ("GRU", False))
MASKS = ("none", "left", "random")
DROPOUTS = ("none", "recurrent", "both")
DIRECTIONS = ("forward", "backward", "Bidirectional")
DTYPES = ("float32", "float64")
ACTIVATIONS = ("default", "relu/hard_sigmoid")
RATE = 0.2
MEASURED = ("training", "inference")
DOUBTFUL = 1.1  # a ratio below it is measured again before it is reported
AGAIN = 4  # times as many repeats then
CALL_SECONDS = 0.01  # shorter programs are called several times in a row, to be timed well


@dataclass(frozen=True)
class Case:
    """One recurrent layer and the input that it is timed on."""

    cell: str
    reset_after: bool
    mask: str = "none"
    dropout: str = "none"
    direction: str = "forward"
    dtype: str = "float32"
    activation: str = "default"
    batch: int = 32
    time: int = 200
    features: int = 128
    units: int = 128
    sequences: bool = False

    def __str__(self) -> str:
        """What differs from the plain layer, and the shape."""
        plain = Case(self.cell, self.reset_after)
        words = [self.cell if self.reset_after else f"{self.cell} reset before"]
        words += [f"mask {self.mask}"] if self.mask != "none" else []
        words += [f"dropout {self.dropout}"] if self.dropout != "none" else []
        names = ("direction", "dtype", "activation")
        words += [getattr(self, name) for name in names if getattr(self, name) != getattr(plain, name)]
        words += ["sequences"] if self.sequences else []
        return ", ".join(words)

    @property
    def shape(self) -> str:
        return f"{self.batch}x{self.time}x{self.features} to {self.units}"


# ---- which cases ---------------------------------------------------------------------------------------------


def chosen(sample: int, shapes: int, seed: int) -> list[Case]:
    """The product of cell, mask and dropout; the rest varied one at a time; a sample of all; odd shapes."""
    plain = [Case(cell, reset_after) for cell, reset_after in CELLS]
    product = [
        replace(case, mask=mask, dropout=dropout) for case, mask, dropout in itertools.product(plain, MASKS, DROPOUTS)
    ]
    others = [{"direction": d} for d in DIRECTIONS[1:]]
    others += [{"dtype": DTYPES[1]}, {"activation": ACTIVATIONS[1]}, {"sequences": True}]
    single = [replace(case, **other) for case in plain for other in others]
    rng = random.Random(seed)
    sampled = [_any_case(rng) for _ in range(sample)]
    odd = [_any_shape(rng) for _ in range(shapes)]
    return list(dict.fromkeys(product + single + sampled + odd))


def _any_case(rng: random.Random) -> Case:
    return Case(
        *rng.choice(CELLS),
        mask=rng.choice(MASKS),
        dropout=rng.choice(DROPOUTS),
        direction=rng.choice(DIRECTIONS),
        dtype=rng.choice(DTYPES),
        activation=rng.choice(ACTIVATIONS),
        sequences=rng.random() < 0.5,
    )


def _any_shape(rng: random.Random) -> Case:
    return Case(
        *rng.choice(CELLS),
        batch=rng.randint(1, 70),
        time=rng.randint(1, 150),
        features=rng.randint(1, 150),
        units=rng.randint(1, 200),
        sequences=rng.random() < 0.5,
    )


# ---- worker --------------------------------------------------------------------------------------------------


def build_layer(case: Case) -> Any:
    import keras

    options: dict[str, Any] = {"dtype": case.dtype, "return_sequences": case.sequences, "seed": 1}
    options["recurrent_dropout"] = 0.0 if case.dropout == "none" else RATE
    options["dropout"] = RATE if case.dropout == "both" else 0.0
    options["go_backwards"] = case.direction == "backward"
    if case.activation != "default":
        options["activation"] = "relu"
        if case.cell != "SimpleRNN":
            options["recurrent_activation"] = "hard_sigmoid"
    if case.cell == "GRU":
        options["reset_after"] = case.reset_after
    keras.utils.set_random_seed(1)
    layer = getattr(keras.layers, case.cell)(case.units, **options)
    if case.direction == "Bidirectional":
        layer = keras.layers.Bidirectional(layer, dtype=case.dtype)
    layer.build((case.batch, case.time, case.features))
    return layer


def build_input(case: Case) -> tuple[Any, Any]:
    """Inputs [batch, time, features], small enough for relu, and their mask or None."""
    import numpy as np

    rng = np.random.default_rng(1)
    x = 0.1 * rng.standard_normal((case.batch, case.time, case.features)).astype(case.dtype)
    if case.mask == "none":
        return x, None
    if case.mask == "random":
        return x, rng.random((case.batch, case.time)) < 0.7
    padding = rng.integers(0, 1 + 3 * case.time // 4, case.batch)
    return x, np.arange(case.time) >= padding[:, None]


def programs(case: Case) -> dict[str, tuple[Callable[..., Any], tuple[Any, ...]]]:
    """The two functions that are timed, not yet traced, each with its arguments."""
    import jax
    import jax.numpy as jnp

    layer = build_layer(case)
    x, mask = (None if array is None else jnp.asarray(array) for array in build_input(case))
    fixed = [variable.value for variable in layer.non_trainable_variables]

    def loss(weights: Any, x: Any, fixed: Any, mask: Any) -> Any:
        out, new = layer.stateless_call(weights, fixed, x, mask=mask, training=True)
        return jnp.sum(out * out), new

    def infer(weights: Any, x: Any, fixed: Any, mask: Any) -> Any:
        return layer.stateless_call(weights, fixed, x, mask=mask, training=False)[0]

    arguments = ([variable.value for variable in layer.trainable_variables], x, fixed, mask)
    train = jax.value_and_grad(loss, argnums=(0, 1), has_aux=True)
    return {"training": (train, arguments), "inference": (infer, arguments)}


def compiled(program: Callable[..., Any], arguments: tuple[Any, ...], ours: bool) -> tuple[Any, Any, list[str]]:
    """The program traced with or without `accelerate()`; its first result; why it took the slow path, if it did."""
    import jax

    import gatewright

    def fresh(*arguments: Any) -> Any:  # jit looks up what it has traced by the function itself
        return program(*arguments)

    jitted = jax.jit(fresh)
    if not ours:
        return jitted, jax.block_until_ready(jitted(*arguments)), []
    with warnings.catch_warnings(record=True) as caught, gatewright.accelerate():
        warnings.simplefilter("always")
        first = jax.block_until_ready(jitted(*arguments))
    slow = [str(w.message) for w in caught if issubclass(w.category, gatewright.SlowPathWarning)]
    return jitted, first, slow


def measure(case: Case, repeats: int) -> dict[str, Any]:
    """Milliseconds of stock and ours, their relative difference, and the path, for both programs."""
    import jax

    row: dict[str, Any] = {}
    for name, (program, arguments) in programs(case).items():
        stock, expected, _ = compiled(program, arguments, ours=False)
        ours, given, slow = compiled(program, arguments, ours=True)
        row[name] = {
            "path": "slow" if slow else "fast",
            "reason": slow[0] if slow else None,
            "difference": _difference(expected, given),
            **alternate({"stock": stock, "ours": ours}, arguments, repeats),
        }
    jax.clear_caches()
    return row


def alternate(functions: dict[str, Any], arguments: tuple[Any, ...], repeats: int) -> dict[str, list[float]]:
    """Milliseconds a call of each function, in turns; every other round begins with the other one."""
    calls = {
        name: max(1, math.ceil(CALL_SECONDS / _seconds(function, arguments, 1))) for name, function in functions.items()
    }
    taken: dict[str, list[float]] = {name: [] for name in functions}
    for turn in range(repeats):
        for name in list(functions)[:: -1 if turn % 2 else 1]:
            taken[name].append(1e3 * _seconds(functions[name], arguments, calls[name]))
    return taken


def _seconds(function: Any, arguments: tuple[Any, ...], calls: int) -> float:
    import jax

    start = time.perf_counter()
    for _ in range(calls):
        jax.block_until_ready(function(*arguments))
    return (time.perf_counter() - start) / calls


def _difference(expected: Any, given: Any) -> float:
    """The largest difference between two results, relative to the largest value of the array it is in."""
    import jax
    import numpy as np

    worst = 0.0
    for a, b in zip(jax.tree.leaves(expected), jax.tree.leaves(given), strict=True):
        a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
        scale = max(float(np.max(np.abs(a), initial=0.0)), 1e-30)
        worst = max(worst, float(np.max(np.abs(a - b), initial=0.0)) / scale)
    return worst if math.isfinite(worst) else -1.0  # JSON has no NaN


def work() -> None:
    """Be the worker of one floating type; the environment says which."""

    def answer(do: str, **request: Any) -> Any:
        if do == "start":
            import keras  # noqa: F401 (here, so that what is missing is named at once)

            return common.versions("gatewright", "keras", "jax", "jaxlib") | common.kernel_facts()
        return measure(Case(**request["case"]), request["repeats"])

    common.serve(answer)


# ---- the run -------------------------------------------------------------------------------------------------


class Workers:
    """One worker for each floating type, started when it is needed, and again if it has died."""

    def __init__(self) -> None:
        self._workers: dict[str, common.Worker] = {}
        self.facts: dict[str, Any] = {}

    def measure(self, case: Case, repeats: int) -> dict[str, Any]:
        if case.dtype not in self._workers:
            wide = {"JAX_ENABLE_X64": "1" if case.dtype == "float64" else "0"}
            worker = common.Worker(__file__, case.dtype, environment={"KERAS_BACKEND": "jax", **wide})
            self._workers[case.dtype] = worker
            self.facts = worker.ask("start")
        try:
            row = self._workers[case.dtype].ask("measure", case=asdict(case), repeats=repeats)
        except common.WorkerError:
            self._workers.pop(case.dtype).close()
            raise
        return {"case": asdict(case), "name": str(case), "shape": case.shape, **row}

    def close(self) -> None:
        for worker in self._workers.values():
            worker.close()


def ratio(row: dict[str, Any], name: str) -> float:
    return common.median_ratio(row[name]["stock"], row[name]["ours"])


def worst_ratio(row: dict[str, Any]) -> float:
    return min(ratio(row, name) for name in MEASURED)


def measure_all(workers: Workers, cases: list[Case], repeats: int, what: str) -> tuple[list[dict[str, Any]], list[str]]:
    """A row for each case, and a sentence for each that failed."""
    rows, notes = [], []
    for count, case in enumerate(cases, 1):
        try:
            rows.append(workers.measure(case, repeats))
            shown = ", ".join(f"{name} {ratio(rows[-1], name):.2f}" for name in MEASURED)
        except common.WorkerError as error:
            shown = f"failed: {error}"
            notes.append(f"{case}, {case.shape} {shown}")
        common.say(f"{what} {count} of {len(cases)}: {case}, {case.shape}: {shown}")
    return rows, notes


def with_doubtful_again(workers: Workers, rows: list[dict[str, Any]], repeats: int) -> list[dict[str, Any]]:
    """The rows, those whose ratio is doubtful measured again, with more repeats, after all the others."""
    doubtful = [Case(**row["case"]) for row in rows if worst_ratio(row) < DOUBTFUL]
    again, _ = measure_all(workers, doubtful, AGAIN * repeats, "again")
    by_case = {Case(**row["case"]): {**row, "measured_again": True} for row in again}
    return [by_case.get(Case(**row["case"]), row) for row in rows]


def markdown(about: dict[str, Any], rows: list[dict[str, Any]]) -> str:
    head = ["layer", "shape", "path"]
    for name in MEASURED:
        head += [f"{name}: stock ms", "ours ms", "stock / ours", "quartiles"]
    notes = "".join(f"- {note}\n" for note in [*about["notes"], *_reasons(rows)])
    return (
        f"{common.heading('Kinds of layer, stock Keras on JAX and ours', about)}\n"
        f"{common.table(head, map(_line, rows))}\n\n{notes}{_differences(rows)}\n{verdict(rows)}"
    )


def _line(row: dict[str, Any]) -> list[str]:
    line = [row["name"], row["shape"], _path(row)]
    for name in MEASURED:
        of = row[name]
        low, middle, high = common.quartiles([s / o for s, o in zip(of["stock"], of["ours"], strict=True)])
        times = [common.number(statistics.median(of[who])) for who in ("stock", "ours")]
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
    slower = sum(worst_ratio(row) < 1 for row in rows)
    row = min(rows, key=worst_ratio)
    name = min(MEASURED, key=lambda measured: ratio(row, measured))
    worst = f"{row['name']}, {row['shape']}, {name}: {ratio(row, name):.2f}"
    return f"slower than stock: {slower} of {len(rows)} rows; worst: {worst}"


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=9, help="timed turns of each program (default 9)")
    parser.add_argument("--sample", type=int, default=24, help="random combinations (default 24)")
    parser.add_argument("--shapes", type=int, default=20, help="random odd shapes (default 20)")
    parser.add_argument("--seed", type=int, default=1, help="of the random cases (default 1)")
    parser.add_argument("--only", default="", help="just the cases whose description contains this")
    parser.add_argument("--limit", type=int, help="just so many cases, taken evenly")
    parser.add_argument("--out", type=Path, default=common.RESULTS / "cases.json")
    parser.add_argument("--worker", choices=DTYPES, help=argparse.SUPPRESS)
    return parser.parse_args()


def run(options: argparse.Namespace) -> None:
    names = ("repeats", "sample", "shapes", "seed", "only", "limit")
    about = common.facts({name: getattr(options, name) for name in names})
    cases = [c for c in chosen(options.sample, options.shapes, options.seed) if options.only in f"{c}, {c.shape}"]
    if options.limit:
        cases = cases[:: max(1, math.ceil(len(cases) / options.limit))]
    workers = Workers()
    try:
        rows, about["notes"] = measure_all(workers, cases, options.repeats, "case")
        rows = with_doubtful_again(workers, rows, options.repeats)
    finally:
        workers.close()
    about["versions"] = workers.facts
    if not rows:
        raise SystemExit("Nothing was measured: " + ("; ".join(about["notes"]) or "no case is left by --only."))
    rows.sort(key=worst_ratio)
    common.publish(options.out, markdown(about, rows), {**about, "rows": rows, "verdict": verdict(rows)})


if __name__ == "__main__":
    given = parse()
    if given.worker:
        work()
    else:
        run(given)
