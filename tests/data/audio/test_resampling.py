"""Resampling equals SciPy's with the same filter, keeps tones, and removes those that the new rate cannot have."""

from __future__ import annotations

import time

import numpy as np
import pytest
from scipy import signal
from tolerances import assert_close

from gatewright.data.audio.resampling import resampled
from gatewright.data.limits import limited_input
from gatewright.support.errors import InputError

RATES = [(44100, 16000), (16000, 44100), (48000, 16000), (8000, 16000), (11025, 8000), (22050, 16000)]


def tone(hertz: float, rate: int, seconds: float = 0.2) -> np.ndarray:
    return np.sin(2 * np.pi * hertz * np.arange(round(rate * seconds)) / rate).astype(np.float32)


@pytest.mark.parametrize(("from_rate", "to_rate"), RATES)
def test_the_result_is_that_of_scipy_with_the_same_filter(from_rate, to_rate):
    samples = np.random.default_rng(0).normal(size=1003).astype(np.float32)
    common = np.gcd(from_rate, to_rate)
    up, down = to_rate // common, from_rate // common
    longest = max(up, down)
    window = ("kaiser", signal.kaiser_beta(80))
    prototype = signal.firwin(2 * 48 * longest + 1, 0.948 / longest, window=window, scale=False)
    expected = signal.resample_poly(samples.astype(np.float64), up, down, window=prototype)
    assert_close(resampled(samples, from_rate, to_rate), expected, "forward", np.float32)


@pytest.mark.parametrize(("from_rate", "to_rate"), RATES)
def test_a_tone_keeps_its_frequency_and_loudness(from_rate, to_rate):
    hertz = 0.44 * min(from_rate, to_rate)
    result = resampled(tone(hertz, from_rate), from_rate, to_rate)
    expected = tone(hertz, to_rate)
    assert len(result) == len(expected)
    middle = slice(len(result) // 4, -len(result) // 4)
    np.testing.assert_allclose(result[middle], expected[middle], atol=3e-4)


def test_a_tone_above_the_new_rate_is_removed():
    result = resampled(tone(8100, 44100), 44100, 16000)
    assert np.abs(result[len(result) // 4 : -len(result) // 4]).max() < 2e-4


def test_the_same_rate_changes_nothing():
    samples = tone(440, 16000)
    assert resampled(samples, 16000, 16000) is samples


@pytest.mark.parametrize("count", [0, 1, 2, 99])
def test_short_recordings(count):
    assert len(resampled(np.ones(count, np.float32), 44100, 16000)) == -(-count * 160 // 441)


def test_rates_without_a_small_ratio_are_rounded():
    started = time.process_time()
    result = resampled(tone(440, 383_987), 383_987, 16_001)
    assert abs(len(result) - 0.2 * 16_001) <= 1
    assert time.process_time() - started < 5


def test_a_damaged_sample_rate_does_not_multiply_the_memory():
    samples = tone(100, 1000)
    with limited_input(1e-4):
        assert len(resampled(samples, 1000, 48_000)) == 48 * len(samples)
        with pytest.raises(InputError, match=r"A recording of 0 s at 1,000 Hz is too large at 384,000 Hz"):
            resampled(samples, 1000, 384_000)
