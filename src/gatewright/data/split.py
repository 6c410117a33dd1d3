"""Split examples into training and held-out sets, or select random subsets, stratified by class.

The results depend only on the arguments, which include the seed.
"""

import heapq
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewright.support.errors import InputError

# Examples in a block of neighbours: many times as many as are related, so that few related examples are separated.
_BLOCK = 100

Labels = Sequence[str] | NDArray[Any]


def stratified_split(labels: Labels, fraction: float, seed: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Hold out a fraction of the examples so that the classes have the same proportions in both sets.

    At least one example of each class is kept. At least one example of each class that has two or more is held out, if
    there are enough held-out examples for all classes. The numbers of held-out examples are rounded
    by the largest-remainder method.

    Args:
        labels: The class of each example, [examples].
        fraction: The fraction of examples to hold out, from 0 to 1. It is rounded to a whole number of examples.
        seed: The seed of the random numbers.

    Returns:
        Two arrays of indices, both shuffled: those of the kept examples and those of the held-out examples.
    """
    classes, counts = _classes(labels)
    order, chosen = _choose(classes, _held_out_counts(counts, fraction), seed)
    return order[~chosen], order[chosen]


def stratified_block_split(labels: Labels, fraction: float, seed: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Split like `stratified_split`, but hold out blocks of consecutive examples of the same class.

    Use it for data in which consecutive examples are related. Otherwise the network could memorize an example and
    recognize its held-out neighbour. A block has 100 examples of a class. If fewer than 100 examples of the class are
    held out, they form one block.
    """
    classes, counts = _classes(labels)
    rng = np.random.default_rng(seed)
    held_out = np.zeros(len(classes), np.bool_)
    for number, count in enumerate(_held_out_counts(counts, fraction)):
        members = np.flatnonzero(classes == number)
        block = max(1, min(_BLOCK, count))
        starts = rng.permutation(np.arange(0, len(members), block))
        places = (starts[:, None] + np.arange(block)).ravel()
        held_out[members[places[places < len(members)][:count]]] = True
    order = rng.permutation(len(classes))
    return order[~held_out[order]], order[held_out[order]]


def multilabel_split(
    labels: Sequence[Sequence[str]], fraction: float, seed: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Hold out a fraction of examples that have any number of labels each. Proportions of labels are not kept.

    Every label occurs in the kept examples, unless there are fewer kept examples than labels. `labels` contains the
    labels of each example. The other arguments and the two results are as for `stratified_split`.
    """
    order = _each_label_first(labels, seed)
    kept = len(order) - round(fraction * len(order))
    return order[:kept], order[kept:]


def stratified_sample(labels: Labels, size: int, seed: int) -> NDArray[np.intp]:
    """Select `size` random examples so that the classes keep their proportions.

    Return the indices of the selected examples, in ascending order. If there are at most `size` examples, all are
    selected. At least one example of each class is selected, unless `size` is less than the number of classes.

    Raises:
        InputError: `size` is below 1.
    """
    _require_positive(size)
    if size >= len(labels):
        return np.arange(len(labels))
    classes, counts = _classes(labels)
    order, chosen = _choose(classes, _allot(counts, size, np.minimum(counts, 1), counts), seed)
    return np.sort(order[chosen])


def multilabel_sample(labels: Sequence[Sequence[str]], size: int, seed: int) -> NDArray[np.intp]:
    """Select `size` random examples, and return their indices in ascending order.

    `labels` contains the labels of each example, of which there may be any number. Every label occurs in the selected
    examples if `size` is at least the number of labels. Proportions of labels are not kept.

    Raises:
        InputError: `size` is below 1.
    """
    _require_positive(size)
    return np.sort(_each_label_first(labels, seed)[:size])


def count_shared_texts(train: Sequence[str], test: Sequence[str]) -> int:
    """Return the number of training texts that also occur in the test set."""
    known = set(test)
    return sum(text in known for text in train)


def refuse_second(data: str, split: str, own: object, given: str) -> None:
    """Raise an error if the data set already has the split for which the user gave a file.

    Args:
        data: The name of the data set, for the error message.
        split: "validation" or "test", which is also the name of the option.
        own: The split that belongs to the data set, or None if the data set does not have this split.
        given: The file or folder that the user gave for the split.

    Raises:
        InputError: `own` is not None.
    """
    if own is not None:
        raise InputError(f"{data} has its own {split} set. Leave --{split} {given} out.")


def _require_positive(size: int) -> None:
    if size < 1:
        raise InputError(f"The number of examples must be 1 or more, not {size}.")


def _classes(labels: Labels) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the class index of each example, [examples], and the number of examples of each class, [classes]."""
    _, classes, counts = np.unique(np.asarray(labels), return_inverse=True, return_counts=True)
    return classes, counts


def _each_label_first(labels: Sequence[Sequence[str]], seed: int) -> NDArray[np.intp]:
    """Return the indices of all examples in random order, [examples], but with all labels as early as possible.

    The examples that have a label which no earlier example in the random order has are moved to the front.
    """
    order = np.random.default_rng(seed).permutation(len(labels))
    known: set[str] = set()
    has_new_label = np.zeros(len(labels), np.bool_)
    for place, example in enumerate(order):
        has_new_label[place] = not known.issuperset(labels[example])
        known.update(labels[example])
    return np.concatenate([order[has_new_label], order[~has_new_label]])


def _held_out_counts(counts: NDArray[np.intp], fraction: float) -> NDArray[np.intp]:
    """Return how many examples of each class to hold out, [classes]. At least one example of each class is kept.

    `counts` is the number of examples of each class, [classes].
    """
    return _allot(counts, round(fraction * int(counts.sum())), np.minimum(counts - 1, 1), counts - 1)


def _allot(
    counts: NDArray[np.intp], total: int, minimum: NDArray[np.intp], maximum: NDArray[np.intp]
) -> NDArray[np.intp]:
    """Distribute `total` examples over the classes in proportion to `counts`, by the largest-remainder method.

    Return the number of examples of each class, [classes]. It is between `minimum` and `maximum`, but a bound that is
    impossible with this total is ignored.
    """
    minimum = minimum if minimum.sum() <= total else np.zeros_like(counts)
    maximum = maximum if maximum.sum() >= total else counts
    quotas = total * counts / max(int(counts.sum()), 1)
    allotted: NDArray[np.intp] = np.clip(np.floor(quotas).astype(np.intp), minimum, maximum)
    missing = total - int(allotted.sum())
    step, bound = (1, maximum) if missing > 0 else (-1, minimum)
    # The class whose number is furthest from its quota comes first, and of equals the first class.
    furthest = [(step * (allotted[one] - quotas[one]), one) for one in np.flatnonzero(allotted != bound).tolist()]
    heapq.heapify(furthest)
    for _ in range(abs(missing)):
        _, one = heapq.heappop(furthest)
        allotted[one] += step
        if allotted[one] != bound[one]:
            heapq.heappush(furthest, (step * (allotted[one] - quotas[one]), one))
    return allotted


def _choose(
    classes: NDArray[np.intp], wanted: NDArray[np.intp], seed: int
) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Choose random examples of each class. `wanted` is the number to choose from each class, [classes].

    Return the indices of all examples in random order, [examples], and a mask in the same order, [examples], which is
    True for the chosen examples.
    """
    order = np.random.default_rng(seed).permutation(len(classes))
    shuffled = classes[order]
    by_class = np.argsort(shuffled, kind="stable")
    starts = np.searchsorted(shuffled[by_class], np.arange(len(wanted)))
    rank = np.empty_like(order)
    rank[by_class] = np.arange(len(order)) - starts[shuffled[by_class]]
    return order, rank < wanted[shuffled]
