"""Read archives of NumPy arrays, and single arrays."""

import lzma
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewright.support.errors import InputError

# Files can be damaged in ways that every layer of reading reports by its own error.
_DAMAGED = (
    ValueError,
    KeyError,
    AttributeError,
    TypeError,
    EOFError,
    OverflowError,
    MemoryError,
    RuntimeError,  # also NotImplementedError
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
)
# A few bytes can decompress to more than fits into memory.
_MAX_GIGABYTES = 4


def read_archive(path: Path) -> dict[str, NDArray[Any]]:
    """Return the arrays of a .npz archive, with their names as keys.

    Raises:
        InputError: The file is not a .npz archive, contains arrays of Python objects, or decompresses to over 4 GB.
        OSError: The file cannot be read.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            size = sum(member.file_size for member in archive.zip.infolist())
            arrays = {} if size > _MAX_GIGABYTES * 1e9 else {name: archive[name] for name in archive.files}
    except _DAMAGED:
        raise InputError(
            f"{path} is not an archive of plain arrays. Save arrays of numbers and strings, not of objects, with "
            "numpy.savez."
        ) from None
    if size > _MAX_GIGABYTES * 1e9:
        raise InputError(
            f"{path} decompresses to {size / 1e9:.1f} GB, but the maximum is {_MAX_GIGABYTES} GB. Split it into "
            "several files."
        )
    return arrays


def read_array(path: Path) -> NDArray[Any]:
    """Return the array of a .npy file.

    Raises:
        InputError: The file is not a .npy file, or contains Python objects.
        OSError: The file cannot be read.
    """
    try:
        with path.open("rb") as file:
            found: NDArray[Any] = np.lib.format.read_array(file, allow_pickle=False)
            return found
    except _DAMAGED:
        raise InputError(
            f"{path} is not an array of numbers or strings. Save one, not an array of objects, with numpy.save."
        ) from None
