"""Find out how the lines of a text file form a table: the delimiter, the quoting, and what surrounds the rows."""

import csv
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from gatewright.data.files import inner_name
from gatewright.data.headers import has_word_above_numbers, is_value, looks_like_names, surely_names

DELIMITERS = "\t;|,"
"""The characters that may separate the fields of a row. If several fit equally well, the first is chosen."""

COMMENTS = ("#", "%", "//")
"""The first characters of comment lines."""

# Number of rows from which the layout is found.
_SAMPLE = 400
# Limits on the number of lines that surround a table.
_MAX_PREAMBLE = 40
MAX_FOOTER = 2
_MAX_FIELD_LENGTH = 2**31 - 1
# The line below the header of tables such as "| a | b |".
_RULE = re.compile(r"\s*[-+|:= ]*-[-+|:= ]*")
_LINE = re.compile(r"[^\r\n]*+(?:\r\n|\n|\r)|[^\r\n]++")
_LINE_END = re.compile(r"\r\n|\n|\r")
_SPACED_QUOTE = re.compile(r"\s+\"")


class Dialect(NamedTuple):
    """The separation and quoting of fields.

    Attributes:
        delimiter: The character between fields.
        quoted: True if quotation marks enclose fields, False if they are characters like any other.
        escaped: True if a quotation mark inside a field is written with a backslash before it, not twice.
        spaced: True if spaces after a delimiter are not part of the field.
    """

    delimiter: str
    quoted: bool = True
    escaped: bool = False
    spaced: bool = False

    def reader(self, lines: Iterator[str]) -> Any:
        """Return a strict reader: without it, a quotation mark that is never closed would swallow the rest."""
        csv.field_size_limit(_MAX_FIELD_LENGTH)
        return csv.reader(
            lines,
            delimiter=self.delimiter,
            quoting=csv.QUOTE_MINIMAL if self.quoted else csv.QUOTE_NONE,
            doublequote=not self.escaped,
            escapechar="\\" if self.escaped else None,
            skipinitialspace=self.spaced,
            strict=True,
        )


class Record(NamedTuple):
    """A row of fields.

    Attributes:
        line: The number of its first line, from 1.
        raw: Its text with the line break.
        fields: Its fields.
    """

    line: int
    raw: str
    fields: list[str]

    @property
    def is_blank(self) -> bool:
        """True for an empty line."""
        return not self.raw.strip()

    @property
    def is_comment(self) -> bool:
        """True if the line begins as comments do."""
        return self.raw.startswith(COMMENTS)


class Layout(NamedTuple):
    """The layout of a table in the lines of a file.

    Attributes:
        dialect: How fields are separated and quoted.
        skipped: Number of lines before the first line of the table.
        header: The names of the columns if the file has no header line, otherwise None.
        extra_name: True if rows have one field more than the header, as in files written by R: the names of the rows.
        commented: True if the header is a comment line.
        boxed: True for a table such as "| a | b |", whose fields are padded with spaces.
    """

    dialect: Dialect
    skipped: int
    header: tuple[str, ...] | None
    extra_name: bool
    commented: bool
    boxed: bool


class _Sample(NamedTuple):
    """The first rows of a file in one dialect.

    Attributes:
        dialect: The dialect.
        rows: The rows of the table in the sample, without what is around them. They begin with the header, if any.
        width: The number of fields of most rows.
        valid: True if all quoted fields are closed.
        fits: True if all rows have `width` fields.
        clean: True if all fields with quotation marks are quoted.
        before: Number of lines before the rows.
        lacks_name: True if the first row has one field less than the others, the names of the rows.
        is_boxed: True for a table such as "| a | b |".
    """

    dialect: Dialect
    rows: list[Record]
    width: int
    valid: bool
    fits: bool
    clean: bool
    before: int
    lacks_name: bool
    is_boxed: bool

    @property
    def is_good(self) -> bool:
        """True if the dialect explains all rows."""
        return self.valid and self.fits

    @property
    def rank(self) -> tuple[int, bool, float]:
        """A score of how well the dialect explains the file. Higher is better."""
        if self.width < 2:
            return 1, self.clean, 0.0
        if self.is_good:
            return 4 if self.before == 0 and not self.lacks_name else 3, self.clean, 0.0
        share = sum(len(row.fields) == self.width for row in self.rows) / len(self.rows)
        return 2 if share >= 0.5 and len(self.rows[0].fields) == self.width else 0, self.clean, share


def find_layout(path: Path, text: str, header: bool | None) -> tuple[Layout, list[str]]:
    """Return the layout of a table, and notes about what was assumed.

    Args:
        path: The file, for notes.
        text: The text of the file, which is not blank.
        header: True if the first line of the table has the names of the columns, False if no line has. None finds out.
    """
    best = _best_sample(text, is_tsv=inner_name(path).endswith(".tsv"))
    notes = _surroundings(path, best, '"' in text)
    if not best.rows:  # the first row cannot be read, which is reported by reading it
        return Layout(best.dialect, 0, None, False, False, False), []
    rows, first = [row.fields for row in best.rows], best.rows[0]
    uncommented = [[first.raw.lstrip("#%/ ")[:1] and rows[0][0].lstrip("#%/ "), *rows[0][1:]], *rows[1:]]
    commented = first.is_comment and bool(uncommented[0][0]) and looks_like_names(uncommented)
    rows = uncommented if commented else rows
    has_header = header if header is not None else best.lacks_name or looks_like_names(rows)
    if has_header:
        if header is None and not best.lacks_name and not surely_names(rows):
            notes.append(f"The first line of {path} was read as the names of the columns: {_listed(rows[0])}.")
        return Layout(best.dialect, best.before, None, best.lacks_name, commented, best.is_boxed), notes
    names = tuple(f"column {number}" for number in range(1, best.width + 1))
    called = f"{names[0]!r}" if len(names) == 1 else f"{names[0]!r} to {names[-1]!r}"
    if header is None:
        notes.append(f"The first line of {path} does not look like names of columns. The columns are called {called}.")
    return Layout(best.dialect, best.before, names, False, False, best.is_boxed), notes


def has_header_of(text: str, names: Sequence[str]) -> bool:
    """Return True if a text is a table whose header has one of `names`, which are in lower case."""
    if not text.strip():
        return False
    best = _best_sample(text, is_tsv=False)
    if not best.is_good or len(best.rows) < 2:
        return False
    fields = [field.strip().lower() for field in best.rows[0].fields]
    return any(name in fields for name in names)


def _best_sample(text: str, is_tsv: bool) -> _Sample:
    samples = {delimiter: _best_dialect(text, delimiter) for delimiter in DELIMITERS}
    tabs = samples["\t"]
    if is_tsv and tabs.width > 1 and tabs.rank[0] >= 2:
        return tabs
    best = max(samples.values(), key=lambda sample: sample.rank)
    return best if best.width > 1 else _one_column([samples[delimiter] for delimiter in ("\t" * is_tsv + ",;|\t")])


def _one_column(samples: Sequence[_Sample]) -> _Sample:
    """Return the first sample that reads the file as one column, unless its rows look as if the header were cut."""
    usual = samples[0]
    widths = {len(row.fields) for row in usual.rows[1:]}
    if not usual.rows or len(usual.rows[0].fields) > 1 or (len(widths) == 1 and widths != {1}):
        return usual
    return next((sample for sample in samples if sample.width == 1 and sample.is_good), usual)


def _surroundings(path: Path, sample: _Sample, has_quotes: bool) -> list[str]:
    """Return notes about how the rows of a table are written, and about what is before them."""
    dialect, notes = sample.dialect, []
    if has_quotes and not dialect.quoted:
        notes.append(f"Quotation marks in {path} were read as characters, because not all of them enclose fields.")
    if dialect.escaped:
        notes.append(
            f"A backslash in {path} was read as part of the quoting: the character after it belongs to a field."
        )
    if dialect.spaced:
        notes.append(f"Spaces after the delimiters of {path} were left out.")
    if sample.before:
        lines = "line" if sample.before == 1 else f"{sample.before} lines"
        notes.append(
            f"The first {lines} of {path}, before the table, {'was' if sample.before == 1 else 'were'} skipped."
        )
    if sample.is_boxed:
        notes.append(f"Lines of dashes in {path}, and the spaces around its fields, were left out.")
    if sample.width == 1 and dialect.delimiter != ("\t" if inner_name(path).endswith(".tsv") else ","):
        notes.append(f"The lines of {path} were not split into fields, because its first line is one field.")
    if sample.lacks_name:
        notes.append(
            f"The header of {path} lacks the name of the first column, which was read as the names of the rows."
        )
    return notes


def _listed(names: Sequence[str]) -> str:
    shown = [repr(name.strip() if len(name) <= 30 else f"{name[:30]}...") for name in names[:5]]
    return ", ".join(shown) + (", ..." if len(names) > 5 else "")


def _best_dialect(text: str, delimiter: str) -> _Sample:
    """Return the sample in the first dialect with this delimiter that explains all rows, or else with usual quoting."""
    usual = _sample(text, Dialect(delimiter))
    if '"' not in text:
        return usual
    plain = _sample(text, Dialect(delimiter, quoted=False))
    if delimiter == "\t" and plain.width > 1 and plain.fits and not _is_quoted(text, Dialect(delimiter), plain.width):
        return plain
    spaced = _sample(text, Dialect(delimiter, spaced=True))
    if _spaced_quotes(usual) > _spaced_quotes(spaced) == 0 and spaced.is_good:
        return spaced
    if usual.is_good:
        return usual
    others = [Dialect(delimiter, escaped=True), Dialect(delimiter, escaped=True, spaced=True)] * ('\\"' in text)
    for sample in (spaced, *(_sample(text, other) for other in others)):
        if sample.is_good:
            return sample
    return plain if plain.width > 1 and plain.fits and not _has_enclosed(plain) else usual


def _is_quoted(text: str, dialect: Dialect, width: int) -> bool:
    """Return True if all quotation marks of a file enclose fields, and no quoted field swallows whole rows."""
    try:
        return all(
            _is_clean(record) and not (len(record.fields) == width and _swallows_rows(record, dialect, width))
            for record in _records(text, dialect)
        )
    except csv.Error:
        return False


def _swallows_rows(record: Record, dialect: Dialect, width: int) -> bool:
    """Return True if each line of a record has the fields of a row, and not all fields of the record are quoted."""
    if record.raw.count('"') == 2 * width + 2 * sum(field.count('"') for field in record.fields):
        return False
    lines = _LINE_END.split(record.raw.rstrip("\r\n"))
    return len(lines) > 1 and all(line.count(dialect.delimiter) == width - 1 for line in lines)


def _spaced_quotes(sample: _Sample) -> int:
    return sum(_SPACED_QUOTE.match(field) is not None for row in sample.rows for field in row.fields)


def _has_enclosed(sample: _Sample) -> bool:
    fields = (field.strip() for row in sample.rows for field in row.fields)
    return any(len(field) > 1 and field.startswith('"') and field.endswith('"') for field in fields)


def _sample(text: str, dialect: Dialect, limit: int | None = _SAMPLE) -> _Sample:
    """Return the rows of the first records, without what surrounds the table."""
    found, valid = [], True
    try:
        for record in islice(_records(text, dialect), limit):
            found.append(record)
    except csv.Error:
        valid = False
    is_whole = valid and (limit is None or len(found) < limit)
    lines = [record for record in found if not record.is_blank]
    is_boxed = dialect.delimiter == "|" and any(is_rule(record.fields) for record in lines[:2])
    rows = [record for record in lines if not (is_boxed and is_rule(record.fields))]
    width = _table_width(rows)
    start, lacks_name = _find_start(found, rows, width)
    rows = [row for row in rows[start:] if not row.is_comment or fits_width(row.fields, width)]
    if is_whole:
        rows = rows[: len(rows) - _footer_length(rows, width)]
    return _Sample(
        dialect,
        rows,
        width,
        valid=valid,
        fits=all(fits_width(row.fields, width) for row in rows[lacks_name:]),
        clean=not dialect.quoted or all(map(_is_clean, rows)),
        before=rows[0].line - 1 if rows and start else 0,
        lacks_name=lacks_name,
        is_boxed=is_boxed,
    )


def _records(text: str, dialect: Dialect) -> Iterator[Record]:
    """Yield all records, including empty lines and comments.

    Raises:
        csv.Error: A quoted field is not closed, or is followed by something other than a delimiter.
    """
    read: list[str] = []

    def lines() -> Iterator[str]:  # unlike io.StringIO, without a copy of the text
        for match in _LINE.finditer(text):
            read.append(match[0])
            yield match[0]

    reader = dialect.reader(lines())
    for fields in reader:
        yield Record(reader.line_num - len(read) + 1, "".join(read), fields)
        read.clear()


def _table_width(rows: Sequence[Record]) -> int:
    """Return the number of fields of most rows. The empty fields after a last delimiter do not count."""
    widths = Counter(len(row.fields) for row in rows)
    width = max(widths, key=lambda width: (widths[width], width), default=1)
    header = next((row for row in rows if not row.is_comment), None)
    if header is not None and len(header.fields) == width - 1:
        full = [row.fields for row in rows if len(row.fields) == width]
        width -= all(not fields[-1].strip() for fields in full)
    return width


def _find_start(found: Sequence[Record], rows: Sequence[Record], width: int) -> tuple[int, bool]:
    """Return the index of the first row of the table, and True if it lacks the name of the first column."""
    start = 0
    while start < len(rows) - 1 and _is_leading_comment(rows, start, width):
        start += 1
    if width < 2 or start == len(rows):
        return start, False
    if fits_width(rows[start].fields, width):
        return _after_title(rows, start, width), False
    after = rows[start + 1 :]
    if len(rows[start].fields) == width - 1 and _are_row_names(after, width):
        return start, True
    first = next((place for place, row in enumerate(rows) if place > start and len(row.fields) == width), None)
    if first is None or first - start > _MAX_PREAMBLE or not any(map(str.strip, rows[first].fields)):
        return start, False
    above = found[found.index(rows[first]) - 1]
    is_separate = above.is_blank or above.is_comment
    return (first if is_separate or surely_names([row.fields for row in rows[first:]]) else start), False


def _after_title(rows: Sequence[Record], start: int, width: int) -> int:
    """Return the index of the header if the first rows are a title that has as many fields as the table by chance.

    Some row of the title has another number of fields. A faulty row further down has no words above numbers after it.
    """
    top = rows[start : start + _MAX_PREAMBLE]
    wrong = [place for place, row in enumerate(top, start) if not fits_width(row.fields, width)]
    first = wrong[-1] + 1 if wrong else len(rows)
    below = [row.fields for row in rows[first:]]
    is_table = len(below) > 1 and all(fits_width(fields, width) for fields in below)
    return first if is_table and has_word_above_numbers(below) else start


def _is_leading_comment(rows: Sequence[Record], place: int, width: int) -> bool:
    """Return True if a row before the table is a comment, not the header of the table and not a row of data."""
    row, after = rows[place], [row.fields for row in rows[place + 1 :] if not row.is_comment]
    if not row.is_comment or not after:
        return False
    if len(row.fields) != width:
        return not re.match(r"#[\t;|,]", row.raw)
    if width == 1:
        return row.raw.startswith(("# ", "%", "//")) and looks_like_names(after)
    return surely_names(after)


def _are_row_names(rows: Sequence[Record], width: int) -> bool:
    """Return True if the first fields of all rows are the names of the rows, as R writes them."""
    names = [row.fields[0] for row in rows if row.fields]
    if not rows or len(set(names)) < len(rows) or any(len(row.fields) != width for row in rows):
        return False
    return width > 2 or names == [str(number) for number in range(1, len(rows) + 1)]


def _footer_length(rows: Sequence[Record], width: int) -> int:
    """Return the number of rows at the end that are not part of the table, such as a source."""
    length = 0
    while len(rows) - length > 2 and is_footer(rows[-1 - length].fields, width):
        length += 1
    return length if length <= MAX_FOOTER else 0


def is_rule(fields: Sequence[str]) -> bool:
    """Return True for a line that underlines the header of a table such as "| a | b |"."""
    return _RULE.fullmatch("|".join(fields)) is not None


def is_footer(fields: Sequence[str], width: int) -> bool:
    """Return True if the last row of a file may be a remark below the table."""
    return len(fields) < width and len(fields) <= 2 and not any(map(is_value, fields))


def fits_width(fields: Sequence[str], width: int) -> bool:
    """Return True if there are `width` fields. Empty fields at the end, after a last delimiter, do not count."""
    return len(fields) == width or (len(fields) > width and not any(map(str.strip, fields[width:])))


def _is_clean(row: Record) -> bool:
    """Return True if all fields with quotation marks are enclosed by quotation marks."""
    return all('"{}"'.format(field.replace('"', '""')) in row.raw for field in row.fields if '"' in field)
