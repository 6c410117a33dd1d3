"""The dtypes of TensorFlow, `tf.float32` to `tf.string`."""

from typing import Any

import jax
import numpy as np
from jax.dtypes import bfloat16 as _bfloat16

from gatewright.keras.notes import note_once

_NARROWER = {"int64": "int32", "uint64": "uint32", "float64": "float32", "complex128": "complex64"}


_finfo: Any = jax.numpy.finfo  # also knows bfloat16


class DType(str):
    """A dtype of TensorFlow. It is also the name of the dtype, so Keras, JAX and NumPy accept it as a dtype."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"tf.{self.name}"

    def __reduce__(self) -> tuple[type, tuple[str]]:
        return DType, (self.name,)

    @property
    def name(self) -> str:
        """The name without the prefix `tf.`."""
        return str.__str__(self)

    @property
    def as_numpy_dtype(self) -> Any:
        """The scalar type of NumPy."""
        return object if self.name == "string" else self._numpy.type

    @property
    def base_dtype(self) -> "DType":
        """The dtype itself: references have no dtypes of their own any more."""
        return self

    @property
    def is_floating(self) -> bool:
        """True for the floating-point dtypes."""
        return self.name in ("float16", "bfloat16", "float32", "float64")

    @property
    def is_integer(self) -> bool:
        """True for the integer dtypes, which do not include bool."""
        return "int" in self.name

    @property
    def is_bool(self) -> bool:
        """True for tf.bool."""
        return self.name == "bool"

    @property
    def is_complex(self) -> bool:
        """True for the complex dtypes."""
        return self.name.startswith("complex")

    @property
    def is_numpy_compatible(self) -> bool:
        """True, because NumPy can hold all these dtypes."""
        return True

    @property
    def size(self) -> int:
        """The size of an element in bytes."""
        return 1 if self.name == "string" else int(self._numpy.itemsize)

    @property
    def min(self) -> Any:
        """The lowest value."""
        return self._limits.min

    @property
    def max(self) -> Any:
        """The highest value."""
        return self._limits.max

    @property
    def _numpy(self) -> np.dtype[Any]:
        return np.dtype(_bfloat16 if self.name == "bfloat16" else self.name)

    @property
    def _limits(self) -> Any:
        if self.is_bool:
            return np.iinfo(np.uint8)
        return _finfo(self._numpy) if self.is_floating else np.iinfo(self._numpy)


float16, float32, float64, bfloat16 = map(DType, ("float16", "float32", "float64", "bfloat16"))
int8, int16, int32, int64 = map(DType, ("int8", "int16", "int32", "int64"))
uint8, uint16, uint32, uint64 = map(DType, ("uint8", "uint16", "uint32", "uint64"))
complex64, complex128 = map(DType, ("complex64", "complex128"))
bool_, string = map(DType, ("bool", "string"))
half, double = float16, float64


def as_dtype(type_value: Any) -> DType:
    """Return the dtype of TensorFlow for a name, a dtype of NumPy or a Python type.

    Raises:
        TypeError: TensorFlow has no such dtype.
    """
    if isinstance(type_value, DType):
        return type_value
    if type_value is str or type_value is bytes or type_value is object:
        return string
    if type_value is float or type_value is int:
        return float32 if type_value is float else int32
    name = getattr(type_value, "name", type_value)
    if name in ("half", "double"):
        return float16 if name == "half" else float64
    if name not in _NAMES:
        try:
            name = np.dtype(type_value).name
        except TypeError:
            name = None
    if name in ("object", "str") or (isinstance(name, str) and name.startswith(("str", "bytes"))):
        return string
    if name not in _NAMES:
        raise TypeError(
            f"Cannot convert {str(type_value)[:80]!r} to a dtype of TensorFlow. Use for example tf.float32."
        )
    return DType(name)


_NAMES = frozenset(value.name for value in list(globals().values()) if isinstance(value, DType))


def has_64_bits() -> bool:
    """Return True if JAX is set to compute with 64 bits."""
    return bool(jax.config.read("jax_enable_x64"))  # type: ignore[no-untyped-call]


def available(dtype: Any) -> str:
    """Return the name of the dtype that JAX uses for `dtype`, and print a note if it has fewer bits."""
    name = as_dtype(dtype).name
    if name in _NARROWER and not has_64_bits():
        note_once(f"tf.{name} is {_NARROWER[name]} here, because JAX has no 64-bit types unless jax_enable_x64 is set.")
        return _NARROWER[name]
    return name
