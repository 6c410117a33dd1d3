"""The widths of padded batches: the numbers of time steps for which a network is compiled."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

MOST = 4
"""The largest number of widths of a data set."""

# With more different lengths than this, only quantiles are tried as widths.
_CANDIDATES = 257


def choose(needed: NDArray[np.intp], price: float, weights: NDArray[np.float64] | None = None) -> tuple[int, ...]:
    """Return the widths, in rising order, that together cost least. The last one is the largest that is needed.

    A batch is padded to the smallest width that holds it. The cost is the number of time steps of all batches, plus
    `price` for each width. Equal costs are decided in favor of fewer widths. There are at most `MOST`.

    Args:
        needed: Number of time steps that each batch needs, [batches]: that of its longest example.
        price: Number of time steps that take as long as the compilation for one more width.
        weights: Number of times that each batch is computed, [batches]. None for once each.
    """
    ends = np.unique(np.quantile(needed.clip(1), np.linspace(0, 1, _CANDIDATES), method="higher"))
    counts = np.zeros(len(ends))
    np.add.at(counts, np.searchsorted(ends, needed.clip(1)), 1.0 if weights is None else weights)
    before = np.concatenate([[0.0], np.cumsum(counts)])
    no: tuple[int, ...] = ()
    # cost[j] is the least cost of the batches of the widths ends[:j], if ends[j - 1] is the last of the chosen widths.
    # steps[i, j] are the time steps of the batches that need one of ends[i:j], padded to ends[j - 1].
    steps = (before[None, 1:] - before[:-1, None]) * ends
    steps[np.tril_indices(len(ends), -1)] = np.inf
    cost, chosen = np.concatenate([[0.0], np.full(len(ends), np.inf)]), [no] * (len(ends) + 1)
    best, widths = np.inf, no
    for _ in range(MOST):
        through = cost[:-1, None] + steps
        first = through.argmin(axis=0)
        chosen = [no, *((*chosen[start], int(end)) for start, end in zip(first, ends, strict=True))]
        cost = np.concatenate([[np.inf], through.min(axis=0) + price])
        if cost[-1] < best:
            best, widths = cost[-1], chosen[-1]
    return widths


def last_steps(padded: NDArray[Any], steps: int, padding: float = 0) -> NDArray[Any]:
    """Return an array [examples, time, ...], padded on the left, with `steps` time steps: fewer or more of them."""
    if steps <= (time := padded.shape[1]):
        return padded[:, time - steps :]
    return np.concatenate([_padding(padded, steps - time, padding), padded], axis=1)


def first_steps(padded: NDArray[Any], steps: int, padding: float = 0) -> NDArray[Any]:
    """Return an array [examples, time, ...], padded on the right, with `steps` time steps: fewer or more of them."""
    if steps <= (time := padded.shape[1]):
        return padded[:, :steps]
    return np.concatenate([padded, _padding(padded, steps - time, padding)], axis=1)


def _padding(padded: NDArray[Any], steps: int, padding: float) -> NDArray[Any]:
    return np.full((len(padded), steps, *padded.shape[2:]), padding, padded.dtype)
