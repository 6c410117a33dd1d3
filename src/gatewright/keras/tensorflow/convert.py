"""Conversion of the arguments of TensorFlow's functions to those of Keras and JAX."""

import operator
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.export
import keras
import numpy as np
from keras import ops

from gatewright.keras.tensorflow import dtypes
from gatewright.keras.tensorflow.shapes import TensorShape

_SCALARS = (bool, int, float, complex)
# Python numbers and lists of them have these dtypes in TensorFlow.
_FROM_PYTHON = {"float64": "float32", "int64": "int32", "complex128": "complex128"}


# A size that is not known while Keras infers shapes, usually that of the batch. It can be computed with.
_UnknownSize: Any = type(jax.export.symbolic_shape("size")[0])


class HostTensor(np.ndarray):
    """A tensor whose values are known to Python also while a step is compiled: shapes and texts."""

    def __getitem__(self, key: Any) -> Any:
        return host(super().__getitem__(key))

    def __iter__(self) -> Any:
        return map(self.__getitem__, range(len(self)))

    def __eq__(self, other: Any) -> Any:
        return np.ndarray.__eq__(self, _encoded(other))

    def __ne__(self, other: Any) -> Any:
        return np.ndarray.__ne__(self, _encoded(other))

    def numpy(self) -> Any:
        """Return the values as an array of NumPy, or as a Python object for a single text."""
        return self.item() if self.ndim == 0 and self.dtype == object else np.asarray(self)

    def get_shape(self) -> TensorShape:
        """Return the shape."""
        return TensorShape(self.shape)


def _encoded(value: Any) -> Any:
    return value.encode() if isinstance(value, str) else value


def host(value: Any, dtype: Any = None) -> HostTensor:
    """Return `value` as a tensor whose values stay known to Python."""
    return np.asarray(value, dtype).view(HostTensor)


def sizes(shape: Any) -> HostTensor:
    """Return sizes as a tensor of integers, which stays known to Python."""
    unknown = any(isinstance(size, _UnknownSize) for size in (shape if isinstance(shape, tuple) else (shape,)))
    return host(shape, object if unknown else "int32")


def texts(value: Any) -> HostTensor:
    """Return texts as TensorFlow holds them: as bytes in UTF-8."""
    array = np.asarray(value, dtype=object)
    encoded = [item.encode() if isinstance(item, str) else item for item in array.ravel()]
    flat = np.empty(len(encoded), object)
    flat[:] = encoded
    return flat.reshape(array.shape).view(HostTensor)


def is_text(value: Any) -> bool:
    """Return True for a text, an array of texts, and a list that begins with one."""
    if isinstance(value, str | bytes):
        return True
    if isinstance(value, np.ndarray):
        return value.dtype.kind in "SU" or (value.dtype == object and (value.size == 0 or is_text(value.flat[0])))
    return isinstance(value, list | tuple) and len(value) > 0 and is_text(value[0])


def is_concrete(value: Any) -> bool:
    """Return True if no part of `value` is an unknown value of a function that is being compiled."""
    leaves = keras.tree.flatten(value)
    unknown = (jax.core.Tracer, keras.KerasTensor, _UnknownSize)
    return not any(isinstance(x, unknown) or _has_unknown_size(x) for x in map(_read, leaves))


def _has_unknown_size(value: Any) -> bool:
    return isinstance(value, HostTensor) and value.dtype == object and not is_text(value)


def is_compiling() -> bool:
    """Return True while JAX compiles a function or Keras infers shapes."""
    return isinstance(jax.numpy.zeros(()) + 0, jax.core.Tracer)


def _read(value: Any) -> Any:
    return value.value if isinstance(value, keras.Variable) else value


def values(value: Any) -> Any:
    """Return known values as an array of NumPy, also while a step is compiled."""
    return np.asarray(texts(value) if is_text(value) else _read(value))


def tensor(value: Any, dtype: Any = None) -> Any:
    """Return `value` as a tensor, with the dtype that TensorFlow gives to Python's numbers and lists."""
    if is_text(value):
        if dtype is not None and dtypes.as_dtype(dtype) != "string":
            raise TypeError(f"A text cannot be a tensor of dtype {dtype}. Convert it with tf.strings.to_number.")
        return texts(value)
    wanted = None if dtype is None else dtypes.available(dtype)
    if wanted == "string":
        raise TypeError("Numbers cannot be a tensor of dtype string. Convert them with tf.strings.as_string.")
    if isinstance(value, keras.KerasTensor | keras.Variable | jax.Array):
        current = ops.convert_to_tensor(value)
        return (
            current if wanted in (None, keras.backend.standardize_dtype(current.dtype)) else ops.cast(current, wanted)
        )
    if isinstance(value, _UnknownSize):
        return ops.cast(jax.numpy.asarray(value), wanted or "int32")
    if isinstance(value, HostTensor) and value.dtype == object:
        parts = ops.stack([tensor(part) for part in value.ravel().tolist()])
        return ops.cast(ops.reshape(parts, value.shape), wanted or "int32")
    if isinstance(value, list | tuple) and _has_tensors(value):
        parts = [tensor(part) for part in value]
        stacked = ops.stack(parts)
        return stacked if wanted is None else ops.cast(stacked, wanted)
    return jax.numpy.asarray(_checked(_array(value, wanted)))


def _has_tensors(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return any(map(_has_tensors, value))
    return isinstance(value, jax.Array | keras.Variable | keras.KerasTensor)


def _array(value: Any, wanted: str | None) -> np.ndarray[Any, Any]:
    try:
        array = np.asarray(value)
    except ValueError:
        array = np.asarray(None)
    if array.dtype == object:
        raise ValueError(
            f"Cannot convert {type(value).__name__} {str(value)[:60]!r} to a tensor. "
            "Give numbers, with rows of one length."
        )
    if wanted is None and not _has_numpy(value):
        wanted = _FROM_PYTHON.get(array.dtype.name)
    if wanted is None:
        return array
    if array.dtype.kind in "iu" and wanted in ("int32", "uint32", "int64"):
        return array if _fits(array, wanted) else _refuse(array, wanted)
    if not isinstance(value, np.ndarray | np.generic) and array.dtype.kind == "f" and "int" in wanted:
        raise TypeError(
            f"Cannot convert {str(value)[:60]} to a tensor of dtype {wanted}. Use tf.cast to drop decimals."
        )
    return array.astype(wanted if wanted != "bfloat16" else dtypes.bfloat16._numpy)


def _has_numpy(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return any(map(_has_numpy, value))
    return not isinstance(value, _SCALARS)


def _fits(array: np.ndarray[Any, Any], wanted: str) -> bool:
    limits = np.iinfo(wanted)
    return array.size == 0 or bool(array.min() >= limits.min and array.max() <= limits.max)


def _refuse(array: np.ndarray[Any, Any], wanted: str) -> Any:
    outside = array[(array < np.iinfo(wanted).min) | (array > np.iinfo(wanted).max)].flat[0]
    raise OverflowError(
        f"The integer {outside} does not fit into {wanted}, the widest integer of JAX without jax_enable_x64. "
        "Call jax.config.update('jax_enable_x64', True) at the start of the program."
    )


def _checked(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return `array` with a dtype that JAX has, and refuse integers that do not fit."""
    if dtypes.has_64_bits() or array.dtype.name not in ("int64", "uint64", "float64", "complex128"):
        return array
    narrow = jax.dtypes.canonicalize_dtype(array.dtype)
    if array.dtype.kind in "iu" and not _fits(array, narrow.name):
        _refuse(array, narrow.name)
    return array.astype(narrow)


def operand(value: Any) -> Any:
    """Return an operand of a binary operation: numbers of Python stay, because they take the other operand's dtype."""
    return value if isinstance(value, _SCALARS) else tensor(value)


def operands(x: Any, y: Any) -> tuple[Any, Any]:
    """Return both operands of a binary operation."""
    if isinstance(x, _SCALARS) and isinstance(y, _SCALARS):
        return tensor(x), y
    return operand(x), operand(y)


def are_sizes(*values: Any) -> bool:
    """Return True for sizes and numbers of Python, whose results should stay known to Python."""
    found = any(isinstance(value, HostTensor) and not is_text(value) for value in values)
    return found and all(isinstance(value, HostTensor | int | list | tuple | np.ndarray) for value in values)


def shape(value: Any) -> Any:
    """Return a shape, or part of one, as a tuple of integers.

    Raises:
        TypeError: A size is unknown while the step is compiled.
    """
    if value is None:
        return ()
    if not isinstance(value, Sequence | np.ndarray | jax.Array):
        return (integer(value),)
    if isinstance(value, jax.Array) and not isinstance(value, jax.core.Tracer) and value.ndim == 0:
        return (int(value),)
    if isinstance(value, jax.core.Tracer):
        integer(value)
    return tuple(integer(size) for size in (value.reshape(-1) if isinstance(value, np.ndarray) else value))


def integer(value: Any) -> int:
    """Return a size, an axis or a count as a Python integer."""
    if isinstance(value, jax.core.Tracer):
        raise TypeError(
            "A shape depends on the values of a tensor, which are unknown while JAX compiles the step. "
            "Take sizes from x.shape or tf.shape(x)."
        )
    if value is None:
        raise TypeError(
            "A size is None, which only an input of a model may have. Compute it in the layer's method call."
        )
    value = value.item() if isinstance(value, HostTensor) and value.ndim == 0 else value
    if isinstance(value, _UnknownSize):
        return value  # type: ignore[no-any-return]
    return operator.index(value.item() if hasattr(value, "item") and getattr(value, "ndim", 0) == 0 else value)


def axis(value: Any) -> Any:
    """Return an axis as an integer, axes as a tuple, and None as None."""
    if value is None:
        return None
    if isinstance(value, list | tuple) or getattr(value, "ndim", 0) > 0:
        return tuple(map(integer, value))
    return integer(value)


def dtype_of(value: Any) -> str:
    """Return the name of a tensor's dtype."""
    return str(keras.backend.standardize_dtype(value.dtype))


def named(function: Callable[..., Any], module: str, name: str, doc: str) -> Callable[..., Any]:
    """Return `function` under a name by which it can be found, and pickled."""
    function.__module__, function.__name__, function.__qualname__, function.__doc__ = module, name, name, doc
    return function


def unary(module: str, table: dict[str, str]) -> dict[str, Callable[..., Any]]:
    """Return functions of one tensor, each from the function of `keras.ops` that `table` names."""

    def make(name: str, op: str) -> Callable[..., Any]:
        compute = getattr(ops, op)

        def function(x: Any, name: Any = None) -> Any:
            return compute(tensor(x))

        return named(function, module, name, f"Return keras.ops.{op} of a tensor.")

    return {name: make(name, op) for name, op in table.items()}


def binary(module: str, table: dict[str, str]) -> dict[str, Callable[..., Any]]:
    """Return functions of two tensors, each from the function of `keras.ops` that `table` names."""

    def make(name: str, op: str) -> Callable[..., Any]:
        compute = getattr(ops, op)

        def function(x: Any, y: Any, name: Any = None) -> Any:
            if are_sizes(x, y):
                return host(getattr(np, op)(x, y))
            return compute(*operands(x, y))

        return named(function, module, name, f"Return keras.ops.{op} of two tensors.")

    return {name: make(name, op) for name, op in table.items()}
