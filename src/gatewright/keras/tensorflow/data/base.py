"""The base of `tf.data.Dataset`: a lazy sequence of elements with its length and the form of its elements."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from gatewright.keras.tensorflow.data import shuffling, specs
from gatewright.keras.tensorflow.data.elements import map_structure, tensor
from gatewright.support.errors import InputError

AUTOTUNE = -1
INFINITE = -1
UNKNOWN = -2


class DatasetV2:
    """The base class by which Keras recognizes a dataset of TensorFlow."""


DatasetV2.__module__ = "tensorflow.python.data.ops.dataset_ops"


class BaseDataset(DatasetV2):
    """A sequence of elements that are made while they are iterated.

    Args:
        iterate: A function that starts an iteration.
        cardinality: Number of elements, `INFINITE` or `UNKNOWN`.
        spec: A function that returns the structure of specs of an element, or None to look at the first element.
    """

    def __init__(
        self, iterate: Callable[[], Iterator[Any]], cardinality: int = UNKNOWN, spec: Callable[[], Any] | None = None
    ) -> None:
        self._iterate = iterate
        self._cardinality = cardinality
        self._spec = spec
        self._options = Options()
        self._is_shuffled = False  # by its last step, which TensorFlow then joins with `repeat`

    def _derive(
        self, iterate: Callable[[], Iterator[Any]], cardinality: int = UNKNOWN, spec: Callable[[], Any] | None = None
    ) -> Any:
        """Return a dataset whose elements are made from those of this one."""
        raise NotImplementedError

    def _of_elements(self, elements: Iterable[Any]) -> Any:
        """Return a dataset of elements that are in memory."""
        items = list(elements)
        return self._derive(lambda: iter(items), len(items), lambda: map_structure(specs.spec_of, items[0]))

    @property
    def element_spec(self) -> Any:
        """The structure of `tf.TensorSpec` of an element."""
        if self._spec is None:
            found = self._first()
            self._spec = lambda: map_structure(specs.spec_of, found)
        spec = self._spec()
        self._spec = lambda: spec
        return spec

    def _get_spec(self) -> Any:
        return self.element_spec

    def _first(self) -> Any:
        with shuffling.peeking():
            for item in self:
                return item
        raise InputError("The form of the elements of an empty dataset is not known. Check the source of the dataset.")

    def _spec_after(self, function: Callable[..., Any]) -> Any:
        first = self._first()
        with shuffling.peeking():
            spec = map_structure(specs.spec_of, call(function, first))
        return specs.with_unknown_sizes(spec, self.element_spec)

    def _spec_of_parts(self, function: Callable[..., Any], step: str) -> Any:
        """Return the form of the elements of the datasets that a function makes of the elements of this one."""
        first = self._first()
        with shuffling.peeking():
            return dataset_from(function, first, step).element_spec

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(
            f"A tf.data.Dataset of Gatewright has no attribute {name!r}. Use its other methods, or make the elements "
            "with tf.data.Dataset.from_generator."
        )

    def __iter__(self) -> OwnedIterator:
        return OwnedIterator(self, self._iterate())

    def __len__(self) -> int:
        if self._cardinality == INFINITE:
            raise TypeError("The dataset is infinite.")
        if self._cardinality == UNKNOWN:
            raise TypeError("The dataset length is unknown.")
        return self._cardinality

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        count = {INFINITE: "infinitely many", UNKNOWN: "an unknown number of"}.get(self._cardinality, self._cardinality)
        return f"<tf.data.Dataset of {count} elements>"


class OwnedIterator:
    """An iterator over a dataset, with the methods of TensorFlow's iterators."""

    def __init__(self, dataset: BaseDataset, elements: Iterator[Any]) -> None:
        self._dataset = dataset
        self._elements = elements

    def __iter__(self) -> OwnedIterator:
        return self

    def __next__(self) -> Any:
        return next(self._elements)

    def get_next(self) -> Any:
        """Return the next element."""
        return next(self._elements)

    @property
    def element_spec(self) -> Any:
        """The structure of `tf.TensorSpec` of an element."""
        return self._dataset.element_spec


class Options:
    """Options of TensorFlow's runtime. Any name can be set; none has an effect."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        value = Options()
        object.__setattr__(self, name, value)
        return value


def call(function: Callable[..., Any], item: Any) -> Any:
    """Return the result of a user's function for an element, as an element."""
    return convert(function(*item) if type(item) is tuple else function(item))


def convert(value: Any, copy: bool = False) -> Any:
    """Return a structure with tensors for its leaves. Lists become tensors, datasets remain.

    Args:
        value: The structure.
        copy: Whether arrays that the user may change later are copied.
    """
    if isinstance(value, tuple):
        parts = [convert(part, copy) for part in value]
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    if isinstance(value, Mapping):
        return {key: convert(part, copy) for key, part in value.items()}
    if value is None or isinstance(value, DatasetV2):
        return value
    result = tensor(value)
    shared = copy and result.flags.writeable and not isinstance(value, np.memmap) and np.may_share_memory(result, value)
    return result.copy() if shared else result


def checked(item: Any, spec: Any) -> Any:
    """Return what a generator yielded as an element with the specs that the user declared."""
    if isinstance(spec, tuple):
        if not isinstance(item, tuple | list) or len(item) != len(spec):
            raise TypeError(
                f"The generator yielded {type(item).__name__} where a tuple of {len(spec)} components was expected."
            )
        return tuple(checked(part, one) for part, one in zip(item, spec, strict=True))
    if isinstance(spec, Mapping):
        if not isinstance(item, Mapping) or set(item) != set(spec):
            raise TypeError(
                f"The generator yielded {type(item).__name__} where a dict with {sorted(spec)} was expected."
            )
        return {key: checked(item[key], one) for key, one in spec.items()}
    result = tensor(item, spec.dtype)
    if not spec.accepts(result):
        raise InputError(
            f"The generator yielded an element of shape {tuple(result.shape)} where an element of shape "
            f"{tuple(spec.shape)} was expected. Correct output_signature or the generator."
        )
    return result


def dataset_from(function: Callable[..., Any], item: Any, step: str) -> BaseDataset:
    """Return the dataset that a user's function makes of an element."""
    result = function(*item) if type(item) is tuple else function(item)
    if not isinstance(result, BaseDataset):
        raise TypeError(f"The function passed to {step} must return a tf.data.Dataset, not {type(result).__name__}.")
    return result


def positive(name: str, value: Any) -> int:
    """Return a number of elements, which must be 1 or more."""
    try:
        number = int(value)
    except (TypeError, ValueError):
        number = 0
    if number < 1:
        raise InputError(f"{name} must be a number of 1 or more, not {str(value)[:80]}.")
    return number


def is_true(function: Callable[..., Any], item: Any) -> bool:
    """Return the result of a user's function that decides about an element."""
    result = call(function, item)
    if not isinstance(result, np.ndarray) or result.dtype != np.bool_ or result.ndim:
        raise TypeError(f"The function passed to filter or take_while must return one bool, not {str(result)[:80]}.")
    return bool(result)
