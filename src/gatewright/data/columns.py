"""Choose the text and label columns of tables."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from gatewright.data.headers import LABEL_NAMES, TEXT_NAMES
from gatewright.data.tables import Table, column_list, quoted, require_column
from gatewright.support.errors import InputError, OptionError

# Types of texts in Parquet files. The type null is that of a column of missing values.
_TEXT_TYPES = ("string", "large_string", "string_view", "null")
_USUAL = {"text": TEXT_NAMES, "label": LABEL_NAMES}
# A column is recognized as the labels if it has at most this many different values, and as the texts if its values have
# at least this many words or characters on average.
_MAX_LABELS = 100
_MIN_WORDS = 3
_MIN_CHARACTERS = 20


class ColumnOptions(NamedTuple):
    """The columns to read from a table.

    Attributes:
        text: The name of the text column, or several names separated by commas. None finds the column.
        label: The name of the label column, or several names separated by commas. None finds the column.
        separator: The separator between the labels in a field, or None if each field has one label.
        labelled: True to read labels, False to read only texts.
        header: "first" if the first line of the table has the names of the columns, "none" if no line has. None finds
            out.
    """

    text: str | None = None
    label: str | None = None
    separator: str | None = None
    labelled: bool = True
    header: str | None = None


class Columns(NamedTuple):
    """The names of the text columns and of the label columns. `labels` is empty if labels are not read."""

    texts: tuple[str, ...]
    labels: tuple[str, ...]

    def found(self, wanted: ColumnOptions) -> dict[str, str]:
        """Return the columns that were not given, by the name of their option."""
        columns = {"text": (wanted.text, self.texts), "label": (wanted.label, self.labels)}
        return {option: names[0] for option, (given, names) in columns.items() if given is None and names}


def choose_columns(table: Table, wanted: ColumnOptions) -> tuple[Columns, tuple[str, ...]]:
    """Return the names of the wanted columns, and notes about how they were found.

    A column that was not given is "text" or "label"; or else the only one with a usual name, such as "review"; or else
    the only one that has long, distinct texts, or few different values.

    Raises:
        InputError: A column is missing, is not unique, or cannot be found.
    """
    given = {"text": wanted.text, **({"label": wanted.label} if wanted.labelled else {})}
    chosen: dict[str, list[str]] = {}
    for option, names in given.items():
        if names is not None:
            chosen[option] = column_list(names, table.names)
            for name in chosen[option]:
                require_column(table.path, option, name, table.names)
    open_options = [option for option in given if option not in chosen]
    for option in open_options:
        if found := _by_name(table, option, _taken(chosen)):
            chosen[option] = [found]
    for option in [option for option in open_options if option not in chosen]:
        if found := _by_content(table, option, _taken(chosen), len(given) - len(chosen) - 1):
            chosen[option] = [found]
    if missing := [option for option in given if option not in chosen]:
        raise _not_found(table, missing)
    columns = Columns(tuple(dict.fromkeys(chosen["text"])), tuple(dict.fromkeys(chosen.get("label", ()))))
    _refuse_repeated(table, columns)
    if wanted.separator is not None and len(columns.labels) > 1:
        raise OptionError(
            f"--label-separator is for one label column, but --label names {len(columns.labels)}. Leave out one of the "
            "two options.",
            "label_separator",
            is_missing=False,
        )
    unusual = [option for option in open_options if chosen[option] != [option]]
    parts = [f"the {option}s are the column {chosen[option][0]!r}" for option in unusual]
    return columns, (f"In {table.path}, {' and '.join(parts)}.",) if parts else ()


def check_types(table: Table, columns: Columns) -> None:
    """Raise an error if the type of a column cannot be a text or a label.

    Raises:
        InputError: A column has such a type.
    """
    from pyarrow import types

    for name in columns.texts:
        if str(table.column(name).type) not in _TEXT_TYPES:
            raise _wrong_type(table, name, "text")
    for name in columns.labels:
        found = table.column(name).type
        if _is_list(found) and len(columns.labels) == 1:
            found = found.value_type
        if types.is_nested(found) or types.is_temporal(found) or "binary" in str(found):
            raise _wrong_type(table, name, "label")


def _taken(chosen: Mapping[str, Sequence[str]]) -> set[str]:
    return {name for names in chosen.values() for name in names}


def _by_name(table: Table, option: str, taken: set[str]) -> str | None:
    """Return the column with the option's name, or else the only one with a usual name."""
    if option in table.names:
        return option
    usual = [name for name in table.names if name.strip().lower() in _USUAL[option] and name not in taken]
    return usual[0] if len(usual) == 1 else None


def _by_content(table: Table, option: str, taken: set[str], others: int) -> str | None:
    """Return the only column that can be the texts or the labels.

    Args:
        table: The table.
        option: "text" or "label".
        taken: The names of columns that are already chosen.
        others: The number of other options whose columns are not known yet.
    """
    counts = Counter(table.names)
    left = [name for name in table.names if name and name not in taken and counts[name] == 1]
    if not table.rows:
        return None
    if option == "label" and len(left) != 1 + others:
        return None  # one of several columns with few values could be anything
    matches = [name for name in left if (_is_text_like if option == "text" else _is_label_like)(table, name)]
    return matches[0] if len(matches) == 1 else None


def _is_text_like(table: Table, name: str) -> bool:
    values = _strings(table, name)
    distinct = len(set(values))
    letters = any(character.isalpha() for value in values[:100] for character in value)
    return letters and 2 * distinct > len(values) and _are_long(values)


def _is_label_like(table: Table, name: str) -> bool:
    values = _strings(table, name)
    return 1 < len(set(values)) <= min(_MAX_LABELS, len(values) // 2) and not _are_long(values)


def _are_long(values: Sequence[str]) -> bool:
    words, characters = (sum(map(size, values)) for size in (lambda value: len(value.split()), len))
    return words >= _MIN_WORDS * len(values) or characters >= _MIN_CHARACTERS * len(values)


def _strings(table: Table, name: str) -> list[str]:
    """Return the values of a column that are not missing, as texts. Return none if they are not texts or numbers."""
    from pyarrow import types

    column = table.column(name) if name not in table.problems else None
    if column is None or types.is_nested(column.type):
        return []
    return [str(value) for value in column.to_pylist() if value is not None and str(value).strip()]


def _not_found(table: Table, missing: Sequence[str]) -> InputError:
    if len(table.names) == 1 and "label" in missing:
        return InputError(
            f"{table.path} has only one column, {quoted(table.names)}, but needs one for the texts and one for the "
            "labels. Separate them by a tab or another delimiter."
        )
    flags = " and ".join(f"--{option} COLUMN" for option in missing)
    return InputError(
        f"{table.path} has no column {' or '.join(map(repr, missing))}, only {quoted(table.names)}. Give {flags}."
    )


def _refuse_repeated(table: Table, chosen: Columns) -> None:
    if both := set(chosen.texts) & set(chosen.labels):
        raise InputError(f"The column {min(both)!r} cannot be both --text and --label. Choose two columns.")
    counts = Counter(table.names)
    for name in (*chosen.texts, *chosen.labels):
        if counts[name] > 1:
            raise InputError(f"{table.path} has {counts[name]} columns {name!r}. Give each its own name.")


def _wrong_type(table: Table, name: str, noun: str) -> InputError:
    column = table.column(name)
    row = next((row for row, value in enumerate(column) if value.is_valid), 0)
    return InputError(
        f"{table.where(row)}: {name!r} is {_type_name(column.type)}, not a {noun}. Choose another column with --{noun}."
    )


def _type_name(found: Any) -> str:
    """Return the name of a pyarrow type with an article, such as "a list", for error messages."""
    from pyarrow import types

    if types.is_struct(found) or types.is_map(found):
        return "an object"
    if _is_list(found):
        return "a list of lists" if _is_list(found.value_type) else "a list"
    if types.is_boolean(found):
        return "a truth value"
    return "a number" if types.is_integer(found) or types.is_floating(found) else f"of the type {found}"


def _is_list(found: Any) -> bool:
    from pyarrow import types

    return bool(types.is_list(found) or types.is_large_list(found) or types.is_fixed_size_list(found))
