"""Rows in batches: their order is a function of seed and epoch, and every batch has the same shape."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class Examples(NamedTuple):
    """Rows as numbers: inputs [rows, ...] and targets [rows, ...], both with the row as first axis."""

    inputs: NDArray[Any]
    targets: NDArray[Any]

    def take(self, rows: NDArray[np.intp]) -> Examples:
        """The given rows, in the given order."""
        return Examples(self.inputs[rows], self.targets[rows])


class Batch(NamedTuple):
    """Which rows stand in a batch, [size], and what each counts, [size]: 1, or 0 where it only fills the batch up."""

    rows: NDArray[np.intp]
    weights: NDArray[np.float32]


def order(rows: int, seed: int, epoch: int) -> NDArray[np.intp]:
    """The order of the rows in an epoch: a permutation that depends on nothing but these three numbers."""
    return np.random.default_rng(np.random.SeedSequence([seed, epoch])).permutation(rows)


def batches(rows: NDArray[np.intp], size: int) -> Iterator[Batch]:
    """The rows in batches of `size`; the last is filled up with its first row, which then counts nothing."""
    for start in range(0, len(rows), size):
        part = rows[start : start + size]
        filling = size - len(part)
        weights = np.concatenate([np.ones(len(part), np.float32), np.zeros(filling, np.float32)])
        yield Batch(np.concatenate([part, np.repeat(part[:1], filling)]), weights)
