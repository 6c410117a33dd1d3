"""`StringLookup` and `IntegerLookup` without TensorFlow: from tokens to indices by a dict.

This module imports Keras. `substitutes.install` imports it when Keras runs on JAX.
"""

from __future__ import annotations

import collections
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import keras
import numpy as np
from keras.src.saving import serialization_lib

from gatewright.keras.tensorflow.data.elements import Element, element, is_text, tensor
from gatewright.keras.tensorflow.text_layer import OUTPUT_MODES, TextLayer, as_list
from gatewright.keras.tensorflow.vocabulary import Counts, Learned
from gatewright.support.errors import InputError, require_one_of

_NO_INDEX = -1  # a mask token, which no output but "int" counts


class Lookup(TextLayer):
    """The common part of `StringLookup` and `IntegerLookup`, with the arguments of Keras."""

    _text = True

    def __init__(
        self,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        mask_token: Any = None,
        oov_token: Any = None,
        vocabulary: Any = None,
        idf_weights: Any = None,
        invert: bool = False,
        output_mode: str = "int",
        sparse: bool = False,
        pad_to_max_tokens: bool = False,
        name: str | None = None,
        **options: Any,
    ) -> None:
        output_mode = {"binary": "multi_hot", "tf-idf": "tf_idf"}.get(output_mode, output_mode)
        require_one_of("output_mode", output_mode, OUTPUT_MODES)
        for wrong, message in (
            (max_tokens is not None and max_tokens <= 1, f"max_tokens must be 2 or more, not {max_tokens}."),
            (pad_to_max_tokens and max_tokens is None, "pad_to_max_tokens needs max_tokens."),
            (num_oov_indices < 0, f"num_oov_indices must be 0 or more, not {num_oov_indices}."),
            (invert and output_mode != "int", "invert=True needs output_mode='int'."),
            (sparse, "sparse=True needs TensorFlow. Use dense outputs."),
            (idf_weights is not None and output_mode != "tf_idf", "idf_weights needs output_mode='tf_idf'."),
        ):
            if wrong:
                raise InputError(f"{type(self).__name__}: {message}")
        self._frozen_size: int | None = options.pop("vocabulary_size", None)
        self._fixed = bool(options.pop("has_input_vocabulary", vocabulary is not None))
        options.pop("dtype", None)
        options.pop("trainable", None)
        self.salt, self.oov_method = options.pop("salt", None), options.pop("oov_method", "floormod")
        if num_oov_indices > 1 and (self._text or self.oov_method != "floormod" or self.salt is not None):
            raise InputError(
                f"{type(self).__name__}: num_oov_indices={num_oov_indices} needs TensorFlow's hash function. Use "
                "num_oov_indices=1."
            )
        super().__init__(name=name, **options)
        self.max_tokens, self.num_oov_indices = max_tokens, num_oov_indices
        self.mask_token, self.oov_token = mask_token, oov_token
        self.invert, self.output_mode, self.sparse = invert, output_mode, sparse
        self.pad_to_max_tokens = pad_to_max_tokens
        self.input_vocabulary = None if isinstance(vocabulary, str) else vocabulary
        self.input_idf_weights = idf_weights
        self._learned = Learned()
        self.reset_state()
        if vocabulary is not None:
            if output_mode == "tf_idf" and idf_weights is None:
                raise InputError(f"{type(self).__name__}: a vocabulary with output_mode='tf_idf' needs idf_weights.")
            self.set_vocabulary(vocabulary, idf_weights)

    def update_state(self, data: Any) -> None:
        """Count the tokens of a batch."""
        array = tensor(data)
        self.count(array.reshape(1, -1) if array.ndim < 2 else array.reshape(len(array), -1))

    def count(self, rows: Iterable[Iterable[Any]]) -> None:
        """Count the tokens of documents."""
        if self._fixed:
            raise ValueError(
                f"Cannot adapt layer '{self.name}' after setting a static vocabulary via `vocabulary` argument or "
                "`set_vocabulary()` method."
            )
        for row in rows:
            tokens = row.view(np.ndarray).tolist() if isinstance(row, np.ndarray) else list(row)
            self._counts.tokens.update(tokens)
            self._counts.documents_with.update(set(tokens))
            self._counts.documents += 1

    def finalize_state(self) -> None:
        """Make the vocabulary from the counts."""
        if not self._fixed and self._counts.tokens:
            for special in (self.mask_token, self.oov_token):
                self._counts.tokens.pop(self._key(special), None)
            tokens = sorted(self._counts.tokens, key=lambda token: (self._counts.tokens[token], token), reverse=True)
            if self.max_tokens is not None:
                tokens = tokens[: max(self.max_tokens - self._token_start(), 0)]
            self._set_tokens(tokens)
            if self.output_mode == "tf_idf":
                frequencies = np.array([self._counts.documents_with[token] for token in tokens])
                weights = np.log(1 + self._counts.documents / (1 + frequencies)).astype(np.float32)
                self._set_idf(np.pad(weights, (self._token_start(), 0), constant_values=weights.mean()))
            self.reset_state()
        self._freeze()

    def reset_state(self) -> None:
        """Forget the counts."""
        self._counts = Counts()

    def get_vocabulary(self, include_special_tokens: bool = True) -> list[Any]:
        """Return the tokens in the order of their indices."""
        special = [self.oov_token] * self._token_start()
        if special and self.mask_token is not None and self.output_mode == "int":
            special[0] = self.mask_token
        tokens = [self._token(token) for token in self._learned.tokens]
        return special + tokens if include_special_tokens else tokens

    def vocabulary_size(self) -> int:
        """Return the number of indices, with those of the mask and of unknown tokens."""
        return len(self._learned.tokens) + self._token_start()

    def set_vocabulary(self, vocabulary: Any, idf_weights: Any = None) -> None:
        """Set the vocabulary.

        Args:
            vocabulary: The tokens, with or without the special tokens at the start, or the path of a file with a token
                in each line.
            idf_weights: The weight of each token, for output_mode="tf_idf".
        """
        if (self.output_mode == "tf_idf") != (idf_weights is not None):
            raise InputError(f"{type(self).__name__}: idf_weights are needed for output_mode='tf_idf', and only there.")
        if isinstance(vocabulary, str):
            vocabulary = self._read(vocabulary)
        given = [self._key(token) for token in np.asarray(tensor(vocabulary)).ravel().tolist()]
        if not given:
            raise InputError(f"{type(self).__name__}: the vocabulary is empty.")
        masks = 1 if self.mask_token is not None and self.output_mode == "int" else 0
        special = [self._key(self.mask_token)] * masks + [self._key(self.oov_token)] * self.num_oov_indices
        has_special = given[: len(special)] == special
        tokens = given[len(special) :] if has_special else given
        repeated = [self._token(token) for token, count in collections.Counter(tokens).items() if count > 1]
        if repeated:
            raise InputError(f"The vocabulary has repeated terms: {str(repeated)[:200]}. Give each term once.")
        for token in [self.mask_token, *([self.oov_token] if self.invert else [])]:
            if token is not None and self._key(token) in tokens:
                raise InputError(
                    f"The vocabulary has the reserved token {token!r} among its terms. Remove the mask and OOV tokens, "
                    f"or put them first, in this order: {[self._token(one) for one in special]}."
                )
        if self.max_tokens is not None and self._token_start() + len(tokens) > self.max_tokens:
            raise InputError(
                f"The vocabulary has {self._token_start() + len(tokens)} terms, but max_tokens is {self.max_tokens}."
            )
        self._set_tokens(tokens)
        self._freeze()
        if idf_weights is not None:
            weights = np.asarray(idf_weights, np.float32)
            if weights.shape != (len(given),):
                raise InputError(f"idf_weights has shape {weights.shape}, but the vocabulary has {len(given)} terms.")
            if not has_special:
                weights = np.pad(weights, (self._token_start(), 0), constant_values=weights.mean())
            self._set_idf(weights)

    def _read(self, path: str) -> list[str]:
        if serialization_lib.in_safe_mode():
            raise ValueError(
                f"The vocabulary file {path} is outside of the model file. Pass safe_mode=False if you trust the model."
            )
        if not os.path.exists(path):
            raise ValueError(f"Vocabulary file {path} does not exist.")
        with open(path, encoding="utf-8") as file:
            return file.read().splitlines()

    def _set_tokens(self, tokens: Sequence[Any]) -> None:
        self._learned.tokens = list(tokens)
        self._learned.index = {token: index for index, token in enumerate(tokens, self._token_start())}

    def _set_idf(self, weights: np.ndarray) -> None:
        if self.pad_to_max_tokens and self.max_tokens is not None:
            weights = np.pad(weights, (0, self.max_tokens - len(weights)))
        self._learned.idf = weights

    def _freeze(self) -> None:
        size = self.vocabulary_size()
        if self.output_mode != "int" and not self.pad_to_max_tokens and self._frozen_size not in (None, size):
            raise RuntimeError(
                f"The layer was used with a vocabulary of {self._frozen_size} indices, and now has {size}. With "
                f"output_mode={self.output_mode!r}, make a new layer or set pad_to_max_tokens=True."
            )
        self._frozen_size = size

    def _token_start(self) -> int:
        return self.num_oov_indices + (1 if self.mask_token is not None and self.output_mode == "int" else 0)

    def _key(self, token: Any) -> Any:
        """Return a token as it is stored: `bytes` or int."""
        return token.encode() if isinstance(token, str) else token if token is None or self._text else int(token)

    def _token(self, key: Any) -> Any:
        """Return a stored token as the user sees it."""
        return key.decode("utf-8", "replace") if isinstance(key, bytes) else key

    def encode(self, inputs: Any) -> Any:
        """Return the index of each token, or the token of each index with `invert`."""
        if callable(getattr(inputs, "row_lengths", None)):  # a tf.RaggedTensor
            return self._ragged(inputs)
        array = tensor(inputs)
        if is_text(array.dtype) != (self._text and not self.invert):
            raise InputError(
                f"{type(self).__name__} expects {'texts' if self._text and not self.invert else 'integers'}, but got "
                f"{'texts' if is_text(array.dtype) else array.dtype}."
            )
        flat = array.view(np.ndarray).ravel().tolist()
        if self.invert:
            values: Any = self._tokens_at(flat)
        else:
            values = np.array(self.indices(flat), np.int64)
        values = values.reshape(array.shape)
        return element(values) if self.output_mode == "int" else self._weighted(self._encoded(values))

    def _ragged(self, inputs: Any) -> Any:
        if self.output_mode != "int":
            return self.encode_rows([[self._key(token) for token in row] for row in inputs.to_list()])
        return type(inputs)([self.encode(row) for row in inputs.to_list()])

    def indices(self, tokens: Sequence[Any]) -> list[int]:
        """Return the index of each token."""
        if not self._learned.tokens:
            raise InputError(f"{type(self).__name__} has no vocabulary. Call adapt() or set_vocabulary() first.")
        mask = None if self.mask_token is None else self._key(self.mask_token)
        masked = 0 if self.output_mode == "int" else _NO_INDEX
        first = self._token_start() - self.num_oov_indices
        if self.num_oov_indices == 1:
            found = [self._learned.index.get(token, first) for token in tokens]
        else:
            found = [masked if token == mask else self._index_or_hash(token, first) for token in tokens]
        if mask is None:
            return found
        return [masked if token == mask else index for token, index in zip(tokens, found, strict=True)]

    def _index_or_hash(self, token: Any, first: int) -> int:
        if token in self._learned.index:
            return self._learned.index[token]
        if not self.num_oov_indices:
            raise InputError(
                f"{type(self).__name__} got {self._token(token)!r}, which is not in its vocabulary. Set "
                "num_oov_indices=1 to give such values an index."
            )
        return first + int(token) % self.num_oov_indices

    def _tokens_at(self, indices: Sequence[int]) -> np.ndarray:
        start, oov = self._token_start(), self._key(self.oov_token)
        table: Mapping[int, Any] = dict(enumerate(self._learned.tokens, start))
        found = [table.get(index, oov) for index in indices]
        if self.mask_token is not None:
            mask = self._key(self.mask_token)
            found = [mask if index == 0 else token for token, index in zip(found, indices, strict=True)]
        result = np.empty(len(found), object if self._text else np.int64)
        result[:] = found
        return result

    def encode_rows(self, rows: list[list[Any]]) -> Element:
        """Return one vector for each list of tokens, for output modes other than "int"."""
        size = self._depth()
        encoded = np.zeros((len(rows), size), np.int64)
        for row, tokens in zip(encoded, rows, strict=True):
            _count_into(row, self.indices(tokens), self.output_mode)
        return self._weighted(encoded)

    def _encoded(self, indices: np.ndarray) -> np.ndarray:
        depth = self._depth()
        if self.output_mode == "one_hot":
            if indices.ndim > 1 and indices.shape[-1] == 1:
                indices = indices[..., 0]
            one_hot: np.ndarray = (np.atleast_1d(indices)[..., None] == np.arange(depth)).astype(np.int64)
            return one_hot
        rows = np.atleast_1d(indices)
        encoded = np.zeros((*rows.shape[:-1], depth), np.int64)
        for row, values in zip(encoded.reshape(-1, depth), rows.reshape(-1, rows.shape[-1]), strict=True):
            _count_into(row, values.tolist(), self.output_mode)
        return encoded

    def _weighted(self, encoded: np.ndarray) -> Element:
        if self.output_mode != "tf_idf":
            return element(encoded)
        if self._learned.idf is None:
            raise InputError(f"{type(self).__name__}: output_mode='tf_idf' needs adapt() or idf_weights before a call.")
        return element(encoded.astype(np.float32) * self._learned.idf)

    def _depth(self) -> int:
        if self.pad_to_max_tokens and self.max_tokens is not None:
            return self.max_tokens
        if self._frozen_size is None:
            raise RuntimeError(
                f"When using `output_mode={self.output_mode}` and `pad_to_max_tokens=False`, you must set the layer's "
                "vocabulary before calling it. Either pass a `vocabulary` argument to the layer, or call `adapt` with "
                "some sample data."
            )
        return self._frozen_size

    # Keras

    @property
    def compute_dtype(self) -> str:
        """Data type of the inputs."""
        return "string" if self._text and not self.invert else "int64"

    @property
    def variable_dtype(self) -> str:
        """Data type of the inputs."""
        return self.compute_dtype

    def compute_output_shape(self, input_shape: Any) -> tuple[Any, ...]:
        """Return the shape of the output."""
        shape = tuple(input_shape)
        if self.output_mode == "int":
            return shape
        depth = self.max_tokens if self.pad_to_max_tokens else self._frozen_size
        if self.output_mode == "one_hot" and not (len(shape) > 1 and shape[-1] == 1):
            return (*shape, depth)
        return (*shape[:-1], depth)

    def encoded_spec(self, inputs: Any) -> Any:
        """Return shape and data type of the encoded inputs."""
        dtype = "string" if self._text and self.invert else "int64"
        return keras.KerasTensor(
            self.compute_output_shape(inputs.shape), dtype if self.output_mode == "int" else keras.config.floatx()
        )

    def get_config(self) -> dict[str, Any]:
        """Return the arguments, as Keras does."""
        return {
            **super().get_config(),
            "invert": self.invert,
            "max_tokens": self.max_tokens,
            "num_oov_indices": self.num_oov_indices,
            "oov_token": self.oov_token,
            "mask_token": self.mask_token,
            "output_mode": self.output_mode,
            "sparse": self.sparse,
            "pad_to_max_tokens": self.pad_to_max_tokens,
            "idf_weights": as_list(self.input_idf_weights),
            "vocabulary": as_list(self.input_vocabulary),
            "vocabulary_size": self._frozen_size,
            "oov_method": self.oov_method,
            "salt": self.salt,
        }

    def save_own_variables(self, store: Any) -> None:
        """Store the weights of the tokens."""
        if self._learned.idf is not None:
            store["idf_weights"] = self._learned.idf

    def load_own_variables(self, store: Any) -> None:
        """Load the weights of the tokens."""
        if self.output_mode == "tf_idf":
            self._learned.idf = np.asarray(store["idf_weights"])

    def save_assets(self, dir_path: str) -> None:
        """Write the vocabulary into a folder of the model file."""
        if self.input_vocabulary is None:
            with open(os.path.join(dir_path, "vocabulary.txt"), "w", encoding="utf-8") as file:
                file.write("\n".join(str(token) for token in self.get_vocabulary()))

    def load_assets(self, dir_path: str) -> None:
        """Read the vocabulary from a folder of the model file."""
        if self.input_vocabulary is not None:
            return
        with open(os.path.join(dir_path, "vocabulary.txt"), encoding="utf-8") as file:
            lines = file.read().splitlines()
        while lines and lines[-1] == "":
            lines.pop()
        special = self._token_start()
        self._set_tokens([self._key(line) for line in lines[special:]])
        self._freeze()


def _count_into(row: np.ndarray, indices: Sequence[int], mode: str) -> None:
    for index in indices:
        if index != _NO_INDEX:
            row[index] = 1 if mode == "multi_hot" else row[index] + 1


class StringLookup(Lookup):
    """A layer that gives each text of a vocabulary an index, or finds the text for an index with `invert=True`."""

    def __init__(
        self,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        mask_token: Any = None,
        oov_token: Any = "[UNK]",
        vocabulary: Any = None,
        encoding: str = "utf-8",
        **options: Any,
    ) -> None:
        self.encoding = encoding
        super().__init__(max_tokens, num_oov_indices, mask_token, oov_token, vocabulary, **options)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments."""
        return {**super().get_config(), "encoding": self.encoding}


class IntegerLookup(Lookup):
    """A layer that gives each integer of a vocabulary an index, or finds the integer for an index."""

    _text = False

    def __init__(
        self,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        mask_token: Any = None,
        oov_token: Any = -1,
        vocabulary: Any = None,
        vocabulary_dtype: str = "int64",
        **options: Any,
    ) -> None:
        super().__init__(max_tokens, num_oov_indices, mask_token, oov_token, vocabulary, **options)
        self.vocabulary_dtype = vocabulary_dtype

    def get_config(self) -> dict[str, Any]:
        """Return the arguments."""
        return {**super().get_config(), "vocabulary_dtype": self.vocabulary_dtype}
