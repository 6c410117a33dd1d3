"""Add the slopes and the curvatures of features over time, as Kaldi's `add-deltas` does."""

import numpy as np
from numpy.typing import NDArray

from gatewright.data.audio.overlapping import overlapping

# The slope of a line through five frames, the weights of the HTK Book (5.9) and of Kaldi.
_SLOPE = np.array([-2, -1, 0, 1, 2]) / 10

_Frames = NDArray[np.float32]


class DeltaStream:
    """Adds slopes, and curvatures, to frames. The first and the last frame are repeated beyond the ends.

    Args:
        orders: 1 for slopes, 2 for slopes and curvatures.
    """

    def __init__(self, orders: int) -> None:
        weights = _weights(orders)
        self._weights = weights[:, :, None]
        self._reach = weights.shape[1] // 2
        self._frames = np.empty((0, 0), np.float32)  # those around the next frame that have arrived

    def push(self, frames: _Frames) -> _Frames:
        """Return the frames with all frames around them, [new frames, features * (1 + orders)].

        Args:
            frames: Further frames without deltas, [frames, features]. At least one.
        """
        before = self._frames if len(self._frames) else np.repeat(frames[:1], self._reach, axis=0)
        known = np.concatenate([before, frames])
        (total, width), around = known.shape, 2 * self._reach
        count = max(total - around, 0)
        self._frames = known[count:].copy()
        neighbours = overlapping(known.ravel(), (count, (around + 1) * width), width)
        deltas = (neighbours.reshape(count, 1, around + 1, width) * self._weights).sum(axis=2)
        return np.concatenate(
            [known[self._reach : self._reach + count], *deltas.swapaxes(0, 1)], axis=1, dtype=np.float32
        )

    def end(self) -> _Frames:
        """Return the remaining frames. There must have been one."""
        return self.push(np.repeat(self._frames[-1:], self._reach, axis=0))


def _weights(orders: int) -> NDArray[np.float64]:
    """Return the weights of a frame and of those around it in the deltas of each order, [orders, frames]."""
    if orders == 1:
        return _SLOPE[None, :]
    return np.stack([np.pad(_SLOPE, len(_SLOPE) // 2), np.convolve(_SLOPE, _SLOPE)])
