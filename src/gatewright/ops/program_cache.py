"""A folder of the user in which the programs that XLA has compiled are kept for later processes.

JAX looks up a program by a hash of its text, of the compiler's options and of the versions of JAX. Entries are machine
code that calls the kernels, so that they are kept apart by processor, by version of this package and by sources of the
kernels. Loading an entry runs code from the folder: therefore the folder must belong to the user, no other user may
write to it, and an entry whose checksum is wrong is not loaded.
"""

import contextlib
import hashlib
import importlib.util
import os
import stat
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gatewright.ops import _kernels, machine
from gatewright.support.cache_folder import cache_folder
from gatewright.support.version import VERSION

# All entries together, in bytes. Those that were not used for the longest time are removed first.
MAX_SIZE = 512 * 2**20
_HEADER = b"gatewright program 1\n"
_DIGEST_SIZE = hashlib.sha256().digest_size
_REJECTED = "rejected-by-xla"


def use(note: Callable[[str], None]) -> None:
    """Make JAX keep compiled programs in the folder of the user from now on, for the rest of this process.

    Nothing changes if JAX is not installed, if its own cache has been set up or switched off
    (JAX_COMPILATION_CACHE_DIR, JAX_ENABLE_COMPILATION_CACHE, `jax.config`), or if XLA has refused to load its own
    entries on this machine.

    Args:
        note: Function that is called with a sentence if programs cannot be kept.
    """
    if importlib.util.find_spec("jax") is None or "JAX_COMPILATION_CACHE_DIR" in os.environ:
        return
    import jax

    config: Any = jax.config
    if config.jax_compilation_cache_dir or not config.jax_enable_compilation_cache:
        return
    try:
        top = _private(cache_folder() / "compiled")
        folder = _private(top / _fingerprint())
    except OSError as error:
        note(f"Compiled programs are not kept: {error}")
        return
    if (folder / _REJECTED).exists():
        return
    programs = _Programs(top, folder, note)
    from jax._src import compilation_cache

    get_file_cache = getattr(compilation_cache, "get_file_cache", None)
    if get_file_cache is None:  # it is not part of JAX's public interface
        note("Compiled programs are not kept: this version of JAX stores them in another way. Use an earlier JAX.")
        return

    def ours_or_theirs(path: str) -> Any:
        return (programs, path) if path == str(folder) else get_file_cache(path)

    # JAX's own files have no checksums, are not written at once, and are bounded only with a further package.
    compilation_cache.get_file_cache = ours_or_theirs
    config.update("jax_compilation_cache_dir", str(folder))
    if "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS" not in os.environ:
        config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    # An entry that XLA does not load is compiled again; `put` sees that.
    warnings.filterwarnings("ignore", message="Error reading persistent compilation cache entry")


class _Programs:
    """The compiled programs in a folder, with the methods that JAX needs.

    Args:
        top: The folder whose size is bounded. It contains the folders of all processors and versions.
        folder: The folder for this processor and these versions.
        note: Function that is called with a sentence if a program cannot be kept.
    """

    def __init__(self, top: Path, folder: Path, note: Callable[[str], None]) -> None:
        self._path, self._top, self._note = folder, top, note
        self._loaded: set[str] = set()
        self._is_writable = True
        self._size: int | None = None  # of all entries, counted once and then added to

    def get(self, key: str) -> bytes | None:
        """Return the program that was stored for a key, or None if there is none or if its file is damaged."""
        path = self._file(key)
        try:
            contents = path.read_bytes()
        except OSError:
            return None
        start = len(_HEADER) + _DIGEST_SIZE
        program = contents[start:]
        if contents[:start] != _HEADER + _digest(key, program):
            with contextlib.suppress(OSError):
                path.unlink()
            return None
        with contextlib.suppress(OSError):
            os.utime(path)  # the order in which entries are removed
        self._loaded.add(key)
        return program

    def put(self, key: str, value: bytes) -> None:
        """Store a program, at once or not at all, and remove old ones if there is no room."""
        if not self._is_writable:
            return
        try:
            if key in self._loaded:  # XLA did not load what was stored, and prints an error for every such entry
                (self._path / _REJECTED).touch()
            contents = _HEADER + _digest(key, value) + value
            self._make_room(len(contents))
            file, name = tempfile.mkstemp(dir=self._path, prefix=".new-")
            try:
                with open(file, "wb") as stream:
                    stream.write(contents)
                os.replace(name, self._file(key))
            except BaseException:
                os.unlink(name)
                raise
        except OSError as error:
            self._is_writable = False
            self._note(f"Compiled programs are not kept: {self._path} cannot be written ({error.strerror}).")

    def _file(self, key: str) -> Path:
        return self._path / f"{hashlib.sha256(key.encode()).hexdigest()}.program"

    def _make_room(self, needed: int) -> None:
        if self._size is None or self._size + needed > MAX_SIZE:
            self._size = self._without_old(MAX_SIZE - needed)
        self._size += needed

    def _without_old(self, most: int) -> int:
        """Remove the entries that were not used for the longest time. Return the size of the others, at most `most`."""
        found = []
        for path in self._top.glob("*/*"):
            with contextlib.suppress(FileNotFoundError):  # removed by another process
                about = path.stat()
                found.append((about.st_mtime, about.st_size, path))
        size = sum(size for _, size, _ in found)
        for _, freed, path in sorted(found):
            if size <= most:
                break
            path.unlink(missing_ok=True)
            size -= freed
        return size


def _digest(key: str, program: bytes) -> bytes:
    return hashlib.sha256(key.encode() + b"\0" + program).digest()


def _private(folder: Path) -> Path:
    """Return a folder that only this user can write to. Create it if it does not exist.

    Raises:
        OSError: The folder cannot be created, or another user owns it or can write to it.
    """
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise OSError(
            f"{folder} cannot be made ({error.strerror}). Remove what is there, or give --no-cache."
        ) from None
    about = folder.lstat()
    if not stat.S_ISDIR(about.st_mode) or about.st_uid != os.geteuid() or about.st_mode & 0o022:
        raise OSError(f"{folder} is not a folder that only you can write to. Remove it, or give --no-cache.")
    return folder


def _fingerprint() -> str:
    """Return a hash of all that machine code depends on, apart from what JAX puts into the keys of entries."""
    import jax
    import jaxlib.version

    parts = (VERSION, jax.__version__, jaxlib.version.__version__, _kernels.source_digest, *machine.instructions())
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]
