"""The form of the elements of a dataset: `tf.TensorSpec` and what each step of a pipeline makes of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from gatewright.keras.tensorflow.data.elements import Shape, dtype_name, leaves, map_structure, numpy_dtype
from gatewright.support.errors import InputError


class TensorSpec:
    """Shape and data type of a tensor, as `tf.TensorSpec`. A dimension None has any size.

    Args:
        shape: The shape, or None for any shape.
        dtype: The data type.
        name: A name that is only displayed.
    """

    def __init__(self, shape: Any, dtype: Any = "float32", name: str | None = None) -> None:
        self.shape: Shape | None = None if shape is None else Shape(_size(size) for size in shape)
        self.dtype = numpy_dtype(dtype)
        self.name = name

    def accepts(self, array: np.ndarray) -> bool:
        """Return True if the shape of an array agrees with this shape."""
        return self.shape is None or (
            len(self.shape) == array.ndim
            and all(size in (None, own) for size, own in zip(self.shape, array.shape, strict=True))
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TensorSpec) and (self.shape, self.dtype) == (other.shape, other.dtype)

    def __hash__(self) -> int:
        return hash((self.shape, self.dtype))

    def __repr__(self) -> str:
        shape = "<unknown>" if self.shape is None else tuple(self.shape)
        return f"TensorSpec(shape={shape}, dtype=tf.{dtype_name(self.dtype)}, name={self.name!r})"


def _size(size: Any) -> int | None:
    return None if size is None or size == -1 else int(size)


def spec_of(leaf: Any) -> Any:
    """Return the spec of a tensor or of a dataset in an element."""
    return TensorSpec(leaf.shape, leaf.dtype) if isinstance(leaf, np.ndarray) else leaf.element_spec


def without_first_axis(spec: TensorSpec) -> TensorSpec:
    """Return the spec of a slice along the first axis."""
    return TensorSpec(None if spec.shape is None else spec.shape[1:], spec.dtype)


def batched(size: int | None) -> Callable[[TensorSpec], TensorSpec]:
    """Return a function that adds a first axis of `size` to a spec."""
    return lambda spec: TensorSpec(None if spec.shape is None else (size, *spec.shape), spec.dtype)


def common(first: TensorSpec, second: TensorSpec) -> TensorSpec:
    """Return the most specific spec that accepts what either spec accepts."""
    if first.shape is None or second.shape is None or len(first.shape) != len(second.shape):
        return TensorSpec(None, first.dtype)
    shape = [a if a == b else None for a, b in zip(first.shape, second.shape, strict=True)]
    return TensorSpec(shape, first.dtype)


def with_unknown_sizes(spec: Any, inputs: Any) -> Any:
    """Return the spec of an output of a function with None for each axis whose size is unknown in an input.

    Args:
        spec: Structure of specs of one output.
        inputs: Structure of specs of the inputs.
    """
    known = [leaf.shape for leaf in leaves(inputs) if isinstance(leaf, TensorSpec) and leaf.shape is not None]
    unknown = {axis for shape in known for axis, size in enumerate(shape) if size is None}

    def relax(leaf: Any) -> Any:
        if not isinstance(leaf, TensorSpec) or leaf.shape is None:
            return leaf
        return TensorSpec([None if axis in unknown else size for axis, size in enumerate(leaf.shape)], leaf.dtype)

    return map_structure(relax, spec)


def signature(output_types: Any, output_shapes: Any) -> Any:
    """Return the structure of specs for the older arguments of `from_generator`."""
    if output_shapes is None:
        return map_structure(lambda dtype: TensorSpec(None, dtype), output_types)
    if not isinstance(output_types, tuple | dict):
        return TensorSpec(_shape(output_shapes), output_types)
    if isinstance(output_types, dict):
        return {key: signature(dtype, output_shapes[key]) for key, dtype in output_types.items()}
    pairs: Iterable[Any] = zip(output_types, output_shapes, strict=True)
    return tuple(signature(dtype, shape) for dtype, shape in pairs)


def _shape(shape: Any) -> Any:
    dims = getattr(shape, "dims", shape)
    if dims is not None and not isinstance(dims, list | tuple):
        raise InputError(f"output_shapes contains {shape!r}, which is not a shape. Use tf.TensorShape or a tuple.")
    return dims


def as_spec(leaf: Any) -> TensorSpec:
    """Return a spec of TensorFlow's, Keras' or this module's kind as one of this module."""
    if isinstance(leaf, TensorSpec):
        return leaf
    if not hasattr(leaf, "shape") or not hasattr(leaf, "dtype"):
        raise InputError(
            f"output_signature contains {leaf!r}. Use tf.TensorSpec(shape=..., dtype=...) for each tensor."
        )
    return TensorSpec(_shape(leaf.shape), leaf.dtype)
