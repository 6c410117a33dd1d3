"""Choose the roles of the columns of a table of series, and read their numbers."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, NamedTuple, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gatewright.data.numbers import (
    NumberColumn,
    decimal_of,
    is_missing,
    is_number,
    number_notes,
    shown_names,
)
from gatewright.data.tables import Table, column_list, require_column
from gatewright.data.time_layouts import TIME_NAMES, TimeOptions, time_kind
from gatewright.data.time_texts import ISO
from gatewright.data.times import EPOCHS, TimeLayout, distinct_texts
from gatewright.support.errors import InputError
from gatewright.support.schema import Items, read_as

ALL = "all"
# The names of columns that number the rows of a table.
_ROW_NAMES = ("", "unnamed: 0", "index", "no", "no.", "id", "row", "instant", "rownames", "#", "nr", "obs", "row_id")
_MAX_CATEGORIES = 100
# The squares of larger numbers, and sums of them, overflow.
_MAX_NUMBER = 1e150
# A number may stand for missing ones if there are at least so many other numbers.
_MIN_OTHERS = 5


@dataclass(frozen=True)
class Roles:
    """The columns that are variables, by their names in the table.

    Attributes:
        targets, past, future: The targets, the past covariates and the future covariates.
        categories: The texts of each covariate of texts, with the names of the columns as keys.
        left_out: Why each column that is neither a variable nor a key is left out, with the names as keys.
    """

    targets: tuple[str, ...]
    past: tuple[str, ...]
    future: tuple[str, ...]
    categories: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all variables, as columns of the table."""
        return (*self.targets, *self.past, *self.future)

    @property
    def variables(self) -> tuple[str, ...]:
        """The names of all variables, with one for each text of a covariate of texts, such as "wind=SE"."""
        return tuple(one for name in self.names for one in self._expanded(name))

    @property
    def sizes(self) -> tuple[int, int]:
        """The number of targets, and the number of variables that are future covariates."""
        return len(self.targets), sum(len(self._expanded(name)) for name in self.future)

    def _expanded(self, name: str) -> tuple[str, ...]:
        return tuple(f"{name}={text}" for text in self.categories[name]) if name in self.categories else (name,)

    def to_json(self) -> dict[str, Any]:
        """Return the variables as a JSON object, which `from_json` reads."""
        return {
            "targets": list(self.targets),
            "past": list(self.past),
            "future": list(self.future),
            "categories": {name: list(texts) for name, texts in self.categories.items()},
        }

    @classmethod
    def from_json(cls, stored: Any) -> Self:
        """Return the variables that `to_json` converted to `stored`.

        Raises:
            InputError: `stored` does not describe variables. The message begins with "its".
        """
        roles = cls(**vars(read_as(_Stored, stored, "its columns")))
        if len(set(roles.names)) < len(roles.names):
            raise InputError("its columns have one twice.")
        if not set(roles.categories) <= {*roles.past, *roles.future}:
            raise InputError("its texts of covariates do not fit its columns.")
        return roles


_Names: TypeAlias = tuple[str, ...]


@dataclass(frozen=True)
class _Stored:
    """The variables of `Roles` as JSON values."""

    targets: Annotated[_Names, Items(1)]
    past: _Names
    future: _Names
    categories: Mapping[str, Annotated[_Names, Items(1)]]


def listed_columns(table: Table, option: str, given: str | None) -> list[str]:
    """Return the names of the columns that an option names. Raise an error if a column does not exist."""
    names = [] if given is None else [name for name in column_list(given, table.names) if name]
    for name in names:
        require_column(table.path, option, name, table.names)
    return list(dict.fromkeys(names))


def choose_roles(
    table: Table,
    layout: TimeLayout,
    keys: Sequence[str],
    numbers: Mapping[str, NumberColumn],
    target: str | None,
    past: str | None,
    future: str | None,
) -> Roles:
    """Return the role of each column.

    Args:
        table: The table.
        layout: The columns that hold the times.
        keys: The columns that identify the series.
        numbers: The columns without times, read as numbers, with their names as keys.
        target, past, future: The columns as the user gave them; see the options of the task.

    Raises:
        InputError: A column does not exist or has two roles, or there is no target.
    """
    own = [*layout.columns, *keys]
    given_future = listed_columns(table, "future-covariates", future)
    given_past = [] if past == ALL else listed_columns(table, "past-covariates", past)
    given_targets = [] if target in (None, ALL) else listed_columns(table, "target", target)
    taken = (*own, *given_future, *given_past, *given_targets)
    if repeated := [name for name in taken if taken.count(name) > 1]:
        raise InputError(
            f"The column {repeated[0]!r} can only be one of --time, --series-id, --target, --past-covariates "
            "and --future-covariates. Name it once."
        )
    others = [name for name in table.names if name not in taken]
    finds_all = target in (None, ALL) or past == ALL
    free, left_out = _numbers_among(table, others, layout, numbers) if finds_all else ([], {})
    targets = given_targets or free
    chosen_past = [name for name in free if name not in targets] if past == ALL else given_past
    if not targets:
        reasons = "".join(f" {name!r}: {reason}." for name, reason in list(left_out.items())[:5])
        raise InputError(
            f"{table.path} has no column of numbers apart from {', '.join(own) or 'none'}. Choose the one to forecast "
            f"with --target.{reasons}"
        )
    rest = [name for name in others if name not in targets and name not in chosen_past]
    left = {name: left_out.get(name, "not chosen") for name in rest}
    table.require_unique([*targets, *chosen_past, *given_future])
    return Roles(tuple(targets), tuple(chosen_past), tuple(given_future), {}, left)


def _numbers_among(
    table: Table, names: Sequence[str], layout: TimeLayout, numbers: Mapping[str, NumberColumn]
) -> tuple[list[str], dict[str, str]]:
    """Return the columns to use by default, and why the others are left out."""
    free, left_out = [], {}
    for name in names:
        reason = _reason_to_leave_out(table, name, numbers[name], layout)
        if reason:
            left_out[name] = reason
        else:
            free.append(name)
    return free, left_out


def _reason_to_leave_out(table: Table, name: str, found: NumberColumn, layout: TimeLayout) -> str:
    """Return why a column is neither a target nor an input by default, or "" if it is."""
    if found.values is None:
        if layout.are_dates and _are_times(table, name):
            return "times"
        if found.is_unclear:
            return f"{found.problem}: give --decimal"
        return "texts" if "which is not a number" in found.problem and _has_few_numbers(table, name) else found.problem
    if np.isnan(found.values).all():
        return "empty"
    if name.strip().lower() in _ROW_NAMES and _counts_rows(found.values):
        return "numbers of the rows"
    if layout.are_dates and name.strip().lower() in TIME_NAMES and _are_times(table, name):
        return "times"
    if layout.are_dates and _is_epoch(table, name):
        return "times"
    return ""


def _counts_rows(values: NDArray[np.float64]) -> bool:
    """Return True if numbers count the rows, or, in a table that was sorted or cut, are all different whole numbers."""
    if not np.isfinite(values).all() or (values % 1).any():
        return False
    return len(np.unique(values)) == len(values)


def _are_times(table: Table, name: str) -> bool:
    try:
        kind = time_kind(table, name, TimeOptions())
    except InputError:  # ambiguous times are times
        return True
    return kind is not None and (kind == ISO or kind in EPOCHS or "%" in kind)


def _is_epoch(table: Table, name: str) -> bool:
    """Return True if a column has times as milliseconds since 1970 or in a smaller unit, which few numbers are like."""
    column = table.column(name)
    first = str(column[0].as_py()) if table.rows else ""
    return re.fullmatch(r"\d{13}|\d{16}|\d{19}", first) is not None and time_kind(table, name, TimeOptions()) in EPOCHS


def _has_few_numbers(table: Table, name: str) -> bool:
    _, texts = distinct_texts(table, name)
    present = [text for text in texts if not is_missing(text)]
    return sum(bool(re.search(r"\d", text)) for text in present) < len(present) / 2


class ReadValues(NamedTuple):
    """The numbers of a table.

    Attributes:
        numbers: The numbers of the variables, [rows, variables].
        roles: The roles of the columns, with the texts of covariates.
        decimal: The decimal character of the numbers. Empty if they show none.
        notes: Sentences for reports.
    """

    numbers: NDArray[np.float64]
    roles: Roles
    decimal: str
    notes: list[str]


def _are_categories(table: Table, name: str) -> bool:
    """Return True if fewer than half of the different texts of a column are numbers."""
    present = [text for text in distinct_texts(table, name)[1] if not is_missing(text)]
    return sum(map(is_number, present)) < len(present) / 2


def read_values(
    table: Table, roles: Roles, numbers: Mapping[str, NumberColumn], decimal: str | None, can_choose: bool = True
) -> ReadValues:
    """Return the numbers of the variables.

    A covariate of texts has a number for each of its texts: 1 where a row has it, otherwise 0.

    Args:
        table: The table.
        roles: The columns. Texts in `categories` are those of a model; other columns of texts are added to it.
        numbers: At least the columns of numbers, with their names as keys.
        decimal: The decimal character that was given, or None.
        can_choose: Whether the command has options for the columns, which error messages may name.

    Raises:
        InputError: A column cannot be read.
    """
    found = {name: numbers[name] for name in roles.names if name not in roles.categories}
    categories, notes = dict(roles.categories), []
    for name in (*roles.past, *roles.future):
        if name in found and found[name].values is None and _are_categories(table, name):
            categories[name] = _texts_of(table, name)
    arrays = []
    for name in roles.names:
        if name in categories:
            array, note = _indicators(table, name, categories[name])
            notes += [note] if note else []
        else:
            array = _require_numbers(table, name, found[name], name in roles.targets, can_choose)[:, None]
        arrays.append(array)
    used = {name: one for name, one in found.items() if name not in categories}
    notes += number_notes(used)
    notes += [note for name, one in used.items() if can_choose and (note := _marker_note(name, one.values))]
    roles = replace(roles, categories=categories)
    return ReadValues(np.concatenate(arrays, axis=1), roles, decimal or decimal_of(found), notes)


def _require_numbers(
    table: Table, name: str, found: NumberColumn, is_target: bool, can_choose: bool
) -> NDArray[np.float64]:
    if found.values is None:
        remedy = ", or choose the columns of numbers with --target" if is_target else ", or leave the column out"
        remedy = ", or give --decimal" if found.is_unclear else remedy
        raise InputError(
            f"The column {name!r} of {table.path} must contain numbers, but {found.problem}. Fix it"
            f"{remedy if can_choose else ''}."
        )
    if np.isnan(found.values).all():
        raise InputError(f"The column {name!r} of {table.path} is empty. Fill it, or leave it out.")
    if len(large := np.flatnonzero(np.abs(found.values) > _MAX_NUMBER)):
        number = found.values[large[0]]
        fault = "is infinite" if np.isinf(number) else f"is {number:g}, which is too large to compute with"
        raise InputError(f"{table.where(int(large[0]))}: {name!r} {fault}. Fix it, or leave the field empty.")
    return found.values


def _marker_note(name: str, values: NDArray[np.float64] | None) -> str:
    """Return a sentence about a number that may stand for missing ones: the only negative number, in several rows."""
    negative = values[values < 0] if values is not None else np.empty(0)
    if values is None or len(negative) < 2 or negative.min() < negative.max():
        return ""
    if len(np.unique(values[values >= 0])) < _MIN_OTHERS:
        return ""
    return (
        f"{len(negative):,} numbers of {shown_names([name])} are {negative[0]:g}, its only negative number. If that "
        "stands for a missing number, leave the fields empty."
    )


def _texts_of(table: Table, name: str) -> tuple[str, ...]:
    _, texts = distinct_texts(table, name)
    found = tuple(sorted({text for text in texts if text}))
    if len(found) > _MAX_CATEGORIES:
        raise InputError(
            f"The column {name!r} of {table.path} has {len(found):,} different texts, but a covariate has at most "
            f"{_MAX_CATEGORIES}. Leave it out, or group its texts."
        )
    return found


def _indicators(table: Table, name: str, texts: Sequence[str]) -> tuple[NDArray[np.float64], str]:
    """Return 1 where a row has one of the texts, [rows, texts], and a note on texts that are not among them."""
    encoded, own = distinct_texts(table, name)
    array = (np.array(own, object)[:, None] == np.array(texts, object)).astype(np.float64)[encoded]
    others = sorted({text for text in own if text and text not in texts})
    if not others:
        return array, ""
    return array, f"{name} has texts that were not in the training data, which are ignored: {shown_names(others)}."


def role_notes(table: Table, roles: Roles, keys: Sequence[str]) -> list[str]:
    """Return sentences that list the columns to forecast, the inputs, and those left out with the reasons."""
    notes = [f"Columns to forecast: {shown_names(roles.targets)}."]
    for title, names in (("Past covariates", roles.past), ("Future covariates", roles.future)):
        if names:
            texts = [name for name in names if name in roles.categories]
            added = f" ({shown_names(texts)}: one input for each text)" if texts else ""
            notes.append(f"{title}: {shown_names(names)}{added}.")
    groups: dict[str, list[str]] = {}
    for name, reason in roles.left_out.items():
        groups.setdefault(reason, []).append(name)
    if groups:
        listed = "; ".join(f"{shown_names(names)} ({reason})" for reason, names in groups.items())
        notes.append(f"Left out: {listed}.")
    return notes
