"""The array libraries that a network runs on: NumPy and JAX, each with the kernels behind its recurrences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gatewright.nn.block import Array, Library, States
from gatewright.ops.recurrence import Recurrence


def _numpy_recur(
    rec: Recurrence,
    x: Array,
    weights: tuple[Array, Array, Array],
    states: States | None,
    live: Array | None,
    dropout: Array | None,
    zoned: Array | None,
    wanted: bool,
) -> tuple[Array, States]:
    from gatewright.ops import numpy as ops

    run = ops.forward(
        rec, x, *weights, initial_state=states, mask=live, recurrent_dropout_mask=dropout, zoneout_mask=zoned
    )
    return run.sequence, run.states


def _numpy_scan(
    step: Callable[..., tuple[Any, Array]], carry: Any, xs: tuple[Array, ...], length: int | None = None
) -> tuple[Any, Array]:
    given = []
    for now in zip(*xs, strict=True) if xs else [()] * (length or 0):
        carry, one = step(carry, now)
        given.append(one)
    return carry, np.stack(given)


NUMPY = Library(np, _numpy_recur, lambda x: x, _numpy_scan)


def jax_library() -> Library:
    """JAX, with the kernels behind its differentiable operations."""
    import jax
    import jax.numpy as jnp

    from gatewright.ops import jax as ops

    def recur(
        rec: Recurrence,
        x: Array,
        weights: tuple[Array, Array, Array],
        states: States | None,
        live: Array | None,
        dropout: Array | None,
        zoned: Array | None,
        wanted: bool,
    ) -> tuple[Array | None, States]:
        return ops.forward(
            rec,
            x,
            *weights,
            initial_state=states,
            mask=live,
            recurrent_dropout_mask=dropout,
            zoneout_mask=zoned,
            return_sequence=wanted,
        )

    return Library(jnp, recur, jax.lax.stop_gradient, jax.lax.scan)
