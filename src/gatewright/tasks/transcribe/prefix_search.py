"""Prefix beam search: find the most probable transcript under a network that is trained with CTC."""

import math
from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gatewright.tasks.transcribe.grammar import Grammar, Place
from gatewright.tasks.transcribe.symbols import BLANK

# Symbols and transcripts that are so much less probable than the best one of a step, as the natural logarithm and as a
# factor, are dropped. In a lexicon, a right word can need a symbol that the network is sure not to hear.
_LOG_SYMBOL, _TRANSCRIPT = 16.0, 1e-8
# The blank is kept at any step, and is never less probable than this, so that a transcript stays possible.
_LEAST_LOG = -80.0


class Decoded(NamedTuple):
    """A transcript that a decoder has found.

    Attributes:
        ids: Its symbols, without blanks.
        log_probability: The natural logarithm of its probability under the network. Prefix beam search adds up the
            alignments that it has kept, and greedy search has one.
        score: The score by which transcripts are compared; see `decoding.Decoding`.
    """

    ids: tuple[int, ...]
    log_probability: float
    score: float


class _Prefix:
    """The beginning of a transcript. Its ancestors are the shorter beginnings.

    Probabilities are multiplied by the factors of the grammar, and divided by the same number for all prefixes.

    Attributes:
        parent: The prefix without the last symbol. None for the first one.
        symbol: The last symbol, or -1.
        place: The place of the grammar.
        factor, log_factor: The factor of the last symbol, and the logarithm of the product of all factors.
        total, blank, other: The probability of all alignments, of those that end with a blank, and of the others.
        live: True if the prefix is among the best ones. The others are kept while one of the best begins with them.
        children: The prefixes with one more symbol, by this symbol.
    """

    __slots__ = ("blank", "children", "factor", "live", "log_factor", "other", "parent", "place", "symbol", "total")

    def __init__(self, parent: "_Prefix | None", symbol: int, place: Place, factor: float, log_factor: float) -> None:
        self.parent, self.symbol, self.place = parent, symbol, place
        self.factor, self.log_factor = factor, log_factor
        self.total = self.blank = self.other = 0.0
        self.live = False
        self.children: dict[int, _Prefix] = {}


_Found: TypeAlias = tuple[float, float, float, _Prefix, int, float]
"""A prefix after a step: its total, blank and other; a prefix that was live, and the symbol that follows it, or _SAME;
the factor of this symbol."""
_SAME = -1


class _State:
    """The state of a search.

    Attributes:
        done: The symbols with which all live prefixes begin, as far as they are known.
        live: The live prefixes, the best one first.
        log_scale: The logarithm of the number that the probabilities were divided by.
    """

    def __init__(self, start: Place) -> None:
        first = _Prefix(None, -1, start, 1.0, 0.0)
        first.live, first.total, first.blank = True, 1.0, 1.0
        self.root, self.live = first, [first]
        self.done: list[int] = []
        self.log_scale = 0.0


class PrefixBeamSearch:
    """Prefix beam search with an optional lexicon and language model.

    Graves & Jaitly 2014, "Towards End-to-End Speech Recognition with Recurrent Neural Networks", algorithm 1; Hannun et
    al. 2014, "First-Pass Large Vocabulary Continuous Speech Recognition using Bi-Directional Recurrent DNNs". For each
    transcript l so far, with the last symbol s, the probabilities of the alignments that end with a blank and of those
    that do not are

        p_b(l, t)  = (p_b(l, t-1) + p_n(l, t-1)) y_t(blank)
        p_n(l, t)  = p_n(l, t-1) y_t(s) + f(l) (p_b(l', t-1) + [s does not repeat] p_n(l', t-1)) y_t(s)

    where l' is l without s, and f(l) is the factor of the language model if s begins a word, otherwise 1. After each
    step, the transcripts with the largest p_b + p_n are kept.

    Each step depends on the state and on its own probabilities alone, so that the result does not depend on how the
    steps are divided into calls.

    Args:
        grammar: The rules of transcripts.
        beam: Number of transcripts that are kept.
    """

    def __init__(self, grammar: Grammar, beam: int) -> None:
        self._grammar, self._beam = grammar, beam

    def start(self) -> _State:
        """Return the state before the first step."""
        return _State(self._grammar.start)

    def advance(self, state: _State, log_probs: NDArray[np.floating[Any]]) -> None:
        """Process some steps, and change the state.

        Args:
            state: The state.
            log_probs: The log probability of each symbol at each step, [steps, symbols].
        """
        for row in log_probs:
            own = (row >= row.max() - _LOG_SYMBOL).nonzero()[0]
            likely = sorted(zip(own.tolist(), row[own].tolist(), strict=True), key=itemgetter(1), reverse=True)
            symbols = [one for one in likely if one[0] != BLANK]
            self._step(state, max(float(row[BLANK]), _LEAST_LOG), symbols)
        _commit(state)

    def _step(self, state: _State, log_blank: float, symbols: Sequence[tuple[int, float]]) -> None:
        """Process one step.

        Args:
            state: The state.
            log_blank: The log probability of the blank.
            symbols: The other symbols that are likely enough with their log probabilities, the most probable first.
        """
        live = state.live
        scale = live[0].total
        state.log_scale += math.log(scale)
        p_blank = math.exp(log_blank) / scale
        likely = [(symbol, math.exp(log_p) / scale) for symbol, log_p in symbols]
        p_of = dict(likely)
        found = self._continued(live, p_blank, p_of)
        floor = found[self._beam - 1][0] if len(found) >= self._beam else 0.0
        # A new prefix has no alignments but those of its parent, so that it is known at once if it is good enough.
        found += self._extended(live, likely, p_of, max(floor, found[0][0] * _TRANSCRIPT))
        found.sort(key=itemgetter(0), reverse=True)
        self._keep(state, found)

    def _continued(self, live: Sequence[_Prefix], p_blank: float, p_of: Mapping[int, float]) -> list[_Found]:
        """Return the live prefixes after a step, the best one first."""
        found: list[_Found] = []
        for prefix in live:
            blank, other = prefix.total * p_blank, 0.0
            p = p_of.get(prefix.symbol)
            if p is not None:
                other, parent = prefix.other * p, prefix.parent
                if parent is not None and parent.live:
                    before = parent.blank if parent.symbol == prefix.symbol else parent.total
                    other += before * p * prefix.factor
            found.append((blank + other, blank, other, prefix, _SAME, 1.0))
        found.sort(key=itemgetter(0), reverse=True)
        return found

    def _extended(
        self, live: Sequence[_Prefix], likely: Sequence[tuple[int, float]], p_of: Mapping[int, float], floor: float
    ) -> list[_Found]:
        """Return the best prefixes that are new after a step and more probable than `floor`."""
        found: list[_Found] = []
        grammar, begins, reach = self._grammar, self._grammar.begins, len(likely)
        enough = floor / grammar.most
        for prefix in live:
            total = prefix.total
            while reach and total * likely[reach - 1][1] <= enough:
                reach -= 1
            if not reach:  # nor is any symbol likely enough after the other prefixes, which are less probable
                break
            for symbol, p in self._options(prefix.place, likely[:reach], p_of):
                child = prefix.children.get(symbol)
                if child is not None and child.live:
                    continue
                other = (prefix.blank if symbol == prefix.symbol else total) * p
                factor = grammar.factor(prefix.place, symbol) if begins[symbol] else 1.0
                other *= factor
                if other > floor:
                    found.append((other, 0.0, other, prefix, symbol, factor))
            if len(found) > 2 * self._beam:  # the others cannot be among the best
                found.sort(key=itemgetter(0), reverse=True)
                del found[self._beam :]
                floor = found[-1][0]
                enough = floor / grammar.most
        return found

    def _options(
        self, place: Place, likely: Sequence[tuple[int, float]], p_of: Mapping[int, float]
    ) -> Sequence[tuple[int, float]]:
        """Return the symbols that may follow in a place, with their probabilities."""
        options = likely
        choices = self._grammar.choices(place)
        if choices is not None:
            options = []
            for allowed in choices:
                if len(allowed) < len(likely):
                    options += [(symbol, p_of[symbol]) for symbol in allowed if symbol in p_of]
                else:
                    options += [one for one in likely if one[0] in allowed]
        return options

    def _keep(self, state: _State, found: Sequence[_Found]) -> None:
        """Make the best prefixes the live ones.

        Args:
            state: The state.
            found: The prefixes, the best one first.
        """
        least = found[0][0] * _TRANSCRIPT
        for prefix in state.live:
            prefix.live = False
        kept = []
        for total, blank, other, source, symbol, factor in found[: self._beam]:
            if total < least:
                break
            if symbol == _SAME:
                prefix = source
            elif symbol in source.children:
                prefix = source.children[symbol]
            else:
                place = self._grammar.after(source.place, symbol)
                prefix = _Prefix(source, symbol, place, factor, source.log_factor + math.log(factor))
                source.children[symbol] = prefix
            prefix.total, prefix.blank, prefix.other, prefix.live = total, blank, other, True
            kept.append(prefix)
        for prefix in state.live:
            if not prefix.live:
                _forget(prefix)
        state.live = kept

    def best(self, state: _State, final: bool = True) -> Decoded:
        """Return the best transcript of the steps so far.

        Args:
            state: The state, which is not changed.
            final: True if no step follows. The last word must then be complete, and the language model scores the end.
        """
        scored = [(math.log(one.total) + state.log_scale, one) for one in state.live]
        if final:
            ends = [(score, one, self._grammar.end(one.place)) for score, one in scored]
            complete = [(score + end, one) for score, one, end in ends if end is not None]
            if complete:
                score, prefix = max(complete, key=itemgetter(0))
                return Decoded(_ids(state, prefix), math.log(prefix.total) + state.log_scale - prefix.log_factor, score)
        score, prefix = scored[0]
        ids = _ids(state, prefix)
        if final:  # no transcript is complete, so the last word is left out
            ids = ids[: max((place for place, symbol in enumerate(ids) if self._grammar.begins[symbol]), default=0)]
        return Decoded(ids, score - prefix.log_factor, score)

    def certain(self, state: _State) -> list[int]:
        """Return the symbols with which the transcript begins, whatever follows."""
        return state.done

    def uncertain(self, state: _State) -> list[int]:
        """Return the symbols after the certain ones in the best transcript of the steps so far."""
        return _ids_after(state.root, state.live[0])


def _forget(prefix: _Prefix) -> None:
    """Remove a prefix, and then its ancestors, while they are not live and no live prefix begins with them."""
    one: _Prefix | None = prefix
    while one is not None and not one.live and not one.children:
        if one.parent is not None:
            one.parent.children.pop(one.symbol, None)
        one = one.parent


def _commit(state: _State) -> None:
    """Move the root to the last prefix with which all live ones begin, so that memory for the others is released."""
    root = state.root
    while not root.live and len(root.children) == 1:
        (root,) = root.children.values()
        root.parent = None
        state.done.append(root.symbol)
    state.root = root


def _ids(state: _State, prefix: _Prefix) -> tuple[int, ...]:
    """Return the symbols of a prefix."""
    return (*state.done, *_ids_after(state.root, prefix))


def _ids_after(root: _Prefix, prefix: _Prefix) -> list[int]:
    """Return the symbols of a prefix after the root."""
    ids = []
    one = prefix
    while one is not root and one.parent is not None:
        ids.append(one.symbol)
        one = one.parent
    return ids[::-1]
