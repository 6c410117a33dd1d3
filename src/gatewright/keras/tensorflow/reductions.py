"""Functions of TensorFlow that reduce, sort, accumulate and count along axes."""

from typing import Any, NamedTuple

import keras
import numpy as np
from jax import numpy as jnp
from keras import ops

from gatewright.keras.tensorflow import convert, dtypes


def _is_integer(tensor: Any) -> bool:
    return "int" in convert.dtype_of(tensor)


def _same_dtype(op: Any, input_tensor: Any, axis: Any, keepdims: bool) -> Any:
    """Reduce, and return the dtype of the input, as TensorFlow does."""
    if convert.are_sizes(input_tensor):
        return convert.host(getattr(np, op.__name__)(input_tensor, axis=convert.axis(axis), keepdims=keepdims))
    tensor = convert.tensor(input_tensor)
    result = op(tensor, axis=convert.axis(axis), keepdims=keepdims)
    dtype = convert.dtype_of(tensor)
    return result if convert.dtype_of(result) == dtype else ops.cast(result, dtype)


def reduce_sum(input_tensor: Any, axis: Any = None, keepdims: bool = False, name: Any = None) -> Any:
    """Return the sum along axes."""
    return _same_dtype(ops.sum, input_tensor, axis, keepdims)


def reduce_prod(input_tensor: Any, axis: Any = None, keepdims: bool = False, name: Any = None) -> Any:
    """Return the product along axes."""
    return _same_dtype(ops.prod, input_tensor, axis, keepdims)


def reduce_max(input_tensor: Any, axis: Any = None, keepdims: bool = False, name: Any = None) -> Any:
    """Return the maximum along axes."""
    return _same_dtype(ops.max, input_tensor, axis, keepdims)


def reduce_min(input_tensor: Any, axis: Any = None, keepdims: bool = False, name: Any = None) -> Any:
    """Return the minimum along axes."""
    return _same_dtype(ops.min, input_tensor, axis, keepdims)


def reduce_mean(input_tensor: Any, axis: Any = None, keepdims: bool = False, name: Any = None) -> Any:
    """Return the mean along axes; the mean of integers is an integer, without its decimals."""
    return _same_dtype(ops.mean, input_tensor, axis, keepdims)


def reduce_variance(input_tensor: Any, axis: Any = None, keepdims: bool = False, name: Any = None) -> Any:
    """Return the variance along axes."""
    return ops.var(_floating(input_tensor, "tf.math.reduce_variance"), axis=convert.axis(axis), keepdims=keepdims)


def reduce_std(input_tensor: Any, axis: Any = None, keepdims: bool = False, name: Any = None) -> Any:
    """Return the standard deviation along axes."""
    return ops.std(_floating(input_tensor, "tf.math.reduce_std"), axis=convert.axis(axis), keepdims=keepdims)


def _floating(value: Any, function: str) -> Any:
    tensor = convert.tensor(value)
    if _is_integer(tensor) or convert.dtype_of(tensor) == "bool":
        raise TypeError(f"{function} takes floating-point numbers, not {convert.dtype_of(tensor)}. Use tf.cast first.")
    return tensor


def reduce_logsumexp(input_tensor: Any, axis: Any = None, keepdims: bool = False, name: Any = None) -> Any:
    """Return log(sum(exp(x))) along axes."""
    return ops.logsumexp(convert.tensor(input_tensor), axis=convert.axis(axis), keepdims=keepdims)


def reduce_euclidean_norm(input_tensor: Any, axis: Any = None, keepdims: bool = False, name: Any = None) -> Any:
    """Return the Euclidean norm along axes."""
    return ops.sqrt(ops.sum(ops.square(convert.tensor(input_tensor)), axis=convert.axis(axis), keepdims=keepdims))


def reduce_any(input_tensor: Any, axis: Any = None, keepdims: bool = False, name: Any = None) -> Any:
    """Return True where any element along the axes is true."""
    return ops.any(convert.tensor(input_tensor), axis=convert.axis(axis), keepdims=keepdims)


def reduce_all(input_tensor: Any, axis: Any = None, keepdims: bool = False, name: Any = None) -> Any:
    """Return True where all elements along the axes are true."""
    return ops.all(convert.tensor(input_tensor), axis=convert.axis(axis), keepdims=keepdims)


def argmax(input: Any, axis: Any = None, output_type: Any = None, name: Any = None) -> Any:
    """Return the index of the maximum along an axis, by default the first axis."""
    return _index(ops.argmax, input, axis, output_type)


def argmin(input: Any, axis: Any = None, output_type: Any = None, name: Any = None) -> Any:
    """Return the index of the minimum along an axis, by default the first axis."""
    return _index(ops.argmin, input, axis, output_type)


def _index(op: Any, input: Any, axis: Any, output_type: Any) -> Any:
    result = op(convert.tensor(input), axis=0 if axis is None else convert.integer(axis))
    return result if output_type is None else ops.cast(result, dtypes.available(output_type))


def sort(values: Any, axis: int = -1, direction: str = "ASCENDING", name: Any = None) -> Any:
    """Return the values in order along an axis."""
    ordered = ops.sort(convert.tensor(values), axis=axis)
    return ops.flip(ordered, axis=axis) if _descending(direction) else ordered


def argsort(values: Any, axis: int = -1, direction: str = "ASCENDING", stable: bool = False, name: Any = None) -> Any:
    """Return the indices that order the values along an axis. Equal values keep their order."""
    return ops.cast(jnp.argsort(convert.tensor(values), axis=axis, descending=_descending(direction)), "int32")


def _descending(direction: str) -> bool:
    if direction not in ("ASCENDING", "DESCENDING"):
        raise ValueError(f"direction must be 'ASCENDING' or 'DESCENDING', not {direction!r}.")
    return direction == "DESCENDING"


class TopK(NamedTuple):
    """The largest values along the last axis, and their indices."""

    values: Any
    indices: Any


def top_k(input: Any, k: Any = 1, sorted: bool = True, index_type: Any = dtypes.int32, name: Any = None) -> TopK:
    """Return the `k` largest values along the last axis, and their indices."""
    return TopK(*ops.top_k(convert.tensor(input), convert.integer(k), sorted=sorted))


def in_top_k(targets: Any, predictions: Any, k: Any, name: Any = None) -> Any:
    """Return True where the target is among the `k` highest predictions."""
    return ops.in_top_k(convert.tensor(targets), convert.tensor(predictions), convert.integer(k))


def cumsum(x: Any, axis: Any = 0, exclusive: bool = False, reverse: bool = False, name: Any = None) -> Any:
    """Return the running sum along an axis."""
    return _running(ops.cumsum, 0, x, axis, exclusive, reverse)


def cumprod(x: Any, axis: Any = 0, exclusive: bool = False, reverse: bool = False, name: Any = None) -> Any:
    """Return the running product along an axis."""
    return _running(ops.cumprod, 1, x, axis, exclusive, reverse)


def _running(op: Any, first: int, x: Any, axis: Any, exclusive: bool, reverse: bool) -> Any:
    tensor, axis = convert.tensor(x), convert.integer(axis)
    tensor = ops.flip(tensor, axis=axis) if reverse else tensor
    if exclusive:
        axis %= len(tensor.shape)
        keep = tuple(slice(None, -1) if i == axis else slice(None) for i in range(len(tensor.shape)))
        widths = [(1, 0) if i == axis else (0, 0) for i in range(len(tensor.shape))]
        tensor = ops.pad(tensor[keep], widths, constant_values=first)
    result = ops.cast(op(tensor, axis=axis), convert.dtype_of(tensor))
    return ops.flip(result, axis=axis) if reverse else result


def count_nonzero(input: Any, axis: Any = None, keepdims: Any = None, dtype: Any = None, name: Any = None) -> Any:
    """Return the number of elements that are not zero."""
    flags = ops.cast(ops.not_equal(convert.tensor(input), 0), "int32")
    result = ops.sum(flags, axis=convert.axis(axis), keepdims=bool(keepdims))
    return result if dtype is None else ops.cast(result, dtypes.available(dtype))


def bincount(
    arr: Any,
    weights: Any = None,
    minlength: Any = None,
    maxlength: Any = None,
    dtype: Any = dtypes.int32,
    name: Any = None,
) -> Any:
    """Count how often each integer occurs."""
    values = convert.tensor(arr).reshape(-1)
    known("tf.math.bincount", values)
    if maxlength is not None:
        weights = None if weights is None else convert.tensor(weights).reshape(-1)[values < maxlength]
        values = values[values < maxlength]
    counts = jnp.bincount(values, weights, minlength=minlength or 0)
    return counts if weights is not None else ops.cast(counts, dtypes.available(dtype))


def confusion_matrix(
    labels: Any,
    predictions: Any,
    num_classes: Any = None,
    weights: Any = None,
    dtype: Any = dtypes.int32,
    name: Any = None,
) -> Any:
    """Count the pairs of label (row) and prediction (column)."""
    labels, predictions = (convert.tensor(x).reshape(-1) for x in (labels, predictions))
    if num_classes is None:
        known("tf.math.confusion_matrix", (labels, predictions))
        num_classes = int(jnp.maximum(labels.max(), predictions.max())) + 1
    amount = 1 if weights is None else convert.tensor(weights, dtype)
    zeros = jnp.zeros((num_classes, num_classes), dtypes.available(dtype))
    return zeros.at[labels.astype("int32"), predictions.astype("int32")].add(amount)


class Unique(NamedTuple):
    """The distinct values in the order of their first occurrence, and the position of each element among them."""

    y: Any
    idx: Any


class UniqueWithCounts(NamedTuple):
    """The distinct values, the position of each element among them, and how often each occurs."""

    y: Any
    idx: Any
    count: Any


def unique_with_counts(x: Any, out_idx: Any = dtypes.int32, name: Any = None) -> UniqueWithCounts:
    """Return the distinct values in the order of their first occurrence, with positions and counts."""
    tensor = convert.tensor(x)
    known("tf.unique", tensor)
    values, first, inverse, counts = np.unique(np.asarray(tensor), True, True, True)
    order = np.argsort(first)
    position = np.empty_like(order)
    position[order] = np.arange(len(order))
    index = convert.tensor(position[inverse].astype("int32"))
    return UniqueWithCounts(convert.tensor(values[order]), index, convert.tensor(counts[order].astype("int32")))


def unique(x: Any, out_idx: Any = dtypes.int32, name: Any = None) -> Unique:
    """Return the distinct values in the order of their first occurrence, and the position of each element."""
    return Unique(*unique_with_counts(x)[:2])


def _segments(op: str) -> Any:
    def function(data: Any, segment_ids: Any, num_segments: Any = None, name: Any = None) -> Any:
        ids = convert.tensor(segment_ids)
        if num_segments is None:
            known(f"tf.math.{op}", ids)
            num_segments = int(ids.max()) + 1
        return getattr(ops, op)(convert.tensor(data), ids, convert.integer(num_segments))

    return convert.named(function, __name__, op, f"Return keras.ops.{op}.")


segment_sum, segment_max = _segments("segment_sum"), _segments("segment_max")


def known(function: str, value: Any) -> None:
    """Raise a `TypeError` if a function needs values that are unknown while a step is compiled."""
    if not convert.is_concrete(value):
        symbolic = isinstance(value, keras.KerasTensor)
        where = "a model is built" if symbolic else "JAX compiles a step"
        raise TypeError(
            f"{function} has a result whose shape depends on values, which are unknown while {where}. "
            "Compile the model with run_eagerly=True, or use masks (tf.where with three arguments)."
        )
