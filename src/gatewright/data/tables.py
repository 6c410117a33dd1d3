"""Tables as files: the columns of texts and labels, as they were read."""

import contextlib
import csv
import json
import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple, TextIO

from gatewright.data import public
from gatewright.support.errors import InputError, nearest

_DELIMITERS = ",;\t|"
_COLUMNS_SHOWN = 20
# How a Parquet file may hold texts; `null` is a column of missing values.
_TEXT_TYPES = ("string", "large_string", "string_view", "null")
# A field of any length; the largest number that csv takes on every system.
_LONGEST_FIELD = 2**31 - 1


class Wanted(NamedTuple):
    """What is asked of a table: columns as they were given, what stands between labels, whether labels are read."""

    text: str | None = None
    label: str | None = None
    separator: str | None = None
    labelled: bool = True


class Columns(NamedTuple):
    """The columns of texts, and those of labels: none where they are not wanted."""

    texts: tuple[str, ...]
    labels: tuple[str, ...]


class Rows(NamedTuple):
    """Columns of a table as they were read.

    Attributes:
        columns: which.
        texts: of each row.
        labels: of each row, its field; of several columns of labels a tuple of its fields.
        lines: the rows' lines in a text file.
    """

    columns: Columns
    texts: Sequence[object]
    labels: Sequence[Any]
    lines: Sequence[int] | None


def is_table(path: Path) -> bool:
    """Whether a file is a table, by its name."""
    return path.suffix.lower() in TABLES


def texts_of_table(path: Path, text: str | None = None) -> list[str]:
    """The texts of a table; `text` as for `read_labelled`.

    Raises:
        ImportError: pyarrow is not installed.
        InputError: the table can't be read or used.
        OSError: likewise.
    """
    rows = TABLES[path.suffix.lower()](path, Wanted(text, labelled=False))
    if not rows.texts:
        raise InputError(f"{path} has no rows: a row is a text.")
    refuse_missing(path, "text", [not isinstance(text, str) for text in rows.texts], rows.lines)
    return [str(text) for text in rows.texts]


def _columns(path: Path, names: Sequence[str], wanted: Wanted) -> Columns:
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
    chosen = Columns(_once(texts, "text"), _once(labels, "label"))
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


def place_of(path: Path, lines: Sequence[int] | None, place: int) -> str:
    return f"{path}, row {place + 1}" if lines is None else f"{path}, line {lines[place]}"


def refuse_missing(path: Path, what: str, missing: Sequence[bool], lines: Sequence[int] | None) -> None:
    if not any(missing):
        return
    count, first = sum(missing), missing.index(True)
    line = f", line {lines[first]}" if lines is not None else ""
    raise InputError(
        f"{path} has {'a row' if count == 1 else f'{count:,} rows'} without a {what}, "
        f"{'' if count == 1 else 'first '}row {first + 1}{line}: remove {'it' if count == 1 else 'them'}."
    )


def as_name(label: object) -> str | None:
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


def _csv(path: Path, wanted: Wanted) -> Rows:
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
            labels.append(untyped(alone) if isinstance(alone, str) and wanted.separator is None else alone)
            lines.append(line)
    return Rows(columns, texts, labels, lines)


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


def untyped(field: str) -> str | None:
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


def _json_lines(path: Path, wanted: Wanted) -> Rows:
    """Columns of a file with one JSON object a line."""
    records, lines = [], []
    with _text_file(path) as file:
        for line, content in enumerate(file, 1):
            if content.strip():
                records.append(_json_object(f"{path}, line {line}", content))
                lines.append(line)
    if not records:
        return Rows(Columns((), ()), [], [], lines)
    known = list(dict.fromkeys(name for record in records for name in record))
    columns = _columns(path, known, wanted)
    texts, labels = [], []
    for line, record in zip(lines, records, strict=True):
        where = f"{path}, line {line}"
        for name in columns.texts:
            one = record.get(name)
            if not (isinstance(one, str) or as_name(one) is None):
                raise InputError(f"{where}: {name!r} is {kind_of(one)}, not a text: name the texts with --text COLUMN.")
        fields = [record.get(name) for name in columns.labels]
        for name, field in zip(columns.labels, fields, strict=True):
            if isinstance(field, dict) or (isinstance(field, list) and len(fields) > 1):
                raise InputError(f"{where}: {name!r} is {kind_of(field)}, not a label: name a column of labels.")
        texts.append(_joined([record.get(name) for name in columns.texts]))
        labels.append(_alone(fields))
        parts = [part for field in fields for part in (field if isinstance(field, list) else [field])]
        _refuse_half_letters(where, "".join(map(str, (texts[-1], *parts))))
    return Rows(columns, texts, labels, lines)


def _json_object(where: str, content: str) -> dict[str, Any]:
    try:
        record = json.loads(content, object_pairs_hook=_once_each)
    except InputError as error:
        raise InputError(f"{where}: {error}") from None
    except (ValueError, RecursionError) as error:
        why = error.msg if isinstance(error, json.JSONDecodeError) else "too long or too deep"
        raise InputError(f"{where}: this is not JSON ({why}); every line must be one JSON object.") from None
    if not isinstance(record, dict):
        raise InputError(f"{where}: this is {kind_of(record)}; every line must be one JSON object.")
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


def kind_of(value: object) -> str:
    kinds = {dict: "an object", list: "a list", str: "a string", bool: "a truth value", type(None): "null"}
    return kinds.get(type(value), "a number")


def _parquet(path: Path, wanted: Wanted) -> Rows:
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
            return Rows(columns, texts, labels, None)
    except (pyarrow.ArrowException, OSError, UnicodeDecodeError):
        raise InputError(f"{path} is not a whole Parquet file: write or fetch it again.") from None


def _check_types(path: Path, columns: Columns, schema: Any, types: Any) -> None:
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


TABLES = {".csv": _csv, ".tsv": _csv, ".parquet": _parquet, ".jsonl": _json_lines, ".ndjson": _json_lines}
