"""The tensors that a `tf.data.Dataset` yields, and the structures (tuples, dicts) that hold them."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from gatewright.support.errors import InputError

_INT32 = np.iinfo(np.int32)


class Shape(tuple[Any, ...]):
    """A shape as in TensorFlow: a tuple with the methods of `tf.TensorShape`."""

    @property
    def rank(self) -> int:
        """Number of dimensions."""
        return len(self)

    ndims = rank

    def as_list(self) -> list[Any]:
        """Return the dimensions as a list."""
        return list(self)


def _assigned(operate: Callable[[Any, Any], Any]) -> Any:
    """Return the method for an assignment such as `x += 1`, which leaves the array of `x` unchanged."""
    return lambda element, other: operate(element, other)


class Element(np.ndarray):
    """A tensor in an input pipeline: a NumPy array with the methods of `tf.Tensor`.

    NumPy, JAX and Keras accept it as an array. Text is stored as `bytes` in an array of objects, as
    `tf.Tensor.numpy()` returns it; operators accept `str` for such elements. An element does not change: `x += 1` makes
    a new element, and item assignment is an error.
    """

    @property  # type: ignore[misc]
    def shape(self) -> Shape:  # type: ignore[override]
        """The shape, as a tuple that also has the methods of `tf.TensorShape`."""
        return Shape(np.ndarray.shape.__get__(self))

    def numpy(self) -> Any:
        """Return a NumPy array, or a NumPy number or `bytes` if there are no dimensions."""
        array = self.view(np.ndarray)
        return np.array(array) if array.ndim else array[()]

    def get_shape(self) -> Shape:
        """Return the shape."""
        return self.shape

    def set_shape(self, shape: Any) -> None:
        """Check that `shape`, in which None stands for any size, agrees with the shape of this element."""
        expected = tuple(shape)
        if len(expected) != self.ndim or any(
            size not in (None, -1) and int(size) != own for size, own in zip(expected, self.shape, strict=True)
        ):
            raise InputError(f"The tensor has shape {tuple(self.shape)}, which does not agree with {expected}.")

    def __getitem__(self, key: Any) -> Any:
        return element(np.ndarray.__getitem__(self.view(np.ndarray), key), self.dtype)

    def __iter__(self) -> Iterator[Element]:
        return (self[index] for index in range(len(self)))

    def __setitem__(self, key: Any, value: Any) -> None:
        raise TypeError("A tensor does not support item assignment. Use tf.where, or make a new array with NumPy.")

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, out: Any = None, **options: Any) -> Any:
        arrays = [value.view(np.ndarray) if isinstance(value, Element) else value for value in inputs]
        if any(isinstance(array, np.ndarray) and is_text(array.dtype) for array in arrays):
            arrays = [array.encode() if isinstance(array, str) else array for array in arrays]
        if out is not None:
            options["out"] = out
        result = getattr(ufunc, method)(*arrays, **options)
        if out is not None:
            return result
        return tuple(map(element, result)) if isinstance(result, tuple) else element(result)

    def __repr__(self) -> str:
        return f"<tf.Tensor: shape={tuple(self.shape)}, dtype={dtype_name(self.dtype)}, numpy={self.numpy()!r}>"

    def __str__(self) -> str:
        return f"tf.Tensor({self.numpy()}, shape={tuple(self.shape)}, dtype={dtype_name(self.dtype)})"

    def __reduce__(self) -> Any:
        return element, (np.array(self.view(np.ndarray)),)

    __iadd__ = _assigned(operator.add)
    __isub__ = _assigned(operator.sub)
    __imul__ = _assigned(operator.mul)
    __itruediv__ = _assigned(operator.truediv)
    __ifloordiv__ = _assigned(operator.floordiv)
    __imod__ = _assigned(operator.mod)
    __ipow__ = _assigned(operator.pow)


def is_text(dtype: np.dtype[Any]) -> bool:
    """Return True for the data type of text."""
    return dtype.kind == "O"


def dtype_name(dtype: np.dtype[Any]) -> str:
    """Return TensorFlow's name of a data type."""
    return "string" if is_text(dtype) else dtype.name


def element(array: Any, dtype: Any = None) -> Element:
    """Return an array of numbers or `bytes`, or one number or `bytes`, as an element without copying it."""
    if not isinstance(array, np.ndarray):
        cell = np.empty((), object if isinstance(array, bytes) else dtype or np.asarray(array).dtype)
        cell[()] = array
        array = cell
    result: Element = array.view(Element)
    return result


def tensor(value: Any, dtype: Any = None) -> Element:
    """Convert a value as `tf.convert_to_tensor` does.

    Python numbers become float32 and int32, `str` becomes `bytes`. Arrays of NumPy and JAX, pandas objects and nested
    lists are accepted.

    Args:
        value: The value.
        dtype: Data type of the result, or None.

    Raises:
        InputError: Nested lists have different lengths, or a value is not a number, a bool or a text.
    """
    if isinstance(value, Element) and dtype is None:
        return value
    if isinstance(value, str | bytes):
        value = element(value.encode() if isinstance(value, str) else value)
    if isinstance(value, Mapping) or callable(getattr(value, "batch", None)):
        raise InputError(f"{type(value).__name__} is not a tensor. Use an array, a list, a number or a text.")
    is_python = isinstance(value, bool | int | float | list | tuple) and _is_python_number(value)
    try:
        array = np.asarray(value)
    except ValueError:
        raise InputError(_not_rectangular()) from None
    if array.dtype.kind in "USOT":
        array = _texts(array)
    elif is_python and array.dtype == np.float64:
        array = array.astype(np.float32)
    elif is_python and array.dtype == np.int64 and (not array.size or _fits_int32(array)):
        array = array.astype(np.int32)
    elif array.dtype.kind not in "biufcV" and array.dtype.name not in ("bfloat16", "float16"):
        raise InputError(f"tf.data has no tensors of type {array.dtype}. Convert the values to numbers or texts.")
    wanted = None if dtype is None else numpy_dtype(dtype)
    if wanted is not None and array.dtype != wanted:
        if is_text(array.dtype) != is_text(wanted):
            raise InputError(f"A value of type {dtype_name(array.dtype)} cannot be used as {dtype_name(wanted)}.")
        array = array.astype(wanted)
    return array.view(Element)


def _fits_int32(array: np.ndarray) -> bool:
    return bool(_INT32.min <= array.min() and array.max() <= _INT32.max)


def _is_python_number(value: Any) -> bool:
    while isinstance(value, list | tuple):
        if not len(value):
            return True
        value = value[0]
    return isinstance(value, bool | int | float) and not isinstance(value, np.generic)


def _not_rectangular() -> str:
    return (
        "Lists of different lengths cannot be converted to a tensor. Pad them with tf.keras.utils.pad_sequences, "
        "or use tf.data.Dataset.from_generator with padded_batch."
    )


def _texts(array: np.ndarray) -> np.ndarray:
    if array.dtype.kind == "S":
        return array.astype(object)
    if array.dtype.kind == "U":
        return np.char.encode(array, "utf-8").astype(object)
    flat = array.ravel().tolist()
    values = [value.item() if isinstance(value, np.ndarray) and not value.ndim else value for value in flat]
    texts = [value.encode() if isinstance(value, str) else value for value in values]
    for text in texts:
        if isinstance(text, list | tuple | np.ndarray):
            raise InputError(_not_rectangular())
        if not isinstance(text, bytes):
            raise InputError(
                f"An array of Python objects has a {type(text).__name__} ({str(text)[:40]}) where tf.data expects "
                "texts. Convert the values to one type, such as with astype(str) or astype('float32')."
            )
    result = np.empty(len(texts), object)
    result[:] = texts
    return result.reshape(array.shape)


def numpy_dtype(dtype: Any) -> np.dtype[Any]:
    """Return the NumPy data type for one of TensorFlow, NumPy or Keras. Text is `object`."""
    if isinstance(dtype, np.dtype):
        return np.dtype(object) if dtype.kind in "USOT" else dtype
    name = getattr(dtype, "name", dtype)
    if dtype in (str, bytes) or name in ("string", "str", "bytes", "object"):
        return np.dtype(object)
    return np.dtype(getattr(dtype, "as_numpy_dtype", name if isinstance(name, str) and dtype is not name else dtype))


def map_structure(function: Callable[..., Any], first: Any, *others: Any) -> Any:
    """Apply a function to each leaf of structures of equal form. Tuples, named tuples and dicts are structures."""
    if isinstance(first, tuple):
        values = [map_structure(function, *parts) for parts in zip(first, *others, strict=True)]
        return type(first)(*values) if hasattr(first, "_fields") else tuple(values)
    if isinstance(first, Mapping):
        return {key: map_structure(function, first[key], *(other[key] for other in others)) for key in first}
    return None if first is None else function(first, *others)


def leaves(structure: Any) -> list[Any]:
    """Return the leaves of a structure: the components of dicts in the order of their keys, as in TensorFlow."""
    if isinstance(structure, tuple):
        return [leaf for part in structure for leaf in leaves(part)]
    if isinstance(structure, Mapping):
        return [leaf for key in sorted(structure) for leaf in leaves(structure[key])]
    return [] if structure is None else [structure]


def stack(elements: Sequence[Any]) -> Any:
    """Return structures of tensors as one structure of batches.

    Raises:
        InputError: The tensors have different shapes.
    """
    return map_structure(lambda *arrays: _stack(arrays), *elements)


def _stack(arrays: Sequence[Any]) -> Element:
    first = arrays[0]
    if not isinstance(first, np.ndarray):
        raise InputError(
            f"batch() found a {type(first).__name__}, which is not a tensor. Use flat_map to batch within datasets."
        )
    shape = np.ndarray.shape.__get__(first)
    batch = np.empty((len(arrays), *shape), first.dtype)
    for index, array in enumerate(arrays):
        if np.ndarray.shape.__get__(array) != shape:
            raise InputError(
                f"Cannot batch tensors with different shapes: the first has shape {tuple(shape)}, and number {index} "
                f"has shape {tuple(array.shape)}. Use padded_batch, or map each element to one shape."
            )
        batch[index] = array.view(np.ndarray) if array.ndim else array.view(np.ndarray)[()]
    return batch.view(Element)


def plain(structure: Any) -> Any:
    """Return a structure of elements as NumPy arrays that cannot be written to."""
    return map_structure(_plain, structure)


def _plain(leaf: Any) -> Any:
    if not isinstance(leaf, Element):
        return leaf
    array = leaf.view(np.ndarray)
    if not array.ndim:
        return array[()]
    array.flags.writeable = False
    return array
