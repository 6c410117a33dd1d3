"""Normalize the features of recordings, by the training set or within each utterance."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gatewright.support.errors import InputError
from gatewright.support.schema import Items, Number, read_as

Per: TypeAlias = Literal["training", "utterance"]

# A feature with a smaller deviation, relative to its mean or absolute, is constant but for rounding.
_CONSTANT = 1e-6
# The smallest deviation within an utterance, relative to that in the training set: what hardly varies in an utterance,
# such as a recording of silence, is not blown up to the size of speech.
_UTTERANCE_FLOOR = 0.1
_MAX_FLOAT = float(np.finfo(np.float32).max)

_Frames = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Normalization:
    """The mean and the scale of each feature. A network reads (x - mean) / scale.

    With "utterance", mean and deviation are those of the utterance itself, as far as it varies (CMVN; Viikki and
    Laurila, Speech Communication 25, 1998). Only "training" can be applied to a stream.

    Attributes:
        mean: The mean of each feature in the training set, [width].
        scale: The standard deviation of each feature in the training set, or 1 if the feature is constant, [width].
        per: "training" to normalize all utterances by the training set, "utterance" to normalize each by itself.
    """

    mean: _Frames
    scale: _Frames
    per: Per

    @classmethod
    def fit(cls, frames: Sequence[_Frames], per: Per) -> Self:
        """Return the normalization by all frames of the training set.

        Args:
            frames: The features of each utterance, [frames, width]. Utterances may have no frames.
            per: "training" or "utterance".

        Raises:
            InputError: There are no frames.
        """
        count = sum(map(len, frames))
        if not count:
            raise InputError("The recordings have no frames. Give at least one recording with sound.")
        mean = sum(one.sum(axis=0, dtype=np.float64) for one in frames) / count
        variance = sum(((one - mean) ** 2).sum(axis=0) for one in frames) / count
        deviation = np.sqrt(variance)
        varies = deviation > np.maximum(_CONSTANT, _CONSTANT * np.abs(mean))
        return cls(mean.astype(np.float32), np.where(varies, deviation, 1).astype(np.float32), per)

    def apply(self, frames: _Frames) -> _Frames:
        """Return the normalized features of an utterance, [frames, width].

        If `per` is "training", the frames may be a part of an utterance.
        """
        if self.per == "training" or not len(frames):
            return (frames - self.mean) / self.scale
        mean = frames.mean(axis=0, dtype=np.float64)
        differences = frames - mean
        deviation = np.sqrt((differences**2).mean(axis=0))
        normalized: _Frames = (differences / np.maximum(deviation, _UTTERANCE_FLOOR * self.scale)).astype(np.float32)
        return normalized

    def to_json(self) -> dict[str, Any]:
        """Return the normalization as a JSON object, which `from_json` reads."""
        return {"mean": self.mean.tolist(), "scale": self.scale.tolist(), "per": self.per}

    @classmethod
    def from_json(cls, stored: Any) -> Self:
        """Return the normalization that `to_json` converted to `stored`.

        Raises:
            InputError: `stored` does not describe a normalization. The message begins with "its".
        """
        read = read_as(_Stored, stored, "its normalization")
        if len(read.mean) != len(read.scale):
            raise InputError("its normalization does not have a mean and a scale of each feature.")
        return cls(np.array(read.mean, np.float32), np.array(read.scale, np.float32), read.per)


@dataclass(frozen=True)
class _Stored:
    """A normalization as JSON values."""

    mean: Annotated[tuple[Annotated[float, Number(-_MAX_FLOAT, _MAX_FLOAT)], ...], Items(1)]
    scale: tuple[Annotated[float, Number(_CONSTANT, _MAX_FLOAT)], ...]
    per: Per
