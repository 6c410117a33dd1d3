"""Read labelled texts from a named data set, a table, or a folder with a subfolder of text files for each class."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Self

from gatewright.data import folders, public
from gatewright.data.json_tables import json_type
from gatewright.data.split import refuse_second
from gatewright.data.tables import is_table, row_location
from gatewright.data.text_tables import (
    ColumnOptions,
    Rows,
    label_name,
    label_of_field,
    read_rows,
    require_all,
    require_texts,
)
from gatewright.support.errors import InputError, as_input_errors, nearest

# `adding` has no texts and is read elsewhere, but error messages list it as a choice.
_NAMED_SETS = ("adding", "imdb")
_ARCHIVES = (".tar.gz", ".tgz")
_LABEL_NAMES = {0: "negative", 1: "positive"}
# Largest number of characters of a field that an error message shows.
_MAX_SHOWN = 40


class Labelled(NamedTuple):
    """Texts with one label each."""

    texts: list[str]
    labels: list[str]

    def take(self, places: Sequence[int]) -> Self:
        """Return the texts at the indices `places`, in that order, with their labels."""
        return self._replace(
            texts=[self.texts[place] for place in places], labels=[self.labels[place] for place in places]
        )


class SeveralLabelled(NamedTuple):
    """Texts with any number of distinct labels each.

    Attributes:
        texts: The texts.
        labels: A tuple of labels for each text, which may be empty.
        columns: The names of the label columns if the table has a column of 0 and 1 for each label; otherwise empty.
    """

    texts: list[str]
    labels: list[tuple[str, ...]]
    columns: tuple[str, ...]

    def take(self, places: Sequence[int]) -> Self:
        """Return the texts at the indices `places`, in that order, with their labels."""
        return self._replace(
            texts=[self.texts[place] for place in places], labels=[self.labels[place] for place in places]
        )


AnyLabelled = Labelled | SeveralLabelled


class Source(NamedTuple):
    """The training set and the test set of a labelled data set.

    Attributes:
        name: The name shown to the user.
        train: The training set.
        test: The test set, with labels of the same kind as `train`; None if the source has no test set.
        neighbours: The end of a sentence that begins "Neighboring texts of NAME", such as "are of one film". Empty if
            neighboring texts of `train` are not related.
    """

    name: str
    train: AnyLabelled
    test: AnyLabelled | None
    neighbours: str = ""


@as_input_errors()
def read_labelled(
    data: str,
    text: str | None = None,
    label: str | None = None,
    test: str | None = None,
    label_separator: str | None = None,
) -> Source:
    """Read the training set and the test set of a labelled data set, always in the same order.

    Args:
        data: `imdb`; a .csv, .tsv, .parquet, .jsonl or .ndjson file; a folder with a subfolder of text files for each
            class; a folder with two such folders, train/ and test/; or a .tar.gz or .tgz archive of such a folder.
        text, label: The names of the text column and the label column, by default `text` and `label`. If `text` names
            several columns, separated by commas, their texts are joined by line breaks.
        test: A file, folder or archive with the test set. Only if `data` has no test set.
        label_separator: The separator between several labels in a field of the label column, such as ";".

    Labels are converted to strings: whole numbers without decimals, Boolean values to `true` and `false`. A text may be
    empty, but no text or label may be missing.

    A text can have any number of labels in three cases: `label` names several columns, separated by commas, that
    contain 0 and 1 or true and false; the label column contains lists of strings; or `label_separator` is given.

    Raises:
        InputError: The data cannot be read or used.
    """
    if label_separator is not None and (not isinstance(label_separator, str) or not label_separator):
        raise InputError(f"--label-separator must be a text of one character or more, not {label_separator!r}.")
    wanted = ColumnOptions(text, label, label_separator)
    if data in _NAMED_SETS:
        _refuse_columns(data, wanted)
        source = _read_named(data)
    else:
        source = _read_path(data, wanted, "DATA", _NAMED_SETS)
    if test is None:
        return source
    refuse_second(data, "test", source.test, test)
    other = _read_path(test, wanted, "--test", ())
    if other.test is not None:
        raise InputError(f"--test {test} has a training and a test set. Give the folder of the test set alone.")
    require_same_kind(source.train, data, other.train, test)
    return source._replace(test=other.train)


def require_same_kind(train: AnyLabelled, data: str, other: AnyLabelled, given: str) -> None:
    """Raise an error if one split has one label for each text, and the other has lists of labels.

    Args:
        train, other: The two splits.
        data, given: The file names of `train` and `other`, for the error message.

    Raises:
        InputError: The two splits differ in this way.
    """
    if type(train) is not type(other):
        single, several = (data, given) if isinstance(train, Labelled) else (given, data)
        raise InputError(
            f"{several} has lists of labels, but {single} has one label for each text. Use one of the two in both."
        )


def distinct_labels(examples: AnyLabelled) -> set[str]:
    """Return the set of all labels that occur in the examples."""
    if isinstance(examples, Labelled):
        return set(examples.labels)
    return {label for labels in examples.labels for label in labels}


def _read_named(name: str) -> Source:
    if name != "imdb":
        raise InputError(f"The data set {name!r} has no texts. Choose 'imdb' or a file or folder of labelled texts.")
    return Source(name, _read_reviews("train"), _read_reviews("test"), neighbours="are of one film")


def _read_reviews(split: str) -> Labelled:
    texts, labels = public.imdb(split)
    if unknown := set(labels.tolist()) - set(_LABEL_NAMES):
        raise InputError(
            f"The labels of imdb must be 0 and 1, but its {split} set has the label {min(unknown)}. Download it again."
        )
    return Labelled(texts, [_LABEL_NAMES[label] for label in labels.tolist()])


def _read_path(given: str, wanted: ColumnOptions, option: str, named: Sequence[str]) -> Source:
    """Read labelled texts from a file, folder or archive.

    Args:
        given: The path.
        wanted: The text and label columns of a table, and how to read them.
        option: The option with which the path was given, for error messages.
        named: The named data sets that the option also accepts, for error messages.
    """
    path = Path(given)
    is_archive = path.name.lower().endswith(_ARCHIVES)
    exists = given != "" and path.exists()  # Path("") is the working folder
    if not exists or not (path.is_dir() or is_archive or is_table(path)):
        problem = "has another format" if exists else "does not exist"
        raise InputError(
            f"{option} must be {''.join(f'{name}, ' for name in named)}a .csv, .tsv, .parquet, .jsonl or .ndjson file, "
            f"a folder with a subfolder of text files for each class, or a .tar.gz archive of one, "
            f"but {given!r} {problem}{nearest(given, named)}"
        )
    name = os.path.basename(os.path.abspath(path))
    if path.is_dir() or is_archive:
        _refuse_columns(given, wanted)
        return _read_tree(name, folders.open_folder(path) if path.is_dir() else folders.open_archive(path))
    return Source(name, _labelled_rows(path, read_rows(path, wanted), wanted.separator), None)


def _refuse_columns(data: str, wanted: ColumnOptions) -> None:
    if wanted.text is not None or wanted.label is not None:
        raise InputError(f"--text and --label name the columns of a table, but {data} is not a table. Leave them out.")
    if wanted.separator is not None:
        raise InputError(f"--label-separator is for a column of a table, but {data} is not a table. Leave it out.")


def _read_tree(name: str, tree: folders.Tree) -> Source:
    splits = {}
    for split in tree.splits:
        texts = folders.read_split(tree, split)
        splits[split] = Labelled([text.text for text in texts], [text.label for text in texts])
    return Source(name, splits["train"], splits["test"]) if "train" in splits else Source(name, splits[""], None)


def _labelled_rows(path: Path, rows: Rows, separator: str | None) -> AnyLabelled:
    """Return the texts and labels in the rows of a table. Raise an error if a text or label is missing."""
    if not rows.texts:
        raise InputError(f"{path} has no rows. Add a row for each text and its label.")
    if len(rows.columns.labels) > 1:
        labels = _labels_from_columns(path, rows)
        return SeveralLabelled(require_texts(path, rows), labels, rows.columns.labels)
    if separator is not None:
        labels = _labels_from_fields(path, rows, separator)
        return SeveralLabelled(require_texts(path, rows), labels, ())
    if any(isinstance(field, list) for field in rows.labels):
        labels = _labels_from_lists(path, rows)
        return SeveralLabelled(require_texts(path, rows), labels, ())
    names = [label_name(label) for label in rows.labels]
    require_all(path, "label", [name is None for name in names], rows.lines)
    return Labelled(require_texts(path, rows), [str(name) for name in names])


def _labels_from_columns(path: Path, rows: Rows) -> list[tuple[str, ...]]:
    """Return the labels of each row: the names of the label columns in which the row has 1 or true."""
    labels = []
    for place, fields in enumerate(rows.labels):
        values = [_truth_value(field) for field in fields]
        if None in values:
            column = values.index(None)
            shown = repr(fields[column])
            shown = shown if len(shown) <= _MAX_SHOWN else f"{shown[:_MAX_SHOWN]}..."
            raise InputError(
                f"{row_location(path, rows.lines, place)}: {rows.columns.labels[column]!r} is {shown}, but several "
                "label columns must contain 0 or 1, or true or false. Fix the field, or choose other columns with "
                "--label."
            )
        labels.append(tuple(name for name, value in zip(rows.columns.labels, values, strict=True) if value))
    return labels


def _truth_value(field: object) -> bool | None:
    """Return True if a field is 1 or true, False if it is 0 or false, and None if it is anything else."""
    name = label_of_field(field) if isinstance(field, str) else label_name(field)
    return {"0": False, "1": True, "false": False, "true": True}.get(name or "")


def _labels_from_fields(path: Path, rows: Rows, separator: str) -> list[tuple[str, ...]]:
    """Return the labels of each row: its label field, split at the separator, without empty and repeated labels."""
    for place, field in enumerate(rows.labels):
        if isinstance(field, list):
            raise InputError(
                f"{row_location(path, rows.lines, place)}: {rows.columns.labels[0]!r} is a list, which needs no "
                "--label-separator. Leave the option out."
            )
    fields = [field if isinstance(field, str) else label_name(field) for field in rows.labels]
    require_all(path, "label", [field is None for field in fields], rows.lines)
    split = [[label.strip() for label in str(field).split(separator)] for field in fields]
    return [tuple(dict.fromkeys(label for label in labels if label)) for labels in split]


def _labels_from_lists(path: Path, rows: Rows) -> list[tuple[str, ...]]:
    """Return the labels of each row without repetitions, from a label column that contains lists of labels."""
    require_all(path, "label", [field is None for field in rows.labels], rows.lines)
    for place, field in enumerate(rows.labels):
        where = f"{row_location(path, rows.lines, place)}: {rows.columns.labels[0]!r}"
        if not isinstance(field, list):
            raise InputError(
                f"{where} is {json_type(field)}, but other rows have lists. Give each row a list of labels."
            )
        for label in field:
            if label_name(label) is None:
                shown = "an empty string" if isinstance(label, str) else json_type(label)
                raise InputError(f"{where} is a list that contains {shown}. Lists must contain the names of labels.")
    return [tuple(dict.fromkeys(str(label_name(label)) for label in field)) for field in rows.labels]
