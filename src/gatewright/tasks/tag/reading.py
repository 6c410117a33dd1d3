"""Read sentences with a tag for each word and, optionally, a label for each sentence.

There are three formats. CoNLL-U is the format of Universal Dependencies, version 2. Column files have a word and its
tags on each line, and a blank line between sentences (Tjong Kim Sang & De Meulder 2003). Slot-filling data is a folder
with the files `seq.in`, `seq.out` and `label`, whose lines are the words of a sentence, their tags and the sentence's
label (Goo et al. 2018).
"""

import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple, Self

from gatewright.data import folders, plain, public
from gatewright.data.split import refuse_second
from gatewright.support.errors import InputError, as_input_errors, nearest, require_one_of

NAMED = ("atis", "ewt")
"""The named sets, read from `$GATEWRIGHT_DATA`, which has a folder for each set."""

COLUMNS = {"upos": 3, "xpos": 4, "feats": 5, "deprel": 7}
"""The positions of the CoNLL-U columns that can be the tags."""

_CONTENTS = {
    "atis": "train, dev and test, each with seq.in, seq.out and label",
    "ewt": "en_ewt-ud-train.conllu, en_ewt-ud-dev.conllu and en_ewt-ud-test.conllu (or each as .xz or .gz)",
}
_FIELDS = 10
_FORM = 1
_WORD = re.compile(r"[1-9][0-9]*")
_RANGE_OR_EMPTY = re.compile(r"[0-9]+[-.][0-9]+")
_DOCUMENT_START = "-DOCSTART-"
# The words in the names of files and folders that identify a split.
_SPLITS = {"train": ("train", "training"), "validation": ("dev", "valid", "validation", "val"), "test": ("test",)}
_SLOT_FILES = ("seq.in", "seq.out", "label")


class Tagged(NamedTuple):
    """Sentences: their words, a tag for each word, and a label for each sentence (None if sentences have no labels)."""

    words: list[list[str]]
    tags: list[list[str]]
    labels: list[str] | None = None

    @property
    def texts(self) -> list[str]:
        """The sentences as strings, with spaces between words."""
        return [" ".join(words) for words in self.words]

    def take(self, places: Sequence[int]) -> Self:
        """Return the sentences at the given positions, in that order."""
        return self._replace(
            words=[self.words[place] for place in places],
            tags=[self.tags[place] for place in places],
            labels=None if self.labels is None else [self.labels[place] for place in places],
        )


class TaggedSource(NamedTuple):
    """A data set of tagged sentences. A missing split is None. `notes` are sentences about the data for reports."""

    name: str
    train: Tagged
    validation: Tagged | None = None
    test: Tagged | None = None
    notes: tuple[str, ...] = ()


class _Split(NamedTuple):
    sentences: Tagged
    empty_lines: int = 0


@as_input_errors()
def read_tagged(
    data: str, column: str | None = None, validation: str | None = None, test: str | None = None
) -> TaggedSource:
    """Read tagged sentences, and keep their order.

    Args:
        data: `atis` or `ewt`; a .conllu file; a column file, with any other extension; a folder with the files
            seq.in, seq.out and, if sentences have labels, label; or a folder with a file or folder of these kinds for
            each split, whose names contain train, dev and test (dev and test are optional). Files may be compressed
            (.gz or .xz).
        column: The column that has the tags. For CoNLL-U: upos (the default), xpos, feats or deprel. For column files:
            a number of 2 or more (by default, the last column).
        validation, test: A file or folder for a split that `data` does not have.

    Raises:
        InputError: The data cannot be read or used, or only some splits have labels of sentences.
    """
    splits = _read_splits(data, column, "DATA", NAMED)
    for name, given in (("validation", validation), ("test", test)):
        if given is None:
            continue
        refuse_second(data, name, splits.get(name), given)
        others = _read_splits(given, column, f"--{name}", ())
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
    empty = sum(split.empty_lines for split in splits.values())
    notes = (f"{empty:,} sentences without a word were left out.",) if empty else ()
    name = data if data in NAMED else os.path.basename(os.path.abspath(data))
    return TaggedSource(name, sentences["train"], sentences.get("validation"), sentences.get("test"), notes)


def _read_splits(given: str, column: str | None, option: str, named: Sequence[str]) -> dict[str, _Split]:
    """Return the splits of the data `given`, with their names as keys. A single file is the split "train".

    Args:
        given: A named data set, a file or a folder.
        column: The column that has the tags.
        option: The option with which the user gave the data, for error messages.
        named: The names of data sets that `given` may be.
    """
    if given in named:
        path = _named_folder(given)
        if column is not None and given == "atis":
            raise _no_columns(given)
    else:
        path = Path(given)
    if given == "" or not path.exists():
        raise InputError(
            f"{option} must be {''.join(f'{name}, ' for name in named)}a .conllu file, a column file (a word and its "
            f"tag on each line), a folder of such files, or a folder with seq.in and seq.out, but {given!r} does not "
            f"exist{nearest(given, named)}"
        )
    if not path.is_dir():
        return {"train": _read_file(path, column)}
    if _has_slot_files(path):
        return {"train": _read_slot_files(path, column)}
    found = _find_splits(path)
    if "train" not in found:
        raise InputError(
            f"{path} must contain seq.in and seq.out, or files or folders whose names contain train "
            "and, optionally, dev and test. None has train in its name."
        )
    return {
        name: _read_slot_files(place, column) if place.is_dir() else _read_file(place, column)
        for name, place in found.items()
    }


def _no_columns(given: object) -> InputError:
    return InputError(f"--column names a column of a file, but {given} has no columns. Leave --column out.")


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
    places = places or folders.all_files(root)
    found: dict[str, Path] = {}
    for path in places:
        words = re.split(r"[^a-z]+", path.name.lower())
        for split, names in _SPLITS.items():
            if not set(names) & set(words):
                continue
            if split in found:
                raise InputError(f"{root} has two {split} sets, {found[split].name} and {path.name}. Remove one.")
            found[split] = path
    return found


def _read_file(path: Path, column: str | None) -> _Split:
    inner = path.stem if path.suffix.lower() in plain.COMPRESSED else path.name
    text = plain.read_any(path)
    parse = _parse_conllu if inner.lower().endswith(".conllu") else _parse_columns
    sentences = parse(path, text.split("\n"), column)
    if not sentences.words:
        raise InputError(f"{path} has no sentences: it is empty or blank.")
    return _Split(sentences)


def _parse_conllu(path: Path, lines: Sequence[str], column: str | None) -> Tagged:
    """Return the sentences of a CoNLL-U file, with tags from `column`. Multiword tokens and empty nodes are skipped."""
    name = column or "upos"
    require_one_of("--column of a .conllu file", name, tuple(COLUMNS))

    def parse(number: int, line: str) -> tuple[str, str] | None:
        fields = line.split("\t")
        if len(fields) != _FIELDS:
            raise InputError(
                f"{path}, line {number} has {len(fields)} fields, but a line of CoNLL-U has {_FIELDS} fields separated "
                "by tabs. Fix the line, or rename the file if it is a column file."
            )
        if _RANGE_OR_EMPTY.fullmatch(fields[0]):
            return None
        if not _WORD.fullmatch(fields[0]) or not fields[_FORM]:
            raise InputError(f"{path}, line {number} does not start with a number and a word. Fix the line.")
        return fields[_FORM], fields[COLUMNS[name]] or "_"

    sentences = _parse_sentences(lines, parse, skip=lambda line: line.startswith("#"))
    # _ stands for an unknown value, but in feats for a word without features.
    if name != "feats" and not any(tag != "_" for tags in sentences.tags for tag in tags) and sentences.tags:
        raise InputError(f"{path} has no {name}: every field of that column is _. Choose another --column.")
    return sentences


def _parse_columns(path: Path, lines: Sequence[str], column: str | None) -> Tagged:
    """Return the sentences of a column file. The words are in the first column, and the tags are in `column`."""
    if column is not None and not (column.isascii() and column.isdigit() and 2 <= int(column) < 1_000_000):
        raise InputError(
            f"--column of a file that is not .conllu must be the number of a column, 2 or more, not {column!r}. The "
            "words are column 1."
        )
    width: int | None = None

    def parse(number: int, line: str) -> tuple[str, str]:
        nonlocal width
        fields = [field.strip() for field in line.split("\t")] if "\t" in line else line.split()
        place = len(fields) if column is None else int(column)
        if len(fields) < 2 or place > len(fields) or (width is not None and len(fields) != width):
            wanted = f"{width} as the other lines" if width is not None else f"{max(2, place)}, a word and its tags"
            raise InputError(
                f"{path}, line {number} has {len(fields)} column{'' if len(fields) == 1 else 's'}, not {wanted}. Fix "
                "the line, or choose another --column."
            )
        width = len(fields)
        if not fields[0] or not fields[place - 1]:
            raise InputError(f"{path}, line {number} has an empty column. Give each word a tag.")
        return fields[0], fields[place - 1]

    return _parse_sentences(lines, parse, skip=lambda line: line.startswith(_DOCUMENT_START))


def _parse_sentences(
    lines: Sequence[str], parse: Callable[[int, str], tuple[str, str] | None], skip: Callable[[str], bool]
) -> Tagged:
    """Return the sentences in a file whose sentences are separated by blank lines.

    Args:
        lines: The lines of the file.
        parse: A function of a line's number and text that returns a word and its tag, or None if there is no word.
        skip: A function that returns True for lines to ignore, such as comments.
    """
    sentences = Tagged([[]], [[]])
    for number, content in enumerate(lines, 1):
        line = content.removeprefix("\ufeff")  # a byte-order mark, which joined files have in the middle
        if skip(line):
            continue
        if not line.strip():
            sentences.words.append([])
            sentences.tags.append([])
        elif (found := parse(number, line)) is not None:
            sentences.words[-1].append(found[0])
            sentences.tags[-1].append(found[1])
    return sentences.take([place for place, words in enumerate(sentences.words) if words])


def _read_slot_files(folder: Path, column: str | None) -> _Split:
    """Read the words in seq.in, the tags in seq.out and, if the file exists, the labels of sentences in label."""
    if column is not None:
        raise _no_columns(folder)
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
    return _Split(Tagged(words, tags, labels).take(kept), len(words) - len(kept))


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
