"""A decoder for tests whose probabilities are drawn from the sentence and the ids before, without a network."""

from typing import NamedTuple

import numpy as np

from gatewright.support.ids import START, UNKNOWN


class Memory(NamedTuple):
    sources: np.ndarray


class State(NamedTuple):
    prefixes: np.ndarray
    """The ids read before, [rows, steps]."""


class TableStepper:
    """Draw the log probabilities of the next id, and the attention, from a seed and everything before them."""

    def __init__(self, seed=0, vocabulary=7, sharpness=2.0):
        self.seed, self.vocabulary, self.sharpness = seed, vocabulary, sharpness
        self.rows = 0

    def encode(self, ids):
        return Memory(ids)

    def start(self, memory):
        return State(np.zeros((len(memory.sources), 0), int))

    def step(self, memory, state, ids, beam):
        assert ids.shape == (len(memory.sources) * beam,) == state.prefixes.shape[:1]
        self.rows += len(ids)
        prefixes = np.concatenate((state.prefixes, ids[:, None]), axis=1)
        sources = np.repeat(memory.sources, beam, axis=0)
        rows = [self.one(source, prefix) for source, prefix in zip(sources, prefixes, strict=True)]
        return np.array([row[0] for row in rows]), State(prefixes), np.array([row[1] for row in rows])

    def rows_of(self, state, index):
        return State(state.prefixes[index])

    def one(self, source, prefix):
        """Return the log probabilities, [ids], and the attention, [S], after a prefix that begins with START."""
        seeds = [self.seed, len(source), *np.asarray(source).tolist(), *np.asarray(prefix).tolist()]
        rng = np.random.default_rng(seeds)
        logits = self.sharpness * rng.normal(size=self.vocabulary)
        logits[UNKNOWN] += self.sharpness  # UNKNOWN is often the most probable
        attention = rng.dirichlet(np.ones(len(source))).astype(np.float32)
        return (logits - np.log(np.exp(logits).sum())).astype(np.float32), attention


def sentences(rng, count, longest=4, vocabulary=7):
    """Return the ids of random sentences, each with START at the end."""
    return [[*rng.integers(4, vocabulary, rng.integers(1, longest + 1)).tolist(), START] for _ in range(count)]
