"""The common part of layers that run on texts, outside of compiled steps.

This module imports Keras. `substitutes.install` imports it when Keras runs on JAX.
"""

from __future__ import annotations

import collections
import contextlib
from collections.abc import Iterable, Iterator
from typing import Any

import jax
import keras
import numpy as np

from gatewright.keras.tensorflow.data.dataset import Dataset
from gatewright.keras.tensorflow.data.elements import Element, tensor
from gatewright.support.errors import InputError

OUTPUT_MODES = ("int", "one_hot", "multi_hot", "count", "tf_idf")


_encoded: collections.Counter[int] = collections.Counter()  # ids of layers whose inputs are encoded already


@contextlib.contextmanager
def encoded(layers: Iterable[TextLayer]) -> Iterator[None]:
    """Make layers return their inputs unchanged, because a model encoded them before its compiled step."""
    ids = [id(layer) for layer in layers]
    _encoded.update(ids)
    try:
        yield
    finally:
        _encoded.subtract(ids)


@contextlib.contextmanager
def not_encoded() -> Iterator[None]:
    """Make layers encode their inputs again inside a context of `encoded`, such as to build a model."""
    before = _encoded.copy()
    _encoded.clear()
    try:
        yield
    finally:
        _encoded.update(before)


def is_encoded(layer: TextLayer) -> bool:
    """Return True if the inputs of a layer are encoded already."""
    return _encoded[id(layer)] > 0


class TextLayer(keras.layers.Layer):  # type: ignore[misc]
    """A layer that runs outside compiled steps, on texts or on numbers that stand for categories."""

    def __init__(self, name: str | None = None, **options: Any) -> None:
        super().__init__(name=name, **options)
        self._convert_input_args = False
        self._allow_non_tensor_positional_args = True
        self.supports_jit = False

    def adapt(self, data: Any, batch_size: int | None = None, steps: int | None = None) -> None:
        """Make the vocabulary from the tokens in data, the most frequent first.

        Args:
            data: A batched dataset, an array or a list.
            batch_size: No effect.
            steps: Number of batches to read of a dataset, or None for all.
        """
        self.reset_state()
        for batch in _batches(data, steps):
            self.update_state(batch)
        self.finalize_state()

    def update_state(self, data: Any) -> None:
        """Count the tokens of a batch."""
        raise NotImplementedError

    def finalize_state(self) -> None:
        """Make the vocabulary from the counts."""
        raise NotImplementedError

    def reset_state(self) -> None:
        """Forget the counts."""
        raise NotImplementedError

    def build(self, input_shape: Any = None) -> None:
        """Do nothing: the layer has no weights."""

    def call(self, inputs: Any) -> Any:
        """Return the encoded inputs."""
        if is_encoded(self):
            return inputs
        if any(isinstance(leaf, jax.core.Tracer) for leaf in keras.tree.flatten(inputs)):
            raise InputError(
                f"{type(self).__name__} cannot run inside a compiled step. Apply the layer in tf.data.Dataset.map or "
                "before fit, or make it the first layer of a Sequential or functional model."
            )
        return self.encode(inputs)

    def encode(self, inputs: Any) -> Element:
        """Return the encoded inputs."""
        raise NotImplementedError

    def encoded_spec(self, inputs: Any) -> Any:
        """Return shape and data type of the encoded inputs."""
        raise NotImplementedError

    def compute_output_spec(self, inputs: Any) -> Any:
        """Return shape and data type of the output."""
        if is_encoded(self):
            return keras.KerasTensor(inputs.shape, inputs.dtype)
        return self.encoded_spec(inputs)


def _batches(data: Any, steps: int | None) -> Iterable[Any]:
    """Return the batches of what `adapt` got: a dataset, an iterable of batches, or one array or list."""
    if isinstance(data, Dataset):
        return data if steps is None else data.take(steps)
    if isinstance(data, str | bytes | np.ndarray | list | tuple) or hasattr(data, "__array__"):
        array = tensor(data)
        return [array[:, None] if array.ndim == 1 else array]
    return (batch for step, batch in enumerate(data) if steps is None or step < steps)


def as_list(value: Any) -> Any:
    """Return an array as a list with texts as `str`, for a configuration."""
    if isinstance(value, np.ndarray):
        value = value.tolist()
    return [item.decode() if isinstance(item, bytes) else item for item in value] if isinstance(value, list) else value
