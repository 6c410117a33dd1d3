"""Choose the text and label columns of tables."""

import math
import re
from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from gatewright.data.tables import Table, column_list, quoted, read_table, require_column
from gatewright.support.errors import InputError

# Types of texts in Parquet files. The type null is that of a column of missing values.
_TEXT_TYPES = ("string", "large_string", "string_view", "null")


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


def read_rows(path: Path, wanted: ColumnOptions) -> Rows:
    """Read the wanted columns of a table.

    Raises:
        ImportError: pyarrow is not installed.
        InputError: The table cannot be read, or does not have a wanted column.
    """
    table = read_table(path)
    if not table.names:
        return Rows(Columns((), ()), [], [], table.lines)
    columns = _choose_columns(path, table.names, wanted)
    _check_types(table, columns)
    values = {name: table.column(name).to_pylist() for name in (*columns.texts, *columns.labels)}
    texts = [_join_texts(fields) for fields in zip(*(values[name] for name in columns.texts), strict=True)]
    labels = [_unpack_single([values[name][row] for name in columns.labels]) for row in range(len(texts))]
    # The labels of a field with several labels are never numbers or truth values.
    if table.as_written and wanted.separator is None:
        labels = [label_of_field(label) if isinstance(label, str) else label for label in labels]
    return Rows(columns, texts, labels, table.lines)


def read_text_column(path: Path, text: str | None = None) -> list[str]:
    """Return the text of each row of a table.

    `text` is the name of the text column, or several names separated by commas. None selects the column "text".
    The texts of several columns are joined by line breaks.

    Raises:
        ImportError: pyarrow is not installed.
        InputError: The table cannot be read, or a text is missing.
    """
    rows = read_rows(path, ColumnOptions(text, labelled=False))
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
        raise InputError(f"{path} has no column {' or '.join(map(repr, missing))}, only {quoted(names)}. Give {flags}.")
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


def _check_types(table: Table, columns: Columns) -> None:
    """Raise an InputError if the type of a column cannot be a text or a label."""
    from pyarrow import types

    for name in columns.texts:
        if str(table.column(name).type) not in _TEXT_TYPES:
            raise _wrong_type(table, name, "text")
    for name in columns.labels:
        found = table.column(name).type
        if _is_list(found) and len(columns.labels) == 1:
            found = found.value_type
        if types.is_nested(found) or types.is_temporal(found) or "binary" in str(found):
            raise _wrong_type(table, name, "label")


def _wrong_type(table: Table, name: str, noun: str) -> InputError:
    column = table.column(name)
    row = next(row for row, value in enumerate(column) if value.is_valid)
    return InputError(
        f"{table.where(row)}: {name!r} is {_type_name(column.type)}, not a {noun}. Choose another column with --{noun}."
    )


def _type_name(found: Any) -> str:
    """Return the name of a pyarrow type with an article, such as "a list", for error messages."""
    from pyarrow import types

    if types.is_struct(found) or types.is_map(found):
        return "an object"
    if _is_list(found):
        return "a list of lists" if _is_list(found.value_type) else "a list"
    if types.is_boolean(found):
        return "a truth value"
    return "a number" if types.is_integer(found) or types.is_floating(found) else f"of the type {found}"


def _is_list(found: Any) -> bool:
    from pyarrow import types

    return bool(types.is_list(found) or types.is_large_list(found) or types.is_fixed_size_list(found))
