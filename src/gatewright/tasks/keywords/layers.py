"""The input layer of classifiers of recordings, which augments them in training."""

from dataclasses import dataclass
from types import ModuleType
from typing import Annotated, ClassVar

import numpy as np

from gatewright.nn.backend import NUMPY
from gatewright.nn.layer import Activations, Array, Backend, Layer, Pullback, Rng, States, Weights
from gatewright.support.schema import Fraction, Number, Whole

_MAX_MASK = 0.2


@dataclass(frozen=True)
class RecordingInput(Layer):
    """Replace padding by 0 and mask it, and augment recordings in training.

    The inputs are normalized features, [batch, time, features], with NaN in the steps of padding on the left.

    In training, each recording is played faster or slower, by linear interpolation between its steps, its ends are cut
    off, and its loudness is changed; then stretches of it become 0, the mean of a feature (SpecAugment; Park et al.
    2019, sections 2 and 3), and noise is added.

    Attributes:
        noise: Standard deviation of the uniform noise.
        warp: Largest change of the speed, as a fraction: a factor is drawn from 1 - warp to 1 + warp.
        shift: Largest fraction of the steps that is cut off, at each end.
        masks: Number of stretches that become 0, each of up to a fifth of the steps.
        level: Largest number that is added to all features, or subtracted from them.
    """

    noise: Annotated[float, Number(low=0, below=10)] = 0.0
    warp: Fraction = 0.0
    shift: Annotated[float, Number(low=0, below=0.5)] = 0.0
    masks: Annotated[int, Whole(0, 20)] = 0
    level: Annotated[float, Number(low=0)] = 0.0
    kind: ClassVar[str] = "recording_input"

    def forward(
        self, backend: Backend, w: Weights, inputs: Activations, states: States | None, rng: Rng | None
    ) -> tuple[Activations, States]:
        xp = backend.xp
        missing = xp.isnan(inputs.x).all(axis=2)
        x = xp.where(missing[..., None], 0, inputs.x)
        if rng is not None:
            x, missing = self._resample(xp, x, missing, rng)
            x = x + self.level * (2 * rng.uniform((len(x), 1, 1)) - 1)
            x = self._silence(xp, x, missing, rng)
            # The variance of a uniform distribution is 1/12 of the square of its width.
            x = x + self.noise * 12**0.5 * (rng.uniform(x.shape) - 0.5)
        return inputs._replace(x=x, mask=~missing), ()

    def _resample(self, xp: ModuleType, x: Array, missing: Array, rng: Rng) -> tuple[Array, Array]:
        """Return recordings at other speeds and without their ends, and their padding.

        The last step of the result is the last step that is not cut off. What is longer than the batch is cut off at
        the beginning.
        """
        batch, time = missing.shape
        length = time - missing.sum(axis=1, keepdims=True)
        speed = 1 + self.warp * (2 * rng.uniform((batch, 1)) - 1)
        first, last = (xp.floor(self.shift * rng.uniform((batch, 1)) * length) for _ in range(2))
        place = (time - 1 - last) - (time - 1 - xp.arange(time)) * speed
        outside = place < time - length + first
        below = xp.clip(xp.floor(place), 0, time - 1).astype(int)
        above = xp.clip(below + 1, 0, time - 1)
        share = (place - below)[..., None].astype(x.dtype)
        read = [xp.take_along_axis(x, at[..., None], axis=1) for at in (below, above)]
        mixed = read[0] * (1 - share) + read[1] * share
        return xp.where(outside[..., None], 0, mixed), outside

    def _silence(self, xp: ModuleType, x: Array, missing: Array, rng: Rng) -> Array:
        """Return recordings with random stretches set to 0."""
        batch, time = missing.shape
        length = time - missing.sum(axis=1, keepdims=True)
        for _ in range(self.masks):
            width = xp.floor((_MAX_MASK * length + 1) * rng.uniform((batch, 1)))
            start = time - length + xp.floor((length - width + 1) * rng.uniform((batch, 1)))
            step = xp.arange(time)
            x = xp.where(((step >= start) & (step < start + width))[..., None], 0, x)
        return x

    def vjp(self, w: Weights, inputs: Activations) -> tuple[Activations, Pullback]:
        missing = np.isnan(inputs.x).all(axis=2)
        return self.forward(NUMPY, w, inputs, None, None)[0], lambda d: np.where(missing[..., None], 0, d)
