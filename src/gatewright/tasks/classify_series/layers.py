"""The input layer of series classifiers."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from gatewright.nn.layer import Activations, Backend, Layer, Rng, States, Step, Weights
from gatewright.support.schema import Fraction


@dataclass(frozen=True)
class SeriesInput(Layer):
    """Replace missing numbers by 0, and mask padding.

    The inputs are numbers scaled by `Channels`, [batch, time, channels], with NaN for a missing number. Steps without
    any number, such as padding, are masked. At other steps, a missing number becomes 0, the mean of a scaled
    channel over the training set.

    Attributes:
        noise: Standard deviation of the uniform noise added to each number during training (Bishop 1995, "Training with
            Noise is Equivalent to Tikhonov Regularization", section 2).
    """

    noise: Fraction = 0.0
    kind: ClassVar[str] = "series_input"
    stepwise: ClassVar[bool] = True

    def forward(
        self, backend: Backend, w: Weights, inputs: Activations, states: States | None, rng: Rng | None
    ) -> tuple[Activations, States]:
        x, missing = inputs.x, backend.xp.isnan(inputs.x)
        if rng is not None and self.noise:
            # The variance of a uniform distribution is 1/12 of the square of its width.
            x = x + self.noise * 12**0.5 * (rng.uniform(x.shape) - 0.5)
        return inputs._replace(x=backend.xp.where(missing, 0, x), mask=~missing.all(axis=2)), ()

    def stepper(self, w: Weights) -> tuple[States, Step]:
        # The caller leaves out steps without any number.
        return (), lambda x, states: (np.nan_to_num(x, nan=0.0), states)
