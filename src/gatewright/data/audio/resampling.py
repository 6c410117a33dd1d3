"""Change the sample rate of recordings with NumPy alone.

The filter is a sinc with a Kaiser window (Kaiser, 1974; Oppenheim and Schafer, "Discrete-Time Signal Processing",
section 7.6), applied as a polyphase filter (Crochiere and Rabiner, "Multirate Digital Signal Processing", 1983). It
passes up to 0.895 of half the lower rate, and attenuates by 80 dB from half the lower rate on: 7.2 and 8 kHz at a rate
of 16 kHz.
"""

import functools
import math
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from gatewright.data.audio.overlapping import overlapping
from gatewright.data.limits import max_bytes
from gatewright.support.errors import InputError

# The zero crossings of the sinc on each side. With `_ATTENUATION` they give the width of the transition band, half of
# which is below `_CUTOFF`, as a fraction of half the lower rate.
_CROSSINGS = 48
_ATTENUATION = 80.0
_BETA = 0.1102 * (_ATTENUATION - 8.7)
_CUTOFF = 0.948
# Rates without a ratio of such numbers, which only damaged headers have, are rounded to one. It bounds the memory.
_MAX_TERM = 10_000


def resampled(samples: NDArray[np.float32], from_rate: int, to_rate: int) -> NDArray[np.float32]:
    """Return a recording at another sample rate. It is taken to be silent before its start and after its end.

    Args:
        samples: The samples, [samples].
        from_rate, to_rate: The sample rates in Hz.

    Returns:
        The samples, [samples * to_rate / from_rate], rounded up.

    Raises:
        InputError: The result is larger than `--max-input`.
    """
    up, down = _ratio(from_rate, to_rate)
    if up == down:
        return samples
    length = math.ceil(len(samples) * up / down)
    if length * samples.itemsize > max_bytes():
        raise InputError(
            f"A recording of {len(samples) / from_rate:,.0f} s at {from_rate:,} Hz is too large at {to_rate:,} Hz, to "
            "which it must be converted. Check its sample rate, split it, or raise the maximum with --max-input."
        )
    filters = _filters(up, down)
    taps = filters.shape[1]
    padded = np.pad(samples, taps // 2)
    result = np.empty(length, np.float32)
    # All results of a phase have the same filter, and their inputs are `down` samples apart. Unlike a product of
    # matrices, `einsum` adds in an order that does not depend on the number of threads.
    for first in range(min(up, len(result))):
        start, phase = divmod(first * down, up)
        count = len(range(first, len(result), up))
        result[first::up] = np.einsum("nt,t->n", overlapping(padded[start:], (count, taps), down), filters[phase])
    return result


def _ratio(from_rate: int, to_rate: int) -> tuple[int, int]:
    if from_rate < to_rate:
        return _ratio(to_rate, from_rate)[::-1]
    ratio = Fraction(to_rate, from_rate).limit_denominator(_MAX_TERM)
    return ratio.numerator, ratio.denominator


@functools.lru_cache(maxsize=4)
def _filters(up: int, down: int) -> NDArray[np.float32]:
    """Return the weights of the samples around a result, for each of its places between two samples, [up, taps]."""
    # Distances are counted in samples of a rate that both rates divide, so that those at the window's ends are exact.
    longest = max(up, down)
    ends = _CROSSINGS * longest
    half = math.ceil(ends / up)
    distances = np.arange(up)[:, None] - up * np.arange(-half, half + 1)
    window = np.i0(_BETA * np.sqrt(np.maximum(1 - (distances / ends) ** 2, 0))) / np.i0(_BETA)
    sinc = _CUTOFF * up / longest * np.sinc(_CUTOFF * distances / longest)
    return np.where(abs(distances) <= ends, sinc * window, 0).astype(np.float32)
