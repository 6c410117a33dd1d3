"""Inference one time step at a time, for a single example."""

from collections.abc import Sequence
from typing import Any

from gatewright.nn.layer import Array, Layer, States, Weights


class Stepper:
    """A network that computes one time step at a time, for a single example.

    The object does not store the states. The caller passes them to each step.

    Args:
        layers: The layers, from the input to the output.
        weights: The weights of each layer, as returned by `model.bind`.

    Raises:
        InputError: A layer needs the whole sequence at once.
    """

    def __init__(self, layers: Sequence[Layer], weights: Sequence[Weights]) -> None:
        self._steppers = [layer.stepper(w) for layer, w in zip(layers, weights, strict=True)]

    def start(self) -> list[States]:
        """Return the states of each layer before the first step."""
        return [states for states, _ in self._steppers]

    def __call__(self, x: Any, states: Sequence[States]) -> tuple[Array, list[States]]:
        """Compute one time step and return the output and the new states. The given states are not modified.

        Args:
            x: The input of the step: an id, or an array [1, features].
            states: The states of each layer before the step.
        """
        after = []
        for (_, step), before in zip(self._steppers, states, strict=True):
            x, last = step(x, before)
            after.append(last)
        return x, after
