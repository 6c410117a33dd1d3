"""`tf.data.experimental` without TensorFlow."""

from collections.abc import Callable
from enum import IntEnum
from typing import Any

from gatewright.keras.tensorflow.data.base import AUTOTUNE
from gatewright.keras.tensorflow.data.base import INFINITE as INFINITE_CARDINALITY
from gatewright.keras.tensorflow.data.base import UNKNOWN as UNKNOWN_CARDINALITY
from gatewright.keras.tensorflow.data.dataset import Dataset
from gatewright.keras.tensorflow.data.elements import Element

_Step = Callable[[Dataset], Dataset]


class AutoShardPolicy(IntEnum):
    """The ways in which TensorFlow divides a dataset among workers. They have no effect."""

    OFF = -1
    AUTO = 0
    FILE = 1
    DATA = 2
    HINT = 3


def cardinality(dataset: Dataset) -> Element:
    """Return the number of elements, `INFINITE_CARDINALITY` or `UNKNOWN_CARDINALITY`."""
    return dataset.cardinality()


def assert_cardinality(expected_cardinality: Any) -> _Step:
    """Return a step that declares the number of elements, which an iteration checks."""
    return lambda dataset: dataset.with_cardinality(int(expected_cardinality))


def get_single_element(dataset: Dataset) -> Any:
    """Return the only element of a dataset."""
    return dataset.get_single_element()


def unbatch() -> _Step:
    """Return a step that splits each element along the first axis."""
    return Dataset.unbatch


def unique() -> _Step:
    """Return a step that leaves out elements that were yielded before."""
    return Dataset.unique


def enumerate_dataset(start: int = 0) -> _Step:
    """Return a step that yields pairs of the number of an element and the element."""
    return lambda dataset: dataset.enumerate(start)


def take_while(predicate: Callable[..., Any]) -> _Step:
    """Return a step that keeps the elements up to the first for which a function returns False."""
    return lambda dataset: dataset.take_while(predicate)


def scan(initial_state: Any, scan_func: Callable[[Any, Any], Any]) -> _Step:
    """Return a step that applies a function to a state and each element."""
    return lambda dataset: dataset.scan(initial_state, scan_func)


def bucket_by_sequence_length(*args: Any, **options: Any) -> _Step:
    """Return a step that batches elements of similar lengths together."""
    return lambda dataset: dataset.bucket_by_sequence_length(*args, **options)


def group_by_window(*args: Any, **options: Any) -> _Step:
    """Return a step that applies a function to each group of elements with the same key."""
    return lambda dataset: dataset.group_by_window(*args, **options)


def prefetch_to_device(device: Any, buffer_size: Any = None) -> _Step:
    """Return a step without an effect."""
    return lambda dataset: dataset


def __getattr__(name: str) -> Any:
    counterpart = (
        "pandas.read_csv and tf.data.Dataset.from_tensor_slices(dict(table))"
        if "csv" in name.lower()
        else "the methods of tf.data.Dataset, such as from_generator"
    )
    raise AttributeError(f"tf.data.experimental.{name} needs TensorFlow, which is not installed. Use {counterpart}.")


__all__ = ["AUTOTUNE", "INFINITE_CARDINALITY", "UNKNOWN_CARDINALITY"]
