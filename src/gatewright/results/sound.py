"""Recordings as pictures of their sound over time, and the stretches of them that decide an answer."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Spectrogram:
    """The features of a recording over time.

    Attributes:
        values: [frames, features]. The level of each mel band in dB, relative to the loudest one of the recording; or
            cepstral coefficients as the network reads them, with mean 0 and deviation 1 in the training set.
        hertz: The frequency at the peak of each mel band in Hz, in ascending order. Empty for cepstral coefficients.
        frame_seconds: The time from one frame to the next.
    """

    values: NDArray[np.float64]
    hertz: tuple[float, ...]
    frame_seconds: float

    @property
    def seconds(self) -> float:
        """The length of all frames."""
        return len(self.values) * self.frame_seconds


@dataclass(frozen=True)
class Sound:
    """A recording as a network reads it.

    Attributes:
        spectrogram: The spectrogram of the whole recording.
        starts, ends: When each time step of the network begins and ends, in seconds, [steps].
    """

    spectrogram: Spectrogram
    starts: NDArray[np.float64]
    ends: NDArray[np.float64]


@dataclass(frozen=True)
class Stretch:
    """A stretch of a recording.

    Attributes:
        start, end: When it begins and ends, in seconds.
        effect: The fall of the explained number if it is left out.
    """

    start: float
    end: float
    effect: float


@dataclass(frozen=True)
class SoundEffects:
    """Which stretches of a recording decide an answer.

    Attributes:
        sound: The recording.
        window: Length of the windows that are left out one at a time, in seconds.
        effects: The mean fall of the explained number over all windows with a step, [steps].
        stretches: The stretches whose steps have the largest effects, the strongest first.
    """

    sound: Sound
    window: float
    effects: NDArray[np.float64]
    stretches: tuple[Stretch, ...]
