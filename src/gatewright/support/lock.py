"""Locks on files, so that two processes do not write the same results. A lock ends with its process, also if killed."""

import contextlib
import errno
import importlib
import json
import os
import platform
import time
from pathlib import Path
from typing import Any

from gatewright.support.errors import InputError
from gatewright.support.progress import print_status

_MARK = "gatewright lock"
_MAX_BYTES = 4096
# Windows does not let other processes read locked bytes, so the lock is on a byte behind the text.
_LOCKED_BYTE = 1 << 30
_HELD = {errno.EACCES, errno.EAGAIN, errno.EDEADLK}


class Locked(InputError):
    """Raised if another process, or another thread, holds the lock."""


class Lock:
    """An exclusive lock on a file that says who holds it. The file is created if it does not exist.

    Args:
        path: Path of the lock file. Its folder must exist.
        out: The value of `--out`, for the error message.
        work: What holds the lock, such as "training", for the error message of the others.
    """

    def __init__(self, path: Path, out: Path, work: str) -> None:
        self.path = path
        self._out, self._work = out, work
        self._file = -1

    def acquire(self) -> None:
        """Take the lock.

        Raises:
            Locked: Another process or thread holds it. The message says which one, and what to do.
            OSError: The file cannot be created or written.
        """
        while True:
            file = os.open(self.path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o666)
            try:
                self._lock(file)
                if not self._is_current(file):  # its last holder has removed the file in the meantime
                    os.close(file)
                    continue
                about = {
                    "made by": _MARK,
                    "work": self._work,
                    "process": os.getpid(),
                    "host": platform.node(),
                    "since": time.strftime("%Y-%m-%d %H:%M:%S"),
                }
                os.ftruncate(file, 0)
                os.lseek(file, 0, os.SEEK_SET)
                os.write(file, json.dumps(about).encode())
            except BaseException:
                os.close(file)
                raise
            self._file = file
            return

    def _lock(self, file: int) -> None:
        try:
            _lock_file(file)
        except OSError as error:
            if error.errno in _HELD:
                raise Locked(
                    f"--out {self._out} is in use by another {self._holder(file)}: wait until it has finished, or "
                    "choose another --out."
                ) from None
            # A file system without locks, such as some network drives.
            print_status(
                f"{self.path.parent} does not support locks ({error.strerror}). Do not start a second training or "
                f"comparison with --out {self._out} while this one runs."
            )

    def _holder(self, file: int) -> str:
        """Return words for the holder of the lock, such as "training (process 12 since 2026-01-31 18:00:00)"."""
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            os.lseek(file, 0, os.SEEK_SET)
            about: dict[str, Any] = json.loads(os.read(file, _MAX_BYTES))
            host = "" if about["host"] == platform.node() else f" on {str(about['host'])[:80]!r}"
            since = time.strftime("%Y-%m-%d %H:%M:%S", time.strptime(about["since"], "%Y-%m-%d %H:%M:%S"))
            work = about["work"] if about["work"] in ("training", "comparison") else "command"
            return f"{work} (process {int(about['process'])}{host}, since {since})"
        return "process"  # which has not yet written its name

    def _is_current(self, file: int) -> bool:
        try:
            return os.path.samestat(os.fstat(file), os.stat(self.path))
        except FileNotFoundError:
            return False

    def release(self, remove: bool) -> None:
        """Give the lock back, and remove its file if `remove` is True. Do nothing without a lock."""
        if self._file < 0:
            return
        file, self._file = self._file, -1
        if remove and os.name != "nt":  # while the lock is held, so that nobody else has it
            self.path.unlink(missing_ok=True)
        os.close(file)
        if remove and os.name == "nt":
            with contextlib.suppress(OSError):  # another process has opened it in the meantime, and keeps it
                self.path.unlink(missing_ok=True)


def _lock_file(file: int) -> None:
    """Lock an open file for this process without waiting.

    Raises:
        OSError: It is locked already, or the file system has no locks.
    """
    # Each module exists on one kind of system only, so the type checker sees neither.
    if os.name == "nt":
        msvcrt: Any = importlib.import_module("msvcrt")
        os.lseek(file, _LOCKED_BYTE, os.SEEK_SET)
        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
    else:
        fcntl: Any = importlib.import_module("fcntl")
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
