"""Make small recordings, and damage them in their structure and in their bytes."""

from __future__ import annotations

import io
import random
import struct
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
from data.audio.wavs import EXTENSIBLE, FLOAT, PCM, chunk, riff

_SIZES = (0, 1, 2, 3, 15, 16, 17, 18, 40, 44, 2**31 - 1, 2**31, 2**32 - 16, 2**32 - 1)
_TAGS = (PCM, PCM, PCM, FLOAT, FLOAT, EXTENSIBLE, EXTENSIBLE, 0, 2, 6, 7, 17, 49, 85, 0x2000, 65535)
_RATES = (8000, 8000, 16000, 22050, 44100, 48000, 0, 1, 999, 1000, 384_000, 44_101, 2**31, 2**32 - 1)
_GUID = struct.pack("<H", PCM) + bytes.fromhex("000000001000800000aa00389b71")
_ENCODED = (("FLAC", "PCM_16"), ("FLAC", "PCM_24"), ("OGG", "VORBIS"), ("OGG", "OPUS"), ("MP3", "MPEG_LAYER_III"))
_COMPRESSED = (("WAV", "ULAW"), ("WAV", "MS_ADPCM"), ("WAV", "GSM610"), ("NIST", "PCM_16"), ("RF64", "PCM_16"))


def _usually(draw: random.Random, value: int, others: tuple[int, ...]) -> int:
    return value if draw.random() < 0.95 else draw.choice(others)


def _format(draw: random.Random) -> bytes:
    tag = _usually(draw, draw.choice((PCM, FLOAT, EXTENSIBLE)), _TAGS)
    bits = _usually(draw, draw.choice((32, 64) if tag == FLOAT else (8, 16, 24, 32)), (0, 1, 7, 12, 20, 40, 65535))
    channels = _usually(draw, draw.choice((1, 2)), (0, 3, 6, 255, 1024, 65535))
    rate = _usually(draw, 8000, _RATES)
    frame = _usually(draw, channels * ((bits + 7) // 8) % 65536, (0, 1, 3, 65535))
    extension = struct.pack("<HHI", 22, bits, draw.choice((0, 3, 2**32 - 1))) + _GUID if tag == EXTENSIBLE else b""
    body = struct.pack("<HHIIHH", tag, channels, rate, rate * frame % 2**32, frame, bits) + extension
    return chunk(b"fmt ", body[: _usually(draw, len(body), _SIZES)], draw.choice((None,) * 90 + _SIZES[:10]))


def _samples(draw: random.Random) -> bytes:
    count = draw.choice((0, 1, 7, 300, 300, 2000))
    kind = draw.randrange(6)
    if kind == 0:
        return bytes(count)
    if kind == 1:
        values = np.sin(np.arange(count) / 5) * draw.choice((1, 1e-40, 1e30, 1e300))
        return values.astype(draw.choice(("<f4", "<f8")) if abs(values).max(initial=0) < 1e38 else "<f8").tobytes()
    if kind == 2:
        return np.array([draw.choice((0, 1, np.nan, np.inf, -np.inf)) for _ in range(count)]).astype("<f4").tobytes()
    return draw.randbytes(count)


def damaged_wav(draw: random.Random) -> bytes:
    """Return a WAV file whose chunks are damaged, in other places, or missing."""
    data = chunk(b"data", _samples(draw), draw.choice((None,) * 20 + _SIZES))
    others = [
        chunk(draw.choice((b"LIST", b"JUNK", b"fact", b"\0\0\0\0", b"id3 ")), draw.randbytes(draw.randrange(9)))
        for _ in range(draw.choice((0, 0, 1, 3)))
    ]
    if draw.random() < 0.1:
        others.append(chunk(b"ds64", struct.pack("<QQQI", *(draw.choice((0, 40, 2**40, 2**64 - 1)) for _ in "abc"), 0)))
    chunks = [_format(draw), data]
    for other in others:
        chunks.insert(draw.randint(0, len(chunks)), other)
    if draw.random() < 0.1:
        draw.shuffle(chunks)
    if draw.random() < 0.1:
        del chunks[draw.randrange(len(chunks))]
    content = riff(*chunks)
    return b"RF64" + content[4:] if draw.random() < 0.1 else content


def encoded(draw: random.Random, flac: bool = False) -> bytes:
    """Return a recording in another format than plain WAV, or in FLAC."""
    import soundfile

    format, subtype = draw.choice(_ENCODED[:2] if flac else (*_ENCODED, *_ENCODED, *_COMPRESSED))
    channels = 1 if subtype == "GSM610" else draw.choice((1, 1, 2))
    tone = 0.5 * np.sin(np.arange(draw.choice((1, 2000, 8000))) / draw.choice((5, 50)))
    stream = io.BytesIO()
    soundfile.write(stream, np.stack([tone] * channels, axis=1), 16000, subtype, format=format)
    return stream.getvalue()
