"""Read columns of numbers as people write them: with decimal commas, thousands separators, units and missing values."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gatewright.data.tables import Table
from gatewright.support.errors import InputError

MAX_SHOWN = 40
"""The maximum number of characters of an invalid value that an error message shows."""

DECIMALS = (".", ",")
"""The characters that may separate the whole part of a number from its fraction."""

_MISSING = {
    *("", "?", "-", "--", ".", "..", "na", "nan", "n/a", "n/e", "#n/a", "#n/a n/a", "<na>", "null", "none", "nil"),
    *("-nan", "nat", "#value!", "#div/0!", "#null!", "missing", "***", "*"),
}
_CURRENCIES = "$€£¥₹"
_SUFFIXES = {"k": 1e3, "m": 1e6, "b": 1e9, "t": 1e12}
# A sign and a currency before the digits; a percent sign, currency or multiple after them; parentheses for negatives.
_AFFIXED = re.compile(
    r"(?P<open>\()?(?P<sign>[-+−]?)\s*(?P<before>[$€£¥₹])?\s*(?P<inner>[-+−]?)"
    r"(?P<digits>\d[\d.,'’\u00a0\u202f ]*|[.,]\d+)(?P<power>[eE][-+]?\d+)?"
    r"\s*(?P<after>%|[$€£¥₹]|[kKmMbBtT](?![a-zA-Z]))?(?P<close>\))?"
)
_SPACED = re.compile(r"\d{1,3}(['’\u00a0\u202f ]\d{3})+([.,]\d*)?")
_SPACES = re.compile(r"['’\u00a0\u202f ]")
# How the digits are written with each decimal character. Groups of three digits are separated by the other character.
_PLAIN = {
    ".": re.compile(r"\d+(\.\d*)?|\.\d+"),
    ",": re.compile(r"\d+(,\d*)?|,\d+"),
}
_GROUPED = {
    ".": re.compile(r"[1-9]\d{0,2}(,\d{3})+(\.\d*)?"),
    ",": re.compile(r"[1-9]\d{0,2}(\.\d{3})+(,\d*)?"),
}


# A whole number of so many digits may be above the largest up to which floating-point numbers hold all.
_LONG = r"^[-+]?[0-9]{16,}$"
_EXACT = 2**53
_ROUNDED = "rounded to about 16 digits, because some have more"
# Columns that are read together have at most so many columns and cells.
_BLOCK_COLUMNS, _BLOCK_CELLS = 512, 1 << 20
# So many different numbers, all with three digits after their commas, are no coincidence.
_MANY = 20


class NumberColumn(NamedTuple):
    """A column read as numbers.

    Attributes:
        values: The numbers, [rows], with NaN for missing ones. None if the column is not one of numbers.
        note: How the numbers are written, if not plainly, such as "with decimal commas". Otherwise empty.
        problem: Why the column is not one of numbers, such as "row 3 has 'high', which is not a number".
        decimal: The decimal character that the numbers have, or that their thousands separators imply. Otherwise empty.
        is_unclear: Whether the decimal character must be given, because both fit.
    """

    values: NDArray[np.float64] | None
    note: str = ""
    problem: str = ""
    decimal: str = ""
    is_unclear: bool = False


class _Written(NamedTuple):
    """The distinct texts of a column, split into their parts.

    Attributes:
        column: The dictionary-encoded pyarrow column.
        parts: For each distinct text the match of `_AFFIXED`, or None if it is a missing value.
        decimals: The decimal characters that fit all texts.
        evidence: The decimal character that some text proves, or None.
    """

    column: Any
    parts: list[Any]
    decimals: tuple[str, ...]
    evidence: str | None


class _Plain(NamedTuple):
    """A column of plain numbers.

    Attributes:
        values: The numbers, [rows], with NaN for missing ones.
        has_point: Whether some number has a point.
        proves_point: Whether some point cannot separate thousands.
        note: As in `NumberColumn`.
    """

    values: NDArray[np.float64]
    has_point: bool
    proves_point: bool
    note: str


def read_number_columns(table: Table, names: Sequence[str], decimal: str | None = None) -> dict[str, NumberColumn]:
    """Read columns as numbers, and say of each that cannot be read why.

    A number such as 1,234 is either 1234 or 1.234. It is read only if the other numbers of the column or of the table
    show which.

    Args:
        table: The table.
        names: The names of the columns to read.
        decimal: The decimal character, "." or ",". None finds it out.
    """
    found: dict[str, NumberColumn] = {}
    plain = _plain_columns(table, names) if table.as_written else {}
    written: dict[str, _Written] = {}
    for name in names:
        if name in plain:
            continue
        column = table.column(name)
        if not table.as_written:
            column = _typed_column(column)
            if isinstance(column, NumberColumn):
                found[name] = column
                continue
        split = _split(table, name, column)
        if isinstance(split, NumberColumn):
            found[name] = split
        else:
            written[name] = split
    evidence = {one.evidence for one in written.values()} - {None}
    proves_points = any(one.proves_point for one in plain.values())
    proved = decimal or (evidence.pop() if len(evidence) == 1 else None)
    if proved is None and not evidence and (proves_points or any(_has_fraction(one.values) for one in found.values())):
        proved = "."
    for name, one in plain.items():
        # A point may separate thousands where commas are decimal.
        is_unclear = one.has_point and proved != "." and not one.proves_point
        if is_unclear and (proved == "," or table.delimiter == ";"):
            split = _split(table, name, table.column(name))
            found[name] = split if isinstance(split, NumberColumn) else _convert(split, proved, table.delimiter)
        else:
            found[name] = NumberColumn(one.values, one.note, decimal="." if one.has_point else "")
    for name, other in written.items():
        found[name] = _convert(other, proved, table.delimiter)
    return {name: found[name] for name in names}


def decimal_of(columns: Mapping[str, NumberColumn]) -> str:
    """Return the decimal character of columns, or "" if they show none, or different ones."""
    marks = {one.decimal for one in columns.values()} - {""}
    return marks.pop() if len(marks) == 1 else ""


def read_numbers(
    table: Table, names: Sequence[str], remedy: str, decimal: str | None = None
) -> tuple[NDArray[np.float64], list[str]]:
    """Return the numbers of columns, [rows, columns], with NaN for missing ones, and notes on how they are written.

    Args:
        table: The table.
        names: The names of the columns.
        remedy: The end of the error message: what the user can do instead of fixing the value, such as "leave the
            column out".
        decimal: The decimal character; see `read_number_columns`.

    Raises:
        InputError: A column has values that are not numbers, or has infinite ones.
    """
    table.require_unique(names)
    found = read_number_columns(table, names, decimal)
    for name, one in found.items():
        if one.values is None:
            raise InputError(f"The column {name!r} of {table.path} must contain numbers, but {one.problem}; {remedy}.")
        if np.isinf(one.values).any():
            row = int(np.flatnonzero(np.isinf(one.values))[0])
            raise InputError(f"{table.where(row)}: {name!r} is infinite. Fix it, or leave the field empty.")
    values = [one.values for one in found.values() if one.values is not None]
    return (np.stack(values, axis=1) if values else np.empty((table.rows, 0))), number_notes(found)


def number_notes(columns: dict[str, NumberColumn]) -> list[str]:
    """Return a sentence for each way in which numbers are written that is not plain."""
    ways: dict[str, list[str]] = {}
    for name, one in columns.items():
        if one.note and one.values is not None:
            ways.setdefault(one.note, []).append(name)
    return [f"Columns read as numbers {way}: {shown_names(names)}." for way, names in ways.items()]


def shown_names(names: Sequence[str], most: int = 8) -> str:
    """Return names separated by commas; of many names the first, and how many more there are."""
    shown = [name if name and name == name.strip() and name.isprintable() else repr(name) for name in names[:most]]
    return ", ".join(shown) + (f" and {len(names) - most:,} more" if len(names) > most else "")


def is_number(value: object) -> bool:
    """Return True if a value can be read as a number."""
    try:
        float(str(value))
    except ValueError:
        return False
    return True


def is_missing(text: str) -> bool:
    """Return True if a text stands for a missing number, such as "", "NA" or "-"."""
    return text.strip().lower() in _MISSING


def missing_among(texts: Any) -> Any:
    """Return a pyarrow array that is true where a text of a pyarrow array stands for a missing value."""
    import pyarrow as pa
    from pyarrow import compute

    return compute.is_in(compute.utf8_lower(compute.utf8_trim_whitespace(texts)), pa.array(sorted(_MISSING)))


def _has_fraction(values: NDArray[np.float64] | None) -> bool:
    return values is not None and bool((np.nan_to_num(values, posinf=0, neginf=0) % 1 != 0).any())


def _typed_column(column: Any) -> Any:
    """Return the numbers of a pyarrow column of numbers or truth values, or the column itself if it has texts."""
    from pyarrow import compute, types

    kind = column.type
    if types.is_null(kind):
        return NumberColumn(np.full(len(column), np.nan))
    if types.is_boolean(kind):
        column = compute.cast(column, "int8")
    elif types.is_string(kind) or types.is_large_string(kind) or str(kind) == "string_view":
        return compute.cast(compute.fill_null(compute.cast(column, "string"), ""), "string")
    elif not (types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind)):
        return NumberColumn(None, problem=f"it has the type {kind}")
    values = np.array(compute.cast(column, "float64", safe=False).to_numpy(zero_copy_only=False), np.float64)
    is_rounded = types.is_integer(kind) and bool((np.abs(values) > _EXACT).any())
    return NumberColumn(values, _ROUNDED if is_rounded else "")


def _plain_columns(table: Table, names: Sequence[str]) -> dict[str, _Plain]:
    """Return the columns of strings that are plain numbers.

    Many short columns are read together, since each call of pyarrow takes as long as reading hundreds of numbers.
    """
    import pyarrow as pa

    found: dict[str, _Plain] = {}
    size = max(1, min(_BLOCK_COLUMNS, _BLOCK_CELLS // max(1, table.rows)))
    for first in range(0, len(names), size):
        block = names[first : first + size]
        chunks = [chunk for name in block for chunk in table.column(name).chunks]
        if (together := _plain(pa.chunked_array(chunks, pa.string()), len(block))) is not None:
            found |= zip(block, together, strict=True)
            continue
        for name in block:
            if (alone := _plain(table.column(name), 1)) is not None:
                found[name] = alone[0]
    return found


def _plain(texts: Any, columns: int) -> list[_Plain] | None:
    """Return the numbers of columns of strings that follow each other, or None if some need a closer look."""
    import pyarrow as pa
    from pyarrow import compute

    trimmed = compute.utf8_trim_whitespace(texts)
    present = compute.if_else(missing_among(trimmed), pa.scalar(None, pa.string()), trimmed)
    try:
        numbers = compute.cast(present, "float64")
    except pa.ArrowInvalid:
        return None
    # Points prove that they are decimal where they cannot separate thousands.
    grouped = compute.match_substring_regex(trimmed, r"^[-+]?[1-9][0-9]{0,2}(\.[0-9]{3})+$")
    pointed = compute.match_substring_regex(trimmed, r"[0-9]\.[0-9]|^[-+]?\.[0-9]")
    proving = compute.and_(pointed, compute.invert(grouped))
    values = np.array(numbers.to_numpy(zero_copy_only=False), np.float64).reshape(columns, -1)
    has_point, proves_point, is_long = (
        mask.to_numpy(zero_copy_only=False).astype(bool).reshape(columns, -1)
        for mask in (compute.match_substring(trimmed, "."), proving, compute.match_substring_regex(trimmed, _LONG))
    )
    points, proofs = has_point.any(axis=1), proves_point.any(axis=1)
    rounded = (is_long & (np.abs(values) > _EXACT)).any(axis=1)
    return [
        _Plain(values[place], bool(points[place]), bool(proofs[place]), _ROUNDED if rounded[place] else "")
        for place in range(columns)
    ]


def _split(table: Table, name: str, column: Any) -> "_Written | NumberColumn":
    """Split the distinct texts of a column into their parts, or say why the column is not one of numbers."""
    encoded = column.combine_chunks().dictionary_encode()
    texts = [text.strip() for text in encoded.dictionary.to_pylist()]
    truth = {text.lower() for text in texts if not is_missing(text)}
    if truth and truth <= {"true", "false"}:
        numbers = [np.nan if is_missing(text) else float(text.lower() == "true") for text in texts]
        return NumberColumn(np.array(numbers)[encoded.indices.to_numpy()])
    parts: list[Any] = []
    for place, text in enumerate(texts):
        matched = None if is_missing(text) else _AFFIXED.fullmatch(text)
        if matched is not None and _SPACES.search(matched["digits"].strip()):
            matched = matched if _SPACED.fullmatch(matched["digits"].strip()) else None
        if matched is None and not is_missing(text):
            row = int(np.flatnonzero(encoded.indices.to_numpy() == place)[0])
            return NumberColumn(None, problem=f"{_place(table, row)} has {text[:MAX_SHOWN]!r}, which is not a number")
        parts.append(matched)
    digits = [_SPACES.sub("", part["digits"]) for part in parts if part is not None]
    fitting = tuple(mark for mark in DECIMALS if all(_fits(mark, text) for text in digits))
    return _Written(encoded, parts, fitting, _evidence(digits, fitting))


def _fits(mark: str, digits: str) -> bool:
    return bool(_PLAIN[mark].fullmatch(digits) or _GROUPED[mark].fullmatch(digits))


def _evidence(digits: Sequence[str], fitting: Sequence[str]) -> str | None:
    """Return the decimal character that the digits of a column prove."""
    if len(fitting) == 1 and any("," in text or "." in text for text in digits):
        return fitting[0]
    # Both fit: every comma is before three digits. If small numbers have none, commas separate thousands.
    commas = [text for text in digits if "," in text]
    if commas and len(fitting) == 2 and any(text.isdigit() and len(text) < 4 for text in digits):
        return "." if len({text for text in digits if text.isdigit()}) > 1 else None
    return None


def _convert(written: _Written, proved: str | None, delimiter: str) -> NumberColumn:
    decimal = written.evidence or (proved if proved in written.decimals else None)
    commas = sum("," in part["digits"] for part in written.parts if part is not None)
    if decimal is None and delimiter == "," and commas >= _MANY and "." in written.decimals:
        # Where commas are decimal, tables have semicolons; and not all numbers have exactly three decimals.
        decimal = "."
    texts = [part.string for part in written.parts if part is not None]
    if not written.decimals:
        return NumberColumn(None, problem=f"it mixes ways to write numbers, as in {texts[0]!r} and {texts[-1]!r}")
    if mixed := _mixed_units([part for part in written.parts if part is not None]):
        return NumberColumn(None, problem=f"it has numbers with different units, as in {mixed[0]!r} and {mixed[1]!r}")
    for mark, word in ((",", "comma"), (".", "point")):
        unclear = [text for text in texts if mark in text]
        if decimal is None and unclear and (mark == "," or delimiter == ";"):
            return NumberColumn(
                None,
                problem=f"the {word} in {unclear[0]!r} may be a decimal {word} or separate thousands",
                is_unclear=True,
            )
    has_marks = any(set(part["digits"]) & set(",.") for part in written.parts if part is not None)
    shown = (decimal or ".") if has_marks else ""
    numbers = np.array([np.nan if part is None else _number(part, decimal or ".") for part in written.parts])
    values = numbers[written.column.indices.to_numpy()] if len(numbers) else np.empty(0)
    ways = _ways([part for part in written.parts if part is not None], decimal or ".")
    return NumberColumn(np.asarray(values, np.float64), " and ".join(ways), decimal=shown)


def _mixed_units(parts: Sequence[re.Match[str]]) -> tuple[str, str] | None:
    """Return two numbers with different currencies, or one with a percent sign and one without. None without any."""
    with_percent = [part.string for part in parts if part["after"] == "%"]
    without = [part.string for part in parts if part["after"] != "%" and part["digits"].strip("0., ")]
    if with_percent and without:
        return with_percent[0], without[0]
    signs = {part["before"] or part["after"]: part.string for part in parts}
    currencies = [text for sign, text in signs.items() if sign and sign in _CURRENCIES]
    return (currencies[0], currencies[1]) if len(currencies) > 1 else None


def _number(part: re.Match[str], decimal: str) -> float:
    other = "," if decimal == "." else "."
    digits = _SPACES.sub("", part["digits"]).replace(other, "").replace(decimal, ".")
    number = float(digits + (part["power"] or "")) * _SUFFIXES.get((part["after"] or "").lower(), 1)
    negative = part["open"] or part["sign"] in ("-", "−") or part["inner"] in ("-", "−")
    return -number if negative else number


def _ways(parts: Sequence[re.Match[str]], decimal: str) -> list[str]:
    """Return how numbers are written: which of the marks that people add occur."""
    other = "," if decimal == "." else "."
    grouped = any(other in part["digits"] or _SPACES.search(part["digits"]) for part in parts)
    after = {(part["after"] or "").lower() for part in parts}
    ways = {
        "with decimal commas": decimal == "," and any("," in part["digits"] for part in parts),
        "with thousands separators": grouped,
        "without their currency signs": any(part["before"] for part in parts) or bool(after & set(_CURRENCIES)),
        "without their percent signs": "%" in after,
        "with K, M, B or T for thousands to trillions": bool(after & set("kmbt")),
        "with parentheses for negative numbers": any(part["open"] for part in parts),
    }
    return [way for way, found in ways.items() if found]


def _place(table: Table, row: int) -> str:
    return f"row {row + 1}" if table.lines is None else f"line {table.lines[row]}"
