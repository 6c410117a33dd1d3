"""A test of attributions: how far the explained number falls when their top steps are left out."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gatewright.explanation.target import values_without
from gatewright.nn.layer import Layer, Weights
from gatewright.results.explanation import Attribution, Faithfulness
from gatewright.results.statistics import Interval
from gatewright.tasks.base.explainable import Explainable

FRACTION = 0.1
"""The fraction of the removable steps that are left out; at least one is."""
DRAWS = 20
"""Number of random sets of steps to compare with."""

# The quantile 0.975 of Student's t distribution with DRAWS - 1 degrees of freedom, so that explaining needs no SciPy.
_T = 2.093024054408263


def faithfulness(
    layers: Sequence[Layer],
    weights: Sequence[Weights],
    explainable: Explainable,
    attributions: Sequence[Attribution],
) -> tuple[Faithfulness, ...]:
    """Return how far the explained number falls without the top steps of each attribution, and without random steps.

    DeYoung et al. 2020, "ERASER: A Benchmark to Evaluate Rationalized NLP Models", section 4: the comprehensiveness of
    a rationale is the fall of the prediction without it. The rationale here is the tenth of the removable steps with
    the largest effects, at least one, and the prediction is the explained number. All attributions are compared with
    the same random sets of as many removable steps, which are the same at every call.

    Args:
        layers, weights: The network, with the weights as returned by `bind`.
        explainable: The example.
        attributions: Attributions of this example. A step whose effect is NaN is never a top step.

    Returns:
        One test for each attribution; none if no step can be left out.

    Raises:
        InputError: A result is not finite.
    """
    removable = np.array(explainable.removable, np.intp)
    if not len(removable) or not attributions:
        return ()
    count = top_count(len(removable))
    rng = np.random.default_rng(0)
    drawn = [rng.choice(removable, count, replace=False).tolist() for _ in range(DRAWS)]
    tops = [top_steps(one, removable, count) for one in attributions]
    whole, *values = values_without(layers, weights, explainable, [(), *tops, *drawn])
    falls = [float(whole - value) for value in values]
    random = _interval(falls[len(tops) :])
    return tuple(Faithfulness(one.method, count, fall, random) for one, fall in zip(attributions, falls, strict=False))


def top_count(removable: int) -> int:
    """Return the number of steps that are left out of so many removable ones: a tenth, rounded, at least 1."""
    return max(1, round(FRACTION * removable))


def top_steps(attribution: Attribution, removable: NDArray[np.intp], count: int) -> list[int]:
    """Return the indices of the removable steps with the largest effects; of equal ones, the first."""
    effects = np.nan_to_num(attribution.values[removable], nan=-np.inf)
    chosen: list[int] = removable[np.argsort(-effects, kind="stable")[:count]].tolist()
    return chosen


def _interval(falls: Sequence[float]) -> Interval:
    """Return the mean of DRAWS values with its 95% interval; see `results.statistics.mean_interval`."""
    mean, reach = float(np.mean(falls)), float(_T * np.std(falls, ddof=1) / np.sqrt(len(falls)))
    return Interval(mean, mean - reach, mean + reach, tuple(falls))
