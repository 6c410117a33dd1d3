"""Read Sphinx files of mel-frequency cepstra (`.mfc`).

A file is a 32-bit integer, the number of values that follow, and these values as 32-bit floating-point numbers, 13 for
each frame. Both have the byte order of the machine that wrote them, most often big endian. Frames have a distance of
10 ms unless the program that wrote them had another setting.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gatewright.data.files import read_bytes
from gatewright.support.errors import InputError

SUFFIX = ".mfc"
WIDTH = 13
"""The number of cepstra in a frame."""
STEP_SECONDS = 0.01

_WORD = 4
# Larger cepstra are not those of a sound: the file is damaged, or has another format.
_LARGEST = 1e6


def is_cepstra(path: Path) -> bool:
    """Return True if a file has the suffix of Sphinx cepstra."""
    return path.suffix.lower() == SUFFIX


def read_cepstra(path: Path) -> NDArray[np.float32]:
    """Return the cepstra in a file, [frames, 13].

    Raises:
        InputError: The file cannot be read, or is not a file of cepstra.
    """
    content = read_bytes(path)
    values = len(content) // _WORD - 1
    order = next((one for one in (">", "<") if _announced(content, one) == values), None)
    if order is None or values < 0 or len(content) % _WORD:
        raise InputError(
            f"{path} is not a Sphinx file of cepstra: it does not begin with the number of its values. It may be "
            "incomplete, so write it again."
        )
    if not values:
        raise InputError(f"{path} has no frames. Remove it, or write it again.")
    if values % WIDTH:
        raise InputError(f"{path} has {values:,} values, which is not a multiple of the {WIDTH} cepstra of a frame.")
    frames = np.frombuffer(content, f"{order}f4", offset=_WORD).astype(np.float32).reshape(-1, WIDTH)
    if not (np.abs(frames) < _LARGEST).all():
        raise InputError(f"{path} has values that are not finite or too large for cepstra. Write it again.")
    return frames


def _announced(content: bytearray, order: str) -> int:
    """Return the number of values that a file announces, or -1 if it is too short."""
    return int(np.frombuffer(content, f"{order}i4", 1)[0]) if len(content) >= _WORD else -1
