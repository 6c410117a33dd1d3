"""Scale and pad series of numbers for a network. The scales are fitted on the training set and saved with the model."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray

from gatewright.support.errors import InputError
from gatewright.support.schema import Items, Number, read_as

# Scaled numbers are clipped to this size. Larger ones are not measurements, and their products must fit into float32.
_MAX_SCALED = 1e6
_MAX_FLOAT = float(np.finfo(np.float64).max)
# A standard deviation below this fraction of the numbers is a rounding error.
_ROUNDING = 1e-12


@dataclass(frozen=True)
class Channels:
    """The names and scales of the channels of series. The network reads (x - mean) / scale.

    Attributes:
        names: The names of the channels.
        mean: The mean of each channel in the training set.
        scale: The divisor of each channel: its standard deviation in the training set, or 1 if the channel is constant.
    """

    names: tuple[str, ...]
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    kind: ClassVar[str] = "channels"

    @classmethod
    def fit(cls, names: Sequence[str], series: Sequence[NDArray[np.float64]], together: bool = False) -> Self:
        """Return channels with the mean and the scale of each channel over all steps of all series.

        Args:
            names: The names of the channels.
            series: The training series, [time, channels] each. NaN stands for a missing number.
            together: Whether all channels have the same scale, the root mean square of the differences from the means.
        """
        columns = (np.concatenate([one[:, channel] for one in series]) for channel in range(len(names)))
        mean, scale = zip(*map(_mean_and_scale, columns), strict=True)
        if together:
            with np.errstate(over="ignore"):
                differences = np.concatenate([(one - np.array(mean)).ravel() for one in series])
            scale = (_mean_and_scale(np.clip(differences, -_MAX_FLOAT, _MAX_FLOAT))[1],) * len(mean)
        return cls(tuple(names), mean, scale)

    def encode(self, values: NDArray[np.float64]) -> NDArray[np.float32]:
        """Return a series, [time, channels], with its values scaled. Missing values stay NaN."""
        with np.errstate(over="ignore"):
            scaled = (values - np.array(self.mean)) / np.array(self.scale)
        return np.asarray(np.clip(scaled, -_MAX_SCALED, _MAX_SCALED), np.float32)

    def to_json(self) -> dict[str, Any]:
        """Return the names, means and scales of the channels as a JSON object."""
        return {"kind": self.kind, "names": list(self.names), "mean": list(self.mean), "scale": list(self.scale)}

    @classmethod
    def from_json(cls, stored: Any) -> Self:
        """Return the channels that `to_json` converted to `stored`.

        Raises:
            InputError: `stored` does not describe channels. The message begins with "its".
        """
        read = read_as(_Stored, stored, "its channels")
        if not len(read.names) == len(read.mean) == len(read.scale):
            raise InputError("its channels do not have a mean and a scale each.")
        return cls(read.names, read.mean, read.scale)


@dataclass(frozen=True)
class _Stored:
    """Channels as JSON values."""

    kind: Literal["channels"]
    names: Annotated[tuple[str, ...], Items(1)]
    mean: tuple[float, ...]
    scale: tuple[Annotated[float, Number(above=0)], ...]


def _mean_and_scale(numbers: NDArray[np.float64]) -> tuple[float, float]:
    present = numbers[~np.isnan(numbers)]
    largest = float(np.abs(present).max(initial=0))
    if not largest:
        return 0.0, 1.0
    # Dividing first prevents an overflow of the squares.
    mean, deviation = float((present / largest).mean()), float((present / largest).std())
    scale = deviation * largest
    return mean * largest, scale if deviation > _ROUNDING and scale > 0 else 1.0


def trim(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a series, [time, channels], after removing the steps without any number from both ends."""
    present = np.flatnonzero(~np.isnan(values).all(axis=1)) if values.size else np.empty(0, np.intp)
    return values[present[0] : present[-1] + 1] if len(present) else values[:0]
