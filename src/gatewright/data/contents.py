"""Recognize data by its contents, whatever its name."""

import hashlib
from pathlib import Path

from gatewright.data.folders import all_files
from gatewright.support.errors import as_input_errors

_BLOCK = 1 << 20
_BYTES = 16


@as_input_errors()
def content_hash(data: str) -> str:
    """Return a hash of a file, or of all files of a folder with their places in it, 32 hexadecimal digits.

    For a named data set, it is a hash of the name.

    Raises:
        InputError: A file cannot be read.
    """
    path = Path(data)
    digest = hashlib.blake2b(digest_size=_BYTES)
    if path.is_dir():
        for file in sorted(all_files(path)):
            digest.update(f"{file.relative_to(path)}\n{content_hash(str(file))}\n".encode("utf-8", "surrogateescape"))
    elif path.is_file():
        with path.open("rb") as opened:
            while block := opened.read(_BLOCK):
                digest.update(block)
    else:
        digest.update(f"named {data}".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()
