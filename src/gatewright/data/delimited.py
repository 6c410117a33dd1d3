"""Read tables of text: one row on each line, with fields separated by a delimiter."""

import csv
import io
import re
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from gatewright.data.files import Decoded
from gatewright.data.layout import COMMENTS, MAX_FOOTER, Layout, find_layout, fits_width, is_footer, is_rule
from gatewright.support.errors import InputError
from gatewright.support.progress import Ticker, print_status

_CHUNK = 1 << 14
_MAX_SHOWN = 60
_DELIMITER_LINE = re.compile(r'\A"?sep=[^\r\n]"?(\r?\n)')  # for Excel; the delimiter is found without it
_PAGE = re.compile(r"\s*<(!doctype html|html)\b", re.IGNORECASE)


class DelimitedTable(NamedTuple):
    """The fields of a table of text, exactly as written.

    Attributes:
        columns: A pyarrow.Table with a column of strings for each field of the header. Names may occur twice.
        lines: The line number of each row, from 1.
        notes: Sentences for reports about what was assumed or left out.
        delimiter: The character between the fields.
    """

    columns: Any
    lines: Sequence[int]
    notes: tuple[str, ...]
    delimiter: str


def read_delimited(path: Path, decoded: Decoded, header: bool | None = None) -> DelimitedTable:
    """Read a table of text. The delimiter, quoting, comments and a missing header are found from the first lines.

    Args:
        path: The file, for messages.
        decoded: The text of the file.
        header: Whether the first line of the table has the names of the columns. None finds out.

    Raises:
        InputError: The text is not a table.
    """
    text = decoded.text
    if not text.strip():
        raise InputError(f"{path} has no rows: it is empty.")
    if _PAGE.match(text):
        raise InputError(f"{path} is a web page, not a table. Download the file itself.")
    text = _DELIMITER_LINE.sub(r"\1", text)
    layout, notes = find_layout(path, text, header)
    table = _read_rows(path, text, layout)
    return table._replace(notes=tuple(note for note in (decoded.note, *notes, *table.notes) if note))


def _read_rows(path: Path, text: str, layout: Layout) -> DelimitedTable:
    """Read all rows, as columns of strings."""
    import pyarrow as pa

    rows = _Rows(path, layout)
    chunks: list[list[Any]] = []
    chunk, ticker = [], Ticker()
    for fields in rows.read(text):
        chunk.append(fields)
        if len(chunk) == _CHUNK:
            chunks.append(_arrays(chunk, rows.width))
            chunk = []
            if ticker.due():
                print_status(f"{len(rows.lines):,} rows of {path} read.")
    chunks.append(_arrays(chunk, rows.width))
    columns = [pa.chunked_array([part[place] for part in chunks], pa.string()) for place in range(rows.width)]
    kept = [place for place in range(rows.width) if rows.names[place] or not _is_empty(columns[place])]
    table = pa.table([columns[place] for place in kept], names=[rows.names[place] for place in kept])
    return DelimitedTable(table, rows.lines, rows.notes(), layout.dialect.delimiter)


class _Rows:
    """Read the rows of a table, and count the lines that are left out.

    Attributes:
        names: The names of the columns.
        width: The number of columns. A row may lack fields at its end whose columns have no name.
        lines: The line number of each row that has been read.
    """

    def __init__(self, path: Path, layout: Layout) -> None:
        self.names = list(layout.header or ())
        self.width = len(self.names)
        self.lines = array("L")
        self._path, self._layout = path, layout
        self._empty, self._named = 0, self.width
        self._comments: list[int] = []
        self._footer: list[tuple[int, list[str]]] = []

    def read(self, text: str) -> Iterator[list[str]]:
        """Yield the fields of each row."""
        stream = io.StringIO(text, newline="")
        for _ in range(self._layout.skipped):
            stream.readline()
        reader, skipped = self._layout.dialect.reader(stream), self._layout.skipped
        line, width, append, boxed = skipped + 1, self.width, self.lines.append, self._layout.boxed
        try:
            for fields in reader:
                if not width:  # up to the header
                    self._read_header(fields)
                    width = self.width
                elif len(fields) == width and fields[0] and not (boxed or self._footer):
                    append(line)
                    yield fields
                elif self._is_row(line, fields):
                    append(line)
                    yield [field.strip() for field in fields[:width]] if boxed else fields[:width]
                line = skipped + reader.line_num + 1
        except csv.Error as error:
            raise InputError(
                f"{self._path}, line {line}: {error}. Close every quoted field, and double the quotes inside one."
            ) from None

    def _read_header(self, fields: Sequence[str]) -> None:
        if not any(map(str.strip, fields)) or (self._layout.boxed and is_rule(fields)):
            return
        names = [name.strip() for name in fields]
        if self._layout.commented:
            names[0] = names[0].lstrip("#%/ ")
        self.names = ["", *names] if self._layout.extra_name else names
        self.width = len(self.names)
        self._named = max((place for place, name in enumerate(self.names, 1) if name), default=self.width)

    def _is_row(self, line: int, fields: list[str]) -> bool:
        """Return True if the fields are a row. Otherwise count them as something that is left out.

        Raises:
            InputError: The fields are neither.
        """
        width = self.width
        if not fields or (len(fields) < width and not any(map(str.strip, fields))):
            return False  # an empty line
        if self._layout.boxed and is_rule(fields):
            return False
        if self._footer:
            if len(fields) >= width or len(self._footer) == MAX_FOOTER:
                raise self._wrong_width(*self._footer[0])
            self._footer.append((line, fields))
            return False
        if width > 1 and not any(map(str.strip, fields)):
            self._empty += 1
            return False
        if fits_width(fields, width):
            return True
        if self._named <= len(fields) < width:
            fields += [""] * (width - len(fields))
            return True
        if fields[0].startswith(COMMENTS):
            self._comments.append(line)
        elif self.lines and is_footer(fields, width):
            self._footer.append((line, fields))
        else:
            raise self._wrong_width(line, fields)
        return False

    def notes(self) -> tuple[str, ...]:
        """Return sentences about the lines that were left out."""
        notes = []
        if self._footer:
            line, fields = self._footer[0]
            shown = fields[0].strip()[:_MAX_SHOWN]
            notes.append(f"The end of {self._path}, from line {line} ({shown!r}), is not a row and was left out.")
        if self._comments:
            count, line = len(self._comments), self._comments[0]
            left_out = "comment was left out: it is" if count == 1 else "comments were left out: the first is"
            notes.append(f"{self._path}: {count:,} {left_out} in line {line}.")
        if self._empty:
            rows, were = ("row", "was") if self._empty == 1 else ("rows", "were")
            notes.append(f"{self._empty:,} empty {rows} of {self._path} {were} left out.")
        return tuple(notes)

    def _wrong_width(self, line: int, fields: Sequence[str]) -> InputError:
        count, width = len(fields), self.width
        return InputError(
            f"{self._path}, line {line}: the row has {count} field{'s' * (count != 1)}, but the header has {width}. "
            'Fix the row, and put fields that contain the delimiter or a line break into "quotes".'
        )


def _arrays(rows: Sequence[Sequence[str]], width: int) -> list[Any]:
    """Return the columns of some rows as pyarrow arrays."""
    import pyarrow as pa

    columns = zip(*rows, strict=True) if rows else [()] * width
    return [pa.array(list(column), pa.string()) for column in columns]


def _is_empty(column: Any) -> bool:
    import pyarrow.compute as pc

    return len(column) > 0 and not pc.any(pc.greater(pc.utf8_length(pc.utf8_trim_whitespace(column)), 0)).as_py()
