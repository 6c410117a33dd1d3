"""The `doctor` command: report what is installed, what works, and how to fix what does not."""

import argparse
import contextlib
import html
import importlib.util
import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from gatewright.ops import scratch, threads
from gatewright.support.errors import InputError

_PACKAGES = ("gatewright", "numpy", "keras", "jax", "torch", "tensorflow")
# The packages that each integration needs, and a program that tries it. A program runs in a process of its own: a crash
# must not end the report, and an import must not choose Keras' backend in a notebook. The one for Keras runs a layer,
# since some failures show only then.
_INTEGRATIONS: dict[str, tuple[tuple[str, ...], str]] = {
    "numpy backend": ((), "import gatewright.ops.numpy"),
    "jax backend": (("jax",), "import gatewright.ops.jax"),
    "keras integration": (
        ("keras", "jax"),
        "import gatewright, numpy, warnings; warnings.simplefilter('error', gatewright.SlowPathWarning); "
        "gatewright.accelerate(); import keras; "
        "keras.layers.GRU(2)(numpy.zeros((2, 3, 1), 'float32'))",
    ),
}
_SECONDS = 120


class Finding(NamedTuple):
    """One check in the report: its name, what was found, and a sentence about the problem (empty without a problem)."""

    name: str
    text: str
    problem: str = ""


@dataclass(frozen=True)
class Report:
    """The report of `doctor`.

    Attributes:
        rows: For each check, its name and what was found.
        problems: One sentence for each problem.
    """

    rows: tuple[tuple[str, str], ...]
    problems: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """True if no check found a problem."""
        return not self.problems

    def __str__(self) -> str:
        width = max(len(name) for name, _ in self.rows)
        return "\n".join([*(f"{name:<{width}}  {text}" for name, text in self.rows), "", *self._conclusion()])

    def _repr_html_(self) -> str:
        cells = "".join(
            f"<tr><th style='text-align:left'>{html.escape(name)}</th>"
            f"<td style='text-align:left'>{html.escape(text)}</td></tr>"
            for name, text in self.rows
        )
        return f"<table>{cells}</table>" + "".join(f"<p>{html.escape(line)}</p>" for line in self._conclusion())

    def _conclusion(self) -> list[str]:
        return [f"Problem: {problem}" for problem in self.problems] or ["No problems were found."]


def doctor() -> Report:
    """Check this installation of gatewright, and return a report. This takes some seconds."""
    findings = _versions()
    number = _threads()
    with _usable_threads():
        findings += [*_kernels(), number, _scratch_memory(), *_integrations()]
    findings.append(_data_folder())
    problems = tuple(finding.problem for finding in findings if finding.problem)
    return Report(tuple((finding.name, finding.text) for finding in findings), problems)


def _versions() -> list[Finding]:
    from importlib.metadata import PackageNotFoundError, version

    findings = [Finding("python", platform.python_version()), Finding("platform", platform.platform())]
    for package in _PACKAGES:
        try:
            findings.append(Finding(package, version(package)))
        except PackageNotFoundError:
            findings.append(Finding(package, "not installed"))
    return findings


def _kernels() -> list[Finding]:
    try:
        from gatewright.ops import kernels
    except ImportError as error:
        problem = f"The compiled kernels do not load ({error}): install Gatewright again for this Python."
        return [Finding("instruction sets", "the compiled kernels do not load", problem)]
    available = Finding("instruction sets", ", ".join(kernels.instruction_sets()))
    bf16 = "instructions of the processor" if kernels.bf16_instructions() else "emulated, so that it saves no time"
    return [available, Finding("in use", kernels.instruction_set()), Finding("bfloat16 products", bf16)]


def _threads() -> Finding:
    try:
        count, source = threads.default_threads()
    except InputError as error:
        return Finding("threads", "unknown", str(error))
    problem = ""
    if count > (cores := threads.physical_cores()):
        problem = (
            f"{count} threads (from {source}) share {cores} physical {'core' if cores == 1 else 'cores'}, which is "
            f"slow: set {threads.VARIABLE}={cores}."
        )
    return Finding("threads", f"{count}, from {source}", problem)


def _scratch_memory() -> Finding:
    huge = "with huge pages where they are large" if scratch.has_huge_pages() else "without huge pages"
    limit = f"up to {scratch.default_limit() / 1e6:,.0f} MB are kept between calls"
    return Finding("scratch memory", f"{limit} (1/{scratch.SHARE} of the usable memory), {huge}")


@contextlib.contextmanager
def _usable_threads() -> Iterator[None]:
    """Unset a wrong number of threads inside the `with` block, so that it is reported as one problem only."""
    wanted = os.environ.get(threads.VARIABLE)
    try:
        threads.default_threads()
    except InputError:
        del os.environ[threads.VARIABLE]
    try:
        yield
    finally:
        if wanted is not None:
            os.environ[threads.VARIABLE] = wanted


def _integrations() -> list[Finding]:
    processes = {
        name: subprocess.Popen(
            [sys.executable, "-c", code], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        for name, (packages, code) in _INTEGRATIONS.items()
        if not _missing(packages)
    }
    findings = []
    for name, (packages, _) in _INTEGRATIONS.items():
        if name not in processes:
            text = f"needs {' and '.join(_missing(packages))}: pip install 'gatewright[train]'"
            findings.append(Finding(name, text))
        elif fault := _fault(processes[name]):
            findings.append(Finding(name, "does not work", f"The {name} does not work: {fault}"))
        else:
            findings.append(Finding(name, "works"))
    return findings


def _missing(packages: tuple[str, ...]) -> list[str]:
    return [package for package in packages if importlib.util.find_spec(package) is None]


def _fault(process: subprocess.Popen[str]) -> str:
    """Wait for a process to end. Return why it failed, in one line, or an empty string if it succeeded."""
    try:
        errors = process.communicate(timeout=_SECONDS)[1].strip().splitlines()
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return f"it did not finish within {_SECONDS} seconds."
    if process.returncode < 0:
        return f"it was ended by signal {-process.returncode}: please report this machine's processor."
    if process.returncode == 0:
        return ""
    return errors[-1] if errors else f"it ended with exit code {process.returncode}."


def _data_folder() -> Finding:
    folder = os.environ.get("GATEWRIGHT_DATA")
    if not folder:
        return Finding("GATEWRIGHT_DATA", "not set")
    exists = os.path.isdir(os.path.expanduser(folder))
    problem = f"GATEWRIGHT_DATA={folder} is not a folder: set it to the folder of your data sets."
    return Finding("GATEWRIGHT_DATA", folder, "" if exists else problem)


def add_parser(commands: Any) -> None:
    """Add the command to the command line."""
    about = "Report what is installed, what works, and how to fix what does not."
    commands.add_parser("doctor", help=about, description=about).set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    result = doctor()
    print(result)
    return 0 if result.ok else 1
