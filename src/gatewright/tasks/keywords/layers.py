"""The input layer of classifiers of recordings, which augments them in training."""

from dataclasses import dataclass
from types import ModuleType
from typing import Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from gatewright.nn.backend import NUMPY
from gatewright.nn.layer import Activations, Array, Pullback, Rng, Weights
from gatewright.support.schema import Number, Whole
from gatewright.tasks.base.augmented_input import AugmentedInput, interpolated

_MAX_MASK = 0.2
# Points of a microphone's curve, from the lowest to the highest feature.
_CURVE_POINTS = 5


@dataclass(frozen=True, kw_only=True)
class RecordingInput(AugmentedInput):
    """Replace padding on the left by 0 and mask it, and augment recordings in training.

    In training, each recording is played faster or slower, its ends are cut off, and its loudness and the balance of
    its frequencies are changed; then stretches of it become 0, the mean of a feature (SpecAugment; Park et al. 2019,
    sections 2 and 3), and noise is added. The factor of the speed is drawn from 1 - warp to 1 + warp.

    Attributes:
        shift: Largest fraction of the steps that is cut off, at each end.
        masks: Number of stretches that become 0, each of up to a fifth of the steps.
        level: Largest number that is added to all features, or subtracted from them.
        curve: Largest number that is added to a feature, or subtracted from it, by a curve over the features that all
            steps of a recording share. It is linear between random points, as a microphone changes frequencies.
    """

    shift: Annotated[float, Number(low=0, below=0.5)] = 0.0
    masks: Annotated[int, Whole(0, 20)] = 0
    level: Annotated[float, Number(low=0)] = 0.0
    curve: Annotated[float, Number(low=0)] = 0.0
    kind: ClassVar[str] = "recording_input"

    def _augmented(self, xp: ModuleType, x: Array, live: Array, targets: Any, rng: Rng) -> tuple[Array, Array]:
        x, live = self._resampled(xp, x, live, rng)
        x = x + self.level * (2 * rng.uniform((len(x), 1, 1)) - 1)
        if self.curve:
            points = self.curve * (2 * rng.uniform((len(x), 1, _CURVE_POINTS)) - 1)
            x = x + points @ _hats(x.shape[2])
        return self._noisy(self._silenced(xp, x, live, rng), rng), live

    def _resampled(self, xp: ModuleType, x: Array, live: Array, rng: Rng) -> tuple[Array, Array]:
        """Return recordings at other speeds and without their ends, and which steps are not padding.

        The last step of the result is the last step that is not cut off. What is longer than the batch is cut off at
        the beginning.
        """
        batch, time = live.shape
        length = live.sum(axis=1, keepdims=True)
        speed = 1 + self.warp * (2 * rng.uniform((batch, 1)) - 1)
        first, last = (xp.floor(self.shift * rng.uniform((batch, 1)) * length) for _ in range(2))
        places = (time - 1 - last) - (time - 1 - xp.arange(time)) * speed
        return interpolated(xp, x, places.clip(0, time - 1)), places >= time - length + first

    def _silenced(self, xp: ModuleType, x: Array, live: Array, rng: Rng) -> Array:
        """Return recordings with random stretches set to 0."""
        batch, time = live.shape
        length = live.sum(axis=1, keepdims=True)
        for _ in range(self.masks):
            width = xp.floor((_MAX_MASK * length + 1) * rng.uniform((batch, 1)))
            start = time - length + xp.floor((length - width + 1) * rng.uniform((batch, 1)))
            step = xp.arange(time)
            x = xp.where(((step >= start) & (step < start + width))[:, :, None], 0, x)
        return x

    def vjp(self, w: Weights, inputs: Activations) -> tuple[Activations, Pullback]:
        after = self.forward(NUMPY, w, inputs, None, None)[0]
        live = np.asarray(after.mask)
        return after, lambda d: np.where(live[:, :, None], d, 0)


def _hats(features: int) -> NDArray[np.float32]:
    """Return the linear interpolation from the points of a curve to all features, [points, features]."""
    places = np.linspace(0, _CURVE_POINTS - 1, features)
    hats: NDArray[np.float64] = np.maximum(1 - np.abs(places - np.arange(_CURVE_POINTS)[:, None]), 0)
    return hats.astype(np.float32)
