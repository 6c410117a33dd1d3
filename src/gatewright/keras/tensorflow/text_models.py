"""Models whose inputs go into layers for texts: the texts of a batch are encoded before the compiled step.

JAX has no texts. `fit`, `evaluate`, `predict`, the functions for one batch and calls of such a model therefore apply
the layers for texts to their inputs, and in the compiled step these layers return what they get. This module imports
Keras.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator, Mapping
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
from keras.src.models.functional import Functional
from keras.src.trainers.data_adapters.data_adapter import DataAdapter

from gatewright.keras import one_batch
from gatewright.keras.tensorflow.data.elements import tensor
from gatewright.keras.tensorflow.text_layer import TextLayer, encoded, is_encoded, not_encoded
from gatewright.support.errors import InputError

_Encoders = dict[str, list[TextLayer]]
_FIRST_NUMBER = 2**40  # no number that a user passes by mistake is taken for a row of the texts


class _Run:
    """A model that is running, and the arrays of texts that were passed to it.

    Keras' data adapters refuse arrays of texts. They get the numbers of the rows instead.
    """

    def __init__(self, model: Any, found: _Encoders) -> None:
        self.model, self.found = model, found
        self._texts: list[tuple[int, np.ndarray]] = []

    def with_numbers(self, x: Any) -> Any:
        """Return the inputs with the numbers of rows in place of texts."""
        return keras.tree.map_structure(self._numbers, x)

    def _numbers(self, leaf: Any) -> Any:
        if not is_text_array(leaf):
            return leaf
        if not self.found:
            raise InputError(
                f"The model {self.model.name!r} got texts, which JAX cannot read. Make a layer for texts, such as "
                "TextVectorization, the first layer of a Sequential or functional model, or vectorize the texts before."
            )
        texts = tensor(leaf)
        start = self._texts[-1][0] + len(self._texts[-1][1]) if self._texts else _FIRST_NUMBER
        self._texts.append((start, texts))
        return np.arange(start, start + len(texts))

    def texts(self, numbers: Any) -> Any:
        """Return the texts for the numbers of rows, or the argument if it has no such numbers."""
        if not isinstance(numbers, np.ndarray) or numbers.dtype != np.int64 or not numbers.size:
            return numbers
        for start, texts in self._texts:
            if start <= numbers.min() and numbers.max() < start + len(texts):
                return texts[numbers - start]
        return numbers


_running: list[_Run] = []


def encoders(model: Any) -> _Encoders:
    """Return the layers for texts that an input of a model goes into, for each input.

    The key is the name of the input, or "" if the model has one input. An input of a nested model is followed.
    """
    if isinstance(model, keras.Sequential):
        layers = model.layers
        found = _layers_behind(layers[0]) if layers else []
        return {"": found} if found else {}
    if not isinstance(model, Functional):
        return {}
    result: _Encoders = {}
    for number, tensor_ in enumerate(model.inputs):
        consumers = [
            operation
            for operation in model.operations
            for node in operation._inbound_nodes
            if any(argument is tensor_ for argument in node.input_tensors)
        ]
        behind = _layers_behind(consumers[0]) if consumers else []
        if behind and any(consumer is not consumers[0] for consumer in consumers):
            raise InputError(
                f"The texts of input {tensor_.name!r} go into several layers, which cannot run on JAX. Vectorize the "
                "texts in tf.data.Dataset.map, and train the model on the result."
            )
        if behind:
            result["" if len(model.inputs) == 1 else _input_names(model)[number]] = behind
    return result


def _layers_behind(layer: Any) -> list[TextLayer]:
    if isinstance(layer, TextLayer):
        return [layer]
    return encoders(layer).get("", []) if isinstance(layer, keras.Model) else []


def _input_names(model: Any) -> list[str]:
    struct = model._inputs_struct
    if isinstance(struct, Mapping):
        return sorted(struct)
    return [tensor_._keras_history.operation.name for tensor_ in model.inputs]


def encode(found: _Encoders, x: Any) -> Any:
    """Return the inputs of a model with encoded texts."""
    if "" in found:
        if isinstance(x, Mapping) and len(x) == 1:
            return {key: _encode(found[""], value) for key, value in x.items()}
        if isinstance(x, tuple | list) and len(x) == 1 and not isinstance(x[0], str | bytes):
            return (_encode(found[""], x[0]),)
        return _encode(found[""], x)
    if isinstance(x, Mapping):
        return {key: _encode(found.get(key, []), value) for key, value in x.items()}
    raise InputError(
        f"A model with texts among several inputs takes a dict with the keys {sorted(found)} and those of the "
        "other inputs."
    )


def _encode(layers: list[TextLayer], x: Any) -> Any:
    return np.asarray(layers[0].encode(x)) if layers else x


class _EncodingAdapter(DataAdapter):  # type: ignore[misc]
    """A data adapter that encodes the texts of each batch."""

    def __init__(self, adapter: Any, run: _Run) -> None:
        self._adapter, self._run = adapter, run

    def get_numpy_iterator(self) -> Iterator[Any]:
        """Return an iterator over the batches."""
        return map(self._encoded, self._adapter.get_numpy_iterator())

    def _encoded(self, batch: Any) -> Any:
        x, *others = batch if isinstance(batch, tuple | list) else (batch,)
        x = keras.tree.map_structure(self._run.texts, x)
        _build(self._run.model, x)
        return (encode(self._run.found, x), *others)

    def get_jax_iterator(self) -> Iterator[Any]:
        """Return an iterator over the batches."""
        return self.get_numpy_iterator()

    @property
    def num_batches(self) -> Any:
        """Number of batches."""
        return self._adapter.num_batches

    @property
    def batch_size(self) -> Any:
        """Size of a batch."""
        return self._adapter.batch_size

    @property
    def has_partial_batch(self) -> Any:
        """The number of examples of the last batch if it is smaller, otherwise a false value."""
        return self._adapter.has_partial_batch

    @property
    def partial_batch_size(self) -> Any:
        """Size of the last batch."""
        return self._adapter.partial_batch_size

    def on_epoch_begin(self) -> None:
        """Tell the adapter that an epoch begins."""
        self._adapter.on_epoch_begin()

    def on_epoch_end(self) -> None:
        """Tell the adapter that an epoch ends."""
        self._adapter.on_epoch_end()


@contextlib.contextmanager
def _running_with(model: Any, found: _Encoders) -> Iterator[_Run]:
    run = _Run(model, found)
    _running.append(run)
    try:
        with encoded(layer for layers in found.values() for layer in layers):
            yield run
    finally:
        _running.pop()


def wrap_iterator(stock: Callable[..., None]) -> Callable[..., None]:
    """Return the method `__init__` of Keras' iterator over batches, which also encodes texts for a running model."""

    @functools.wraps(stock)
    def __init__(iterator: Any, *args: Any, **options: Any) -> None:
        stock(iterator, *args, **options)
        if _running and _running[-1].found:
            iterator.data_adapter = _EncodingAdapter(iterator.data_adapter, _running[-1])

    return __init__


def wrap_loop(stock: Callable[..., Any]) -> Callable[..., Any]:
    """Return `fit`, `evaluate` or `predict` for models with layers for texts and for others."""

    @functools.wraps(stock)
    def loop(model: Any, x: Any = None, *args: Any, **options: Any) -> Any:
        found = encoders(model)
        if not (found or _running or "validation_data" in options or _has_texts(x)):
            return stock(model, x, *args, **options)
        with _running_with(model, found) as run, one_batch.left_to_keras():
            validation = options.get("validation_data")
            if isinstance(validation, tuple | list):
                options["validation_data"] = (run.with_numbers(validation[0]), *validation[1:])
            return stock(model, run.with_numbers(x), *args, **options)

    return loop


def wrap_batch(stock: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function for one batch, such as `train_on_batch`, for models with layers for texts and for others."""

    @functools.wraps(stock)
    def on_batch(model: Any, x: Any, *args: Any, **options: Any) -> Any:
        found = encoders(model)
        if not found:
            return stock(model, x, *args, **options)
        _build(model, x)
        with _running_with(model, found):
            return stock(model, encode(found, x), *args, **options)

    return on_batch


def call_model(stock: Callable[..., Any]) -> Callable[..., Any]:
    """Return the method `__call__` for models with layers for texts and for others."""

    @functools.wraps(stock)
    def __call__(model: Any, *args: Any, **options: Any) -> Any:
        if not args or not _has_texts(args[0]):
            return stock(model, *args, **options)
        found = encoders(model)
        if not found:
            if isinstance(model, keras.Sequential | Functional):
                raise InputError(
                    f"The model {model.name!r} got texts, but its first layer is not one for texts, such as "
                    "TextVectorization. Vectorize the texts before the call."
                )
            model._convert_input_args = False  # the model's own `call` vectorizes the texts
            model._allow_non_tensor_positional_args = True
            return stock(model, *args, **options)
        _build(model, args[0])
        with _running_with(model, found):
            return stock(model, encode(found, args[0]), *args[1:], **options)

    return __call__


def _has_texts(x: Any) -> bool:
    return any(isinstance(leaf, str | bytes) or is_text_array(leaf) for leaf in keras.tree.flatten(x))


def is_text_array(leaf: Any) -> bool:
    """Return True for an array of NumPy or pandas that contains texts or other objects."""
    return getattr(getattr(leaf, "dtype", None), "kind", None) in ("O", "S", "U", "T") and hasattr(leaf, "__array__")


def _build(model: Any, x: Any) -> None:
    """Build a Sequential model without an Input for the shape of the texts."""
    if isinstance(model, keras.Sequential) and not model.built:
        with not_encoded():
            model.build((None, *tensor(x).shape[1:]))


def wrap_inputs(stock: Callable[..., Any]) -> Callable[..., Any]:
    """Return a step of Keras' that prepares the inputs of a functional model, which leaves encoded texts unchanged."""

    @functools.wraps(stock)
    def prepare(model: Any, flat_inputs: Any) -> Any:
        skipped = _encoded_inputs(model)
        if not skipped:
            return stock(model, flat_inputs)
        rest = [number for number in range(len(flat_inputs)) if number not in skipped]
        tensors = [model._inputs[number] for number in rest]
        part = SimpleNamespace(_inputs=tensors, _inputs_struct=tensors)
        prepared = iter(stock(part, [flat_inputs[number] for number in rest]) if rest else [])
        return [x if number in skipped else next(prepared) for number, x in enumerate(flat_inputs)]

    return prepare


def wrap_check(stock: Callable[..., Any]) -> Callable[..., Any]:
    """Return Keras' check of the inputs of a functional model, without a check of encoded texts."""

    @functools.wraps(stock)
    def check(model: Any, *args: Any) -> Any:
        return None if _encoded_inputs(model) else stock(model, *args)

    return check


def _encoded_inputs(model: Any) -> set[int]:
    if not _running or not _running[-1].found:
        return set()
    return {
        number
        for number, tensor_ in enumerate(model._inputs)
        for operation in model.operations
        if any(is_encoded(layer) for layer in _layers_behind(operation))
        for node in operation._inbound_nodes
        if any(argument is tensor_ for argument in node.input_tensors)
    }
