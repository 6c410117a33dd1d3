"""Read the bytes and the characters of files, which may be compressed and have any of the usual encodings."""

import bz2
import codecs
import contextlib
import gzip
import io
import lzma
import os
import re
import stat
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any, NamedTuple

from gatewright.data.foreign import one_error
from gatewright.data.limits import max_bytes, read_all, too_large
from gatewright.support.errors import InputError

TABLE_SUFFIXES = (".csv", ".tsv", ".parquet", ".json", ".jsonl", ".ndjson")
"""The suffixes of tables. A table may also be compressed, as in `a.csv.gz`."""

_OPENERS: dict[str, Callable[[IO[bytes]], Any]] = {".gz": gzip.open, ".xz": lzma.open, ".bz2": bz2.open}

COMPRESSED = tuple(_OPENERS)
"""The suffixes of compressed files, which are decompressed when they are read."""

# How long a named pipe waits for a program that writes to it.
_PIPE_SECONDS, _PIPE_WAIT = 5.0, 0.05
_PIPE_CHUNK = 1 << 16
# Longer byte-order marks first: that of UTF-32 begins with that of UTF-16.
_BYTE_ORDER_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


_NOT_ASCII = re.compile(rb"[\x80-\xff]+")
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f]")
_MAX_CONTROL = 0.3
_REPLACEMENT = "\ufffd"
# So many bytes in a row that are not ASCII are unusual in Western European texts; fewer bytes in all show nothing.
_MIN_LONG = 3
_MIN_JUDGED = 8
_MIN_PAIRED = 40  # of characters that are alone on their lines


class Decoded(NamedTuple):
    """The text of a file.

    Attributes:
        text: The characters, with the line breaks of the file and without a byte-order mark.
        note: A sentence about the encoding for reports. Empty for UTF-8.
    """

    text: str
    note: str


def inner_name(path: Path) -> str:
    """Return the lower-case file name without the suffix of a compression: "a.csv" for "A.csv.gz"."""
    name = path.name.lower()
    return name.removesuffix(path.suffix.lower()) if path.suffix.lower() in COMPRESSED else name


def is_table(path: Path) -> bool:
    """Return True if the file name has the suffix of a table, which may be compressed."""
    return inner_name(path).endswith(TABLE_SUFFIXES)


def is_compressed(path: Path) -> bool:
    """Return True if the suffix of a file is one of COMPRESSED."""
    return path.suffix.lower() in COMPRESSED


def stem_files(stem: str, endings: Iterable[object]) -> list[Path]:
    """Return the existing files named by a stem, a full stop and an ending, such as `train.en` or `train.en.gz`.

    The files are in the order of the endings, and of a file that also exists compressed the plain one is first.
    """
    paths = [Path(f"{stem}.{ending}{suffix}") for ending in endings for suffix in ("", *COMPRESSED)]
    return [path for path in paths if path.is_file()]


def stem_inputs(inputs: Mapping[str, object], endings: Collection[object]) -> dict[str, Path]:
    """Return the files of the inputs that are stems, as `stem_files` does, with a description of each as keys.

    Args:
        inputs: The value of each argument that may be a stem, with its flag as keys.
        endings: The possible endings of the names of files.
    """
    return {
        f"{path.name} of {flag} {value}": path
        for flag, value in inputs.items()
        if isinstance(value, str)
        for path in stem_files(value, endings)
    }


def read_bytes(path: Path) -> bytearray:
    """Return the bytes of a file, decompressed if its suffix is one of COMPRESSED.

    Raises:
        InputError: The file cannot be read or decompressed, or is larger than `--max-input`.
    """
    try:
        with open_file(path) as file:
            if not is_compressed(path):
                return read_all(file, path)
            damaged = f"{path} cannot be decompressed (REASON). It may be incomplete, so download or write it again."
            with one_error(damaged), _OPENERS[path.suffix.lower()](file) as content:
                return read_all(content, path)
    except FileNotFoundError:
        raise InputError(f"{path} does not exist. Check the path.") from None
    except IsADirectoryError:
        raise InputError(f"{path} is a folder. Give the path of a file.") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}). Make the file readable.") from None


@contextlib.contextmanager
def open_file(path: Path) -> Iterator[IO[bytes]]:
    """Open a regular file or a pipe, such as standard input, to read bytes.

    Raises:
        InputError: It is a device or a socket, a pipe to which no program writes, or too large.
        OSError: It cannot be read.
    """
    found = os.stat(path)
    mode = found.st_mode
    if stat.S_ISSOCK(mode) or stat.S_ISBLK(mode):
        raise _not_regular(path)
    if stat.S_ISFIFO(mode):
        yield io.BytesIO(_read_pipe(path))
        return
    if found.st_size > max_bytes():
        raise too_large(path)
    with path.open("rb") as file:
        if stat.S_ISCHR(mode) and not file.isatty():
            raise _not_regular(path)
        yield file


def _not_regular(path: Path) -> InputError:
    return InputError(f"{path} is a device or a socket. Give a regular file.")


def _read_pipe(path: Path) -> bytearray:
    """Return everything that programs write to a pipe."""
    # Opening a named pipe to which no program writes would wait forever.
    has_name = not str(path.absolute()).startswith(("/dev/", "/proc/"))
    descriptor = os.open(path, os.O_RDONLY | (os.O_NONBLOCK if has_name else 0))
    with open(descriptor, "rb", buffering=0) as pipe:
        first: bytes | None = b""
        if has_name:
            end = time.monotonic() + _PIPE_SECONDS
            while (first := pipe.read(_PIPE_CHUNK)) == b"":  # None if a program has opened it but not written yet
                if time.monotonic() > end:
                    raise InputError(f"{path} is a named pipe to which no program writes. Give a regular file.")
                time.sleep(_PIPE_WAIT)
            os.set_blocking(descriptor, True)
        return bytearray(first or b"") + read_all(pipe, path)


def read_text(path: Path, keep_nul: bool = False) -> Decoded:
    """Return the text of a file, which may be compressed. `keep_nul` is that of `decode`.

    Raises:
        InputError: The file cannot be read or decompressed, or is not text.
    """
    return decode(read_bytes(path), str(path), keep_nul)


def decode(content: bytes | bytearray, name: str, keep_nul: bool = False) -> Decoded:
    """Decode text in UTF-8, in UTF-16 or UTF-32 with a byte-order mark, or in Windows-1252 (which extends Latin-1).

    Args:
        content: The bytes.
        name: The name of the file, for messages.
        keep_nul: Accept NUL characters in UTF-8, as long as few characters are control characters. In UTF-16 without a
            byte-order mark, which also is UTF-8, many are.

    Raises:
        InputError: The bytes are not text.
    """
    encoding = next((found for mark, found in _BYTE_ORDER_MARKS.items() if content.startswith(mark)), "utf-8")
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        if encoding != "utf-8" or b"\0" in content:
            raise InputError(f"{name} is not text in UTF-8 or UTF-16. Save it as UTF-8.") from None
        _require_western(content, name)
        encoding = "windows-1252"
        # Python leaves five bytes of this encoding undefined; browsers read them as the control characters of Latin-1.
        text = content.decode(encoding, errors="surrogateescape")
        text = "".join(chr(ord(c) - 0xDC00) if "\udc80" <= c <= "\udcff" else c for c in text)
    if "\0" in text and not (keep_nul and len(_CONTROL.findall(text)) < _MAX_CONTROL * len(text)):
        raise InputError(f"{name} has bytes that are not text. Give a text file in UTF-8.")
    return Decoded(text, "" if encoding in ("utf-8", "utf-8-sig") else f"{name} was read as {_title(encoding)}.")


def _require_western(content: bytes | bytearray, name: str) -> None:
    """Raise an error if bytes that are not UTF-8 cannot be Windows-1252 either.

    In Western European texts, few letters in a row are not ASCII. In Russian, Greek or Chinese ones, most are. Text of
    which more characters are UTF-8 than are not is UTF-8 with wrong bytes.

    Raises:
        InputError: The text is in another encoding, or damaged.
    """
    runs = [len(run) for run in _NOT_ASCII.findall(content)]
    total, long, pairs = (sum(length for length in runs if length >= least) for least in (1, _MIN_LONG, 2))
    replaced = content.decode("utf-8", errors="replace")
    wrong = replaced.count(_REPLACEMENT)
    right = sum(not character.isascii() for character in replaced) - wrong
    is_other = (total >= _MIN_JUDGED and 2 * long > total) or (total >= _MIN_PAIRED and pairs > 0.9 * total)
    if right <= wrong and not is_other:
        return
    line = replaced.count("\n", 0, replaced.index(_REPLACEMENT)) + 1
    raise InputError(
        f"{name}, line {line} has bytes that are not UTF-8, and the text does not look like Windows-1252 (Latin-1) "
        "either. Save it as UTF-8."
    )


def _title(encoding: str) -> str:
    return {"windows-1252": "Windows-1252 (Latin-1), because it is not UTF-8"}.get(encoding, encoding.upper())
