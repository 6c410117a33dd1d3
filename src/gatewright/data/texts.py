"""Read the texts for which a model makes predictions."""

from collections.abc import Sequence
from pathlib import Path

from gatewright.data import plain
from gatewright.data.tables import is_table
from gatewright.data.text_tables import read_text_column
from gatewright.support.errors import InputError, as_input_errors

TABLE_FORMATS = "a .csv, .tsv, .parquet, .jsonl or .ndjson table"


@as_input_errors()
def read_texts(data: str, text: str | None = None) -> list[str]:
    """Read the texts for which a model makes predictions.

    Args:
        data: The path of a text file with a text on each line, `-` for such texts on standard input, or the path of a
            .csv, .tsv, .parquet, .jsonl or .ndjson table with a text in each row.
        text: The name of the text column of the table; None selects the column `text`. If several
            names are given, separated by commas, the texts of these columns are joined by line breaks.

    Raises:
        InputError: The data cannot be read, or has no texts.
    """
    if data == "-":
        refuse_text_column(data, text)
        lines = plain.read_stdin()
    else:
        path = Path(data)
        if data == "" or not path.exists() or path.is_dir():
            problem = "is a folder" if data and path.is_dir() else "does not exist"
            raise InputError(
                f"--file must be a text file with a text on each line, - for standard input, or {TABLE_FORMATS}, but "
                f"{data!r} {problem}."
            )
        if is_table(path):
            return read_text_column(path, text)
        refuse_text_column(data, text)
        lines = plain.read(path)
    if not lines:
        raise InputError(f"{'Standard input' if data == '-' else data} has no texts: it is empty.")
    # splitlines() would also split at form feeds and other characters.
    return lines.removesuffix("\n").split("\n")


def texts_to_predict(texts: str | Sequence[str] | None, file: str | None, text: str | None) -> list[str]:
    """Return the texts that the user gave to the `predict` command, as arguments or in a file.

    Args:
        texts: A text, several texts, or None if a file is given.
        file: The path of a file, or None; see `data` in `read_texts`.
        text: The text column of the file; see `read_texts`.

    Raises:
        InputError: Texts and a file are both given or both missing, or the file cannot be read.
    """
    if texts is None and file is None:
        raise InputError("predict needs texts. Give texts, - for standard input, or a file of texts with --file.")
    if texts is not None and file is not None:
        raise InputError(f"predict takes either texts or --file {file}. Leave one of them out.")
    if file is not None:
        return read_texts(file, text)
    if text is not None:
        raise InputError(f"--text {text} names the column of a table. Give a table with --file, or leave --text out.")
    return [texts] if isinstance(texts, str) else list(texts or ())


def refuse_text_column(data: str, text: str | None) -> None:
    """Raise an error if the user gave a text column for data that is not a table.

    Args:
        data: The name of the data, for the error message.
        text: The column that the user gave, or None.

    Raises:
        InputError: `text` is not None.
    """
    if text is not None:
        raise InputError(f"--text names the columns of a table, but {data} is not a table. Leave --text out.")
