"""Read tables of any format into one type: a pyarrow table with the line number of each row."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from gatewright.data import files, public
from gatewright.data.delimited import read_delimited
from gatewright.data.json_tables import read_json
from gatewright.data.parquet import parquet_names, read_parquet
from gatewright.support.errors import InputError, OptionError, nearest

_COLUMNS_SHOWN = 20


@dataclass(frozen=True)
class Table:
    """The columns of a table.

    Attributes:
        path: The file, for messages.
        columns: A pyarrow.Table. In tables of text, such as .csv, all columns are strings exactly as written, and
            missing fields are empty strings. In other tables, columns have the types of the file, and missing values
            are null. Two columns may have the same name; see `require_unique`.
        lines: The line number of each row, from 1. None if the file is not a text file.
        notes: Sentences for reports about what was assumed when the table was read.
        delimiter: The character between the fields of a table of text, otherwise empty.
        as_written: True for a table of text, whose columns are strings exactly as written.
        problems: Why a column cannot be read, with the names of such columns as keys. `column` raises it as an error.
    """

    path: Path
    columns: Any
    lines: Sequence[int] | None = None
    notes: tuple[str, ...] = ()
    delimiter: str = ""
    as_written: bool = False
    problems: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def names(self) -> list[str]:
        """The names of the columns."""
        return list(self.columns.column_names)

    @cached_property
    def _places(self) -> dict[str, int]:
        """The index of the first column with each name."""
        return {name: place for place, name in reversed(list(enumerate(self.names)))}

    @property
    def rows(self) -> int:
        """The number of rows."""
        return int(self.columns.num_rows)

    def column(self, name: str) -> Any:
        """Return the pyarrow column with this name.

        Raises:
            InputError: The values of the column do not have one type.
        """
        if name in self.problems:
            raise InputError(self.problems[name])
        return self.columns.column(self._places[name])

    def where(self, row: int) -> str:
        """Return a description of where a row is, such as "a.csv, line 3" or "a.parquet, row 2". Rows count from 0."""
        return row_location(self.path, self.lines, row)

    def require_unique(self, names: Sequence[str]) -> None:
        """Raise an error if one of the named columns occurs twice.

        Raises:
            InputError: Two columns have this name.
        """
        counts = Counter(self.names)
        for name in names:
            if counts[name] > 1:
                raise InputError(f"{self.path} has {counts[name]} columns {name!r}. Give each its own name.")


def is_table(path: Path) -> bool:
    """Return True if the file name has the suffix of a table, which may be compressed."""
    return files.is_table(path)


def read_table(path: Path, header: bool | None = None) -> Table:
    """Read a table. Files that are not Parquet or JSON are read as text with delimiters.

    Args:
        path: The file, which may be compressed.
        header: Whether the first line of a table of text has the names of the columns. None finds out.

    Raises:
        ImportError: pyarrow is not installed.
        InputError: The table cannot be read.
    """
    public.import_pyarrow(path)
    if files.inner_name(path).endswith(".parquet"):
        return Table(path, read_parquet(path))
    is_json = files.inner_name(path).endswith((".json", ".jsonl", ".ndjson"))
    return parse_table(path, files.read_text(path), "json" if is_json else "delimited", header)


def parse_table(path: Path, decoded: files.Decoded, kind: str, header: bool | None = None) -> Table:
    """Return the table in a text.

    Args:
        path: The file, for messages.
        decoded: The text.
        kind: "json" or "delimited".
        header: See `read_table`.

    Raises:
        ImportError: pyarrow is not installed.
        InputError: The text is not a table of this kind.
    """
    public.import_pyarrow(path)
    if kind == "delimited":
        return Table(path, *read_delimited(path, decoded, header), as_written=True)
    columns, lines, notes, problems = read_json(path, decoded.text)
    return Table(path, columns, lines, (decoded.note, *notes) if decoded.note else notes, problems=problems)


def parse_header(header: str | None) -> bool | None:
    """Return the `header` argument of `read_table` for the option `--header`, which is "first", "none" or not given.

    Raises:
        InputError: The option has another value.
    """
    if header is not None and header not in ("first", "none"):
        raise InputError(f"--header must be first or none, not {header!r}.")
    return None if header is None else header == "first"


def column_names(path: Path) -> list[str]:
    """Return the column names of a table, or an empty list if the file cannot be read as a table."""
    try:
        if files.inner_name(path).endswith(".parquet"):
            public.import_pyarrow(path)
            return parquet_names(path)
        return read_table(path).names
    except (OSError, ValueError, ImportError):  # pyarrow's errors are ValueErrors; `read_table` reports them
        return []


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
        OptionError: `name` is not in `names`.
    """
    if name not in names:
        raise OptionError(
            f"--{option} {name!r} is not a column of {path}, which has {quoted(names)}{nearest(name, names)}",
            option.replace("-", "_"),
        )


def column_list(given: str, names: Sequence[str]) -> list[str]:
    """Split `given`, column names separated by commas. If `given` as a whole is in `names`, return only this name."""
    return [given] if given in names else [name.strip() for name in given.split(",")]


def quoted(names: Sequence[str]) -> str:
    """Return the first names in quotation marks, separated by commas, for messages."""
    return ", ".join(map(repr, names[:_COLUMNS_SHOWN])) + (", ..." if len(names) > _COLUMNS_SHOWN else "")
