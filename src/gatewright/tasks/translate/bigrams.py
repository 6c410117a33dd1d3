"""A bigram model of sentences."""

from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

# The n-grams of the generate and the transcribe task have other units and another smoothing: word translation compares
# whole matrices of known words, so that two orders with one discount, and no share of all words for new ones, suffice.

Ids = NDArray[np.integer[Any]]

BOUNDARY = 0
"""The id that stands before the first and after the last word of a sentence."""


class Bigrams:
    """A bigram model with absolute discounting and Kneser-Ney smoothing, interpolated.

    Chen & Goodman 1999, "An Empirical Study of Smoothing Techniques for Language Modeling", section 2.7:

        p(w | v) = max(c(v w) - D, 0) / c(v .) + D N(v .) / c(v .) q(w)
        q(w) = N(. w) / N(. .),   D = n1 / (n1 + 2 n2)

    N counts different bigrams, and n1 and n2 are the numbers of bigrams that occur once and twice.

    Args:
        sentences: The ids of the words of each training sentence, from 1.
        ids: Number of ids, with the boundary. `ids` itself stands for an unknown word.
    """

    def __init__(self, sentences: Sequence[Sequence[int]], ids: int) -> None:
        self._ids = ids
        words = (one for sentence in sentences for one in (*sentence, BOUNDARY))
        stream = np.fromiter(chain([BOUNDARY], words), np.int64)
        self._keys, self._counts = np.unique(stream[:-1] * ids + stream[1:], return_counts=True)
        n1, n2 = (int((self._counts == count).sum()) for count in (1, 2))
        self._D = n1 / (n1 + 2 * n2) if n1 and n2 else 0.5
        before, after = self._keys // ids, self._keys % ids
        self._totals = np.bincount(before, self._counts, ids + 1)
        continued = np.bincount(before, minlength=ids + 1)
        self._weight = np.where(self._totals > 0, self._D * continued / np.maximum(self._totals, 1), 1.0)
        # An unknown word is as likely as one that occurs once.
        self._q = np.maximum(np.bincount(after, minlength=ids + 1), 1) / len(self._keys)

    def log_probabilities(self, before: Ids, after: Ids) -> NDArray[np.float64]:
        """Return log p(w | v) for all pairs of the ids v in `before` and w in `after`, [before, after]."""
        v, w = np.asarray(before, np.int64)[:, None], np.asarray(after, np.int64)[None, :]
        keys = v * self._ids + w
        at = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        known = (self._keys[at] == keys) & (w < self._ids) & (v < self._ids)
        count = np.where(known, np.maximum(self._counts[at] - self._D, 0), 0)
        return np.asarray(np.log(count / np.maximum(self._totals[v], 1) + self._weight[v] * self._q[w]))
