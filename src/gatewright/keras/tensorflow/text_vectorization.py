"""`TextVectorization` without TensorFlow.

This module imports Keras. `substitutes.install` imports it when Keras runs on JAX.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras.src.saving import serialization_lib

from gatewright.keras.tensorflow.data.elements import Element, element, is_text, tensor
from gatewright.keras.tensorflow.lookup import StringLookup
from gatewright.keras.tensorflow.text_layer import OUTPUT_MODES, TextLayer, as_list
from gatewright.support.errors import InputError, require_one_of

_PUNCTUATION = b"!\"#$%&()*+,-./:;<=>?@[\\]^_`{|}~'"
_STANDARDIZE = ("lower_and_strip_punctuation", "lower", "strip_punctuation")
_SPLIT = ("whitespace", "character")

_Rows = list[list[bytes]]


class TextVectorization(TextLayer):
    """A layer that makes tokens of texts and encodes them, with the arguments of Keras.

    A callable for `standardize` gets the texts as a tensor of `bytes`, as in TensorFlow. A callable for `split` returns
    a list of tokens for each text.
    """

    def __init__(
        self,
        max_tokens: int | None = None,
        standardize: str | Callable[..., Any] | None = "lower_and_strip_punctuation",
        split: str | Callable[..., Any] | None = "whitespace",
        ngrams: int | tuple[int, ...] | None = None,
        output_mode: str = "int",
        output_sequence_length: int | None = None,
        pad_to_max_tokens: bool = False,
        vocabulary: Any = None,
        idf_weights: Any = None,
        sparse: bool = False,
        ragged: bool = False,
        encoding: str = "utf-8",
        name: str | None = None,
        **options: Any,
    ) -> None:
        for argument, value, allowed in (("standardize", standardize, _STANDARDIZE), ("split", split, _SPLIT)):
            if value is not None and not callable(value):
                require_one_of(argument, value, allowed)
        output_mode = {"binary": "multi_hot", "tf-idf": "tf_idf"}.get(output_mode, output_mode)
        require_one_of("output_mode", output_mode, OUTPUT_MODES)
        if ragged:
            raise InputError("TextVectorization: ragged=True needs TensorFlow. Use padded outputs, with ragged=False.")
        if output_mode != "int" and output_sequence_length is not None:
            raise InputError("TextVectorization: output_sequence_length needs output_mode='int'.")
        if output_sequence_length is not None and not isinstance(output_sequence_length, int | np.integer):
            raise InputError(f"output_sequence_length must be an integer, not {output_sequence_length!r}.")
        if ngrams is not None and not isinstance(ngrams, int | tuple):
            raise InputError(f"ngrams must be None, an integer or a tuple of integers, not {ngrams!r}.")
        fixed = options.pop("has_input_vocabulary", vocabulary is not None)
        size = options.pop("vocabulary_size", None)
        super().__init__(name=name, **options)
        self._standardize, self._split, self._ngrams_arg = standardize, split, ngrams
        self._ngrams = tuple(range(1, ngrams + 1)) if isinstance(ngrams, int) else ngrams
        self._output_mode, self._output_sequence_length = output_mode, output_sequence_length
        self._encoding = encoding
        self._lookup_layer = StringLookup(
            max_tokens=max_tokens,
            vocabulary=vocabulary,
            idf_weights=idf_weights,
            pad_to_max_tokens=pad_to_max_tokens,
            mask_token="",
            output_mode=output_mode,
            sparse=sparse,
            has_input_vocabulary=fixed,
            encoding=encoding,
            vocabulary_size=size,
        )

    def update_state(self, data: Any) -> None:
        """Count the tokens of a batch of texts."""
        tokens = self._preprocessed(tensor(data))
        if isinstance(tokens, list):
            self._lookup_layer.count(tokens)
        else:
            self._lookup_layer.update_state(tokens)

    def finalize_state(self) -> None:
        """Make the vocabulary from the counts."""
        self._lookup_layer.finalize_state()

    def reset_state(self) -> None:
        """Forget the counts."""
        self._lookup_layer.reset_state()

    def get_vocabulary(self, include_special_tokens: bool = True) -> list[str]:
        """Return the tokens in the order of their indices."""
        return self._lookup_layer.get_vocabulary(include_special_tokens)

    def vocabulary_size(self) -> int:
        """Return the number of indices, with those of padding and of unknown tokens."""
        return self._lookup_layer.vocabulary_size()

    def set_vocabulary(self, vocabulary: Any, idf_weights: Any = None) -> None:
        """Set the vocabulary, a list or the path of a file with a token in each line."""
        self._lookup_layer.set_vocabulary(vocabulary, idf_weights=idf_weights)

    def encode(self, inputs: Any) -> Element:
        """Return the indices of the tokens of each text, or a vector for each text."""
        tokens = self._preprocessed(tensor(inputs))
        if self._output_mode != "int":
            lookup = self._lookup_layer
            return lookup.encode_rows(tokens) if isinstance(tokens, list) else lookup.encode(tokens)
        length = self._output_sequence_length
        if not isinstance(tokens, list):
            return _resized(self._lookup_layer.encode(tokens).view(np.ndarray), length)
        indices = [self._lookup_layer.indices(row) for row in tokens]
        result = np.zeros((len(indices), max(map(len, indices), default=0) if length is None else length), np.int64)
        for row, values in zip(result, indices, strict=True):
            row[: len(values)] = values[: len(row)]
        return element(result)

    def _preprocessed(self, texts: Element) -> _Rows | Element:
        """Return the tokens of each text, or an array of tokens if there is one text or if texts are not split."""
        texts = self._standardized(texts)
        if self._split is None:
            if self._ngrams is None:
                return texts
            rows = [self._joined(row) for row in texts.reshape(-1, texts.shape[-1]).view(np.ndarray).tolist()]
            return tensor(_rectangle(rows).reshape(*texts.shape[:-1], -1))
        if texts.ndim > 2 or (texts.ndim == 2 and texts.shape[-1] != 1):
            raise InputError(
                "TextVectorization splits texts of shape [batch] or [batch, 1], but the inputs have shape "
                f"{tuple(texts.shape)}. Join the last axis, or set split=None."
            )
        if texts.ndim:
            texts = tensor(texts.reshape(-1))
        rows = [self._joined(row) for row in self._tokens(texts)]
        return rows if texts.ndim else tensor(_rectangle(rows)[0])

    def _standardized(self, texts: Element) -> Element:
        if not is_text(texts.dtype):
            raise InputError(f"TextVectorization expects texts, but got {texts.dtype}.")
        if callable(self._standardize):
            return tensor(self._standardize(texts))
        if self._standardize is None:
            return texts
        remove = b"" if self._standardize == "lower" else _PUNCTUATION
        lower = self._standardize != "strip_punctuation"
        flat = [text.translate(None, remove) for text in texts.view(np.ndarray).ravel().tolist()]
        result = np.empty(len(flat), object)
        result[:] = [text.lower() for text in flat] if lower else flat
        return element(result.reshape(texts.shape))

    def _tokens(self, texts: Element) -> _Rows:
        if callable(self._split):
            return _as_rows(self._split(texts), texts.ndim == 0)
        flat = texts.view(np.ndarray).ravel().tolist()
        if self._split == "whitespace":
            return [text.split() for text in flat]
        return [[letter.encode() for letter in text.decode("utf-8", "replace")] for text in flat]

    def _joined(self, tokens: list[bytes]) -> list[bytes]:
        if self._ngrams is None:
            return tokens
        return [
            b" ".join(tokens[start : start + width])
            for width in self._ngrams
            for start in range(len(tokens) - width + 1)
        ]

    @property
    def compute_dtype(self) -> str:
        """Data type of the inputs."""
        return "string"

    @property
    def variable_dtype(self) -> str:
        """Data type of the inputs."""
        return "string"

    def compute_output_shape(self, input_shape: Any) -> tuple[Any, ...]:
        """Return the shape of the output."""
        if self._output_mode == "int":
            return (input_shape[0], self._output_sequence_length)
        shape = tuple(input_shape)
        if self._split is not None:
            shape = (*shape, None)
        elif len(shape) <= 1:
            shape = (*shape, 1)
        return self._lookup_layer.compute_output_shape(shape)

    def encoded_spec(self, inputs: Any) -> Any:
        """Return shape and data type of the encoded inputs."""
        dtype = "int64" if self._output_mode == "int" else keras.config.floatx()
        return keras.KerasTensor(self.compute_output_shape(inputs.shape), dtype)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments, as Keras does."""
        lookup = self._lookup_layer
        return {
            **super().get_config(),
            "max_tokens": lookup.max_tokens,
            "standardize": self._standardize,
            "split": self._split,
            "ngrams": self._ngrams_arg,
            "output_mode": self._output_mode,
            "output_sequence_length": self._output_sequence_length,
            "pad_to_max_tokens": lookup.pad_to_max_tokens,
            "sparse": False,
            "ragged": False,
            "vocabulary": as_list(lookup.input_vocabulary),
            "idf_weights": as_list(lookup.input_idf_weights),
            "encoding": self._encoding,
            "vocabulary_size": self.vocabulary_size(),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> TextVectorization:
        """Make a layer from the result of `get_config`."""
        config = dict(config)
        for argument in ("standardize", "split"):
            if not isinstance(config[argument], str):
                config[argument] = serialization_lib.deserialize_keras_object(config[argument])
        if isinstance(config["ngrams"], list):
            config["ngrams"] = tuple(config["ngrams"])
        return cls(**config)

    def save_own_variables(self, store: Any) -> None:
        """Store the weights of the tokens."""
        self._lookup_layer.save_own_variables(store)

    def load_own_variables(self, store: Any) -> None:
        """Load the weights of the tokens."""
        self._lookup_layer.load_own_variables(store)

    def save_assets(self, dir_path: str) -> None:
        """Write the vocabulary into a folder of the model file."""
        self._lookup_layer.save_assets(dir_path)

    def load_assets(self, dir_path: str) -> None:
        """Read the vocabulary from a folder of the model file."""
        self._lookup_layer.load_assets(dir_path)


def _resized(indices: np.ndarray, length: int | None) -> Element:
    """Return indices cut or padded along the last axis."""
    if length is None or not indices.ndim:
        return element(indices)
    indices = indices[..., :length]
    return element(np.pad(indices, [(0, 0)] * (indices.ndim - 1) + [(0, length - indices.shape[-1])]))


def _rectangle(rows: _Rows) -> Element:
    result = np.empty((len(rows), len(rows[0]) if rows else 0), object)
    for index, row in enumerate(rows):
        result[index] = row
    return element(result)


def _as_rows(result: Any, one_text: bool) -> _Rows:
    """Return what a user's function made of texts as lists of tokens."""
    if callable(getattr(result, "to_list", None)):
        result = result.to_list()
    if isinstance(result, np.ndarray):
        result = result.view(np.ndarray).tolist()
    rows = [result] if one_text else result
    return [[token.encode() if isinstance(token, str) else token for token in row] for row in rows]
