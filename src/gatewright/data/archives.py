"""Read archives of NumPy arrays."""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewright.support.errors import InputError


def read_archive(path: Path) -> dict[str, NDArray[Any]]:
    """Return the arrays of a .npz archive, with their names as keys.

    Raises:
        InputError: The file is not a .npz archive, or contains arrays of Python objects.
        OSError: The file cannot be read.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (ValueError, KeyError, zipfile.BadZipFile, EOFError, AttributeError):
        raise InputError(
            f"{path} is not an archive of plain arrays. Save arrays of numbers and strings, not of objects, with "
            "numpy.savez."
        ) from None
