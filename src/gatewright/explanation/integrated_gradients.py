"""Integrated gradients of the vectors of the time steps."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewright.explanation.target import (
    POSITIONS,
    inputs_at_target,
    run,
    target_gradient,
    target_values,
    up_to_target,
)
from gatewright.nn import model as models
from gatewright.nn.backend import NUMPY
from gatewright.nn.layer import Activations, Layer, Pullback, Weights, as_array
from gatewright.nn.layers import Dropout, Recurrent
from gatewright.results.explanation import GRADIENTS, PADDED, Attribution
from gatewright.tasks.base.explainable import Explainable
from gatewright.tasks.base.model import require_finite

BASELINE = "baseline"
"""The name in `Attribution.others` of the number for the baseline, in which all vectors are 0."""


def integrated_gradients(
    layers: Sequence[Layer], weights: Sequence[Weights], explainable: Explainable, steps: int = 50
) -> Attribution:
    """Return the effect of each time step by integrated gradients.

    Sundararajan, Taly & Yan 2017, "Axiomatic Attribution for Deep Networks", sections 3 and 5. With the vector x_t that
    the network reads at step t, such as the embedding of a token, and the number F that is explained, the effect is

        IG_t = sum over features of  x_t * integral of dF(alpha x) / dx_t over alpha from 0 to 1

    The baseline is the zero vector at every step: for tokens the zero embedding, for numbers the mean of the scaled
    channel. Padding and the length of the example stay as they are. The integral is computed by Gauss-Legendre
    quadrature, whose `steps` points are one batch. The effects add up to F(x) - F(0); `Attribution.difference` is what
    the quadrature and rounding leave (completeness, section 3).

    Args:
        layers, weights: The network, with the weights as returned by `bind`.
        explainable: The example.
        steps: Number of points on the path.

    Raises:
        InputError: A layer has no gradients outside training, or a result is not finite.
    """
    network, own = up_to_target(layers, weights, explainable.output)
    # Vectors are what the first layer returns, or what a network of recurrent layers alone reads.
    above = 0 if isinstance(network[0], Recurrent) else 1
    while above < len(network) and isinstance(network[above], Dropout):
        above += 1
    example = inputs_at_target(explainable.inputs, explainable.output)
    read, _ = models.forward(network[:above], NUMPY, own[:above], example)
    network, own = network[above:], own[above:]
    x = as_array(read.x)
    points, shares = _quadrature(steps)
    gradient = np.zeros(x.shape[1:], np.float64)
    rows = max(1, POSITIONS // max(1, x.shape[1]))
    for first in range(0, steps, rows):
        alpha, share = (one[first : first + rows, None].astype(x.dtype) for one in (points, shares))
        path = _repeated(read, len(alpha))._replace(x=alpha[:, None] * x)
        with np.errstate(all="ignore"):  # a result that overflows is reported below
            outputs, pullback = _vjp_of_steps(network, own, path)
            found = pullback(share * target_gradient(explainable.output, outputs.x))
        require_finite(found)
        gradient += found
    values = (gradient * x[0]).sum(axis=-1)
    ends = run(network, own, _repeated(read, 2)._replace(x=np.concatenate([x, 0 * x])))
    whole, baseline = target_values(explainable.output, ends)
    difference = float(values.sum() + baseline - whole)
    if read.mask is not None:
        padded = np.array([step.kind == PADDED for step in explainable.steps], bool)
        values[padded & ~read.mask[0]] = np.nan
    return Attribution(GRADIENTS, values, {BASELINE: float(baseline)}, difference)


def _vjp_of_steps(
    layers: Sequence[Layer], weights: Sequence[Weights], inputs: Activations
) -> tuple[Activations, Pullback]:
    """Return what `models.vjp` returns, but with the gradients added up over the examples, [time, features]."""
    bottom = layers[0]
    if not isinstance(bottom, Recurrent):
        outputs, pullback = models.vjp(layers, weights, inputs)
        return outputs, lambda d: pullback(d).sum(axis=0)
    between, to_steps = bottom.vjp_of_steps(weights[0], inputs)
    outputs, to_bottom = models.vjp(layers[1:], weights[1:], between)
    return outputs, lambda d: to_steps(to_bottom(d))


@lru_cache(maxsize=4)
def _quadrature(steps: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the points in (0, 1) and the weights of Gauss-Legendre quadrature."""
    points, shares = np.polynomial.legendre.leggauss(steps)
    return (points + 1) / 2, shares / 2


def _repeated(activations: Activations, times: int) -> Activations:
    """Return the activations of one example as those of a batch, without x, which the caller replaces."""

    def repeat(value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(map(repeat, value))
        return None if value is None else np.repeat(value, times, axis=0)

    context = {name: repeat(value) for name, value in activations.context.items()}
    return Activations(None, repeat(activations.mask), None, repeat(activations.states), context)
