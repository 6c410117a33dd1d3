"""Decoding: choose the tokens of a text from a model's logits."""

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewright.support.progress import Ticker, print_status
from gatewright.tasks.base.decoding_settings import Decoding

Logits = NDArray[np.floating[Any]]
Seen = NDArray[np.bool_]
Choose = Callable[[Logits, Seen], int]

# Logits divided by a lower temperature might overflow.
_MIN_TEMPERATURE = 1e-6
# Random numbers drawn at once. Drawing one at a time would take as long as a step of a small network.
_DRAWN = 1 << 14


def chooser(how: Decoding) -> Choose:
    """Return a function that chooses the next id from the logits, [ids], and whether each id occurred before, [ids]."""
    pick = np.argmax if how.temperature < _MIN_TEMPERATURE else _drawer(how)
    return lambda logits, seen: int(pick(penalized(how, logits, seen)))


def penalized(how: Decoding, logits: Logits, seen: Seen) -> Logits:
    """Return the logits, [ids], with the repetition penalty applied to the ids for which `seen`, [ids], is True."""
    if how.repetition_penalty == 1:
        return logits
    scaled = np.where(logits > 0, logits / how.repetition_penalty, logits * how.repetition_penalty)
    return np.where(seen, scaled, logits)


def probabilities(how: Decoding, logits: Logits) -> NDArray[np.float64]:
    """Return the probability of each id, [ids], after temperature (which must be above 0), `top_k` and `top_p`."""
    found = np.exp((logits - logits.max()) / how.temperature, dtype=np.float64)
    if how.top_k and how.top_k < len(found):
        kth = np.partition(found, -how.top_k)[-how.top_k]
        found[_beyond(found, found >= kth, how.top_k)] = 0
    if how.top_p < 1:
        order = np.argsort(-found, kind="stable")
        total = np.cumsum(found[order])
        found[order[1:][total[:-1] >= how.top_p * total[-1]]] = 0
    return np.asarray(found / found.sum())


def _drawer(how: Decoding) -> Callable[[Logits], int]:
    if how.top_k or how.top_p < 1:
        uniforms = _uniforms(how.seed)
        return lambda logits: _place(probabilities(how, logits).cumsum(), next(uniforms))
    temperature, gumbels = how.temperature, _gumbels(how.seed)
    next(gumbels)

    def draw(logits: Logits) -> int:
        # The id with the largest logit / temperature + G, for G from Gumbel's distribution, has the distribution of the
        # softmax (Gumbel 1954; Maddison, Tarlow & Minka 2014, section 2). This is the fastest way to draw from it.
        scaled = logits if temperature == 1 else logits / temperature
        return int((scaled + gumbels.send(len(logits))).argmax())

    return draw


def _beyond(found: NDArray[np.float64], kept: NDArray[np.bool_], count: int) -> NDArray[np.bool_]:
    """Return a mask, [ids], that is False for the `count` most probable ids among those in the mask `kept`."""
    if int(kept.sum()) > count:
        kept = np.zeros_like(kept)
        kept[np.argsort(-found, kind="stable")[:count]] = True
    return ~kept


def _gumbels(seed: int | None) -> Generator[NDArray[np.float64], int, None]:
    """Yield arrays of random numbers from Gumbel's distribution.

    The caller sends the size of the next array. The first array, which `next` returns, is empty.
    """
    generator = np.random.default_rng(seed)
    ids = yield np.empty(0)
    while True:
        drawn = generator.standard_exponential((max(1, _DRAWN // ids), ids))
        for row in -np.log(np.maximum(drawn, np.finfo(np.float64).tiny)):
            ids = yield row


def _uniforms(seed: int | None) -> Iterator[float]:
    generator = np.random.default_rng(seed)
    while True:
        yield from generator.random(_DRAWN).tolist()


def _place(sums: NDArray[np.float64], uniform: float) -> int:
    """Return the first id whose cumulative sum is greater than `uniform` times the total."""
    place = int(sums.searchsorted(uniform * sums[-1], "right"))
    # The product may be rounded up to the total, which no sum exceeds.
    return place if place < len(sums) else int(sums.searchsorted(sums[-1]))


@dataclass(frozen=True)
class Beam:
    """One of the continuations that a beam search keeps.

    Attributes:
        log_probability: The log probability of the continuation.
        ids: The ids of the continuation.
        after: The model's logits for the next id, and its states, after the continuation.
        ended: Whether the model has ended the text, so that no id can follow.
    """

    log_probability: float
    ids: tuple[int, ...]
    after: Any
    ended: bool


def search(
    start: Beam,
    beams: int,
    tokens: int,
    log_probabilities: Callable[[Beam], NDArray[np.float64]],
    extended: Callable[[Beam, int], Beam],
) -> Beam:
    """Return the most probable continuation that beam search finds.

    Args:
        start: The empty continuation.
        beams: Number of continuations that are kept at each length.
        tokens: Largest number of ids in the continuation.
        log_probabilities: A function that returns the log probability of each id to follow a beam, [ids].
        extended: A function that returns a beam with one id appended. `search` sets the log probability of this beam.
    """
    kept, ticker = [start], Ticker()
    for length in range(tokens):
        if ticker.due():
            print_status(f"Beam search has reached {length:,} tokens.")
        found: list[tuple[float, Beam, int]] = []
        for beam in kept:
            if beam.ended:
                found.append((beam.log_probability, beam, -1))
                continue
            logs = log_probabilities(beam)
            best = np.argsort(-logs, kind="stable")[:beams]
            found += [(beam.log_probability + float(logs[number]), beam, int(number)) for number in best]
        found.sort(key=lambda one: -one[0])
        # Only the best are extended, since each extension takes a step of the network.
        kept = [
            beam if number < 0 else replace(extended(beam, number), log_probability=total)
            for total, beam, number in found[:beams]
        ]
        if all(beam.ended for beam in kept):
            break
    return max(kept, key=lambda beam: beam.log_probability)
