"""Integrated gradients of the vectors of the time steps."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gatewright.explanation.target import (
    inputs_at_target,
    run,
    target_gradient,
    target_values,
    up_to_target,
)
from gatewright.nn import model as models
from gatewright.nn.backend import NUMPY
from gatewright.nn.layer import Activations, Array, Layer, Pullback, Weights, as_array
from gatewright.nn.layers import Dropout, Recurrent
from gatewright.results.explanation import GRADIENTS, PADDED, Attribution, Floats
from gatewright.tasks.base.explainable import Explainable
from gatewright.tasks.base.model import require_finite

BASELINE = "baseline"
"""The name in `Attribution.others` of the number for the baseline, in which all vectors are 0."""

ENDS = (0.0, 0.03, 0.1, 0.3, 1.0)
"""The ends of the parts of the path at first. Networks change most where their inputs are small."""
POINTS = 5
"""Number of points of the quadrature on each part."""
MAX_PARTS = 80
"""Largest number of parts that are computed."""
TOLERANCE = 0.01
"""The error at which parts are no longer halved, as a fraction of the sum of all effects."""


def integrated_gradients(layers: Sequence[Layer], weights: Sequence[Weights], explainable: Explainable) -> Attribution:
    """Return the effect of each time step by integrated gradients.

    Sundararajan, Taly & Yan 2017, "Axiomatic Attribution for Deep Networks", sections 3 and 5. With the vector x_t that
    the network reads at step t, such as the embedding of a token, and the number F that is explained, the effect is

        IG_t = sum over features of  x_t * integral of dF(alpha x) / dx_t over alpha from 0 to 1

    The baseline is the zero vector at every step: for tokens the zero embedding, for numbers the mean of the scaled
    channel. Padding and the length of the example stay as they are. The effects add up to F(x) - F(0) (completeness);
    `Attribution.difference` is what the quadrature and rounding leave of it, the completeness gap.

    The path is cut into parts, with Gauss-Legendre quadrature at POINTS points of each: 20 points at first. A recurrent
    network can change its answer within a tiny part of the path. F at the ends of a part says what the effects on it
    add up to. So the part that is furthest from it is halved, until both the sum of the errors and the root of the sum
    of their squares are at most TOLERANCE of F(x) - F(0), or MAX_PARTS parts have been computed.

    Args:
        layers, weights: The network, with the weights as returned by `bind`.
        explainable: The example.

    Raises:
        InputError: A layer has no gradients outside training, or a result is not finite.
    """
    path = _Path(layers, weights, explainable)
    baseline = path.value_at(0.0)
    parts = path.parts(ENDS, baseline)
    whole, computed = parts[-1].last, len(parts)
    while _error(parts) > TOLERANCE * abs(whole - baseline) and computed + 2 <= MAX_PARTS:
        worst = max(parts, key=lambda part: abs(part.error))
        parts.remove(worst)
        parts += path.parts((worst.start, (worst.start + worst.end) / 2, worst.end), worst.first)
        computed += 2
    values = np.sum([part.effects for part in parts], axis=0)
    difference = float(values.sum() + baseline - whole)
    values[path.padded] = np.nan
    return Attribution(GRADIENTS, values, {BASELINE: baseline}, difference)


def _error(parts: Sequence["_Part"]) -> float:
    errors = [part.error for part in parts]
    return max(math.hypot(*errors), abs(math.fsum(errors)))


@dataclass(frozen=True, eq=False)
class _Part:
    """A part of the path.

    Attributes:
        start, end: The values of alpha at its ends.
        first, last: The explained number there.
        effects: The effect of each step on this part, [time].
    """

    start: float
    end: float
    first: float
    last: float
    effects: Floats

    @property
    def error(self) -> float:
        """The sum of the effects minus what it should be."""
        return float(self.effects.sum()) - (self.last - self.first)


class _Path:
    """The path from the baseline to an example.

    Args:
        layers, weights, explainable: See `integrated_gradients`.
    """

    def __init__(self, layers: Sequence[Layer], weights: Sequence[Weights], explainable: Explainable) -> None:
        network, own = up_to_target(layers, weights, explainable.output)
        # Vectors are what the first layer returns, or what a network of recurrent layers alone reads.
        above = 0 if isinstance(network[0], Recurrent) else 1
        while isinstance(network[above], Dropout):
            above += 1
        example = inputs_at_target(explainable.inputs, explainable.output)
        self._read, _ = models.forward(network[:above], NUMPY, own[:above], example)
        self._layers, self._weights, self._output = network[above:], own[above:], explainable.output
        self._x = as_array(self._read.x)
        points, shares = np.polynomial.legendre.leggauss(POINTS)
        self._points, self._shares = (points + 1) / 2, shares / 2
        masked = np.zeros(len(explainable.steps), bool) if self._read.mask is None else ~self._read.mask[0]
        self.padded = masked & [step.kind == PADDED for step in explainable.steps]

    def value_at(self, alpha: float) -> float:
        """Return the explained number F(alpha x)."""
        outputs = run(self._layers, self._weights, self._at(np.array([alpha])))
        return float(target_values(self._output, outputs)[0])

    def parts(self, ends: Sequence[float], first: float) -> list[_Part]:
        """Return consecutive parts of the path, whose points the network reads in one batch.

        Args:
            ends: The values of alpha at their ends.
            first: The explained number at the first end.
        """
        starts, widths = np.array(ends[:-1])[:, None], np.diff(ends)[:, None]
        alpha = np.concatenate([starts + widths * self._points, starts + widths], axis=1)
        with np.errstate(all="ignore"):  # a result that overflows is reported below
            outputs, pullback = _vjp_of_steps(self._layers, self._weights, self._at(alpha.ravel()), len(alpha))
            d_outputs = target_gradient(self._output, outputs.x)
            shares = np.append(self._shares, 0) * widths  # at its end, only F is needed
            gradients = pullback(d_outputs * shares.reshape(-1, 1).astype(d_outputs.dtype))
        require_finite(outputs.x)
        require_finite(gradients)
        values = [first, *target_values(self._output, outputs.x).reshape(alpha.shape)[:, -1].tolist()]
        effects = (gradients.astype(np.float64) * self._x[0]).sum(axis=-1)
        return [_Part(*one) for one in zip(ends[:-1], ends[1:], values[:-1], values[1:], effects, strict=True)]

    def _at(self, alpha: Floats) -> Activations:
        scales = alpha.astype(self._x.dtype)[:, None, None]
        return _repeated(self._read, len(alpha))._replace(x=scales * self._x)


def _vjp_of_steps(
    layers: Sequence[Layer], weights: Sequence[Weights], inputs: Activations, groups: int
) -> tuple[Activations, Pullback]:
    """Return what `models.vjp` returns, but with the gradients added up in groups of examples.

    Args:
        layers, weights, inputs: See `models.vjp`.
        groups: The number of groups, of as many consecutive examples each. The gradients are [groups, time, features].
    """
    bottom = layers[0]
    if not isinstance(bottom, Recurrent):
        outputs, pullback = models.vjp(layers, weights, inputs)

        def summed(d: Array) -> Array:
            gradients = pullback(d)
            return gradients.reshape(groups, -1, *gradients.shape[1:]).sum(axis=1)

        return outputs, summed
    between, to_steps = bottom.vjp_of_steps(weights[0], inputs, groups)
    outputs, to_bottom = models.vjp(layers[1:], weights[1:], between)
    return outputs, lambda d: to_steps(to_bottom(d))


def _repeated(activations: Activations, times: int) -> Activations:
    """Return the activations of one example as those of a batch, without x, which the caller replaces."""

    def repeat(value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(map(repeat, value))
        return None if value is None else np.repeat(value, times, axis=0)

    context = {name: repeat(value) for name, value in activations.context.items()}
    return Activations(None, repeat(activations.mask), None, repeat(activations.states), context)
