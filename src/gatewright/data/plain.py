"""Read plain text from files, which may be compressed, and from standard input."""

import gzip
import lzma
import sys
import zlib
from pathlib import Path

from gatewright.data.tables import is_table
from gatewright.support.errors import InputError

COMPRESSED = (".gz", ".xz")
"""The suffixes of compressed files, which are decompressed when they are read."""

_ARCHIVES = (".tar", ".tgz", ".txz", ".zip")
# A few bytes can decompress to more than fits into memory.
_MAX_GIGABYTES = 4
_CHUNK = 1 << 20


def read(path: Path) -> str:
    r"""Return the text of a UTF-8 file. Each line break becomes \n. A .gz or .xz file is decompressed.

    Raises:
        InputError: The file cannot be read, is not UTF-8, is a table or an archive, or decompresses to more than 4 GB.
    """
    inner = Path(path.stem if path.suffix.lower() in COMPRESSED else path.name)
    if is_table(inner) or inner.suffix.lower() in _ARCHIVES:
        raise InputError(
            f"{path} must be plain text (or plain text as .gz or .xz), but its name is that of a table or an archive. "
            "Unpack an archive or decompress a table first."
        )
    return read_any(path)


def read_any(path: Path) -> str:
    """Return the text of a file as `read` does, but accept file names that look like those of tables or archives.

    Raises:
        InputError: The file cannot be read, is not UTF-8, or decompresses to more than 4 GB.
    """
    try:
        return _decode(_read_bytes(path), str(path))
    except OSError as error:
        if error.strerror is None:
            raise _damaged(path, error) from None
        raise InputError(f"{path} cannot be read ({error.strerror}). Make the file readable.") from None
    except (EOFError, zlib.error, lzma.LZMAError) as error:
        raise _damaged(path, error) from None


def read_stdin() -> str:
    r"""Return the text on standard input. Each line break becomes \n.

    Raises:
        InputError: Standard input is not UTF-8.
    """
    return _decode(sys.stdin.buffer.read(), "Standard input")


def _read_bytes(path: Path) -> bytes | bytearray:
    suffix = path.suffix.lower()
    if suffix not in COMPRESSED:
        return path.read_bytes()
    content = bytearray()
    with gzip.open(path) if suffix == ".gz" else lzma.open(path) as file:
        while chunk := file.read(_CHUNK):
            content += chunk
            if len(content) > _MAX_GIGABYTES * 1e9:
                raise InputError(
                    f"{path} decompresses to more than {_MAX_GIGABYTES} GB, the maximum. Split it into several files."
                )
    return content


def _decode(content: bytes | bytearray, name: str) -> str:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{name} is not UTF-8. Save it as UTF-8.") from None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _damaged(path: Path, error: Exception) -> InputError:
    return InputError(f"{path} cannot be decompressed ({error}). It may be incomplete, so download or write it again.")
