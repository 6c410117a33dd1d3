"""Find when the words of a transcript were spoken, and how sure the network is of each."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewright.results.transcript import Transcript, Word
from gatewright.support.errors import InputError
from gatewright.support.progress import with_progress
from gatewright.tasks.transcribe.prefix_search import Decoded
from gatewright.tasks.transcribe.symbols import BLANK, Symbols, words_in

# States of an alignment that are compared at a time: those of about 40 seconds of speech. More are needed only if the
# network writes symbols so far from where they are spoken.
_STATES = 1024


def transcript_of(
    found: Decoded,
    log_probs: NDArray[np.floating[Any]],
    symbols: Symbols,
    step_seconds: float,
    seconds: float,
    name: str = "",
) -> Transcript:
    """Return a transcript with its words.

    Args:
        found: What the decoder has found.
        log_probs, symbols, step_seconds: See `words_of`.
        seconds: The length of the recording. The last step of the network may end after it.
        name: The name of the file.
    """
    words = words_of(found.ids, log_probs, symbols, step_seconds)
    inside = tuple(replace(one, start=min(one.start, seconds), end=min(one.end, seconds)) for one in words)
    return Transcript(symbols.decode(found.ids), inside, found.log_probability, seconds, name)


def words_of(
    ids: Sequence[int], log_probs: NDArray[np.floating[Any]], symbols: Symbols, step_seconds: float
) -> tuple[Word, ...]:
    """Return the words of a transcript with their times and their confidence.

    A word begins with the first step that the most probable alignment gives to its symbols, and ends after the last
    one. Its confidence is the product over its symbols of the largest probability of the symbol at one of its steps:
    the probability that all are right if the errors are independent.

    Args:
        ids: The symbols of the transcript.
        log_probs: The log probability of each symbol at each step, [steps, symbols].
        symbols: The symbols.
        step_seconds: The time from one step to the next.
    """
    found = words_in(symbols, ids)
    if not found:
        return ()
    spans = align(log_probs, ids)
    log_p = [
        float(log_probs[first : last + 1, symbol].max())
        for symbol, (first, last) in zip(ids, spans.tolist(), strict=True)
    ]
    return tuple(
        Word(
            text,
            round(float(spans[first, 0]) * step_seconds, 6),
            round(float(spans[after - 1, 1] + 1) * step_seconds, 6),
            min(float(np.exp(sum(log_p[first:after]))), 1.0),
        )
        for text, first, after in found
    )


def align(log_probs: NDArray[np.floating[Any]], ids: Sequence[int]) -> NDArray[np.intp]:
    """Return the first and the last step of each symbol in the most probable alignment of a transcript, [symbols, 2].

    The states of the Viterbi algorithm are the symbols with a blank before, between and after them (Graves et al. 2006,
    section 4.1). Of long transcripts, only the states near the most probable one are compared at each step.

    Args:
        log_probs: The log probability of each symbol at each step, [steps, symbols].
        ids: The symbols of the transcript, without blanks.

    Raises:
        InputError: The transcript does not fit into the steps.
    """
    steps, count = len(log_probs), len(ids)
    needed = count + sum(one == other for one, other in pairwise(ids))
    if needed > steps:
        raise InputError(f"A transcript that needs {needed:,} steps does not fit into {steps:,} steps.")
    if not count:
        return np.zeros((0, 2), np.intp)
    path = _path(log_probs, np.array(ids))
    places = 2 * np.arange(count) + 1
    return np.stack([np.searchsorted(path, places), np.searchsorted(path, places, "right") - 1], axis=1)


def _path(log_probs: NDArray[np.floating[Any]], ids: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the most probable states, [steps]. State 2 k + 1 is symbol k, state 2 k the blank before it."""
    steps, count = len(log_probs), len(ids)
    states = np.full(2 * count + 1, BLANK)
    states[1::2] = ids
    repeats = np.zeros(count, np.intp)
    repeats[1:] = ids[1:] == ids[:-1]
    skips = np.full(len(states), -np.inf)
    skips[3::2][ids[1:] != ids[:-1]] = 0  # different symbols need no blank between them
    # The number of steps from each state to the last symbol, and for each step the first state that is near enough.
    needed = np.zeros(len(states), np.intp)
    needed[:-1:2] = np.cumsum((1 + repeats)[::-1])[::-1] - repeats
    needed[1:-1:2] = needed[2::2] + np.append(repeats[1:], 0)
    least = np.searchsorted(-needed, -np.arange(steps)[::-1])
    width = min(len(states), _STATES)
    moves = np.zeros((steps, width), np.int8)
    lows = np.zeros(steps, np.intp)
    low, own = 0, slice(0, width)
    # The scores of the states of a step, and of the two states before them, from which they can be reached.
    before, after = (np.full(2 + width, -np.inf) for _ in range(2))
    skipped = np.empty(width)
    after[2:4] = log_probs[0, states[:2]]
    after[2 : 2 + least[0]] = -np.inf
    for step in with_progress(range(1, steps), "steps are aligned with their words"):
        before, after = after, before
        shift = 0
        if width < len(states):
            shift = min(max(int(before[2:].argmax()) - width // 2, 0), len(states) - width - low)
        if shift:
            low += shift
            own = slice(low, low + width)
            before[:-shift], before[-shift:] = before[shift:].copy(), -np.inf
        stayed, moved, best, move = before[2:], before[1:-1], after[2:], moves[step]
        np.greater(moved, stayed, out=move.view(bool))
        np.maximum(moved, stayed, out=best)
        np.add(before[:-2], skips[own], out=skipped)
        move[skipped > best] = 2
        np.maximum(best, skipped, out=best)
        best += log_probs[step].take(states[own])
        best[: max(least[step] - low, 0)] = -np.inf
        lows[step] = low
        if shift:
            before[:2] = -np.inf
    path = np.empty(steps, np.intp)
    path[-1] = low + after[2:].argmax()
    for step in range(steps - 1, 0, -1):
        path[step - 1] = path[step] - moves[step, path[step] - lows[step]]
    return path
