"""Compute log-mel and MFCC features of recordings, whole or as a stream, with NumPy alone.

The features are those of Kaldi (`compute-fbank-feats`, `compute-mfcc-feats` and `add-deltas` without dither and
without the energy of a frame), except for the floor of the power; see `_FLOOR`.

A frame depends on its own samples alone, and its bits do not depend on how many frames are computed in one call. All
steps are therefore operations on rows, and no product of matrices, whose order of additions depends on its sizes.
"""

import functools
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Literal, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gatewright.data.audio.overlapping import overlapping
from gatewright.data.audio.samples import MAX_RATE, MIN_RATE
from gatewright.support.errors import InputError
from gatewright.support.schema import Whole, read_as

_WINDOW_SECONDS, _STEP_SECONDS = 0.025, 0.01
_PRE_EMPHASIS = 0.97
_LOWEST_HERTZ = 20.0
_LIFTER = 22
_MAX_DELTAS = 2
# Kaldi computes with samples of 16 bits.
_FULL_SCALE = 32768.0
# The noise of rounding to 16 bits has a power of about 10 in a mel band. Kaldi's floor of 1.2e-7 would put digital
# silence 16 nats below what it is in recordings, and any normalization would then see silence and nothing else.
_FLOOR = 1.0
# Frames that are computed at once: enough to make the calls cheap, and few enough to stay in the cache.
_BLOCK = 64
# The slope of a line through five frames, the weights of the HTK Book (5.9) and of Kaldi.
_SLOPE = np.array([-2, -1, 0, 1, 2]) / 10

_Frames = NDArray[np.float32]
_Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Features:
    """The features of a recording: one frame of numbers for each 25 ms, every 10 ms.

    From each frame the mean is removed, a pre-emphasis of 0.97 and Kaldi's "povey" window are applied, and the power of
    its spectrum is summed in triangular bands of equal width on the mel scale, from 20 Hz to half the rate. "log_mel"
    features are the natural logarithms of the bands. "mfcc" features are their cosine transform (DCT-II, orthonormal),
    with a lifter of 22, whose first coefficient is the loudness (Davis and Mermelstein, IEEE Transactions on Acoustics,
    Speech, and Signal Processing 28, 1980). A recording that is shorter than a frame is padded with zeros to one frame;
    otherwise the samples after the last whole frame are left out.

    Attributes:
        kind: "log_mel" or "mfcc".
        rate: The sample rate in Hz.
        bands: The number of mel bands.
        coefficients: The number of coefficients of "mfcc", at most `bands`.
        deltas: 0, or 1 to add the slopes of all features over time, or 2 to add their curvatures too (Furui, IEEE
            Transactions on Acoustics, Speech, and Signal Processing 34, 1986).

    Raises:
        InputError: There are more coefficients than bands, or so many bands that one has no frequency of the spectrum.
    """

    kind: Literal["log_mel", "mfcc"]
    rate: Annotated[int, Whole(MIN_RATE, MAX_RATE)]
    bands: Annotated[int, Whole(1, 512)] = 40
    coefficients: Annotated[int, Whole(1, 512)] = 13
    deltas: Annotated[int, Whole(0, _MAX_DELTAS)] = 0

    def __post_init__(self) -> None:
        if not MIN_RATE <= self.rate <= MAX_RATE:
            limits = f"from {MIN_RATE:,} to {MAX_RATE:,} Hz"
            raise InputError(f"The sample rate must be {limits}, not {self.rate:,} Hz. Convert the recordings.")
        if self.coefficients > self.bands:
            raise InputError(f"{self.coefficients} coefficients need as many bands, but there are {self.bands}.")
        _tables(self)

    @property
    def window(self) -> int:
        """The samples of a frame."""
        return int(self.rate * _WINDOW_SECONDS)

    @property
    def step(self) -> int:
        """The samples from the start of one frame to that of the next."""
        return int(self.rate * _STEP_SECONDS)

    @property
    def window_seconds(self) -> float:
        """The duration of a frame in seconds."""
        return self.window / self.rate

    @property
    def step_seconds(self) -> float:
        """The time from the start of one frame to that of the next in seconds."""
        return self.step / self.rate

    @property
    def width(self) -> int:
        """The numbers of a frame."""
        return (self.bands if self.kind == "log_mel" else self.coefficients) * (1 + self.deltas)

    def frames(self, samples: ArrayLike) -> _Frames:
        """Return the features of a recording, [frames, width].

        Args:
            samples: The samples with full scale 1.0, [samples].

        Raises:
            InputError: A sample is not a finite number.
        """
        stream = self.stream()
        return np.concatenate([stream.push(samples), stream.end()])

    def stream(self) -> "FeatureStream":
        """Return a new stream of features."""
        return FeatureStream(self)

    def to_json(self) -> dict[str, Any]:
        """Return the settings as a JSON object, which `from_json` reads."""
        return asdict(self)

    @classmethod
    def from_json(cls, stored: Any) -> Self:
        """Return the settings that `to_json` converted to `stored`.

        Raises:
            InputError: `stored` does not describe features. The message begins with "its".
        """
        return read_as(cls, stored, "its features")


def with_deltas(frames: _Frames, orders: int) -> _Frames:
    """Return features with their slopes, and their curvatures, as `Features` adds them.

    Args:
        frames: The features of a whole recording, [frames, width].
        orders: 0 to add nothing, 1 to add the slopes, 2 to add the curvatures too.

    Returns:
        The features, [frames, width * (1 + orders)].
    """
    if not orders or not len(frames):
        return np.tile(frames, 1 + orders)
    stream = _DeltaStream(_slopes(orders))
    blocks = [stream.push(frames[start : start + _BLOCK]) for start in range(0, len(frames), _BLOCK)]
    return np.concatenate([*blocks, stream.end()])


class FeatureStream:
    """The features of a recording whose samples arrive in chunks.

    All frames together are those of `Features.frames`, bit for bit, however the samples are divided. A frame is
    returned as soon as all its samples have arrived; with deltas, two or four frames later.

    Args:
        features: The settings of the features.
    """

    def __init__(self, features: Features) -> None:
        self._window, self._step, self._width = features.window, features.step, features.width
        self._tables, self._is_mfcc = _tables(features), features.kind == "mfcc"
        self._samples = np.empty(0, np.float32)  # from the start of the next frame on
        self._is_first = True
        self._deltas = _DeltaStream(self._tables.slopes) if features.deltas else None

    def push(self, samples: ArrayLike) -> _Frames:
        """Return the frames that further samples complete, [new frames, width].

        Args:
            samples: The samples with full scale 1.0, [samples]. There may be any number of them.

        Raises:
            InputError: A sample is not a finite number.
        """
        given = np.asarray(samples, np.float32)
        if not np.isfinite(given).all():
            raise InputError("The samples have values that are not finite numbers (NaN or infinity). Repair them.")
        known = np.concatenate([self._samples, given])
        step = self._step
        count = max(1 + (len(known) - self._window) // step, 0)
        starts = range(0, count, _BLOCK)
        blocks = [self._block(known[start * step :], min(_BLOCK, count - start)) for start in starts]
        if not blocks:
            self._samples = known
            return self._no_frames()
        # A copy, so that the samples of the past can be freed.
        self._samples, self._is_first = known[count * step :].copy(), False
        return blocks[0] if len(blocks) == 1 else np.concatenate(blocks)

    def end(self) -> _Frames:
        """Return the remaining frames, [new frames, width]. No samples may follow."""
        last = self._no_frames()
        if self._is_first and len(self._samples):
            last = self.push(np.zeros(self._window - len(self._samples), np.float32))
        return last if self._is_first or self._deltas is None else np.concatenate([last, self._deltas.end()])

    def _no_frames(self) -> _Frames:
        return np.empty((0, self._width), np.float32)

    def _block(self, samples: _Frames, count: int) -> _Frames:
        windows = overlapping(samples, (count, self._window), self._step)
        frames = _static_frames(windows, self._tables, self._is_mfcc)
        return frames if self._deltas is None else self._deltas.push(frames)


class _DeltaStream:
    """Adds slopes, and curvatures, to frames. The first and the last frame are repeated beyond the ends.

    Args:
        weights: The weights in the deltas of each order of a frame and of the frames around it, [orders, frames].
    """

    def __init__(self, weights: _Numbers) -> None:
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


class _Tables(NamedTuple):
    """What features are computed with.

    Attributes:
        taper: The window for samples with full scale 1.0, without its first weight, which is 0.
        points: The points of the Fourier transform.
        bins: The points of the spectrum in each band, one band after the other.
        weights: Their weights.
        starts: Where each band begins in `bins`.
        cosines: The weight of each band in each coefficient, [coefficients, bands].
        slopes: The weights of a frame and of those around it in the deltas of each order, [deltas, frames].
    """

    taper: _Numbers
    points: int
    bins: NDArray[np.intp]
    weights: _Numbers
    starts: NDArray[np.intp]
    cosines: _Numbers
    slopes: _Numbers


@functools.lru_cache(maxsize=16)
def _tables(features: Features) -> _Tables:
    angles = 2 * np.pi * np.arange(features.window) / (features.window - 1)
    taper = (0.5 - 0.5 * np.cos(angles)) ** 0.85
    points = 1 << (features.window - 1).bit_length()
    weights = _mel_weights(features.rate, points, features.bands)
    used = weights > 0
    if not used.any(axis=1).all():
        raise InputError(
            f"{features.bands} mel bands are too many for a sample rate of {features.rate:,} Hz. Use fewer."
        )
    starts = np.cumsum(used.sum(axis=1)) - used.sum(axis=1)
    return _Tables(
        *(taper[1:] * _FULL_SCALE, points, np.nonzero(used)[1], weights[used], starts),
        *(_cosines(features.coefficients, features.bands), _slopes(features.deltas)),
    )


def _mel_weights(rate: int, points: int, bands: int) -> _Numbers:
    """Return the weight of each point of the spectrum in each band, [bands, points / 2 + 1].

    The bands are triangles on the mel scale of O'Shaughnessy (1987), each from the peak of the band below to that of
    the band above.
    """
    edges = np.linspace(_mel(_LOWEST_HERTZ), _mel(rate / 2), bands + 2)[:, None]
    places = _mel(np.arange(points // 2 + 1) * rate / points)
    rising = (places - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - places) / (edges[2:] - edges[1:-1])
    weights: _Numbers = np.maximum(np.minimum(rising, falling), 0)
    return weights


def _mel(hertz: Any) -> Any:
    return 1127 * np.log1p(np.asarray(hertz) / 700)


def _cosines(coefficients: int, bands: int) -> _Numbers:
    """Return the rows of an orthonormal DCT-II, each multiplied by its lifter, [coefficients, bands]."""
    order = np.arange(coefficients)[:, None]
    rows = np.sqrt(2 / bands) * np.cos(np.pi / bands * order * (np.arange(bands) + 0.5))
    rows[0] = np.sqrt(1 / bands)
    lifter: _Numbers = (1 + _LIFTER / 2 * np.sin(np.pi * order / _LIFTER)) * rows
    return lifter


def _slopes(deltas: int) -> _Numbers:
    """Return the weights of a frame and of those around it in the deltas of each order, [deltas, frames]."""
    if deltas < 2:
        return _SLOPE[None, :]
    return np.stack([np.pad(_SLOPE, len(_SLOPE) // 2), np.convolve(_SLOPE, _SLOPE)])


def _static_frames(windows: _Frames, tables: _Tables, is_mfcc: bool) -> _Frames:
    """Return features without deltas, [frames, features], given the samples, [frames, samples of a frame]."""
    x = windows.astype(np.float64)
    mean = x.sum(axis=1, keepdims=True) / x.shape[1]
    # x_t - 0.97 x_(t-1) of the differences from the mean. The window is 0 at the first sample, which is therefore left
    # out: a shift in time does not change the power.
    emphasized = x[:, 1:] - _PRE_EMPHASIS * x[:, :-1]
    emphasized -= (1 - _PRE_EMPHASIS) * mean
    emphasized *= tables.taper
    parts = np.fft.rfft(emphasized, tables.points).view(np.float64)
    parts *= parts
    power = parts[:, ::2] + parts[:, 1::2]
    weighted = power.take(tables.bins, axis=1)
    weighted *= tables.weights
    bands = np.add.reduceat(weighted, tables.starts, axis=1)
    logs = np.log(np.maximum(bands, _FLOOR, out=bands))
    if is_mfcc:
        logs = (logs[:, None, :] * tables.cosines).sum(axis=2)
    return logs.astype(np.float32)
