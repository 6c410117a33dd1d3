"""Encoded examples, and functions that split them into minibatches.

All minibatches of a data set have the same number of examples. Their order depends only on the seed and the epoch.
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
        """Return a batch with the examples that have the given indices, [examples], in the same order."""
        return type(self)(*(tree_map(lambda array: array[examples], tree) for tree in self))


class Selection(NamedTuple):
    """The examples of one minibatch.

    Attributes:
        examples: Indices of the examples, [batch_size].
        weights: The weight of each example in the loss, [batch_size]: 0 for copies that pad the last minibatch, 1 for
            others.
    """

    examples: NDArray[np.intp]
    weights: NDArray[np.float32]


def shuffled(examples: int, seed: int, epoch: int) -> NDArray[np.intp]:
    """Return the indices 0 to `examples` - 1 in random order, [examples].

    The order depends only on the number of examples, the seed and the epoch.
    """
    return np.random.default_rng(np.random.SeedSequence([seed, epoch])).permutation(examples)


def minibatches(examples: NDArray[np.intp], batch_size: int) -> Iterator[Selection]:
    """Yield minibatches of `batch_size` examples each. `examples` contains indices of examples, [examples].

    The last minibatch is padded with copies of its first example, which have weight 0.
    """
    for start in range(0, len(examples), batch_size):
        batch = examples[start : start + batch_size]
        padded = np.concatenate([batch, np.repeat(batch[:1], batch_size - len(batch))])
        yield Selection(padded, (np.arange(batch_size) < len(batch)).astype(np.float32))


def concatenate(trees: list[Any]) -> Tree:
    """Return a tree whose arrays are those of all `trees`, concatenated along the first axis.

    All trees must have the same structure.
    """
    return tree_map(lambda *arrays: np.concatenate(arrays), trees[0], *trees[1:])
