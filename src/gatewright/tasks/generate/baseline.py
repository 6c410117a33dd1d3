"""The baseline of language models: an n-gram model."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gatewright.support.ids import START

# The n-grams of the transcribe and the translate task have other units and another smoothing: this model reads a whole
# stream of tokens at once, with contexts of any length, and has the three discounts that the best baseline needs.

Ids = NDArray[np.int64]


class _Order(NamedTuple):
    """The n-grams of one length n.

    Attributes:
        keys: The n-grams as numbers, sorted. The number of an n-gram is the index of its first n - 1 ids among the
            (n - 1)-grams, times the size of the vocabulary, plus its last id.
        counts: The count of each n-gram, in the order of `keys`.
        totals: For each context, which is an (n - 1)-gram, the sum of the counts of the n-grams that begin with it.
        weight: For each context, the weight of the probabilities given the shorter context.
        discounts: The numbers subtracted from the counts 0, 1, 2, and 3 or more.
    """

    keys: Ids
    counts: Ids
    totals: NDArray[np.float64]
    weight: NDArray[np.float64]
    discounts: NDArray[np.float64]


class NGrams:
    """An n-gram model with interpolated modified Kneser-Ney smoothing.

    Chen & Goodman 1999, "An Empirical Study of Smoothing Techniques for Language Modeling", section 3, starting at
    equation 21:

        p(w | h) = max(c(h w) - D(c(h w)), 0) / c(h .) + weight(h) p(w | h'),   h' is h without its first id

    The count of an n-gram of the longest length is the number of times it occurs. The count of a shorter n-gram is the
    number of different ids that occur before it. Without any context, all ids are equally likely.

    Args:
        ids: The training stream, [steps].
        order: The length of the longest n-grams. It is reduced if the stream, or each separate text, is shorter.
        vocabulary: Number of ids in the vocabulary.
        separate: True if the texts in a stream have nothing to do with each other: contexts then begin at the last
            START. An n-gram that begins with START has no longer one, and counts as often as it occurs.
    """

    def __init__(self, ids: NDArray[np.integer[Any]], order: int, vocabulary: int, separate: bool = False) -> None:
        ids = np.asarray(ids, np.int64)
        self.order = order = min(order, len(ids))
        self._vocabulary, self._separate = vocabulary, separate
        self._orders: list[_Order] = []
        place = np.zeros(len(ids), np.int64)  # place of the (n - 1)-gram that ends before each position; -1 if none
        seen: list[tuple[Ids, Ids]] = []  # for each n: where each n-gram first ends, and the n-gram at each position
        counted: list[tuple[Ids, Ids]] = []
        for n in range(1, order + 1):
            ends = np.flatnonzero(place >= 0)
            if not len(ends):  # all separate texts are shorter
                self.order = order = n - 1
                break
            keys, first, of, counts = np.unique(
                place[ends] * vocabulary + ids[ends], return_index=True, return_inverse=True, return_counts=True
            )
            grams = np.full(len(ids), -1)
            grams[ends] = of
            counted.append((keys, counts))
            seen.append((ends[first], grams))
            place = self._contexts(grams, ids, n)
        begins_text = np.zeros(1, np.bool_)  # for each (n - 1)-gram, whether it begins with START
        for n in range(1, order + 1):
            keys, counts = counted[n - 1]
            begins_text = keys % vocabulary == START if n == 1 else begins_text[keys // vocabulary]
            if n < order:
                # Each different (n + 1)-gram counts once for the n-gram at its end.
                longer = np.bincount(seen[n - 1][1][seen[n][0]], minlength=len(keys))
                counts = np.where(begins_text, counts, longer) if separate and n > 1 else longer
            contexts = len(counted[n - 2][0]) if n > 1 else 1
            self._orders.append(_smoothed(keys, counts, contexts, vocabulary))

    def _contexts(self, grams: Ids, ids: NDArray[np.integer[Any]], n: int) -> Ids:
        """Return, for each position, the n-gram that ends before it and is a context there; -1 if there is none.

        Args:
            grams: For each position, the n-gram that ends there, or -1.
            ids: The id at each position.
            n: The length of the n-grams.
        """
        if self._separate and n > 1:  # an n-gram that ends with START began in the text before
            grams = np.where(ids == START, -1, grams)
        return np.concatenate([[-1], grams[:-1]])

    def probabilities(self, ids: NDArray[np.integer[Any]]) -> NDArray[np.float64]:
        """Return the probability of each id after the first, given all ids before it, [len(ids) - 1]."""
        ids = np.asarray(ids, np.int64)
        found = np.full(len(ids), 1 / self._vocabulary)
        place = np.zeros(len(ids), np.int64)  # place of the context of each position; -1 if it is unseen
        for n, grams in enumerate(self._orders, 1):
            known = place >= 0
            keys = np.where(known, place, 0) * self._vocabulary + ids
            at = np.minimum(np.searchsorted(grams.keys, keys), len(grams.keys) - 1)
            there = known & (grams.keys[at] == keys)
            counts = np.where(there, grams.counts[at], 0)
            totals = np.where(known, grams.totals[np.where(known, place, 0)], 0)
            used = totals > 0
            kept = np.maximum(counts - grams.discounts[np.minimum(counts, 3)], 0) / np.where(used, totals, 1)
            found = np.where(used, kept + grams.weight[np.where(known, place, 0)] * found, found)
            place = self._contexts(np.where(there, at, -1), ids, n)
        return found[1:]


def _smoothed(keys: Ids, counts: Ids, contexts: int, vocabulary: int) -> _Order:
    """Return the n-grams of one length with their discounts and weights (Chen & Goodman 1999, from equation 26)."""
    n1, n2, n3, n4 = (int((counts == c).sum()) for c in (1, 2, 3, 4))
    y = n1 / (n1 + 2 * n2) if n1 and n2 else 0.5
    discounts = [0.0]
    for c, (one, other) in enumerate([(n1, n2), (n2, n3), (n3, n4)], 1):
        discounts.append(min(max(c - (c + 1) * y * other / one, 0.1 * c), 0.95 * c) if one and other else 0.5 * c)
    table = np.array(discounts)
    of = keys // vocabulary
    totals = np.bincount(of, counts, minlength=contexts)
    left = np.bincount(of, np.minimum(table[np.minimum(counts, 3)], counts), minlength=contexts)
    return _Order(keys, counts, np.asarray(totals, np.float64), left / np.maximum(totals, 1), table)


def best_order(
    train: NDArray[np.integer[Any]],
    validation: NDArray[np.integer[Any]],
    orders: Sequence[int],
    vocabulary: int,
    separate: bool = False,
) -> NGrams:
    """Fit an n-gram model for each n in `orders`, and return the model that is best on the validation stream."""
    models = [NGrams(train, order, vocabulary, separate) for order in orders]
    return min(models, key=lambda model: -np.log(model.probabilities(validation)).mean())
