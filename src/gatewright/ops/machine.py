"""Information about the machine and the installed software, which is stored with every result."""

import platform
import subprocess
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

_HERE = Path(__file__).resolve()


def facts() -> dict[str, str]:
    """Return information about the machine and the installed software.

    The keys are "processor", "instruction set", "threads", "system", "python", "commit", and the names of Gatewright
    and its main dependencies. The values are text; the value for a package is its version.
    """
    from gatewright.ops import kernels

    return {
        "processor": processor(),
        "instruction set": kernels.instruction_set(),
        "threads": str(kernels.num_threads()),
        "system": platform.system(),
        "python": platform.python_version(),
        "commit": format_commit(checkout()),
        **{package: version(package) for package in ("gatewright", "keras", "jax", "numpy", "scikit-learn")},
    }


def checkout() -> dict[str, Any]:
    """Return the Git commit of the working tree that this package runs from.

    Returns:
        A dict: "commit" is the hash of the commit, and "dirty" is True if the files differ from this commit. Both are
        None if the package does not run from a working tree of its repository.
    """

    def git(*arguments: str) -> str:
        return subprocess.run(
            ["git", "-C", str(_HERE.parent), *arguments], capture_output=True, text=True, check=True
        ).stdout.strip()

    try:
        git("ls-files", "--error-unmatch", _HERE.name)  # fails if the checkout is of another project
        # New results do not change the code that made them.
        changed = git(
            "status", "--porcelain", "--", ":(top)", ":(top,exclude)benchmarks/results", ":(top,exclude)docs/results"
        )
        return {"commit": git("rev-parse", "HEAD"), "dirty": bool(changed)}
    except (OSError, subprocess.CalledProcessError):
        return {"commit": None, "dirty": None}


def format_commit(git: Mapping[str, Any]) -> str:
    """Return the result of `checkout` as text, such as "0123456789 with changes"."""
    return f"{(git['commit'] or 'no commit')[:10]}{' with changes' if git['dirty'] else ''}"


def processor() -> str:
    """Return the name of the processor that the operating system reports."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:  # not Linux
        return platform.processor() or platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def instructions() -> tuple[str, str]:
    """Return the name of the processor and, on Linux, the names of its instruction sets."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return processor(), ""
    return processor(), next((line for line in lines if line.startswith(("flags", "Features"))), "")
