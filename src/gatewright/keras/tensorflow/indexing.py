"""Functions of TensorFlow that select and replace elements."""

from typing import Any

import jax
from jax import numpy as jnp
from keras import ops

from gatewright.keras.tensorflow import convert, dtypes
from gatewright.keras.tensorflow.reductions import known


def where(condition: Any, x: Any = None, y: Any = None, name: Any = None) -> Any:
    """Return elements of `x` where the condition is true and of `y` elsewhere; without them, the true indices."""
    condition = convert.tensor(condition)
    if (x is None) != (y is None):
        raise ValueError("tf.where takes x and y, or neither of them.")
    if x is None:
        known("tf.where with one argument", condition)
        return jnp.argwhere(condition)
    return ops.where(condition, *convert.operands(x, y))


def gather(
    params: Any, indices: Any, validate_indices: Any = None, axis: Any = None, batch_dims: int = 0, name: Any = None
) -> Any:
    """Return the slices of `params` at the indices along an axis."""
    params, indices = convert.tensor(params), convert.tensor(indices)
    if convert.is_text(params):
        return params[indices.__array__()]
    batch_dims = batch_dims + len(indices.shape) if batch_dims < 0 else batch_dims
    axis = batch_dims if axis is None else convert.integer(axis) % len(params.shape)
    take: Any = lambda p, i: ops.take(p, i, axis=axis - batch_dims)  # noqa: E731
    for _ in range(batch_dims):
        take = jax.vmap(take)
    return take(params, indices)


def gather_nd(params: Any, indices: Any, batch_dims: int = 0, name: Any = None) -> Any:
    """Return the slices of `params` at positions: the last axis of `indices` is one position."""

    def select(p: Any, i: Any) -> Any:
        return p[tuple(jnp.moveaxis(i, -1, 0))]

    for _ in range(batch_dims):
        select = jax.vmap(select)
    return select(convert.tensor(params), convert.tensor(indices))


def boolean_mask(tensor: Any, mask: Any, axis: Any = None, name: str = "boolean_mask") -> Any:
    """Return the elements where `mask` is true."""
    tensor, mask = convert.tensor(tensor), convert.tensor(mask, "bool")
    known("tf.boolean_mask", mask)
    return tensor[(slice(None),) * (axis or 0) + (mask.__array__(),)]


def slice_(input_: Any, begin: Any, size: Any, name: Any = None) -> Any:
    """Return the part that starts at `begin`; a size of -1 reaches to the end."""
    tensor = convert.tensor(input_)
    if not convert.is_concrete(begin):
        return jax.lax.dynamic_slice(tensor, list(begin), convert.shape(size))
    starts, sizes = convert.shape(begin), convert.shape(size)
    return tensor[tuple(slice(b, None if s == -1 else b + s) for b, s in zip(starts, sizes, strict=True))]


def strided_slice(
    input_: Any, begin: Any, end: Any, strides: Any = None, begin_mask: int = 0, end_mask: int = 0,
    ellipsis_mask: int = 0, new_axis_mask: int = 0, shrink_axis_mask: int = 0, var: Any = None, name: Any = None,
) -> Any:  # fmt: skip
    """Return the part from `begin` to `end` in steps of `strides`; the masks are bits, one for each axis."""
    if ellipsis_mask or new_axis_mask:
        raise ValueError("tf.strided_slice is served without ellipsis_mask and new_axis_mask. Write x[..., None].")
    starts, ends = convert.shape(begin), convert.shape(end)
    steps = convert.shape(strides) if strides is not None else (1,) * len(starts)
    parts: list[Any] = []
    for i, (b, e, s) in enumerate(zip(starts, ends, steps, strict=True)):
        bit = 1 << i
        part = slice(None if begin_mask & bit else b, None if end_mask & bit else e, s)
        parts.append(b if shrink_axis_mask & bit else part)
    return convert.tensor(input_)[tuple(parts)]


def _scatter(name: str, method: str) -> Any:
    def function(tensor: Any, indices: Any, updates: Any, name: Any = None) -> Any:
        tensor, indices = convert.tensor(tensor), convert.tensor(indices)
        at = tensor.at[tuple(jnp.moveaxis(indices, -1, 0))]
        return getattr(at, method)(convert.tensor(updates, convert.dtype_of(tensor)))

    return convert.named(function, __name__, name, f"Return a copy of the tensor with `{method}` at positions.")


tensor_scatter_nd_update = _scatter("tensor_scatter_nd_update", "set")
tensor_scatter_nd_add = _scatter("tensor_scatter_nd_add", "add")
tensor_scatter_nd_sub = _scatter("tensor_scatter_nd_sub", "subtract")
tensor_scatter_nd_max = _scatter("tensor_scatter_nd_max", "max")
tensor_scatter_nd_min = _scatter("tensor_scatter_nd_min", "min")


def scatter_nd(indices: Any, updates: Any, shape: Any, name: Any = None) -> Any:
    """Return zeros with `updates` added at positions."""
    updates = convert.tensor(updates)
    return tensor_scatter_nd_add(jnp.zeros(convert.shape(shape), updates.dtype), indices, updates)


def sequence_mask(lengths: Any, maxlen: Any = None, dtype: Any = dtypes.bool_, name: Any = None) -> Any:
    """Return True for the steps before each length."""
    lengths = convert.tensor(lengths)
    if maxlen is None:
        known("tf.sequence_mask without maxlen", lengths)
        maxlen = int(lengths.max()) if lengths.size else 0
    steps = ops.arange(convert.integer(maxlen), dtype="int32")
    return ops.cast(ops.less(steps, ops.expand_dims(lengths, -1)), dtypes.available(dtype))


def reverse_sequence(
    input: Any, seq_lengths: Any, seq_axis: Any = None, batch_axis: Any = None, name: Any = None
) -> Any:
    """Reverse the first steps of each sequence; the steps after its length stay."""
    tensor = jnp.moveaxis(convert.tensor(input), (batch_axis or 0, seq_axis or 0), (0, 1))
    lengths = convert.tensor(seq_lengths)[:, None]
    steps = jnp.arange(tensor.shape[1])[None]
    source = jnp.where(steps < lengths, lengths - 1 - steps, steps)
    source = source.reshape(source.shape + (1,) * (tensor.ndim - 2))
    return jnp.moveaxis(jnp.take_along_axis(tensor, source, axis=1), (0, 1), (batch_axis or 0, seq_axis or 0))


def searchsorted(
    sorted_sequence: Any, values: Any, side: str = "left", out_type: Any = dtypes.int32, name: Any = None
) -> Any:
    """Return the positions at which the values keep the sequence sorted."""
    search: Any = lambda s, v: jnp.searchsorted(s, v, side=side)  # noqa: E731
    sequence, values = convert.tensor(sorted_sequence), convert.tensor(values)
    for _ in range(sequence.ndim - 1):
        search = jax.vmap(search)
    return ops.cast(search(sequence, values), dtypes.available(out_type))
