"""The simple model beside one of piano rolls: logistic regression of each key on the frames before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gatewright.support.data_progress import Progress, say

# How many frames before are read; the best on the validation part is kept.
_ORDERS = (1, 4)


class Regressed(NamedTuple):
    """-log p of each frame but the first of each test piece, [frames - 1] each, in nats; how many frames are read."""

    nats: list[NDArray[np.float64]]
    order: int


def frame_regression(
    train: Sequence[NDArray[np.uint8]], validation: Sequence[NDArray[np.uint8]], test: Sequence[NDArray[np.uint8]]
) -> Regressed:
    """Each key by logistic regression on all keys of the frames before; how many is chosen on the validation part.

    Args:
        train, validation, test: pieces [frames, keys]; before a piece nothing sounds.
    """
    best: tuple[float, int, list[Any]] | None = None
    told = Progress()
    following = np.concatenate([piece[1:] for piece in train])
    for order in _ORDERS:
        before, keys = _before(train, order), []
        for key in range(following.shape[1]):
            if told.due():
                say(f"the baseline has {key} of {following.shape[1]} keys, from {order} frames before.")
            keys.append(_of_key(before, following[:, key]))
        nats = np.concatenate(_nats(keys, validation, order)).mean()
        if best is None or nats < best[0]:
            best = float(nats), order, keys
    assert best is not None
    return Regressed(_nats(best[2], test, best[1]), best[1])


def _before(pieces: Sequence[NDArray[np.uint8]], order: int) -> Any:
    """The `order` frames before each frame but the first of each piece, [frames, order * keys], sparse."""
    from scipy.sparse import csr_matrix, vstack

    rows = []
    for piece in pieces:
        padded = np.concatenate([np.zeros((order - 1, piece.shape[1]), np.uint8), piece[:-1]])
        frames = [padded[order - 1 - back : len(padded) - back] for back in range(order)]
        rows.append(csr_matrix(np.concatenate(frames, axis=1), dtype=np.float64))
    return vstack(rows, format="csr")


def _of_key(before: Any, sounds: NDArray[np.uint8]) -> tuple[NDArray[np.float64], float]:
    """Weights and bias of one key's logit; of one that is always or never heard a logit as if half a frame differed."""
    from sklearn.linear_model import LogisticRegression

    heard = int(sounds.sum())
    if heard in (0, len(sounds)):
        certain = float(np.log(2 * len(sounds) - 1))
        return np.zeros(before.shape[1]), certain if heard else -certain
    model = LogisticRegression(max_iter=1_000).fit(before, sounds)
    return model.coef_[0], float(model.intercept_[0])


def _nats(
    keys: Sequence[tuple[NDArray[np.float64], float]], pieces: Sequence[NDArray[np.uint8]], order: int
) -> list[NDArray[np.float64]]:
    weights, biases = np.stack([w for w, _ in keys], axis=1), np.array([b for _, b in keys])
    found = []
    for piece in pieces:
        logits = _before([piece], order) @ weights + biases
        found.append((np.logaddexp(0, logits) - piece[1:] * logits).sum(axis=1))
    return found
