"""Unpack archives of public corpora into the cache."""

import bz2
import gzip
import hashlib
import lzma
import os
import shutil
import tarfile
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from typing import IO, Any

from gatewright.data.files import open_file
from gatewright.data.foreign import one_error
from gatewright.data.limits import LimitedReader, Total
from gatewright.support.cache_folder import cache_folder
from gatewright.support.errors import InputError
from gatewright.support.progress import Ticker, print_status

_OPENERS: Mapping[str, Callable[[IO[bytes]], Any]] = {".gz": gzip.open, ".xz": lzma.open, ".bz2": bz2.open}
_CHUNK = 1 << 20


def unpacked(archive: Path) -> Path:
    """Return the folder in the cache with the files of a compressed tar archive. Unpack the archive if it is not there.

    The name of the folder contains the checksum of the archive, and the folder appears only once it is whole.

    Raises:
        InputError: The archive is damaged or too large, or has files outside its folder.
        OSError: The archive cannot be read, or the cache cannot be written.
    """
    with open_file(archive) as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]
        folder = cache_folder() / "corpora" / f"{archive.name.split('.')[0]}-{digest[:16]}"
        if folder.is_dir():
            return folder
        file.seek(0)
        folder.parent.mkdir(exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=".unpacking-", dir=folder.parent))
        try:
            damaged = f"{archive} cannot be unpacked (REASON). It may be incomplete, so download it again."
            with one_error(damaged), _OPENERS[archive.suffix.lower()](file) as content:
                _unpack(archive, content, temporary)
            temporary.chmod(0o755)
            if not folder.is_dir():  # another process may have unpacked it meanwhile
                os.replace(temporary, folder)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    return folder


def _unpack(path: Path, content: IO[bytes], folder: Path) -> None:
    """Write the regular files of an archive into a folder. Links and devices are left out."""
    files, ticker, total = 0, Ticker(), Total(path)
    whole: Any = LimitedReader(content, path)
    with tarfile.open(fileobj=whole, mode="r|") as archive:
        for member in archive:
            archive.members = []  # type: ignore[attr-defined]  # else the archive keeps all members
            if not member.isfile() or (stream := archive.extractfile(member)) is None:
                continue
            name = PurePosixPath(member.name)
            if name.is_absolute() or ".." in name.parts:
                raise InputError(f"{path} has a file {member.name!r} outside its folder. Download it again.")
            total.add(member.size)
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("xb") as file:
                shutil.copyfileobj(stream, file, _CHUNK)
            files += 1
            if ticker.due():
                print_status(f"{files:,} files of {path} unpacked.")
    while whole.read(_CHUNK):  # up to the end, where the checksum is
        pass
