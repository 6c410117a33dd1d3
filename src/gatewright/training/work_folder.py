"""The folder with the progress of an unfinished training, which only one training at a time may use."""

import errno
import os
from pathlib import Path
from typing import Self

from gatewright.support.errors import InputError
from gatewright.support.files import remove_leftovers
from gatewright.support.lock import Lock
from gatewright.support.progress import print_status

_LOCK = "gatewright.lock"


class WorkFolder:
    """The folder FILE.training next to the model file FILE, with a checkpoint and the outputs of the baseline.

    It is a context manager that creates the folder and locks it. A folder is only used if it is empty or has the lock
    file of an earlier training; nothing but our own files is ever removed from it.

    Args:
        file: Path of the model file.

    Attributes:
        path: Path of the folder.
        checkpoint, baseline: Paths of the files in it.
    """

    def __init__(self, file: Path) -> None:
        self.path = file.with_name(f"{file.name}.training")
        self.checkpoint, self.baseline = self.path / "checkpoint.npz", self.path / "baseline.npz"
        self._file = file
        self._lock = Lock(self.path / _LOCK, file, "training")

    def __enter__(self) -> Self:
        """Create and lock the folder.

        Raises:
            InputError: Another training uses it, it is not a folder of a training, or it cannot be written.
        """
        try:
            while not self._opened():
                pass
        except OSError as error:
            raise InputError(f"{self.path} cannot be written ({error.strerror}): choose another --out.") from None
        for path in (self._file, self.checkpoint, self.baseline):
            remove_leftovers(path)
        return self

    def _opened(self) -> bool:
        """Return True if the folder is created and locked, or False if its last user removed it in the meantime."""
        try:
            self.path.mkdir()
        except FileExistsError:
            self._require_own()
        try:
            self._lock.acquire()
        except FileNotFoundError:
            return False
        return True

    def _require_own(self) -> None:
        if self.path.is_symlink() or not self.path.is_dir():
            found = "a link" if self.path.is_symlink() else "a file"
        else:
            names = os.listdir(self.path)
            if not names or (_LOCK in names and _is_plain_file(self.path / _LOCK)):
                return
            found = "a folder with other files"
        raise InputError(
            f"{self.path} is {found}, but the progress of the training is stored in a folder of this name: choose "
            "another --out, or rename it."
        )

    def __exit__(self, *error: object) -> None:
        if self.checkpoint.exists() or self.baseline.exists():
            self._lock.release(remove=False)
        else:
            self._remove()

    def clear(self) -> None:
        """Remove the stored progress."""
        for path in (self.checkpoint, self.baseline):
            remove_leftovers(path)
            if path.is_symlink() or path.is_file():
                path.unlink()

    def _remove(self) -> None:
        self._lock.release(remove=True)
        try:
            self.path.rmdir()
        except FileNotFoundError:
            pass
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
            if (self.path / _LOCK).exists():  # of the next training, which waited for this one
                return
            print_status(f"{self.path} has other files, and is left with them.")


def _is_plain_file(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()
