"""Recognize data by its contents, whatever its name."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from gatewright.data.files import stem_files
from gatewright.data.folders import all_files
from gatewright.support.errors import as_input_errors

_BLOCK = 1 << 20
_BYTES = 16


@as_input_errors()
def content_hash(data: str, endings: Iterable[object] = ()) -> str:
    """Return a hash of a file, of files with a stem, or of all files of a folder with their places in it.

    For a named data set, it is a hash of the name. A hash has 32 hexadecimal digits.

    Args:
        data: The path or the name.
        endings: The endings of the names of files whose stem `data` may be; see `files.stem_files`.

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
    elif files := stem_files(data, endings):
        for file in files:
            digest.update(f"{content_hash(str(file))}\n".encode())
    else:
        digest.update(f"named {data}".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()
