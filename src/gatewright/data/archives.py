"""Read archives of NumPy arrays, and single arrays."""

import math
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from gatewright.data import files
from gatewright.data.foreign import one_error
from gatewright.data.limits import LimitedReader, Total
from gatewright.support.errors import InputError

_SUFFIX = ".npy"
_CHUNK = 1 << 20
# The header of an array without values may declare an axis of any length.
_MAX_EMPTY = 1 << 16
_MAX_CHARACTER = 0x10FFFF


def read_archive(path: Path) -> dict[str, NDArray[Any]]:
    """Return the arrays of a .npz archive, with their names as keys.

    Raises:
        InputError: The file is not a .npz archive, contains arrays of Python objects, or is too large.
        OSError: The file cannot be read.
    """
    with files.open_file(path) as file:
        return arrays_of_archive(file, path)


def arrays_of_archive(file: IO[bytes], path: Path) -> dict[str, NDArray[Any]]:
    """Return the arrays of a .npz archive in an open file. `path` is for messages.

    Raises:
        InputError: The file is not a .npz archive, contains arrays of Python objects, or is too large.
    """
    damaged = (
        f"{path} is not an archive of plain arrays. Save arrays of numbers and strings, not of objects, with "
        "numpy.savez."
    )
    arrays: dict[str, NDArray[Any]] = {}
    total = Total(path)
    with one_error(damaged), zipfile.ZipFile(file) as archive:
        for member in archive.infolist():
            if not member.filename.endswith(_SUFFIX):
                raise InputError(f"{path} has the member {member.filename!r}, which is not an array. Remove it.")
            total.add(member.file_size)
            with archive.open(member) as content:
                arrays[member.filename.removesuffix(_SUFFIX)] = _read_array(content, path)
    return arrays


def read_array(path: Path) -> NDArray[Any]:
    """Return the array of a .npy file.

    Raises:
        InputError: The file is not a .npy file, contains Python objects, or is too large.
        OSError: The file cannot be read.
    """
    damaged = f"{path} is not an array of numbers or strings. Save one, not an array of objects, with numpy.save."
    with files.open_file(path) as file, one_error(damaged):
        return _read_array(file, path)


def _read_array(file: IO[bytes], path: Path) -> NDArray[Any]:
    """Return the array in a stream. Memory is used for values that are there, not for those that the header declares.

    Raises:
        ValueError: The stream has another format, contains Python objects, or ends early.
        InputError: The array is too large.
    """
    limited: Any = LimitedReader(file, path)
    version = np.lib.format.read_magic(limited)
    headers: dict[tuple[int, int], Callable[[Any], Any]] = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
        # Version 3 differs in the encoding of the names of fields, which plain arrays do not have.
        (3, 0): np.lib.format.read_array_header_2_0,
    }
    shape, is_fortran, kind = headers[version](limited)
    if kind.kind not in "biufcUSmM":
        raise ValueError(f"an array of {kind} is not plain")
    size = math.prod(shape) * kind.itemsize
    if min(shape, default=0) < 0 or (not size and math.prod(max(length, 1) for length in shape) > _MAX_EMPTY):
        raise ValueError(f"an array of shape {shape} has no values")
    content = bytearray()
    while len(content) < size and (chunk := limited.read(min(_CHUNK, size - len(content)))):
        content += chunk
    if len(content) < size:
        raise EOFError("the array ends early")
    array = np.frombuffer(content, kind).reshape(shape, order="F" if is_fortran else "C")
    if kind.kind == "U" and size:
        characters = np.frombuffer(content, np.dtype(np.uint32).newbyteorder(kind.byteorder))
        if int(characters.max()) > _MAX_CHARACTER:
            raise ValueError("a text has characters that do not exist")
    return array
