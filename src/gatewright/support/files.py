"""Write files completely or not at all, and check that results can be written to a folder."""

import contextlib
import glob
import os
from collections.abc import Iterator
from pathlib import Path

from gatewright.support.errors import InputError


@contextlib.contextmanager
def atomically(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield the path of a temporary file next to `path`. It is renamed to `path` on success, and removed on failure."""
    final = Path(path)
    # The temporary name has the same suffix, because some writers append it if it is missing.
    temporary = final.with_name(f".{os.getpid()}-{final.name}")
    try:
        yield temporary
        os.replace(temporary, final)
    finally:
        temporary.unlink(missing_ok=True)


def require_results_folder(path: Path) -> None:
    """Raise an error if results cannot be written to the folder `path`, which was given with `--out`. Write nothing.

    Raises:
        InputError: `path` is a file, or the folder (or its nearest existing parent) is not writable.
    """
    if path.exists() and not path.is_dir():
        raise InputError(f"--out {path} is a file. Choose a folder for the results.")
    nearest = next(folder for folder in (path, *path.absolute().parents) if folder.exists())
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise unwritable(path, "permission denied")


def unwritable(path: Path, reason: str) -> InputError:
    """Return the error that says that the folder `path`, given with `--out`, is not writable for this reason."""
    return InputError(f"--out {path} cannot be written ({reason}). Choose a folder that you can write to.")


def remove_leftovers(path: Path) -> None:
    """Remove the temporary files that `atomically` left next to `path` when a process was killed."""
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
        pass  # it runs as another user, or the number is not that of a process
    return True
