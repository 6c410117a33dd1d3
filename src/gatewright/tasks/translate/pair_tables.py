"""Read sentences and their translations from the columns of a table."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from gatewright.data import tables
from gatewright.data.tables import Table
from gatewright.support.errors import InputError
from gatewright.tasks.translate.parallel_files import Sides

# The column of objects with a field for each language, in data sets of the Hugging Face Hub.
_NESTED = "translation"


def read_pair_table(path: Path, source: str, target: str, header: str | None) -> Sides:
    """Read two columns of a table. A missing value is an empty sentence.

    Args:
        path: The file.
        source, target: The names of the columns, or their numbers, counted from 1.
        header: "first" if the first line of a table of text has the names of the columns, "none" if no line has. None
            finds out, except that columns given by name have their names there.

    Raises:
        ImportError: pyarrow is not installed.
        InputError: The table cannot be read, or does not have two such columns of text.
    """
    table = _read(path, (source, target), header)
    names = [_column_name(table, option, given) for option, given in (("source", source), ("target", target))]
    if names[0] == names[1]:
        raise InputError(f"--source {source} and --target {target} are the same column of {path}. Choose two columns.")
    columns = [_texts(table, name) for name in names]
    numbers, unit = (range(1, table.rows + 1), "row") if table.lines is None else (table.lines, "line")
    return Sides(str(path), columns[0], columns[1], numbers, unit, table.notes)


def read_column(path: Path, source: str, header: str | None) -> tuple[list[str], tuple[str, ...]]:
    """Return the sentences in one column of a table, and notes. Arguments and errors are as for `read_pair_table`."""
    table = _read(path, (source,), header)
    return _texts(table, _column_name(table, "source", source)), table.notes


def _read(path: Path, columns: Sequence[str], header: str | None) -> Table:
    is_named = not any(map(str.isdecimal, columns))
    table = tables.read_table(path, True if header is None and is_named else tables.parse_header(header))
    if not table.rows:
        raise InputError(f"{path} has no rows. It needs a row for each sentence and its translation.")
    return _with_languages(table)


def _with_languages(table: Table) -> Table:
    """Return the table with a further column for each field of the column `translation`, if it has objects."""
    from pyarrow import compute, types

    if _NESTED not in table.names or _NESTED in table.problems or not types.is_struct(table.column(_NESTED).type):
        return table
    nested, columns = table.column(_NESTED), table.columns
    for place in range(nested.type.num_fields):
        columns = columns.append_column(nested.type.field(place).name, compute.struct_field(nested, [place]))
    return replace(table, columns=columns)


def _column_name(table: Table, option: str, given: str) -> str:
    names = table.names
    if given not in names and given.isdecimal() and len(given) < 10 and 0 < int(given) <= len(names):
        given = names[int(given) - 1]
    tables.require_column(table.path, option, given, names)
    table.require_unique([given])
    return given


def _texts(table: Table, name: str) -> list[str]:
    column = table.column(name)
    if not _is_text(column.type):
        raise InputError(
            f"Column {name!r} of {table.path} has values of the type {column.type}, not sentences. Choose another "
            "column with --source or --target."
        )
    return ["" if value is None else value for value in column.to_pylist()]


def _is_text(found: Any) -> bool:
    """Return True for a pyarrow type of strings, and for that of a column in which all values are missing."""
    from pyarrow import types

    own = found.value_type if types.is_dictionary(found) else found
    return str(own) in ("string", "large_string", "string_view", "null")
