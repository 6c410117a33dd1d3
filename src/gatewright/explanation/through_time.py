"""The gradient through time of the number that is explained, for every recurrent layer and direction."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from gatewright.explanation.recording import Direction, Recording
from gatewright.nn.layer import Array

Floats = NDArray[np.float64]


def state_gradients(recording: Recording, d_outputs: Array) -> tuple[Mapping[str, Floats], ...]:
    """Return the gradient of the target with respect to every state after every step.

    The result has one dict for each of `Recording.directions`. Its keys are the names of the states, and its values are
    arrays [batch, time, units], 0 at masked steps. `ops.numpy.Run.state_gradients` says what they mean.

    Args:
        recording: The forward pass.
        d_outputs: The gradient of the target with respect to the network's outputs, of their shape.

    Raises:
        InputError: A layer has no gradients outside training.
    """
    found: list[Mapping[str, Floats]] = []
    d, above = d_outputs, len(recording.layers)
    for one in reversed(recording.recurrent):
        for index in reversed(range(one.index + 1, above)):
            _, pullback = recording.layers[index].vjp(recording.weights[index], recording.reached[index])
            d = pullback(d)
        above = one.index + 1
        found = [*map(_gradients, one.directions, one.unmerged(d)), *found]
    return tuple(found)


def _gradients(direction: Direction, d: Array) -> Mapping[str, Floats]:
    """Return the gradients of one direction, given the gradient with respect to its outputs.

    Args:
        direction: The direction.
        d: [batch, time, units], or [batch, units] for a layer that returns its last output.
    """
    run, names = direction.run, direction.rec.state_names
    d = d.astype(run.sequence.dtype)
    if d.ndim == 3:
        gradients = run.state_gradients(d_sequence=d)
    else:
        gradients = run.state_gradients(d_states=(d, *[None] * (len(names) - 1)))
    return {name: one.astype(np.float64) for name, one in zip(names, gradients, strict=True)}
