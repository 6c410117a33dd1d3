"""The functions of TensorFlow for texts, `tf.strings` and `tf.ragged`, on Python's own."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np

from gatewright.keras.tensorflow import convert, dtypes


class RaggedTensor:
    """Rows of different lengths."""

    def __init__(self, rows: list[Any], dtype: Any = None) -> None:
        self._rows: list[Any] = [row if isinstance(row, RaggedTensor) else convert.tensor(row, dtype) for row in rows]
        found: list[Any] = [row.dtype for row in self._rows if np.prod(row.shape[:1])]
        self.dtype: Any = found[0] if found else dtypes.as_dtype(dtype or "float32")

    @classmethod
    def from_row_lengths(cls, values: Any, row_lengths: Any, **options: Any) -> "RaggedTensor":
        """Return rows of the lengths given."""
        ends = np.cumsum(convert.shape(row_lengths))
        return cls([values[start:end] for start, end in zip([0, *ends[:-1]], ends, strict=True)])

    @classmethod
    def from_row_splits(cls, values: Any, row_splits: Any, **options: Any) -> "RaggedTensor":
        """Return rows that begin and end at the positions given."""
        return cls.from_row_lengths(values, np.diff(convert.shape(row_splits)))

    @classmethod
    def from_tensor(cls, tensor: Any, lengths: Any = None, padding: Any = None, **options: Any) -> "RaggedTensor":
        """Return the rows of a tensor without their padding at the end."""
        rows = [np.asarray(row) for row in tensor]
        if lengths is not None:
            return cls([row[:size] for row, size in zip(rows, convert.shape(lengths), strict=True)])
        if padding is None:
            return cls(rows)
        keep = [np.flatnonzero(row != padding) for row in rows]
        return cls([row[: found[-1] + 1 if len(found) else 0] for row, found in zip(rows, keep, strict=True)])

    @property
    def shape(self) -> tuple[Any, ...]:
        """The shape, with None for the axis whose size differs."""
        inner = self._rows[0].shape[1:] if self._rows else ()
        return (len(self._rows), None, *inner)

    def row_lengths(self, axis: int = 1, name: Any = None) -> Any:
        """Return the length of each row."""
        return convert.tensor(np.array([row.shape[0] for row in self._rows], "int32"))

    @property
    def flat_values(self) -> Any:
        """The elements of all rows, one after another."""
        parts = [np.asarray(row.flat_values if isinstance(row, RaggedTensor) else row) for row in self._rows]
        return convert.tensor(np.concatenate(parts)) if parts else convert.tensor([])

    @property
    def values(self) -> Any:
        """The elements of all rows, one after another."""
        return self.flat_values

    def nrows(self, **options: Any) -> Any:
        """Return the number of rows."""
        return convert.host(len(self._rows), "int32")

    def to_list(self) -> list[Any]:
        """Return the rows as lists."""
        return [row.to_list() if isinstance(row, RaggedTensor) else np.asarray(row).tolist() for row in self._rows]

    def to_tensor(self, default_value: Any = None, name: Any = None, shape: Any = None) -> Any:
        """Return a tensor with the rows padded at the end."""
        text = bool(self._rows) and convert.is_text(self._rows[0])
        default = (b"" if text else 0) if default_value is None else default_value
        rows: list[Any] = [row.to_list() if isinstance(row, RaggedTensor) else np.asarray(row) for row in self._rows]
        rows = [np.asarray(RaggedTensor(r).to_tensor(default)) if isinstance(r, list) else r for r in rows]
        sizes = [max((row.shape[axis] for row in rows), default=0) for axis in range(rows[0].ndim if rows else 1)]
        if shape is not None:
            wanted = list(shape)[1:]
            sizes = [size if want is None else want for size, want in zip(sizes, wanted, strict=True)]
        result = np.full([len(rows), *sizes], default, object if text else str(self.dtype))
        for target, row in zip(result, rows, strict=True):
            part = row[tuple(slice(None, size) for size in sizes)]
            target[tuple(slice(None, size) for size in part.shape)] = part
        return convert.texts(result) if text else convert.tensor(result)

    def numpy(self) -> Any:
        """Return an array of NumPy with the rows as elements, or a matrix if all rows have one length."""
        lists = self.to_list()
        if len(set(map(len, lists))) == 1:
            return np.array(lists, object if convert.is_text(self._rows[0]) else str(self.dtype))
        result = np.empty(len(lists), object)
        result[:] = [np.asarray(row) for row in self._rows]
        return result

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._rows)

    def __getitem__(self, key: Any) -> Any:
        return RaggedTensor(self._rows[key]) if isinstance(key, slice) else self._rows[key]

    def __repr__(self) -> str:
        return f"<tf.RaggedTensor {self.to_list()}>"


def constant(pylist: Any, dtype: Any = None, **options: Any) -> Any:
    """Return rows of different lengths from nested lists."""
    deeper = any(isinstance(item, list | tuple) for row in pylist for item in row)
    rows = [constant(row, dtype) if deeper else _row(row, dtype) for row in pylist]
    return RaggedTensor(rows, dtype)


def _row(row: Any, dtype: Any) -> Any:
    return convert.tensor(row, dtype if dtype is not None or len(row) else "float32")


def stack(values: Any, axis: int = 0, name: Any = None) -> RaggedTensor:
    """Return tensors of different lengths as the rows of one."""
    return RaggedTensor(list(values))


def _each(function: Callable[[str], Any], input: Any) -> Any:
    """Apply a function to each text of a tensor or of ragged rows."""
    if isinstance(input, RaggedTensor):
        return RaggedTensor([_each(function, row) for row in input])
    array = convert.tensor(input)
    if not convert.is_text(array):
        raise TypeError(
            f"tf.strings takes texts, not {type(input).__name__} of {array.dtype}. Use tf.strings.as_string."
        )
    results = [function(text.decode("utf-8", "surrogateescape")) for text in np.asarray(array).ravel()]
    if results and not isinstance(results[0], str):
        return convert.tensor(np.asarray(results).reshape(array.shape))
    return convert.texts(np.array([_bytes(r) for r in results], object).reshape(array.shape))


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def lower(input: Any, encoding: str = "", name: Any = None) -> Any:
    """Convert to lower case: the letters A to Z, or all letters with the encoding 'utf-8'."""
    return _each(str.lower if encoding else lambda text: re.sub("[A-Z]+", lambda m: m[0].lower(), text), input)


def upper(input: Any, encoding: str = "", name: Any = None) -> Any:
    """Convert to upper case: the letters a to z, or all letters with the encoding 'utf-8'."""
    return _each(str.upper if encoding else lambda text: re.sub("[a-z]+", lambda m: m[0].upper(), text), input)


def strip(input: Any, name: Any = None) -> Any:
    """Remove white space at both ends."""
    return _each(str.strip, input)


def length(input: Any, unit: str = "BYTE", name: Any = None) -> Any:
    """Return the lengths in bytes, or in characters with the unit 'UTF8_CHAR'."""
    return _each(
        (lambda text: np.int32(len(text))) if unit == "UTF8_CHAR" else lambda t: np.int32(len(_bytes(t))), input
    )


def regex_replace(input: Any, pattern: str, rewrite: str, replace_global: bool = True, name: Any = None) -> Any:
    """Replace the matches of a regular expression, all of them or the first."""
    compiled = re.compile(_pattern(pattern), re.ASCII)
    new = re.sub(r"\\(\d)", r"\\g<\1>", _pattern(rewrite))
    return _each(lambda text: compiled.sub(new, text, count=0 if replace_global else 1), input)


def regex_full_match(input: Any, pattern: str, name: Any = None) -> Any:
    """Return True where the whole text matches a regular expression."""
    compiled = re.compile(_pattern(pattern), re.ASCII)
    return _each(lambda text: np.bool_(compiled.fullmatch(text) is not None), input)


_CLASSES = {"punct": r"!-/:-@\[-`{-~", "space": r"\s", "alpha": "A-Za-z", "digit": "0-9", "alnum": "A-Za-z0-9"}


def _pattern(pattern: Any) -> str:
    """Return a pattern in Python's notation: RE2 also has classes such as [[:punct:]]."""
    text = pattern.decode() if isinstance(pattern, bytes) else str(pattern)
    return re.sub(r"\[:(\w+):\]", lambda match: _CLASSES.get(match[1], match[0]), text)


def split(input: Any, sep: Any = None, maxsplit: int = -1, name: Any = None) -> Any:
    """Split texts at a separator, by default at white space, into ragged rows."""

    def parts(text: str) -> list[str]:
        return text.split(sep, maxsplit) if sep else text.split(None, maxsplit)

    return _rows(parts, input)


def unicode_split(input: Any, input_encoding: str = "UTF-8", errors: str = "replace", **options: Any) -> Any:
    """Split texts into characters."""
    return _rows(list, input)


def bytes_split(input: Any, name: Any = None) -> Any:
    """Split texts into bytes."""
    return _rows(lambda text: [bytes([b]) for b in _bytes(text)], input)


def _rows(function: Callable[[str], Any], input: Any) -> Any:
    array = np.asarray(convert.tensor(input))
    rows = [convert.texts(function(text.decode("utf-8", "replace"))) for text in array.ravel()]
    return rows[0] if array.ndim == 0 else RaggedTensor(rows, "string")


def join(inputs: Any, separator: str = "", name: Any = None) -> Any:
    """Join tensors of texts element by element."""
    arrays = np.broadcast_arrays(*(np.asarray(convert.tensor(x)) for x in inputs))
    joined = [separator.encode().join(parts) for parts in zip(*(a.ravel() for a in arrays), strict=True)]
    return convert.texts(np.array(joined, object).reshape(arrays[0].shape))


def reduce_join(inputs: Any, axis: Any = None, keepdims: bool = False, separator: str = "", name: Any = None) -> Any:
    """Join the texts along an axis, by default all of them."""
    if isinstance(inputs, RaggedTensor):
        return convert.texts([reduce_join(row, separator=separator).item() for row in inputs])
    array = np.asarray(convert.tensor(inputs))
    if axis is None:
        return convert.texts(separator.encode().join(array.ravel()))
    rows = np.moveaxis(array, axis, -1)
    texts = [separator.encode().join(row) for row in rows.reshape(-1, rows.shape[-1])]
    joined = np.array(texts, object).reshape(rows.shape[:-1])
    return convert.texts(np.expand_dims(joined, axis) if keepdims else joined)


def substr(input: Any, pos: int, len: int, unit: str = "BYTE", name: Any = None) -> Any:
    """Return a part of each text."""
    if unit == "UTF8_CHAR":
        return _each(lambda text: text[pos:][:len], input)
    return _each(lambda text: _bytes(text)[pos:][:len].decode("utf-8", "surrogateescape"), input)


def to_number(input: Any, out_type: Any = dtypes.float32, name: Any = None) -> Any:
    """Convert texts to numbers."""
    kind = int if dtypes.as_dtype(out_type).is_integer else float
    return convert.tensor(_each(lambda text: np.asarray(kind(text)), input), out_type)


def as_string(input: Any, precision: int = -1, **options: Any) -> Any:
    """Convert numbers to texts, with a number of decimals."""
    if options.keys() - {"name"}:
        raise TypeError(f"tf.strings.as_string is served without {', '.join(options)}. Use Python's format.")
    array = np.asarray(convert.tensor(input))
    shown: list[Any] = [_shown(value, precision) for value in array.ravel().tolist()]
    return convert.texts(shown).reshape(array.shape)


def _shown(value: Any, precision: int) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:.{6 if precision < 0 else precision}f}" if isinstance(value, float) else str(value)


def format_(template: str, inputs: Any, placeholder: str = "{}", summarize: int = 3, name: Any = None) -> Any:
    """Fill values into a text."""
    for value in inputs if isinstance(inputs, list | tuple) else [inputs]:
        shown = np.asarray(value) if isinstance(value, keras.Variable) or hasattr(value, "numpy") else value
        template = template.replace(placeholder, str(shown), 1)
    return convert.texts(template)
