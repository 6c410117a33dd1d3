"""Read the text and label columns of tables: .csv, .tsv, .parquet, .jsonl and .ndjson files."""

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

DELIMITERS = ",;\t|"
"""The characters that may separate the fields of a row in a CSV file."""

_COLUMNS_SHOWN = 20
# Types of texts in Parquet files. The type null is that of a column of missing values.
_TEXT_TYPES = ("string", "large_string", "string_view", "null")
# The largest limit that csv accepts on every system.
_MAX_FIELD_LENGTH = 2**31 - 1


class ColumnOptions(NamedTuple):
    """The columns to read from a table.

    Attributes:
        text: The name of the text column, or several names separated by commas. None selects the column "text".
        label: The name of the label column, or several names separated by commas. None selects the column "label".
        separator: The separator between the labels in a field, or None if each field has one label.
        labelled: True to read labels, False to read only texts.
    """

    text: str | None = None
    label: str | None = None
    separator: str | None = None
    labelled: bool = True


class Columns(NamedTuple):
    """The names of the text columns and of the label columns. `labels` is empty if labels are not read."""

    texts: tuple[str, ...]
    labels: tuple[str, ...]


class Rows(NamedTuple):
    """The texts and labels of a table, as the values in the file. Each list has an item for each row.

    Attributes:
        columns: The names of the columns that were read.
        texts: The text of each row, or None for a row without text.
        labels: The label field of each row, or a tuple of fields for each row if there are several label columns.
        lines: The line number of each row, or None if the file is not a text file.
    """

    columns: Columns
    texts: Sequence[object]
    labels: Sequence[Any]
    lines: Sequence[int] | None


def is_table(path: Path) -> bool:
    """Return True if the file name has the suffix of a table."""
    return path.suffix.lower() in _READERS


def read_table(path: Path, wanted: ColumnOptions) -> Rows:
    """Read the wanted columns of a table.

    Raises:
        ImportError: pyarrow is not installed.
        InputError: The table cannot be read, or does not have a wanted column.
    """
    return _READERS[path.suffix.lower()](path, wanted)


def read_text_column(path: Path, text: str | None = None) -> list[str]:
    """Return the text of each row of a table.

    `text` is the name of the text column, or several names separated by commas. None selects the column "text".
    The texts of several columns are joined by line breaks.

    Raises:
        ImportError: pyarrow is not installed.
        InputError: The table cannot be read, or a text is missing.
    """
    rows = read_table(path, ColumnOptions(text, labelled=False))
    if not rows.texts:
        raise InputError(f"{path} has no rows. It needs a row for each text.")
    return require_texts(path, rows)


def require_texts(path: Path, rows: Rows) -> list[str]:
    """Return the text of each row, or raise an error if a row has no text.

    `path` is the path of the table, for the error message.

    Raises:
        InputError: A text is missing.
    """
    require_all(path, "text", [not isinstance(text, str) for text in rows.texts], rows.lines)
    return [str(text) for text in rows.texts]


def require_all(path: Path, noun: str, missing: Sequence[bool], lines: Sequence[int] | None) -> None:
    """Raise an error if a row of a table lacks a value, such as the text or label.

    Args:
        path: The path of the table, for the error message.
        noun: The name of the value, such as "text".
        missing: True for each row that lacks the value.
        lines: The line number of each row, or None if the file is not a text file.

    Raises:
        InputError: At least one row lacks the value.
    """
    if not any(missing):
        return
    count, first = sum(missing), missing.index(True)
    line = f", line {lines[first]}" if lines is not None else ""
    raise InputError(
        f"{path} has {'a row' if count == 1 else f'{count:,} rows'} without a {noun}: "
        f"{'' if count == 1 else 'the first is '}row {first + 1}{line}. Remove {'it' if count == 1 else 'them'}."
    )


def row_location(path: Path, lines: Sequence[int] | None, place: int) -> str:
    """Return a description of where a row is, for error messages, such as "a.csv, line 3" or "a.parquet, row 2".

    Args:
        path: The path of the table.
        lines: The line number of each row, or None if the file is not a text file.
        place: The index of the row, from 0.
    """
    return f"{path}, row {place + 1}" if lines is None else f"{path}, line {lines[place]}"


def require_column(path: Path, option: str, name: str, names: Sequence[str]) -> None:
    """Raise an error if the table does not have the column that the user gave with an option.

    Args:
        path: The path of the table, for the error message.
        option: The name of the option without dashes.
        name: The name of the column that the user gave.
        names: The names of all columns of the table.

    Raises:
        InputError: `name` is not in `names`.
    """
    if name not in names:
        raise InputError(
            f"--{option} {name!r} is not a column of {path}, which has {_quoted(names)}{nearest(name, names)}"
        )


def column_list(given: str, names: Sequence[str]) -> list[str]:
    """Split `given`, column names separated by commas. If `given` as a whole is in `names`, return only this name."""
    return [given] if given in names else [name.strip() for name in given.split(",")]


def label_name(label: object) -> str | None:
    """Convert a label of any type to a string. Return None for missing labels: None, NaN and blank strings."""
    if isinstance(label, bool):
        return str(label).lower()
    if isinstance(label, float | Decimal):
        if math.isnan(label):
            return None
        if math.isfinite(label) and label == int(label):
            return str(int(label))
    name = "" if label is None else str(label)
    return name if name.strip() else None


def label_of_field(field: str) -> str | None:
    """Convert a field of a CSV file to a label, or to None if the label is missing.

    Numbers and truth values become the same labels as in `label_name`: "1.0" becomes "1", and "True" becomes "true".
    """
    if field.lower() == "nan":
        return None
    if field.lower() in ("true", "false"):
        return field.lower()
    return field.split(".")[0] if re.fullmatch(r"-?[0-9]+\.0+", field) else field


def json_type(value: object) -> str:
    """Return the name of the JSON type of a value with an article, such as "a list", for error messages."""
    names = {dict: "an object", list: "a list", str: "a string", bool: "a truth value", type(None): "null"}
    return names.get(type(value), "a number")


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names[:_COLUMNS_SHOWN])) + (", ..." if len(names) > _COLUMNS_SHOWN else "")


def _choose_columns(path: Path, names: Sequence[str], wanted: ColumnOptions) -> Columns:
    """Return the names of the wanted columns. Raise an InputError if a column is missing or occurs twice in `names`."""
    texts = ["text"] if wanted.text is None else column_list(wanted.text, names)
    labels = ["label"] if wanted.label is None else column_list(wanted.label, names)
    options = {"text": (wanted.text, texts), "label": (wanted.label, labels if wanted.labelled else [])}
    for option, (given, columns) in options.items():
        for name in columns if given is not None else []:
            require_column(path, option, name, names)
    missing = [name for given, columns in options.values() if given is None for name in columns if name not in names]
    if missing:
        flags = " and ".join(f"--{name} COLUMN" for name in missing)
        raise InputError(
            f"{path} has no column {' or '.join(map(repr, missing))}, only {_quoted(names)}. Give {flags}."
        )
    chosen = Columns(*(tuple(dict.fromkeys(columns)) for _, columns in options.values()))
    _refuse_repeated(path, names, chosen)
    if wanted.separator is not None and len(chosen.labels) > 1:
        raise InputError(
            f"--label-separator is for one label column, but --label names {len(chosen.labels)}. Leave out one of the "
            "two options."
        )
    return chosen


def _refuse_repeated(path: Path, names: Sequence[str], chosen: Columns) -> None:
    if both := set(chosen.texts) & set(chosen.labels):
        raise InputError(f"The column {min(both)!r} cannot be both --text and --label. Choose two columns.")
    for name, times in Counter(names).items():
        if name in (*chosen.texts, *chosen.labels) and times > 1:
            raise InputError(f"{path} has {times} columns {name!r}. Give each its own name.")


def _join_texts(fields: Sequence[object]) -> object:
    """Join the text fields of a row by line breaks. Skip missing fields. Return None if all are missing."""
    if len(fields) == 1:
        return fields[0]
    present = [str(field) for field in fields if field is not None]
    return "\n".join(present) if present else None


def _unpack_single(fields: Sequence[object]) -> object:
    """Return the only field, or a tuple of the fields if there are several, or None if there are no fields."""
    return tuple(fields) if len(fields) > 1 else next(iter(fields), None)


def _read_csv(path: Path, wanted: ColumnOptions) -> Rows:
    """Read a CSV or TSV file in UTF-8 that has a header and whose fields are quoted as in RFC 4180."""
    texts, labels, lines = [], [], []
    with _open_text(path) as file, _long_fields():
        header_line = file.readline()
        file.seek(0)
        delimiter = "\t" if path.suffix.lower() == ".tsv" else max(DELIMITERS, key=header_line.count)
        records = _csv_records(path, file, delimiter)
        _, header = next(records, (0, []))
        if not header:
            raise InputError(f"{path} has no rows: it is empty.")
        columns = _choose_columns(path, header, wanted)
        text_places = [header.index(name) for name in columns.texts]
        label_places = [header.index(name) for name in columns.labels]
        for line, fields in records:
            if len(fields) != len(header):
                raise InputError(
                    f"{path}, line {line}: the row has {len(fields)} field{'s' * (len(fields) != 1)}, but the "
                    f"header has {len(header)}. "
                    'Fix the row, and put fields that contain the delimiter or a line break into "quotes".'
                )
            texts.append(_join_texts([fields[place] for place in text_places]))
            label = _unpack_single([fields[place] for place in label_places])
            # The labels of a field with several labels are never numbers or truth values.
            is_typed = isinstance(label, str) and wanted.separator is None
            labels.append(label_of_field(str(label)) if is_typed else label)
            lines.append(line)
    return Rows(columns, texts, labels, lines)


def _csv_records(path: Path, file: TextIO, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the line number and the fields of each table row that is not empty. A row may extend over several lines."""
    # Without strict, a quote that is never closed would swallow the rest of the file.
    reader = csv.reader(file, delimiter=delimiter, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            fields = next(reader, None)
        except csv.Error as error:
            raise InputError(
                f"{path}, line {line}: {error}. Close every quoted field, and double the quotes inside one."
            ) from None
        if fields is None:
            return
        if fields:
            yield line, fields


@contextlib.contextmanager
def _long_fields() -> Iterator[None]:
    before = csv.field_size_limit(_MAX_FIELD_LENGTH)
    try:
        yield
    finally:
        csv.field_size_limit(before)


@contextlib.contextmanager
def _open_text(path: Path) -> Iterator[TextIO]:
    """Open a UTF-8 file for reading without converting line breaks."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield file
    except UnicodeDecodeError:
        raise InputError(f"{path} is not UTF-8. Save it as UTF-8.") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}). Make the file readable.") from None


def _read_json_lines(path: Path, wanted: ColumnOptions) -> Rows:
    """Read a file with a JSON object on each line."""
    records, lines = [], []
    with _open_text(path) as file:
        for line, content in enumerate(file, 1):
            if content.strip():
                records.append(_parse_object(f"{path}, line {line}", content))
                lines.append(line)
    if not records:
        return Rows(Columns((), ()), [], [], lines)
    names = list(dict.fromkeys(name for record in records for name in record))
    columns = _choose_columns(path, names, wanted)
    texts, labels = [], []
    for line, record in zip(lines, records, strict=True):
        where = f"{path}, line {line}"
        _check_json_types(where, columns, record)
        fields = [record.get(name) for name in columns.labels]
        texts.append(_join_texts([record.get(name) for name in columns.texts]))
        labels.append(_unpack_single(fields))
        strings = [string for field in fields for string in (field if isinstance(field, list) else [field])]
        _refuse_surrogates(where, "".join(map(str, (texts[-1], *strings))))
    return Rows(columns, texts, labels, lines)


def _check_json_types(where: str, columns: Columns, record: dict[str, Any]) -> None:
    for name in columns.texts:
        text = record.get(name)
        if not (isinstance(text, str) or label_name(text) is None):
            raise InputError(
                f"{where}: {name!r} is {json_type(text)}, not a text. Choose the text column with --text COLUMN."
            )
    for name in columns.labels:
        field = record.get(name)
        if isinstance(field, dict) or (isinstance(field, list) and len(columns.labels) > 1):
            raise InputError(
                f"{where}: {name!r} is {json_type(field)}, not a label. Choose the label column with --label COLUMN."
            )


def _parse_object(where: str, content: str) -> dict[str, Any]:
    try:
        record = json.loads(content, object_pairs_hook=_unique_names)
    except InputError as error:
        raise InputError(f"{where}: {error}") from None
    except (ValueError, RecursionError) as error:
        reason = error.msg if isinstance(error, json.JSONDecodeError) else "too long or too deep"
        raise InputError(f"{where}: this is not JSON ({reason}). Every line must be one JSON object.") from None
    if not isinstance(record, dict):
        raise InputError(f"{where}: this is {json_type(record)}. Every line must be one JSON object.")
    return record


def _unique_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) < len(pairs):
        name = next(name for name, times in Counter(name for name, _ in pairs).items() if times > 1)
        raise InputError(f"the name {name!r} occurs twice. Give each value its own name.")
    return record


def _refuse_surrogates(where: str, text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InputError(
            f"{where}: a text has an unpaired \\u surrogate, which is not a character. Fix or remove it."
        ) from None


def _read_parquet(path: Path, wanted: ColumnOptions) -> Rows:
    pyarrow = public.import_pyarrow(path)
    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            schema = file.schema_arrow
            columns = _choose_columns(path, schema.names, wanted)
            _check_arrow_types(path, columns, schema, pyarrow.types)
            names = [*columns.texts, *columns.labels]
            table = file.read(columns=names)
            values = {name: table.column(name).to_pylist() for name in names}
            texts = [_join_texts(fields) for fields in zip(*(values[name] for name in columns.texts), strict=True)]
            labels = [_unpack_single([values[name][row] for name in columns.labels]) for row in range(len(texts))]
            return Rows(columns, texts, labels, None)
    except (pyarrow.ArrowException, OSError, UnicodeDecodeError):
        raise InputError(f"{path} is not a complete Parquet file. Write or download it again.") from None


def _check_arrow_types(path: Path, columns: Columns, schema: Any, types: Any) -> None:
    """Raise an InputError if the Arrow type of a column cannot be a text or a label.

    `schema` is the Arrow schema of the table, and `types` is the module pyarrow.types.
    """

    def type_of(name: str) -> Any:
        found = schema.field(name).type
        return found.value_type if types.is_dictionary(found) else found  # categories

    for name in columns.texts:
        if str(type_of(name)) not in _TEXT_TYPES:
            raise _wrong_type(path, name, type_of(name), "texts", "--text")
    for name in columns.labels:
        label = type_of(name)
        is_list = types.is_list(label) or types.is_large_list(label) or types.is_fixed_size_list(label)
        if is_list and len(columns.labels) == 1 and str(label.value_type) in _TEXT_TYPES:
            continue
        if types.is_nested(label) or types.is_temporal(label) or "binary" in str(label):
            raise _wrong_type(path, name, label, "labels", "--label")


def _wrong_type(path: Path, name: str, found: object, noun: str, option: str) -> InputError:
    return InputError(
        f"The column {name!r} of {path} has the type {found}, not {noun}. Choose another column with {option} COLUMN."
    )


_READERS = {
    ".csv": _read_csv,
    ".tsv": _read_csv,
    ".parquet": _read_parquet,
    ".jsonl": _read_json_lines,
    ".ndjson": _read_json_lines,
}
