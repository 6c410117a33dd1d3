"""Connectionist temporal classification (CTC): the loss of a transcript, summed over all of its alignments to time.

Graves, Fernández, Gomez & Schmidhuber 2006, "Connectionist Temporal Classification: Labelling Unsegmented Sequence Data
with Recurrent Neural Networks".
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewright.nn.backend import NUMPY
from gatewright.nn.layer import Array, Backend
from gatewright.tasks.transcribe.symbols import BLANK

# The logarithm of a probability of 0. Unlike minus infinity, it has gradients that are numbers.
_IMPOSSIBLE = -1e30
# Losses above this number, in nats, belong to transcripts without any alignment.
_LARGEST = 1e20
_AT_ONCE = 64


def losses(backend: Backend, log_probs: Array, live: Array, ids: Array) -> Array:
    """Return -log p of each transcript in nats, [batch], with NumPy or JAX.

    p is the sum of the probabilities of all alignments: sequences of one symbol or the blank for each step, which
    become the transcript if equal neighbours are merged and blanks are removed. With n symbols read, the last step
    was the blank (b) or symbol n (s), as in section 4.1 of the paper:

        b_t(n) = p_t(blank) (b_{t-1}(n) + s_{t-1}(n))
        s_t(n) = p_t(symbol n) (s_{t-1}(n) + b_{t-1}(n - 1) + s_{t-1}(n - 1))

    The last term is missing if symbols n - 1 and n are equal, which need a blank between them. The loss is 0 if no
    alignment is possible; see `needed_steps`.

    Args:
        backend: The NumPy or JAX backend.
        log_probs: The logarithms of the probabilities of the blank and all symbols, [batch, steps, 1 + symbols].
        live: Booleans [batch, steps], False at padding, which comes last.
        ids: The symbols of the transcripts, [batch, symbols], padded with 0 on the right.
    """
    xp = backend.xp
    # A product with zeros and ones is exact, and its gradient is much faster than that of indexing.
    chosen = (ids[:, :, None] == np.arange(log_probs.shape[2])).astype(log_probs.dtype)
    of_symbols = xp.moveaxis(xp.matmul(log_probs, xp.moveaxis(chosen, 1, 2)), 1, 0)
    of_blank = xp.moveaxis(log_probs[:, :, BLANK, None], 1, 0)
    repeats = xp.concatenate([xp.ones_like(ids[:, :1], bool), ids[:, 1:] == ids[:, :-1]], axis=1)
    impossible = xp.full_like(of_symbols[0], _IMPOSSIBLE)
    none_read = xp.zeros_like(of_blank[0])
    start = (xp.concatenate([none_read, impossible], axis=1), impossible)

    def step(before: tuple[Array, Array], elements: tuple[Array, Array, Array]) -> tuple[Any, Array]:
        (b, s), (symbols, blank, alive) = before, elements
        previous = xp.concatenate([impossible[:, :1], s], axis=1)
        new_b = blank + xp.logaddexp(b, previous)
        direct = xp.where(repeats, _IMPOSSIBLE, previous[:, :-1])
        new_s = symbols + xp.logaddexp(xp.logaddexp(s, b[:, :-1]), direct)
        return (xp.where(alive, new_b, b), xp.where(alive, new_s, s)), none_read

    (b, s), _ = backend.scan(step, start, (of_symbols, of_blank, xp.moveaxis(live[:, :, None], 1, 0)))
    total = xp.logaddexp(b, xp.concatenate([impossible[:, :1], s], axis=1))
    last = (ids != BLANK).sum(axis=1)[:, None] == np.arange(total.shape[1])
    loss = -xp.where(last, total, 0).sum(axis=1)
    return xp.where(loss > _LARGEST, 0, loss)


def losses_of(utterances: Sequence[NDArray[np.float32]], ids: NDArray[np.int32]) -> NDArray[np.float32]:
    """Return `losses` of any number of utterances with NumPy, [utterances].

    Args:
        utterances: The log probabilities of each utterance without padding, [steps, 1 + symbols].
        ids: The symbols of the transcripts, [utterances, symbols], padded with 0 on the right.
    """
    lengths = np.array([len(one) for one in utterances])
    found = np.zeros(len(utterances), np.float32)
    order = np.argsort(lengths, kind="stable")
    for first in range(0, len(order), _AT_ONCE):
        places = order[first : first + _AT_ONCE]
        log_probs = np.zeros((len(places), lengths[places].max(), utterances[0].shape[1]), np.float32)
        for row, place in zip(log_probs, places, strict=True):
            row[: lengths[place]] = utterances[place]
        live = np.arange(log_probs.shape[1]) < lengths[places, None]
        symbols = ids[places, : max(1, (ids[places] != BLANK).sum(axis=1).max())]
        found[places] = losses(NUMPY, log_probs, live, symbols)
    return found


def needed_steps(ids: Array) -> Array:
    """Return the smallest number of steps that each transcript has an alignment to, [batch].

    It is the number of symbols, and one more for each symbol that is equal to the one before.

    Args:
        ids: The symbols of the transcripts, [batch, symbols], padded with 0 on the right; a NumPy or JAX array.
    """
    return (ids != BLANK).sum(axis=1) + ((ids[:, 1:] == ids[:, :-1]) & (ids[:, 1:] != BLANK)).sum(axis=1)
