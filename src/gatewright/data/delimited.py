"""Read tables of text: one row on each line, with fields separated by a delimiter."""

import csv
import io
import re
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from gatewright.data.files import Decoded
from gatewright.support.errors import InputError
from gatewright.support.progress import Ticker, print_status

DELIMITERS = "\t;|,"
"""The characters that may separate the fields of a row. If several fit equally well, the first is chosen."""

# Number of lines from which the delimiter, the header and the quoting are found.
_SAMPLE = 400
# A preamble has at most this many lines.
_MAX_PREAMBLE = 40
_CHUNK = 1 << 14
_MAX_FIELD_LENGTH = 2**31 - 1
_COMMENTS = ("#", "%", "//")
_MAX_SHOWN = 60

_NUMBER = re.compile(r"[-+]?[$€£¥]?[-+]?(\d[\d.,' ]*|[.,]\d+)(e[-+]?\d+)?\s*[%€KMB]?", re.IGNORECASE)
_TIME = re.compile(r"[\dTZ:/.,\- +]*\d[\dTZ:/.,\- +]*|\d{1,2}[- ][A-Za-z]{3,9}[- ]\d{2,4}.*")


class DelimitedTable(NamedTuple):
    """The fields of a table of text, exactly as written.

    Attributes:
        columns: A pyarrow.Table with a column of strings for each field of the header. Names may occur twice.
        lines: The line number of each row, from 1.
        notes: Sentences for reports about what was assumed or left out.
    """

    columns: Any
    lines: Sequence[int]
    notes: tuple[str, ...]


class _Layout(NamedTuple):
    """How the lines of a file form a table.

    Attributes:
        delimiter: The character between fields.
        quoting: `csv.QUOTE_MINIMAL`, or `csv.QUOTE_NONE` if quotation marks are characters like any other.
        skipped: Number of lines before the first line of the table.
        header: The names of the columns if the file has no header line, otherwise None.
        extra_name: True if rows have one field more than the header, as in files written by R: the names of the rows.
    """

    delimiter: str
    quoting: int
    skipped: int
    header: tuple[str, ...] | None
    extra_name: bool


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
    layout, notes = _find_layout(path, text, header)
    table = _read_rows(path, text, layout)
    return table._replace(notes=tuple(note for note in (decoded.note, *notes, *table.notes) if note))


def _find_layout(path: Path, text: str, header: bool | None) -> tuple[_Layout, list[str]]:
    lines = [line for _, line in zip(range(_SAMPLE + _MAX_PREAMBLE), io.StringIO(text, newline=None), strict=False)]
    lines = [line.rstrip("\n") for line in lines]
    comments = _leading_comments(lines)
    delimiter = _find_delimiter(path, lines[comments:])
    quoting, note = _find_quoting(path, lines[comments:], delimiter)
    notes = [note] if note else []
    # A comment that has a field for each column, right before the rows, is the header.
    rows = _sample_rows(lines[comments:], delimiter, quoting)
    width = _body_width(rows)
    if comments and rows and width > 1:
        last = _fields(lines[comments - 1].lstrip("#%/ "), delimiter, quoting)
        if len(last) == width and not _looks_like_names(rows, 0) and not any(map(_is_value, last)):
            comments -= 1
            rows = [last, *rows]
    preamble = _preamble(lines[comments:], rows, width)
    skipped = comments + preamble
    rows = _sample_rows(lines[skipped:], delimiter, quoting)
    if skipped:
        notes.append(f"The first {skipped} line{'s' * (skipped > 1)} of {path} before the table were skipped.")
    extra_name = len(rows) > 1 and len(rows[0]) == width - 1 and all(len(row) == width for row in rows[1:])
    has_header = header if header is not None else extra_name or _looks_like_names(rows, 0)
    if has_header:
        return _Layout(delimiter, quoting, skipped, None, extra_name), notes
    names = tuple(f"column {number}" for number in range(1, len(rows[0]) + 1))
    notes.append(f"{path} has no line with the names of its columns. They are called {_listed(names)}.")
    return _Layout(delimiter, quoting, skipped, names, False), notes


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]!r} to {names[-1]!r}"


def _leading_comments(lines: Sequence[str]) -> int:
    """Return the number of comment lines at the start. A first line such as "#,name" is a header, not a comment."""
    count = 0
    while count < len(lines) and (lines[count].startswith(_COMMENTS) or not lines[count].strip()):
        count += 1
    first_is_header = re.match(r"#[\t;|,]", lines[0]) is not None if lines else False
    return 0 if first_is_header or count == len(lines) else count


def _find_delimiter(path: Path, lines: Sequence[str]) -> str:
    """Return the delimiter with which most lines have the same number of fields."""
    scores = {}
    for place, delimiter in enumerate(DELIMITERS):
        rows = _sample_rows(lines, delimiter, csv.QUOTE_MINIMAL)
        widths = Counter(map(len, rows))
        width, count = max(widths.items(), key=lambda item: (item[1], item[0])) if widths else (1, 0)
        # A text file may be one column of numbers with decimal commas; a .tsv file has tabs, even in one column.
        share = count / len(rows) if width > 1 else 0.0
        whole = share == 1
        wanted = path.name.lower().split(".")[-1] == "tsv" and delimiter == "\t"
        scores[delimiter] = (wanted and width > 1, whole, -place if whole else 0, share, width)
    best = max(scores, key=lambda delimiter: scores[delimiter])
    return best if scores[best][4] > 1 else ","


def _find_quoting(path: Path, lines: Sequence[str], delimiter: str) -> tuple[int, str]:
    """Return how quotation marks are read. A file with tabs has quoting only if all its quotation marks enclose fields.

    Return also a note if quotation marks are read as characters.
    """
    if delimiter != "\t" or not any('"' in line for line in lines):
        return csv.QUOTE_MINIMAL, ""
    fields = [field for line in lines for field in line.split("\t") if '"' in field]
    enclosed = [field for field in fields if len(field) > 1 and field.startswith('"') and field.endswith('"')]
    if len(enclosed) == len(fields):
        return csv.QUOTE_MINIMAL, ""
    return csv.QUOTE_NONE, f"Quotation marks in {path} were read as characters, because not all of them enclose fields."


def _sample_rows(lines: Sequence[str], delimiter: str, quoting: int) -> list[list[str]]:
    """Return the fields of the first rows. The last row of a long sample is left out: it may be cut."""
    text = "\n".join(lines)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, quoting=quoting)  # type: ignore[arg-type]
    rows = []
    csv.field_size_limit(_MAX_FIELD_LENGTH)
    try:
        rows = [row for row in reader if row]
    except csv.Error:
        rows = [_fields(line, delimiter, csv.QUOTE_NONE) for line in lines if line]
    return rows[:-1] if len(lines) >= _SAMPLE else rows


def _fields(line: str, delimiter: str, quoting: int) -> list[str]:
    return next(csv.reader([line], delimiter=delimiter, quoting=quoting), [])  # type: ignore[arg-type]


def _body_width(rows: Sequence[Sequence[str]]) -> int:
    """Return the number of fields of most rows in the second half of the sample."""
    widths = Counter(len(row) for row in rows[len(rows) // 2 :])
    return widths.most_common(1)[0][0] if widths else 0


def _preamble(lines: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> int:
    """Return the number of lines before the header that are not part of the table, such as a title.

    The lines before the first line with `width` fields are a preamble if all later lines of the sample have `width`
    fields too; and so is a short block of lines that ends with an empty line.
    """
    blank = next((place for place, line in enumerate(lines[:_MAX_PREAMBLE]) if not line.strip()), None)
    if blank is not None and blank + 2 < len(lines) and len(lines) - blank > 2 * blank:
        return blank + next(place for place, line in enumerate(lines[blank:]) if line.strip())
    widths = [len(row) for row in rows]
    if width < 2 or not widths or widths[0] == width:
        return 0
    first = next((place for place, found in enumerate(widths[:_MAX_PREAMBLE]) if found == width), 0)
    is_row_names = first == 1 and widths[0] == width - 1 and not _looks_like_names(rows, 1)
    return 0 if is_row_names or any(found != width for found in widths[first:]) else first


def _is_value(field: str) -> bool:
    """Return True if a field looks like a number or a time, not like a name."""
    return bool(_NUMBER.fullmatch(field.strip()) or _TIME.fullmatch(field.strip()))


def _looks_like_names(rows: Sequence[Sequence[str]], place: int) -> bool:
    """Return True if a row looks like the names of the columns, compared with the rows after it."""
    names, body = rows[place], rows[place + 1 :]
    if not body or len(set(names)) < len([name for name in names if name.strip()]):
        return not body
    columns = [
        [row[column] for row in body if column < len(row) and row[column].strip()] for column in range(len(names))
    ]
    for name, values in zip(names, columns, strict=True):
        if values and not _is_value(name) and name.strip() and all(map(_is_value, values)):
            return True  # a word above numbers or times
    if any(map(_is_value, names)):
        numbers = [int(name) for name in names if name.strip().isdecimal()]
        years = len(numbers) > 4 and all(after - before == 1 for before, after in pairwise(numbers))
        dates = sum(bool(_TIME.fullmatch(name.strip()) and not _NUMBER.fullmatch(name.strip())) for name in names)
        below = [value for values in columns for value in values[:1]]
        return years or (
            dates > 4 and not any(_TIME.fullmatch(value) and not _NUMBER.fullmatch(value) for value in below)
        )
    # All fields are words: names do not occur again, but a label does.
    return not any(
        name in values and len(set(values)) <= len(values) / 2 for name, values in zip(names, columns, strict=True)
    )


def _read_rows(path: Path, text: str, layout: _Layout) -> DelimitedTable:
    """Read all rows, as columns of strings."""
    import pyarrow as pa

    records = _records(path, text, layout)
    names: list[str] = list(layout.header or ())
    if layout.header is None:
        names = [name.strip() for name in next(records, (0, [""]))[1]]
        names = ["", *names] if layout.extra_name else names
    width, notes = len(names), []
    chunks: list[list[list[str]]] = []
    lines, chunk, ticker, empty = array("L"), [], Ticker(), 0
    footer: list[tuple[int, list[str]]] = []
    for line, fields in records:
        if len(fields) > 1 and not any(map(str.strip, fields)):
            empty += 1
            continue
        if footer:
            if len(fields) == width:
                raise _wrong_width(path, *footer[0], width)
            footer.append((line, fields))
            continue
        if len(fields) != width:
            # Empty fields at the end are those of a delimiter at the end of the line.
            if len(fields) > width and not any(map(str.strip, fields[width:])):
                fields = fields[:width]
            elif lines and len(fields) < width and len(fields) <= 2 and not any(map(_is_value, fields)):
                footer = [(line, fields)]
                continue
            else:
                raise _wrong_width(path, line, fields, width)
        chunk.append(fields)
        lines.append(line)
        if len(chunk) == _CHUNK:
            chunks.append([list(column) for column in zip(*chunk, strict=True)])
            chunks[-1] = [pa.array(column, pa.string()) for column in chunks[-1]]
            chunk = []
            if ticker.due():
                print_status(f"{len(lines):,} rows of {path} read.")
    if chunk or not chunks:
        columns = zip(*chunk, strict=True) if chunk else [()] * width
        chunks.append([pa.array(list(column), pa.string()) for column in columns])
    if len(footer) > 2:
        raise _wrong_width(path, *footer[0], width)
    if footer:
        shown = footer[0][1][0][:_MAX_SHOWN]
        notes.append(f"The end of {path}, from line {footer[0][0]} ({shown!r}), is not a row and was left out.")
    if empty:
        notes.append(f"{empty:,} empty rows of {path} were left out.")
    arrays = [pa.chunked_array([part[place] for part in chunks], pa.string()) for place in range(width)]
    kept = [place for place in range(width) if names[place] or not _is_empty(arrays[place])]
    table = pa.table([arrays[place] for place in kept], names=[names[place] for place in kept])
    return DelimitedTable(table, lines, tuple(notes))


def _is_empty(column: Any) -> bool:
    import pyarrow.compute as pc

    return len(column) > 0 and not pc.any(pc.greater(pc.utf8_length(pc.utf8_trim_whitespace(column)), 0)).as_py()


def _wrong_width(path: Path, line: int, fields: Sequence[str], width: int) -> InputError:
    return InputError(
        f"{path}, line {line}: the row has {len(fields)} field{'s' * (len(fields) != 1)}, but the header has {width}. "
        'Fix the row, and put fields that contain the delimiter or a line break into "quotes".'
    )


def _records(path: Path, text: str, layout: _Layout) -> Iterator[tuple[int, list[str]]]:
    """Yield the line number and the fields of each table row that is not empty. A row may extend over several lines."""
    stream = io.StringIO(text, newline="")
    for _ in range(layout.skipped):
        stream.readline()
    start = stream.tell()
    if layout.header is None and text[start : start + 2].startswith(("# ", "%")):
        stream.seek(start + len(re.match(r"[#% ]+", text[start:]).group()))  # type: ignore[union-attr]
    # Without strict, a quote that is never closed would swallow the rest of the file.
    reader = csv.reader(stream, delimiter=layout.delimiter, strict=True, quoting=layout.quoting)  # type: ignore[arg-type]
    csv.field_size_limit(_MAX_FIELD_LENGTH)
    while True:
        line = layout.skipped + reader.line_num + 1
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
