"""The vocabulary of a layer for texts, and the counts from which it is made."""

import collections
from typing import Any

import numpy as np


class Learned:
    """The vocabulary of a layer. Keras does not track it, because it is no list or dict."""

    def __init__(self) -> None:
        self.tokens: list[Any] = []
        self.index: dict[Any, int] = {}
        self.idf: np.ndarray | None = None


class Counts:
    """The number of each token in the batches that `adapt` read."""

    def __init__(self) -> None:
        self.tokens: collections.Counter[Any] = collections.Counter()
        self.documents_with: collections.Counter[Any] = collections.Counter()
        self.documents = 0
