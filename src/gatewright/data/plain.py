"""Plain text: files, also compressed ones, and standard input."""

import gzip
import lzma
import sys
import zlib
from pathlib import Path

from gatewright.data.tables import is_table
from gatewright.support.errors import InputError

COMPRESSED = (".gz", ".xz")
"""The endings of files that are decompressed as they are read."""

_ARCHIVES = (".tar", ".tgz", ".txz", ".zip")
# A few bytes can decompress to more than any memory holds.
_MOST_GIGABYTES = 4
_CHUNK = 1 << 20


def read(path: Path) -> str:
    r"""The text of a UTF-8 file, .gz and .xz decompressed, with \n for each line break.

    Raises:
        InputError: it can't be read, is not UTF-8, is a table or an archive, or decompresses to more than 4 GB.
    """
    inner = Path(path.stem if path.suffix.lower() in COMPRESSED else path.name)
    if is_table(inner) or inner.suffix.lower() in _ARCHIVES:
        raise InputError(
            f"{path} must be plain text, also as .gz or .xz, and by its name is a table or an archive: unpack an "
            "archive, and give a table alone, not compressed."
        )
    return read_any(path)


def read_any(path: Path) -> str:
    """As `read`, of a file of any name.

    Raises:
        InputError: it can't be read, is not UTF-8, or decompresses to more than 4 GB.
    """
    try:
        return _decoded(_content(path), str(path))
    except OSError as error:
        if error.strerror is None:
            raise _damaged(path, error) from None
        raise InputError(f"{path} can't be read ({error.strerror}): make it a readable file.") from None
    except (EOFError, zlib.error, lzma.LZMAError) as error:
        raise _damaged(path, error) from None


def read_stdin() -> str:
    r"""What standard input has to its end, with \n for each line break.

    Raises:
        InputError: it is not UTF-8.
    """
    return _decoded(sys.stdin.buffer.read(), "standard input")


def _content(path: Path) -> bytes | bytearray:
    suffix = path.suffix.lower()
    if suffix not in COMPRESSED:
        return path.read_bytes()
    content = bytearray()
    with gzip.open(path) if suffix == ".gz" else lzma.open(path) as file:
        while chunk := file.read(_CHUNK):
            content += chunk
            if len(content) > _MOST_GIGABYTES * 1e9:
                raise InputError(
                    f"{path} decompresses to more than {_MOST_GIGABYTES} GB, which is the most that is read: divide it."
                )
    return content


def _decoded(content: bytes | bytearray, name: str) -> str:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{name} is not UTF-8: save it as UTF-8.") from None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _damaged(path: Path, error: Exception) -> InputError:
    return InputError(f"{path} can't be decompressed ({error}): it may have been cut short, so fetch it again.")
