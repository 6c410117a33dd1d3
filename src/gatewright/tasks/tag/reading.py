"""Sentences with a tag for each word, and perhaps a label for each: CoNLL-U, columns, and slots with intents.

CoNLL-U: Universal Dependencies' format, version 2. Columns: a word and its tags on each line, a blank line between
sentences (Tjong Kim Sang & De Meulder 2003). Slots with intents: a folder with `seq.in`, `seq.out` and `label`, line by
line the words of a sentence, their tags and the sentence's label (Goo et al. 2018).
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from gatewright.data import folders, plain, public
from gatewright.support.errors import InputError, nearest, require_one_of

NAMED = ("atis", "ewt")
"""Named sets, read from `$GATEWRIGHT_DATA` (one folder a set)."""

COLUMNS = {"upos": 3, "xpos": 4, "feats": 5, "deprel": 7}
"""The columns of CoNLL-U that hold tags, by name."""

_REMEDIES = {
    "atis": "train, dev and test, each with seq.in, seq.out and label",
    "ewt": "en_ewt-ud-train.conllu, en_ewt-ud-dev.conllu and en_ewt-ud-test.conllu (or each as .xz or .gz)",
}
_FIELDS = 10
_FORM = 1
_WORD = re.compile(r"[1-9][0-9]*")
_RANGE_OR_EMPTY = re.compile(r"[0-9]+[-.][0-9]+")
_BEGINS_A_DOCUMENT = "-DOCSTART-"
# The names of parts, in files' and folders' names, as words of their own.
_PARTS = {"train": ("train", "training"), "validation": ("dev", "valid", "validation", "val"), "test": ("test",)}
_LINES = ("seq.in", "seq.out", "label")


class Tagged(NamedTuple):
    """Sentences: words and tags of each, as many of the one as of the other; labels are None where there are none."""

    words: list[list[str]]
    tags: list[list[str]]
    labels: list[str] | None = None

    def take(self, places: Sequence[int]) -> Tagged:
        """The given sentences, in the given order."""
        labels = None if self.labels is None else [self.labels[place] for place in places]
        return Tagged([self.words[place] for place in places], [self.tags[place] for place in places], labels)


class TaggedSource(NamedTuple):
    """A data set; a part is None where it has none, and `notes` are sentences for its reader."""

    name: str
    train: Tagged
    validation: Tagged | None = None
    test: Tagged | None = None
    notes: tuple[str, ...] = ()


class _Part(NamedTuple):
    rows: Tagged
    empty: int = 0


def read_tagged(
    data: str, column: str | None = None, validation: str | None = None, test: str | None = None
) -> TaggedSource:
    """Tagged sentences, in the order in which they stand.

    Args:
        data: `atis` or `ewt`; a file .conllu, or one of columns with any other name, each also as .gz or .xz; a folder
            with seq.in and seq.out, and label if sentences have one; a folder of such files or folders with train, and
            perhaps dev and test, in their names.
        column: of CoNLL-U upos (if not given), xpos, feats or deprel; of columns the number of that of the tags, from 2
            on, the last if not given.
        validation, test: a file or folder for a part that `data` does not have.

    Raises:
        InputError: the data can't be read or used; of two parts one has labels for its sentences, the other none.
    """
    try:
        parts = _parts(data, column, "DATA", NAMED)
        for part, given in (("validation", validation), ("test", test)):
            if given is None:
                continue
            if part in parts:
                raise InputError(f"{data} has a {part} part of its own: leave --{part} {given} out.")
            others = _parts(given, column, f"--{part}", ())
            if len(others) > 1:
                raise InputError(f"--{part} {given} has several parts: name the one that is meant.")
            parts[part] = next(iter(others.values()))
    except (ImportError, OSError) as error:
        raise InputError(str(error)) from None
    rows = {name: part.rows for name, part in parts.items()}
    for name, own in rows.items():
        if (own.labels is None) != (rows["train"].labels is None):
            raise InputError(
                f"of {data} and its {name} part one has a label for each sentence and the other none: give both alike."
            )
    empty = sum(part.empty for part in parts.values())
    notes = (f"{empty:,} sentences without a word were left out.",) if empty else ()
    name = data if data in NAMED else os.path.basename(os.path.abspath(data))
    return TaggedSource(name, rows["train"], rows.get("validation"), rows.get("test"), notes)


def _parts(given: str, column: str | None, option: str, named: Sequence[str]) -> dict[str, _Part]:
    """The parts by name; one alone is "train". `option` is what the user knows `given` by."""
    if given in named:
        path = _folder_of(given)
        if column is not None and given == "atis":
            raise InputError(f"--column names a column of a file, and {given} has none: leave it out.")
    else:
        path = Path(given)
    if given == "" or not path.exists():
        raise InputError(
            f"{option} must be {''.join(f'{name}, ' for name in named)}a .conllu file, one of columns (a word and its "
            f"tag on each line), or a folder of these or of seq.in and seq.out; {given!r} is not "
            f"there{nearest(given, named)}"
        )
    if not path.is_dir():
        return {"train": _file(path, column)}
    if _is_of_lines(path):
        return {"train": _lines(path, column)}
    found = _divided(path)
    if "train" not in found:
        raise InputError(
            f"{path} must hold seq.in and seq.out, or files or folders with train, and perhaps dev and test, in their "
            "names; none has train in its name."
        )
    return {name: _lines(place, column) if place.is_dir() else _file(place, column) for name, place in found.items()}


def _folder_of(name: str) -> Path:
    """The folder of a named set.

    Raises:
        InputError: it is not there.
    """
    for root in public.roots():
        if (path := root / name).is_dir():
            return path
    roots = public.roots()
    why = f"{roots[0] / name} is not there" if roots else "GATEWRIGHT_DATA is not set"
    raise InputError(
        f"{name} is not downloaded, and {why}: put {_REMEDIES[name]} into a folder {name} and set GATEWRIGHT_DATA to "
        "the folder that holds it."
    )


def _is_of_lines(path: Path) -> bool:
    return any((path / name).is_file() for name in _LINES[:2])


def _divided(root: Path) -> dict[str, Path]:
    """The file, or folder of lines, of each part that a folder has."""
    places = sorted(path for path in root.iterdir() if path.is_dir() and _is_of_lines(path))
    places = places or folders.all_files(root)
    found: dict[str, Path] = {}
    for path in places:
        words = re.split(r"[^a-z]+", path.name.lower())
        for part, names in _PARTS.items():
            if not set(names) & set(words):
                continue
            if part in found:
                raise InputError(f"{root} has two {part} parts, {found[part].name} and {path.name}: leave one there.")
            found[part] = path
    return found


def _file(path: Path, column: str | None) -> _Part:
    inner = path.stem if path.suffix.lower() in plain.COMPRESSED else path.name
    text = plain.read_any(path)
    rows = (_conllu if inner.lower().endswith(".conllu") else _columns)(path, text.split("\n"), column)
    if not rows.words:
        raise InputError(f"{path} has no sentence: it is empty or blank.")
    return _Part(rows)


def _conllu(path: Path, lines: Sequence[str], column: str | None) -> Tagged:
    """The words of CoNLL-U with one of their columns; ranges of words written as one, and empty nodes, are skipped."""
    name = column or "upos"
    require_one_of("--column of a .conllu file", name, tuple(COLUMNS))

    def word(number: int, line: str) -> tuple[str, str] | None:
        fields = line.split("\t")
        if len(fields) != _FIELDS:
            raise InputError(
                f"{path}, line {number} has {len(fields)} fields, and a line of CoNLL-U has {_FIELDS} with tabs "
                "between: mend it, or name a file of columns otherwise than .conllu."
            )
        if _RANGE_OR_EMPTY.fullmatch(fields[0]):
            return None
        if not _WORD.fullmatch(fields[0]) or not fields[_FORM]:
            raise InputError(f"{path}, line {number} has no number and word at its beginning: mend it.")
        return fields[_FORM], fields[COLUMNS[name]] or "_"

    rows = _sentences(lines, word, skipped=lambda line: line.startswith("#"))
    # What is not known is _; of feats that is a word without any.
    if name != "feats" and not any(tag != "_" for tags in rows.tags for tag in tags) and rows.tags:
        raise InputError(f"{path} has no {name}, its column is _ throughout: choose another --column.")
    return rows


def _columns(path: Path, lines: Sequence[str], column: str | None) -> Tagged:
    """The words of the first column with the tags of another."""
    if column is not None and not (column.isascii() and column.isdigit() and 2 <= int(column) < 1_000_000):
        raise InputError(
            f"--column of a file that is not .conllu must be the number of a column from 2 on, not {column!r}: the "
            "words are column 1."
        )
    width: int | None = None

    def word(number: int, line: str) -> tuple[str, str]:
        nonlocal width
        fields = [field.strip() for field in line.split("\t")] if "\t" in line else line.split()
        place = len(fields) if column is None else int(column)
        if len(fields) < 2 or place > len(fields) or (width is not None and len(fields) != width):
            wanted = f"{width} as the others" if width is not None else f"{max(2, place)}, a word and its tags"
            raise InputError(
                f"{path}, line {number} has {len(fields)} column{'' if len(fields) == 1 else 's'}, not {wanted}: mend "
                "it, or choose another --column."
            )
        width = len(fields)
        if not fields[0] or not fields[place - 1]:
            raise InputError(f"{path}, line {number} has an empty column: give each word a tag.")
        return fields[0], fields[place - 1]

    return _sentences(lines, word, skipped=lambda line: line.startswith(_BEGINS_A_DOCUMENT))


def _sentences(
    lines: Sequence[str], word: Callable[[int, str], tuple[str, str] | None], skipped: Callable[[str], bool]
) -> Tagged:
    """Sentences with blank lines between; `word` is told a line's number and the line."""
    rows = Tagged([[]], [[]])
    for number, whole in enumerate(lines, 1):
        line = whole.removeprefix("\ufeff")  # the mark of a file's beginning, within files that were joined
        if skipped(line):
            continue
        if not line.strip():
            rows.words.append([])
            rows.tags.append([])
        elif (found := word(number, line)) is not None:
            rows.words[-1].append(found[0])
            rows.tags[-1].append(found[1])
    return rows.take([place for place, words in enumerate(rows.words) if words])


def _lines(folder: Path, column: str | None) -> _Part:
    """The sentences of seq.in and seq.out, and of label where it is there."""
    if column is not None:
        raise InputError(f"--column names a column of a file, and {folder} has none: leave it out.")
    names = [name for name in _LINES if name != "label" or (folder / name).is_file()]
    texts = {}
    for name in names:
        if not (folder / name).is_file():
            raise InputError(f"{folder} has no {name}: it must stand beside the other file, line by line.")
        texts[name] = plain.read(folder / name).removesuffix("\n").split("\n")
        if len(texts[name]) != len(texts["seq.in"]):
            raise InputError(
                f"{folder} has {len(texts['seq.in']):,} lines in seq.in and {len(texts[name]):,} in {name}: each "
                "sentence has one in each."
            )
    words, tags = ([line.split() for line in texts[name]] for name in _LINES[:2])
    labels = [line.strip() for line in texts["label"]] if "label" in texts else None
    for place, (one, other) in enumerate(zip(words, tags, strict=True)):
        if len(one) != len(other):
            raise InputError(
                f"{folder}, line {place + 1} has {len(one)} words in seq.in and {len(other)} tags in seq.out: give "
                "each word one."
            )
        if labels is not None and one and not labels[place]:
            raise InputError(f"{folder}, line {place + 1} has no label: give each sentence one.")
    kept = [place for place, one in enumerate(words) if one]
    if not kept:
        raise InputError(f"{folder} has no sentence: its files are empty or blank.")
    return _Part(Tagged(words, tags, labels).take(kept), len(words) - len(kept))
