"""Time a Keras layer in stock Keras and on the kernels, in the same process. The suite `cases` uses this module."""

import math
import warnings
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np

from gatewright.bench.calls import calls_for, seconds
from gatewright.bench.shape import Case
from gatewright.keras.accelerate import accelerate
from gatewright.keras.slow_path import SlowPathWarning

_DROPOUT_RATE = 0.2
_MIN_SECONDS = 0.01  # shorter programs are called several times in a row


def _layer(case: Case) -> Any:
    options: dict[str, Any] = {
        "dtype": case.dtype,
        "return_sequences": case.sequences,
        "go_backwards": case.direction == "backward",
        "dropout": _DROPOUT_RATE if case.dropout == "both" else 0.0,
        "recurrent_dropout": 0.0 if case.dropout == "none" else _DROPOUT_RATE,
        "seed": 1,
    }
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
    """Return random inputs [batch, time, features] and a mask [batch, time], which is None if the case has no mask.

    The inputs are small, so that outputs with the activation relu do not explode.
    """
    rng = np.random.default_rng(1)
    x = 0.1 * rng.standard_normal((case.batch, case.time, case.features)).astype(case.dtype)
    if case.mask == "none":
        return x, None
    if case.mask == "random":
        return x, rng.random((case.batch, case.time)) < 0.7
    padding = rng.integers(0, 1 + 3 * case.time // 4, case.batch)
    return x, np.arange(case.time) >= padding[:, None]


def _programs(case: Case) -> dict[str, tuple[Callable[..., Any], tuple[Any, ...]]]:
    """Return a function to time and its arguments for each of the keys "training" and "inference".

    The functions are not compiled yet.
    """
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


def _compile(program: Callable[..., Any], arguments: tuple[Any, ...]) -> tuple[Any, Any]:
    """Compile a function with `jax.jit` and call it once. Return the compiled function and the result of the call."""

    def fresh(*arguments: Any) -> Any:  # jit would reuse the trace of the same function
        return program(*arguments)

    jitted = jax.jit(fresh)
    return jitted, jax.block_until_ready(jitted(*arguments))  # type: ignore[no-untyped-call]


def _compile_accelerated(program: Callable[..., Any], arguments: tuple[Any, ...]) -> tuple[Any, Any, list[str]]:
    """Compile a function as `_compile` does, but under `accelerate()`.

    Return the compiled function, the result of its first call, and the messages of all `SlowPathWarning`s.
    """
    with warnings.catch_warnings(record=True) as caught, accelerate():
        warnings.simplefilter("always")
        jitted, first = _compile(program, arguments)
    return jitted, first, [str(w.message) for w in caught if issubclass(w.category, SlowPathWarning)]


def measure_layer(case: Case, rounds: int) -> dict[str, Any]:
    """Time the training step and the inference of a layer in stock Keras and on the kernels.

    The result has the keys "training" and "inference". Each value is a dict with these keys:

    - "stock" and "ours": the milliseconds per call in each round, in stock Keras and on the kernels;
    - "difference": the largest relative difference between the two results;
    - "path": "fast" if the kernels ran the layer, or "slow" if the loop of stock Keras did;
    - "reason": why the path is slow, or None.
    """
    row: dict[str, Any] = {}
    for name, (program, arguments) in _programs(case).items():
        stock, expected = _compile(program, arguments)
        ours, actual, slow = _compile_accelerated(program, arguments)
        row[name] = {
            "path": "slow" if slow else "fast",
            "reason": slow[0] if slow else None,
            "difference": _difference(expected, actual),
            **_alternate({"stock": stock, "ours": ours}, arguments, rounds),
        }
    jax.clear_caches()  # type: ignore[no-untyped-call]
    return row


def _alternate(functions: dict[str, Any], arguments: tuple[Any, ...], rounds: int) -> dict[str, list[float]]:
    """Time the functions one after another in each round. Return the milliseconds per call in each round.

    The result has the same keys as `functions`. The order of the functions is reversed in every second round.
    """
    calls = {name: calls_for(_MIN_SECONDS, _seconds(function, arguments, 1)) for name, function in functions.items()}
    times: dict[str, list[float]] = {name: [] for name in functions}
    for number in range(rounds):
        for name in list(functions)[:: -1 if number % 2 else 1]:
            times[name].append(1e3 * _seconds(functions[name], arguments, calls[name]))
    return times


def _seconds(function: Any, arguments: tuple[Any, ...], calls: int) -> float:
    return seconds(lambda: jax.block_until_ready(function(*arguments)), calls)  # type: ignore[no-untyped-call]


def _difference(expected: Any, actual: Any) -> float:
    """Return the largest relative difference between two trees of arrays, or -1 if a value is infinite or NaN.

    The differences in an array are divided by the largest absolute value of the expected array.
    """
    largest = 0.0
    for a, b in zip(jax.tree.leaves(expected), jax.tree.leaves(actual), strict=True):
        a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
        scale = max(float(np.max(np.abs(a), initial=0.0)), 1e-30)
        largest = max(largest, float(np.max(np.abs(a - b), initial=0.0)) / scale)
    return largest if math.isfinite(largest) else -1.0  # JSON has no NaN
