"""Feed a `tf.data.Dataset` to `fit`, `evaluate` and `predict` of Keras.

This module imports Keras. `substitutes.install` imports it when Keras runs on JAX.
"""

import functools
from collections.abc import Callable, Iterator
from typing import Any

from keras.src import tree
from keras.src.trainers.data_adapters import data_adapter_utils
from keras.src.trainers.data_adapters.data_adapter import DataAdapter

from gatewright.keras.tensorflow.data.dataset import Dataset
from gatewright.keras.tensorflow.data.elements import is_text, leaves, plain
from gatewright.keras.tensorflow.data.shuffling import peeking
from gatewright.support.errors import InputError


class DatasetAdapter(DataAdapter):  # type: ignore[misc]
    """An adapter that gives Keras the batches of a dataset as NumPy arrays, and their number.

    Args:
        dataset: The dataset. Its elements are batches.
        class_weight: The weight of each class, or None.
        distribution: A distribution of Keras, which is not supported.
    """

    def __init__(self, dataset: Dataset, class_weight: dict[int, float] | None = None, distribution: Any = None):
        if distribution is not None:
            raise NotImplementedError(
                "A tf.data.Dataset of Gatewright cannot be distributed. Remove keras.distribution.set_distribution."
            )
        self._dataset = dataset
        self._class_weight = class_weight

    def get_numpy_iterator(self) -> Iterator[Any]:
        """Return an iterator over the batches. The dataset gets its seeds now, as in TensorFlow."""
        batches = map(plain, iter(self._dataset))
        weights = self._class_weight
        return batches if weights is None else (_with_weights(batch, weights) for batch in batches)

    def get_jax_iterator(self) -> Iterator[Any]:
        """Return an iterator over the batches, which may not contain texts."""
        return map(_without_texts, self.get_numpy_iterator())

    @property
    def num_batches(self) -> int | None:
        """Number of batches, or None if it is not known or infinite."""
        cardinality = int(self._dataset.cardinality())
        return None if cardinality < 0 else cardinality

    @property
    def batch_size(self) -> int | None:
        """Size of a batch, or None if it is not known."""
        size: int | None = leaves(self._dataset.element_spec)[0].shape[0]
        return size

    @property
    def has_partial_batch(self) -> None:
        """Return None: it is not known whether the last batch is smaller."""
        return None

    @property
    def partial_batch_size(self) -> None:
        """Return None: the size of a smaller last batch is not known."""
        return None


def _without_texts(batch: Any) -> Any:
    if any(is_text(leaf.dtype) for leaf in leaves(batch)):
        raise InputError(
            "The dataset has texts, which JAX cannot read. Vectorize them in tf.data.Dataset.map, or make a layer for "
            "texts, such as TextVectorization, the first layer of a Sequential or functional model."
        )
    return batch


def wrap_build(stock: Callable[..., Any]) -> Callable[..., Any]:
    """Return Keras' function that builds a model for a batch. It leaves the order of the other batches unchanged."""

    @functools.wraps(stock)
    def build(model: Any, *args: Any, **options: Any) -> Any:
        try:
            with peeking():
                return stock(model, *args, **options)
        except StopIteration:
            raise InputError(
                "The data has no batches. Check its source and the steps that leave elements out."
            ) from None

    return build


def _with_weights(batch: Any, class_weight: dict[int, float]) -> Any:
    x, y, sample_weight = data_adapter_utils.unpack_x_y_sample_weight(batch)
    if sample_weight is not None:
        raise ValueError("You cannot `class_weight` and `sample_weight` at the same time.")
    if y is None or tree.is_nested(y):
        raise ValueError("`class_weight` is only supported for Models with a single output.")
    return x, y, data_adapter_utils.class_weight_to_sample_weights(y, class_weight)
