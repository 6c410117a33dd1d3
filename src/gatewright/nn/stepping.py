"""A model one row and one step at a time: its states go in and come out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gatewright.nn.block import Array, Block, States, Weights


class Stepper:
    """The blocks of a model, each with its weights made ready once.

    Args:
        blocks, weights: from the input to the output.

    Raises:
        InputError: a block needs the whole sequence at once.
    """

    def __init__(self, blocks: Sequence[Block], weights: Sequence[Weights]) -> None:
        self._steppers = [block.stepper(w) for block, w in zip(blocks, weights, strict=True)]

    def start(self) -> list[States]:
        """The states of each block before the first step."""
        return [states for states, _ in self._steppers]

    def __call__(self, x: Any, states: Sequence[States]) -> tuple[Array, list[States]]:
        """What comes out for a step, and the states after it; those given stay as they were."""
        after = []
        for (_, step), before in zip(self._steppers, states, strict=True):
            x, left = step(x, before)
            after.append(left)
        return x, after
