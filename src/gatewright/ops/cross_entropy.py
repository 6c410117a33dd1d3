"""The cross-entropy of a linear layer with a softmax, as a differentiable function of JAX arrays.

The logits of all rows together never exist: rows are computed in chunks. The forward pass of a training step also
computes the gradients, while the logits of a chunk are in the cache, so that they are computed only once.
"""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from gatewright.ops.ids import on_cpu_only
from gatewright.ops.jax import Array  # the module also registers the kernels

# The logits of a chunk (12 MB in float32) fit into a third-level cache. Products of fewer rows are slow, because they
# read and write arrays of the kernel's size for each chunk.
_CHUNK_VALUES, _CHUNK_ROWS = 3 << 20, 128
# A factor that all rows share, as a multiple of the rounding error of one number.
_EQUAL = 4


def chunks(rows: int, ids: int) -> tuple[int, int]:
    """Return the number of chunks, and the number of rows in a chunk (in the last one, some may be missing)."""
    size = max(_CHUNK_VALUES // ids, _CHUNK_ROWS)
    count = max(1, -(-rows // size))
    return count, -(-rows // count)


def losses(x: Array, kernel: Array, bias: Array, targets: Array, live: Array, tied: bool = False) -> Array:
    """Return the cross-entropy of the target of each row, -log softmax(x W + b)[target] in nats, [rows].

    Args:
        x: Features, [rows, features].
        kernel: W, [features, ids]; [ids, features] if `tied`.
        bias: b, [ids].
        targets: Ids [rows]. The loss of a target that is not an id is NaN.
        live: Booleans [rows]. The loss of a row with False is 0, and it is not computed.
        tied: True if the kernel has a row for each id, like the table of an embedding.
    """
    x, kernel, bias, live = map(jnp.asarray, (x, kernel, bias, live))
    found: Array = _losses(tied, x, kernel, bias, jnp.asarray(targets, jnp.int32), live)
    return found


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _losses(tied: bool, x: Array, kernel: Array, bias: Array, targets: Array, live: Array) -> Array:
    return _passed(tied, False, x, kernel, bias, targets, live.astype(x.dtype))[0]


def _forward(tied: bool, x: Array, kernel: Array, bias: Array, targets: Array, live: Array) -> tuple[Array, Any]:
    found, *gradients = _passed(tied, True, x, kernel, bias, targets, live.astype(x.dtype))
    return found, (x, kernel, bias, targets, live, gradients)


def _backward(tied: bool, saved: Any, by_losses: Array) -> tuple[Array | None, ...]:
    """Return the gradients, given those by the losses.

    The saved gradients are those of the sum of the losses. The gradients of other sums are a multiple of them if the
    gradients by the losses of all live rows are equal, as in the training of a language model; otherwise the gradients
    of the weights are computed again.
    """
    x, kernel, bias, targets, live, (d_x, d_kernel, d_bias) = saved
    by_losses = jnp.where(live, by_losses, 0)
    common = by_losses[jnp.argmax(live)] if len(live) else jnp.zeros((), x.dtype)
    spread = jnp.abs(jnp.where(live, by_losses - common, 0)).max(initial=0)
    rounding = jnp.finfo(x.dtype).eps  # type: ignore[no-untyped-call]
    equal = spread <= _EQUAL * rounding * jnp.abs(common)

    def again() -> tuple[Array, Array]:
        return _passed(tied, True, x, kernel, bias, targets, by_losses)[2:]

    d_kernel, d_bias = lax.cond(equal, lambda: (d_kernel, d_bias), again)
    factor = jnp.where(equal, common, 1)
    return by_losses[:, None] * d_x, factor * d_kernel, factor * d_bias, None, None


_losses.defvjp(_forward, _backward)


@jax.custom_vjp
def whole_losses(x: Array, kernel: Array, bias: Array, targets: Array) -> Array:
    """Return the cross-entropy of each target, -log softmax(x W + b)[target] in nats, [...].

    As `losses`, but for weights of the losses that differ, such as 0 at padding: the gradient by the logits of all rows
    is kept, instead of the gradients of the sum of the losses.

    Args:
        x: Features, [..., features].
        kernel: W, [features, ids].
        bias: b, [ids].
        targets: Ids [...]. The loss of a target that is not an id is NaN.
    """
    return _whole(x, kernel, bias, targets, False)[0]


def _whole(x: Array, kernel: Array, bias: Array, targets: Array, gradients: bool) -> tuple[Array, Array]:
    logits = jnp.matmul(x, kernel).reshape(-1, len(bias))
    weights = jnp.ones(len(logits), logits.dtype)
    found, d_logits = _softmax(logits, bias, jnp.asarray(targets, jnp.int32).reshape(-1), weights, gradients)
    return found.reshape(targets.shape), d_logits


def _whole_forward(x: Array, kernel: Array, bias: Array, targets: Array) -> tuple[Array, Any]:
    found, d_logits = _whole(x, kernel, bias, targets, True)
    return found, (x, kernel, d_logits)


def _whole_backward(saved: Any, by_losses: Array) -> tuple[Array | None, ...]:
    x, kernel, d_logits = saved
    rows, g = x.reshape(-1, x.shape[-1]), by_losses.reshape(-1)
    # The gradients by the losses scale the small factors, not the logits' gradient. XLA shares d.T @ x among its
    # threads better than x.T @ d.
    d_x = g[:, None] * (d_logits @ kernel.T)
    return d_x.reshape(x.shape), (d_logits.T @ (g[:, None] * rows)).T, g @ d_logits, None


whole_losses.defvjp(_whole_forward, _whole_backward)


def _passed(
    tied: bool, gradients: bool, x: Array, kernel: Array, bias: Array, targets: Array, weights: Array
) -> tuple[Array, ...]:
    """Return the losses, and with `gradients`, the gradients of their weighted sum by x, the kernel and the bias.

    Rows of weight 0 have the loss 0 and are not computed.
    """
    (rows, features), ids = x.shape, len(bias)
    count, size = chunks(rows, ids)

    def chunk(x: Array, targets: Array, weights: Array) -> tuple[Array, ...]:
        logits = x @ (kernel.T if tied else kernel)
        found, d = _softmax(logits, bias, targets, weights, gradients)
        if not gradients:
            return (found,)
        # XLA shares d.T @ x among its threads better than x.T @ d.
        return found, d @ (kernel if tied else kernel.T), d.T @ x, jnp.ones(len(d), d.dtype) @ d

    def result(found: Array, *by: Array) -> tuple[Array, ...]:
        return (found, by[0], by[1] if tied else by[1].T, by[2]) if by else (found,)

    if count == 1:
        return result(*chunk(x, targets, weights))
    order = jnp.argsort(weights == 0, stable=True)
    place = jnp.argsort(order)
    missing = count * size - rows
    x, targets = jnp.pad(x[order], ((0, missing), (0, 0))), jnp.pad(targets[order], (0, missing))
    weights = jnp.pad(weights[order], (0, missing))
    live = (weights != 0).sum()

    def step(index: Array, done: tuple[Array, ...]) -> tuple[Array, ...]:
        part = [lax.dynamic_slice_in_dim(array, index * size, size) for array in (x, targets, weights)]
        found = chunk(*part)
        by_row = [
            lax.dynamic_update_slice_in_dim(all_rows, new, index * size, 0)
            for all_rows, new in zip(done[:2], found[:2], strict=False)
        ]
        return *by_row, *(total + new for total, new in zip(done[2:], found[2:], strict=True))

    start: tuple[Array, ...] = (jnp.zeros(count * size, x.dtype),)
    if gradients:
        start = (*start, jnp.zeros_like(x), jnp.zeros((ids, features), x.dtype), jnp.zeros_like(bias))
    found = lax.fori_loop(0, -(-live // size), step, start)
    return result(*(array[place] for array in found[:2]), *found[2:])


def _softmax(logits: Array, bias: Array, targets: Array, weights: Array, gradients: bool) -> tuple[Array, Array]:
    """Return the loss of each row, and with `gradients`, weight times the gradients by the logits.

    Args:
        logits: The logits [rows, ids], to which the bias is still to be added.
        bias, targets, weights: See `_passed`.
        gradients: False returns any array in place of the gradients.
    """
    if logits.dtype not in (jnp.float32, jnp.float64):
        return _softmax_without_kernel(logits, bias, targets, weights)
    if on_cpu_only():
        return _softmax_by_kernel(logits, bias, targets, weights, gradients)
    return lax.platform_dependent(  # type: ignore[no-any-return]
        logits,
        bias,
        targets,
        weights,
        cpu=partial(_softmax_by_kernel, gradients=gradients),
        default=partial(_softmax_without_kernel, gradients=gradients),
    )


def _softmax_by_kernel(
    logits: Array, bias: Array, targets: Array, weights: Array, gradients: bool
) -> tuple[Array, Array]:
    results = [
        jax.ShapeDtypeStruct(shape, logits.dtype)  # type: ignore[no-untyped-call]
        for shape in ((len(logits),), logits.shape if gradients else (0,))
    ]
    in_place = {0: 1} if gradients else {}
    handler = jax.ffi.ffi_call("gatewright_softmax", results, vmap_method="sequential", input_output_aliases=in_place)
    found, d = handler(logits, bias, targets, weights)
    return found, d


def _softmax_without_kernel(
    logits: Array, bias: Array, targets: Array, weights: Array, gradients: bool = True
) -> tuple[Array, Array]:
    logs = jax.nn.log_softmax(logits + bias)
    own = jnp.take_along_axis(logs, targets[:, None], axis=1)[:, 0]
    found = jnp.where(weights == 0, 0, -own)
    if not gradients:
        return found, jnp.zeros(0, logits.dtype)
    d = jnp.exp(logs) - (jnp.arange(len(bias)) == targets[:, None])
    return found, jnp.where((weights == 0)[:, None], 0, weights[:, None] * d)
