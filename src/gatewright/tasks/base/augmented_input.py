"""The base of the layers that read recordings: they mask padding, and change recordings in training."""

from dataclasses import dataclass
from types import ModuleType
from typing import Annotated, Any

import numpy as np

from gatewright.nn.layer import Activations, Array, Backend, Layer, Rng, States, Weights
from gatewright.support.schema import Fraction, Number

# A uniform distribution has a variance of 1/12 of the square of its width.
_UNIFORM = 12**0.5


@dataclass(frozen=True, kw_only=True)
class AugmentedInput(Layer):
    """Replace padding by 0 and mask it, and change recordings in training.

    Inputs are normalized features [batch, time, features], with NaN in all features of a step of padding. Outputs are
    [batch, time, features], where time may differ in training.

    Attributes:
        noise: Standard deviation of the uniform noise that is added to each number.
        warp: Largest change of the duration or the speed, as a fraction.
    """

    noise: Annotated[float, Number(0, 10)] = 0.0
    warp: Fraction = 0.0

    def forward(
        self, backend: Backend, w: Weights, inputs: Activations, states: States | None, rng: Rng | None
    ) -> tuple[Activations, States]:
        xp = backend.xp
        live = ~xp.isnan(inputs.x[:, :, 0])
        x = xp.where(live[:, :, None], inputs.x, 0)
        if rng is not None:
            x, live = self._augmented(xp, x, live, inputs.targets, rng)
            x = xp.where(live[:, :, None], x, 0)
        return inputs._replace(x=x, mask=live), ()

    def _augmented(self, xp: ModuleType, x: Array, live: Array, targets: Any, rng: Rng) -> tuple[Array, Array]:
        """Return recordings as they are trained on, [batch, time, features], and which steps are not padding.

        Args:
            xp: `numpy` or `jax.numpy`.
            x: The recordings, 0 at padding, [batch, time, features].
            live: Booleans [batch, time], False at padding.
            targets: The targets; see `Activations`.
            rng: Random numbers.
        """
        raise NotImplementedError

    def _noisy(self, x: Array, rng: Rng) -> Array:
        """Return x with noise."""
        return x + np.float32(self.noise * _UNIFORM) * (rng.uniform(x.shape) - np.float32(0.5))


def interpolated(xp: ModuleType, x: Array, places: Array) -> Array:
    """Return recordings at fractional steps, by linear interpolation in time, [batch, places, features].

    Args:
        xp: `numpy` or `jax.numpy`.
        x: The recordings, [batch, time, features].
        places: The steps, from 0 to time - 1, [batch, places].
    """
    below = xp.floor(places).astype(np.int32)
    above, rows = xp.minimum(below + 1, x.shape[1] - 1), np.arange(len(x))[:, None]
    share = (places - below).astype(x.dtype)[:, :, None]
    return (1 - share) * x[rows, below] + share * x[rows, above]
