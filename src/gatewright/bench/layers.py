"""One recurrent layer on stock Keras and on ours, compiled and timed in one process: the worker's side of `cases`."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gatewright.bench import results

MEASURED = ("training", "inference")
_RATE = 0.2  # of dropout
_CALL_SECONDS = 0.01  # shorter programs are called several times in a row, to be timed well


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
        """Its sizes, for a table."""
        return results.shape_name(self.batch, self.time, self.features, self.units)


def _layer(case: Case) -> Any:
    import keras

    options: dict[str, Any] = {"dtype": case.dtype, "return_sequences": case.sequences, "seed": 1}
    options["recurrent_dropout"] = 0.0 if case.dropout == "none" else _RATE
    options["dropout"] = _RATE if case.dropout == "both" else 0.0
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


def _input(case: Case) -> tuple[Any, Any]:
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


def _programs(case: Case) -> dict[str, tuple[Callable[..., Any], tuple[Any, ...]]]:
    """The two functions that are timed, not yet traced, each with its arguments."""
    import jax
    import jax.numpy as jnp

    layer = _layer(case)
    x, mask = (None if array is None else jnp.asarray(array) for array in _input(case))
    fixed = [variable.value for variable in layer.non_trainable_variables]

    def loss(weights: Any, x: Any, fixed: Any, mask: Any) -> Any:
        out, new = layer.stateless_call(weights, fixed, x, mask=mask, training=True)
        return jnp.sum(out * out), new

    def infer(weights: Any, x: Any, fixed: Any, mask: Any) -> Any:
        return layer.stateless_call(weights, fixed, x, mask=mask, training=False)[0]

    arguments = ([variable.value for variable in layer.trainable_variables], x, fixed, mask)
    train = jax.value_and_grad(loss, argnums=(0, 1), has_aux=True)
    return {"training": (train, arguments), "inference": (infer, arguments)}


def _compiled(program: Callable[..., Any], arguments: tuple[Any, ...], ours: bool) -> tuple[Any, Any, list[str]]:
    """The program traced with or without `accelerate()`; its first result; why it took the slow path, if it did."""
    import jax

    import gatewright

    def fresh(*arguments: Any) -> Any:  # jit looks up what it has traced by the function itself
        return program(*arguments)

    jitted = jax.jit(fresh)
    if not ours:
        return jitted, jax.block_until_ready(jitted(*arguments)), []  # type: ignore[no-untyped-call]
    with warnings.catch_warnings(record=True) as caught, gatewright.accelerate():
        warnings.simplefilter("always")
        first = jax.block_until_ready(jitted(*arguments))  # type: ignore[no-untyped-call]
    slow = [str(w.message) for w in caught if issubclass(w.category, gatewright.SlowPathWarning)]
    return jitted, first, slow


def measure_layer(case: Case, rounds: int) -> dict[str, Any]:
    """Milliseconds of stock and ours, their relative difference, and the path, for both _programs."""
    import jax

    row: dict[str, Any] = {}
    for name, (program, arguments) in _programs(case).items():
        stock, expected, _ = _compiled(program, arguments, ours=False)
        ours, given, slow = _compiled(program, arguments, ours=True)
        row[name] = {
            "path": "slow" if slow else "fast",
            "reason": slow[0] if slow else None,
            "difference": _difference(expected, given),
            **_alternate({"stock": stock, "ours": ours}, arguments, rounds),
        }
    jax.clear_caches()  # type: ignore[no-untyped-call]
    return row


def _alternate(functions: dict[str, Any], arguments: tuple[Any, ...], rounds: int) -> dict[str, list[float]]:
    """Milliseconds a call of each function, in turns; every other round begins with the other one."""
    from gatewright.bench.calls import calls_for

    calls = {name: calls_for(_CALL_SECONDS, _seconds(function, arguments, 1)) for name, function in functions.items()}
    taken: dict[str, list[float]] = {name: [] for name in functions}
    for turn in range(rounds):
        for name in list(functions)[:: -1 if turn % 2 else 1]:
            taken[name].append(1e3 * _seconds(functions[name], arguments, calls[name]))
    return taken


def _seconds(function: Any, arguments: tuple[Any, ...], calls: int) -> float:
    import jax

    from gatewright.bench.calls import seconds

    return seconds(lambda: jax.block_until_ready(function(*arguments)), calls)  # type: ignore[no-untyped-call]


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
