"""The default number of threads."""

import math
import os
from pathlib import Path

from gatewright.support.errors import InputError

VARIABLE = "GATEWRIGHT_NUM_THREADS"
_MAX_THREADS = 65_536
_SHOWN = 40  # characters of a wrong value


def default_threads(cgroup_root: Path = Path("/sys/fs/cgroup")) -> tuple[int, str]:
    """Return the default number of threads, and a text that names the source of this number.

    The number is the value of `GATEWRIGHT_NUM_THREADS` if that environment variable is set and not empty. Otherwise it
    is the number of cores that this process may use: the cores in its affinity mask, limited by the CPU quota of its
    control group.

    Args:
        cgroup_root: The folder in which the control groups are mounted.

    Raises:
        InputError: `GATEWRIGHT_NUM_THREADS` is not a whole number from 1 to 65,536.
    """
    wanted = os.environ.get(VARIABLE)
    if wanted:
        is_number = wanted.isascii() and wanted.isdigit() and len(wanted) <= _SHOWN
        if not is_number or not 1 <= int(wanted) <= _MAX_THREADS:
            shown = wanted if len(wanted) <= _SHOWN else f"{wanted[:_SHOWN]}..."
            raise InputError(
                f"{VARIABLE} must be a whole number from 1 to {_MAX_THREADS}, not {shown!r}. Change it or unset it."
            )
        return int(wanted), VARIABLE
    cores, quota = usable_cores(), cgroup_quota(cgroup_root)
    if quota is not None and math.ceil(quota) < cores:
        return max(1, math.ceil(quota)), "control group quota"
    return cores, "processor affinity"


def usable_cores() -> int:
    """Return the number of cores in the affinity mask of this process."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def cgroup_quota(root: Path) -> float | None:
    """Return the number of processors that the control group of this process may use, or None without a limit.

    Args:
        root: The folder in which the control groups are mounted.

    Returns:
        The CPU quota divided by its period. 1.5 means one and a half processors.
    """
    group = _own_group()
    for folder in dict.fromkeys([root / group, root]):  # version 2: "200000 100000" or "max 100000"
        limit = _words(folder / "cpu.max")
        if len(limit) == 2 and limit[0] != "max":
            return int(limit[0]) / int(limit[1])
    for folder in (root / "cpu" / group, root / "cpu"):  # version 1: two files, -1 for no limit
        quota, period = _words(folder / "cpu.cfs_quota_us"), _words(folder / "cpu.cfs_period_us")
        if quota and period and int(quota[0]) > 0:
            return int(quota[0]) / int(period[0])
    return None


def _own_group() -> str:
    for line in _lines(Path("/proc/self/cgroup")):
        number, controllers, path = line.split(":", 2)
        if number == "0" or "cpu" in controllers.split(","):
            return path.strip("/")
    return ""


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except OSError:  # not Linux, or no such controller, so no limit
        return []


def _words(path: Path) -> list[str]:
    lines = _lines(path)
    return lines[0].split() if lines else []
