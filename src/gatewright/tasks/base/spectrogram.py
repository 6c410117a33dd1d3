"""Spectrograms of recordings for explanations."""

import math

import numpy as np
from numpy.typing import NDArray

from gatewright.data.audio.features import Features
from gatewright.results.sound import Spectrogram

_DECIBELS = 10 / math.log(10)


def spectrogram(frames: NDArray[np.float32], features: Features) -> Spectrogram:
    """Return the spectrogram of a recording.

    Args:
        frames: Its log-mel features, [frames, bands], which slopes may follow.
        features: The settings of the features.
    """
    levels = _DECIBELS * frames[:, : features.bands].astype(np.float64)
    relative = levels - levels.max() if levels.size else levels
    return Spectrogram(relative, tuple(features.peaks.tolist()), features.step_seconds)
