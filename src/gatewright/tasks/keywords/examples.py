"""Recordings with their labels, as frames of features."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from gatewright.data.audio.features import Features


@dataclass(frozen=True)
class Recordings:
    """Labelled recordings.

    Attributes:
        frames: The frames of each recording, [frames, bands].
        labels: The label of each recording.
        features: How the frames were computed.
    """

    frames: list[NDArray[np.float32]]
    labels: list[str]
    features: Features

    def __len__(self) -> int:
        return len(self.frames)

    def take(self, places: Sequence[int] | NDArray[np.intp]) -> Self:
        """Return the recordings at the indices `places`, in that order."""
        return type(self)(
            [self.frames[place] for place in places], [self.labels[place] for place in places], self.features
        )

    def __repr__(self) -> str:
        """Return a text that changes if any number changes, unlike the abbreviated text of a long NumPy array."""
        digest = hashlib.sha256(repr((self.labels, self.features)).encode())
        for frames in self.frames:
            digest.update(str(frames.shape).encode() + np.ascontiguousarray(frames).tobytes())
        return f"Recordings({len(self)}, {digest.hexdigest()})"
