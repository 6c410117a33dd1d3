"""Write files completely or not at all, and check before a long computation that results can be written."""

import contextlib
import errno
import glob
import os
import shutil
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from gatewright.support.errors import InputError

_PREFIX = ".gatewright-"
_PLOTS = (".png", ".svg", ".pdf")
# How systems say that a folder cannot be synced, for example on some network drives.
_NO_FOLDER_SYNC = {errno.EINVAL, errno.ENOTSUP, errno.EBADF, errno.EACCES}


@contextlib.contextmanager
def atomically(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield the path of an empty temporary file next to `path`. It is renamed to `path` on success, removed on failure.

    When the context ends, the file is on the disk, not only in the system's memory. It has the permissions, the group
    and the access control list of the file that it replaces.

    Raises:
        OSError: The file cannot be written. Its `filename` is `path`.
    """
    final = Path(path)
    temporary = _temporary(final)
    try:
        _create(temporary, private=final.exists())
        yield temporary
        _sync(temporary)
        if final.exists():
            _copy_permissions(final, temporary)
        os.replace(temporary, final)
        _sync_folder(final.parent)
    except OSError as error:
        # An error without a number is not of the system: it has a sentence of its own.
        if error.errno is not None and error.filename in (None, str(temporary), temporary):
            error.filename, error.filename2 = str(final), None
        raise
    finally:
        temporary.unlink(missing_ok=True)


def _temporary(final: Path) -> Path:
    # The temporary name has the same suffix, because some writers append it if it is missing.
    return final.with_name(f"{_PREFIX}{os.getpid()}-{final.name}")


def _create(path: Path, private: bool) -> None:
    """Create an empty file. Only its owner may read it if `private` is True. Links are not followed."""
    path.unlink(missing_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600 if private else 0o666))


def _sync(path: Path) -> None:
    file = os.open(path, os.O_RDWR)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def _sync_folder(folder: Path) -> None:
    """Wait until the names of the files in a folder are on the disk, on systems where this is possible."""
    if os.name == "nt":
        return
    file = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(file)
    except OSError as error:
        if error.errno not in _NO_FOLDER_SYNC:
            raise
    finally:
        os.close(file)


def _copy_permissions(source: Path, target: Path) -> None:
    """Give `target` the owner, group, permissions and access control list of `source`, as far as this is allowed."""
    wanted = source.stat()
    if hasattr(os, "chown"):
        try:
            os.chown(target, wanted.st_uid, wanted.st_gid)
        except PermissionError:  # only an administrator may give files to other users
            with contextlib.suppress(PermissionError):
                os.chown(target, -1, wanted.st_gid)
    shutil.copystat(source, target)
    os.utime(target)
    if target.stat().st_gid != wanted.st_gid:  # another group must not get what the old group was allowed
        os.chmod(target, stat.S_IMODE(wanted.st_mode) & ~stat.S_IRWXG)


def require_writable(path: Path, flag: str) -> None:
    """Raise an error if the file `path`, given with `flag`, cannot be written. Leave no file behind.

    Raises:
        InputError: `path` is a folder, its folder does not exist, or a file cannot be created there.
    """
    try:
        if path.is_dir():
            raise InputError(f"{flag} {path} is a folder: give the path of a file, such as model.safetensors.")
        if not path.absolute().parent.is_dir():
            raise InputError(
                f"{flag} {path} is in a folder that does not exist: create the folder, or choose another path."
            )
        temporary = _temporary(path)
        _create(temporary, private=True)
        temporary.unlink()
    except OSError as error:
        raise InputError(f"{flag} {path} cannot be written ({error.strerror}): choose another path.") from None
    except ValueError as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{flag} {str(path)!r} is not the name of a file ({error}): choose another path.") from None


def require_plot(path: Path) -> None:
    """Raise an error if a plot cannot be written to the file `path`, given with `--plot`.

    Raises:
        InputError: The file has another suffix than .png, .svg or .pdf, or its folder does not exist.
    """
    if path.suffix.lower() not in _PLOTS:
        raise InputError(f"--plot must be a file with the suffix {' or '.join(_PLOTS)}, not {path}.")
    if not path.absolute().parent.is_dir():
        raise InputError(f"--plot {path} is in a folder that does not exist. Create it, or name another file.")


def require_other_file(path: Path, flag: str, inputs: Mapping[str, object]) -> None:
    """Raise an error if the file to write is also an input, also if it is spelled differently or reached by a link.

    Args:
        path: The file to write.
        flag: The flag with which it was given.
        inputs: The flag and the value of each argument that may be a file. None if it was not given.

    Raises:
        InputError: The file is one of the inputs.
    """
    for name, value in inputs.items():
        if isinstance(value, str | os.PathLike) and is_same_file(path, Path(value)):
            raise InputError(f"{flag} {path} is also given as {name}, and would be lost: choose another {flag}.")


def require_outside(folder: Path, flag: str, inputs: Mapping[str, object]) -> None:
    """Raise an error if an input is in the folder of the results, whose files are replaced.

    Args:
        folder: The folder of the results.
        flag: The flag with which it was given.
        inputs: The flag and the value of each argument that may be a file. None if it was not given.

    Raises:
        InputError: One of the inputs is the folder, or is in it.
    """
    for name, value in inputs.items():
        if isinstance(value, str | os.PathLike) and _is_inside(Path(value), folder):
            raise InputError(
                f"{name} {value} is in the folder {flag} {folder}, where files are replaced: choose another {flag}."
            )


def _is_inside(path: Path, folder: Path) -> bool:
    with contextlib.suppress(OSError, ValueError):
        return path.exists() and path.resolve().is_relative_to(folder.resolve())
    return False  # a text that cannot be a path


def is_same_file(one: Path, other: Path) -> bool:
    """Return True if both paths lead to the same existing file."""
    with contextlib.suppress(OSError, ValueError):
        return one.exists() and other.exists() and one.samefile(other)
    return False  # a text that cannot be a path


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


def is_temporary(path: Path) -> bool:
    """Return True if `path` has the name of a temporary file of `atomically`."""
    number, hyphen, name = path.name.removeprefix(_PREFIX).partition("-")
    return path.name.startswith(_PREFIX) and number.isascii() and number.isdigit() and bool(hyphen and name)


def remove_leftovers(path: Path) -> None:
    """Remove the temporary files that `atomically` left next to `path` when a process was killed.

    Nothing else may be writing `path` at the same time.
    """
    for leftover in path.parent.glob(f"{_PREFIX}*-{glob.escape(path.name)}"):
        if is_temporary(leftover) and leftover.name.removeprefix(_PREFIX).partition("-")[2] == path.name:
            leftover.unlink(missing_ok=True)
