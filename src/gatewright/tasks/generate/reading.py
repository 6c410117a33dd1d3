"""Read the texts that a language model learns from."""

import os
from collections.abc import Sequence
from pathlib import Path

from gatewright.data import folders, plain
from gatewright.data.split import refuse_second
from gatewright.data.tables import is_table
from gatewright.data.text_tables import read_text_column
from gatewright.data.texts import TABLE_FORMATS, refuse_text_column
from gatewright.support.errors import InputError, as_input_errors, nearest
from gatewright.support.progress import with_progress
from gatewright.tasks.generate import named
from gatewright.tasks.generate.named import Corpus


@as_input_errors()
def read_corpus(data: str, text: str | None = None, validation: str | None = None, test: str | None = None) -> Corpus:
    """Read the training, validation and test texts for a language model.

    Args:
        data: `shakespeare`, `ptb` or `imdb-unlabelled`; a text file, which may be compressed (.gz or .xz), as one text;
            a folder, with each file, in alphabetical order, as one text; or a .csv, .tsv, .parquet, .jsonl or
            .ndjson file with a text in each row.
        text: The name of the text column, by default `text`; or several names, separated by commas, whose texts are
            joined by line breaks.
        validation, test: A file or folder with the validation or test set. Only if `data` does not have that split.

    Raises:
        InputError: The data cannot be read, or has no text.
    """
    if data in named.CORPORA:
        refuse_text_column(data, text)
        corpus = named.corpus(data)
    else:
        texts = _read_path(data, text, "DATA", named.CORPORA)
        corpus = Corpus(os.path.basename(os.path.abspath(data)), texts)
    return corpus._replace(
        validation=_read_split(data, "validation", corpus.validation, validation, text),
        test=_read_split(data, "test", corpus.test, test, text),
    )


def _read_split(data: str, split: str, own: list[str] | None, given: str | None, text: str | None) -> list[str] | None:
    """Return `own`, the texts of a split in the corpus `data`, or the texts of the file or folder `given` instead."""
    if given is None:
        return own
    refuse_second(data, split, own, given)
    return _read_path(given, text, f"--{split}", ())


def _read_path(given: str, text: str | None, option: str, names: Sequence[str]) -> list[str]:
    """Return the texts of a file or folder.

    Args:
        given: The path.
        text: The name of the text column of a table; see `read_corpus`.
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
        texts = read_text_column(path, text)
    else:
        refuse_text_column(given, text)
        files = with_progress(folders.all_files(path), f"texts of {path} read") if path.is_dir() else [path]
        texts = [plain.read(file) for file in files]
    if not any(map(str.strip, texts)):
        raise InputError(f"{given} has no text: it is empty or blank.")
    return texts
