"""Read .arff files, the format of Weka and of the UEA and UCR archives.

https://waikato.github.io/weka-wiki/formats_and_processing/arff_stable: each row of the data has a value for each
attribute of the header. In a univariate file, the numeric attributes have numbered names and are the steps of a series.
In a multivariate file, the first attribute is relational: a quoted text with the values of each dimension on a line,
and lines separated by \\n. The nominal attribute is the class. Other files of Weka are read as tables, which may have
a step in each row.
"""

import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gatewright.data import public
from gatewright.data.files import read_text
from gatewright.data.numbers import MAX_SHOWN, is_number
from gatewright.data.tables import Table
from gatewright.support.errors import InputError
from gatewright.support.progress import Ticker, print_status
from gatewright.tasks.classify_series.options import TABLE_OPTIONS, SeriesOptions
from gatewright.tasks.classify_series.series import FoundSeries
from gatewright.tasks.classify_series.series_tables import read_series_table
from gatewright.tasks.classify_series.wide_tables import find_wide

_MISSING = "?"
_ATTRIBUTE = re.compile(r"@attribute\s+('(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|\S+)\s+(.+)", re.IGNORECASE)
_FIELD = re.compile(r"""\s*(?:'((?:[^'\\]++|\\.)*+)'|"((?:[^"\\]++|\\.)*+)"|([^,'"]*))\s*(,|$)""")
_NUMERIC = ("numeric", "real", "integer")


class _Header(NamedTuple):
    """The attributes of a file.

    Attributes:
        names, kinds: The name and the type of each attribute. Types are "number", "nominal" and "relational".
        label: The index of the class. None if there is none.
    """

    names: list[str]
    kinds: list[str]
    label: int | None


def read_arff(path: Path, options: SeriesOptions) -> FoundSeries:
    """Return the series of a file and their classes, with NaN for missing values.

    Raises:
        InputError: The file cannot be read or used.
    """
    decoded = read_text(path)
    lines = _lines(io.StringIO(decoded.text, newline=None))
    header = _read_header(path, lines)
    if "relational" in header.kinds:
        options.refuse(TABLE_OPTIONS, path, "has a series in each row, with its own steps")
    series: list[NDArray[np.float64]] = []
    labels: list[str | None] = []
    rows: list[int] = []
    ticker = Ticker()
    for number, line in lines:
        rows.append(number)
        if ticker.due():
            print_status(f"{len(series):,} rows of {path} read.")
        where = f"{path}, line {number}"
        fields = _fields(where, line)
        if len(fields) != len(header.names):
            raise InputError(
                f"{where}: the row has {len(fields):,} values, but the header has {len(header.names):,} attributes. "
                "Fix the row, and put values that contain commas into 'quotes'."
            )
        if header.label is not None:
            own = fields.pop(header.label)
            labels.append(None if own == _MISSING else own)
        series.append(_parse_series(where, fields, "relational" in header.kinds))
        if series[-1].shape[1] != series[0].shape[1]:
            raise InputError(
                f"{where}: the series has {series[-1].shape[1]} dimensions, but the first has {series[0].shape[1]}. "
                "Give all series the same dimensions."
            )
    notes = (decoded.note,) if decoded.note else ()
    if series and "relational" not in header.kinds and not _are_steps(header, options):
        label = None if header.label is None else header.names[header.label]
        options = options if options.label is not None else replace(options, label=label)
        return read_series_table(_as_table(path, header, np.array(series)[..., 0], labels, rows, notes), options)
    return FoundSeries(series, None if header.label is None else labels, options, notes=notes)


def _are_steps(header: _Header, options: SeriesOptions) -> bool:
    """Return True if the numeric attributes are the steps of a series, by their names, and not channels."""
    if options.given & set(TABLE_OPTIONS) or options.layout == "long":
        return False
    wide = find_wide([name for name, kind in zip(header.names, header.kinds, strict=True) if kind == "number"])
    return wide is not None and not wide.others and len(wide.channels) == 1


def _as_table(
    path: Path,
    header: _Header,
    values: NDArray[np.float64],
    labels: list[str | None],
    lines: list[int],
    notes: tuple[str, ...],
) -> Table:
    """Return the attributes as a table with a column for each, in the order of the file."""
    public.import_pyarrow(path)
    import pyarrow

    columns = [pyarrow.array(column) for column in values.T]
    if header.label is not None:
        columns.insert(header.label, pyarrow.array(labels, pyarrow.string()))
    return Table(path, pyarrow.table(columns, names=header.names), lines, notes)


def _lines(file: Iterable[str]) -> Iterator[tuple[int, str]]:
    """Yield the number and the content of each line that is not blank or a comment, which starts with %."""
    for number, line in enumerate(file, 1):
        content = line.strip()
        if content and not content.startswith("%"):
            yield number, content


def _read_header(path: Path, lines: Iterator[tuple[int, str]]) -> _Header:
    names: list[str] = []
    kinds: list[str] = []
    nested = 0
    for number, line in lines:
        word = line.split()[0].lower()
        if word == "@data":
            return _header(path, names, kinds)
        if word == "@end":
            nested -= 1
        elif word == "@attribute":
            matched = _ATTRIBUTE.fullmatch(line)
            if matched is None:
                raise InputError(f"{path}, line {number}: the attribute has no type. Give its name and its type.")
            kind = matched[2].strip()
            relational = kind.lower() == "relational"
            if not nested:
                names.append(matched[1].strip("'\""))
                kinds.append("relational" if relational else _kind(path, number, kind))
            nested += relational
        elif word != "@relation":
            raise InputError(f"{path}, line {number}: a row comes before @data. Give a complete .arff file.")
    raise InputError(f"{path} has no @data. Give a complete .arff file.")


def _kind(path: Path, number: int, kind: str) -> str:
    if kind.startswith("{"):
        return "nominal"
    if kind.split()[0].lower() in _NUMERIC:
        return "number"
    raise InputError(
        f"{path}, line {number}: attributes of the type {kind[:MAX_SHOWN]!r} are not numbers. Leave the attribute out."
    )


def _header(path: Path, names: list[str], kinds: list[str]) -> _Header:
    nominal = [place for place, kind in enumerate(kinds) if kind == "nominal"]
    if len(nominal) > 1:
        raise InputError(
            f"{path} has {len(nominal)} nominal attributes, such as {names[nominal[0]]!r}, but a series has one class. "
            "Leave the others out."
        )
    others = [kind for kind in kinds if kind != "nominal"]
    if not others or ("relational" in others and len(others) > 1):
        raise InputError(
            f"{path} has {len(others)} attribute{'s' * (len(others) != 1)} besides the class, but a series is one "
            "relational attribute or numeric attributes. Fix the header."
        )
    return _Header(names, kinds, nominal[0] if nominal else None)


def _fields(where: str, line: str) -> list[str]:
    """Split a row at its commas. A quoted value may contain commas."""
    if line.startswith("{"):
        raise InputError(f"{where}: sparse rows are not supported. Write a value for each attribute.")
    if "'" not in line and '"' not in line:
        return [field.strip() for field in line.split(",")]
    fields, place = [], 0
    while True:
        matched = _FIELD.match(line, place)
        if matched is None:
            raise InputError(f"{where}: a quoted value is not closed, or text follows it. Fix the quotation marks.")
        quoted = next((text for text in matched.group(1, 2) if text is not None), None)
        fields.append(matched[3].strip() if quoted is None else re.sub(r"\\(['\"])", r"\1", quoted))
        place = matched.end()
        if matched[4] != ",":
            return fields


def _parse_series(where: str, fields: list[str], relational: bool) -> NDArray[np.float64]:
    """Return the values of a series, [time, dimensions]."""
    if not relational:
        return _parse_numbers(where, fields)[:, None]
    rows = [_parse_numbers(where, row.split(",")) for row in re.split(r"\\n|\n", fields[0]) if row.strip()]
    if len({len(row) for row in rows}) != 1:
        lengths = ", ".join(sorted({str(len(row)) for row in rows})) or "no"
        raise InputError(f"{where}: the dimensions of the series have {lengths} values. Give all the same number.")
    return np.stack(rows, axis=1)


def _parse_numbers(where: str, values: list[str]) -> NDArray[np.float64]:
    try:
        return np.array([np.nan if value.strip() == _MISSING else float(value) for value in values], np.float64)
    except ValueError:
        wrong = next(value for value in values if value.strip() != _MISSING and not is_number(value))
        raise InputError(
            f"{where}: {wrong[:MAX_SHOWN]!r} is not a number. Fix it, or write ? for a missing value."
        ) from None
