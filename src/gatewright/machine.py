"""Facts about the machine and the software, for results that will be read elsewhere."""

from __future__ import annotations

import platform
from importlib.metadata import version
from pathlib import Path


def facts() -> dict[str, str]:
    """Name of a fact -> fact, as text."""
    from gatewright import kernels

    packages = ("gatewright", "keras", "jax", "numpy", "scikit-learn")
    return {
        "processor": processor(),
        "instruction set": kernels.instruction_set(),
        "threads": str(kernels.num_threads()),
        "system": platform.system(),
        "python": platform.python_version(),
        **{package: version(package) for package in packages},
    }


def processor() -> str:
    """Its name, as the system gives it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:  # not Linux
        return platform.processor() or platform.machine()
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.machine())
