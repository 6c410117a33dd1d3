"""Facts about the machine and the software, for results that will be read elsewhere."""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

_HERE = Path(__file__).resolve()


def facts() -> dict[str, str]:
    """Name of a fact -> fact, as text."""
    from gatewright.ops import kernels

    packages = ("gatewright", "keras", "jax", "numpy", "scikit-learn")
    return {
        "processor": processor(),
        "instruction set": kernels.instruction_set(),
        "threads": str(kernels.num_threads()),
        "system": platform.system(),
        "python": platform.python_version(),
        "commit": commit_told(checkout()),
        **{package: version(package) for package in packages},
    }


def checkout() -> dict[str, Any]:
    """The commit that this package is run from, and whether files differ from it; None where there is no such thing."""

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(_HERE.parent), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    try:
        git("ls-files", "--error-unmatch", _HERE.name)  # else it is another project's, where this one is installed
        # A result that has just been written does not make the code that made it another one.
        changed = git(
            "status", "--porcelain", "--", ":(top)", ":(top,exclude)benchmarks/results", ":(top,exclude)docs/results"
        )
        return {"commit": git("rev-parse", "HEAD"), "dirty": bool(changed)}
    except (OSError, subprocess.CalledProcessError):
        return {"commit": None, "dirty": None}


def commit_told(git: Mapping[str, Any]) -> str:
    """What `checkout` found, for a reader."""
    return f"{(git['commit'] or 'no commit')[:10]}{' with changes' if git['dirty'] else ''}"


def processor() -> str:
    """Its name, as the system gives it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:  # not Linux
        return platform.processor() or platform.machine()
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.machine())
