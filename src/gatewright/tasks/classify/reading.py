"""Labelled texts from where a user has them: a named set, a table, or text files by class."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from gatewright.data import folders, public
from gatewright.data.tables import TABLES, Rows, Wanted, as_name, kind_of, place_of, refuse_missing, untyped
from gatewright.support.errors import InputError, nearest

# The set `adding` has no texts and is read elsewhere; it is here to be named to the user.
_NAMED_SETS = ("adding", "imdb")
_ARCHIVES = (".tar.gz", ".tgz")
_LABEL_NAMES = {0: "negative", 1: "positive"}
# Letters of a field that is refused.
_SHOWN = 40


class Labelled(NamedTuple):
    """Texts, and the label of each."""

    texts: list[str]
    labels: list[str]


class SeveralLabelled(NamedTuple):
    """Texts, and any number of labels for each, none of them twice.

    Attributes:
        texts, labels: of each row.
        columns: where each label has a column that says yes or no, these; else empty.
    """

    texts: list[str]
    labels: list[tuple[str, ...]]
    columns: tuple[str, ...]


AnyLabelled = Labelled | SeveralLabelled


class Source(NamedTuple):
    """A data set.

    Attributes:
        name: for a reader.
        train: rows.
        test: None where the source has no test part; else it has as many labels a text as `train`.
        neighbours: what rows that stand beside one another in `train` have in common; empty where that is nothing.
    """

    name: str
    train: AnyLabelled
    test: AnyLabelled | None
    neighbours: str = ""


def read_labelled(
    data: str,
    text: str | None = None,
    label: str | None = None,
    test: str | None = None,
    label_separator: str | None = None,
) -> Source:
    """The texts and labels of `data`, in an order that is always the same.

    Args:
        data: `imdb`; a file .csv, .tsv, .parquet, .jsonl or .ndjson; a folder with a folder of text files for each
            class, or with train/ and test/ of this form; a .tar.gz or .tgz archive of such a folder.
        text, label: a table's columns; `text` and `label` if not given. Of several columns of texts, with commas
            between, a row's texts are joined by line breaks.
        test: a file, folder or archive of test rows, for data without a test part.
        label_separator: what stands between the labels of a field.

    A label becomes a string: whole numbers without decimals, truth values `true` and `false`. A text may be empty;
    a text or label may not be missing. A text has any number of labels where `label` names several columns, with commas
    between, that hold 0 or 1, or true or false; where the column holds lists of strings; and with `label_separator`.

    Raises:
        InputError: the data can't be read or used.
    """
    if label_separator is not None and (not isinstance(label_separator, str) or not label_separator):
        raise InputError(f"--label-separator must be a text of one letter or more, not {label_separator!r}.")
    wanted = Wanted(text, label, label_separator)
    try:
        if data in _NAMED_SETS:
            _refuse_columns(data, wanted)
            source = _named(data)
        else:
            source = _from_path(data, wanted, "DATA", _NAMED_SETS)
        if test is None:
            return source
        if source.test is not None:
            raise InputError(f"{data} has a test part of its own: leave --test {test} out.")
        rows = _from_path(test, wanted, "--test", ())
        if rows.test is not None:
            raise InputError(f"--test {test} has a training and a test part: name the folder of the test part alone.")
    except (ImportError, OSError) as error:
        raise InputError(str(error)) from None
    require_alike(source.train, data, rows.train, test)
    return source._replace(test=rows.train)


def require_alike(train: AnyLabelled, data: str, other: AnyLabelled, given: str) -> None:
    """Check that rows have one label each where the training rows have, and lists of them else.

    Raises:
        InputError: they do not.
    """
    if type(train) is not type(other):
        one, several = (data, given) if isinstance(train, Labelled) else (given, data)
        raise InputError(f"{several} has lists of labels, and {one} has one label for each text: give both alike.")


def names_of(rows: AnyLabelled) -> set[str]:
    """The labels that occur."""
    if isinstance(rows, Labelled):
        return set(rows.labels)
    return {label for labels in rows.labels for label in labels}


def _named(name: str) -> Source:
    if name != "imdb":
        raise InputError(f"{name!r} is a data set without texts: choose 'imdb' or a file or folder of labelled texts.")
    return Source(name, _reviews("train"), _reviews("test"), neighbours="are of one film")


def _reviews(part: str) -> Labelled:
    texts, labels = public.imdb(part)
    if unknown := set(labels.tolist()) - set(_LABEL_NAMES):
        raise InputError(f"the labels of imdb must be 0 and 1, and its {part} part has {min(unknown)}: mend it.")
    return Labelled(texts, [_LABEL_NAMES[one] for one in labels.tolist()])


def _from_path(given: str, wanted: Wanted, option: str, named: Sequence[str]) -> Source:
    """`option` is what the user knows `given` by, and `named` are the sets that it may also name."""
    path = Path(given)
    is_archive = path.name.lower().endswith(_ARCHIVES)
    suffix = path.suffix.lower()
    known = is_archive or suffix in TABLES
    is_there = given != "" and path.exists()  # Path("") is the working folder
    if not is_there or not (path.is_dir() or known):
        fault = "can't be read as one" if is_there else "is not there"
        raise InputError(
            f"{option} must be {''.join(f'{name}, ' for name in named)}a file .csv, .tsv, .parquet, .jsonl or .ndjson, "
            f"a folder of text files by class, or a .tar.gz of one; {given!r} {fault}{nearest(given, named)}"
        )
    name = os.path.basename(os.path.abspath(path))
    if path.is_dir() or is_archive:
        _refuse_columns(given, wanted)
        return _from_tree(name, folders.open_folder(path) if path.is_dir() else folders.open_archive(path))
    return Source(name, _checked(path, TABLES[suffix](path, wanted), wanted.separator), None)


def _refuse_columns(data: str, wanted: Wanted) -> None:
    if wanted.text is not None or wanted.label is not None:
        raise InputError(f"--text and --label name the columns of a table, which {data} is not: leave them out.")
    if wanted.separator is not None:
        raise InputError(f"--label-separator is for a column of a table, which {data} is not: leave it out.")


def _from_tree(name: str, tree: folders.Tree) -> Source:
    parts = {}
    for part in tree.parts:
        rows = folders.rows(tree, part)
        parts[part] = Labelled([row.text for row in rows], [row.label for row in rows])
    return Source(name, parts["train"], parts["test"]) if "train" in parts else Source(name, parts[""], None)


def _checked(path: Path, rows: Rows, separator: str | None) -> AnyLabelled:
    """The rows with nothing missing, labels as strings."""
    if not rows.texts:
        raise InputError(f"{path} has no rows: a row is a text and its label.")
    if len(rows.columns.labels) > 1:
        labels = _told_by_columns(path, rows)
        return SeveralLabelled(_checked_texts(path, rows), labels, rows.columns.labels)
    if separator is not None:
        labels = _separated(path, rows, separator)
        return SeveralLabelled(_checked_texts(path, rows), labels, ())
    if any(isinstance(field, list) for field in rows.labels):
        labels = _lists(path, rows)
        return SeveralLabelled(_checked_texts(path, rows), labels, ())
    names = [as_name(label) for label in rows.labels]
    refuse_missing(path, "label", [name is None for name in names], rows.lines)
    return Labelled(_checked_texts(path, rows), [str(name) for name in names])


def _checked_texts(path: Path, rows: Rows) -> list[str]:
    refuse_missing(path, "text", [not isinstance(text, str) for text in rows.texts], rows.lines)
    return [str(text) for text in rows.texts]


def _told_by_columns(path: Path, rows: Rows) -> list[tuple[str, ...]]:
    """Of each row the columns that say yes."""
    listed = []
    for place, fields in enumerate(rows.labels):
        said = [_truth(field) for field in fields]
        if None in said:
            column = said.index(None)
            raise InputError(
                f"{place_of(path, rows.lines, place)}: {rows.columns.labels[column]!r} is {_cut(fields[column])}; one "
                "of several columns of labels must hold 0 or 1, or true or false: mend it, or name the columns that do."
            )
        listed.append(tuple(name for name, truth in zip(rows.columns.labels, said, strict=True) if truth))
    return listed


def _truth(field: object) -> bool | None:
    """Yes or no; None if a field says neither."""
    name = untyped(field) if isinstance(field, str) else as_name(field)
    return {"0": False, "1": True, "false": False, "true": True}.get(name or "")


def _separated(path: Path, rows: Rows, separator: str) -> list[tuple[str, ...]]:
    """The labels of each field, without the spaces round each; where nothing stands, there is none."""
    for place, field in enumerate(rows.labels):
        if isinstance(field, list):
            raise InputError(
                f"{place_of(path, rows.lines, place)}: {rows.columns.labels[0]!r} is a list, which needs no "
                "--label-separator: leave it out."
            )
    fields = [field if isinstance(field, str) else as_name(field) for field in rows.labels]
    refuse_missing(path, "label", [field is None for field in fields], rows.lines)
    listed = [[part.strip() for part in str(field).split(separator)] for field in fields]
    return [tuple(dict.fromkeys(part for part in parts if part)) for parts in listed]


def _lists(path: Path, rows: Rows) -> list[tuple[str, ...]]:
    """The labels of each row of a column of lists."""
    refuse_missing(path, "label", [field is None for field in rows.labels], rows.lines)
    for place, field in enumerate(rows.labels):
        where = f"{place_of(path, rows.lines, place)}: {rows.columns.labels[0]!r}"
        if not isinstance(field, list):
            raise InputError(f"{where} is {kind_of(field)}, and other rows have lists: give each row a list of labels.")
        for label in field:
            if not isinstance(label, str) or not label.strip():
                shown = "an empty string" if isinstance(label, str) else kind_of(label)
                raise InputError(f"{where} is a list with {shown} in it: a list of labels must hold their names alone.")
    return [tuple(dict.fromkeys(field)) for field in rows.labels]


def _cut(field: object) -> str:
    """A field as it is shown in a sentence."""
    shown = repr(field)
    return shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}..."
