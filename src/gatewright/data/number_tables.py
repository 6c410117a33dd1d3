"""Read tables of numbers with pyarrow, and archives of NumPy arrays."""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewright.data import public
from gatewright.data.tables import DELIMITERS
from gatewright.support.errors import InputError

SUFFIXES = (".csv", ".tsv", ".parquet", ".csv.gz", ".tsv.gz")
"""The suffixes of the files that are read as tables."""

MAX_SHOWN = 40
"""The maximum number of characters of an invalid value that an error message shows."""

_MISSING = ["", "?", "NA", "NaN", "nan", "null", "N/A"]
# The maximum length of a header, in bytes.
_MAX_HEADER = 1 << 16


def is_table(path: Path) -> bool:
    """Return True if the file name ends with a suffix in SUFFIXES."""
    return path.name.lower().endswith(SUFFIXES)


def column_names(path: Path) -> list[str]:
    """Return the column names of a table file, or an empty list if the file cannot be read as a table."""
    try:
        if path.suffix.lower() == ".parquet":
            with public.import_pyarrow(path).parquet.ParquetFile(path) as file:
                return list(file.schema_arrow.names)
        header = _header(path)
        return [name.strip().strip('"') for name in header.split(_delimiter(path, header))]
    except (OSError, ValueError, ImportError):  # pyarrow's errors are ValueErrors; `read_table` reports them
        return []


def read_table(path: Path) -> Any:
    """Read a table file and return a pyarrow.Table.

    Raises:
        ImportError: pyarrow is not installed.
        InputError: The table cannot be read, is empty, or has two columns with the same name.
    """
    pyarrow = public.import_pyarrow(path)
    try:
        table = pyarrow.parquet.read_table(path) if path.suffix.lower() == ".parquet" else _read_text_table(path)
    except InputError:
        raise
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror or error}). Make the file readable.") from None
    except (pyarrow.ArrowException, ValueError) as error:
        reason = " ".join(str(error).split())[:120].rstrip(".")
        raise InputError(f"{path} cannot be read as a table ({reason}). Write it again.") from None
    names = table.column_names
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise InputError(f"{path} has two columns {repeated[0]!r}. Give each its own name.")
    return table


def _header(path: Path) -> str:
    """Return the first line of a text file, which may be compressed."""
    import pyarrow

    with pyarrow.input_stream(str(path), compression="detect") as stream:
        return str(stream.read(_MAX_HEADER).split(b"\n")[0], "utf-8-sig").rstrip("\r")


def _delimiter(path: Path, header: str) -> str:
    return "\t" if ".tsv" in path.suffixes else max(DELIMITERS, key=header.count)


def _read_text_table(path: Path) -> Any:
    from pyarrow import csv

    header = _header(path)
    if not header.strip():
        raise InputError(f"{path} has no rows: it is empty. It needs a header and rows.")
    return csv.read_csv(
        path,
        parse_options=csv.ParseOptions(delimiter=_delimiter(path, header)),
        convert_options=csv.ConvertOptions(null_values=_MISSING, strings_can_be_null=True),
    )


def is_numeric(column: Any) -> bool:
    """Return True if the type of a pyarrow column is an integer, floating-point or decimal type."""
    from pyarrow import types

    found = column.type
    return bool(types.is_integer(found) or types.is_floating(found) or types.is_decimal(found))


def read_numbers(path: Path, name: str, column: Any, remedy: str) -> NDArray[np.float64]:
    """Convert a column of numbers or truth values to an array, [rows]. Missing values become NaN.

    Args:
        path: The path of the file, for error messages.
        name: The name of the column, for error messages.
        column: The pyarrow column.
        remedy: The end of the error message: what the user can do instead of fixing the value, such as "leave the
            column out".

    Raises:
        InputError: The column has values that are not numbers.
    """
    from pyarrow import compute, types

    if types.is_null(column.type):
        return np.full(len(column), np.nan)
    if types.is_boolean(column.type):
        column = compute.cast(column, "int8")
    elif not is_numeric(column):
        values = column.to_pylist()
        row = next((place for place, value in enumerate(values) if value is not None and not is_number(value)), 0)
        raise InputError(
            f"The column {name!r} of {path} must contain numbers, but row {row + 1} has "
            f"{str(values[row])[:MAX_SHOWN]!r}. Fix the row, or {remedy}."
        )
    return np.array(compute.cast(column, "float64").to_numpy(zero_copy_only=False), np.float64)


def is_number(value: object) -> bool:
    """Return True if a value can be read as a number."""
    try:
        float(str(value))
    except ValueError:
        return False
    return True


def read_archive(path: Path) -> dict[str, NDArray[Any]]:
    """Return the arrays of a .npz archive, with their names as keys.

    Raises:
        InputError: The file is not a .npz archive, or contains arrays of Python objects.
        OSError: The file cannot be read.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (ValueError, KeyError, zipfile.BadZipFile, EOFError, AttributeError):
        raise InputError(
            f"{path} is not an archive of plain arrays. Save arrays of numbers and strings, not of objects, with "
            "numpy.savez."
        ) from None
