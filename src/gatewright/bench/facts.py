"""Facts about the machine and the software, recorded with every result."""

import contextlib
import dataclasses
import os
import platform
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from gatewright.bench.workers import ENVIRONMENT
from gatewright.ops.machine import checkout, processor
from gatewright.ops.threads import default_threads

_NOT_RECORDED = ("tensorflow_python",)  # a path on this machine does not explain the figures


def facts(settings: Any) -> dict[str, Any]:
    """Return the facts that are stored with the results of a suite.

    These are the time, the machine and its load, the Git commit, the settings of the suite (a dataclass), and the
    environment variables of the worker processes.
    """
    recorded = {name: value for name, value in dataclasses.asdict(settings).items() if name not in _NOT_RECORDED}
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
        "settings": recorded,
        "environment": {key: os.environ.get(key, value) for key, value in ENVIRONMENT.items()},
    }


def versions(*packages: str) -> dict[str, str]:
    """Return a dict from the names of the packages that are installed to their versions."""
    found = {}
    for package in packages:
        with contextlib.suppress(PackageNotFoundError):
            found[package] = version(package)
    return found


def kernel_facts(*packages: str) -> dict[str, Any]:
    """Return the instruction set and the number of threads of the kernels, and the versions of packages.

    The packages are Gatewright, NumPy and the given ones.
    """
    from gatewright.ops import kernels

    return {
        **versions("gatewright", "numpy", *packages),
        "instruction_set": kernels.instruction_set(),
        "threads": kernels.num_threads(),
    }


def thread_counts() -> tuple[int, ...]:
    """Return the numbers of threads to measure: 1 and the default of the kernels, in ascending order."""
    return tuple(sorted({1, default_threads()[0]}))
