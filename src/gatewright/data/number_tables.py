"""Files of numbers: tables as pyarrow reads them, and archives of NumPy arrays."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewright.data import public
from gatewright.support.errors import InputError

SUFFIXES = (".csv", ".tsv", ".parquet", ".csv.gz", ".tsv.gz")
"""What the names of tables end with."""

_DELIMITERS = ",;\t|"
_MISSING = ["", "?", "NA", "NaN", "nan", "null", "N/A"]
# Bytes in which a header ends, and letters of a value that is refused.
_HEADER, _SHOWN = 1 << 16, 40


def is_table(path: Path) -> bool:
    """Whether a file is such a table, by its name."""
    return path.name.lower().endswith(SUFFIXES)


def columns_of(path: Path) -> list[str]:
    """The columns of a table, or none where it can't be read as one."""
    try:
        if path.suffix.lower() == ".parquet":
            with public.library(path).parquet.ParquetFile(path) as file:
                return list(file.schema_arrow.names)
        header = _header(path)
        return [name.strip().strip('"') for name in header.split(_delimiter(path, header))]
    except (OSError, ValueError, ImportError):  # pyarrow's own errors are ValueErrors; who reads the table says why
        return []


def read_table(path: Path) -> Any:
    """The table, as pyarrow has it.

    Raises:
        ImportError: pyarrow is not installed.
        InputError: it can't be read, or has two columns of one name.
    """
    pyarrow = public.library(path)
    try:
        table = pyarrow.parquet.read_table(path) if path.suffix.lower() == ".parquet" else _text_table(path)
    except InputError:
        raise
    except OSError as error:
        raise InputError(f"{path} can't be read ({error.strerror or error}): make it a readable file.") from None
    except (pyarrow.ArrowException, ValueError) as error:
        why = " ".join(str(error).split())[:120].rstrip(".")
        raise InputError(f"{path} can't be read as a table ({why}): write it again.") from None
    names = table.column_names
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise InputError(f"{path} has two columns {twice[0]!r}: give each a name of its own.")
    return table


def _header(path: Path) -> str:
    """The first line of a text file, which may be compressed."""
    import pyarrow

    with pyarrow.input_stream(str(path), compression="detect") as stream:
        first: str = stream.read(_HEADER).split(b"\n")[0].decode("utf-8-sig")
    return first.rstrip("\r")


def _delimiter(path: Path, header: str) -> str:
    return "\t" if ".tsv" in path.suffixes else max(_DELIMITERS, key=header.count)


def _text_table(path: Path) -> Any:
    from pyarrow import csv

    header = _header(path)
    if not header.strip():
        raise InputError(f"{path} has no rows: it is empty.")
    convert = csv.ConvertOptions(null_values=_MISSING, strings_can_be_null=True)
    return csv.read_csv(
        path, parse_options=csv.ParseOptions(delimiter=_delimiter(path, header)), convert_options=convert
    )


def is_numeric(column: Any) -> bool:
    """Whether a column holds numbers, by its type."""
    from pyarrow import types

    kind = column.type
    return bool(types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind))


def numbers(path: Path, name: str, column: Any, remedy: str) -> NDArray[np.float64]:
    """A column of numbers or truth values, NaN where one is missing.

    Args:
        path, name: of the column, for a reader.
        column: as pyarrow has it.
        remedy: what to do where it holds something else.

    Raises:
        InputError: it does.
    """
    from pyarrow import compute, types

    if types.is_null(column.type):
        return np.full(len(column), np.nan)
    if types.is_boolean(column.type):
        column = compute.cast(column, "int8")
    elif not is_numeric(column):
        values = column.to_pylist()
        row = next((place for place, value in enumerate(values) if not _is_number(value)), 0)
        raise InputError(
            f"the column {name!r} of {path} must hold numbers, and row {row + 1} has {str(values[row])[:_SHOWN]!r}: "
            f"mend it, or {remedy}."
        )
    read: NDArray[np.float64] = compute.cast(column, "float64").to_numpy(zero_copy_only=False).astype(np.float64)
    return read


def _is_number(value: object) -> bool:
    try:
        float(str(value))
    except ValueError:
        return value is None
    return True


def read_archive(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays of a .npz archive by name.

    Raises:
        InputError: it is none, or holds objects.
        OSError: it can't be read.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (ValueError, KeyError, zipfile.BadZipFile, EOFError, AttributeError):
        raise InputError(
            f"{path} is not an archive of plain arrays: write numbers and texts with numpy.savez, no objects."
        ) from None
