"""How a text is drawn from a model's probabilities."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Logits = NDArray[np.floating[Any]]
Seen = NDArray[np.bool_]
Choose = Callable[[Logits, Seen], int]

# Below it a temperature is as good as none, and logits divided by it might be no numbers any more.
_LEAST_TEMPERATURE = 1e-6
# Random numbers that are drawn at once: one at a time would take as long as a step of a small network.
_DRAWN = 1 << 14


@dataclass(frozen=True)
class Decoding:
    """How each next id is chosen.

    The penalty comes first, then temperature, then `top_k`, then `top_p`.

    Attributes:
        temperature: logits are divided by it: below 1 likely ids become likelier; 0 is greedy, always the likeliest,
            and so is what is below 1e-6.
        top_k: only so many of the likeliest ids; 0 is all: Fan, Lewis & Dauphin 2018, "Hierarchical Neural Story
            Generation", section 5.4.
        top_p: only the fewest of the likeliest ids whose probabilities make up so much: Holtzman et al. 2020, "The
            Curious Case of Neural Text Degeneration", section 3.1.
        repetition_penalty: logits of ids that stood before are divided by it where above 0, and multiplied where below:
            after Keskar et al. 2019, "CTRL", section 4.1, who divide all; 1 is none.
        beams: from 2 on, beam search: the continuation of the highest probability among those that follow the so many
            best of each length; nothing is drawn: Graves 2012, "Sequence Transduction with Recurrent Neural Networks",
            section 2.6.
        seed: of what is drawn.
    """

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    repetition_penalty: float = 1.0
    beams: int = 1
    seed: int = 0

    def chooser(self) -> Choose:
        """A function of logits [ids] and of whether each id stood before, [ids], which gives the next id."""
        pick = _likeliest if self.temperature < _LEAST_TEMPERATURE else self._drawer()
        if self.repetition_penalty == 1:
            return lambda logits, seen: pick(logits)
        return lambda logits, seen: pick(self.penalised(logits, seen))

    def penalised(self, logits: Logits, seen: Seen) -> Logits:
        """The logits after the repetition penalty."""
        if self.repetition_penalty == 1:
            return logits
        scaled = np.where(logits > 0, logits / self.repetition_penalty, logits * self.repetition_penalty)
        return np.where(seen, scaled, logits)

    def probabilities(self, logits: Logits) -> NDArray[np.float64]:
        """What ids are drawn with, [ids]; `temperature` is above 0."""
        shares = np.exp((logits - logits.max()) / self.temperature, dtype=np.float64)
        if self.top_k and self.top_k < len(shares):
            least = np.partition(shares, -self.top_k)[-self.top_k]
            shares[_beyond(shares, shares >= least, self.top_k)] = 0
        if self.top_p < 1:
            order = np.argsort(-shares, kind="stable")
            total = np.cumsum(shares[order])
            shares[order[1:][total[:-1] >= self.top_p * total[-1]]] = 0
        probabilities: NDArray[np.float64] = shares / shares.sum()
        return probabilities

    def _drawer(self) -> Callable[[Logits], int]:
        if self.top_k or self.top_p < 1:
            uniforms = _uniforms(self.seed)
            return lambda logits: _place(self.probabilities(logits).cumsum(), next(uniforms))
        temperature, noise = self.temperature, _gumbels(self.seed)
        next(noise)

        def draw(logits: Logits) -> int:
            # The largest of logit / temperature + G, with G of Gumbel's distribution, is distributed as the softmax:
            # Gumbel 1954; Maddison, Tarlow & Minka 2014, section 2. As few operations as there can be.
            scaled = logits if temperature == 1 else logits / temperature
            return int((scaled + noise.send(len(logits))).argmax())

        return draw


def _likeliest(logits: Logits) -> int:
    return int(logits.argmax())


def _beyond(shares: NDArray[np.float64], kept: NDArray[np.bool_], count: int) -> NDArray[np.bool_]:
    """All but `count` of the kept: among equals the first stay."""
    if int(kept.sum()) > count:
        order = np.argsort(-shares, kind="stable")
        kept = np.zeros_like(kept)
        kept[order[:count]] = True
    return ~kept


def _gumbels(seed: int) -> Generator[NDArray[np.float64], int, None]:
    """Numbers of Gumbel's distribution, for so many ids as are sent; the first `next` gives none."""
    generator = np.random.default_rng(seed)
    ids = yield np.empty(0)
    while True:
        drawn = generator.standard_exponential((max(1, _DRAWN // ids), ids))
        for row in -np.log(np.maximum(drawn, np.finfo(np.float64).tiny)):
            ids = yield row


def _uniforms(seed: int) -> Iterator[float]:
    generator = np.random.default_rng(seed)
    while True:
        yield from generator.random(_DRAWN).tolist()


def _place(sums: NDArray[np.float64], uniform: float) -> int:
    """The id at which the sums of probabilities, up to any total, pass `uniform` of it."""
    place = int(sums.searchsorted(uniform * sums[-1], "right"))
    # Rounded up to the total itself, it would be past the last id.
    return place if place < len(sums) else int(sums.searchsorted(sums[-1]))


@dataclass(frozen=True)
class Beam:
    """One of the continuations that beam search keeps: its log probability, ids, and what the model has after them."""

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
    told: Callable[[int], None] = lambda tokens: None,
) -> Beam:
    """Beam search.

    Args:
        start: before the first id.
        beams: how many are kept of each length.
        tokens: ids at most.
        log_probabilities: of each next id after a beam, [ids].
        extended: the beam with one more id, whose log probability is filled in here.
        told: is given the length that is done.
    """
    kept = [start]
    for length in range(tokens):
        told(length)
        found: list[tuple[float, Beam, int]] = []
        for beam in kept:
            if beam.ended:
                found.append((beam.log_probability, beam, -1))
                continue
            logs = log_probabilities(beam)
            best = np.argsort(-logs, kind="stable")[:beams]
            found += [(beam.log_probability + float(logs[number]), beam, int(number)) for number in best]
        found.sort(key=lambda one: -one[0])
        # Only what is kept is extended: a step of the network for each.
        kept = [beam if number < 0 else _with(extended(beam, number), total) for total, beam, number in found[:beams]]
        if all(beam.ended for beam in kept):
            break
    return max(kept, key=lambda beam: beam.log_probability)


def _with(beam: Beam, log_probability: float) -> Beam:
    return Beam(log_probability, beam.ids, beam.after, beam.ended)
