"""Read labelled texts from a named data set, a table, or a folder with a subfolder of text files for each class."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Self

from gatewright.data import files, folders, public
from gatewright.data.columns import ColumnOptions
from gatewright.data.split import refuse_second
from gatewright.data.tables import is_table
from gatewright.data.text_labels import read_labels
from gatewright.data.text_tables import Rows, read_rows, without_missing
from gatewright.support.errors import InputError, OptionError, as_input_errors, nearest

# `adding` has no texts and is read elsewhere, but error messages list it as a choice.
_NAMED_SETS = ("adding", "imdb")
READING_OPTIONS = ("text", "label", "label_separator", "header")
"""The options of the task that say how to read a table."""

_ARCHIVES = (".tar.gz", ".tgz")
_LABEL_NAMES = {0: "negative", 1: "positive"}
# Files with these suffixes, or none, are tables of labelled texts here, although they are plain text elsewhere.
_TEXT_SUFFIXES = (".txt", ".tab", ".data", "")


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
        notes: Sentences for reports about how the data was read.
        neighbours: The end of a sentence that begins "Neighboring texts of NAME", such as "are of one film". Empty if
            neighboring texts of `train` are not related.
        found: The columns of a table that were found, by the name of the option that would have named them.
    """

    name: str
    train: AnyLabelled
    test: AnyLabelled | None
    neighbours: str = ""
    notes: tuple[str, ...] = ()
    found: Mapping[str, str] = {}  # never changed


@as_input_errors()
def read_labelled(
    data: str,
    text: str | None = None,
    label: str | None = None,
    test: str | None = None,
    label_separator: str | None = None,
    header: str | None = None,
) -> Source:
    """Read the training set and the test set of a labelled data set, always in the same order.

    Args:
        data: `imdb`; a table, such as a .csv or .jsonl file, which may be compressed; a folder with a subfolder of
            text files for each class; a folder with two such folders, train/ and test/; or a .tar.gz or .tgz archive
            of such a folder.
        text, label: The names of the text column and the label column. By default they are found: see
            `columns.choose_columns`. If `text` names several columns, separated by commas, their texts are joined by
            line breaks.
        test: A file, folder or archive with the test set. Only if `data` has no test set.
        label_separator: The separator between several labels in a field of the label column, such as ";".
        header: "first" if the first line of a table has the names of the columns, "none" if no line has. None finds
            out.

    Labels are converted to strings: whole numbers without decimals, Boolean values to `true` and `false`. White space
    around a label is removed. A text may be empty. A few rows without a text or label are left out.

    A text can have any number of labels in three cases: `label` names several columns, separated by commas, that
    contain 0 and 1 or true and false; the label column contains lists; or `label_separator` is given.

    Raises:
        InputError: The data cannot be read or used.
    """
    if label_separator is not None and (not isinstance(label_separator, str) or not label_separator):
        raise InputError(f"--label-separator must be a text of one character or more, not {label_separator!r}.")
    wanted = ColumnOptions(text, label, label_separator, header=header)
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
    return source._replace(test=other.train, notes=(*source.notes, *other.notes))


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
    is_read = is_archive or is_table(path) or Path(files.inner_name(path)).suffix in _TEXT_SUFFIXES
    if not exists or not (path.is_dir() or is_read):
        problem = "has another format" if exists else "does not exist"
        raise InputError(
            f"{option} must be {''.join(f'{name}, ' for name in named)}a .csv, .tsv, .txt, .parquet, .json or .jsonl "
            f"table, a folder with a subfolder of text files for each class, or a .tar.gz archive of one, "
            f"but {given!r} {problem}{nearest(given, named)}"
        )
    name = os.path.basename(os.path.abspath(path))
    if path.is_dir() or is_archive:
        _refuse_columns(given, wanted)
        return _read_tree(name, folders.open_folder(path) if path.is_dir() else folders.open_archive(path))
    rows = read_rows(path, wanted)
    examples, notes = _labelled_rows(path, rows, wanted.separator)
    return Source(name, examples, None, notes=notes, found=rows.columns.found(wanted))


def _refuse_columns(data: str, wanted: ColumnOptions) -> None:
    for option, value in {"text": wanted.text, "label": wanted.label}.items():
        if value is not None:
            raise OptionError(
                f"--text and --label name the columns of a table, but {data} is not a table. Leave them out.",
                option,
                is_missing=False,
            )
    if wanted.separator is not None:
        message = f"--label-separator is for a column of a table, but {data} is not a table. Leave it out."
        raise OptionError(message, "label_separator", is_missing=False)
    if wanted.header is not None:
        raise OptionError(f"--header is for a table, but {data} is not a table. Leave it out.", "header", False)


def _read_tree(name: str, tree: folders.Tree) -> Source:
    splits, notes = {}, list(tree.notes)
    for split in tree.splits:
        texts, split_notes = folders.read_split(tree, split)
        notes += split_notes
        splits[split] = Labelled([text.text for text in texts], [text.label for text in texts])
    train, test = (splits["train"], splits["test"]) if "train" in splits else (splits[""], None)
    return Source(name, train, test, notes=tuple(notes))


def _labelled_rows(path: Path, rows: Rows, separator: str | None) -> tuple[AnyLabelled, tuple[str, ...]]:
    """Return the texts and labels in the rows of a table, and notes on how they were read.

    Raises:
        InputError: There are no rows, too many rows lack a text or label, or a label cannot be read.
    """
    if not rows.texts:
        raise InputError(f"{path} has no rows. Add a row for each text and its label.")
    rows = without_missing(path, "text", [not isinstance(text, str) for text in rows.texts], rows)
    rows, names, several = read_labels(path, rows, separator)
    texts = [str(text) for text in rows.texts]
    if several:
        columns = rows.columns.labels if len(rows.columns.labels) > 1 else ()
        return SeveralLabelled(texts, names, columns), rows.notes  # type: ignore[arg-type]
    return Labelled(texts, names), rows.notes  # type: ignore[arg-type]
