"""The random numbers of `tf.data`, equal to those of TensorFlow: the same seeds give the same order."""

import contextlib
import random
import secrets
from collections.abc import Iterator
from typing import TypeVar

import numpy as np

_DEFAULT_GRAPH_SEED = 87654321  # TensorFlow's first seed for an operation with a seed and no global seed
_MAX_INT32 = 2**31 - 1
_WORD = np.uint64(0xFFFFFFFF)
_Item = TypeVar("_Item")


class _GlobalSeed:
    """The seed that was set by `tf.random.set_seed`, and the seeds for operations that follow from it."""

    def __init__(self) -> None:
        self.seed: int | None = None
        self.operations = random.Random()


_global = _GlobalSeed()


def set_seed(seed: int) -> None:
    """Set the global seed, as `tf.random.set_seed` does."""
    _global.seed = seed
    _global.operations = random.Random(seed)


def forget_seed() -> None:
    """Return to the state before any call of `set_seed`."""
    _global.seed = None


def seeds(operation: int | None) -> tuple[int, int]:
    """Return the two seeds of an operation, as `tf.compat.v1.get_seed` does. Without any seed they are random."""
    if _global.seed is not None:
        if operation is None:
            operation = _global.operations.randint(0, _MAX_INT32)
        pair = _global.seed % _MAX_INT32, int(operation) % _MAX_INT32
    elif operation is not None:
        pair = _DEFAULT_GRAPH_SEED, int(operation) % _MAX_INT32
    else:
        return secrets.randbits(31), secrets.randbits(31)
    return pair if pair != (0, 0) else (0, _MAX_INT32)


class Philox:
    """The generator Philox4x32-10 (Salmon et al. 2011) as TensorFlow seeds and reads it."""

    def __init__(self, seed: int, seed2: int) -> None:
        self._key = seed & 0xFFFFFFFF, seed >> 32 & 0xFFFFFFFF
        self._high = seed2 & 0xFFFFFFFF, seed2 >> 32 & 0xFFFFFFFF
        self._counter = 0
        self._block: list[int] = []

    def __call__(self) -> int:
        """Return the next number from 0 to 2**32 - 1."""
        if not self._block:
            self._block = self._blocks(4 if self._counter < 8 else 256)[::-1]
        return self._block.pop()

    def _blocks(self, count: int) -> list[int]:
        counters = np.arange(self._counter, self._counter + count, dtype=np.uint64)
        self._counter += count
        a, b = counters & _WORD, counters >> np.uint64(32)
        c, d = (np.full(count, word, np.uint64) for word in self._high)
        key, key2 = self._key
        for _ in range(10):
            first, second = a * np.uint64(0xD2511F53), c * np.uint64(0xCD9E8D57)
            a, b = second >> np.uint64(32) ^ b ^ np.uint64(key), second & _WORD
            c, d = first >> np.uint64(32) ^ d ^ np.uint64(key2), first & _WORD
            key, key2 = (key + 0x9E3779B9) & 0xFFFFFFFF, (key2 + 0xBB67AE85) & 0xFFFFFFFF
        numbers: list[int] = np.stack([a, b, c, d], axis=1).ravel().tolist()
        return numbers


class IterationSeeds:
    """The seeds for each iteration of one shuffled dataset.

    Args:
        pair: The seeds of the operation.
        reshuffle: Whether each iteration gets new seeds.
    """

    def __init__(self, pair: tuple[int, int], reshuffle: bool) -> None:
        self._pair = pair
        self._generator = Philox(*pair) if reshuffle else None

    def next(self) -> tuple[int, int]:
        """Return the seeds of the next iteration."""
        if self._generator is None:
            return self._pair
        return self._generator(), self._generator()


def shuffled(elements: Iterator[_Item], buffer_size: int, pair: tuple[int, int]) -> Iterator[_Item]:
    """Yield the elements in a random order, each drawn from a buffer of the next `buffer_size` elements."""
    draw = Philox(*pair)
    buffer: list[_Item] = []
    start = 0  # the buffer is a ring: drawn elements leave their place to the element at the start
    for element in elements:
        if len(buffer) < buffer_size:
            buffer.append(element)
            continue
        index = (start + draw() % buffer_size) % buffer_size
        drawn, buffer[index] = buffer[index], buffer[start]
        buffer[start] = element
        start = (start + 1) % buffer_size
        yield drawn
    count = len(buffer)
    for left in range(count, 0, -1):
        index = (start + draw() % left) % count
        drawn, buffer[index] = buffer[index], buffer[start]
        start = (start + 1) % count
        yield drawn


class _Peek:
    active = False


@contextlib.contextmanager
def peeking() -> Iterator[None]:
    """Make datasets yield their elements unshuffled and keep their seeds, for a look at the form of an element."""
    before, _Peek.active = _Peek.active, True
    try:
        yield
    finally:
        _Peek.active = before


def is_peeking() -> bool:
    """Return True inside `peeking`."""
    return _Peek.active
