"""Options that say how a table for a trained forecaster differs from the data of the training."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from gatewright.data.numbers import DECIMALS
from gatewright.data.tables import Table, parse_header, quoted, require_column
from gatewright.support.errors import InputError, nearest, require_one_of
from gatewright.tasks.forecast.table import Columns

ALLOWED = (
    *("time", "target", "past_covariates", "future_covariates", "series_id"),
    *("time_format", "day_first", "decimal", "header"),
)
"""The options that other data may have. The others, such as the frequency, belong to the model."""


def renamed(columns: Columns, given: Mapping[str, Any]) -> Columns:
    """Return the columns of a table, some of which have other names than in the data of the training.

    Args:
        columns: The columns of the training.
        given: The options that the user gave for the table. `time_format` and `day_first` are left to the caller.

    Raises:
        InputError: An option belongs to the model, or names another number of columns than the model reads.
    """
    for name, value in given.items():
        if name not in ALLOWED:
            raise InputError(f"--{name.replace('_', '-')} {value} is an option of training. Leave it out.")
    roles, layout = columns.roles, columns.layout
    times = _names("time", given, layout.columns)
    targets = _names("target", given, roles.targets)
    past = _names("past_covariates", given, roles.past)
    future = _names("future_covariates", given, roles.future)
    new = dict(zip(roles.names, (*targets, *past, *future), strict=True))
    categories = {new[name]: texts for name, texts in roles.categories.items()}
    if "decimal" in given:
        require_one_of("--decimal", given["decimal"], DECIMALS)
    return replace(
        columns,
        layout=replace(layout, columns=times),
        series_id=_names("series_id", given, columns.series_id),
        roles=replace(roles, targets=targets, past=past, future=future, categories=categories),
        decimal=given.get("decimal", columns.decimal),
        header=parse_header(given["header"]) if "header" in given else columns.header,
    )


def require_columns(table: Table, columns: Columns, given: Mapping[str, Any]) -> None:
    """Raise an error if a table lacks a column that the model reads.

    Args:
        table: The table.
        columns: The columns that the model reads.
        given: The options that the user gave for the table.

    Raises:
        InputError: A column is missing.
    """
    roles = columns.roles
    options = {
        "time": columns.layout.columns,
        "series_id": columns.series_id,
        "target": roles.targets,
        "past_covariates": roles.past,
        "future_covariates": roles.future,
    }
    for option, names in options.items():
        for name in names:
            if option in given:
                require_column(table.path, option.replace("_", "-"), name, table.names)
            if name not in table.names:
                raise InputError(
                    f"{table.path} has no column {name!r}, which the model was trained with, only "
                    f"{quoted(table.names)}. Name the column that takes its place with --{option.replace('_', '-')}"
                    f"{nearest(name, table.names)}"
                )


def _names(option: str, given: Mapping[str, Any], trained: Sequence[str]) -> tuple[str, ...]:
    """Return the names of the columns of an option: those that the user gave, or those of the training."""
    if option not in given:
        return tuple(trained)
    text = str(given[option])
    names = (text,) if len(trained) == 1 else tuple(name.strip() for name in text.split(","))
    if len(names) != len(trained):
        listed = ", ".join(trained[:20]) or "none"
        raise InputError(
            f"--{option.replace('_', '-')} names {len(names):,} column{'s' * (len(names) != 1)}, but the model was "
            f"trained with {len(trained):,} ({listed}). Name the columns that take their place, in the same order."
        )
    return names
