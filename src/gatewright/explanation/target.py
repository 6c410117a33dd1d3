"""The number that is explained: the network up to it, its value, its gradient, and its value for shortened inputs."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from gatewright.nn import model as models
from gatewright.nn.backend import NUMPY
from gatewright.nn.layer import Activations, Array, Backend, Layer, LinearForm, Pullback, Rng, States, Weights, as_array
from gatewright.support.trees import tree_arrays
from gatewright.tasks.base.explainable import Explainable, Output
from gatewright.tasks.base.model import require_finite

Floats = NDArray[np.float64]

STEP = "explained_step"
"""Key in `Activations.context` of the time step of each example, integers [batch], that `AtStep` selects."""

POSITIONS = 1 << 16
"""The most time steps, summed over the examples, of one call of a network. It bounds the memory of the call."""


@dataclass(frozen=True)
class AtStep(Layer):
    """Select one time step of each example, from [batch, time, features] to [batch, features]."""

    kind: ClassVar[str] = "at_step"

    def forward(
        self, backend: Backend, w: Weights, inputs: Activations, states: States | None, rng: Rng | None
    ) -> tuple[Activations, States]:
        x, steps = as_array(inputs.x), inputs.context[STEP]
        return inputs._replace(x=x[np.arange(len(x)), steps], mask=None), ()

    def vjp(self, w: Weights, inputs: Activations) -> tuple[Activations, Pullback]:
        shape, steps = as_array(inputs.x).shape, inputs.context[STEP]

        def pullback(d: Array) -> Array:
            d_x = np.zeros(shape, d.dtype)
            d_x[np.arange(len(d)), steps] = d
            return d_x

        return self.forward(NUMPY, w, inputs, None, None)[0], pullback

    def linear_form(self, w: Weights, inputs: Activations) -> LinearForm | None:
        _, pullback = self.vjp(w, inputs)
        return lambda d: (pullback(d), 0.0)


def up_to_target(
    layers: Sequence[Layer], weights: Sequence[Weights], output: Output
) -> tuple[list[Layer], list[Weights]]:
    """Return the layers and weights of a network whose outputs are [batch, outputs].

    If the network has outputs at each step, only those of the explained step are computed: `AtStep` selects it before
    the layers that read each step by itself, such as the softmax of a language model.

    Args:
        layers, weights: The network, with the weights as returned by `bind`.
        output: The number that is explained.
    """
    network, own = list(layers), list(weights)
    if output.step is not None:
        place = len(network)
        while place and network[place - 1].stepwise:
            place -= 1
        network.insert(place, AtStep())
        own.insert(place, {})
    return network, own


def run(layers: Sequence[Layer], weights: Sequence[Weights], inputs: Activations) -> NDArray[Any]:
    """Return the outputs of the network, or of its last layers, for a batch.

    Args:
        layers: The layers, from the first that reads `inputs` to the output.
        weights: The weights of each layer, as returned by `bind`.
        inputs: The inputs of the first of these layers.

    Raises:
        InputError: A result is not finite.
    """
    with np.errstate(all="ignore"):  # a result that overflows is reported below
        found, _ = models.forward(layers, NUMPY, weights, inputs)
    require_finite(found.x)
    return np.asarray(found.x)


def target_values(output: Output, outputs: NDArray[Any]) -> Floats:
    """Return the number that is explained for each example of a batch, [batch].

    Args:
        output: The number.
        outputs: The outputs of the network of `up_to_target`, [batch, outputs].
    """
    values = outputs[:, output.index].astype(np.float64)
    if output.against_index is not None:
        values = values - outputs[:, output.against_index]
    return output.sign * values


def target_gradient(output: Output, outputs: NDArray[Any]) -> NDArray[Any]:
    """Return the gradient of the number that is explained with respect to the outputs, [batch, outputs].

    Args:
        output: The number.
        outputs: The outputs of the network of `up_to_target`, [batch, outputs].
    """
    gradient = np.zeros_like(outputs)
    gradient[:, output.index] += output.sign
    if output.against_index is not None:
        gradient[:, output.against_index] -= output.sign
    return gradient


def inputs_at_target(inputs: Any, output: Output) -> Activations:
    """Return the inputs of the network of `up_to_target` for the whole example.

    Args:
        inputs: The inputs of one example, as in `Explainable.inputs`.
        output: The number that is explained.
    """
    return Activations(inputs, context={} if output.step is None else {STEP: np.array([output.step])})


def values_without(
    layers: Sequence[Layer],
    weights: Sequence[Weights],
    explainable: Explainable,
    sets: Sequence[Collection[int]],
) -> Floats:
    """Return the number that is explained if the steps of each set are left out, [sets].

    Args:
        layers, weights: The network, with the weights as returned by `bind`.
        explainable: The example.
        sets: Sets of indices of steps; an empty one for the whole example.

    Raises:
        InputError: A result is not finite.
    """
    network, own = up_to_target(layers, weights, explainable.output)
    values = np.empty(len(sets), np.float64)
    rows = max(1, POSITIONS // max(1, len(explainable.steps)))
    # Examples of one length need no padding, which imported networks may read.
    for size in sorted({len(left_out) for left_out in sets}):
        same = [place for place, left_out in enumerate(sets) if len(left_out) == size]
        for places in (same[first : first + rows] for first in range(0, len(same), rows)):
            chosen = [sets[place] for place in places]
            inputs = explainable.without(chosen)
            context = {}
            if explainable.output.step is not None:
                time = next(iter(tree_arrays(inputs, "").values())).shape[1]
                context = {STEP: _steps_without(explainable, time, chosen)}
            outputs = run(network, own, Activations(inputs, context=context))
            values[places] = target_values(explainable.output, outputs)
    return values


def _steps_without(explainable: Explainable, time: int, sets: Sequence[Collection[int]]) -> NDArray[np.intp]:
    """Return where the explained step is in shortened examples, which are padded on the left.

    If the step itself is left out, it is the step before.

    Args:
        explainable: The example, whose network has outputs at each step.
        time: Number of time steps of the shortened examples, with their padding.
        sets: For each example, the steps that are left out.
    """
    step = explainable.output.step or 0
    after = len(explainable.steps) - 1 - step
    return np.array([time - 1 - after + sum(other > step for other in left_out) for left_out in sets], np.intp)
