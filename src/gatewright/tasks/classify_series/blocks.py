"""The first block of a model whose steps are numbers that were measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from gatewright.nn.block import Library, Noise, States, Step, Steps, Weights


@dataclass(frozen=True)
class Measurements:
    """Steps of numbers, [batch, time, channels], scaled before (see `data.channels`); NaN is what is missing.

    A step without any number is not walked, so padding is steps of NaN alone. Where some numbers of a step are missing
    they are 0, which after scaling is the channel's mean over the training rows.

    Attributes:
        noise: standard deviation of what is added to each number at a step of training, drawn evenly from both sides of
            0: Bishop 1995, "Training with Noise is Equivalent to Tikhonov Regularization", section 2.
    """

    noise: float = 0.0
    kind: ClassVar[str] = "measurements"

    def width(self, features: int) -> int:
        return features

    def shapes(self, features: int) -> dict[str, tuple[int, ...]]:
        return {}

    def start(self, features: int, seeds: np.random.Generator) -> dict[str, NDArray[np.float32]]:
        return {}

    def forward(
        self, lib: Library, w: Weights, steps: Steps, states: States | None, noise: Noise | None
    ) -> tuple[Steps, States]:
        x, missing = steps.x, lib.xp.isnan(steps.x)
        if noise is not None and self.noise:
            # A number drawn evenly from an interval has 1/12 of its square as variance.
            x = x + self.noise * 12**0.5 * (noise.uniform(x.shape) - 0.5)
        return steps._replace(x=lib.xp.where(missing, 0, x), live=~missing.all(axis=2)), ()

    def stepper(self, w: Weights) -> tuple[States, Step]:
        """As for every block; the caller leaves steps without any number out."""
        return (), lambda x, states: (np.nan_to_num(x, nan=0.0), states)
