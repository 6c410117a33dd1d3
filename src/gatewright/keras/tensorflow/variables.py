"""Variables, modules and arrays of tensors."""

from collections.abc import Iterator
from typing import Any

import jax
import keras
import numpy as np
from keras import ops

from gatewright.keras.tensorflow import convert
from gatewright.keras.tensorflow.shapes import TensorShape


class _AnyVariable(type):
    """The type of `Variable`: the variables of Keras' layers are instances too."""

    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, keras.Variable)


class Variable(keras.Variable, metaclass=_AnyVariable):  # type: ignore[misc]
    """A variable of Keras, with the arguments and methods of TensorFlow."""

    def __init__(
        self, initial_value: Any = None, trainable: Any = True, validate_shape: bool = True, caching_device: Any = None,
        name: Any = None, variable_def: Any = None, dtype: Any = None, import_scope: Any = None, constraint: Any = None,
        synchronization: Any = None, aggregation: Any = None, shape: Any = None,
    ) -> None:  # fmt: skip
        value = convert.tensor(initial_value() if callable(initial_value) else initial_value, dtype)
        if convert.is_text(value):
            raise TypeError("tf.Variable is served for numbers. Keep texts in a list or an array of NumPy.")
        trainable = bool(trainable) if trainable is not None else True
        super().__init__(value, dtype=convert.dtype_of(value), trainable=trainable, name=_valid(name))
        self.constraint = constraint

    def numpy(self) -> Any:
        """Return the value as an array of NumPy."""
        return np.asarray(self.value)[()]

    def read_value(self) -> Any:
        """Return the current value."""
        return self.value

    def assign(self, value: Any, use_locking: bool = False, name: Any = None, read_value: bool = True) -> Any:
        """Set the value, and return the variable."""
        super().assign(convert.tensor(value, self.dtype))
        return self

    def assign_add(self, delta: Any, use_locking: bool = False, name: Any = None, read_value: bool = True) -> Any:
        """Add to the value, and return the variable."""
        return self.assign(self.value + convert.tensor(delta, self.dtype))

    def assign_sub(self, delta: Any, use_locking: bool = False, name: Any = None, read_value: bool = True) -> Any:
        """Subtract from the value, and return the variable."""
        return self.assign(self.value - convert.tensor(delta, self.dtype))

    def get_shape(self) -> TensorShape:
        """Return the shape."""
        return TensorShape(self.shape)

    def ref(self) -> int:
        """Return a key that identifies this variable in a dictionary."""
        return id(self)


def _valid(name: Any) -> Any:
    return None if name is None else str(name).replace("/", "_")


class Module:
    """An object that collects the variables in its attributes."""

    def __init__(self, name: str | None = None) -> None:
        self._name = name or type(self).__name__.lower()

    @property
    def name(self) -> str:
        """The name."""
        return self._name

    @property
    def variables(self) -> tuple[Any, ...]:
        """All variables in attributes, lists and modules."""
        found: dict[int, Any] = {}
        for variable in _variables(vars(self), set()):
            found.setdefault(id(variable), variable)
        return tuple(found.values())

    @property
    def trainable_variables(self) -> tuple[Any, ...]:
        """The variables that can be trained."""
        return tuple(variable for variable in self.variables if variable.trainable)


def _variables(value: Any, seen: set[int]) -> Iterator[Any]:
    if id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, keras.Variable):
        yield value
    elif isinstance(value, keras.Layer):
        yield from value.variables
    elif isinstance(value, Module):
        yield from _variables(vars(value), seen)
    elif isinstance(value, dict):
        for key in sorted(value, key=str):
            yield from _variables(value[key], seen)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _variables(item, seen)


class TensorArray:
    """A list of tensors that is written one by one and stacked."""

    def __init__(
        self, dtype: Any, size: Any = None, dynamic_size: Any = None, clear_after_read: Any = None,
        tensor_array_name: Any = None, handle: Any = None, flow: Any = None, infer_shape: bool = True,
        element_shape: Any = None, colocate_with_first_write_call: bool = True, name: Any = None,
    ) -> None:  # fmt: skip
        self.dtype = dtype
        self._dynamic = bool(dynamic_size)
        self._items: list[Any] = [None] * (0 if size is None else convert.integer(size))

    def write(self, index: Any, value: Any, name: Any = None) -> "TensorArray":
        """Return the array with an element replaced."""
        if not convert.is_concrete(index):
            raise TypeError(
                "tf.TensorArray is served for indices that are known to Python. Collect the tensors in a list, "
                "or use tf.scan."
            )
        position = convert.integer(index)
        if position >= len(self._items):
            if not self._dynamic:
                raise IndexError(
                    f"tf.TensorArray has {len(self._items)} elements, not {position + 1}. Set dynamic_size."
                )
            self._items += [None] * (position + 1 - len(self._items))
        self._items[position] = convert.tensor(value, self.dtype)
        return self

    def read(self, index: Any, name: Any = None) -> Any:
        """Return an element."""
        return self._items[convert.integer(index)]

    def size(self, name: Any = None) -> Any:
        """Return the number of elements."""
        return convert.host(len(self._items), "int32")

    def stack(self, name: Any = None) -> Any:
        """Return all elements as one tensor."""
        first = next((item for item in self._items if item is not None), None)
        if first is None:
            raise ValueError("tf.TensorArray has no elements to stack. Write some first.")
        return ops.stack([ops.zeros_like(first) if item is None else item for item in self._items])

    def concat(self, name: Any = None) -> Any:
        """Return all elements joined along their first axis."""
        return ops.concatenate(self._items)

    def unstack(self, value: Any, name: Any = None) -> "TensorArray":
        """Return the array with the slices of a tensor as its elements."""
        self._items = list(convert.tensor(value, self.dtype))
        return self

    def gather(self, indices: Any, name: Any = None) -> Any:
        """Return the elements at the indices as one tensor."""
        return ops.stack([self._items[i] for i in convert.shape(indices)])

    def identity(self) -> "TensorArray":
        """Return the array itself."""
        return self


jax.tree_util.register_pytree_node(
    TensorArray,
    lambda array: (array._items, (array.dtype, array._dynamic)),
    lambda about, items: _array(about, items),
)


def _array(about: tuple[Any, bool], items: Any) -> TensorArray:
    array = TensorArray(about[0], dynamic_size=about[1])
    array._items = list(items)
    return array
