"""`tf.data` without TensorFlow: lazy input pipelines over NumPy arrays.

Elements are `elements.Element`, a NumPy array with the methods of `tf.Tensor` (`numpy()`, `get_shape()`,
`set_shape()`, `shape.as_list()`). NumPy, `jax.numpy`, `keras.ops` and layers accept it as an array. Text is an array
of objects that holds `bytes`. Functions in `map` may return anything that `elements.tensor` converts: elements, arrays
of NumPy and JAX, Python numbers, `str`, `bytes` and lists of these, in tuples and dicts.

A dataset shuffles into the same order as in TensorFlow. `tf.random.set_seed` must call `shuffling.set_seed`.
"""

import gzip
import os
import zlib
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from gatewright.keras.tensorflow.data import experimental
from gatewright.keras.tensorflow.data.base import AUTOTUNE, Options
from gatewright.keras.tensorflow.data.base import INFINITE as INFINITE_CARDINALITY
from gatewright.keras.tensorflow.data.base import UNKNOWN as UNKNOWN_CARDINALITY
from gatewright.keras.tensorflow.data.dataset import Dataset
from gatewright.keras.tensorflow.data.elements import element, tensor
from gatewright.keras.tensorflow.data.specs import TensorSpec
from gatewright.support.errors import InputError


class TextLineDataset(Dataset):
    """A dataset of the lines of text files, without the ends of the lines.

    Args:
        filenames: A path, a list of paths, or a dataset of paths.
        compression_type: "GZIP", "ZLIB" or None.
        buffer_size: No effect.
        num_parallel_reads: No effect: the files are read one after another.
        name: No effect.
    """

    def __init__(
        self,
        filenames: Any,
        compression_type: str | None = None,
        buffer_size: Any = None,
        num_parallel_reads: Any = None,
        name: str | None = None,
    ) -> None:
        kind = "" if compression_type is None else str(compression_type)
        if kind not in ("", "GZIP", "ZLIB"):
            raise InputError(f"compression_type must be '', 'GZIP' or 'ZLIB', not {kind!r}.")
        paths: Iterable[Any] = filenames
        if not isinstance(filenames, Dataset):
            paths = np.atleast_1d(tensor(filenames).view(np.ndarray)).tolist()

        def iterate() -> Iterator[Any]:
            for path in paths:
                for line in _lines(os.fsdecode(path.item() if isinstance(path, np.ndarray) else path), kind):
                    yield element(line.replace(b"\r", b"").removesuffix(b"\n"))

        super().__init__(iterate, UNKNOWN_CARDINALITY, lambda: TensorSpec((), "string"))


def _lines(path: str, compression: str) -> Iterable[bytes]:
    if not os.path.exists(path):
        raise InputError(f"{path} does not exist. Check the path given to tf.data.TextLineDataset.")
    if compression == "ZLIB":
        with open(path, "rb") as file:
            yield from zlib.decompress(file.read()).splitlines(keepends=True)
    else:
        with gzip.open(path, "rb") if compression else open(path, "rb") as file:
            yield from file


def __getattr__(name: str) -> Any:
    raise AttributeError(
        f"tf.data.{name} needs TensorFlow, which is not installed. Gatewright's substitute has Dataset, "
        "TextLineDataset and AUTOTUNE. Read the data with tf.data.Dataset.from_generator, or install TensorFlow."
    )


__all__ = [
    "AUTOTUNE",
    "INFINITE_CARDINALITY",
    "UNKNOWN_CARDINALITY",
    "Dataset",
    "Options",
    "TextLineDataset",
    "experimental",
]
