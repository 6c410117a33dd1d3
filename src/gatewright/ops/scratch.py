"""How much scratch memory the kernels keep between calls."""

import os
from pathlib import Path

from gatewright.ops import control_group

SHARE = 8
"""The kernels keep at most the memory that this process may use, divided by this number."""
_UNKNOWN = 4 << 30  # the memory that is assumed where the system does not tell
_HUGE_PAGES = Path("/sys/kernel/mm/transparent_hugepage/enabled")


def default_limit(cgroup_root: Path = control_group.ROOT) -> int:
    """Return the largest number of bytes of scratch memory that the kernels keep between calls.

    A call uses what it needs. Memory above this limit is returned to the system at the end of the call.
    """
    return usable_memory(cgroup_root) // SHARE


def usable_memory(cgroup_root: Path = control_group.ROOT) -> int:
    """Return the memory that this process may use, in bytes: that of the machine, or the limit of its control group.

    Args:
        cgroup_root: The folder in which the control groups are mounted.
    """
    group = Path(control_group.own_group("memory"))
    # The limit of every group that contains the own group holds, too. In a container, the own group may be the root.
    groups = [*(group / "x").parents]
    files = [cgroup_root / own / "memory.max" for own in groups]  # version 2: "max" for no limit
    files += [cgroup_root / "memory" / own / "memory.limit_in_bytes" for own in groups]  # version 1: a huge number
    limits = [int(word) for file in files for word in control_group.words(file) if word.isdigit()]
    return min([_machine_memory(), *limits])


def _machine_memory() -> int:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):  # not POSIX, or these names are unknown
        return _UNKNOWN


def has_huge_pages(file: Path = _HUGE_PAGES) -> bool:
    """Return whether the system gives huge pages to a program that asks for them, as the kernels do."""
    return any(choice in control_group.words(file) for choice in ("[always]", "[madvise]"))
