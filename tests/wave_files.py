"""Samples as bytes, and as WAV files of 16 bits."""

from __future__ import annotations

import io
import wave

import numpy as np
from numpy.typing import NDArray


def pcm(samples: NDArray[np.float32]) -> bytes:
    """Return samples with full scale 1.0, [samples], as little-endian integers of 16 bits."""
    return (samples * 32767).round().astype("<i2").tobytes()


def as_wav(samples: NDArray[np.float32], rate: int) -> bytes:
    """Return the contents of a WAV file."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(rate)
        writer.writeframes(pcm(samples))
    return file.getvalue()
