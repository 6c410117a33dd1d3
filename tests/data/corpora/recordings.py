"""Write small recordings for tests."""

import wave

import numpy as np


def write_wav(path, seconds=0.1, rate=16_000, hertz=440.0):
    """Write a tone with a little noise, and return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    times = np.arange(round(seconds * rate)) / rate
    noise = np.random.default_rng(0).normal(size=len(times))
    samples = 8_000 * np.sin(2 * np.pi * hertz * times) + 100 * noise
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.astype("<i2").tobytes())
    return path
