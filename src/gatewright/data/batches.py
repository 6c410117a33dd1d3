"""Encoded examples, and their division into minibatches.

All minibatches have the same shape. Their order depends only on the seed and the epoch.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from gatewright.support.trees import Tree, tree_length, tree_map


class Batch(NamedTuple):
    """Encoded examples: nested containers (trees) of arrays. The first axis of each array is the example.

    Attributes:
        inputs: The inputs of the network, a tree of arrays [examples, ...].
        targets: The targets that the network learns to predict, a tree of arrays [examples, ...].
    """

    inputs: Tree
    targets: Tree

    @property
    def size(self) -> int:
        """The number of examples."""
        return tree_length(self.inputs)

    def take(self, examples: NDArray[np.intp]) -> Self:
        """Return a batch of the examples with the given indices, [examples], in the order of the indices."""
        return type(self)(*(tree_map(lambda array: array[examples], tree) for tree in self))


class Selection(NamedTuple):
    """The examples of one minibatch.

    Attributes:
        examples: Indices of the examples, [batch_size].
        weights: 1 for each example, and 0 for each copy that pads the last minibatch, [batch_size].
    """

    examples: NDArray[np.intp]
    weights: NDArray[np.float32]


def shuffled(examples: int, seed: int, epoch: int) -> NDArray[np.intp]:
    """Return the indices of the examples in random order, [examples].

    The order depends only on the number of examples, the seed and the epoch.
    """
    return np.random.default_rng(np.random.SeedSequence([seed, epoch])).permutation(examples)


def minibatches(examples: NDArray[np.intp], batch_size: int) -> Iterator[Selection]:
    """Split examples, given by their indices, into minibatches of `batch_size` examples.

    The last minibatch is padded with copies of its first example, which have weight 0.
    """
    for start in range(0, len(examples), batch_size):
        batch = examples[start : start + batch_size]
        padded = np.concatenate([batch, np.repeat(batch[:1], batch_size - len(batch))])
        yield Selection(padded, (np.arange(batch_size) < len(batch)).astype(np.float32))


def concatenate(trees: list[Any]) -> Tree:
    """Concatenate the arrays of several trees of the same structure along their first axis."""
    return tree_map(lambda *arrays: np.concatenate(arrays), trees[0], *trees[1:])
