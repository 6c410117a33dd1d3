"""Texts without labels: to predict from, and for language models to learn from."""

import os
from collections.abc import Sequence
from pathlib import Path

from gatewright.data import folders, plain
from gatewright.data.tables import is_table, texts_of_table
from gatewright.data.texts import _TABLE, _refuse_column
from gatewright.support.data_progress import Progress, say
from gatewright.support.errors import InputError, nearest
from gatewright.tasks.generate import named
from gatewright.tasks.generate.named import Corpus


def read_corpus(data: str, text: str | None = None, validation: str | None = None, test: str | None = None) -> Corpus:
    """Texts for a language model.

    Args:
        data: `shakespeare`, `ptb` or `imdb-unlabelled`; a text file, also as .gz or .xz, which is one text; a folder,
            each file in which, in alphabetical order, is one; or a file .csv, .tsv, .parquet, .jsonl or .ndjson with a
            text in each row.
        text: a table's column, or several with commas between, which are joined by line breaks; `text` if not given.
        validation, test: a file or folder for a part that `data` does not have.

    Raises:
        InputError: the data can't be read, or has no text.
    """
    try:
        if data in named.CORPORA:
            _refuse_column(data, text)
            corpus = named.corpus(data)
        else:
            texts = _from_path(data, text, "DATA", named.CORPORA)
            corpus = Corpus(os.path.basename(os.path.abspath(data)), texts)
        return corpus._replace(
            validation=_part(data, "validation", corpus.validation, validation, text),
            test=_part(data, "test", corpus.test, test, text),
        )
    except (ImportError, OSError) as error:
        raise InputError(str(error)) from None


def _part(data: str, part: str, own: list[str] | None, given: str | None, text: str | None) -> list[str] | None:
    """A part of the corpus: its own, or the given one."""
    if given is None:
        return own
    if own is not None:
        raise InputError(f"{data} has a {part} part of its own: leave --{part} {given} out.")
    return _from_path(given, text, f"--{part}", ())


def _from_path(given: str, text: str | None, option: str, names: Sequence[str]) -> list[str]:
    """`option` is what the user knows `given` by, and `names` are those of corpora that it may also name."""
    path = Path(given)
    if given == "" or not path.exists():
        raise InputError(
            f"{option} must be {''.join(f'{name}, ' for name in names)}a text file, also as .gz or .xz, a folder of "
            f"text files, or {_TABLE}; {given!r} is not there{nearest(given, names)}"
        )
    if is_table(path) and not path.is_dir():
        texts = texts_of_table(path, text)
    else:
        _refuse_column(given, text)
        texts = _folder(path) if path.is_dir() else [plain.read(path)]
    if not any(map(str.strip, texts)):
        raise InputError(f"{given} has no text: it is empty or blank.")
    return texts


def _folder(root: Path) -> list[str]:
    files, progress = folders.all_files(root), Progress()
    texts = []
    for file in files:
        texts.append(plain.read(file))
        if progress.due():
            say(f"{len(texts):,} of {len(files):,} texts of {root} are read.")
    return texts
