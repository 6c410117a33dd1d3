"""The default number of threads."""

import math
import os
from pathlib import Path

from gatewright.ops import control_group
from gatewright.support.errors import InputError

VARIABLE = "GATEWRIGHT_NUM_THREADS"
_MAX_THREADS = 65_536
_PROCESSORS = Path("/sys/devices/system/cpu")
_SHOWN = 40  # characters of a wrong value


def default_threads(cgroup_root: Path = control_group.ROOT) -> tuple[int, str]:
    """Return the default number of threads, and a text that names the source of this number.

    The number is the value of `GATEWRIGHT_NUM_THREADS` if that environment variable is set and not empty. Otherwise it
    is the number of cores that this process may use: the physical cores in its affinity mask, limited by the CPU quota
    of its control group. Two hardware threads of one core count as one, since one thread of the kernels keeps the
    multipliers of a core busy. The slow cores of a hybrid processor count like the fast ones.

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
    processors, cores, quota = usable_processors(), physical_cores(), cgroup_quota(cgroup_root)
    if quota is not None and math.ceil(quota) < cores:
        return max(1, math.ceil(quota)), "control group quota"
    return cores, "processor affinity" if cores == processors else f"physical cores of {processors} hardware threads"


def usable_processors() -> int:
    """Return the number of processors (hardware threads) in the affinity mask of this process."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def physical_cores() -> int:
    """Return the number of physical cores in the affinity mask of this process.

    If the system does not say of every processor which core it belongs to, each counts as a core of its own.
    """
    if not hasattr(os, "sched_getaffinity"):
        return usable_processors()
    cores = set()
    for processor in os.sched_getaffinity(0):
        topology = _PROCESSORS / f"cpu{processor}" / "topology"
        core = tuple(control_group.words(topology / name) for name in ("physical_package_id", "core_id"))
        if not all(core) or ["-1"] in core:  # not known
            return usable_processors()
        cores.add((core[0][0], core[1][0]))
    return len(cores)


def cgroup_quota(root: Path) -> float | None:
    """Return the number of processors that the control group of this process may use, or None without a limit.

    Args:
        root: The folder in which the control groups are mounted.

    Returns:
        The CPU quota divided by its period. 1.5 means one and a half processors.
    """
    group = control_group.own_group("cpu")
    for folder in dict.fromkeys([root / group, root]):  # version 2: "200000 100000" or "max 100000"
        limit = control_group.words(folder / "cpu.max")
        if len(limit) == 2 and limit[0] != "max":
            return int(limit[0]) / int(limit[1])
    for folder in (root / "cpu" / group, root / "cpu"):  # version 1: two files, -1 for no limit
        quota, period = (
            control_group.words(folder / "cpu.cfs_quota_us"),
            control_group.words(folder / "cpu.cfs_period_us"),
        )
        if quota and period and int(quota[0]) > 0:
            return int(quota[0]) / int(period[0])
    return None
