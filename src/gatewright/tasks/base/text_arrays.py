"""Texts as arrays, for outputs and targets, which are trees of arrays."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

# A byte that no text in UTF-8 has, which pads texts.
_NO_BYTE = 0xFF


def as_bytes(texts: Sequence[str]) -> NDArray[np.uint8]:
    """Return texts as bytes in UTF-8, [texts, bytes], padded on the right with a byte that UTF-8 does not have."""
    encoded = [text.encode("utf-8", "surrogatepass") for text in texts]
    rows = np.full((len(texts), max(map(len, encoded), default=0)), _NO_BYTE, np.uint8)
    for row, one in zip(rows, encoded, strict=True):
        row[: len(one)] = np.frombuffer(one, np.uint8)
    return rows


def as_texts(rows: NDArray[np.uint8]) -> list[str]:
    """Return the texts that `as_bytes` converted to `rows`."""
    return [row[row != _NO_BYTE].tobytes().decode("utf-8", "surrogatepass") for row in np.asarray(rows, np.uint8)]
