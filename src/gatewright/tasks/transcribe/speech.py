"""Utterances as a network reads them: frames of features, and transcripts."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from gatewright.data.audio.features import Features


@dataclass(frozen=True)
class Speech:
    """Utterances with their transcripts.

    Attributes:
        frames: The features of each utterance, [frames, width], neither scaled nor stacked.
        texts: The transcript of each utterance, as it was read.
        names: The name of each utterance.
        speakers: The speaker of each utterance. Empty if that is not known.
        features: How the frames were computed from recordings. None if the data has frames itself.
    """

    frames: tuple[NDArray[np.float32], ...]
    texts: tuple[str, ...]
    names: tuple[str, ...]
    speakers: tuple[str, ...]
    features: Features | None = None

    def __len__(self) -> int:
        return len(self.frames)

    def take(self, places: Sequence[int]) -> Self:
        """Return the utterances at the given places, in that order."""
        return replace(
            self,
            frames=tuple(self.frames[at] for at in places),
            texts=tuple(self.texts[at] for at in places),
            names=tuple(self.names[at] for at in places),
            speakers=tuple(self.speakers[at] for at in places),
        )

    def __repr__(self) -> str:
        """Return a text that changes if any number changes, unlike the abbreviated text of a long NumPy array."""
        digest = hashlib.sha256(repr((self.texts, self.names, self.speakers, self.features)).encode())
        for frames in self.frames:
            digest.update(str(frames.shape).encode() + np.ascontiguousarray(frames).tobytes())
        return f"Speech({len(self.frames)} utterances, {digest.hexdigest()})"
