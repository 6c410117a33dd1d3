"""The two backends, NumPy and JAX. Both run recurrences with the compiled kernels."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from gatewright.nn.layer import Array, Backend, States
from gatewright.ops.recurrence import Recurrence

# Logits that are computed at a time (8 MB in float32), so that those of all rows never exist.
_CHUNK_VALUES = 1 << 21


def _numpy_recur(
    rec: Recurrence,
    x: Array,
    weights: tuple[Array, Array, Array],
    states: States | None,
    mask: Array | None,
    dropout: Array | None,
    held: Array | None,
    return_sequence: bool,
) -> tuple[Array | None, States]:
    from gatewright.ops import numpy as ops
    from gatewright.ops.packed import packed_once

    packed = packed_once(rec, *weights) if dropout is None and held is None else None
    if packed is not None:
        return packed.sequence(x, states, mask=mask, return_sequence=return_sequence)
    run = ops.forward(
        rec, x, *weights, initial_state=states, mask=mask, recurrent_dropout_mask=dropout, zoneout_mask=held
    )
    return run.sequence, run.states


def _numpy_scan(
    step: Callable[..., tuple[Any, Array]], carry: Any, xs: tuple[Array, ...], length: int | None = None
) -> tuple[Any, Array]:
    outputs = []
    for elements in zip(*xs, strict=True) if xs else [()] * (length or 0):
        carry, output = step(carry, elements)
        outputs.append(output)
    return carry, np.stack(outputs)


def _numpy_losses(x: Array, kernel: Array, bias: Array, targets: Array, live: Array, tied: bool) -> Array:
    found, places = np.zeros(len(x), x.dtype), np.flatnonzero(live)
    for first in range(0, len(places), rows := max(1, _CHUNK_VALUES // len(bias))):
        chunk = places[first : first + rows]
        logits = x[chunk] @ (kernel.T if tied else kernel) + bias
        own, top = logits[np.arange(len(chunk)), targets[chunk]], logits.max(axis=1)
        found[chunk] = top - own + np.log(np.exp(logits - top[:, None]).sum(axis=1))
    return found


NUMPY = Backend(np, _numpy_recur, lambda x: x, _numpy_scan, _numpy_losses)


def jax_backend(precision: str = "float32") -> Backend:
    """Return the JAX backend. Gradients of a forward pass with this backend can be computed with `jax.grad`.

    Args:
        precision: Of the products of all recurrences; see `gatewright.ops.recurrence.Recurrence`.
    """
    import jax
    import jax.numpy as jnp

    from gatewright.ops import cross_entropy
    from gatewright.ops import jax as ops

    def recur(
        rec: Recurrence,
        x: Array,
        weights: tuple[Array, Array, Array],
        states: States | None,
        mask: Array | None,
        dropout: Array | None,
        held: Array | None,
        return_sequence: bool,
    ) -> tuple[Array | None, States]:
        return ops.forward(
            replace(rec, precision=precision),
            x,
            *weights,
            initial_state=states,
            mask=mask,
            recurrent_dropout_mask=dropout,
            zoneout_mask=held,
            return_sequence=return_sequence,
        )

    return Backend(jnp, recur, jax.lax.stop_gradient, jax.lax.scan, cross_entropy.losses)
