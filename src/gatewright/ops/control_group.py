"""The control group of this process, in which Linux limits its processor time and its memory."""

from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
"""The folder in which the control groups are mounted."""


def own_group(controller: str) -> str:
    """Return the path of the control group of this process below `ROOT`.

    Args:
        controller: "cpu" or "memory". Version 1 of control groups has a hierarchy for each.
    """
    for line in lines(Path("/proc/self/cgroup")):
        number, controllers, path = line.split(":", 2)
        if number == "0" or controller in controllers.split(","):
            return path.strip("/")
    return ""


def lines(path: Path) -> list[str]:
    """Return the lines of a file of the system; empty if there is no such file."""
    try:
        return path.read_text().splitlines()
    except OSError:  # not Linux, or no such controller, so no limit
        return []


def words(path: Path) -> list[str]:
    """Return the words of the first line of a file of the system; empty if there is no such file."""
    found = lines(path)
    return found[0].split() if found else []
