"""Read recordings in encoded formats with the package soundfile, which uses libsndfile."""

import io
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewright.data.audio.samples import Sound, block_length
from gatewright.data.foreign import one_error
from gatewright.data.limits import Total
from gatewright.support.packages import require_packages

# FLAC, OGG (Vorbis, Opus), and SPHERE, the format of older collections of speech.
_BEGINNINGS = (b"fLaC", b"OggS", b"NIST_1A")
_ID3_VERSIONS = (2, 3, 4)
_UNKNOWN_LENGTH = 2**63 - 1


def is_encoded(head: bytes) -> bool:
    """Return True if a file that begins with these bytes is a recording in FLAC, OGG, MP3 or SPHERE."""
    if head.startswith(b"ID3"):
        return len(head) > 3 and head[3] in _ID3_VERSIONS
    return head.startswith(_BEGINNINGS) or _is_mpeg_frame(head)


def _is_mpeg_frame(head: bytes) -> bool:
    """Return True for the header of a frame of MPEG layer III: a mark, a bit rate, and a sample rate."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE6 != 0xE2:
        return False
    version, bit_rate, rate = head[1] >> 3 & 3, head[2] >> 4, head[2] >> 2 & 3
    return version != 1 and bit_rate not in (0, 15) and rate != 3


def encoded_sound(content: bytes | bytearray, name: str) -> Sound:
    """Return the sound of a file that soundfile can decode. It is decoded while its blocks are read.

    Args:
        content: The bytes of the file.
        name: The name of the file, for messages.

    Raises:
        InputError: The file is damaged. Reading the blocks also raises it, and if they are larger than `--max-input`.
        ImportError: The package soundfile is not installed.
    """
    require_packages(f"Reading {name}", ("soundfile",), "audio")
    import soundfile

    with one_error(_undecoded(name)):
        file = soundfile.SoundFile(io.BytesIO(content))
    # After each block, soundfile seeks to the end of the block. That fails in a FLAC file of unknown length.
    file.seekable = lambda: False
    notes: list[str] = []
    return Sound(_blocks(file, name, notes), file.samplerate, file.channels, notes)


def _blocks(file: Any, name: str, notes: list[str]) -> Iterator[NDArray[Any]]:
    total, found = Total(name), 0
    with file:
        while True:
            with one_error(_undecoded(name)):
                block = file.read(block_length(file.channels), dtype="float32", always_2d=True)
            if not len(block):
                break
            total.add(block.nbytes)
            found += len(block)
            yield np.asarray(block)
        if 0 < found < file.frames < _UNKNOWN_LENGTH:
            notes.append(
                f"{name} is incomplete: its header announces {file.frames:,} samples, but {found:,} follow. They were "
                "read."
            )


def _undecoded(name: str) -> str:
    """Return the message for a damaged file, without what libsndfile says, such as that the file does not exist."""
    return (
        f"{name} cannot be decoded: it is damaged, incomplete, or in a format that libsndfile does not know. Download "
        "or write it again, or convert it to WAV."
    )
