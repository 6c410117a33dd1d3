"""The interface of a block, and what flows between blocks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any, ClassVar, NamedTuple, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = Any  # of NumPy or of JAX


Weights: TypeAlias = Mapping[str, Array]


States: TypeAlias = tuple[Array, ...]


Step: TypeAlias = Callable[[Array, States], tuple[Array, States]]


class Library(NamedTuple):
    """Whose arrays a forward is computed with.

    Attributes:
        xp: numpy, or jax.numpy.
        recur: (recurrence, x or Tokens, weights, initial states or None, live or None, dropout mask on h or None,
            zoneout mask or None, whether outputs are wanted) to outputs [batch, time, units] (or None) and last states.
        constant: its argument, as a number through which no gradient flows.
        scan: (step, carry, xs, length=) to the last carry and what every step gave, one array: step takes the carry and
            the next element of each of the arrays xs, whose first axis is time, and returns the new carry and an array;
            where there are no xs `length` says how many steps there are.
    """

    xp: ModuleType
    recur: Callable[..., tuple[Array | None, States]]
    constant: Callable[[Array], Array]
    scan: Callable[..., tuple[Any, Array]]


class Steps(NamedTuple):
    """What flows between blocks.

    Attributes:
        x: ids [batch, time], `Tokens`, steps [batch, time, features], or, where time is gone, [batch, features].
        live: bool [batch, time], False where a step is padding; None where every step is live, or time is gone.
        targets: ids [batch, time] or [batch] that `Softmax` is asked about, 0 for none; None is about all ids. Those of
            `tag_blocks.Tags` are told there.
        shift: [batch, time, units] to add to what the embedding gives; None is nothing.
        last: the last states of each recurrent layer so far.
        level: what a forecast is to be relative to: see `forecast_blocks.Level`.
        held: [batch, features] that are known of the last step, and not ahead.
        ahead: [batch, steps ahead, features] that are known of the steps to forecast; None is nothing.
    """

    x: Array
    live: Array | None = None
    targets: Array | None = None
    shift: Array | None = None
    last: tuple[States, ...] = ()
    level: Any = None
    held: Array | None = None
    ahead: Array | None = None


class Noise(Protocol):
    """Where the random numbers of training come from."""

    def keep(self, rate: float, shape: tuple[int, ...]) -> Array:
        """Bools, each False with probability `rate`; others at each call."""

    def uniform(self, shape: tuple[int, ...]) -> Array:
        """Numbers from 0 to below 1; others at each call."""


class Block(Protocol):
    """One layer of a model."""

    kind: ClassVar[str]

    def width(self, features: int) -> int:
        """The features of what comes out when `features` come in."""

    def shapes(self, features: int) -> dict[str, tuple[int, ...]]:
        """The weights by name."""

    def start(self, features: int, seeds: np.random.Generator) -> dict[str, NDArray[np.float32]]:
        """Initial weights, as Keras' layer draws them by default."""

    def forward(
        self, lib: Library, w: Weights, steps: Steps, states: States | None, noise: Noise | None
    ) -> tuple[Steps, States]:
        """What comes out for a stretch of steps, and the states after it.

        Args:
            lib: NumPy or JAX.
            w: the weights.
            steps: what comes in.
            states: those after the stretch before; None at the beginning.
            noise: for dropout, in training; None when nothing is learnt.
        """

    def stepper(self, w: Weights) -> tuple[States, Step]:
        """NumPy's forward of one row and one step at a time: states at the beginning, and the function.

        What comes in is the number of a token, or [1, features].

        Raises:
            InputError: the block needs the whole sequence at once.
        """
