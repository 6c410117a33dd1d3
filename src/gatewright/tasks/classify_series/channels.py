"""Series of numbers as a network reads them: each channel scaled, rows of one length.

Fitted on the training rows alone; a model file holds what was learnt.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from gatewright.support.errors import InputError

# Scaled numbers end here: what is further out is no measurement, and float32 must hold its products.
_FARTHEST = 1e6
_LARGEST = float(np.finfo(np.float64).max)
# A spread that is less than this share of the numbers is rounding.
_ROUNDING = 1e-12


@dataclass(frozen=True)
class Channels:
    """The channels of series: (x - mean) / scale is what a network reads.

    Attributes:
        names: of the channels.
        mean, scale: of each; the scale is the standard deviation, and 1 of channels that are constant.
    """

    names: tuple[str, ...]
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    kind: ClassVar[str] = "channels"

    @classmethod
    def fit(cls, names: Sequence[str], rows: Sequence[NDArray[np.float64]], together: bool = False) -> Channels:
        """Mean and standard deviation over all steps of all rows, [time, channels] each; NaN is missing.

        With `together` all channels have one scale, the root mean square of all differences from their means.
        """
        figures = [_mean_and_scale(np.concatenate([row[:, place] for row in rows])) for place in range(len(names))]
        mean, scale = tuple(mean for mean, _ in figures), tuple(scale for _, scale in figures)
        if together:
            with np.errstate(over="ignore"):
                differences = np.concatenate([(row - np.array(mean)).ravel() for row in rows])
            scale = (_mean_and_scale(np.clip(differences, -_LARGEST, _LARGEST))[1],) * len(mean)
        return cls(tuple(names), mean, scale)

    def encode(self, row: NDArray[np.float64]) -> NDArray[np.float32]:
        """A row [time, channels], scaled; what is missing is NaN."""
        with np.errstate(over="ignore"):
            scaled = (row - np.array(self.mean)) / np.array(self.scale)
        clipped: NDArray[np.float32] = np.clip(scaled, -_FARTHEST, _FARTHEST).astype(np.float32)
        return clipped

    def to_json(self) -> dict[str, Any]:
        """All of it, as plain JSON values."""
        return {"kind": self.kind, "names": list(self.names), "mean": list(self.mean), "scale": list(self.scale)}


def _mean_and_scale(numbers: NDArray[np.float64]) -> tuple[float, float]:
    there = numbers[~np.isnan(numbers)]
    largest = float(np.abs(there).max(initial=0))
    if not largest:
        return 0.0, 1.0
    # Divided first, so that no square is beyond float64.
    mean, spread = float((there / largest).mean()), float((there / largest).std())
    scale = spread * largest
    return mean * largest, scale if spread > _ROUNDING and scale > 0 else 1.0


def trimmed(row: NDArray[np.float64]) -> NDArray[np.float64]:
    """A row [time, channels] without the steps at both ends that have no number; without any if none has one."""
    there = np.flatnonzero(~np.isnan(row).all(axis=1)) if row.size else np.empty(0, np.intp)
    return row[there[0] : there[-1] + 1] if len(there) else row[:0]


def pad(rows: Sequence[NDArray[np.float32]], length: int) -> NDArray[np.float32]:
    """The last `length` steps of each row, [rows, length, channels]; NaN on the left where a row is shorter.

    Args:
        rows: [time, channels] each, one or more.
        length: 1 or more.
    """
    padded = np.full((len(rows), length, rows[0].shape[1]), np.nan, np.float32)
    for place, row in enumerate(rows):
        kept = row[-length:]
        padded[place, length - len(kept) :] = kept
    return padded


def channels_from_json(kept: Any) -> Channels:
    """What `Channels.to_json` was given.

    Raises:
        InputError: this is none.
    """
    if not isinstance(kept, dict) or kept.keys() != {"kind", "names", "mean", "scale"} or kept["kind"] != Channels.kind:
        raise InputError("its encoder is not one of channels, or its parts do not fit.")
    names, mean, scale = (kept[name] for name in ("names", "mean", "scale"))
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        raise InputError("the channels of its encoder are not a list of names.")
    for numbers in (mean, scale):
        if not isinstance(numbers, list) or len(numbers) != len(names) or not all(map(_is_finite, numbers)):
            raise InputError("its encoder has not a mean and a scale for each channel.")
    if not all(number > 0 for number in scale):
        raise InputError("a scale of its encoder is not above 0.")
    return Channels(tuple(names), tuple(map(float, mean)), tuple(map(float, scale)))


def _is_finite(number: Any) -> bool:
    return type(number) is float and bool(np.isfinite(number))
