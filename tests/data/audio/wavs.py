"""Write WAV files byte by byte."""

from __future__ import annotations

import struct

import numpy as np

PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE


def chunk(kind: bytes, body: bytes, size: int | None = None) -> bytes:
    """Return a chunk, padded to an even size. `size` replaces the true one in its header."""
    announced = len(body) if size is None else size
    return kind + struct.pack("<I", announced) + body + b"\0" * (len(body) % 2)


def format_chunk(channels: int = 1, rate: int = 8000, bits: int = 16, tag: int = PCM, extension: bytes = b"") -> bytes:
    frame = channels * ((bits + 7) // 8)
    return chunk(b"fmt ", struct.pack("<HHIIHH", tag, channels, rate, rate * frame % 2**32, frame, bits) + extension)


def riff(*chunks: bytes) -> bytes:
    body = b"WAVE" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def pcm(values: np.ndarray, bits: int) -> bytes:
    """Return whole numbers as samples of 8, 16, 24 or 32 bits."""
    if bits == 8:
        return (values + 128).astype(np.uint8).tobytes()
    if bits == 24:
        return values.astype("<i4").view(np.uint8).reshape(-1, 4)[:, :3].tobytes()
    return values.astype(f"<i{bits // 8}").tobytes()


def wav(values: np.ndarray, bits: int = 16, **options: int) -> bytes:
    """Return a WAV file of whole numbers."""
    return riff(format_chunk(bits=bits, **options), chunk(b"data", pcm(values, bits)))
