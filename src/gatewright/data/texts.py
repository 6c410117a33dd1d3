"""Read the texts for which a model makes predictions."""

import json
from collections.abc import Iterable, Mapping, Set
from pathlib import Path
from typing import Any

from gatewright.data import plain
from gatewright.data.files import Decoded
from gatewright.data.headers import TEXT_NAMES
from gatewright.data.layout import has_header_of
from gatewright.data.tables import column_list, is_table, parse_header, parse_table
from gatewright.data.text_tables import TextColumn, read_text_column, text_column
from gatewright.support.errors import InputError, OptionError, as_input_errors
from gatewright.support.progress import print_status

TABLE_FORMATS = "a .csv, .tsv, .parquet, .json or .jsonl table"
FORMATS = ("lines", "csv", "tsv", "jsonl")
"""The formats of texts: a text on each line, or a table."""

_STDIN = Path("Standard input")


@as_input_errors()
def read_texts(
    data: str,
    text: str | None = None,
    header: str | None = None,
    format: str | None = None,
    trained_text: str | None = None,
) -> list[str]:
    """Read the texts for which a model makes predictions, and print notes about how they were read.

    Args:
        data: The path of a text file with a text on each line, or of a table with a text in each row; or `-` for texts
            or a table on standard input.
        text: The name of the text column of a table; see `text_tables.read_text_column`.
        header: "first" or "none" for a table; see `columns.ColumnOptions`.
        format: One of FORMATS. None decides by the name of the file; for standard input, by its first lines.
        trained_text: The text column of the data that the model was trained on. If a table on standard input has it, it
            is read, unless `text` is given.

    Raises:
        InputError: The data cannot be read, or has no texts.
    """
    if format is not None and format not in FORMATS:
        raise InputError(f"--format must be one of {', '.join(FORMATS)}, not {format!r}.")
    if format == "lines":
        refuse_table_options(data, text, header)
    found = _read(data, text, header, format, trained_text)
    for note in found.notes:
        print_status(note)
    if not found.texts:
        raise InputError(f"{'Standard input' if data == '-' else data} has no texts: it is empty.")
    return found.texts


def texts_to_predict(
    texts: Iterable[str] | None,
    file: str | None,
    text: str | None = None,
    header: str | None = None,
    format: str | None = None,
    trained_text: str | None = None,
) -> list[str]:
    """Return the texts that the user gave to the `predict` command, as arguments or in a file.

    Args:
        texts: A text, several texts, or None if a file is given.
        file: The path of a file, or None; see `data` in `read_texts`.
        text, header, format, trained_text: How to read the file; see `read_texts`.

    Raises:
        InputError: Texts and a file are both given or both missing, or the file cannot be read.
    """
    if texts is None and file is None:
        raise InputError("No texts are given. Give texts, - for standard input, or a file of texts with --file.")
    if texts is not None and file is not None:
        raise InputError(f"Texts and --file {file} are both given. Leave one of them out.")
    if file is not None:
        return read_texts(file, text, header, format, trained_text)
    for name, value in {"text": text, "header": header, "format": format}.items():
        if value is not None:
            raise InputError(f"--{name} {value} is for a file. Give a file with --file, or leave --{name} out.")
    return [texts] if isinstance(texts, str) else list_of_texts(texts)


def list_of_texts(texts: Any) -> list[str]:
    """Return the texts in a list, tuple, generator, array or other iterable of strings.

    Raises:
        InputError: `texts` is something else.
    """
    if isinstance(texts, bytes | bytearray | Mapping | Set) or getattr(texts, "ndim", 1) != 1:
        raise InputError(f"Texts must be one string or a list of strings, not {_article(texts)}.")
    try:
        found = list(texts)
    except TypeError:
        raise InputError(f"Texts must be one string or a list of strings, not {_article(texts)}.") from None
    for place, text in enumerate(found, 1):
        if not isinstance(text, str):
            raise InputError(f"A text must be a string, but text {place} is {_article(text)}. Give a list of strings.")
    return [str(text) for text in found]


def refuse_table_options(data: str, text: str | None, header: str | None) -> None:
    """Raise an error if the user gave an option of tables for data that is not a table.

    Args:
        data: The name of the data, for the error message.
        text, header: The values of `--text` and `--header`, or None.

    Raises:
        OptionError: One of them is not None.
    """
    for name, value in {"text": text, "header": header}.items():
        if value is not None:
            message = f"--{name} is for a table, but {data} is not read as a table. Leave --{name} out."
            raise OptionError(message, name, is_missing=False)


def _article(value: object) -> str:
    if value is None:
        return "None"
    name = type(value).__name__
    return f"{'an' if name[0].lower() in 'aeiou' else 'a'} {name}"


def _read(data: str, text: str | None, header: str | None, format: str | None, trained_text: str | None) -> TextColumn:
    if data == "-":
        decoded = plain.decode_stdin()
        found = format or _format_of(decoded.text, text, header, trained_text)
        if format is None and found != "lines":
            print_status("Standard input was read as a table, because its first line has the name of a column.")
        given = _parse(_STDIN, decoded, text, header, found, trained_text)
        return _with_note_on_tabs(_STDIN, given) if format is None and found == "lines" else given
    path = Path(data)
    if data == "" or not path.exists() or path.is_dir():
        problem = "is a folder" if data and path.is_dir() else "does not exist"
        raise InputError(
            f"--file must be a text file with a text on each line, - for standard input, or {TABLE_FORMATS}, but "
            f"{data!r} {problem}."
        )
    if format is not None:
        return _parse(path, plain.decode_any(path), text, header, format)
    if is_table(path):
        return read_text_column(path, text, header)
    refuse_table_options(data, text, header)
    lines = _parse(path, plain.decode(path), text, header, "lines")
    if _format_of("\n".join(lines.texts), None, None) == "lines":
        return _with_note_on_tabs(path, lines)
    note = (
        f"{path} looks like a table, but each of its lines was read as a text. Name it .csv or .jsonl if it is a table."
    )
    return lines._replace(notes=(*lines.notes, note))


def _parse(
    path: Path,
    decoded: Decoded,
    text: str | None,
    header: str | None,
    format: str,
    trained_text: str | None = None,
) -> TextColumn:
    if not decoded.text:
        return TextColumn([], ())
    if format == "lines":
        # splitlines() would also split at form feeds and other characters.
        return TextColumn(decoded.text.removesuffix("\n").split("\n"), (decoded.note,) if decoded.note else ())
    kind = "json" if format == "jsonl" else "delimited"
    table = parse_table(path, decoded, kind, parse_header(header))
    if text is None and trained_text is not None and set(column_list(trained_text, table.names)) <= set(table.names):
        text = trained_text
    return text_column(table, text)


def _with_note_on_tabs(path: Path, found: TextColumn) -> TextColumn:
    """Return lines of text with a note if all have the same number of tabs, as in a table."""
    tabs = {line.count("\t") for line in found.texts if line.strip()}
    if len(found.texts) < 2 or len(tabs) != 1 or tabs == {0}:
        return found
    note = f"{path} has tabs in each line, and each line was read as a text. If it is a table, give --format tsv."
    return found._replace(notes=(*found.notes, note))


def _format_of(content: str, text: str | None, header: str | None, trained_text: str | None = None) -> str:
    """Return the one of FORMATS that a text without a file name has."""
    first = next((line for line in content.split("\n") if line.strip()), "").strip()
    if first.startswith(("{", "[{")) and _is_json(first if first.startswith("{") else content):
        return "jsonl"
    names = _names(text) if text is not None else (*TEXT_NAMES, *_names(trained_text or ""))
    if text is not None or header is not None or has_header_of(content, names):
        return "tsv" if "\t" in first else "csv"
    return "lines"


def _names(text: str) -> tuple[str, ...]:
    """Return the names of columns that an option may mean, in lower case."""
    return tuple(name for one in (text, *text.split(",")) if (name := one.strip().lower()))


def _is_json(content: str) -> bool:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return False
    return isinstance(found, dict) or (isinstance(found, list) and bool(found))
