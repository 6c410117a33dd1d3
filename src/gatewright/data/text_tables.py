"""Read the texts and labels of tables."""

import math
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from gatewright.data.columns import ColumnOptions, Columns, check_types, choose_columns
from gatewright.data.tables import Table, parse_header, read_table
from gatewright.support.errors import InputError

# Rows without a label or text are left out if they are at most this fraction of the rows.
_MAX_MISSING = 0.2

# As NumPy and C write numbers. Texts such as "1E2" may be codes.
_WITH_EXPONENT = re.compile(r"-?[0-9]\.[0-9]+e[+-][0-9]{2,3}")


class Rows(NamedTuple):
    """The texts and labels of a table, as the values in the file. Each list has an item for each row.

    Attributes:
        columns: The names of the columns that were read.
        texts: The text of each row, or None for a row without text.
        labels: The label field of each row, or a tuple of fields for each row if there are several label columns.
        lines: The line number of each row, or None if the file is not a text file.
        notes: Sentences for reports about what was assumed.
    """

    columns: Columns
    texts: Sequence[object]
    labels: Sequence[Any]
    lines: Sequence[int] | None
    notes: tuple[str, ...] = ()

    def take(self, places: Sequence[int]) -> "Rows":
        """Return the rows at the indices `places`."""
        lines = None if self.lines is None else [self.lines[place] for place in places]
        texts, labels = ([values[place] for place in places] for values in (self.texts, self.labels))
        return self._replace(texts=texts, labels=labels, lines=lines)


class TextColumn(NamedTuple):
    """The text of each row of a table.

    Attributes:
        texts: The texts.
        notes: Sentences for reports about what was assumed.
        found: The column, by the name of its option, if it was found.
    """

    texts: list[str]
    notes: tuple[str, ...]
    found: Mapping[str, str] = {}  # never changed


def read_rows(path: Path, wanted: ColumnOptions) -> Rows:
    """Read the wanted columns of a table.

    Raises:
        ImportError: pyarrow is not installed.
        InputError: The table cannot be read, or does not have a wanted column.
    """
    return rows_of_table(read_table(path, parse_header(wanted.header)), wanted)


def rows_of_table(table: Table, wanted: ColumnOptions) -> Rows:
    """Return the wanted columns of a table.

    Raises:
        InputError: The table does not have a wanted column.
    """
    if not table.names:
        return Rows(Columns((), ()), [], [], table.lines)
    columns, notes = choose_columns(table, wanted)
    check_types(table, columns)
    values = {name: table.column(name).to_pylist() for name in (*columns.texts, *columns.labels)}
    texts = [_join_texts(fields) for fields in zip(*(values[name] for name in columns.texts), strict=True)]
    labels = [_unpack_single([values[name][row] for name in columns.labels]) for row in range(len(texts))]
    # The labels of a field with several labels are never numbers or truth values.
    if table.as_written and wanted.separator is None:
        labels = [label_of_field(label) if isinstance(label, str) else label for label in labels]
    return Rows(columns, texts, labels, table.lines, (*table.notes, *notes))


def read_text_column(path: Path, text: str | None = None, header: str | None = None) -> TextColumn:
    """Return the text of each row of a table.

    Args:
        path: The file.
        text: The name of the text column, or several names separated by commas, whose texts are joined by line breaks.
            None finds the column.
        header: See `ColumnOptions`.

    Raises:
        ImportError: pyarrow is not installed.
        InputError: The table cannot be read, or a text is missing.
    """
    return text_column(read_table(path, parse_header(header)), text)


def text_column(table: Table, text: str | None = None) -> TextColumn:
    """Return the text of each row of a table, as `read_text_column` does.

    Raises:
        InputError: The table has no rows or not the column, or a text is missing.
    """
    wanted = ColumnOptions(text, labelled=False)
    rows = rows_of_table(table, wanted)
    if not rows.texts:
        raise InputError(f"{table.path} has no rows. It needs a row for each text.")
    require_all(table.path, "text", [not isinstance(text, str) for text in rows.texts], rows.lines)
    return TextColumn([str(text) for text in rows.texts], rows.notes, rows.columns.found(wanted))


def without_missing(path: Path, noun: str, missing: Sequence[bool], rows: Rows) -> Rows:
    """Return the rows that have a value, such as a text or a label, with a note on the rows that are left out.

    Args:
        path: The path of the table, for messages.
        noun: The name of the value, such as "text".
        missing: True for each row that lacks the value.
        rows: The rows.

    Raises:
        InputError: Too many rows lack the value.
    """
    if not any(missing):
        return rows
    count = sum(missing)
    if count > _MAX_MISSING * len(missing):
        require_all(path, noun, missing, rows.lines)
    first = missing.index(True)
    where = f"row {first + 1}" if rows.lines is None else f"in line {rows.lines[first]}"
    lacking = "has" if count == 1 else "have"
    left_out = "was left out. It is" if count == 1 else "were left out. The first is"
    note = f"{count:,} of {len(missing):,} rows of {path} {lacking} no {noun} and {left_out} {where}."
    kept = rows.take([place for place, lacks in enumerate(missing) if not lacks])
    return kept._replace(notes=(*kept.notes, note))


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

    Numbers and truth values become the same labels as in `label_name`: "1.0" and "1.000e+00" become "1", and "True"
    becomes "true".
    """
    bare = field.strip()
    if bare.lower() == "nan":
        return None
    if bare.lower() in ("true", "false"):
        return bare.lower()
    if _WITH_EXPONENT.fullmatch(bare):
        return label_name(float(bare))
    return bare.split(".")[0] if re.fullmatch(r"-?[0-9]+\.0+", bare) else field


def _join_texts(fields: Sequence[object]) -> object:
    """Join the text fields of a row by line breaks. Skip missing fields. Return None if all are missing."""
    if len(fields) == 1:
        return fields[0]
    present = [str(field) for field in fields if field is not None]
    return "\n".join(present) if present else None


def _unpack_single(fields: Sequence[object]) -> object:
    """Return the only field, or a tuple of the fields if there are several, or None if there are no fields."""
    return tuple(fields) if len(fields) > 1 else next(iter(fields), None)
