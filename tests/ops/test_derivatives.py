"""Derivatives of every order and mode: those of the kernels equal those of the fallback."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from tolerances import assert_close

jax = pytest.importorskip("jax")
import jax.numpy as jnp  # noqa: E402

from gatewright.ops import derivatives  # noqa: E402
from gatewright.ops import jax as ops  # noqa: E402
from gatewright.ops.recurrence import Recurrence, Tokens  # noqa: E402

RNG = np.random.default_rng(0)
X = RNG.normal(size=(3, 4, 2)).astype(np.float32)
WEIGHTS = [RNG.normal(size=shape).astype(np.float32) / 2 for shape in ((2, 12), (3, 12), (12,))]
MASK = np.array([[1, 1, 0, 1], [0, 1, 1, 1], [1, 1, 1, 1]], bool)
LSTM = Recurrence("lstm", reverse=True)


@pytest.fixture
def _warned(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not warn again in a test of values."""
    monkeypatch.setattr(derivatives, "_warned", True)


def loss(x: Any, implementation: Any) -> Any:
    out, states = ops.forward(LSTM, x, *WEIGHTS, mask=MASK, implementation=implementation)
    return jnp.sin(out).sum() + (states[1] ** 2).sum()


TRANSFORMS: dict[str, Callable[[Any], Any]] = {
    "jvp": lambda f: jax.jvp(f, (X,), (X,))[1],
    "jacfwd": lambda f: jax.jacfwd(f)(X),
    "jacfwd of jacfwd": lambda f: jax.jacfwd(jax.jacfwd(f))(X),
    "grad of jvp": lambda f: jax.grad(lambda x: jax.jvp(f, (x,), (x,))[1])(X),
    "hessian": lambda f: jax.hessian(f)(X),
    "grad of grad": lambda f: jax.grad(lambda x: (jax.grad(f)(x) ** 2).sum())(X),
    "third order": lambda f: jax.grad(lambda x: jax.grad(lambda y: (jax.grad(f)(y) ** 2).sum())(x).sum())(X),
    "grad of vmap": lambda f: jax.grad(lambda x: jax.vmap(f)(jnp.stack([x, 2 * x])).sum())(X),
    "vmap of grad": lambda f: jax.vmap(jax.grad(f))(jnp.stack([X, 2 * X])),
    "checkpoint": lambda f: jax.grad(jax.checkpoint(f))(X),
    "grad of scan": lambda f: jax.grad(lambda x: jax.lax.scan(lambda c, k: (c + f(k * x), None), 0.0, jnp.ones(2))[0])(
        X
    ),
}


@pytest.mark.parametrize(
    "name",
    [
        name if name in ("jvp", "hessian", "grad of vmap") else pytest.param(name, marks=pytest.mark.slow)
        for name in TRANSFORMS
    ],
)
@pytest.mark.usefixtures("_warned")
def test_every_derivative_equals_that_of_the_fallback(name: str) -> None:
    found, expected = (
        jax.jit(lambda how=how: TRANSFORMS[name](lambda x: loss(x, how)))() for how in ("kernel", "scan")
    )
    assert_close(found, expected, "gradient", np.float32, terms=20)


@pytest.mark.usefixtures("_warned")
def test_second_derivatives_by_a_table_and_the_weights() -> None:
    ids = RNG.integers(0, 5, (3, 4))
    table = RNG.normal(size=(5, 2)).astype(np.float32)

    def product(implementation: Any) -> Any:
        def f(operands: Any) -> Any:
            table, *weights = operands
            out, _ = ops.forward(LSTM, Tokens(ids, table), *weights, implementation=implementation)
            return jnp.sin(out).sum()

        operands = [table, *WEIGHTS]
        return jax.jit(lambda o: jax.jvp(jax.grad(f), (o,), (o,))[1])(operands)

    for one, other in zip(product("kernel"), product("scan"), strict=True):
        assert_close(one, other, "gradient", np.float32, terms=20)


def test_a_slow_derivative_warns_once_and_a_first_gradient_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(derivatives, "_warned", False)
    jax.grad(loss)(X, "kernel")  # pytest turns a warning into an error
    with pytest.warns(derivatives.SlowDerivativeWarning, match="second order, or in forward mode") as caught:
        jax.jit(lambda x: jax.jvp(jax.grad(lambda y: loss(y, "kernel")), (x,), (x,)))(X)
    assert len(caught) == 1
    assert caught[0].filename == __file__
