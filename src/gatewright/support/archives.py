"""Files of arrays that a long computation stores for itself. Any damage to such a file is recognized."""

import hashlib
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewright.support.files import atomically

_DIGEST_BYTES = hashlib.sha256().digest_size


def write_arrays(path: Path, arrays: Mapping[str, Any], compress: bool = False) -> None:
    """Write arrays to a .npz file with a checksum at its end. If this fails, an existing file is unchanged.

    Raises:
        OSError: The file cannot be written.
    """
    stream = (
        io.BytesIO()
    )  # an archive that np.savez cannot finish, as the disk is full, would fail again when collected
    save: Any = np.savez_compressed if compress else np.savez
    save(stream, **arrays)
    content = stream.getbuffer()
    with atomically(path) as temporary, temporary.open("wb") as file:
        file.write(content)
        file.write(hashlib.sha256(content).digest())


def read_arrays(path: Path) -> dict[str, NDArray[Any]] | None:
    """Return the arrays of a file of `write_arrays`, or None if it is not such a file, or is damaged.

    Nothing in a damaged file is parsed.

    Raises:
        OSError: The file does not exist or cannot be read.
    """
    content = path.read_bytes()
    body, digest = content[:-_DIGEST_BYTES], content[-_DIGEST_BYTES:]
    if hashlib.sha256(body).digest() != digest:
        return None
    with np.load(io.BytesIO(body), allow_pickle=False) as stored:
        return dict(stored)
