"""Find lines that are probably not translations of each other, from the lengths of the sentences."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

# Shifts of up to so many lines are tried, in windows of so many lines. Fewer lines in all show nothing.
_MAX_SHIFT, _WINDOW, _MIN_LINES = 10, 250, 40
# Fisher's z of the best shift, in standard deviations, and by how many it exceeds z without a shift.
_MIN_Z = 7.0
# A pair stands out if one sentence is so many times as long as usual, and has so many characters.
_FACTOR, _MIN_CHARACTERS = 4.0, 40


class Shift(NamedTuple):
    """A part of two files in which the lines of one are shifted against the lines of the other.

    Attributes:
        first: About the index of the first shifted line, counted from 1.
        lines: About the number of shifted lines.
        by: The translation of line n is line n + `by` there.
        correlations: The correlation of the lengths without a shift, and shifted by `by`.
    """

    first: int
    lines: int
    by: int
    correlations: tuple[float, float]


def find_shift(source: Sequence[str], target: Sequence[str]) -> Shift | None:
    """Return the first part of two files whose lines are shifted, or None.

    Sentences and their translations have similar lengths. In each window of lines, the correlation of the logarithms of
    the lengths is compared with the correlation after each shift.
    """
    count = len(source)
    if count < _MIN_LINES:
        return None
    size = min(_WINDOW, count)
    windows = count // size
    one, other = (np.log1p([len(text) for text in texts]) for texts in (source, target))
    one = one[: windows * size].reshape(windows, size)
    padded = np.pad(other, _MAX_SHIFT, mode="edge")
    shifts = [0, *(sign * by for by in range(1, _MAX_SHIFT + 1) for sign in (1, -1))]
    shifted = [padded[_MAX_SHIFT + by :][: windows * size].reshape(windows, size) for by in shifts]
    r = np.stack([_correlations(one, own) for own in shifted])
    z = np.arctanh(r.clip(-0.999, 0.999)) * np.sqrt(size - 3)
    best = z.argmax(axis=0)
    is_shifted = z.max(axis=0) > np.maximum(z[0], 0) + _MIN_Z
    if not is_shifted.any():
        return None
    at = int(is_shifted.argmax())
    correlations = float(r[0, at]), float(r[best[at], at])
    return Shift(at * size + 1, int(is_shifted.sum()) * size, shifts[best[at]], correlations)


def _correlations(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the correlation of each row of two arrays, [rows, columns], as [rows]. It is 0 if a row is constant."""
    one, other = (own - own.mean(axis=1, keepdims=True) for own in (one, other))
    scale = np.sqrt((one**2).sum(axis=1) * (other**2).sum(axis=1))
    return np.asarray((one * other).sum(axis=1) / np.where(scale > 1e-9, scale, np.inf))


def unusual_lengths(source: Sequence[str], target: Sequence[str]) -> list[int]:
    """Return the indices of pairs in which one sentence is much longer than usual compared with the other."""
    one, other = (np.array([len(text) for text in texts], np.float64) for texts in (source, target))
    ratio = np.log((other + 1) / (one + 1))
    stands_out = np.abs(ratio - np.median(ratio)) > np.log(_FACTOR)
    return np.flatnonzero(stands_out & (np.maximum(one, other) >= _MIN_CHARACTERS)).tolist()
