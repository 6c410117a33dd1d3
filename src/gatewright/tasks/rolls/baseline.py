"""The baseline of piano roll models: a logistic regression for each key, whose inputs are the preceding frames."""

import itertools
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gatewright.support.progress import Ticker, print_status

# Candidate numbers of frames that are read. The validation set chooses one.
_ORDERS = (1, 4)
# The regressions: the largest element of a gradient at which one is done (its loss is a sum over thousands of frames),
# bounds on the iterations and on the halvings of a step, and the share of a loss that is rounding.
_TOLERANCE, _ITERATIONS, _HALVINGS, _ROUNDING = 1e-4, 100, 30, 1e-10
# Bounds on memory: pairs of inputs in a block of frames (12 bytes each), and numbers in the Hessians made at a time.
_PAIRS, _HESSIANS = 1 << 24, 1 << 24


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
    order, best = min(fitted, key=lambda one: np.concatenate(_nats(one[1], validation, one[0])).mean())
    return Regressed(_nats(best, test, order), order)


def _before(pieces: Sequence[NDArray[np.uint8]], order: int) -> NDArray[np.uint8]:
    """Return the inputs of the regression: for each frame except the first of a piece, its `order` preceding frames.

    The result has the shape [frames of all pieces, order * keys].
    """
    rows = []
    for piece in pieces:
        padded = np.concatenate([np.zeros((order - 1, piece.shape[1]), np.uint8), piece[:-1]])
        frames = [padded[order - 1 - back : len(padded) - back] for back in range(order)]
        rows.append(np.concatenate(frames, axis=1))
    return np.concatenate(rows)


def _fit(train: Sequence[NDArray[np.uint8]], order: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Fit the regressions with `order` preceding frames. Return the weights, [order * keys, keys], and biases, [keys].

    A key that always or never sounds gets a constant logit, as if it were different in half a frame.
    """
    before, following = _before(train, order), np.concatenate([piece[1:] for piece in train])
    frames, counts = len(following), following.sum(axis=0, dtype=np.int64)
    certain = np.log(2 * frames - 1)
    weights, biases = np.zeros((before.shape[1], len(counts))), np.where(counts > 0, certain, -certain)
    read, varied = np.flatnonzero(before.any(axis=0)), np.flatnonzero((counts > 0) & (counts < frames))
    if len(varied):
        title = f"Baseline with {order} preceding frame{'s' * (order > 1)}"
        fitted = _regressions(before[:, read], following[:, varied], title)
        weights[np.ix_(read, varied)], biases[varied] = fitted[:-1], fitted[-1]
    return weights, biases


def _regressions(inputs: NDArray[np.uint8], targets: NDArray[np.uint8], title: str) -> NDArray[np.float64]:
    """Fit a logistic regression for each column of the targets, all at once. Return the weights, [inputs + 1, columns].

    The last row is the bias. Newton's method runs on all columns at the same time, each with its own steps.

    Args:
        inputs: 0 or 1, [examples, inputs].
        targets: 0 or 1, [examples, columns]. No column is constant.
        title: What is fitted, for the progress.
    """
    losses, rates = _Losses(inputs, targets), targets.mean(axis=0)
    columns, ticker = np.arange(targets.shape[1]), Ticker()
    weights = np.zeros((inputs.shape[1] + 1, len(columns)))
    weights[-1] = np.log(rates / (1 - rates))
    found, (loss, gradient, curvature) = weights.copy(), losses.at(weights, columns)
    for iteration in range(_ITERATIONS):
        left = np.abs(gradient).max(axis=0) > _TOLERANCE
        columns, weights, loss = columns[left], weights[:, left], loss[left]
        gradient, curvature = gradient[:, left], curvature[:, left]
        if not len(columns):
            break
        if ticker.due():
            print_status(f"{title}: {len(columns)} of {len(rates)} keys are not yet fitted after {iteration} steps.")
        step = -losses.solve(curvature, gradient)
        slope = (gradient * step).sum(axis=0)
        moved = (weights + step, *losses.at(weights + step, columns))
        for _ in range(_HALVINGS):
            worse = np.flatnonzero(moved[1] > loss + 1e-4 * slope + _ROUNDING * np.abs(loss))
            if not len(worse):
                break
            step[:, worse] /= 2
            slope[worse] /= 2
            shorter = weights[:, worse] + step[:, worse]
            for array, part in zip(moved, (shorter, *losses.at(shorter, columns[worse])), strict=True):
                array[..., worse] = part
        weights, loss, gradient, curvature = moved
        found[:, columns] = weights
    return found


class _Losses:
    """The losses of several logistic regressions with the same inputs, and their derivatives.

    A loss is the sum of -log p over the examples, plus half of the squared norm of the weights without the bias, as in
    scikit-learn's `LogisticRegression` with C = 1. Examples with equal inputs are computed once: music repeats itself.

    Args:
        inputs: 0 or 1, [examples, inputs].
        targets: 0 or 1 for each regression, [examples, regressions].
    """

    def __init__(self, inputs: NDArray[np.uint8], targets: NDArray[np.uint8]) -> None:
        from scipy.sparse import csr_matrix

        bits = np.ascontiguousarray(np.packbits(inputs, axis=1))
        rows = bits.view(np.dtype((np.void, bits.shape[1]))).ravel()
        _, first, of, counts = np.unique(rows, return_index=True, return_inverse=True, return_counts=True)
        different = np.concatenate([inputs[first], np.ones((len(first), 1), np.uint8)], axis=1)
        self._inputs = csr_matrix(different, dtype=np.float64)
        self._transposed = self._inputs.T.tocsr()
        self._counts = counts.astype(np.float64)[:, None]
        examples = csr_matrix((np.ones(len(of)), (of, np.arange(len(of)))))
        self._sums = self._transposed @ (examples @ targets.astype(np.float64))
        self._penalty = np.ones((different.shape[1], 1))
        self._penalty[-1] = 0
        # The Hessians need the sums over examples for each pair of inputs that are 1.
        ends = np.cumsum(np.diff(self._inputs.indptr).astype(np.int64) ** 2)
        bounds = np.unique([0, *np.searchsorted(ends, np.arange(_PAIRS, ends[-1], _PAIRS)), len(first)])
        self._blocks = [slice(begin, end) for begin, end in itertools.pairwise(bounds)]
        self._only = [self._pairs(self._blocks[0])] if len(self._blocks) == 1 else None

    def at(self, weights: NDArray[np.float64], which: NDArray[np.intp]) -> tuple[NDArray[np.float64], ...]:
        """Return the losses, [which], their gradients, [inputs, which], and the curvature, [different examples, which].

        The curvature is p (1 - p), times the number of the examples.

        Args:
            weights: The weights of the regressions `which`, [inputs, which].
            which: The numbers of the regressions.
        """
        logits, sums = self._inputs @ weights, self._sums[:, which]
        p = 1 / (1 + np.exp(-np.abs(logits)))  # of the likelier value
        losses = (self._counts * (np.maximum(logits, 0) - np.log(p))).sum(axis=0) - (weights * sums).sum(axis=0)
        losses += (self._penalty * weights**2).sum(axis=0) / 2
        gradients = self._transposed @ (self._counts * np.where(logits > 0, p, 1 - p)) - sums + self._penalty * weights
        return losses, gradients, self._counts * (p * (1 - p))

    def solve(self, curvature: NDArray[np.float64], gradients: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the product of the inverse Hessian and the gradient of each regression, [inputs, regressions]."""
        from scipy.linalg import solve

        size = len(gradients)
        at_a_time, solved = max(1, _HESSIANS // size**2), np.empty_like(gradients)
        for first in range(0, gradients.shape[1], at_a_time):
            columns = slice(first, first + at_a_time)
            hessians = sum(
                pairs @ curvature[block, columns]
                for block, pairs in zip(self._blocks, self._only or map(self._pairs, self._blocks), strict=True)
            )
            for place, hessian in enumerate(np.ascontiguousarray(hessians.T), first):
                upper = hessian.reshape(size, size) + np.diag(self._penalty[:, 0])
                solved[:, place] = solve(upper, gradients[:, place], assume_a="pos", lower=False)
        return solved

    def _pairs(self, block: slice) -> Any:
        """Return a sparse matrix, [inputs * inputs, examples of the block]: 1 where both inputs of a pair are 1.

        Only the pairs (i, j) with i <= j are there.
        """
        from scipy.sparse import csr_matrix

        part, size = self._inputs[block], self._inputs.shape[1]
        part.sort_indices()
        lengths = np.diff(part.indptr)
        rows, examples = [], []
        for length in np.unique(lengths):
            places = np.flatnonzero(lengths == length)
            ones = part.indices[part.indptr[places][:, None] + np.arange(length)].astype(np.int64)
            i, j = np.triu_indices(length)
            rows.append((ones[:, i] * size + ones[:, j]).ravel())
            examples.append(np.repeat(places, len(i)))
        at = (np.concatenate(rows), np.concatenate(examples))
        return csr_matrix((np.ones(len(at[0])), at), shape=(size * size, len(lengths)))


def _nats(
    fitted: tuple[NDArray[np.float64], NDArray[np.float64]], pieces: Sequence[NDArray[np.uint8]], order: int
) -> list[NDArray[np.float64]]:
    """Return, for each piece, -log p of each frame except the first, in nats. `fitted` is the result of `_fit`."""
    weights, biases = fitted
    found = []
    for piece in pieces:
        logits = _before([piece], order) @ weights + biases
        found.append((np.logaddexp(0, logits) - piece[1:] * logits).sum(axis=1))
    return found
