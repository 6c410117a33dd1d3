"""Shapes and specifications of tensors."""

from collections.abc import Iterable
from typing import Any, Self

from gatewright.keras.tensorflow import dtypes


class TensorShape(tuple[Any, ...]):
    """A shape as a tuple of integers, with the methods of TensorFlow. An unknown size is None."""

    __slots__ = ()

    def __new__(cls, dims: Any = ()) -> Self:
        if dims is None:
            raise ValueError("A shape of unknown rank is not served by Gatewright. Give one size, or None, per axis.")
        sizes: Iterable[Any] = dims if isinstance(dims, Iterable) else (dims,)
        return super().__new__(cls, (None if size is None else int(size) for size in sizes))

    def __getitem__(self, key: Any) -> Any:
        part = super().__getitem__(key)
        return TensorShape(part) if isinstance(key, slice) else part

    def __add__(self, other: Any) -> "TensorShape":
        return TensorShape((*self, *other))

    def __eq__(self, other: object) -> bool:
        return tuple(self) == tuple(other) if isinstance(other, Iterable) else NotImplemented

    __hash__ = tuple.__hash__

    def __repr__(self) -> str:
        return f"TensorShape({list(self)})"

    def __str__(self) -> str:
        return str(tuple(self))

    def as_list(self) -> list[Any]:
        """Return the sizes as a list."""
        return list(self)

    @property
    def rank(self) -> int:
        """The number of axes."""
        return len(self)

    @property
    def ndims(self) -> int:
        """The number of axes."""
        return len(self)

    @property
    def dims(self) -> list[Any]:
        """The sizes as a list."""
        return list(self)

    def num_elements(self) -> int | None:
        """Return the number of elements, or None if a size is unknown."""
        count = 1
        for size in self:
            if size is None:
                return None
            count *= size
        return count

    def is_fully_defined(self) -> bool:
        """Return True if every size is known."""
        return None not in self

    def concatenate(self, other: Any) -> "TensorShape":
        """Return this shape followed by `other`."""
        return self + TensorShape(other)

    def is_compatible_with(self, other: Any) -> bool:
        """Return True if the shapes can be equal: unknown sizes fit every size."""
        other = TensorShape(other)
        return len(self) == len(other) and all(
            a is None or b is None or a == b for a, b in zip(self, other, strict=True)
        )

    def assert_is_compatible_with(self, other: Any) -> None:
        """Raise a `ValueError` if the shapes cannot be equal."""
        if not self.is_compatible_with(other):
            raise ValueError(f"Shapes {self} and {TensorShape(other)} are incompatible.")

    def with_rank(self, rank: int) -> "TensorShape":
        """Return this shape if it has `rank` axes; raise a `ValueError` otherwise."""
        if len(self) != rank:
            raise ValueError(f"Shape {self} must have rank {rank}.")
        return self


class TensorSpec:
    """Shape, dtype and name of a tensor."""

    def __init__(self, shape: Any, dtype: Any = dtypes.float32, name: str | None = None) -> None:
        self.shape = None if shape is None else TensorShape(shape)
        self.dtype = dtypes.as_dtype(dtype)
        self.name = name

    def __repr__(self) -> str:
        return f"{type(self).__name__}(shape={self.shape}, dtype={self.dtype!r}, name={self.name!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TensorSpec) and (self.shape, self.dtype) == (other.shape, other.dtype)

    def __hash__(self) -> int:
        return hash((self.shape, self.dtype))

    @classmethod
    def from_tensor(cls, tensor: Any, name: str | None = None) -> Self:
        """Return the specification of `tensor`."""
        return cls(tensor.shape, tensor.dtype, name)

    def is_compatible_with(self, other: Any) -> bool:
        """Return True if `other`, a tensor or a specification, has this dtype and a shape that fits."""
        same = dtypes.as_dtype(other.dtype) == self.dtype
        return same and (self.shape is None or self.shape.is_compatible_with(other.shape))
