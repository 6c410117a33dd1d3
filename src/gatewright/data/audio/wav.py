"""Read WAV files with NumPy: PCM of 8 to 32 bits and floating-point numbers, with any number of channels.

The format is that of Microsoft's "Multimedia Programming Interface and Data Specifications 1.0" (1991) and "Multiple
Channel Audio Data and WAVE Files" (2007), and RF64 of EBU Tech 3306 for files above 4 GB.
"""

import struct
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gatewright.data.audio.samples import Sound, block_length
from gatewright.support.errors import InputError

_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
# The end of the identifiers of all formats that also have a number of 16 bits.
_NUMBERED = bytes.fromhex("000000001000800000aa00389b71")
# A program that writes to a pipe does not know the size of the data.
_UNKNOWN_SIZE = 0xFFFFFFFF
# Chunks that may follow the data, or an odd chunk without the byte that should follow it.
_KNOWN_CHUNKS = (b"fmt ", b"data", b"LIST", b"fact", b"bext", b"cue ", b"smpl", b"id3 ", b"ID3 ", b"JUNK", b"PAD ")
_MAX_CHUNKS = 10_000
# The sizes of samples in bytes with their NumPy types, for whole numbers and for floating-point numbers.
_WHOLE = {1: "u1", 2: "<i2", 3: "u1", 4: "<i4"}
_FLOATING = {4: "<f4", 8: "<f8"}


class Wave(NamedTuple):
    """The contents of a WAV file.

    Attributes:
        is_plain: True if the samples are numbers, False if they are encoded in another way.
        is_floating: True if they are floating-point numbers.
        size: The size of a sample in bytes.
        channels: The number of channels.
        rate: The sample rate in Hz.
        data: The samples, those of all channels after one another.
        notes: Sentences for reports about what is unusual.
    """

    is_plain: bool
    is_floating: bool
    size: int
    channels: int
    rate: int
    data: memoryview
    notes: tuple[str, ...]


class _Format(NamedTuple):
    """The chunk "fmt " of a WAV file."""

    tag: int
    channels: int
    rate: int
    frame: int
    bits: int


def is_wav(head: bytes) -> bool:
    """Return True if a file that begins with these 12 bytes is a WAV file."""
    return head[:4] in (b"RIFF", b"RF64") and head[8:12] == b"WAVE"


def parse_wav(content: bytes | bytearray, name: str) -> Wave:
    """Return the contents of a WAV file.

    The sizes in the header may be wrong, as those of an unfinished recording or of a stream are: the data then ends
    with the file.

    Args:
        content: The bytes of the file, which begins as `is_wav` requires.
        name: The name of the file, for messages.

    Raises:
        InputError: The file is damaged or has no data.
    """
    view, place, found, large_size = memoryview(content), 12, None, None
    for _ in range(_MAX_CHUNKS):
        kind, size = bytes(view[place : place + 4]), int.from_bytes(view[place + 4 : place + 8], "little")
        body = view[place + 8 : place + 8 + size]
        if kind == b"data" and found is not None:
            rest = view[place + 8 :]
            announced = large_size if size == _UNKNOWN_SIZE and large_size is not None else size
            return _wave(found, *_data(rest, announced, name), name)
        if kind == b"fmt ":
            found = _read_format(body, name)
        elif kind == b"ds64" and len(body) >= 16:
            large_size = int.from_bytes(body[8:16], "little")
        place += 8 + size
        if place >= len(view):
            break
        place += size % 2 and bytes(view[place : place + 4]) not in _KNOWN_CHUNKS
    problem = "its samples" if found else "the format of its samples"
    raise InputError(f"{name} has no sound: it is a WAV file that ends before {problem}. Record or download it again.")


def wav_sound(wave: Wave) -> Sound:
    """Return the sound of a WAV file with plain samples."""
    return Sound(_blocks(wave), wave.rate, wave.channels, wave.notes)


def _read_format(body: memoryview, name: str) -> _Format:
    if len(body) < 16:
        raise InputError(f"{name} is damaged: the format in its header is {len(body)} bytes long, not 16 or more.")
    tag, channels, rate, _, frame, bits = struct.unpack("<HHIIHH", body[:16])
    if tag == _EXTENSIBLE and len(body) >= 40 and body[26:40] == _NUMBERED:
        (tag,) = struct.unpack("<H", body[24:26])
    return _Format(tag, channels, rate, frame, bits)


def _data(rest: memoryview, announced: int, name: str) -> tuple[memoryview, str]:
    """Return the data of a file, and a note, given everything after the header of the chunk and the announced size."""
    is_stream = announced == _UNKNOWN_SIZE or (announced == 0 and not _is_chunk(rest))
    if is_stream or announced == len(rest):
        return rest, ""
    if announced < len(rest):
        return rest[:announced], ""
    return rest, (
        f"{name} is incomplete: its header announces {announced:,} bytes of sound, but {len(rest):,} follow. They were "
        "read."
    )


def _is_chunk(rest: memoryview) -> bool:
    return bytes(rest[:4]) in _KNOWN_CHUNKS


def _wave(found: _Format, data: memoryview, note: str, name: str) -> Wave:
    size = (found.bits + 7) // 8
    is_floating = found.tag == _FLOAT
    is_plain = (found.tag == _PCM and size in _WHOLE) or (is_floating and size in _FLOATING)
    if is_plain and (not found.channels or found.frame != found.channels * size):
        raise InputError(
            f"{name} is damaged: its header announces {found.channels} channels of {found.bits} bits in "
            f"{found.frame} bytes. Write it again."
        )
    notes = [note] if note else []
    if is_plain and (excess := len(data) % found.frame):
        data = data[: len(data) - excess]
        if not note:
            notes.append(f"{name} is incomplete: it ends within a sample, which was left out.")
    return Wave(is_plain, is_floating, size, found.channels, found.rate, data, tuple(notes))


def _blocks(wave: Wave) -> Iterator[NDArray[Any]]:
    length = block_length(wave.channels) * wave.channels * wave.size
    for start in range(0, len(wave.data), length):
        yield _numbers(wave, wave.data[start : start + length]).reshape(-1, wave.channels)


def _numbers(wave: Wave, data: memoryview) -> NDArray[Any]:
    """Return samples with full scale 1.0."""
    if wave.is_floating:
        return np.frombuffer(data, _FLOATING[wave.size])
    raw: NDArray[Any] = np.frombuffer(data, _WHOLE[wave.size])
    if wave.size == 1:  # the only size without a sign
        return (raw.astype(np.float32) - np.float32(128)) / np.float32(128)
    if wave.size == 3:
        wide = np.zeros((len(raw) // 3, 4), np.uint8)
        wide[:, 1:] = raw.reshape(-1, 3)
        return wide.view("<i4")[:, 0].astype(np.float32) / np.float32(2**31)
    return raw.astype(np.float32) / np.float32(2 ** (8 * wave.size - 1))
