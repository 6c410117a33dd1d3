"""Find out how a table contains series: one in each row (wide), or a step in each row (long)."""

import io
import re
from itertools import islice
from pathlib import Path

from gatewright.data.delimited import read_delimited
from gatewright.data.files import Decoded, inner_name, read_text
from gatewright.data.numbers import is_missing, is_number, read_number_columns, shown_names
from gatewright.data.tables import Table, read_table
from gatewright.support.errors import InputError
from gatewright.tasks.classify_series.options import SeriesOptions
from gatewright.tasks.classify_series.plain_rows import is_ucr
from gatewright.tasks.classify_series.wide_tables import find_wide, is_unnamed

# Number of lines that show what a table contains.
_ROWS = 1_000
_TEXT_NAMES = {"text", "texts", "sentence", "review", "tokens"}
_TIME = re.compile(r"[\dTZ:/.\- +]*\d[\dTZ:/.\- +]*( ?[AaPp][Mm])?")


def is_table_of_series(path: Path) -> bool:
    """Return True if a table contains series, judged by its columns: it has none of texts."""
    try:
        table = _first_rows(path)
    except (OSError, ValueError, ImportError):  # pyarrow's errors are ValueErrors; the reader of texts reports them
        return False
    names = table.names
    if _TEXT_NAMES & {name.lower() for name in names} or not table.rows:
        return False
    if {"id", "time"} <= set(names):
        return True
    wide = find_wide(names)
    if wide is not None:
        ends = [name for columns in wide.channels.values() for name in (columns[0], columns[-1])]
        return all(column.values is not None for column in read_number_columns(table, ends).values())
    return len(names) > 2 and has_numbers_only(table)


def find_layout(table: Table, options: SeriesOptions) -> str:
    """Return "wide", "long", or "file" for a table that is one series.

    Raises:
        InputError: It is not clear.
    """
    names = table.names
    if options.layout == "file" and not ("id" in names and options.window is None):
        return "file"
    if options.layout in ("wide", "long"):
        return options.layout
    if any(value is not None for value in (options.id, options.time, options.window)) or {"id", "time"} <= set(names):
        return "long"
    if is_ucr(table.path) or (_starts_with_steps(table) if is_unnamed(names) else find_wide(names) is not None):
        return "wide"
    raise InputError(
        f"It is not clear how {table.path} contains series. Its columns are {shown_names(names)}. Give --layout wide "
        "if each row is a series; --id, --time and --label if each row is a step; or --window, --time and --label if "
        "each row is a step with its own label."
    )


def _first_rows(path: Path) -> Table:
    """Return the first rows of a table, which show what it contains."""
    if inner_name(path).endswith((".parquet", ".json", ".jsonl", ".ndjson")):
        return read_table(path)
    decoded = read_text(path)
    lines = list(islice(io.StringIO(decoded.text, newline=None), _ROWS))
    if len(lines) < _ROWS:
        return read_table(path)
    try:
        return Table(path, *read_delimited(path, Decoded("".join(lines), decoded.note)), as_written=True)
    except InputError:  # a quoted field has more lines
        return read_table(path)


def _starts_with_steps(table: Table) -> bool:
    """Return True if the first row of a table has numbers in all columns besides the first or the last one."""
    values = [table.column(name)[0].as_py() for name in table.names[1:-1]]
    return all(value is None or is_missing(str(value)) or is_number(value) for value in values)


def has_numbers_only(table: Table) -> bool:
    """Return True if most columns are numbers, and the others are times, or have few values, like ids and labels."""
    columns = read_number_columns(table, list(dict.fromkeys(table.names)))
    values = {
        name: list(map(str, table.column(name).to_pylist())) for name, one in columns.items() if one.values is None
    }
    others = {name: texts for name, texts in values.items() if not all(map(_TIME.fullmatch, texts))}
    # One of the other columns has the labels, and there may be one of ids for each few columns of numbers.
    if len(columns) - len(values) < max(1, len(others) - 1):
        return False
    return all(len(set(texts)) <= table.rows / 2 for texts in others.values())
