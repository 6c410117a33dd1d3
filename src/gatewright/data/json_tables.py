"""Read tables in JSON: an array of objects, an object on each line, or an object that contains the records."""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from gatewright.support.errors import InputError

_LAYOUT = "The file must have one JSON object on each line, or be an array of JSON objects."
_SCALARS = {"a string", "a number", "a truth value"}


class JsonTable(NamedTuple):
    """The columns of a JSON file.

    Attributes:
        columns: A pyarrow.Table. A column that mixes texts, numbers and truth values has texts.
        lines: The line number of each row, from 1. None if the file does not have one row on each line.
        notes: Sentences for reports about what was assumed.
        problems: Why a column cannot be read, with the names of such columns as keys. In `columns` they are null.
    """

    columns: Any
    lines: Sequence[int] | None
    notes: tuple[str, ...]
    problems: dict[str, str]


class _Records(NamedTuple):
    records: list[dict[str, Any]]
    lines: list[int] | None
    note: str = ""


def read_json(path: Path, text: str) -> JsonTable:
    """Read a table in JSON.

    Args:
        path: The file, for messages.
        text: The text of the file.

    Raises:
        InputError: The text is not JSON, or not a table.
    """
    import pyarrow

    records, lines, note = _parse_records(path, text)
    names = list(dict.fromkeys(name for record in records for name in record))
    columns, problems = [], {}
    for name in names:
        values = [record.get(name) for record in records]
        try:
            name.encode()
            columns.append(_column(path, lines, name, values))
        except UnicodeEncodeError:
            raise InputError(f"{path} has a name with an unpaired \\u surrogate: {name!r}. Rename it.") from None
        except InputError as problem:
            columns.append(pyarrow.nulls(len(records)))
            problems[name] = str(problem)
    return JsonTable(pyarrow.table(columns, names=names), lines, (note,) if note else (), problems)


def json_type(value: object) -> str:
    """Return the name of the JSON type of a value with an article, such as "a list", for error messages."""
    names = {dict: "an object", list: "a list", str: "a string", bool: "a truth value", type(None): "null"}
    return names.get(type(value), "a number")


def _parse_records(path: Path, text: str) -> _Records:
    lines = [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
    if not lines:
        return _Records([], [])
    first = lines[0][1].lstrip()
    if first.startswith("[") or (first.startswith("{") and (len(lines) == 1 or not _is_json(first))):
        if first.startswith("{") and len(lines) > 1 and not _is_json(text):
            return _parse_lines(path, lines)
        whole = _parse(str(path), text, _LAYOUT)
        return _Records(_objects(path, whole), None) if isinstance(whole, list) else _from_object(path, whole)
    return _parse_lines(path, lines)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _parse_lines(path: Path, lines: Sequence[tuple[int, str]]) -> _Records:
    records = []
    for number, line in lines:
        record = _parse(f"{path}, line {number}", line, "Every line must be one JSON object.")
        if not isinstance(record, dict):
            raise InputError(f"{path}, line {number}: this is {json_type(record)}. Every line must be one JSON object.")
        records.append(record)
    return _Records(records, [number for number, _ in lines])


def _objects(path: Path, rows: list[Any]) -> list[dict[str, Any]]:
    for place, row in enumerate(rows, 1):
        if not isinstance(row, dict):
            raise InputError(f"{path}, row {place}: this is {json_type(row)}. Every row must be a JSON object.")
    return rows


def _from_object(path: Path, whole: dict[str, Any]) -> _Records:
    """Return the records of a file that is one JSON object, or has one row."""
    lists = {name: value for name, value in whole.items() if isinstance(value, list)}
    tables = [name for name, value in lists.items() if value and all(isinstance(row, dict) for row in value)]
    if len(tables) == 1:
        return _Records(lists[tables[0]], None, f"The rows of {path} are the list {tables[0]!r}.")
    if len(tables) > 1:
        raise InputError(
            f"{path} is one JSON object with several lists of rows: {', '.join(map(repr, tables))}. Save one list to a "
            "file of its own."
        )
    if _is_split(whole):
        rows = [dict(zip(whole["columns"], row, strict=True)) for row in whole["data"]]
        return _Records(rows, None, f"The rows of {path} are the list 'data', with the names in 'columns'.")
    if whole and all(isinstance(value, dict) for value in whole.values()):
        keys = list(dict.fromkeys(key for value in whole.values() for key in value))
        if all(key.isdecimal() for key in keys):
            rows = [{name: value.get(key) for name, value in whole.items()} for key in keys]
            return _Records(rows, None, f"{path} was read as one JSON object for each column.")
    lengths = {len(value) for value in lists.values()}
    if len(lists) == len(whole) > 1 and len(lengths) == 1 and lengths.pop() > 1:
        rows = [dict(zip(whole, row, strict=True)) for row in zip(*whole.values(), strict=True)]
        return _Records(rows, None, f"{path} was read as one JSON list for each column.")
    return _Records([whole], [1])


def _is_split(whole: dict[str, Any]) -> bool:
    names, rows = whole.get("columns"), whole.get("data")
    return (
        isinstance(names, list)
        and isinstance(rows, list)
        and all(isinstance(name, str) for name in names)
        and len(set(names)) == len(names)
        and all(isinstance(row, list) and len(row) == len(names) for row in rows)
    )


def _parse(where: str, content: str, remedy: str) -> Any:
    try:
        return json.loads(content, object_pairs_hook=_unique_names)
    except InputError as error:
        raise InputError(f"{where}: {error}") from None
    except (ValueError, RecursionError) as error:
        reason = "too long or too deep"
        if isinstance(error, json.JSONDecodeError):
            reason = f"{error.msg} on line {error.lineno}" if error.lineno > 1 else error.msg
        raise InputError(f"{where}: this is not JSON ({reason}). {remedy}") from None


def _unique_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) < len(pairs):
        name = next(name for name, times in Counter(name for name, _ in pairs).items() if times > 1)
        raise InputError(f"the name {name!r} occurs twice. Give each value its own name.")
    return record


def _column(path: Path, lines: Sequence[int] | None, name: str, values: list[Any]) -> Any:
    """Return a pyarrow column of JSON values.

    Raises:
        InputError: The values cannot be in one column.
    """
    import pyarrow

    def where(row: int) -> str:
        return f"{path}, row {row + 1}: {name!r}" if lines is None else f"{path}, line {lines[row]}: {name!r}"

    kinds = {json_type(value) for value in values if value is not None}
    if kinds == {"a list"}:
        inner = {json_type(item) for value in values if value is not None for item in value if item is not None}
        if len(inner) > 1 and not inner <= _SCALARS:
            shown = " and ".join(sorted(inner))
            raise InputError(f"{where(0)} and other rows have lists that contain {shown}. Give all the same type.")
        if len(inner) > 1:
            values = [value and [_as_text(item) for item in value] for value in values]
    elif kinds <= _SCALARS and len(kinds) > 1:
        values = [_as_text(value) for value in values]
    elif len(kinds) > 1:
        rarest = Counter(json_type(value) for value in values if value is not None).most_common()[-1][0]
        row = next(row for row, value in enumerate(values) if value is not None and json_type(value) == rarest)
        others = " or ".join(sorted(kinds - {rarest}))
        raise InputError(f"{where(row)} is {rarest}, but other rows have {others}. Give all rows the same type.")
    try:
        return pyarrow.array(values)
    except UnicodeEncodeError:
        row = next(row for row, value in enumerate(values) if not _is_unicode(value))
        raise InputError(
            f"{where(row)} has a text with an unpaired \\u surrogate, which is not a character. Fix or remove it."
        ) from None
    except (pyarrow.ArrowException, OverflowError):
        if kinds == {"a number"}:  # a whole number of more than 64 bits
            return pyarrow.array([_as_text(value) for value in values], pyarrow.string())
        raise InputError(
            f"{where(0)} and other rows contain values of several types. Give all rows the same type of value."
        ) from None


def _as_text(value: Any) -> str | None:
    """Return a JSON value as text. The number NaN stands for a missing value."""
    if value is None or value != value:
        return None
    return value if isinstance(value, str) else json.dumps(value)


def _is_unicode(value: Any) -> bool:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True
