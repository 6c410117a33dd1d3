"""Beam search: find translations of high probability under a translator's decoder."""

import bisect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from gatewright.support.errors import InputError
from gatewright.support.ids import FIRST, PADDING, START, UNKNOWN
from gatewright.tasks.base.model import require_finite

# The id 3 belongs to no token; see `support/ids.py`. UNKNOWN stands for any rare word, so it translates nothing: the
# search takes the most probable known word instead.
NEVER_GENERATED = [PADDING, UNKNOWN, *range(UNKNOWN + 1, FIRST)]

# Largest number of rows, one for each hypothesis, in a step of the decoder. More rows are not faster.
_ROWS = 640
# Number of neighbouring ids of which at first only the most probable one is compared.
_CHUNK = 128

# Largest number of attention weights that are kept, unless one sentence has more.
_MAX_ATTENTION = 1 << 26

MAX_BEAM = 1000
MAX_PENALTY = 10.0

Rows = TypeVar("Rows", bound=tuple[Any, ...])


class StepwiseDecoder(Protocol):
    """A decoder that can be run step by step. A row is a hypothesis; row r belongs to sentence r // beam.

    The numbers of a row must not depend on the other rows, nor on how many there are.
    """

    def encode(self, ids: NDArray[np.int32], /) -> Any:
        """Return the memory of sentences of one length, a named tuple of arrays whose first axis is the sentence."""

    def start(self, memory: Any, /) -> Any:
        """Return the decoder's state before the first step, one row for each sentence."""

    def step(
        self, memory: Any, state: Any, ids: NDArray[np.int32], beam: int, /
    ) -> tuple[NDArray[np.float32], Any, NDArray[np.float32]]:
        """Read one id in each row.

        Returns:
            The log probability of each id to come next, [rows, ids]; the new state; the attention, [rows, S].
        """

    def rows_of(self, state: Any, index: NDArray[np.intp], /) -> Any:
        """Return the state of the given rows."""


@dataclass(frozen=True)
class Decoding:
    """The settings of beam search.

    The score of a translation Y of the sentence X is (Wu et al. 2016, "Google's Neural Machine Translation System",
    section 7, equation 14, with natural logarithms)

        score(Y, X) = log P(Y | X) / lp(Y) + cp(X; Y)
        lp(Y)       = ((5 + |Y|) / (5 + 1))^alpha
        cp(X; Y)    = beta sum_i log(min(sum_j p_ij, 1))

    where |Y| counts the ids and the end, and p_ij is the attention to source position i in step j.

    Attributes:
        beam: Number of hypotheses that are extended in each step. 1 is greedy search.
        length_penalty: alpha. With 0, the score is the log probability, which favours short translations.
        coverage: beta. Above 0, the score favours translations that attend to each part of the sentence.
        length_factor, length_offset: A translation of a sentence with S ids, counting its end, takes at most
            length_factor * S + length_offset steps.

    Raises:
        InputError: A setting is outside its range.
    """

    beam: int = 5
    length_penalty: float = 1.0
    coverage: float = 0.0
    length_factor: int = 2
    length_offset: int = 10

    def __post_init__(self) -> None:
        if not 1 <= self.beam <= MAX_BEAM:
            raise InputError(f"The number of beams must be from 1 to {MAX_BEAM:,}, not {self.beam}.")
        for name, value in (("length penalty", self.length_penalty), ("coverage penalty", self.coverage)):
            if not 0 <= value <= MAX_PENALTY:
                raise InputError(f"The {name} must be from 0 to {MAX_PENALTY:g}, not {value:g}.")

    def steps(self, length: int) -> int:
        """Return the largest number of steps in the translation of a sentence with `length` ids."""
        return self.length_factor * length + self.length_offset

    def lp(self, length: int | NDArray[np.intp]) -> Any:
        """Return lp(Y) for |Y| = length."""
        return ((5 + length) / 6) ** self.length_penalty

    def cp(self, attention: NDArray[np.float32]) -> float:
        """Return cp(X; Y) for the attention p, [steps, S]."""
        if not self.coverage:
            return 0.0
        covered = attention.sum(axis=0, dtype=np.float64)
        return self.coverage * float(np.log(np.clip(covered, np.finfo(np.float64).tiny, 1)).sum())


@dataclass(frozen=True, eq=False)
class Hypothesis:
    """A translation that beam search has found.

    Attributes:
        ids: The ids, without START at the end.
        log_probability: log P(Y | X), the sum over the ids and the end, with natural logarithms.
        score: The score by which translations are compared; see `Decoding`.
        attention: p, [steps, S]. There is a step for each id, and one for the end if the translation ended.
        ended: False if the translation reached the largest number of steps without an end.
    """

    ids: tuple[int, ...]
    log_probability: float
    score: float
    attention: NDArray[np.float32]
    ended: bool


def translate_ids(
    stepper: StepwiseDecoder,
    sources: Sequence[Sequence[int]],
    decoding: Decoding,
    best: int = 1,
    tick: Callable[[int], None] = lambda done: None,
) -> list[list[Hypothesis]]:
    """Return the best translations of each sentence, the best one first.

    The result for a sentence has the same bits whatever the other sentences and their order. The best translation does
    not depend on `best`. Fewer translations are returned if the search finds fewer.

    Args:
        stepper: The decoder.
        sources: The ids of each sentence as the encoder reads them, with START at the end.
        decoding: The settings of the search.
        best: Number of translations of each sentence.
        tick: Function that is called after some sentences with the number of sentences that are done.

    Raises:
        InputError: `best` is not from 1 to the number of beams, or the network computed a number that is not finite.
    """
    found: list[list[Hypothesis]] = [[] for _ in sources]
    done = 0
    for places, hypotheses in translate_groups(stepper, sources, decoding, best):
        for place, own in zip(places, hypotheses, strict=True):
            found[place] = own
        done += len(places)
        tick(done)
    return found


def translate_groups(
    stepper: StepwiseDecoder, sources: Sequence[Sequence[int]], decoding: Decoding, best: int = 1
) -> Iterator[tuple[list[int], list[list[Hypothesis]]]]:
    """Translate sentences of one length after another. Yield the places of some sentences, and their translations.

    The arguments and errors are those of `translate_ids`.
    """
    if not 1 <= best <= decoding.beam:
        raise InputError(
            f"The number of translations of a sentence must be from 1 to the number of beams, which is {decoding.beam},"
            f" not {best}: choose fewer translations or more beams."
        )
    order = sorted(range(len(sources)), key=lambda place: len(sources[place]))
    first = 0
    while first < len(order):
        length = len(sources[order[first]])
        size = max(min(_ROWS, _MAX_ATTENTION // (decoding.steps(length) * max(length, 1))) // decoding.beam, 1)
        last = bisect.bisect_right(order, length, first, key=lambda place: len(sources[place]))
        places = order[first : min(first + size, last)]
        first += len(places)
        if length < 2:  # nothing but the end
            yield places, [[_empty(length)] for _ in places]
        else:
            yield places, _search(stepper, np.array([sources[place] for place in places], np.int32), decoding, best)


def _empty(length: int) -> Hypothesis:
    """Return the translation of an empty sentence. It is certain, since the network is not asked."""
    return Hypothesis((), 0.0, 0.0, np.zeros((0, length), np.float32), ended=True)


class _Steps:
    """The ids and the attention of all hypotheses, from which those of complete ones are read.

    A row is a hypothesis at the beginning of a step, and an entry is one of its extensions at the end of the step.
    """

    def __init__(self) -> None:
        self._ids: list[NDArray[np.int32]] = []
        self._rows: list[NDArray[np.intp]] = []
        self._attention: list[NDArray[np.float32]] = []
        self._entries: list[NDArray[np.intp]] = []

    def extend(self, ids: NDArray[np.int32], rows: NDArray[np.intp], attention: NDArray[np.float32]) -> None:
        """Add a step: the id and the row of each entry, and the attention of each row, [rows, S]."""
        self._ids.append(ids)
        self._rows.append(rows)
        self._attention.append(attention)

    def keep(self, entries: NDArray[np.intp]) -> None:
        """Set the entries of the last step that are the rows of the next one."""
        self._entries.append(entries)

    def trace(self, step: int, entry: int) -> tuple[list[int], NDArray[np.float32]]:
        """Return the ids up to an entry of a step, which is counted from 0, and the attention, [steps, S]."""
        ids, attention = [], []
        for place in range(step, -1, -1):
            row = self._rows[place][entry]
            ids.append(int(self._ids[place][entry]))
            attention.append(self._attention[place][row])
            if place:
                entry = self._entries[place - 1][row]
        return ids[::-1], np.stack(attention[::-1])


class _Found(NamedTuple):
    """A hypothesis that is not extended any more: its score, its log probability and its entry in `_Steps`."""

    score: float
    total: float
    step: int
    entry: int
    ended: bool

    @classmethod
    def of(cls, decoding: Decoding, steps: _Steps, total: float, step: int, entry: int, ended: bool) -> Self:
        score = total / decoding.lp(step + 1)
        if decoding.coverage:
            score += decoding.cp(steps.trace(step, entry)[1])
        return cls(float(score), total, step, entry, ended)

    def hypothesis(self, steps: _Steps) -> Hypothesis:
        ids, attention = steps.trace(self.step, self.entry)
        return Hypothesis(tuple(ids[:-1] if self.ended else ids), self.total, self.score, attention, self.ended)


@np.errstate(all="ignore")  # numbers that are not finite are reported
def _search(
    stepper: StepwiseDecoder, sources: NDArray[np.int32], decoding: Decoding, best: int
) -> list[list[Hypothesis]]:
    """Return the best translations of sentences of one length, `sources` [sentences, S].

    In each step, the `beam` most probable extensions of all live hypotheses of a sentence are kept. Those that end are
    complete; the others are the next live hypotheses (Sutskever, Vinyals & Le 2014, section 3.2). Greedy search is
    therefore the case of one beam.

    A live hypothesis with the log probability l is dropped once it cannot win: all its extensions have at most the
    log probability l <= 0, so their scores are at most l / lp(largest number of steps). This needs length_penalty >= 0
    and cp <= 0. All live hypotheses have the same length, so a hypothesis that is dropped had forced none out of the
    beam that could win, and dropping it changes no result. A sentence is finished when it has no live hypothesis.
    """
    count, width = sources.shape
    limit = decoding.steps(width)
    found: list[list[_Found]] = [[] for _ in range(count)]
    steps, places = _Steps(), np.arange(count)
    memory = stepper.encode(sources)
    state = stepper.start(memory)
    totals, ids = np.zeros((count, 1)), np.full((count, 1), START, np.int32)
    for step in range(limit):
        beam = totals.shape[1]
        with np.errstate(all="ignore"):  # a number that is not finite is reported by `best_extensions`
            log_probabilities, state, attention = stepper.step(memory, state, ids.reshape(-1), beam)
        log_probabilities[:, NEVER_GENERATED] = -np.inf
        totals, parents, ids = best_extensions(log_probabilities, totals, decoding.beam)
        rows = (parents + beam * np.arange(len(parents))[:, None]).reshape(-1)
        steps.extend(ids.reshape(-1), rows, attention)
        ended = (ids == START) & (totals > -np.inf)
        for entry in np.flatnonzero(ended).tolist():
            own = found[places[entry // ids.shape[1]]]
            own.append(_Found.of(decoding, steps, float(totals.flat[entry]), step, entry, ended=True))
            own.sort(key=lambda one: -one.score)  # of equal ones, the earlier stays the first
            del own[best:]
        needed = [found[place][-1].score if len(found[place]) == best else -np.inf for place in places]
        alive = ~ended & (totals / decoding.lp(limit) > np.array(needed)[:, None])
        stay = np.flatnonzero(alive.any(axis=1))
        if not len(stay) or step == limit - 1:
            break
        # Live hypotheses first, in their order, and no more columns than the sentence with most of them needs.
        columns = np.argsort(~alive[stay], axis=1, kind="stable")[:, : alive[stay].sum(axis=1).max()]
        kept = stay[:, None] * ids.shape[1] + columns
        steps.keep(kept.reshape(-1))
        state = stepper.rows_of(state, rows[kept.reshape(-1)])
        totals, ids = np.where(alive, totals, -np.inf).reshape(-1)[kept], ids.reshape(-1)[kept]
        if len(stay) < len(places):
            places, memory = places[stay], _rows(memory, stay)
    for sentence in stay.tolist():  # no more steps
        own = found[places[sentence]]
        entries = (np.flatnonzero(alive[sentence]) + sentence * ids.shape[1]).tolist()
        cut = [_Found.of(decoding, steps, float(totals.flat[entry]), step, entry, ended=False) for entry in entries]
        own += sorted(cut, key=lambda one: -one.score)[: best - len(own)]
    return [[one.hypothesis(steps) for one in own] for own in found]


def best_extensions(
    log_probabilities: NDArray[np.float32], totals: NDArray[np.float64], count: int
) -> tuple[NDArray[np.float64], NDArray[np.intp], NDArray[np.int32]]:
    """Return the most probable extensions of the hypotheses of each sentence.

    Of equally probable extensions, the one of the earlier hypothesis comes first, then the one with the smaller id.

    Args:
        log_probabilities: The log probability of each id to come next, [sentences * b, ids].
        totals: The log probability of each hypothesis, [sentences, b].
        count: Number of extensions. Fewer are returned if fewer exist.

    Returns:
        For each extension the log probability, the number of the hypothesis that it extends, and the id, each
        [sentences, count]. The most probable extension is the first.

    Raises:
        InputError: A log probability is NaN.
    """
    # Most ids are never looked at again after the maximum of their chunk is known. Let the k chunks be those with the
    # largest maxima, of equal ones the earlier. Then k ids come before any id of another chunk, whose maximum comes
    # after theirs. So the k best ids are in these chunks.
    sentences, beam = totals.shape
    rows, vocabulary = log_probabilities.shape
    whole = vocabulary // _CHUNK * _CHUNK
    parts = [log_probabilities[:, :whole].reshape(rows, -1, _CHUNK).max(axis=2)] if whole else []
    if whole < vocabulary:
        parts.append(log_probabilities[:, whole:].max(axis=1, keepdims=True))
    maxima = np.concatenate(parts, axis=1)
    if np.isnan(maxima).any():
        require_finite(maxima)
    chunks = maxima.shape[1]
    # A probability that is rounded up to more than 1 is 1: extensions are never more probable than what they extend.
    sums = totals[:, :, None] + np.minimum(maxima, 0).reshape(sentences, beam, chunks)
    chosen = np.sort(_largest(sums.reshape(sentences, -1), count), axis=1)
    parents, firsts = np.divmod(chosen, chunks)
    ids = (firsts * _CHUNK)[:, :, None] + np.arange(min(_CHUNK, vocabulary))
    row = (np.arange(sentences)[:, None] * beam + parents)[:, :, None]
    own = np.minimum(log_probabilities[row, np.minimum(ids, vocabulary - 1)], 0).astype(np.float64)
    own[ids >= vocabulary] = -np.inf
    sums = (np.take_along_axis(totals, parents, axis=1)[:, :, None] + own).reshape(sentences, -1)
    chosen = _largest(sums, count)
    best_ids = np.take_along_axis(ids.reshape(sentences, -1), chosen, axis=1)
    best_parents = np.take_along_axis(parents, chosen // ids.shape[2], axis=1)
    # An id beyond the vocabulary is chosen only where nothing else is left, and goes no further.
    return np.take_along_axis(sums, chosen, axis=1), best_parents, np.minimum(best_ids, vocabulary - 1).astype(np.int32)


def _largest(values: NDArray[np.float64], count: int) -> NDArray[np.intp]:
    """Return the places of the `count` largest values of each row, the largest first, of equal ones the earlier."""
    size = values.shape[1]
    if count >= size:
        return np.argsort(-values, axis=1, kind="stable")
    smallest = np.partition(values, size - count, axis=1)[:, size - count, None]
    above, equal = values > smallest, values == smallest
    room = count - above.sum(axis=1, keepdims=True)
    kept = above | (equal & (np.cumsum(equal, axis=1) <= room))
    places = np.nonzero(kept)[1].reshape(-1, count)
    order = np.argsort(-np.take_along_axis(values, places, axis=1), axis=1, kind="stable")
    return np.take_along_axis(places, order, axis=1)


def _rows(memory: Rows, index: NDArray[np.intp]) -> Rows:
    """Return the memory of the given sentences."""
    return type(memory)(*(array[index] for array in memory))
