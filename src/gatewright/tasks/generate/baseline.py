"""The n-gram language model that every recurrent one is held against."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int64]


class _Order(NamedTuple):
    """The n-grams of one length n.

    Attributes:
        keys: sorted; an n-gram is its first n - 1 ids, as the place of that (n - 1)-gram, times the ids, plus the last.
        counts: of each.
        totals: of each context, the (n - 1)-grams: the sum of the counts of what follows.
        weight: of each context: the share of probability that is left to shorter contexts.
        discounts: of counts 0, 1, 2, and 3 or more.
    """

    keys: Ids
    counts: Ids
    totals: NDArray[np.float64]
    weight: NDArray[np.float64]
    discounts: NDArray[np.float64]


class NGrams:
    """Interpolated modified Kneser-Ney: Chen & Goodman 1999, "An Empirical Study of Smoothing Techniques for Language
    Modeling", section 3 and equation 21 on.

        p(w | h) = max(c(h w) - D(c(h w)), 0) / c(h .) + weight(h) p(w | h'),   h' is h without its first id

    The longest n-grams have their counts; of the shorter ones it counts how many different ids stand before them. Below
    the single ids all ids are equally likely.

    Args:
        ids: the training stream.
        order: n, of the longest n-grams; of a stream that is shorter, its length.
        vocabulary: how many ids there are.
    """

    def __init__(self, ids: NDArray[np.integer[Any]], order: int, vocabulary: int) -> None:
        ids = np.asarray(ids, np.int64)
        self.order = order = min(order, len(ids))
        self._vocabulary = vocabulary
        self._orders: list[_Order] = []
        place = np.zeros(len(ids) + 1, np.int64)  # of the (n - 1)-gram that ends before each position
        seen: list[tuple[Ids, Ids]] = []  # for each n: where each n-gram first ends, and that of each position
        counted: list[tuple[Ids, Ids]] = []
        for n in range(1, order + 1):
            keys, first, of, counts = np.unique(
                place[n - 1 : len(ids)] * vocabulary + ids[n - 1 :],
                return_index=True,
                return_inverse=True,
                return_counts=True,
            )
            counted.append((keys, counts))
            seen.append((first + n - 1, of))
            place = np.concatenate([np.zeros(n, np.int64), of])
        for n in range(1, order + 1):
            keys, counts = counted[n - 1]
            if n < order:
                # The n-gram at the end of each (n + 1)-gram, once for each: so many different ids stand before it.
                ends = seen[n][0]
                counts = np.bincount(seen[n - 1][1][ends - n + 1], minlength=len(keys))
            contexts = len(counted[n - 2][0]) if n > 1 else 1
            self._orders.append(_smoothed(keys, counts, contexts, vocabulary))

    def probabilities(self, ids: NDArray[np.integer[Any]]) -> NDArray[np.float64]:
        """p of each id but the first, from those before it, [len(ids) - 1]."""
        ids = np.asarray(ids, np.int64)
        found = np.full(len(ids), 1 / self._vocabulary)
        place = np.zeros(len(ids), np.int64)  # of the context of each position; -1 where it was never seen
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
            place = np.concatenate([[-1], np.where(there, at, -1)[:-1]])
            if n == 1:
                place[0] = -1
        return found[1:]


def _smoothed(keys: Ids, counts: Ids, contexts: int, vocabulary: int) -> _Order:
    """Discounts and what they leave over, equations 26 and following of Chen & Goodman."""
    n1, n2, n3, n4 = (int((counts == c).sum()) for c in (1, 2, 3, 4))
    y = n1 / (n1 + 2 * n2) if n1 and n2 else 0.5
    ratios = [(n1, n2), (n2, n3), (n3, n4)]
    discounts = [0.0]
    for c, (one, other) in enumerate(ratios, 1):
        discounts.append(min(max(c - (c + 1) * y * other / one, 0.1 * c), 0.95 * c) if one and other else 0.5 * c)
    table = np.array(discounts)
    of = keys // vocabulary
    totals = np.bincount(of, counts, minlength=contexts)
    left = np.bincount(of, np.minimum(table[np.minimum(counts, 3)], counts), minlength=contexts)
    return _Order(keys, counts, np.asarray(totals, np.float64), left / np.maximum(totals, 1), table)


def best_order(
    train: NDArray[np.integer[Any]], validation: NDArray[np.integer[Any]], orders: Sequence[int], vocabulary: int
) -> NGrams:
    """The model of the order, one of `orders`, that gives the validation stream the highest probability."""
    models = [NGrams(train, order, vocabulary) for order in orders]
    return min(models, key=lambda model: -np.log(model.probabilities(validation)).mean())
