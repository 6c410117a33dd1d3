"""A trigram model of the words of transcripts."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Annotated, Any, NamedTuple, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gatewright.support.errors import InputError
from gatewright.support.schema import Items, Parsed, Text, read_as, shown

# The n-grams of the generate and the translate task have other units and another smoothing: this model is kept in model
# files as counts, is asked for one word at a time, and gives words that it does not know a probability.

Context: TypeAlias = tuple[int, int]
"""The numbers of the two words before a word."""

BOUNDARY = 0
"""The number that stands before the first and after the last word of a transcript. Words are numbered from 1."""
START: Context = (BOUNDARY, BOUNDARY)

# Three numbers of words are packed into one integer of 63 bits.
_BITS = 21
_MASK = (1 << _BITS) - 1
_MAX_WORDS = _MASK - 1
# The most frequent trigrams are kept. In a model file, each takes about 12 bytes.
_MAX_TRIGRAMS = 1_000_000
_LINES = 1 << 16
_WORD = Text(1, 1000)

Ints: TypeAlias = NDArray[np.int64]


class _Successors(NamedTuple):
    """The words that follow a context.

    Attributes:
        shares: max(c - D, 0) / c(.) of each word that follows, with its number as key.
        backoff: The share of all words together that the shorter context gives.
    """

    shares: dict[int, float]
    backoff: float


@dataclass(frozen=True, eq=False)
class Ngrams:
    """A trigram model with absolute discounting and Kneser-Ney smoothing, interpolated.

    Chen & Goodman 1999, "An Empirical Study of Smoothing Techniques for Language Modeling", section 2.7:

        p(w | u v) = max(c(u v w) - D3, 0) / c(u v .) + D3 N(u v .) / c(u v .) p(w | v)
        p(w | v)   = max(N(. v w) - D2, 0) / N(. v .) + D2 N(v .)   / N(. v .) p(w)
        p(w)       = max(N(. w)   - D1, 0) / N(. .)   + D1 N(.)     / N(. .)   1 / V

    c counts trigrams, N counts different n-grams, and D = n1 / (n1 + 2 n2) for each order, where n1 and n2 are the
    numbers of n-grams that are counted once and twice. All follow from c(u v w), which is all that is stored. V is the
    number of words, with the end of a transcript, and in an open vocabulary with the unknown word.

    Attributes:
        words: The different words. Word n is `words[n - 1]`.
        keys: The trigrams u v w in rising order, as (u << 42) + (v << 21) + w, [trigrams].
        counts: c(u v w), [trigrams].
    """

    words: tuple[str, ...]
    keys: Ints
    counts: Ints

    @classmethod
    def fit(cls, lines: Iterable[str], words: Iterable[str] = ()) -> Self:
        """Return the model of some texts, whose words are separated by spaces. Empty texts are ignored.

        Args:
            lines: The texts, one sentence or transcript each.
            words: Further words that the model must know.

        Raises:
            InputError: There are too many different words.
        """
        numbers: dict[str, int] = {}
        for word in words:
            numbers.setdefault(word, 1 + len(numbers))
        keys, counts = np.zeros(0, np.int64), np.zeros(0, np.int64)
        rest = iter(lines)
        while block := list(islice(rest, _LINES)):
            found, own = np.unique(_trigrams(block, numbers), return_counts=True)
            joined, places = np.unique(np.concatenate([keys, found]), return_inverse=True)
            keys, counts = joined, _sums(places, np.concatenate([counts, own]), len(joined))
        if len(keys) > _MAX_TRIGRAMS:
            kept = np.sort(np.argsort(-counts, kind="stable")[:_MAX_TRIGRAMS])
            keys, counts = keys[kept], counts[kept]
        return cls(tuple(numbers), keys, counts)

    def to_json(self) -> dict[str, Any]:
        """Return the model as JSON values: its words, and u, v, w, c(u v w) of one trigram after another."""
        rows = np.stack([*_unpacked(self.keys), self.counts], axis=1)
        return {"words": list(self.words), "trigrams": rows.reshape(-1).tolist()}

    @classmethod
    def from_json(cls, stored: Any) -> Self:
        """Return the model that `to_json` converted to `stored`.

        Raises:
            InputError: `stored` is not such a model. The message begins with "its".
        """
        read = read_as(_Stored, stored, "its language model")
        rows = read.trigrams
        if len(rows) and rows[:, :3].max() > len(read.words):
            raise InputError(
                f"its language model has {len(read.words):,} words, but word {rows[:, :3].max():,} occurs."
            )
        keys = (rows[:, 0] << 2 * _BITS) + (rows[:, 1] << _BITS) + rows[:, 2]
        if (np.diff(keys) <= 0).any():
            raise InputError("its language model has trigrams that are not in rising order.")
        return cls(read.words, keys, rows[:, 3].copy())

    def number(self, word: str) -> int:
        """Return the number of a word, or of the unknown word."""
        return self._numbers.get(word, self.unknown)

    @property
    def unknown(self) -> int:
        """The number of the unknown word."""
        return 1 + len(self.words)

    def log_probability(self, word: int, context: Context, is_open: bool) -> float:
        """Return log p(w | u v), with the natural logarithm.

        Args:
            word: The number of the word w, or `BOUNDARY` for the end of the transcript.
            context: The numbers of u and v.
            is_open: True if any word may occur, so that the unknown word has a probability.
        """
        p, backoff = self._words_alone
        share = p.get(word, 0.0) + backoff / (1 + len(self.words) + is_open)
        for successors in (self._successors_of_one(context[1]), self._successors_of_two(context)):
            if successors is not None:
                share = successors.shares.get(word, 0.0) + successors.backoff * share
        return math.log(share)

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {word: number for number, word in enumerate(self.words, 1)}

    @cached_property
    def _bigrams(self) -> tuple[Ints, Ints]:
        """The different bigrams v w, packed, and N(. v w)."""
        return np.unique(self.keys & ((1 << 2 * _BITS) - 1), return_counts=True)

    @cached_property
    def _words_alone(self) -> _Successors:
        words, counts = np.unique(self._bigrams[0] & _MASK, return_counts=True)
        return _successors(words, counts, _discount(counts)) or _Successors({}, 1.0)

    @cached_property
    def _discounts(self) -> tuple[float, float]:
        return _discount(self._bigrams[1]), _discount(self.counts)

    def _successors_of_one(self, v: int) -> _Successors | None:
        return self._cached(v, *self._bigrams, 0)

    def _successors_of_two(self, context: Context) -> _Successors | None:
        return self._cached((context[0] << _BITS) + context[1], self.keys, self.counts, 1)

    def _cached(self, context: int, keys: Ints, counts: Ints, order: int) -> _Successors | None:
        found = self._cache[order]
        if context not in found:
            first, last = np.searchsorted(keys, [context << _BITS, (context + 1) << _BITS]).tolist()
            found[context] = _successors(keys[first:last] & _MASK, counts[first:last], self._discounts[order])
        return found[context]

    @cached_property
    def _cache(self) -> tuple[dict[int, _Successors | None], dict[int, _Successors | None]]:
        """The successors of contexts of one and of two words that have been needed."""
        return {}, {}

    def __getstate__(self) -> dict[str, Any]:
        return {"words": self.words, "keys": self.keys, "counts": self.counts}


def _trigrams(lines: Sequence[str], numbers: dict[str, int]) -> Ints:
    """Return the packed trigrams of texts. New words are added to `numbers`."""
    stream = [BOUNDARY, BOUNDARY]
    for line in lines:
        if words := line.split():
            stream += [numbers.setdefault(word, 1 + len(numbers)) for word in words]
            stream += [BOUNDARY, BOUNDARY]
    if len(numbers) > _MAX_WORDS:
        raise InputError(f"There are more than {_MAX_WORDS:,} different words. Give a smaller text.")
    ids = np.array(stream, np.int64)
    u, v, w = ids[:-2], ids[1:-1], ids[2:]
    keys: Ints = (u << 2 * _BITS) + (v << _BITS) + w
    # After the end of a text, the second boundary belongs to the next one.
    return np.asarray(keys[(v != BOUNDARY) | (w != BOUNDARY)])


def _unpacked(keys: Ints) -> Iterator[Ints]:
    """Yield u, v and w of packed trigrams."""
    for place in (2, 1, 0):
        yield (keys >> place * _BITS) & _MASK


def _sums(places: NDArray[np.intp], values: Ints, size: int) -> Ints:
    """Return the sum of the values that belong to each place, [size]."""
    sums = np.zeros(size, np.int64)
    np.add.at(sums, places, values)
    return sums


def _discount(counts: Ints) -> float:
    n1, n2 = int((counts == 1).sum()), int((counts == 2).sum())
    return n1 / (n1 + 2 * n2) if n1 and n2 else 0.5


def _successors(words: Ints, counts: Ints, discount: float) -> _Successors | None:
    if not len(words):
        return None
    total = int(counts.sum())
    shares = (np.maximum(counts - discount, 0) / total).tolist()
    return _Successors(dict(zip(words.tolist(), shares, strict=True)), discount * len(words) / total)


def _read_trigrams(value: Any) -> Ints:
    """Return the rows u, v, w, c(u v w) of stored trigrams, [trigrams, 4]."""
    kind = "its language model must have four whole numbers for each trigram"
    if not isinstance(value, list) or len(value) % 4 or len(value) > 4 * _MAX_TRIGRAMS:
        raise InputError(f"{kind}, not {shown(value)}.")
    if not all(type(one) is int and 0 <= one < 1 << 40 for one in value):
        raise InputError(f"{kind}, from 0 to {1 << 40:,}.")
    rows = np.array(value, np.int64).reshape(-1, 4)
    if len(rows) and (rows[:, 3].min() < 1 or rows[:, :3].max() > _MAX_WORDS):
        raise InputError("its language model has a trigram that cannot occur.")
    return rows


@dataclass(frozen=True)
class _Stored:
    """A model as JSON values."""

    words: Annotated[tuple[Annotated[str, _WORD], ...], Items(0, _MAX_WORDS, distinct=True)]
    trigrams: Annotated[Any, Parsed(_read_trigrams)]
