"""Read plain text from files, which may be compressed, and from standard input."""

import sys
from pathlib import Path

from gatewright.data import files
from gatewright.data.files import COMPRESSED as COMPRESSED
from gatewright.data.limits import read_all
from gatewright.support.errors import InputError
from gatewright.support.progress import print_status

_ARCHIVES = (".tar", ".tgz", ".txz", ".zip")


def read(path: Path) -> str:
    """Return the text of a file as `decode` does, and print its note.

    Raises:
        InputError: See `decode`.
    """
    return _printed(decode(path))


def decode(path: Path) -> files.Decoded:
    r"""Return the text of a file, decompressed, with a note on its encoding. Each line break becomes \n.

    Raises:
        InputError: The file cannot be read, is not text, is a table or an archive, or is larger than `--max-input`.
    """
    if files.is_table(path) or files.inner_name(path).endswith(_ARCHIVES):
        raise InputError(
            f"{path} must be plain text (or plain text as {' or '.join(COMPRESSED)}), but its name is that of a table "
            "or an archive. Unpack an archive, or give a table where tables are read."
        )
    return _with_line_feeds(files.read_text(path))


def decode_any(path: Path) -> files.Decoded:
    """Return the text of a file as `decode` does, but accept file names that look like those of tables or archives.

    Raises:
        InputError: The file cannot be read, is not text, or is larger than `--max-input`.
    """
    return _with_line_feeds(files.read_text(path))


def decode_stdin() -> files.Decoded:
    r"""Return the text on standard input with a note on its encoding. Each line break becomes \n.

    Raises:
        InputError: Standard input is not text.
    """
    return _with_line_feeds(files.decode(read_all(sys.stdin.buffer, "Standard input"), "Standard input"))


def _printed(decoded: files.Decoded) -> str:
    if decoded.note:
        print_status(decoded.note)
    return decoded.text


def _with_line_feeds(decoded: files.Decoded) -> files.Decoded:
    return decoded._replace(text=decoded.text.replace("\r\n", "\n").replace("\r", "\n"))
