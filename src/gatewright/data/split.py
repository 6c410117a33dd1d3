"""Which rows go where: stratified by class, and a function of labels and seed alone."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewright.support.errors import InputError

# Rows of a stretch of neighbours: many times as many as belong together, so that few of them stand on both sides.
_STRETCH = 100

Labels = Sequence[str] | NDArray[Any]


def hold_out(labels: Labels, share: float, seed: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The rows kept and the rows held out, both shuffled; held are round(share * rows), each class in proportion.

    `share` is from 0 to 1.

    Each class leaves a row among the kept; each of two rows or more has one among the held too, where the number
    of held rows allows it. What is left over goes by the largest remainder.
    """
    classes, counts = _classes(labels)
    wanted = _held(counts, share)
    order, chosen = _choose(classes, wanted, seed)
    return order[~chosen], order[chosen]


def hold_out_stretches(labels: Labels, share: float, seed: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """As `hold_out`, for rows whose neighbours belong together: of each class whole stretches of neighbours are held.

    Else what a network has learnt of a row by heart would help it with the held row beside it, and with no other.
    Stretches are of 100 rows of a class, or of all that are held of it where these are fewer.
    """
    classes, counts = _classes(labels)
    wanted = _held(counts, share)
    draw = np.random.default_rng(seed)
    held = np.zeros(len(classes), np.bool_)
    for number, held_of_class in enumerate(wanted):
        rows = np.flatnonzero(classes == number)
        stretch = max(1, min(_STRETCH, held_of_class))
        starts = draw.permutation(np.arange(0, len(rows), stretch))
        places = (starts[:, None] + np.arange(stretch)).ravel()
        held[rows[places[places < len(rows)][:held_of_class]]] = True
    order = draw.permutation(len(classes))
    return order[~held[order]], order[held[order]]


def sample(labels: Labels, rows: int, seed: int) -> NDArray[np.intp]:
    """At most `rows` rows in their order, each class in proportion, and with one row at least where `rows` allow it.

    Raises:
        InputError: `rows` is below 1.
    """
    if rows < 1:
        raise InputError(f"the number of rows must be 1 or more, not {rows}.")
    if rows >= len(labels):
        return np.arange(len(labels))
    classes, counts = _classes(labels)
    order, chosen = _choose(classes, _allot(counts, rows, np.minimum(counts, 1), counts), seed)
    chosen_rows: NDArray[np.intp] = np.sort(order[chosen])
    return chosen_rows


def hold_out_several(
    labels: Sequence[Sequence[str]], share: float, seed: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """As `hold_out`, of rows with any number of labels each, which have no classes to be kept in proportion.

    Each label leaves a row among the kept, as long as so many are kept.
    """
    order = _each_label_first(labels, seed)
    kept = len(order) - round(share * len(order))
    return order[:kept], order[kept:]


def sample_several(labels: Sequence[Sequence[str]], rows: int, seed: int) -> NDArray[np.intp]:
    """As `sample`, of rows with any number of labels each; with each label where `rows` allow it.

    Raises:
        InputError: `rows` is below 1.
    """
    if rows < 1:
        raise InputError(f"the number of rows must be 1 or more, not {rows}.")
    chosen: NDArray[np.intp] = np.sort(_each_label_first(labels, seed)[:rows])
    return chosen


def recurring(train: Sequence[str], test: Sequence[str]) -> int:
    """How many training rows have a text that occurs, letter for letter, in the test rows too."""
    known = set(test)
    return sum(text in known for text in train)


def _classes(labels: Labels) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The class number of each row, [rows], and the rows of each class, [classes]."""
    _, classes, counts = np.unique(np.asarray(labels), return_inverse=True, return_counts=True)
    return classes, counts


def _each_label_first(labels: Sequence[Sequence[str]], seed: int) -> NDArray[np.intp]:
    """All rows in the seed's order, but at its head those that bring a label which none before them has."""
    order = np.random.default_rng(seed).permutation(len(labels))
    known: set[str] = set()
    brings = np.zeros(len(labels), np.bool_)
    for place, row in enumerate(order):
        brings[place] = not known.issuperset(labels[row])
        known.update(labels[row])
    return np.concatenate([order[brings], order[~brings]])


def _held(counts: NDArray[np.intp], share: float) -> NDArray[np.intp]:
    """How many rows of each class are held out, [classes]; each class keeps one."""
    return _allot(counts, round(share * int(counts.sum())), np.minimum(counts - 1, 1), counts - 1)


def _allot(counts: NDArray[np.intp], total: int, least: NDArray[np.intp], most: NDArray[np.intp]) -> NDArray[np.intp]:
    """Rows of each class, [classes], `total` together: the largest-remainder method between two bounds.

    A bound that can't be kept with this total gives way.
    """
    least = least if least.sum() <= total else np.zeros_like(counts)
    most = most if most.sum() >= total else counts
    quotas = total * counts / max(int(counts.sum()), 1)
    rows: NDArray[np.intp] = np.clip(np.floor(quotas).astype(np.intp), least, most)
    while rows.sum() < total:
        rows[np.argmax(np.where(rows < most, quotas - rows, -np.inf))] += 1
    while rows.sum() > total:
        rows[np.argmin(np.where(rows > least, quotas - rows, np.inf))] -= 1
    return rows


def _choose(
    classes: NDArray[np.intp], wanted: NDArray[np.intp], seed: int
) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """All rows in the seed's order, and which of them are the first `wanted` of their class."""
    order = np.random.default_rng(seed).permutation(len(classes))
    shuffled = classes[order]
    by_class = np.argsort(shuffled, kind="stable")
    starts = np.searchsorted(shuffled[by_class], np.arange(len(wanted)))
    place = np.empty_like(order)
    place[by_class] = np.arange(len(order)) - starts[shuffled[by_class]]
    return order, place < wanted[shuffled]
