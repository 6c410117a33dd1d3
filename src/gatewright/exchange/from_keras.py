"""Make a model file of the layers of a Keras model.

The layers compute what Keras' layers compute in inference. Layers that do nothing then, such as Dropout, are left out.
The rules of masks were read from Keras 3.15: an `Embedding` with `mask_zero` and `Masking` make a mask; recurrent
layers, `Dense`, `TimeDistributed` and dropout pass it on; `GlobalAveragePooling1D` leaves masked steps out;
`GlobalMaxPooling1D` and `Flatten` read them like others; `Bidirectional` with `return_sequences` has zeros there.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gatewright.data.word_files import Words, read_words, vocabulary_of
from gatewright.exchange.keras_layers import KerasLayer, KerasStack
from gatewright.exchange.scalers import read_scaler
from gatewright.exchange.translate import Translated, translate, without_effect
from gatewright.nn.file import ModelFile
from gatewright.nn.layer import Layer
from gatewright.nn.layers import Embedding, Flatten, Masking, Pool, Recurrent
from gatewright.support.errors import InputError, require_one_of
from gatewright.tasks.imported.heads import Head, NumberHead, WordHead, class_head, default_labels
from gatewright.tasks.imported.inputs import SIDES, ModelInput, SeriesInput, TextInput
from gatewright.tasks.imported.prepared import PreparedImport


@dataclass(frozen=True)
class Preparation:
    """The preparation of texts or series for the training, which a Keras model file does not describe.

    Attributes:
        words: See `word_files.read_words`. None for series, or if a layer of the model has the vocabulary.
        labels: The labels. By default the numbers from 0.
        max_length: The `maxlen` of `pad_sequences`. By default the length of the model's input.
        padding, truncating: The sides at which sequences were padded and cut: "pre" or "post". By default those of
            `pad_sequences`, "pre", or of `TextVectorization`, "post".
        scaler: See `scalers.read_scaler`.
    """

    words: str | os.PathLike[str] | Mapping[str, int] | Sequence[str] | None = None
    labels: Sequence[str] | None = None
    max_length: int | None = None
    padding: str | None = None
    truncating: str | None = None
    scaler: str | os.PathLike[str] | Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        for name in ("padding", "truncating"):
            if getattr(self, name) is not None:
                require_one_of(name, getattr(self, name), SIDES)
        if self.max_length is not None and (type(self.max_length) is not int or self.max_length < 1):
            raise InputError(f"max_length must be a whole number of at least 1, not {self.max_length!r}.")


@dataclass(frozen=True)
class Imported:
    """A model that was imported.

    Attributes:
        file: The contents of its model file.
        prepared: The input and the head.
        notes: Sentences about how the model was read.
    """

    file: ModelFile
    prepared: PreparedImport
    notes: tuple[str, ...]


def model_of_stack(stack: KerasStack, how: Preparation) -> Imported:
    """Return the model with the layers of a Keras model.

    Args:
        stack: The layers and weights of the Keras model.
        how: How its inputs were prepared.

    Raises:
        InputError: A layer cannot be expressed, or `how` does not fit the model.
    """
    layers = [layer for layer in stack.layers if not without_effect(layer)]
    vectorization, layers = _split_vectorization(layers)
    steps = _steps(stack, vectorization, how)
    translated = translate(stack, layers, steps)
    network = translated.layers
    model_input: ModelInput
    notes: tuple[str, ...] = ()
    if isinstance(network[0], Embedding):
        model_input, notes = _text_input(stack, translated, vectorization, how, steps)
    else:
        model_input = _series_input(stack, translated, how, steps)
    head, head_notes = _head(stack, translated, how.labels)
    prepared = PreparedImport(model_input, head)
    file = ModelFile("imported", network, translated.weights, prepared.to_json(), {})
    return Imported(file, prepared, (*notes, *head_notes))


def _split_vectorization(layers: list[KerasLayer]) -> tuple[KerasLayer | None, list[KerasLayer]]:
    if layers and layers[0].kind == "TextVectorization":
        return layers[0], layers[1:]
    return None, layers


def _text_input(
    stack: KerasStack, translated: Translated, vectorization: KerasLayer | None, how: Preparation, length: int | None
) -> tuple[TextInput, tuple[str, ...]]:
    embedding = translated.layers[0]
    size = embedding.vocabulary if isinstance(embedding, Embedding) else 0
    if how.scaler is not None:
        raise InputError(f"{stack.name} reads texts, which have no scaler: leave --scaler out.")
    if vectorization is None and stack.input_shape is not None and len(stack.input_shape) != 1:
        raise InputError(
            f"The input of {stack.name} has the shape {list(stack.input_shape)}, but only ids [time] and series [time, "
            "features] can be imported: give the model ids of one text."
        )
    words = _words(stack, vectorization, how, size)
    side = "pre" if vectorization is None else "post"
    reads = _reads_padding(translated.layers)
    notes = list(words.notes)
    if reads and length is None:
        if vectorization is None:
            raise InputError(
                f"The network of {stack.name} reads the padding of texts, but its input has no fixed length: give the "
                "maxlen of pad_sequences with --max-length."
            )
        reads = False  # the layer pads a single text not at all
    padding, truncating = how.padding or side, how.truncating or side
    if reads:
        notes.append(f"The network reads padding, so each text is padded to {length:,} words ({padding}).")
    return TextInput(words.encoder, length, padding, truncating, reads), tuple(notes)


def _words(stack: KerasStack, vectorization: KerasLayer | None, how: Preparation, size: int) -> Words:
    found = None
    if vectorization is not None:
        found = vocabulary_of(vectorization.config, vectorization.name, size)
        if found is not None and how.words is not None:
            raise InputError(f"{stack.name} has the vocabulary of its layer {vectorization.name!r}: leave --words out.")
    if found is not None:
        return found
    if how.words is None:
        raise InputError(
            f"{stack.name} reads ids of words, but does not have the words: give imdb, or the file of the word index, "
            "with --words."
        )
    return read_words(how.words, size)


def _steps(stack: KerasStack, vectorization: KerasLayer | None, how: Preparation) -> int | None:
    """Return the number of steps that the network reads, or None if it is not fixed.

    Raises:
        InputError: The given length is not that of the model's input.
    """
    if vectorization is not None:
        own = vectorization.config.get("output_sequence_length")
    else:
        own = stack.input_shape[0] if stack.input_shape else None
    if type(own) is not int or own < 1:
        return how.max_length
    if how.max_length is not None and how.max_length != own:
        raise InputError(
            f"The input of {stack.name} has {own:,} steps, so --max-length {how.max_length:,} does not fit: leave it "
            "out."
        )
    return own


def _reads_padding(layers: Sequence[Layer]) -> bool:
    """Return True if padding affects the outputs of a network of texts."""
    masked = isinstance(layers[0], Embedding) and layers[0].mask
    for layer in layers:
        if not masked or isinstance(layer, Flatten | Masking) or (isinstance(layer, Pool) and layer.padding):
            return True
        if isinstance(layer, Recurrent):
            # The mask of flipped outputs is not flipped.
            if layer.go_backwards and layer.return_sequences:
                return True
            if not layer.return_sequences:
                return False
        if isinstance(layer, Pool):
            return False
    return False


def _series_input(stack: KerasStack, translated: Translated, how: Preparation, length: int | None) -> SeriesInput:
    if how.words is not None:
        raise InputError(f"{stack.name} reads series of numbers, not words: leave --words out.")
    shape, features = stack.input_shape, translated.features
    if shape is not None and len(shape) != 2:
        raise InputError(
            f"The input of {stack.name} has the shape {list(shape)}, but only ids [time] and series [time, features] "
            "can be imported."
        )
    first = translated.layers[0]
    masked = first.mask_value if isinstance(first, Masking) else None
    pad_value = masked if masked is not None else 0.0 if how.max_length is not None else None
    scaler = None if how.scaler is None else read_scaler(how.scaler, features)
    padding, truncating = how.padding or "pre", how.truncating or "pre"
    return SeriesInput(features, length, padding, truncating, pad_value, scaler)


def _head(stack: KerasStack, translated: Translated, labels: Sequence[str] | None) -> tuple[Head, tuple[str, ...]]:
    """Return the head, and sentences about what was assumed."""
    units, activation, per_step = translated.outputs, translated.activation, translated.per_step
    first = translated.layers[0]
    is_words = isinstance(first, Embedding) and units == first.vocabulary and labels is None and units > 2
    if is_words and activation in ("softmax", "linear"):
        logits = activation == "linear"
        note = "The outputs of the model are one number for each word, so they were read as logits of the next word."
        return WordHead(units, per_step), (note,) if logits else ()
    if activation == "linear" and labels is None:
        return NumberHead(units, per_step), ()
    names = _labels(stack, labels, units, activation)
    if activation == "linear":
        note = "The model has a linear head, whose outputs were read as logits, because labels were given."
        return class_head(names, False, units > 1, per_step), (note,)
    return class_head(names, activation == "sigmoid" and units > 1, activation == "softmax", per_step), ()


def _labels(stack: KerasStack, labels: Sequence[str] | None, units: int, activation: str) -> tuple[str, ...]:
    needed = 2 if units == 1 else units
    if labels is None:
        return default_labels(needed)
    names = tuple(labels)
    if not all(isinstance(name, str) and name for name in names) or len(set(names)) != len(names):
        raise InputError("The labels must be different texts that are not empty: correct --labels.")
    if len(names) != needed:
        raise InputError(
            f"The head of {stack.name} has {units:,} {'output' if units == 1 else 'outputs'} and needs {needed:,} "
            f"labels, but {len(names):,} were given: correct --labels."
        )
    return names
