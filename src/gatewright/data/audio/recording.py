"""Read recordings of all formats, which are recognized by their contents."""

import codecs
import os
import stat
from pathlib import Path

from gatewright.data.audio.encoded import encoded_sound, is_encoded
from gatewright.data.audio.samples import Recording, collect
from gatewright.data.audio.wav import is_wav, parse_wav, wav_sound
from gatewright.data.files import read_bytes
from gatewright.support.errors import InputError

AUDIO_SUFFIXES = (".wav", ".wave", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".sph")
"""The suffixes of recordings in lower case."""

_HEAD = 12
_CHECKED = 512
_FORMATS = "WAV, FLAC, OGG or MP3"


def is_audio(path: Path) -> bool:
    """Return True if a file begins as recordings do. False if it cannot be read."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            return False
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError:
        return False
    return is_wav(head) or is_encoded(head)


def read_recording(path: Path) -> Recording:
    """Read a recording.

    Raises:
        InputError: The file cannot be read, is damaged, has no sound, or is something else.
        ImportError: The format needs a package that is not installed.
    """
    return recording_from(read_bytes(path), str(path))


def recording_from(content: bytes | bytearray, name: str) -> Recording:
    """Return the recording in the bytes of a file.

    Args:
        content: The bytes.
        name: The name of the file, for messages.

    Raises:
        InputError: The file is damaged, has no sound, or is something else.
        ImportError: The format needs a package that is not installed.
    """
    head = bytes(content[:_HEAD])
    if is_wav(head):
        wave = parse_wav(content, name)
        return collect(name, wav_sound(wave) if wave.is_plain else encoded_sound(content, name))
    if is_encoded(head):
        return collect(name, encoded_sound(content, name))
    if not content:
        raise InputError(f"{name} is empty. Give a recording ({_FORMATS}).")
    if _is_text(bytes(content[:_CHECKED])):
        raise InputError(f"{name} is a text file, not a recording. Give a recording ({_FORMATS}).")
    raise InputError(
        f"{name} is not a recording in a known format ({_FORMATS}); it begins with {head[:4]!r}. Convert it, for "
        "example with ffmpeg -i FILE FILE.wav."
    )


def rate_note(name: str, rate: int, needed: int) -> tuple[str, ...]:
    """Return a sentence about a recording whose sample rate is not the needed one, or no sentence if it is.

    Args:
        name: The name of the recording.
        rate, needed: The sample rates in Hz.
    """
    if rate == needed:
        return ()
    return (f"{name} has a sample rate of {rate:,} Hz, and was converted to {needed:,} Hz, which the model reads.",)


def _is_text(start: bytes) -> bool:
    """Return True if a file that begins with these bytes is text in UTF-8."""
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(start)  # the last character may be cut off
    except UnicodeDecodeError:
        return False
    return all(character.isprintable() or character.isspace() for character in text)
