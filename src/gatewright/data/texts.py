"""Read texts to predict from."""

from __future__ import annotations

from pathlib import Path

from gatewright.data import plain
from gatewright.data.tables import is_table, texts_of_table
from gatewright.support.errors import InputError

_TABLE = "a table .csv, .tsv, .parquet, .jsonl or .ndjson"


def read_texts(data: str, text: str | None = None) -> list[str]:
    """Texts to predict from.

    Args:
        data: a text file or `-`, standard input, with a text on each line; or a file .csv, .tsv, .parquet, .jsonl or
            .ndjson with a text in each row.
        text: a table's column, or several with commas between, which are joined by line breaks; `text` if not given.

    Raises:
        InputError: the data can't be read, or has no texts.
    """
    try:
        if data == "-":
            _refuse_column(data, text)
            lines = plain.read_stdin()
        else:
            path = Path(data)
            if data == "" or not path.exists() or path.is_dir():
                fault = "is a folder" if data and path.is_dir() else "is not there"
                raise InputError(
                    f"--file must be a text file with a text on each line, - for standard input, or {_TABLE}; "
                    f"{data!r} {fault}."
                )
            if is_table(path):
                return texts_of_table(path, text)
            _refuse_column(data, text)
            lines = plain.read(path)
    except (ImportError, OSError) as error:
        raise InputError(str(error)) from None
    if not lines:
        raise InputError(f"{'standard input' if data == '-' else data} has no texts: it is empty.")
    # Not splitlines(), to which a form feed and other letters are line breaks too.
    return lines.removesuffix("\n").split("\n")


def _refuse_column(data: str, text: str | None) -> None:
    if text is not None:
        raise InputError(f"--text names the columns of a table, which {data} is not: leave it out.")
