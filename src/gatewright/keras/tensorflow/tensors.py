"""Functions of TensorFlow that create, reshape, join and index tensors."""

import builtins
import math
from typing import Any

import jax
import keras
import numpy as np
from jax import numpy as jnp
from keras import ops

from gatewright.keras.tensorflow import convert, dtypes
from gatewright.keras.tensorflow.shapes import TensorShape

newaxis = None


class _AnyTensor(type):
    """The type of `Tensor`: the arrays of JAX, and arrays of NumPy with the methods of tensors, are instances."""

    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, jax.Array) or (isinstance(instance, np.ndarray) and hasattr(instance, "numpy"))


class Tensor(metaclass=_AnyTensor):
    """A tensor, for annotations and `isinstance`."""


def constant(value: Any, dtype: Any = None, shape: Any = None, name: Any = "Const") -> Any:
    """Return `value` as a tensor. A single number fills `shape`; other values are reshaped."""
    if type(value) is int and shape is None and dtype in (None, "int32") and convert.is_compiling():
        return convert.host(value, "int32")  # a counter of a loop stays known to Python
    tensor = convert.tensor(value, dtype)
    if shape is None:
        return tensor
    sizes = convert.shape(shape)
    return ops.broadcast_to(tensor, sizes) if tensor.size == 1 else ops.reshape(tensor, sizes)


def convert_to_tensor(value: Any, dtype: Any = None, dtype_hint: Any = None, name: Any = None) -> Any:
    """Return `value` as a tensor."""
    return convert.tensor(value, dtype)


def cast(x: Any, dtype: Any, name: Any = None) -> Any:
    """Return a tensor with another dtype. Decimals are dropped where integers are asked for."""
    if isinstance(x, np.ndarray) and x.dtype.kind in "biuf":
        return ops.cast(convert.tensor(x), dtypes.available(dtype))
    tensor = convert.tensor(x)
    if convert.is_text(tensor) or dtypes.as_dtype(dtype) == "string":
        raise TypeError("tf.cast cannot convert texts. Use tf.strings.to_number or tf.strings.as_string.")
    return ops.cast(tensor, dtypes.available(dtype))


def is_tensor(x: Any) -> bool:
    """Return True for tensors, symbolic tensors and variables."""
    return isinstance(x, Tensor | keras.Variable | keras.KerasTensor)


def _static_shape(x: Any, function: str) -> tuple[int, ...]:
    sizes = tuple(x.shape) if hasattr(x, "shape") else tuple(convert.tensor(x).shape)
    if None in sizes:
        raise ValueError(
            f"{function} has no value yet for a model's input of shape {sizes}. Call it in the method call of a layer, "
            "or use x.shape."
        )
    return sizes


def shape(input: Any, out_type: Any = dtypes.int32, name: Any = None) -> Any:
    """Return the shape as a tensor of integers, whose values are known also while a step is compiled."""
    return convert.sizes(_static_shape(input, "tf.shape"))


def size(input: Any, out_type: Any = dtypes.int32, name: Any = None) -> Any:
    """Return the number of elements."""
    return convert.sizes(math.prod(_static_shape(input, "tf.size")))


def rank(input: Any, name: Any = None) -> Any:
    """Return the number of axes."""
    return convert.host(len(input.shape) if hasattr(input, "shape") else np.ndim(input), "int32")


def get_static_value(tensor: Any, partial: bool = False) -> Any:
    """Return the values as an array of NumPy, or None if they are unknown while a step is compiled."""
    return np.asarray(tensor) if convert.is_concrete(tensor) else None


def zeros(shape: Any, dtype: Any = dtypes.float32, name: Any = None, layout: Any = None) -> Any:
    """Return a tensor of zeros."""
    return fill(shape, b"", name) if dtypes.as_dtype(dtype) == "string" else ops.zeros(*_filled(shape, dtype))


def ones(shape: Any, dtype: Any = dtypes.float32, name: Any = None, layout: Any = None) -> Any:
    """Return a tensor of ones."""
    return ops.ones(*_filled(shape, dtype))


def _filled(shape: Any, dtype: Any) -> tuple[Any, str]:
    return convert.shape(shape), dtypes.available(dtype)


def fill(dims: Any, value: Any, name: Any = None, layout: Any = None) -> Any:
    """Return a tensor that has `value` everywhere."""
    tensor = convert.tensor(value)
    if convert.is_text(tensor):
        return convert.texts(np.full(convert.shape(dims), tensor.item(), object))
    return ops.broadcast_to(tensor, convert.shape(dims))


def zeros_like(input: Any, dtype: Any = None, name: Any = None, layout: Any = None) -> Any:
    """Return a tensor of zeros with the shape of `input`."""
    return ops.zeros_like(convert.tensor(input), None if dtype is None else dtypes.available(dtype))


def ones_like(input: Any, dtype: Any = None, name: Any = None, layout: Any = None) -> Any:
    """Return a tensor of ones with the shape of `input`."""
    return ops.ones_like(convert.tensor(input), None if dtype is None else dtypes.available(dtype))


def range_(start: Any, limit: Any = None, delta: Any = 1, dtype: Any = None, name: Any = "range") -> Any:
    """Return the numbers from `start` to `limit`, which is left out. With one argument they start at 0."""
    if limit is None:
        start, limit = 0, start
    if builtins.any(isinstance(x, convert.HostTensor) and x.dtype == object for x in (start, limit, delta)):
        return ops.arange(*map(convert.integer, (start, limit, delta)), dtype=dtypes.available(dtype or "int32"))
    bounds: list[Any] = [x if isinstance(x, int | float) else np.asarray(_known(x)) for x in (start, limit, delta)]
    if dtype is None:
        dtype = _common_dtype(bounds)
    numbers = np.arange(*bounds).astype(dtypes.available(dtype))
    # While a step is compiled, the numbers stay known to Python, so that loops can use them as indices.
    return convert.host(numbers) if convert.is_compiling() else convert.tensor(numbers)


def _known(value: Any) -> Any:
    return value if convert.is_concrete(value) else convert.integer(value)


def _common_dtype(values: Any) -> str:
    kinds = [convert.tensor(value).dtype.name for value in values]
    return str(np.result_type(*kinds).name) if len(set(kinds)) == 1 else str(jnp.result_type(*kinds).name)


def linspace(start: Any, stop: Any, num: Any, name: Any = None, axis: int = 0) -> Any:
    """Return `num` evenly spaced numbers from `start` to `stop`, both included."""
    start, stop = convert.tensor(start), convert.tensor(stop)
    if convert.dtype_of(start).startswith(("int", "uint")):
        start, stop = ops.cast(start, "float32"), ops.cast(stop, "float32")
    return ops.linspace(start, stop, convert.integer(num), axis=axis)


def eye(
    num_rows: Any, num_columns: Any = None, batch_shape: Any = None, dtype: Any = dtypes.float32, name: Any = None
) -> Any:
    """Return an identity matrix, or one for each element of a batch."""
    columns = None if num_columns is None else convert.integer(num_columns)
    matrix = ops.eye(convert.integer(num_rows), columns, dtype=dtypes.available(dtype))
    return matrix if batch_shape is None else ops.broadcast_to(matrix, (*convert.shape(batch_shape), *matrix.shape))


def identity(input: Any, name: Any = None) -> Any:
    """Return the tensor itself."""
    return convert.tensor(input)


def stop_gradient(input: Any, name: Any = None) -> Any:
    """Return the tensor as a constant for the computation of gradients."""
    from jax import lax  # a gradient tape replaces the function while it records

    tensor = convert.tensor(input)
    return ops.stop_gradient(tensor) if isinstance(tensor, keras.KerasTensor) else lax.stop_gradient(tensor)


def reshape(tensor: Any, shape: Any, name: Any = None) -> Any:
    """Return the elements in another shape; one size may be -1."""
    tensor, sizes = convert.tensor(tensor), convert.shape(shape)
    return np.reshape(tensor, sizes) if convert.is_text(tensor) else ops.reshape(tensor, sizes)


def ensure_shape(x: Any, shape: Any, name: Any = None) -> Any:
    """Return `x` if its shape fits; raise a `ValueError` otherwise."""
    TensorShape(x.shape).assert_is_compatible_with(shape)
    return x


def transpose(a: Any, perm: Any = None, conjugate: bool = False, name: Any = "transpose") -> Any:
    """Permute the axes; without `perm`, reverse them."""
    result = ops.transpose(convert.tensor(a), axes=None if perm is None else convert.shape(perm))
    return ops.conj(result) if conjugate else result


def expand_dims(input: Any, axis: Any, name: Any = None) -> Any:
    """Insert an axis of size 1."""
    tensor = convert.tensor(input)
    return np.expand_dims(tensor, axis) if convert.is_text(tensor) else ops.expand_dims(tensor, convert.integer(axis))


def squeeze(input: Any, axis: Any = None, name: Any = None) -> Any:
    """Remove axes of size 1: all of them, or those given."""
    axes = convert.axis(axis)
    return ops.squeeze(convert.tensor(input), axis=axes if axes != () else None)


def concat(values: Any, axis: Any, name: Any = "concat") -> Any:
    """Join tensors along an axis."""
    if isinstance(values, list | tuple) and convert.are_sizes(*values):
        return convert.host(np.concatenate([np.atleast_1d(np.asarray(x)) for x in values], axis))
    tensors = _parts(values)
    if builtins.any(map(convert.is_text, tensors)):
        return convert.texts(np.concatenate(tensors, convert.integer(axis)))
    return ops.concatenate(tensors, axis=convert.integer(axis))


def stack(values: Any, axis: Any = 0, name: Any = "stack") -> Any:
    """Join tensors along a new axis."""
    if isinstance(values, list | tuple) and convert.are_sizes(*values):
        return convert.host(np.stack([np.asarray(x) for x in values], axis))  # a shape stays known to Python
    tensors = _parts(values)
    if builtins.any(map(convert.is_text, tensors)):
        return convert.texts(np.stack(tensors, convert.integer(axis)))
    return ops.stack(tensors, axis=convert.integer(axis))


def _parts(values: Any) -> list[Any]:
    """Return the tensors of a list. Numbers of Python take the dtype of the tensors next to them."""
    if not isinstance(values, list | tuple):
        return [values[i] for i in range(values.shape[0])]
    found = [x for x in values if is_tensor(x)]
    dtype = convert.dtype_of(found[0]) if found and not convert.is_text(found[0]) else None
    return [
        convert.tensor(x) if is_tensor(x) or isinstance(x, np.ndarray) else convert.tensor(x, dtype) for x in values
    ]


def unstack(value: Any, num: Any = None, axis: int = 0, name: Any = "unstack") -> list[Any]:
    """Return the slices along an axis as a list."""
    if convert.are_sizes(value):
        return list(value)
    return list(ops.unstack(convert.tensor(value), num, axis))


def split(value: Any, num_or_size_splits: Any, axis: Any = 0, num: Any = None, name: Any = "split") -> list[Any]:
    """Return parts along an axis: a number of equal parts, or parts of the sizes given."""
    value, axis = convert.tensor(value), convert.integer(axis)
    if np.ndim(num_or_size_splits) == 0:
        count = convert.integer(num_or_size_splits)
        if value.shape[axis] % count:
            raise ValueError(f"An axis of size {value.shape[axis]} cannot be split into {count} equal parts.")
        return list(ops.split(value, count, axis=axis))
    sizes = list(convert.shape(num_or_size_splits))
    if -1 in sizes:
        sizes[sizes.index(-1)] = value.shape[axis] - builtins.sum(sizes) - 1
    return list(ops.split(value, [int(end) for end in np.cumsum(sizes)[:-1]], axis=axis))


def tile(input: Any, multiples: Any, name: Any = None) -> Any:
    """Repeat the whole tensor along each axis."""
    return ops.tile(convert.tensor(input), convert.shape(multiples))


def repeat(input: Any, repeats: Any, axis: Any = None, name: Any = None) -> Any:
    """Repeat each element along an axis; without one, of the flattened tensor."""
    counts = convert.shape(repeats) if np.ndim(repeats) else convert.integer(repeats)
    if isinstance(counts, tuple):
        counts = np.array(counts)
        return jnp.repeat(convert.tensor(input), counts, axis=axis, total_repeat_length=int(counts.sum()))
    return ops.repeat(convert.tensor(input), counts, axis=axis)


def reverse(tensor: Any, axis: Any, name: Any = None) -> Any:
    """Reverse the order along the axes given."""
    return ops.flip(convert.tensor(tensor), axis=convert.axis(axis))


def roll(input: Any, shift: Any, axis: Any, name: Any = None) -> Any:
    """Shift elements along axes; what leaves at the end comes in at the start."""
    return ops.roll(convert.tensor(input), convert.axis(shift), axis=convert.axis(axis))


def broadcast_to(input: Any, shape: Any, name: Any = None) -> Any:
    """Repeat a tensor along axes of size 1 until it has `shape`."""
    return ops.broadcast_to(convert.tensor(input), convert.shape(shape))


def pad(tensor: Any, paddings: Any, mode: str = "CONSTANT", constant_values: Any = 0, name: Any = None) -> Any:
    """Add elements before and after along each axis."""
    widths = [convert.shape(width) for width in paddings]
    extra = {"constant_values": constant_values} if mode.upper() == "CONSTANT" else {}
    return ops.pad(convert.tensor(tensor), widths, mode=mode.lower(), **extra)


def one_hot(
    indices: Any,
    depth: Any,
    on_value: Any = None,
    off_value: Any = None,
    axis: Any = None,
    dtype: Any = None,
    name: Any = None,
) -> Any:
    """Return rows that have `on_value` (1) at the index and `off_value` (0) elsewhere."""
    if dtype is None:
        given = [x for x in (on_value, off_value) if x is not None]
        dtype = convert.dtype_of(convert.tensor(given[0])) if given else "float32"
    name = dtypes.available(dtype)
    hot = ops.one_hot(convert.tensor(indices), convert.integer(depth), axis=-1 if axis is None else axis, dtype="bool")
    on, off = 1 if on_value is None else on_value, 0 if off_value is None else off_value
    return ops.cast(ops.where(hot, on, off), name)


def meshgrid(*args: Any, indexing: str = "xy", **options: Any) -> list[Any]:
    """Return coordinate matrices from coordinate vectors."""
    return list(ops.meshgrid(*map(convert.tensor, args), indexing=indexing))
