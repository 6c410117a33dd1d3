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
# A field of any length; the largest number that csv takes on every system.
_LONGEST_FIELD = 2**31 - 1


class Labelled(NamedTuple):
    """Texts, and the label of each."""

    texts: list[str]
    labels: list[str]


class Source(NamedTuple):
    """A data set. `test` is None where the source has no test part."""

    name: str
    train: Labelled
    test: Labelled | None


class _Rows(NamedTuple):
    """Two columns of a table as they were read; `lines` are the rows' lines in a text file."""

    texts: Sequence[object]
    labels: Sequence[object]
    lines: Sequence[int] | None


def read_labelled(data: str, text: str | None = None, label: str | None = None, test: str | None = None) -> Source:
    """The texts and labels of `data`, in an order that is always the same.

    Args:
        data: `imdb`; a file .csv, .tsv, .parquet, .jsonl or .ndjson; a folder with a folder of text files for each
            class, or with train/ and test/ of this form; a .tar.gz or .tgz archive of such a folder.
        text, label: a table's columns; `text` and `label` if not given. Of several columns of texts, with commas
            between, a row's texts are joined by line breaks.
        test: a file, folder or archive of test rows, for data without a test part.

    A label becomes a string: whole numbers without decimals, truth values `true` and `false`. A text may be empty;
    a text or label may not be missing.

    Raises:
        InputError: the data can't be read or used.
    """
    try:
        if data in _NAMED_SETS:
            _refuse_columns(data, text, label)
            source = _named(data)
        else:
            source = _from_path(data, text, label, "DATA", _NAMED_SETS)
        if test is None:
            return source
        if source.test is not None:
            raise InputError(f"{data} has a test part of its own: leave --test {test} out.")
        rows = _from_path(test, text, label, "--test", ())
        if rows.test is not None:
            raise InputError(f"--test {test} has a training and a test part: name the folder of the test part alone.")
    except (ImportError, OSError) as error:
        raise InputError(str(error)) from None
    return source._replace(test=rows.train)


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
    rows = _TABLES[path.suffix.lower()](path, text, None, labelled=False)
    if not rows.texts:
        raise InputError(f"{path} has no rows: a row is a text.")
    _refuse_missing(path, "text", [not isinstance(text, str) for text in rows.texts], rows.lines)
    return [str(text) for text in rows.texts]


def _named(name: str) -> Source:
    if name != "imdb":
        raise InputError(f"{name!r} is a data set without texts: choose 'imdb' or a file or folder of labelled texts.")
    parts = []
    for part in ("train", "test"):
        texts, labels = public.imdb(part)
        if unknown := set(labels.tolist()) - set(_LABEL_NAMES):
            raise InputError(f"the labels of imdb must be 0 and 1, and its {part} part has {min(unknown)}: mend it.")
        parts.append(Labelled(texts, [_LABEL_NAMES[one] for one in labels.tolist()]))
    return Source(name, *parts)


def _from_path(given: str, text: str | None, label: str | None, option: str, named: Sequence[str]) -> Source:
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
        _refuse_columns(given, text, label)
        return _from_tree(name, folders.open_folder(path) if path.is_dir() else folders.open_archive(path))
    return Source(name, _checked(path, _TABLES[suffix](path, text, label)), None)


def _refuse_columns(data: str, text: str | None, label: str | None) -> None:
    if text is not None or label is not None:
        raise InputError(f"--text and --label name the columns of a table, which {data} is not: leave them out.")


def _from_tree(name: str, tree: folders.Tree) -> Source:
    parts = {}
    for part in tree.parts:
        rows = folders.rows(tree, part)
        parts[part] = Labelled([row.text for row in rows], [row.label for row in rows])
    return Source(name, parts["train"], parts["test"]) if "train" in parts else Source(name, parts[""], None)


class _Columns(NamedTuple):
    """The columns of texts, and that of labels if it is wanted."""

    texts: tuple[str, ...]
    label: str | None


def _columns(path: Path, names: Sequence[str], text: str | None, label: str | None, labelled: bool = True) -> _Columns:
    """The columns that were asked for, each of which is there once."""
    shown = ", ".join(map(repr, names[:_COLUMNS_SHOWN])) + (", ..." if len(names) > _COLUMNS_SHOWN else "")
    # A name with a comma in it is one column, where there is one.
    several = (text,) if text is None or text in names else tuple(name.strip() for name in text.split(","))
    wanted = [*(("text", one) for one in several), *([("label", label)] if labelled else [])]
    lacking = [name for name, given in wanted if given is None and name not in names]
    for name, given in wanted:
        if given is not None and given not in names:
            raise InputError(
                f"--{name} must be a column of {path}, which has {shown}, not {given!r}{nearest(given, names)}"
            )
    if lacking:
        missing = " or ".join(map(repr, lacking))
        options = " and ".join(f"--{name} COLUMN" for name in lacking)
        raise InputError(f"{path} has no column {missing}, only {shown}: give {options}.")
    chosen = [name if given is None else given for name, given in wanted]
    if labelled and chosen[-1] in chosen[:-1]:
        raise InputError(f"the column {chosen[-1]!r} can't be both --text and --label: name two columns.")
    for name, times in Counter(names).items():
        if name in chosen and times > 1:
            raise InputError(f"{path} has {times} columns {name!r}: give each a name of its own.")
    return _Columns(tuple(dict.fromkeys(chosen[: len(several)])), chosen[-1] if labelled else None)


def _joined(fields: Sequence[object]) -> object:
    """The text of a row: of several fields those that are there, with line breaks between."""
    if len(fields) == 1:
        return fields[0]
    there = [str(field) for field in fields if field is not None]
    return "\n".join(there) if there else None


def _checked(path: Path, rows: _Rows) -> Labelled:
    """The rows with nothing missing, labels as strings."""
    if not rows.texts:
        raise InputError(f"{path} has no rows: a row is a text and its label.")
    labels = [_name(label) for label in rows.labels]
    _refuse_missing(path, "label", [label is None for label in labels], rows.lines)
    _refuse_missing(path, "text", [not isinstance(text, str) for text in rows.texts], rows.lines)
    return Labelled([str(text) for text in rows.texts], [str(label) for label in labels])


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


def _csv(path: Path, text: str | None, label: str | None, labelled: bool = True) -> _Rows:
    """Two columns of a CSV or TSV file: UTF-8, a header, fields quoted as in RFC 4180."""
    texts, labels, lines = [], [], []
    with _text_file(path) as file, _long_fields():
        header_line = file.readline()
        file.seek(0)
        delimiter = "\t" if path.suffix.lower() == ".tsv" else max(_DELIMITERS, key=header_line.count)
        records = _records(path, file, delimiter)
        _, header = next(records, (0, []))
        if not header:
            raise InputError(f"{path} has no rows: it is empty.")
        columns = _columns(path, header, text, label, labelled)
        at = [header.index(name) for name in columns.texts]
        label_at = None if columns.label is None else header.index(columns.label)
        for line, fields in records:
            if len(fields) != len(header):
                raise InputError(
                    f"{path}, line {line}: the row has {_fields(len(fields))}, and the header {len(header)}; "
                    'mend it, and put a field with the delimiter or a line break into "quotes".'
                )
            texts.append(_joined([fields[place] for place in at]))
            labels.append(None if label_at is None else _untyped(fields[label_at]))
            lines.append(line)
    return _Rows(texts, labels, lines)


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


def _json_lines(path: Path, text: str | None, label: str | None, labelled: bool = True) -> _Rows:
    """Two columns of a file with one JSON object a line."""
    records, lines = [], []
    with _text_file(path) as file:
        for line, content in enumerate(file, 1):
            if content.strip():
                records.append(_json_object(f"{path}, line {line}", content))
                lines.append(line)
    if not records:
        return _Rows([], [], lines)
    known = list(dict.fromkeys(name for record in records for name in record))
    columns = _columns(path, known, text, label, labelled)
    texts, labels = [], []
    for line, record in zip(lines, records, strict=True):
        where = f"{path}, line {line}"
        for name in columns.texts:
            one = record.get(name)
            if not (isinstance(one, str) or _name(one) is None):
                raise InputError(f"{where}: {name!r} is {_kind(one)}, not a text: name the texts with --text COLUMN.")
        other = None if columns.label is None else record.get(columns.label)
        if isinstance(other, list | dict):
            raise InputError(f"{where}: {columns.label!r} is {_kind(other)}, not a label: name one label for each row.")
        texts.append(_joined([record.get(name) for name in columns.texts]))
        labels.append(other)
        _refuse_half_letters(where, str(texts[-1]) + str(other))
    return _Rows(texts, labels, lines)


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


def _parquet(path: Path, text: str | None, label: str | None, labelled: bool = True) -> _Rows:
    """Two columns of a Parquet file."""
    pyarrow = public.library(path)
    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            schema = file.schema_arrow
            columns = _columns(path, schema.names, text, label, labelled)
            _check_types(path, columns, schema, pyarrow.types)
            names = [*columns.texts, *([] if columns.label is None else [columns.label])]
            table = file.read(columns=names)
            read = {name: table.column(name).to_pylist() for name in names}
            texts = [_joined(fields) for fields in zip(*(read[name] for name in columns.texts), strict=True)]
            labels = texts if columns.label is None else read[columns.label]
            return _Rows(texts, labels, None)
    except (pyarrow.ArrowException, OSError, UnicodeDecodeError):
        raise InputError(f"{path} is not a whole Parquet file: write or fetch it again.") from None


def _check_types(path: Path, columns: _Columns, schema: Any, types: Any) -> None:
    """Check the columns' Arrow types; `types` is pyarrow.types. `null` is a column of missing values."""

    def kind(name: str) -> Any:
        found = schema.field(name).type
        return found.value_type if types.is_dictionary(found) else found  # how a table holds categories

    for name in columns.texts:
        if str(kind(name)) not in ("string", "large_string", "string_view", "null"):
            raise _refused(path, name, kind(name), "texts", "--text")
    if columns.label is None:
        return
    label = kind(columns.label)
    if types.is_nested(label) or types.is_temporal(label) or "binary" in str(label):
        raise _refused(path, columns.label, label, "labels", "--label")


def _refused(path: Path, name: str, kind: object, what: str, option: str) -> InputError:
    return InputError(
        f"the column {name!r} of {path} is of type {kind}, not {what}: name another with {option} COLUMN."
    )


_TABLES = {".csv": _csv, ".tsv": _csv, ".parquet": _parquet, ".jsonl": _json_lines, ".ndjson": _json_lines}
