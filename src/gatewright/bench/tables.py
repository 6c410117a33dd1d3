"""Compute statistics and format Markdown for the result pages of suites."""

import statistics
from collections.abc import Iterable, Sequence
from typing import Any

from gatewright.bench.workers import TITLES
from gatewright.ops.machine import format_commit


def quartiles(values: Sequence[float]) -> tuple[float, float, float]:
    """Return the lower quartile, the median and the upper quartile."""
    if len(values) == 1:
        return values[0], values[0], values[0]
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, middle, high


def median_ratio(numerators: Sequence[float], denominators: Sequence[float]) -> float:
    """Divide the numerator of each round by the denominator of the same round, and return the median of the ratios.

    If the machine is slow during a round, both values are affected, and the ratio hardly changes.
    """
    return statistics.median(a / b for a, b in zip(numerators, denominators, strict=True))


def format_number(value: float) -> str:
    """Return a positive number as a string with about three significant digits."""
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.3g}"


def format_spread(values: Sequence[float]) -> str:
    """Format the median and the lower and upper quartile of the values, such as "12.3 (11.8-13.1)"."""
    low, middle, high = quartiles(values)
    return f"{format_number(middle)} ({format_number(low)}-{format_number(high)})"


def format_range(values: Sequence[float]) -> str:
    """Format a lower and an upper value, such as "11.8-13.1"."""
    return "-".join(map(format_number, values))


def format_ratio(value: float | None) -> str:
    """Format a ratio with two decimals, or None as "-"."""
    return "-" if value is None else f"{value:.2f}"


def format_threads(count: int) -> str:
    """Format a number of threads, such as "2 threads"."""
    return f"{count} thread{'s' if count > 1 else ''}"


def heading(title: str, result: dict[str, Any]) -> str:
    """Return the title of a page in Markdown, and a line with the machine, the Git commit and the time of the run."""
    machine = result["machine"]
    load = "" if machine["load_before"] is None else f", load {machine['load_before'][0]:.1f} before the run"
    commit = format_commit(result["git"])
    return f"# {title}\n\n{machine['processor']}, {machine['cores']} cores{load}; {commit}; {result['when']}.\n"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table with padded cells. Columns of numbers are aligned to the right."""
    rows = [list(row) for row in rows]
    widths = [max(len(line[k]) for line in [list(header), *rows]) for k in range(len(header))]
    right = [bool(rows) and all(row[k][:1].isdigit() or row[k] == "-" for row in rows) for k in range(len(header))]

    def line(row: Sequence[str]) -> str:
        cells = (c.rjust(w) if r else c.ljust(w) for c, w, r in zip(row, widths, right, strict=True))
        return f"| {' | '.join(cells)} |"

    rule = "|".join("-" * (w + 1) + ":" if r else "-" * (w + 2) for w, r in zip(widths, right, strict=True))
    return "\n".join([line(header), f"|{rule}|", *map(line, rows)])


def idle_sentence(result: dict[str, Any]) -> str:
    """Return a sentence about the processor time that each worker process used while others were measured."""
    fractions = ", ".join(
        f"{TITLES[peer]} {'unknown' if fraction is None else f'{100 * fraction:.1f}%'}"
        for peer, fraction in result["idle_cpu"].items()
    )
    return f"Processor time of idle workers during the turns of others, as a fraction of one core: {fractions}."


def page(
    title: str, result: dict[str, Any], header: Sequence[str], rows: Iterable[Sequence[str]], explanation: str
) -> str:
    """Return the Markdown page of a suite: the heading, the table, the explanation, and the notes of the result."""
    notes = "".join(f"\n- {note}" for note in result["notes"])
    return f"{heading(title, result)}\n{table(header, rows)}\n\n{explanation}\n{notes}".rstrip()
