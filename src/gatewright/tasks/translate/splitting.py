"""Set validation and test pairs aside, so that no sentence of theirs is in the training set."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewright.support.errors import InputError
from gatewright.tasks.base.splitting import SPLIT_SEED, VALIDATION_FRACTION
from gatewright.tasks.translate.sentences import Pairs

MAX_HELD_OUT = 2_000
"""The largest number of pairs that are set aside for a split: translating more takes long and says little more."""

# Neighbours are set aside in blocks of so many pairs. Pairs that share a sentence with more others than this share of
# the split stay in the training set.
_BLOCK, _MAX_RELATED = 100, 0.05


def hold_out(name: str, pairs: Pairs, split: str) -> tuple[Pairs, Pairs, str]:
    """Set a tenth of the pairs aside, but at most `MAX_HELD_OUT`.

    Pairs with the same source sentence or the same translation stay together. Blocks of neighbouring pairs are set
    aside, since neighbours often come from one document.

    Args:
        name: The name of the data set, for messages.
        pairs: The pairs.
        split: The name of the new split, "validation" or "test".

    Returns:
        The remaining pairs, the pairs that were set aside, and a note.

    Raises:
        InputError: No pairs can be set aside.
    """
    wanted = min(round(VALIDATION_FRACTION * len(pairs)), MAX_HELD_OUT)
    related = _related(pairs)
    sizes = np.bincount(related)
    allowed, chosen, left = max(2, int(_MAX_RELATED * wanted)), np.zeros(len(sizes), np.bool_), wanted
    block = max(1, min(_BLOCK, wanted))
    for start in np.random.default_rng(SPLIT_SEED).permutation(np.arange(0, len(pairs), block)):
        for one in related[start : start + block].tolist():
            if not chosen[one] and sizes[one] <= min(allowed, left):
                chosen[one] = True
                left -= int(sizes[one])
    held = chosen[related]
    if not held.any():
        raise InputError(
            f"{name} has too few different sentences to set {split} pairs aside ({len(pairs):,} "
            f"{'pair' if len(pairs) == 1 else 'pairs'}). Add pairs, or give other data with --{split}."
        )
    note = f"{name} has no {split} set: {int(held.sum()):,} of its {len(pairs):,} pairs were set aside as one."
    return pairs.take(np.flatnonzero(~held).tolist()), pairs.take(np.flatnonzero(held).tolist()), note


def _related(pairs: Pairs) -> NDArray[Any]:
    """Return a number for each pair, [pairs], which is equal for pairs that are connected by equal sentences."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    sources, targets = _numbers(pairs.source), _numbers(pairs.target)
    targets += sources.max() + 1
    edges = coo_array((np.ones(len(pairs), np.int8), (sources, targets)), shape=(targets.max() + 1,) * 2)
    return np.asarray(connected_components(edges, directed=False)[1][sources])


def _numbers(texts: Sequence[str]) -> NDArray[np.int64]:
    numbers = {text: number for number, text in enumerate(dict.fromkeys(texts))}
    return np.array([numbers[text] for text in texts])


def sample(pairs: Pairs, limit: int) -> Pairs:
    """Return at most `limit` random pairs, in their order."""
    if limit >= len(pairs):
        return pairs
    chosen = np.random.default_rng(SPLIT_SEED).choice(len(pairs), limit, replace=False)
    return pairs.take(np.sort(chosen).tolist())
