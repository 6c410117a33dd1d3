"""The table of the steps with the strongest effects, for the terminal and for notebooks."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from gatewright.report import explanation_rows as rows
from gatewright.results.explanation import INPUT, UNKNOWN, Attribution, Explanation
from gatewright.results.naming import METHODS, SHORT_METHODS, shown_text, unit


class TopTable(NamedTuple):
    """The headings, a row for each step, and rows that complete the sums of the methods that add up."""

    headings: tuple[str, ...]
    steps: tuple[tuple[str, ...], ...]
    sums: tuple[tuple[str, ...], ...]


def top_table(explanation: Explanation, dash: str = "–", short: bool = False, narrow: bool = False) -> TopTable:
    """Return the table of the strongest steps.

    Args:
        explanation: The explanation.
        dash: The text of a cell without a number.
        short: Use short headings.
        narrow: Leave out all columns but the effects.
    """
    top = rows.top_steps(explanation)
    digits = [rows.decimals(found.values, 3) for found in explanation.attributions]
    has_kept = not narrow and any(np.isfinite(one.kept) for one in top)
    has_gone = not narrow and any(one.half_gone is not None for one in top)
    titles = SHORT_METHODS if short else METHODS
    headings = [unit(explanation.steps, 1), *(titles[found.method] for found in explanation.attributions)]
    headings += ["kept" if short else "kept at the end"] * has_kept + ["half gone at"] * has_gone
    listed = []
    for one in top:
        cells = [_name(explanation, one.index)]
        cells += [_effect(value, places, dash) for value, places in zip(one.effects, digits, strict=True)]
        if has_kept:
            cells.append(f"{one.kept:.0%}" if np.isfinite(one.kept) else dash)
        if has_gone:
            cells.append(_gone(explanation, one.half_gone, dash))
        listed.append(tuple(cells))
    sums = _sums(explanation, [one.index for one in top], digits, dash)
    padding = ("",) * (has_kept + has_gone)
    return TopTable(tuple(headings), tuple(listed), tuple((*cells, *padding) for cells in sums))


def _sums(explanation: Explanation, listed: list[int], digits: list[int], dash: str) -> list[tuple[str, ...]]:
    """Return rows for the steps that are not listed, for what belongs to no step, and for the sum of each method."""
    adding = [np.isfinite(found.difference) for found in explanation.attributions]
    if not any(adding):
        return []
    others = np.setdiff1d(np.arange(len(explanation.steps)), listed)

    def row(name: str, value: Callable[[Attribution], float | None]) -> tuple[str, ...]:
        cells = [name]
        for found, adds, places in zip(explanation.attributions, adding, digits, strict=True):
            number = value(found) if adds else None
            cells.append(dash if number is None else _effect(number, places, dash))
        return tuple(cells)

    table = []
    if len(others):
        read = all(explanation.steps[step].kind in (INPUT, UNKNOWN) for step in others)
        noun = unit(explanation.steps, len(others)) if read else "steps"
        name = f"{len(others):,} other {noun}"
        table.append(row(name, lambda found: float(np.nansum(found.values[others]))))
    for name in dict.fromkeys(name for found in explanation.attributions for name in found.others):
        table.append(row(name, lambda found: found.others.get(name)))  # noqa: B023
    table.append(row("sum", lambda found: float(np.nansum(found.values)) + sum(found.others.values())))
    return table


def _effect(value: float, decimals: int, dash: str) -> str:
    if not np.isfinite(value):
        return dash
    return f"{value:+.0e}" if 0 < abs(value) < 1e-6 else f"{value:+.{decimals}f}"


def _gone(explanation: Explanation, step: int | None, dash: str) -> str:
    if step is None:
        return dash
    return "not gone" if step < 0 else _name(explanation, step)


def _name(explanation: Explanation, index: int) -> str:
    """Return the text of a step with its number, counted from 1. Quotation marks show the spaces of characters."""
    text = shown_text(explanation.steps[index])
    if text == f"{index + 1}":
        return text
    return f'"{text}" ({index + 1:,})' if text != text.strip() else f"{text} ({index + 1:,})"
