"""Compute the features of single frames: the power in mel bands, and its cosine transform.

The bits of a frame do not depend on how many frames are computed in one call. All steps are therefore operations on
rows, and no product of matrices, whose order of additions depends on its sizes.
"""

import functools
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gatewright.support.errors import InputError

_PRE_EMPHASIS = 0.97
_LOWEST_HERTZ = 20.0
_LIFTER = 22
# Kaldi computes with samples of 16 bits.
_FULL_SCALE = 32768.0
# The noise of rounding to 16 bits has a power of about 10 in a mel band. Kaldi's floor of 1.2e-7 would put digital
# silence 16 nats below what it is in recordings, and any normalization would then see silence and nothing else.
_FLOOR = 1.0

_Frames = NDArray[np.float32]
_Numbers = NDArray[np.float64]


class Tables(NamedTuple):
    """The constants that features are computed with.

    Attributes:
        taper: The window for samples with full scale 1.0, without its first weight, which is 0.
        points: The points of the Fourier transform.
        bins: The points of the spectrum in each band, one band after the other.
        weights: Their weights.
        starts: Where each band begins in `bins`.
        cosines: The weight of each band in each coefficient, [coefficients, bands].
    """

    taper: _Numbers
    points: int
    bins: NDArray[np.intp]
    weights: _Numbers
    starts: NDArray[np.intp]
    cosines: _Numbers


@functools.lru_cache(maxsize=16)
def make_tables(rate: int, window: int, bands: int, coefficients: int) -> Tables:
    """Return the constants of features.

    Args:
        rate: The sample rate in Hz.
        window: The samples of a frame.
        bands: The number of mel bands.
        coefficients: The number of coefficients of the cosine transform.

    Raises:
        InputError: A band has no frequency of the spectrum.
    """
    angles = 2 * np.pi * np.arange(window) / (window - 1)
    taper = (0.5 - 0.5 * np.cos(angles)) ** 0.85
    points = 1 << (window - 1).bit_length()
    weights = _mel_weights(rate, points, bands)
    used = weights > 0
    if not used.any(axis=1).all():
        raise InputError(f"{bands} mel bands are too many for a sample rate of {rate:,} Hz. Use fewer.")
    starts = np.cumsum(used.sum(axis=1)) - used.sum(axis=1)
    bins = np.nonzero(used)[1]
    return Tables(taper[1:] * _FULL_SCALE, points, bins, weights[used], starts, _cosines(coefficients, bands))


def _mel_weights(rate: int, points: int, bands: int) -> _Numbers:
    """Return the weight of each point of the spectrum in each band, [bands, points / 2 + 1].

    The bands are triangles on the mel scale of O'Shaughnessy (1987), each from the peak of the band below to that of
    the band above.
    """
    edges = _mel_edges(rate, bands)[:, None]
    places = _mel(np.arange(points // 2 + 1) * rate / points)
    rising = (places - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - places) / (edges[2:] - edges[1:-1])
    weights: _Numbers = np.maximum(np.minimum(rising, falling), 0)
    return weights


def mel_peaks(rate: int, bands: int) -> _Numbers:
    """Return the frequency in Hz at the peak of each mel band, [bands]."""
    peaks: _Numbers = 700 * np.expm1(_mel_edges(rate, bands)[1:-1] / 1127)
    return peaks


def _mel_edges(rate: int, bands: int) -> _Numbers:
    """Return the peaks of the mel bands, and before and after them the ends of the first and the last band."""
    return np.linspace(_mel(_LOWEST_HERTZ), _mel(rate / 2), bands + 2)


def _mel(hertz: Any) -> Any:
    return 1127 * np.log1p(np.asarray(hertz) / 700)


def _cosines(coefficients: int, bands: int) -> _Numbers:
    """Return the rows of an orthonormal DCT-II, each multiplied by its lifter, [coefficients, bands]."""
    order = np.arange(coefficients)[:, None]
    rows = np.sqrt(2 / bands) * np.cos(np.pi / bands * order * (np.arange(bands) + 0.5))
    rows[0] = np.sqrt(1 / bands)
    lifter: _Numbers = (1 + _LIFTER / 2 * np.sin(np.pi * order / _LIFTER)) * rows
    return lifter


def static_frames(windows: _Frames, tables: Tables, is_mfcc: bool) -> _Frames:
    """Return features without deltas, [frames, features], given the samples, [frames, samples of a frame]."""
    x = windows.astype(np.float64)
    total = np.add.reduce(x, axis=1, keepdims=True)
    # x_t - 0.97 x_(t-1) of the differences from the mean. The window is 0 at the first sample, which is therefore left
    # out: a shift in time does not change the power.
    emphasized = x[:, 1:] - _PRE_EMPHASIS * x[:, :-1]
    emphasized -= (1 - _PRE_EMPHASIS) / x.shape[1] * total
    emphasized *= tables.taper
    parts = np.fft.rfft(emphasized, tables.points).view(np.float64)
    parts *= parts
    power = parts[:, ::2] + parts[:, 1::2]
    weighted = power.take(tables.bins, axis=1, mode="clip")  # all are valid, and this mode needs no check
    weighted *= tables.weights
    bands = np.add.reduceat(weighted, tables.starts, axis=1)
    logs = np.log(np.maximum(bands, _FLOOR, out=bands))
    if is_mfcc:
        logs = (logs[:, None, :] * tables.cosines).sum(axis=2)
    return logs.astype(np.float32)
