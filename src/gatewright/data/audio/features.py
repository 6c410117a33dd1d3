"""Compute log-mel and MFCC features of recordings, whole or as a stream, with NumPy alone.

The features are those of Kaldi (`compute-fbank-feats`, `compute-mfcc-feats` and `add-deltas` without dither and
without the energy of a frame), except for the floor of the power (`spectra.py`).

A frame depends on its own samples alone, and its bits do not depend on how many frames are computed in one call.
"""

from dataclasses import asdict, dataclass
from typing import Annotated, Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gatewright.data.audio.deltas import DeltaStream
from gatewright.data.audio.overlapping import overlapping
from gatewright.data.audio.samples import MAX_RATE, MIN_RATE
from gatewright.data.audio.spectra import Tables, make_tables, mel_peaks, static_frames
from gatewright.support.errors import InputError
from gatewright.support.schema import Whole, read_as

_WINDOW_SECONDS, _STEP_SECONDS = 0.025, 0.01
# Frames that are computed at once: enough to make the calls cheap, and few enough to stay in the cache.
_BLOCK = 64

_Frames = NDArray[np.float32]


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
        InputError: There are more coefficients of "mfcc" than bands, or so many bands that one has no frequency of the
            spectrum.
    """

    kind: Literal["log_mel", "mfcc"]
    rate: Annotated[int, Whole(MIN_RATE, MAX_RATE)]
    bands: Annotated[int, Whole(1, 512)] = 40
    coefficients: Annotated[int, Whole(1, 512)] = 13
    deltas: Annotated[int, Whole(0, 2)] = 0

    def __post_init__(self) -> None:
        if not MIN_RATE <= self.rate <= MAX_RATE:
            limits = f"from {MIN_RATE:,} to {MAX_RATE:,} Hz"
            raise InputError(f"The sample rate must be {limits}, not {self.rate:,} Hz. Convert the recordings.")
        if self.kind == "mfcc" and self.coefficients > self.bands:
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

    @property
    def peaks(self) -> NDArray[np.float64]:
        """The frequency in Hz at the peak of each mel band, [bands]."""
        return mel_peaks(self.rate, self.bands)

    def frames(self, samples: ArrayLike) -> _Frames:
        """Return the features of a recording, [frames, width].

        Args:
            samples: The samples with full scale 1.0, [samples].

        Raises:
            InputError: The samples are not a vector, or one is not a finite number.
        """
        stream = self.stream()
        return np.concatenate([stream.push(samples), stream.end()])

    def stream(self, together: int = 1) -> "FeatureStream":
        """Return a new stream of features. `together` is explained there."""
        return FeatureStream(self, together)

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


def _tables(features: Features) -> Tables:
    return make_tables(features.rate, features.window, features.bands, features.coefficients)


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
    stream = DeltaStream(orders)
    blocks = [stream.push(frames[start : start + _BLOCK]) for start in range(0, len(frames), _BLOCK)]
    return np.concatenate([*blocks, stream.end()])


class FeatureStream:
    """The features of a recording whose samples arrive in chunks.

    All frames are those of `Features.frames`, bit for bit, however the samples are divided. A frame is returned as soon
    as all its samples have arrived; with deltas, two or four frames later.

    Args:
        features: The settings of the features.
        together: The number of frames that are returned together, or a multiple of it, before the end. Several frames
            take hardly longer than one. With deltas, it only concerns the frames without them.
    """

    def __init__(self, features: Features, together: int = 1) -> None:
        self._window, self._step, self._width = features.window, features.step, features.width
        self._tables, self._is_mfcc = _tables(features), features.kind == "mfcc"
        self._together, self._none = together, np.empty((0, features.width), np.float32)
        # The samples from the start of the next frame on, in chunks, and their number.
        self._chunks, self._known = list[_Frames](), 0
        self._is_first = True
        self._deltas = DeltaStream(features.deltas) if features.deltas else None

    def push(self, samples: ArrayLike) -> _Frames:
        """Return the frames that further samples complete, [new frames, width].

        Args:
            samples: The samples with full scale 1.0, [samples]. There may be any number of them.

        Raises:
            InputError: The samples are not a vector, or one is not a finite number.
        """
        # A copy, because the caller may use the memory for the next samples.
        given = np.array(samples, np.float32)
        if given.ndim != 1:
            raise InputError(
                f"The samples must be a vector, not an array of shape {given.shape}. Average the channels."
            )
        if not np.isfinite(given).all():
            raise InputError("The samples have values that are not finite numbers (NaN or infinity). Repair them.")
        if len(given):
            self._add(given)
        return self._new_frames(self._together)

    def end(self) -> _Frames:
        """Return the remaining frames, [new frames, width]. No samples may follow."""
        if self._is_first and 0 < self._known < self._window:
            self._add(np.zeros(self._window - self._known, np.float32))
        last = self._new_frames(1)
        return last if self._is_first or self._deltas is None else np.concatenate([last, self._deltas.end()])

    def _add(self, samples: _Frames) -> None:
        self._chunks.append(samples)
        self._known += len(samples)

    def _new_frames(self, together: int) -> _Frames:
        """Return the frames that are complete, a multiple of `together`."""
        step = self._step
        count = ((self._known - self._window) // step + 1) // together * together
        if count <= 0:
            return self._none
        known = np.concatenate(self._chunks)
        starts = range(0, count, _BLOCK)
        blocks = [self._block(known[start * step :], min(_BLOCK, count - start)) for start in starts]
        # A copy, so that the samples of the past can be freed.
        self._chunks, self._is_first = [known[count * step :].copy()], False
        self._known -= count * step
        return blocks[0] if len(blocks) == 1 else np.concatenate(blocks)

    def _block(self, samples: _Frames, count: int) -> _Frames:
        windows = overlapping(samples, (count, self._window), self._step)
        frames = static_frames(windows, self._tables, self._is_mfcc)
        return frames if self._deltas is None else self._deltas.push(frames)
