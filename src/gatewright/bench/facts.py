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
    """Return a dict of facts about a run of a suite, which is stored with the results.

    It contains the current time, the machine and its load, the Git commit, the settings (a dataclass) as a dict, and
    the environment variables that are set for worker processes.
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
    """Return the versions of the given packages, with the package names as keys. Leave out missing packages."""
    found = {}
    for package in packages:
        with contextlib.suppress(PackageNotFoundError):
            found[package] = version(package)
    return found


def kernel_facts(*packages: str) -> dict[str, Any]:
    """Return a dict with the instruction set and the number of threads that the kernels use, and package versions.

    The versions are those of Gatewright, NumPy and `packages`.
    """
    from gatewright.ops import kernels

    return {
        **versions("gatewright", "numpy", *packages),
        "instruction_set": kernels.instruction_set(),
        "threads": kernels.num_threads(),
    }


def thread_counts() -> tuple[int, ...]:
    """Return the numbers of threads to measure: 1 and the default number, in ascending order and without duplicates."""
    return tuple(sorted({1, default_threads()[0]}))
