"""Configure glibc's memory allocator so that each training step reuses the memory of the previous step."""

import contextlib
import ctypes
import sys
from collections.abc import Iterator
from typing import Any

# From glibc's malloc.h.
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _MMAP_MAX, _ARENA_MAX = -1, -3, -4, -8
_LARGEST_INT = 2**31 - 1
# The limit up to which glibc raises its thresholds as a program frees larger blocks, unless one of them is set.
_MAX_DYNAMIC_THRESHOLD = 32 << 20


_jax_was_first = False


def _glibc() -> Any:
    """Return the C library, loaded by ctypes, or None if it is not glibc."""
    try:
        library = ctypes.CDLL(None)
        _ = library.mallopt, library.malloc_trim
    except (AttributeError, OSError, TypeError):
        return None
    return library


def use_one_arena() -> None:
    """Make threads that start later share one memory arena. Without glibc, do nothing.

    The package does this when it is imported, since threads of JAX that have started keep their own arenas.

    An arena of a single thread returns free memory to the system in blocks of 64 MB, even inside `keep_freed_memory`.
    The system then clears the pages again at every training step, which took a fifth of the time of a step with many
    large buffers.
    """
    global _jax_was_first
    _jax_was_first = _jax_was_first or _jax_computes()
    library = _glibc()
    if library is not None:
        library.mallopt(_ARENA_MAX, 1)


def jax_was_first() -> bool:
    """Return whether JAX had started its threads before `use_one_arena`, so that they have arenas of their own."""
    return _jax_was_first and _glibc() is not None


def _jax_computes() -> bool:
    bridge = sys.modules.get("jax._src.xla_bridge")
    started = getattr(bridge, "backends_are_initialized", None)  # JAX has no public function for this
    return started is not None and bool(started())


@contextlib.contextmanager
def keep_freed_memory() -> Iterator[None]:
    """Inside the `with` block, do not return freed memory to the system. Without glibc, do nothing.

    XLA allocates the buffers of a training step as one block and frees it after the step. glibc maps a block of
    more than 32 MB again each time, and the system clears all its pages, which can take longer than the step itself.
    All freed memory is returned at the end of the block, so the block should contain all epochs of a training.
    """
    library = _glibc()
    if library is None:
        yield
        return
    library.mallopt(_MMAP_MAX, 0)
    library.mallopt(_TRIM_THRESHOLD, _LARGEST_INT)
    try:
        yield
    finally:
        library.mallopt(_MMAP_MAX, 65_536)
        library.mallopt(_MMAP_THRESHOLD, _MAX_DYNAMIC_THRESHOLD)
        library.mallopt(_TRIM_THRESHOLD, 2 * _MAX_DYNAMIC_THRESHOLD)
        library.malloc_trim(0)
