"""Paired bootstrap resampling: tests of metrics of a whole test set that are not means over its examples."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 10_000
"""Number of bootstrap samples. Koehn 2004 draws 1,000, whose smallest p value, 0.002, is above 0.05 after Holm's
correction for the pairs of eight cells."""

_SEED = 0
# Draws that are held in memory at a time.
_DRAWS = 2**20


class Bootstrap(NamedTuple):
    """The result of a paired bootstrap test.

    Attributes:
        p: The two-sided p value.
        interval: The ends of the 95% interval of the difference of the metric, first - second.
    """

    p: float
    interval: tuple[float, float]


def resampled(
    statistics: Sequence[NDArray[Any]], score: Callable[[NDArray[Any]], float], resamples: int = RESAMPLES
) -> NDArray[np.float64]:
    """Return the metric on bootstrap samples of the test set, [resamples], the mean over runs.

    A sample has as many examples as the test set, drawn with replacement. The draws depend on the number of examples
    alone, so the results of two models are paired: value i of both belongs to the same sample.

    Args:
        statistics: Numbers about each test example, [examples, numbers], for each run of a model.
        score: Returns the metric of a set of examples, given the sum of their statistics, [numbers].
        resamples: Number of samples.
    """
    rng = np.random.default_rng(_SEED)
    examples, numbers = statistics[0].shape
    columns = np.concatenate(statistics, axis=1, dtype=np.float64)
    block = max(1, _DRAWS // examples)
    values = []
    for begin in range(0, resamples, block):
        draws = rng.integers(examples, size=(min(block, resamples - begin), examples))
        rows = np.arange(len(draws))[:, None] * examples
        counts = np.bincount((draws + rows).ravel(), minlength=draws.size).reshape(draws.shape)
        sums = (counts.astype(np.float64) @ columns).astype(statistics[0].dtype)  # exact for whole numbers below 2^53
        values += [np.mean([score(total) for total in one]) for one in sums.reshape(len(draws), -1, numbers)]
    return np.array(values, np.float64)


def paired_bootstrap(first: NDArray[Any], second: NDArray[Any], difference: float) -> Bootstrap:
    """Test whether two models differ by a metric of the whole test set, with paired bootstrap resampling.

    Koehn 2004, "Statistical Significance Tests for Machine Translation Evaluation", section 3. The model that is better
    on the test set is significantly better if it is better on nearly all samples. Its p value is the fraction of the
    samples on which it is not. Here it is doubled, because either model might have been better, and the test set itself
    counts as one more sample, so that p is never 0 (Davison & Hinkley 1997, "Bootstrap Methods and their Application",
    section 4.2). The interval has the percentiles 2.5 and 97.5 of the difference. If a value is not a number, p is 1,
    because nothing is shown.

    Args:
        first, second: The metric of each model on the same samples, [resamples]; see `resampled`.
        difference: The metric of the first model minus that of the second on the test set.
    """
    differences = np.asarray(first, np.float64) - second
    if not np.isfinite([difference, *differences]).all():
        return Bootstrap(1.0, (np.nan, np.nan))
    low, high = np.percentile(differences, [2.5, 97.5]).tolist()
    opposed = np.sum(np.sign(differences) != np.sign(difference)) if difference else len(differences)
    return Bootstrap(min(1.0, float(2 * (1 + opposed) / (1 + len(differences)))), (low, high))
