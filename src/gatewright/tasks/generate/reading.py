"""Read the texts that a language model learns from."""

import os
from collections.abc import Sequence
from pathlib import Path

from gatewright.data import folders, plain
from gatewright.data.limits import Total
from gatewright.data.split import refuse_second
from gatewright.data.tables import is_table
from gatewright.data.text_tables import TextColumn, read_text_column
from gatewright.data.texts import TABLE_FORMATS, refuse_table_options
from gatewright.support.errors import InputError, as_input_errors, nearest
from gatewright.support.progress import with_progress
from gatewright.tasks.generate import named
from gatewright.tasks.generate.named import Corpus


@as_input_errors()
def read_corpus(
    data: str,
    text: str | None = None,
    validation: str | None = None,
    test: str | None = None,
    header: str | None = None,
) -> Corpus:
    """Read the training, validation and test texts for a language model.

    Args:
        data: `shakespeare`, `ptb` or `imdb-unlabelled`; a text file, which may be compressed, as one text; a folder,
            with each file, in alphabetical order, as one text; or a table, such as a .csv or .jsonl file, with a text
            in each row.
        text: The name of the text column, or several names, separated by commas, whose texts are joined by line
            breaks. None finds the column; see `columns.choose_columns`.
        validation, test: A file or folder with the validation or test set. Only if `data` does not have that split.
        header: "first" if the first line of a table has the names of the columns, "none" if no line has. None finds
            out.

    Raises:
        InputError: The data cannot be read, or has no text.
    """
    if data in named.CORPORA:
        refuse_table_options(data, text, header)
        corpus = named.corpus(data)
    else:
        read = _read_path(data, text, header, "DATA", named.CORPORA)
        corpus = Corpus(os.path.basename(os.path.abspath(data)), read.texts, notes=read.notes, found=read.found)
    for split, given in {"validation": validation, "test": test}.items():
        if given is not None:
            refuse_second(data, split, corpus.validation if split == "validation" else corpus.test, given)
            read = _read_path(given, text, header, f"--{split}", ())
            corpus = corpus._replace(**{split: read.texts}, notes=(*corpus.notes, *read.notes))  # type: ignore[arg-type]
    return corpus


def _read_path(given: str, text: str | None, header: str | None, option: str, names: Sequence[str]) -> TextColumn:
    """Return the texts of a file or folder, and notes on how they were read.

    Args:
        given: The path.
        text, header: See `read_corpus`.
        option: The option with which the path was given, for error messages.
        names: The named corpora that the option also accepts, for error messages.
    """
    path = Path(given)
    if given == "" or not path.exists():
        raise InputError(
            f"{option} must be {''.join(f'{name}, ' for name in names)}a text file (also as .gz or .xz), a folder of "
            f"text files, or {TABLE_FORMATS}, but {given!r} does not exist{nearest(given, names)}"
        )
    if is_table(path) and not path.is_dir():
        found = read_text_column(path, text, header)
    else:
        refuse_table_options(given, text, header)
        found = _read_files(path)
    if not any(map(str.strip, found.texts)):
        raise InputError(f"{given} has no text: it is empty or blank.")
    return found


def _read_files(path: Path) -> TextColumn:
    """Return the text of a file, or of each file in a folder."""
    if not path.is_dir():
        decoded = plain.decode(path)
        return TextColumn([decoded.text], (decoded.note,) if decoded.note else ())
    files = folders.all_files(path)
    all_decoded, total = [], Total(path)
    for file in with_progress(files, f"texts of {path} read"):
        all_decoded.append(plain.decode(file))
        total.add(len(all_decoded[-1].text))
    noted = [decoded.note for decoded in all_decoded if decoded.note]
    more = f" {len(noted):,} of {len(files):,} files of {path} are not UTF-8." if len(noted) > 1 else ""
    return TextColumn([decoded.text for decoded in all_decoded], (noted[0] + more,) if noted else ())
