"""The effect of leaving out time steps: one at a time, and several together."""

from collections.abc import Collection, Sequence

import numpy as np

from gatewright.explanation.shared_reading import read_without_each
from gatewright.explanation.target import values_without
from gatewright.nn.layer import Layer, Weights
from gatewright.results.explanation import OMISSION, Attribution, Floats, Group
from gatewright.support.errors import InputError
from gatewright.tasks.base.explainable import Explainable


def omission(layers: Sequence[Layer], weights: Sequence[Weights], explainable: Explainable) -> Attribution:
    """Return the effect of each time step by leaving it out.

    Li, Monroe & Jurafsky 2016, "Understanding Neural Networks through Representation Erasure", section 3. The effect of
    a step is the fall of the explained number when the network reads the example without this step. It is exact: the
    number of the shortened example is the one that `predict` computes. The effects need not add up to anything. Steps
    that cannot be left out have the effect NaN.

    Args:
        layers, weights: The network, with the weights as returned by `bind`.
        explainable: The example.

    Raises:
        InputError: A result is not finite.
    """
    values = values_without_each(layers, weights, explainable)
    effects = np.full(len(explainable.steps), np.nan)
    effects[list(explainable.removable)] = values[0] - values[1:]
    return Attribution(OMISSION, effects)


def values_without_each(layers: Sequence[Layer], weights: Sequence[Weights], explainable: Explainable) -> Floats:
    """Return the explained number for the whole example and without each removable step, [1 + removable].

    Args:
        layers, weights: The network, with the weights as returned by `bind`.
        explainable: The example.

    Raises:
        InputError: A result is not finite.
    """
    values = read_without_each(layers, weights, explainable)
    if values is None:
        sets = [(), *((step,) for step in explainable.removable)]
        values = values_without(layers, weights, explainable, sets)
    return values


def groups(
    layers: Sequence[Layer],
    weights: Sequence[Weights],
    explainable: Explainable,
    omitted: Attribution,
    sets: Sequence[Collection[int]],
) -> tuple[Group, ...]:
    """Return the effect of leaving out several steps together, such as a pair or a phrase.

    Args:
        layers, weights: The network, with the weights as returned by `bind`.
        explainable: The example.
        omitted: The result of `omission` for this example.
        sets: The indices of the steps of each group.

    Raises:
        InputError: A step cannot be left out, or a result is not finite.
    """
    ordered = [tuple(sorted(set(steps))) for steps in sets]
    for step in (step for steps in ordered for step in steps):
        if step not in explainable.removable:
            count = len(explainable.steps)
            name = f" ({explainable.steps[step].text!r})" if 0 <= step < count else f", because there are {count} steps"
            raise InputError(f"Step {step} cannot be left out{name}: choose other steps for the group.")
    whole, *values = values_without(layers, weights, explainable, [(), *ordered]).tolist()
    return tuple(
        Group(steps, whole - value, float(omitted.values[list(steps)].sum()))
        for steps, value in zip(ordered, values, strict=True)
    )
