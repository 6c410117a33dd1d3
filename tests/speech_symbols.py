"""Small alphabets for decoders, and the sum over all alignments that decoders are compared with."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from itertools import groupby, product

import numpy as np


@dataclass(frozen=True)
class Letters:
    """Symbols that are characters, with the space between words if there is one."""

    letters: str

    @property
    def pieces(self):
        return ("", *self.letters)

    def spell(self, word):
        return tuple(map(self.pieces.index, word)) if set(word) <= set(self.letters) else None

    def decode(self, ids):
        return "".join(self.pieces[one] for one in ids).strip()


@dataclass(frozen=True)
class Pieces(Letters):
    """Symbols of several characters. Those that begin a word begin with a space."""

    listed: tuple[str, ...] = ()

    @property
    def pieces(self):
        return ("", *self.listed)

    def spell(self, word):
        rest, ids = f" {word}", []
        while rest:
            fits = [one for one in range(1, len(self.pieces)) if rest.startswith(self.pieces[one])]
            if not fits:
                return None
            ids.append(max(fits, key=lambda one: len(self.pieces[one])))
            rest = rest.removeprefix(self.pieces[ids[-1]])
        return tuple(ids)


def random_log_probs(rng, steps, symbols, sharpness=1.0):
    """Return log probabilities of symbols at each step, [steps, symbols]."""
    logits = (sharpness * rng.standard_normal((steps, symbols))).astype(np.float32)
    return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))


def all_transcripts(log_probs):
    """Return the log probability of each possible transcript, as the sum over all its alignments."""
    steps, symbols = log_probs.shape
    rows = np.exp(log_probs.astype(np.float64)).tolist()
    found = defaultdict(float)
    for alignment in product(range(symbols), repeat=steps):
        ids = tuple(one for one, _ in groupby(alignment) if one)
        found[ids] += math.prod(row[one] for row, one in zip(rows, alignment, strict=True))
    return {ids: math.log(p) for ids, p in found.items()}
