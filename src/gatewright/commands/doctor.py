"""`gatewright doctor`: what is installed here, which doors load, and what is wrong, each with its mend."""

import html
import importlib.util
import os
import platform
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

_PACKAGES = ("gatewright", "numpy", "keras", "jax", "torch", "tensorflow")
# Each door is opened in a process of its own: one that crashes must not take the report along, and asking
# must not settle Keras' backend in a notebook. The keras door runs a layer: some failures show only then.
_DOORS = {
    "numpy": "import gatewright.ops.numpy",
    "jax": "import gatewright.ops.jax",
    "keras": (
        "import gatewright, numpy, warnings; warnings.simplefilter('error', gatewright.SlowPathWarning); "
        "gatewright.accelerate(); import keras; "
        "keras.layers.GRU(2)(numpy.zeros((2, 3, 1), 'float32'))"
    ),
}
_NEEDS = {"numpy": (), "jax": ("jax",), "keras": ("keras", "jax")}
_SECONDS = 120


@dataclass(frozen=True)
class Report:
    """What `doctor` found: rows of name and finding, and one sentence for each thing that is wrong."""

    rows: tuple[tuple[str, str], ...]
    problems: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems

    def __str__(self) -> str:
        width = max(len(name) for name, _ in self.rows)
        lines = [f"{name:<{width}}  {finding}" for name, finding in self.rows]
        return "\n".join([*lines, "", *self._verdict()])

    def _repr_html_(self) -> str:
        cells = "".join(
            f"<tr><th style='text-align:left'>{html.escape(name)}</th>"
            f"<td style='text-align:left'>{html.escape(finding)}</td></tr>"
            for name, finding in self.rows
        )
        verdict = "".join(f"<p>{html.escape(sentence)}</p>" for sentence in self._verdict())
        return f"<table>{cells}</table>{verdict}"

    def _verdict(self) -> list[str]:
        return [f"Wrong: {problem}" for problem in self.problems] or ["All is well."]


def doctor() -> Report:
    """Look at this installation; opening the doors takes some seconds."""
    rows: list[tuple[str, str]] = []
    problems: list[str] = []
    rows += _versions()
    rows += _kernels(problems)
    rows += _threads(problems)
    rows += _doors(problems)
    rows += _data(problems)
    return Report(tuple(rows), tuple(problems))


def _versions() -> list[tuple[str, str]]:
    rows = [("python", platform.python_version()), ("platform", platform.platform())]
    return rows + [(name, _version(name) or "not installed") for name in _PACKAGES]


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _kernels(problems: list[str]) -> list[tuple[str, str]]:
    try:
        from gatewright.ops import kernels

        return [
            ("instruction sets", ", ".join(kernels.instruction_sets())),
            ("in use", kernels.instruction_set()),
        ]
    except ImportError as error:
        problems.append(f"the compiled kernels do not load ({error}): install gatewright again for this Python.")
        return [("instruction sets", "the compiled kernels do not load")]


def _threads(problems: list[str]) -> list[tuple[str, str]]:
    try:
        from gatewright.ops import threads

        count, source = threads.default_threads()
    except (ImportError, ValueError) as error:
        problems.append(f"the number of threads can't be told: {error}")
        return [("threads", "unknown")]
    usable = _usable_processors()
    if count > usable:
        problems.append(
            f"{count} threads (from {source}) share {usable} processors, which is slow: "
            f"set GATEWRIGHT_NUM_THREADS={usable}."
        )
    return [("threads", f"{count}, from {source}")]


def _usable_processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _doors(problems: list[str]) -> list[tuple[str, str]]:
    opened = {
        name: subprocess.Popen(
            [sys.executable, "-c", code], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        for name, code in _DOORS.items()
        if not _missing(name)
    }
    rows = []
    for name in _DOORS:
        if name not in opened:
            finding = f"needs {' and '.join(_missing(name))}: pip install 'gatewright[train]'"
        elif fault := _fault(opened[name]):
            finding = "does not load"
            problems.append(f"the {name} door does not load: {fault}")
        else:
            finding = "loads"
        rows.append((f"{name} door", finding))
    return [*rows, ("torch door", "not yet")]


def _missing(door: str) -> list[str]:
    return [package for package in _NEEDS[door] if importlib.util.find_spec(package) is None]


def _fault(process: subprocess.Popen[str]) -> str | None:
    """Why the process failed, in one line, or None."""
    try:
        errors = process.communicate(timeout=_SECONDS)[1].strip().splitlines()
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return f"it did not answer within {_SECONDS} seconds."
    if process.returncode == 0:
        return None
    if process.returncode < 0:
        return f"it was ended by signal {-process.returncode}: please report this machine's processor."
    return errors[-1] if errors else f"it ended with code {process.returncode}."


def _data(problems: list[str]) -> list[tuple[str, str]]:
    folder = os.environ.get("GATEWRIGHT_DATA")
    if not folder:
        return [("GATEWRIGHT_DATA", "not set")]
    if not os.path.isdir(os.path.expanduser(folder)):
        problems.append(f"GATEWRIGHT_DATA={folder} is not a folder: set it to the folder of your data sets.")
    return [("GATEWRIGHT_DATA", folder)]
