"""Confidence intervals and paired tests."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Interval:
    """A mean over seeds and its 95% confidence interval. `low` and `high` are None for fewer than two values."""

    mean: float
    low: float | None
    high: float | None
    values: tuple[float, ...]


def mean_interval(values: Sequence[float]) -> Interval:
    """Return the mean of the values and its 95% confidence interval by Student's t distribution.

    Student 1908, "The Probable Error of a Mean": mean ± t(0.975, n - 1) * s / sqrt(n).
    """
    from scipy import stats

    sample = np.asarray(values, np.float64)
    mean = float(sample.mean())
    if len(sample) < 2:
        return Interval(mean, None, None, tuple(sample.tolist()))
    reach = float(stats.t.ppf(0.975, len(sample) - 1) * sample.std(ddof=1) / np.sqrt(len(sample)))
    return Interval(mean, mean - reach, mean + reach, tuple(sample.tolist()))


def paired_t(differences: Sequence[float]) -> float | None:
    """Return the two-sided p value of Student's t test of the hypothesis that paired differences have mean 0.

    Return None for fewer than two differences. If all differences are equal, their spread cannot be estimated: p is
    then 1 if they are 0, and otherwise 0. If a difference is not a number, p is 1, because nothing is shown.
    """
    from scipy import stats

    sample = np.asarray(differences, np.float64)
    if len(sample) < 2:
        return None
    if not np.isfinite(sample).all():
        return 1.0
    spread = sample.std(ddof=1)
    if spread == 0:
        return 1.0 if sample[0] == 0 else 0.0
    t = sample.mean() / (spread / np.sqrt(len(sample)))
    return float(2 * stats.t.sf(abs(t), len(sample) - 1))


def sign_test(first: NDArray[Any], second: NDArray[Any]) -> float:
    """Return the two-sided p value of the exact sign test of the hypothesis that two models are better equally often.

    Dixon & Mood 1946, "The Statistical Sign Test". With scores of only 0 and 1, this is the exact form of McNemar
    1947, "Note on the sampling error of the difference between correlated proportions": of the examples that exactly
    one model gets right, the number that the first gets right is binomial with probability 1/2.

    Args:
        first, second: The score of each model on each example, [examples], bools or numbers; higher is better.
    """
    from scipy import stats

    only_first, only_second = int(np.sum(first > second)), int(np.sum(second > first))
    if only_first + only_second == 0:
        return 1.0
    return float(stats.binomtest(only_first, only_first + only_second).pvalue)


def more_often_better(first: NDArray[Any], second: NDArray[Any]) -> int:
    """Return 1 if the first model is better on more examples, -1 if the second is, and 0 if neither is.

    Args:
        first, second: As in `sign_test`.
    """
    return int(np.sign(int(np.sum(first > second)) - int(np.sum(second > first))))


def holm(p_values: Sequence[float]) -> list[float]:
    """Return the p values of several tests, adjusted for multiple testing, in the same order.

    Holm 1979, "A Simple Sequentially Rejective Multiple Test Procedure".
    """
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for place, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, min(1.0, (len(p_values) - place) * p_values[index]))
        adjusted[index] = largest
    return adjusted
