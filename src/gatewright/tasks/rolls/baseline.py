"""The baseline of piano roll models: a logistic regression for each key, whose inputs are the preceding frames."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gatewright.support.progress import Ticker, print_status

# Candidate numbers of frames that are read. The validation set chooses one.
_ORDERS = (1, 4)


class Regressed(NamedTuple):
    """The predictions of the regression for the test set.

    Attributes:
        nats: For each test piece, -log p of each frame except the first, in nats, [frames - 1].
        order: Number of preceding frames that are used to predict a frame.
    """

    nats: list[NDArray[np.float64]]
    order: int


def frame_regression(
    train: Sequence[NDArray[np.uint8]], validation: Sequence[NDArray[np.uint8]], test: Sequence[NDArray[np.uint8]]
) -> Regressed:
    """Fit a logistic regression for each key, whose inputs are all keys of the preceding frames.

    The number of preceding frames is chosen on the validation set.

    Args:
        train, validation, test: The pieces of music in each split, [frames, keys] each. Before the first frame, all
            keys count as 0.
    """
    fitted = [(order, _fit(train, order)) for order in _ORDERS]
    order, keys = min(fitted, key=lambda one: np.concatenate(_nats(one[1], validation, one[0])).mean())
    return Regressed(_nats(keys, test, order), order)


def _fit(train: Sequence[NDArray[np.uint8]], order: int) -> list[tuple[NDArray[np.float64], float]]:
    """Fit the regressions with `order` preceding frames, and return the weights and the bias for each key."""
    ticker = Ticker()
    before, following, keys = _before(train, order), np.concatenate([piece[1:] for piece in train]), []
    for key in range(following.shape[1]):
        if ticker.due():
            print_status(f"Baseline with {order} preceding frames: {key} of {following.shape[1]} keys are fitted.")
        keys.append(_fit_key(before, following[:, key]))
    return keys


def _before(pieces: Sequence[NDArray[np.uint8]], order: int) -> Any:
    """Return the inputs of the regression: for each frame except the first of a piece, its `order` preceding frames.

    The result is a sparse matrix, [frames of all pieces, order * keys].
    """
    from scipy.sparse import csr_matrix, vstack

    rows = []
    for piece in pieces:
        padded = np.concatenate([np.zeros((order - 1, piece.shape[1]), np.uint8), piece[:-1]])
        frames = [padded[order - 1 - back : len(padded) - back] for back in range(order)]
        rows.append(csr_matrix(np.concatenate(frames, axis=1), dtype=np.float64))
    return vstack(rows, format="csr")


def _fit_key(before: Any, sounds: NDArray[np.uint8]) -> tuple[NDArray[np.float64], float]:
    """Fit the regression for one key, and return its weights, [order * keys], and its bias.

    A key that always or never sounds gets a constant logit, as if it were different in half a frame.

    Args:
        before: The inputs, as `_before` returns them.
        sounds: 1 for each frame in which the key sounds, otherwise 0.
    """
    from sklearn.linear_model import LogisticRegression

    count = int(sounds.sum())
    if count in (0, len(sounds)):
        certain = float(np.log(2 * len(sounds) - 1))
        return np.zeros(before.shape[1]), certain if count else -certain
    model = LogisticRegression(max_iter=1_000).fit(before, sounds)
    return model.coef_[0], float(model.intercept_[0])


def _nats(
    keys: Sequence[tuple[NDArray[np.float64], float]], pieces: Sequence[NDArray[np.uint8]], order: int
) -> list[NDArray[np.float64]]:
    """Return, for each piece, -log p of each frame except the first, in nats. `keys` are the results of `_fit`."""
    weights, biases = np.stack([w for w, _ in keys], axis=1), np.array([b for _, b in keys])
    found = []
    for piece in pieces:
        logits = _before([piece], order) @ weights + biases
        found.append((np.logaddexp(0, logits) - piece[1:] * logits).sum(axis=1))
    return found
