"""Facts about the machine and the software, stored with results."""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

_HERE = Path(__file__).resolve()


def facts() -> dict[str, str]:
    """Return the facts as text, by name."""
    from gatewright.ops import kernels

    packages = ("gatewright", "keras", "jax", "numpy", "scikit-learn")
    return {
        "processor": processor(),
        "instruction set": kernels.instruction_set(),
        "threads": str(kernels.num_threads()),
        "system": platform.system(),
        "python": platform.python_version(),
        "commit": format_commit(checkout()),
        **{package: version(package) for package in packages},
    }


def checkout() -> dict[str, Any]:
    """Return the commit that this package runs from, and whether files differ from it; None outside a checkout."""

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(_HERE.parent), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    try:
        git("ls-files", "--error-unmatch", _HERE.name)  # fails in the repository of another project
        # New results do not change the code that made them.
        changed = git(
            "status", "--porcelain", "--", ":(top)", ":(top,exclude)benchmarks/results", ":(top,exclude)docs/results"
        )
        return {"commit": git("rev-parse", "HEAD"), "dirty": bool(changed)}
    except (OSError, subprocess.CalledProcessError):
        return {"commit": None, "dirty": None}


def format_commit(git: Mapping[str, Any]) -> str:
    """Return the result of `checkout` as text."""
    return f"{(git['commit'] or 'no commit')[:10]}{' with changes' if git['dirty'] else ''}"


def processor() -> str:
    """Return the name of the processor as reported by the system."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:  # not Linux
        return platform.processor() or platform.machine()
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.machine())
