"""Writing files so that no reader ever meets half of one, and the folders that they go to."""

import contextlib
import glob
import os
from collections.abc import Iterator
from pathlib import Path

from gatewright.support.errors import InputError


@contextlib.contextmanager
def atomically(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path beside `path`; renamed to it when the block ends well, else removed."""
    final = Path(path)
    # Keeps the suffix, since some writers add one that they miss.
    temporary = final.with_name(f".{os.getpid()}-{final.name}")
    try:
        yield temporary
        os.replace(temporary, final)
    finally:
        temporary.unlink(missing_ok=True)


def require_results_folder(path: Path) -> None:
    """Refuse what `--out` names if results can't go there. Nothing is written.

    Raises:
        InputError: it is a file, or a folder (or, where there is none yet, the nearest one above) can't be written.
    """
    if path.exists() and not path.is_dir():
        raise InputError(f"--out {path} is a file: name a folder for the results.")
    nearest = next(folder for folder in (path, *path.absolute().parents) if folder.exists())
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise unwritable(path, "permission denied")


def unwritable(path: Path, reason: str) -> InputError:
    """The sentence about a folder of `--out` that can't be written."""
    return InputError(f"--out {path} can't be written ({reason}): name a folder that you can write to.")


def remove_leftovers(path: Path) -> None:
    """Remove the temporary files for `path` that `atomically` could not, because its process was killed."""
    for leftover in path.parent.glob(f".*-{glob.escape(path.name)}"):
        number = leftover.name[1:].split("-")[0]
        if number.isdigit() and not _is_running(int(number)):
            leftover.unlink(missing_ok=True)


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
