"""What every result has: facts about the machine, numbers, tables, files."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import platform
import statistics
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from gatewright.bench.workers import QUIET, TITLES
from gatewright.ops.machine import checkout, format_commit, processor
from gatewright.ops.threads import default_threads
from gatewright.support.files import atomically

_NO_FACTS = ("tensorflow_python",)  # settings that say nothing about the numbers


def facts(settings: Any) -> dict[str, Any]:
    """What a reader needs to judge the numbers: machine, load, commit, settings (a dataclass)."""
    named = {name: value for name, value in dataclasses.asdict(settings).items() if name not in _NO_FACTS}
    return {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {
            "processor": processor(),
            "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
            "system": platform.platform(),
            "python": platform.python_version(),
            "load_before": list(os.getloadavg()) if hasattr(os, "getloadavg") else None,
        },
        "git": checkout(),
        "settings": named,
        "environment": {key: os.environ.get(key, value) for key, value in QUIET.items()},
    }


def versions(*packages: str) -> dict[str, str]:
    """The installed versions of those packages that are installed."""
    found = {}
    for package in packages:
        with contextlib.suppress(PackageNotFoundError):
            found[package] = version(package)
    return found


def kernel_facts(*packages: str) -> dict[str, Any]:
    """What Gatewright's kernels run on, and the installed versions of Gatewright, NumPy and those packages."""
    from gatewright.ops import kernels

    found: dict[str, Any] = dict(versions("gatewright", "numpy", *packages))
    return found | {"instruction_set": kernels.instruction_set(), "threads": kernels.num_threads()}


def thread_counts() -> tuple[int, ...]:
    """One thread, and as many as the kernels use by default."""
    most = default_threads()[0]
    return (1, most) if most > 1 else (1,)


def heading(title: str, about: dict[str, Any]) -> str:
    """The lines that stand above a Markdown table of results."""
    machine, git = about["machine"], about["git"]
    commit = format_commit(git)
    load = "" if machine["load_before"] is None else f", load {machine['load_before'][0]:.1f} before"
    return f"# {title}\n\n{machine['processor']}, {machine['cores']} cores{load}; {commit}; {about['when']}.\n"


def quartiles(values: Sequence[float]) -> tuple[float, float, float]:
    """Lower quartile, median, upper quartile."""
    if len(values) == 1:
        return values[0], values[0], values[0]
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, middle, high


def median_ratio(above: Sequence[float], below: Sequence[float]) -> float:
    """The median of the ratios of each round: what slows a whole round weighs on both and cancels."""
    return statistics.median(a / b for a, b in zip(above, below, strict=True))


def number(value: float) -> str:
    """Three digits or so, for a table."""
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.3g}"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table with aligned columns: text to the left, and to the right what starts with a digit."""
    rows = [list(row) for row in rows]
    widths = [max(len(line[k]) for line in [list(header), *rows]) for k in range(len(header))]
    right = [bool(rows) and all(row[k][:1].isdigit() or row[k] == "-" for row in rows) for k in range(len(header))]

    def line(row: Sequence[str]) -> str:
        cells = (c.rjust(w) if r else c.ljust(w) for c, w, r in zip(row, widths, right, strict=True))
        return f"| {' | '.join(cells)} |"

    rule = "|".join("-" * (w + 1) + ":" if r else "-" * (w + 2) for w, r in zip(widths, right, strict=True))
    return "\n".join([line(header), f"|{rule}|", *map(line, rows)])


def spread(values: Sequence[float]) -> str:
    """Median and quartiles, for a table."""
    low, middle, high = quartiles(values)
    return f"{number(middle)} ({number(low)}-{number(high)})"


def ratio(value: float | None) -> str:
    """A ratio, for a table; None where there is nothing to divide by."""
    return "-" if value is None else f"{value:.2f}"


def shape_name(batch: int, time: int, features: int, units: int) -> str:
    """A shape, for a table."""
    return f"{batch}x{time}x{features} to {units}"


def threads(count: int) -> str:
    """How many, in words."""
    return f"{count} thread{'s' if count > 1 else ''}"


def idle(about: dict[str, Any]) -> str:
    """The sentence about what workers used in the others' turns."""
    shares = ", ".join(
        f"{TITLES[peer]} {'unknown' if share is None else f'{100 * share:.1f}%'}"
        for peer, share in about["idle_cpu"].items()
    )
    return f"Processor time used while it was another's turn, of one core: {shares}."


def notes(about: dict[str, Any]) -> str:
    """The notes as a list that stands at the end; nothing where there are none."""
    return "".join(f"\n- {note}" for note in about["notes"])


def write(folder: Path, name: str, result: dict[str, Any], markdown: str) -> list[Path]:
    """Write the JSON and the Markdown into the folder, beside one another; each appears whole."""
    texts = {f"{name}.json": json.dumps(result, indent=1), f"{name}.md": markdown}
    for file, text in texts.items():
        with atomically(folder / file) as path:
            path.write_text(f"{text}\n", encoding="utf-8")
    return [folder / file for file in texts]
