"""Convert the label columns of tables to labels."""

import ast
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from gatewright.data.json_tables import json_type
from gatewright.data.numbers import is_missing
from gatewright.data.tables import row_location
from gatewright.data.text_tables import Rows, label_name, label_of_field, without_missing
from gatewright.support.errors import InputError, OptionError

# Largest number of characters of a field that an error message shows.
_MAX_SHOWN = 40
# If more than this fraction of the fields contain a separator, they may be several labels.
_MANY = 0.05
_SEPARATORS = (";", "|", ",")


class Labels(NamedTuple):
    """The labels of a table.

    Attributes:
        rows: The rows that have a label, with notes on how the labels were read.
        names: The label of each row, or a tuple of labels for each row if `several` is True.
        several: True if a row can have any number of labels.
    """

    rows: Rows
    names: list[str] | list[tuple[str, ...]]
    several: bool


def read_labels(path: Path, rows: Rows, separator: str | None) -> Labels:
    """Convert the label fields of the rows to labels. Rows without a label are left out, with a note.

    Args:
        path: The path of the table, for messages.
        rows: The rows.
        separator: The separator between the labels in a field, or None.

    Raises:
        InputError: A field is not a label, or too many rows have none.
    """
    if len(rows.columns.labels) > 1:
        return Labels(rows, _from_columns(path, rows), True)
    if separator is not None:
        return _from_fields(path, rows, separator)
    if any(isinstance(field, list) for field in rows.labels):
        return _from_lists(path, rows)
    if _are_written_lists(rows.labels):
        name, shown = rows.columns.labels[0], _shown(rows.labels)
        written = f"The fields of {name!r} in {path}, such as {shown}, were read as lists of labels."
        parsed = [None if label_name(field) is None else _parse_list(field) for field in rows.labels]
        return _from_lists(path, rows._replace(labels=parsed, notes=(*rows.notes, written)))
    return _single(path, rows)


def _single(path: Path, rows: Rows) -> Labels:
    rows = without_missing(path, "label", [label_name(label) is None for label in rows.labels], rows)
    found = [str(label_name(label)) for label in rows.labels]
    names = [name.strip() for name in found]
    notes = []
    if spaces := sum(before != after for before, after in zip(found, names, strict=True)):
        notes.append(
            f"Spaces before or after {spaces:,} {'label' if spaces == 1 else 'labels'} of {path} were left out."
        )
    notes += _similar(path, names) + _separated(path, names) + _like_missing(path, names)
    return Labels(rows._replace(notes=(*rows.notes, *notes)), names, False)


def _similar(path: Path, names: Sequence[str]) -> list[str]:
    """Return notes on labels that differ only in case or in a period at the end."""
    alike: dict[str, list[str]] = {}
    for name in sorted(set(names)):
        alike.setdefault(name.casefold().rstrip("."), []).append(name)
    groups = [group for group in alike.values() if len(group) > 1]
    if not groups:
        return []
    others = len(groups) - 1
    more = (
        f", and so {'does 1 other group' if others == 1 else f'do {others:,} other groups'} of labels" if others else ""
    )
    shown = " and ".join(map(repr, groups[0]))
    return [f"The labels {shown} of {path} differ only in case or a period{more}. They are different classes."]


def _like_missing(path: Path, names: Sequence[str]) -> list[str]:
    """Return a note if a label is a word that often stands for a missing value."""
    found = sorted({name for name in names if is_missing(name)})
    if not found:
        return []
    shown = " and ".join(map(repr, found))
    return [
        f"{shown} in {path} {'was read as a label' if len(found) == 1 else 'were read as labels'}, not as a missing "
        "value. If the label is missing there, leave the field empty."
    ]


def _separated(path: Path, names: Sequence[str]) -> list[str]:
    """Return a note if many fields seem to be several labels with a separator."""
    for separator in _SEPARATORS:
        split = [[part.strip() for part in name.split(separator)] for name in names]
        parts = Counter(part for some in split for part in some)
        several = sum(len(some) > 1 for some in split)
        if several > _MANY * len(names) and len(parts) < len(set(names)) and 2 * len(parts) < parts.total():
            shown = _shown([name for name in names if separator in name])
            return [
                f"{several:,} of the {len(names):,} labels of {path} contain {separator!r}, such as {shown}. If each "
                f"is several labels, give --label-separator {separator!r}."
            ]
    return []


def _shown(fields: Sequence[object]) -> str:
    field = repr(max(map(str, fields[:20]), key=len))
    return field if len(field) <= _MAX_SHOWN else f"{field[:_MAX_SHOWN]}..."


def _are_written_lists(fields: Sequence[object]) -> bool:
    """Return True if all fields are lists that are written as text, such as "['a', 'b']"."""
    given = [field for field in fields if label_name(field) is not None]
    return bool(given) and all(isinstance(field, str) and _parse_list(field) is not None for field in given)


def _parse_list(field: str) -> list[object] | None:
    """Return the list that a text is in Python or JSON, or None if it is something else."""
    bare = field.strip()
    if not (bare.startswith("[") and bare.endswith("]")):
        return None
    try:
        found = ast.literal_eval(bare)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
    fits = isinstance(found, list) and all(isinstance(item, str | int | float) for item in found)
    return found if fits else None


def _from_columns(path: Path, rows: Rows) -> list[tuple[str, ...]]:
    """Return the labels of each row: the names of the label columns in which the row has 1 or true."""
    labels = []
    for place, fields in enumerate(rows.labels):
        values = [_truth_value(field) for field in fields]
        if None in values:
            column = values.index(None)
            shown = repr(fields[column])
            shown = shown if len(shown) <= _MAX_SHOWN else f"{shown[:_MAX_SHOWN]}..."
            raise InputError(
                f"{row_location(path, rows.lines, place)}: {rows.columns.labels[column]!r} is {shown}, but several "
                "label columns must contain 0 or 1, or true or false. Fix the field, or choose other columns with "
                "--label."
            )
        labels.append(tuple(name for name, value in zip(rows.columns.labels, values, strict=True) if value))
    return labels


def _truth_value(field: object) -> bool | None:
    """Return True if a field is 1 or true, False if it is 0 or false, and None if it is anything else."""
    name = label_of_field(field) if isinstance(field, str) else label_name(field)
    return {"0": False, "1": True, "false": False, "true": True}.get(name or "")


def _from_fields(path: Path, rows: Rows, separator: str) -> Labels:
    """Return the labels of each row: its label field, split at the separator, without empty and repeated labels."""
    for place, field in enumerate(rows.labels):
        if isinstance(field, list):
            raise OptionError(
                f"{row_location(path, rows.lines, place)}: {rows.columns.labels[0]!r} is a list, which needs no "
                "--label-separator. Leave the option out.",
                "label_separator",
                is_missing=False,
            )
    # An empty text has no labels, but null is a missing value.
    fields = [field if isinstance(field, str) else label_name(field) for field in rows.labels]
    rows = without_missing(path, "label", [field is None for field in fields], rows._replace(labels=fields))
    split = [[label.strip() for label in field.split(separator)] for field in rows.labels]
    return Labels(rows, [tuple(dict.fromkeys(label for label in labels if label)) for labels in split], True)


def _from_lists(path: Path, rows: Rows) -> Labels:
    """Return the labels of each row without repetitions, from a label column that contains lists of labels."""
    rows = without_missing(path, "label", [field is None for field in rows.labels], rows)
    for place, field in enumerate(rows.labels):
        where = f"{row_location(path, rows.lines, place)}: {rows.columns.labels[0]!r}"
        for label in field:
            if label_name(label) is None:
                shown = "an empty string" if isinstance(label, str) else json_type(label)
                raise InputError(f"{where} is a list that contains {shown}. Lists must contain the names of labels.")
    names = [tuple(dict.fromkeys(str(label_name(label)).strip() for label in field)) for field in rows.labels]
    return Labels(rows, names, True)
