"""Read sentences with a tag for each word and, optionally, a label for each sentence.

There are four formats. CoNLL-U is the format of Universal Dependencies, version 2. Column files have a word and its
tags on each line, and a blank line between sentences. Tables have a row for each word or for each sentence.
Slot-filling data is a folder with the files `seq.in`, `seq.out` and `label`, whose lines are the words of a sentence,
their tags and the sentence's label (Goo et al. 2018).
"""

import os
import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from gatewright.data import files, folders, plain, public
from gatewright.data.split import refuse_second
from gatewright.support.errors import InputError, OptionError, as_input_errors, nearest
from gatewright.tasks.tag.column_files import read_columns
from gatewright.tasks.tag.conllu import read_conllu
from gatewright.tasks.tag.sentences import (
    WITHOUT_WORDS,
    ColumnChoice,
    Peculiarity,
    Split,
    Tagged,
    without_language,
)
from gatewright.tasks.tag.tagged_tables import read_tagged_table

NAMED = ("atis", "ewt")
"""The named sets, read from `$GATEWRIGHT_DATA`, which has a folder for each set."""

_CONTENTS = {
    "atis": "train, dev and test, each with seq.in, seq.out and label",
    "ewt": "en_ewt-ud-train.conllu, en_ewt-ud-dev.conllu and en_ewt-ud-test.conllu (or each as .xz or .gz)",
}
# The words in the names of files and folders that identify a split.
_SPLITS = {
    "train": ("train", "training"),
    "validation": ("dev", "valid", "validation", "val", "testa"),  # CoNLL-2003 has eng.testa and eng.testb
    "test": ("test", "testb"),
}
_TABLES_OF_RECORDS = (".parquet", ".json", ".jsonl", ".ndjson")
_DELIMITERS = ",;\t|"
_RECOGNIZED = ColumnChoice()
_ABOUT_DATA = ("readme", "license", "licence")
_SLOT_FILES = ("seq.in", "seq.out", "label")


class TaggedSource(NamedTuple):
    """A data set of tagged sentences. A missing split is None. `notes` are sentences about the data for reports."""

    name: str
    train: Tagged
    validation: Tagged | None = None
    test: Tagged | None = None
    notes: tuple[str, ...] = ()


@as_input_errors()
def read_tagged(
    data: str, columns: ColumnChoice = _RECOGNIZED, validation: str | None = None, test: str | None = None
) -> TaggedSource:
    """Read tagged sentences, and keep their order.

    Args:
        data: `atis` or `ewt`; a .conllu file; a .csv, .tsv, .json, .jsonl or .parquet table; a column file, with any
            other extension; a folder with the files seq.in, seq.out and, if sentences have labels, label; or a folder
            with a file or folder of these kinds for each split, whose names contain train, dev and test (dev and test
            are optional). Files may be compressed (.gz, .xz or .bz2).
        columns: The columns of the words and the tags. For CoNLL-U, the tags are upos (the default), xpos, feats or
            deprel.
        validation, test: A file or folder for a split that `data` does not have.

    Raises:
        InputError: The data cannot be read or used, or only some splits have labels of sentences.
    """
    splits = _read_splits(data, columns, "DATA", NAMED)
    for name, given in (("validation", validation), ("test", test)):
        if given is None:
            continue
        refuse_second(data, name, splits.get(name), given)
        others = _read_splits(given, columns, f"--{name}", ())
        if len(others) > 1:
            raise InputError(f"--{name} {given} has several splits. Name one of them.")
        splits[name] = next(iter(others.values()))
    sentences = {name: split.sentences for name, split in splits.items()}
    for name, own in sentences.items():
        if (own.labels is None) != (sentences["train"].labels is None):
            raise InputError(
                f"Either the training set or the {name} set of {data} has no labels for its sentences. Give labels for "
                "both or for neither."
            )
    name = data if data in NAMED else os.path.basename(os.path.abspath(data))
    return TaggedSource(
        name, sentences["train"], sentences.get("validation"), sentences.get("test"), notes_of(splits.values())
    )


def notes_of(splits: Collection[Split]) -> tuple[str, ...]:
    """Return the notes of all splits, each once, and a note with the total of what they counted."""
    notes = dict.fromkeys(note for split in splits for note in split.notes)
    counted = sum((split.counted for split in splits), Counter[Peculiarity]())
    return (*notes, *(peculiarity.note(count) for peculiarity, count in counted.items()))


def _read_splits(given: str, columns: ColumnChoice, option: str, named: Sequence[str]) -> dict[str, Split]:
    """Return the splits of the data `given`, with their names as keys. A single file is the split "train".

    Args:
        given: A named data set, a file or a folder.
        columns: The columns of the words and the tags.
        option: The option with which the user gave the data, for error messages.
        named: The names of data sets that `given` may be.
    """
    if given in named:
        path = _named_folder(given)
        if given == "atis":
            _refuse_columns(given, columns)
    else:
        path = Path(given)
    if given == "" or not path.exists():
        raise InputError(
            f"{option} must be {''.join(f'{name}, ' for name in named)}a .conllu file, a column file (a word and its "
            "tag on each line), a table, a folder of such files, or a folder with seq.in and seq.out, but "
            f"{given!r} does not exist{nearest(given, named)}"
        )
    if not path.is_dir():
        return {"train": read_file(path, columns)}
    if _has_slot_files(path):
        return {"train": _read_slot_files(path, columns)}
    found = _find_splits(path)
    if "train" not in found:
        raise InputError(
            f"{path} must contain seq.in and seq.out, or files or folders whose names contain train "
            "and, optionally, dev and test. None has train in its name."
        )
    return {
        name: _read_slot_files(place, columns) if place.is_dir() else read_file(place, columns)
        for name, place in found.items()
    }


def _refuse_columns(given: object, columns: ColumnChoice) -> None:
    for flag in columns.given():
        message = f"{flag} names a column of a file, but {given} has no columns. Leave {flag} out."
        raise OptionError(message, flag.removeprefix("--").replace("-", "_"), is_missing=False)


def _named_folder(name: str) -> Path:
    candidates = [root / name for root in public.roots()]
    for path in candidates:
        if path.is_dir():
            return path
    raise public.not_found(name, candidates, _CONTENTS[name], name)


def _has_slot_files(path: Path) -> bool:
    return any((path / name).is_file() for name in _SLOT_FILES[:2])


def _find_splits(root: Path) -> dict[str, Path]:
    """Return the path of the file or subfolder for each split in a folder, with the names of the splits as keys."""
    places = sorted(path for path in root.iterdir() if path.is_dir() and _has_slot_files(path))
    places = places or [path for path in folders.all_files(root) if path.stem.lower() not in _ABOUT_DATA]
    found = _places_of_splits(root, {path: path.name for path in places})
    if "train" in found:
        return found
    return _places_of_splits(root, {path: str(path.relative_to(root).parent) for path in places}) or found


def _places_of_splits(root: Path, places: Mapping[Path, str]) -> dict[str, Path]:
    """Return the place of each split. `places` has the name of each place, in which the words identify the split."""
    found: dict[str, Path] = {}
    for path, name in places.items():
        words = re.split(r"[^a-z]+", name.lower())
        for split, names in _SPLITS.items():
            if not set(names) & set(words):
                continue
            if split in found:
                one, other = (place.relative_to(root) for place in (found[split], path))
                raise InputError(f"{root} has two {split} sets, {one} and {other}. Remove one.")
            found[split] = path
    return found


def read_file(path: Path, columns: ColumnChoice) -> Split:
    """Read the sentences of one file, whose suffix and contents tell the format.

    Raises:
        ImportError: The file is a table, and pyarrow is not installed.
        InputError: The file cannot be read, or has no sentences.
    """
    split = without_language(_read_format(path, columns))
    if not split.sentences.words:
        raise InputError(f"{path} has no sentences: it is empty or blank.")
    return split


def _read_format(path: Path, columns: ColumnChoice) -> Split:
    name = files.inner_name(path)
    if name.endswith(_TABLES_OF_RECORDS):
        return read_tagged_table(path, columns)
    decoded = files.read_text(path)
    lines = decoded.text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if name.endswith(".conllu"):
        split = read_conllu(path, lines, columns)
    else:
        delimiter = _delimiter(lines) if name.endswith(".csv") else ""
        first = next((line for line in lines if line.strip()), "")
        header = columns.is_header(first.split(delimiter or "\t"))
        if name.endswith(".csv" if not header else (".csv", ".tsv")) and not _has_blank_lines(lines):
            return read_tagged_table(path, columns, header or None)
        split = read_columns(path, lines, columns, delimiter)
    return split._replace(notes=(decoded.note, *split.notes)) if decoded.note else split


def _delimiter(lines: Sequence[str]) -> str:
    """Return the delimiter that separates the fields of most lines of a CSV file."""
    return max(_DELIMITERS, key=lambda delimiter: sum(delimiter in line for line in lines))


def _has_blank_lines(lines: Sequence[str]) -> bool:
    """Return True if there is an empty line between other lines, as between sentences."""
    filled = [place for place, line in enumerate(lines) if line.strip()]
    return bool(filled) and len(filled) < filled[-1] - filled[0] + 1


def _read_slot_files(folder: Path, columns: ColumnChoice) -> Split:
    """Read the words in seq.in, the tags in seq.out and, if the file exists, the labels of sentences in label."""
    _refuse_columns(folder, columns)
    lines = _read_lines(folder)
    words, tags = ([line.split() for line in lines[name]] for name in _SLOT_FILES[:2])
    labels = [line.strip() for line in lines["label"]] if "label" in lines else None
    for number, (own, own_tags) in enumerate(zip(words, tags, strict=True), 1):
        if len(own) != len(own_tags):
            raise InputError(
                f"{folder}, line {number} has {len(own)} words in seq.in but {len(own_tags)} tags in seq.out. Give "
                "each word a tag."
            )
        if labels is not None and own and not labels[number - 1]:
            raise InputError(f"{folder}, line {number} has no label. Give each sentence a label.")
    kept = [place for place, own in enumerate(words) if own]
    if not kept:
        raise InputError(f"{folder} has no sentences: its files are empty or blank.")
    counted = Counter({WITHOUT_WORDS: len(words) - len(kept)})
    return Split(Tagged(words, tags, labels).take(kept), counted=counted)


def _read_lines(folder: Path) -> dict[str, list[str]]:
    """Return the lines of each file, with the names of the files as keys. All must have the same number of lines."""
    lines: dict[str, list[str]] = {}
    for name in _SLOT_FILES:
        if not (folder / name).is_file():
            if name == "label":
                break
            raise InputError(f"{folder} has no {name}. It needs both seq.in and seq.out.")
        lines[name] = plain.read(folder / name).removesuffix("\n").split("\n")
        if len(lines[name]) != len(lines["seq.in"]):
            raise InputError(
                f"{folder} has {len(lines['seq.in']):,} lines in seq.in but {len(lines[name]):,} in {name}. Each "
                "sentence needs a line in each file."
            )
    return lines
