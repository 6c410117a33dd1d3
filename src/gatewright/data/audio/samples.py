"""Collect the samples of a recording from blocks, check them, and average its channels."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gatewright.support.errors import InputError

MIN_RATE, MAX_RATE = 1000, 384_000
"""The lowest and the highest sample rate of a recording in Hz."""

_BLOCK_SAMPLES = 1 << 18
_MAX_FLOAT = float(np.finfo(np.float32).max)
# Equal samples in a row of at least this size are clipped. A recording gets a note if so many of its samples are.
_CLIPPED, _SHARE_CLIPPED = 0.99, 0.001
# Nobody records so loud in formats without a largest sample.
_LOUD = 10.0


class Recording(NamedTuple):
    """A recording of sound.

    Attributes:
        samples: The samples with full scale 1.0, [samples]. They are the mean of all channels.
        rate: The sample rate in Hz.
        notes: Sentences for reports about what is unusual.
    """

    samples: NDArray[np.float32]
    rate: int
    notes: tuple[str, ...]


class Sound(NamedTuple):
    """The sound of a file, as the reader of its format returns it.

    Attributes:
        blocks: The samples with full scale 1.0 in blocks of floating-point numbers, [samples, channels].
        rate: The sample rate in Hz.
        channels: The number of channels.
        notes: Sentences for reports about what is unusual. Reading the blocks may add some.
    """

    blocks: Iterator[NDArray[Any]]
    rate: int
    channels: int
    notes: Sequence[str]


def require_rate(rate: Any) -> None:
    """Raise an error if a sample rate is not a whole number of Hz that sound can have.

    Raises:
        InputError: It is not.
    """
    is_whole = isinstance(rate, int | np.integer) and not isinstance(rate, bool)
    if not is_whole or not MIN_RATE <= rate <= MAX_RATE:
        raise InputError(f"The sample rate must be a whole number from {MIN_RATE:,} to {MAX_RATE:,} Hz, not {rate!r}.")


def samples_of(given: ArrayLike) -> NDArray[np.float32]:
    """Return samples with full scale 1.0, [samples].

    Args:
        given: The samples of one channel, [samples]: floating-point numbers with full scale 1.0, or whole numbers of 16
            or 32 bits.

    Raises:
        InputError: They are something else.
    """
    array = np.asarray(given)
    if array.ndim != 1:
        raise InputError(f"Samples must be those of one channel, [samples], not an array of shape {array.shape}.")
    if array.dtype.kind == "i" and array.itemsize in (2, 4):
        return (array / 2.0 ** (8 * array.itemsize - 1)).astype(np.float32)
    if array.dtype.kind != "f" and array.size:
        raise InputError(
            f"Samples must be floating-point numbers with full scale 1.0, int16 or int32, not {array.dtype}."
        )
    with np.errstate(over="ignore"):  # a number that is too large becomes infinite, and is refused as such
        return array.astype(np.float32, copy=False)


def block_length(channels: int) -> int:
    """Return the number of samples of each channel in a block."""
    return max(_BLOCK_SAMPLES // channels, 1)


def collect(name: str, sound: Sound) -> Recording:
    """Return the recording whose samples come in blocks.

    Args:
        name: The name of the file, for messages.
        sound: The samples.

    Raises:
        InputError: There are no samples, one is not a finite number, or the sample rate is not one of sound.
    """
    if not MIN_RATE <= sound.rate <= MAX_RATE:
        raise InputError(
            f"{name} has a sample rate of {sound.rate:,} Hz, but recordings must have {MIN_RATE:,} to {MAX_RATE:,} Hz. "
            "Convert it, or write it again if its header is damaged."
        )
    parts, clipped, loudest = [], 0, 0.0
    for block in sound.blocks:
        sizes = np.abs(block)
        peak = float(sizes.max(initial=0))
        if not peak <= _MAX_FLOAT:
            raise InputError(
                f"{name} has samples that are not finite numbers (NaN or infinity). Write it again with finite samples."
            )
        loudest = max(loudest, peak)
        clipped += int(((sizes[1:] >= _CLIPPED) & (block[1:] == block[:-1])).sum())
        mono = block[:, 0] if sound.channels == 1 else block.mean(axis=1, dtype=np.float64)
        parts.append(mono.astype(np.float32))
    samples = np.concatenate(parts) if parts else np.empty(0, np.float32)
    if not len(samples):
        raise InputError(f"{name} has no sound: it has 0 samples. Record it again, or leave it out.")
    notes = list(sound.notes)
    if sound.channels > 1:
        notes.append(f"{name} has {sound.channels} channels; their mean is used.")
    if note := _level_note(samples, loudest, clipped / (len(samples) * sound.channels)):
        notes.append(f"{name} {note}")
    return Recording(samples, sound.rate, tuple(notes))


def _level_note(samples: NDArray[np.float32], loudest: float, clipped: float) -> str:
    """Return the end of a sentence about the level of a recording, or an empty text if it is usual.

    Args:
        samples: The samples, [samples].
        loudest: The largest size of a sample in any channel.
        clipped: The fraction of the samples that are clipped.
    """
    if samples.min() == samples.max():
        return "is silent: all of its samples are equal."
    if loudest > _LOUD:
        return f"has floating-point samples of up to {loudest:,.0f}, although 1 is full scale."
    if clipped >= _SHARE_CLIPPED:
        return f"is clipped: {clipped:.1%} of its samples are at full scale. If possible, record it at a lower level."
    return ""
