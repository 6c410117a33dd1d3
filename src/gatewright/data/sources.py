"""Labelled texts from where a user has them: a named set, a table, or text files by class."""

import contextlib
import csv
import json
import math
import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple, TextIO

from gatewright.data import folders, public
from gatewright.errors import InputError, nearest

# The set `adding` has no texts and is read elsewhere; it is here to be named to the user.
_NAMED_SETS = ("adding", "imdb")
_ARCHIVES = (".tar.gz", ".tgz")
_DELIMITERS = ",;\t|"
_LABEL_NAMES = {0: "negative", 1: "positive"}
_COLUMNS_SHOWN = 20
# Letters of a field that is refused.
_SHOWN = 40
# How a Parquet file may hold texts; `null` is a column of missing values.
_TEXT_TYPES = ("string", "large_string", "string_view", "null")
# A field of any length; the largest number that csv takes on every system.
_LONGEST_FIELD = 2**31 - 1


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


class _Wanted(NamedTuple):
    """What is asked of a table: columns as they were given, what stands between labels, whether labels are read."""

    text: str | None = None
    label: str | None = None
    separator: str | None = None
    labelled: bool = True


class _Columns(NamedTuple):
    """The columns of texts, and those of labels: none where they are not wanted."""

    texts: tuple[str, ...]
    labels: tuple[str, ...]


class _Rows(NamedTuple):
    """Columns of a table as they were read.

    Attributes:
        columns: which.
        texts: of each row.
        labels: of each row, its field; of several columns of labels a tuple of its fields.
        lines: the rows' lines in a text file.
    """

    columns: _Columns
    texts: Sequence[object]
    labels: Sequence[Any]
    lines: Sequence[int] | None


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
    wanted = _Wanted(text, label, label_separator)
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


def is_table(path: Path) -> bool:
    """Whether a file is a table, by its name."""
    return path.suffix.lower() in _TABLES


def texts_of_table(path: Path, text: str | None = None) -> list[str]:
    """The texts of a table; `text` as for `read_labelled`.

    Raises:
        ImportError: pyarrow is not installed.
        InputError: the table can't be read or used.
        OSError: likewise.
    """
    rows = _TABLES[path.suffix.lower()](path, _Wanted(text, labelled=False))
    if not rows.texts:
        raise InputError(f"{path} has no rows: a row is a text.")
    _refuse_missing(path, "text", [not isinstance(text, str) for text in rows.texts], rows.lines)
    return [str(text) for text in rows.texts]


def _named(name: str) -> Source:
    if name != "imdb":
        raise InputError(f"{name!r} is a data set without texts: choose 'imdb' or a file or folder of labelled texts.")
    return Source(name, _reviews("train"), _reviews("test"), neighbours="are of one film")


def _reviews(part: str) -> Labelled:
    texts, labels = public.imdb(part)
    if unknown := set(labels.tolist()) - set(_LABEL_NAMES):
        raise InputError(f"the labels of imdb must be 0 and 1, and its {part} part has {min(unknown)}: mend it.")
    return Labelled(texts, [_LABEL_NAMES[one] for one in labels.tolist()])


def _from_path(given: str, wanted: _Wanted, option: str, named: Sequence[str]) -> Source:
    """`option` is what the user knows `given` by, and `named` are the sets that it may also name."""
    path = Path(given)
    is_archive = path.name.lower().endswith(_ARCHIVES)
    suffix = path.suffix.lower()
    known = is_archive or suffix in _TABLES
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
    return Source(name, _checked(path, _TABLES[suffix](path, wanted), wanted.separator), None)


def _refuse_columns(data: str, wanted: _Wanted) -> None:
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


def _columns(path: Path, names: Sequence[str], wanted: _Wanted) -> _Columns:
    """The columns that were asked for, each of which is there once."""
    texts = _listed(wanted.text, names)
    labels = _listed(wanted.label, names) if wanted.labelled else []
    asked = [*(("text", name) for name in texts), *(("label", name) for name in labels)]
    shown = ", ".join(map(repr, names[:_COLUMNS_SHOWN])) + (", ..." if len(names) > _COLUMNS_SHOWN else "")
    lacking = [option for option, given in asked if given is None and option not in names]
    for option, given in asked:
        if given is not None and given not in names:
            raise InputError(
                f"--{option} must be a column of {path}, which has {shown}, not {given!r}{nearest(given, names)}"
            )
    if lacking:
        missing = " or ".join(map(repr, lacking))
        options = " and ".join(f"--{option} COLUMN" for option in lacking)
        raise InputError(f"{path} has no column {missing}, only {shown}: give {options}.")
    chosen = _Columns(_once(texts, "text"), _once(labels, "label"))
    if both := set(chosen.texts) & set(chosen.labels):
        raise InputError(f"the column {min(both)!r} can't be both --text and --label: name two columns.")
    for name, times in Counter(names).items():
        if name in (*chosen.texts, *chosen.labels) and times > 1:
            raise InputError(f"{path} has {times} columns {name!r}: give each a name of its own.")
    if wanted.separator is not None and len(chosen.labels) > 1:
        raise InputError(
            f"--label-separator is for one column of labels, and --label names {len(chosen.labels)}: leave one of the "
            "two out."
        )
    return chosen


def _listed(given: str | None, names: Sequence[str]) -> list[str | None]:
    """The columns of an option; a name with a comma in it is one column, where there is one."""
    if given is None or given in names:
        return [given]
    return [name.strip() for name in given.split(",")]


def _once(given: Sequence[str | None], default: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(default if name is None else name for name in given))


def _joined(fields: Sequence[object]) -> object:
    """The text of a row: of several fields those that are there, with line breaks between."""
    if len(fields) == 1:
        return fields[0]
    there = [str(field) for field in fields if field is not None]
    return "\n".join(there) if there else None


def _checked(path: Path, rows: _Rows, separator: str | None) -> AnyLabelled:
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
    names = [_name(label) for label in rows.labels]
    _refuse_missing(path, "label", [name is None for name in names], rows.lines)
    return Labelled(_checked_texts(path, rows), [str(name) for name in names])


def _checked_texts(path: Path, rows: _Rows) -> list[str]:
    _refuse_missing(path, "text", [not isinstance(text, str) for text in rows.texts], rows.lines)
    return [str(text) for text in rows.texts]


def _told_by_columns(path: Path, rows: _Rows) -> list[tuple[str, ...]]:
    """Of each row the columns that say yes."""
    listed = []
    for place, fields in enumerate(rows.labels):
        said = [_truth(field) for field in fields]
        if None in said:
            column = said.index(None)
            raise InputError(
                f"{_where(path, rows.lines, place)}: {rows.columns.labels[column]!r} is {_cut(fields[column])}; one of "
                "several columns of labels must hold 0 or 1, or true or false: mend it, or name the columns that do."
            )
        listed.append(tuple(name for name, truth in zip(rows.columns.labels, said, strict=True) if truth))
    return listed


def _truth(field: object) -> bool | None:
    """Yes or no; None if a field says neither."""
    name = _untyped(field) if isinstance(field, str) else _name(field)
    return {"0": False, "1": True, "false": False, "true": True}.get(name or "")


def _separated(path: Path, rows: _Rows, separator: str) -> list[tuple[str, ...]]:
    """The labels of each field, without the spaces round each; where nothing stands, there is none."""
    for place, field in enumerate(rows.labels):
        if isinstance(field, list):
            raise InputError(
                f"{_where(path, rows.lines, place)}: {rows.columns.labels[0]!r} is a list, which needs no "
                "--label-separator: leave it out."
            )
    fields = [field if isinstance(field, str) else _name(field) for field in rows.labels]
    _refuse_missing(path, "label", [field is None for field in fields], rows.lines)
    listed = [[part.strip() for part in str(field).split(separator)] for field in fields]
    return [tuple(dict.fromkeys(part for part in parts if part)) for parts in listed]


def _lists(path: Path, rows: _Rows) -> list[tuple[str, ...]]:
    """The labels of each row of a column of lists."""
    _refuse_missing(path, "label", [field is None for field in rows.labels], rows.lines)
    for place, field in enumerate(rows.labels):
        where = f"{_where(path, rows.lines, place)}: {rows.columns.labels[0]!r}"
        if not isinstance(field, list):
            raise InputError(f"{where} is {_kind(field)}, and other rows have lists: give each row a list of labels.")
        for label in field:
            if not isinstance(label, str) or not label.strip():
                shown = "an empty string" if isinstance(label, str) else _kind(label)
                raise InputError(f"{where} is a list with {shown} in it: a list of labels must hold their names alone.")
    return [tuple(dict.fromkeys(field)) for field in rows.labels]


def _cut(field: object) -> str:
    """A field as it is shown in a sentence."""
    shown = repr(field)
    return shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}..."


def _where(path: Path, lines: Sequence[int] | None, place: int) -> str:
    return f"{path}, row {place + 1}" if lines is None else f"{path}, line {lines[place]}"


def _refuse_missing(path: Path, what: str, missing: Sequence[bool], lines: Sequence[int] | None) -> None:
    if not any(missing):
        return
    count, first = sum(missing), missing.index(True)
    line = f", line {lines[first]}" if lines is not None else ""
    raise InputError(
        f"{path} has {'a row' if count == 1 else f'{count:,} rows'} without a {what}, "
        f"{'' if count == 1 else 'first '}row {first + 1}{line}: remove {'it' if count == 1 else 'them'}."
    )


def _name(label: object) -> str | None:
    """A label as a string; None if it is missing."""
    if isinstance(label, bool):
        return str(label).lower()
    if isinstance(label, float | Decimal):
        if math.isnan(label):
            return None
        if math.isfinite(label) and label == int(label):
            return str(int(label))
    name = "" if label is None else str(label)
    return name if name.strip() else None


def _csv(path: Path, wanted: _Wanted) -> _Rows:
    """Columns of a CSV or TSV file: UTF-8, a header, fields quoted as in RFC 4180."""
    texts, labels, lines = [], [], []
    with _text_file(path) as file, _long_fields():
        header_line = file.readline()
        file.seek(0)
        delimiter = "\t" if path.suffix.lower() == ".tsv" else max(_DELIMITERS, key=header_line.count)
        records = _records(path, file, delimiter)
        _, header = next(records, (0, []))
        if not header:
            raise InputError(f"{path} has no rows: it is empty.")
        columns = _columns(path, header, wanted)
        at = [header.index(name) for name in columns.texts]
        labels_at = [header.index(name) for name in columns.labels]
        for line, fields in records:
            if len(fields) != len(header):
                raise InputError(
                    f"{path}, line {line}: the row has {_fields(len(fields))}, and the header {len(header)}; "
                    'mend it, and put a field with the delimiter or a line break into "quotes".'
                )
            texts.append(_joined([fields[place] for place in at]))
            # Of a field with several labels in it, none is a number or a truth value.
            alone = _alone([fields[place] for place in labels_at])
            labels.append(_untyped(alone) if isinstance(alone, str) and wanted.separator is None else alone)
            lines.append(line)
    return _Rows(columns, texts, labels, lines)


def _alone(fields: Sequence[object]) -> object:
    """The field of one column of labels, or those of several; of none, nothing."""
    return tuple(fields) if len(fields) > 1 else next(iter(fields), None)


def _fields(count: int) -> str:
    return "1 field" if count == 1 else f"{count} fields"


def _records(path: Path, file: TextIO, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """The records that are not empty, each with the line on which it starts."""
    # Strict: else an opening quote that is never closed would take in the rest of the file.
    reader = csv.reader(file, delimiter=delimiter, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            fields = next(reader, None)
        except csv.Error as error:
            raise InputError(
                f"{path}, line {line}: {error}; close every quoted field, and double a quote inside one."
            ) from None
        if fields is None:
            return
        if fields:
            yield line, fields


@contextlib.contextmanager
def _long_fields() -> Iterator[None]:
    before = csv.field_size_limit(_LONGEST_FIELD)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _untyped(field: str) -> str | None:
    """A CSV field as the label that a typed file would give."""
    if field.lower() == "nan":
        return None
    if field.lower() in ("true", "false"):
        return field.lower()
    return field.split(".")[0] if re.fullmatch(r"-?[0-9]+\.0+", field) else field


@contextlib.contextmanager
def _text_file(path: Path) -> Iterator[TextIO]:
    """The file, read as UTF-8 with its line ends as they are."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield file
    except UnicodeDecodeError:
        raise InputError(f"{path} is not UTF-8: save it as UTF-8.") from None
    except OSError as error:
        raise InputError(f"{path} can't be read ({error.strerror}): make it a readable file.") from None


def _json_lines(path: Path, wanted: _Wanted) -> _Rows:
    """Columns of a file with one JSON object a line."""
    records, lines = [], []
    with _text_file(path) as file:
        for line, content in enumerate(file, 1):
            if content.strip():
                records.append(_json_object(f"{path}, line {line}", content))
                lines.append(line)
    if not records:
        return _Rows(_Columns((), ()), [], [], lines)
    known = list(dict.fromkeys(name for record in records for name in record))
    columns = _columns(path, known, wanted)
    texts, labels = [], []
    for line, record in zip(lines, records, strict=True):
        where = f"{path}, line {line}"
        for name in columns.texts:
            one = record.get(name)
            if not (isinstance(one, str) or _name(one) is None):
                raise InputError(f"{where}: {name!r} is {_kind(one)}, not a text: name the texts with --text COLUMN.")
        fields = [record.get(name) for name in columns.labels]
        for name, field in zip(columns.labels, fields, strict=True):
            if isinstance(field, dict) or (isinstance(field, list) and len(fields) > 1):
                raise InputError(f"{where}: {name!r} is {_kind(field)}, not a label: name a column of labels.")
        texts.append(_joined([record.get(name) for name in columns.texts]))
        labels.append(_alone(fields))
        parts = [part for field in fields for part in (field if isinstance(field, list) else [field])]
        _refuse_half_letters(where, "".join(map(str, (texts[-1], *parts))))
    return _Rows(columns, texts, labels, lines)


def _json_object(where: str, content: str) -> dict[str, Any]:
    try:
        record = json.loads(content, object_pairs_hook=_once_each)
    except InputError as error:
        raise InputError(f"{where}: {error}") from None
    except (ValueError, RecursionError) as error:
        why = error.msg if isinstance(error, json.JSONDecodeError) else "too long or too deep"
        raise InputError(f"{where}: this is not JSON ({why}); every line must be one JSON object.") from None
    if not isinstance(record, dict):
        raise InputError(f"{where}: this is {_kind(record)}; every line must be one JSON object.")
    return record


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) < len(pairs):
        name = next(name for name, times in Counter(name for name, _ in pairs).items() if times > 1)
        raise InputError(f"the name {name!r} occurs twice; give each value a name of its own.")
    return record


def _refuse_half_letters(where: str, text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InputError(
            f"{where}: a text has one half of a \\u surrogate pair alone, which is no letter: mend or remove it."
        ) from None


def _kind(value: object) -> str:
    kinds = {dict: "an object", list: "a list", str: "a string", bool: "a truth value", type(None): "null"}
    return kinds.get(type(value), "a number")


def _parquet(path: Path, wanted: _Wanted) -> _Rows:
    """Columns of a Parquet file."""
    pyarrow = public.library(path)
    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            schema = file.schema_arrow
            columns = _columns(path, schema.names, wanted)
            _check_types(path, columns, schema, pyarrow.types)
            names = [*columns.texts, *columns.labels]
            table = file.read(columns=names)
            read = {name: table.column(name).to_pylist() for name in names}
            texts = [_joined(fields) for fields in zip(*(read[name] for name in columns.texts), strict=True)]
            labels = [_alone([read[name][place] for name in columns.labels]) for place in range(len(texts))]
            return _Rows(columns, texts, labels, None)
    except (pyarrow.ArrowException, OSError, UnicodeDecodeError):
        raise InputError(f"{path} is not a whole Parquet file: write or fetch it again.") from None


def _check_types(path: Path, columns: _Columns, schema: Any, types: Any) -> None:
    """Check the columns' Arrow types; `types` is pyarrow.types."""

    def kind(name: str) -> Any:
        found = schema.field(name).type
        return found.value_type if types.is_dictionary(found) else found  # how a table holds categories

    for name in columns.texts:
        if str(kind(name)) not in _TEXT_TYPES:
            raise _refused(path, name, kind(name), "texts", "--text")
    for name in columns.labels:
        label = kind(name)
        lists = types.is_list(label) or types.is_large_list(label) or types.is_fixed_size_list(label)
        if lists and len(columns.labels) == 1 and str(label.value_type) in _TEXT_TYPES:
            continue
        if types.is_nested(label) or types.is_temporal(label) or "binary" in str(label):
            raise _refused(path, name, label, "labels", "--label")


def _refused(path: Path, name: str, kind: object, what: str, option: str) -> InputError:
    return InputError(
        f"the column {name!r} of {path} is of type {kind}, not {what}: name another with {option} COLUMN."
    )


_TABLES = {".csv": _csv, ".tsv": _csv, ".parquet": _parquet, ".jsonl": _json_lines, ".ndjson": _json_lines}
