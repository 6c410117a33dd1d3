"""Padded batches: the widths that a network is compiled for, and the batches that are as narrow as their examples."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewright.data import widths
from gatewright.data.batches import Batch, Selection, minibatches, shuffled
from gatewright.tasks.base.task import Prepared
from gatewright.training.recipe import Recipe

# Time steps of padding that cost as much time in training as the compilation for one more width: 2 to 4 seconds of the
# processor. With default settings, one costs about a microsecond.
_PRICE = 3_000_000
# Number of batches whose examples are sorted together, if batches have examples of similar length.
_POOL = 50
# A training step takes about as long as this number of evaluations of its batch.
_TRAINING = 3


class ByWidth:
    """A function of a batch that is compiled once for each of a few widths.

    A batch is padded to the smallest width that holds its longest example. For a batch that none of them holds, the
    function is compiled for one more width. If examples have no padding, the function is compiled once.

    Args:
        prepared: The task's `Prepared`.
        compile: Function that returns the compiled function for batches of the same shapes as its argument.
        like: A batch with the right number of examples.
        chosen: The widths; see `of_training` and `of_evaluation`.
    """

    def __init__(
        self, prepared: Prepared[Any], compile: Callable[[Batch], Any], like: Batch, chosen: Sequence[int]
    ) -> None:
        self._prepared, self._compile = prepared, compile
        self._compiled = {width: compile(prepared.with_steps(like, width)) for width in chosen} or {0: compile(like)}

    def fitting(self, batch: Batch) -> tuple[Any, Batch]:
        """Return the compiled function for a batch, and the batch padded to its width."""
        lengths = self._prepared.lengths(batch)
        if lengths is None:
            return self._compiled[0], batch
        longest = max(1, int(lengths.max()))
        width = next((width for width in sorted(self._compiled) if width >= longest), longest)
        batch = self._prepared.with_steps(batch, width)
        if width not in self._compiled:
            self._compiled[width] = self._compile(batch)
        return self._compiled[width], batch


def by_length(prepared: Prepared[Any], batch: Batch) -> NDArray[np.intp]:
    """Return the indices of the examples, the shortest first, or in their order if they have no padding."""
    lengths = prepared.lengths(batch)
    return np.arange(batch.size) if lengths is None else np.argsort(lengths, kind="stable")


def training_batches(prepared: Prepared[Any], train: Batch, batch_size: int, seed: int, epoch: int) -> list[Selection]:
    """Return the minibatches of an epoch. They depend on the examples, the seed and the epoch alone.

    With `Prepared.batches_by_length`, _POOL batches at a time are drawn at random, their examples are sorted by length
    and divided, and the batches of all draws are shuffled.
    """
    order, lengths = shuffled(train.size, seed, epoch), prepared.lengths(train)
    if not prepared.batches_by_length or lengths is None:
        return list(minibatches(order, batch_size))
    selections: list[Selection] = []
    for first in range(0, len(order), _POOL * batch_size):
        pool = order[first : first + _POOL * batch_size]
        selections += minibatches(pool[np.argsort(lengths[pool], kind="stable")], batch_size)
    return [selections[place] for place in shuffled(len(selections), seed, epoch)]


def of_training(prepared: Prepared[Any], train: Batch, recipe: Recipe) -> tuple[int, ...]:
    """Return the widths for training steps. Empty if examples have no padding.

    They suit batches as they are drawn at random in an epoch, but do not depend on the seed.
    """
    lengths = prepared.lengths(train)
    if lengths is None:
        return ()
    # Each example is in a batch, so the last width holds all of them.
    batches = training_batches(prepared, train, recipe.batch_size, 0, 1)
    needed = [lengths[some.examples].max() for some in batches]
    return widths.choose(np.array(needed), _PRICE / (prepared.substeps * recipe.batch_size * recipe.epochs))


def of_evaluation(prepared: Prepared[Any], sets: Sequence[tuple[Batch, int]], examples: int) -> tuple[int, ...]:
    """Return the widths for the computation of outputs. Empty if examples have no padding.

    Args:
        prepared: The task's `Prepared`.
        sets: The sets of examples, each with how often its outputs are computed.
        examples: Number of examples in a call.
    """
    needed: list[int] = []
    times: list[int] = []
    for batch, often in sets:
        lengths = prepared.lengths(batch)
        if lengths is None:
            return ()
        own = [int(lengths[some.examples].max()) for some in minibatches(by_length(prepared, batch), examples)]
        needed += own
        times += [often] * len(own)
    price = _TRAINING * _PRICE / (prepared.substeps * examples)
    return widths.choose(np.array(needed), price, np.array(times, np.float64))
