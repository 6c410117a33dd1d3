"""Settings of glibc's allocator that keep the memory of one training step for the next."""

import contextlib
import ctypes
from collections.abc import Iterator
from typing import Any

# From glibc's malloc.h.
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _MMAP_MAX, _ARENA_MAX = -1, -3, -4, -8
_LARGEST_INT = 2**31 - 1
# The limit up to which glibc raises its thresholds as a program frees larger blocks, unless one of them is set.
_MAX_DYNAMIC_THRESHOLD = 32 << 20


def _glibc() -> Any:
    """Return the C library with `mallopt` and `malloc_trim`, or None if it is not glibc."""
    try:
        library = ctypes.CDLL(None)
        _ = library.mallopt, library.malloc_trim
    except (AttributeError, OSError, TypeError):
        return None
    return library


def use_one_arena() -> None:
    """Make new threads share the existing heaps instead of creating their own. Does nothing without glibc.

    The arena of a thread returns free memory to the system in pieces of 64 MB, even inside `keep_freed_memory`. The
    system then clears the pages again at every XLA step, which took a fifth of a step with many large buffers.
    """
    library = _glibc()
    if library is not None:
        library.mallopt(_ARENA_MAX, 1)


@contextlib.contextmanager
def keep_freed_memory() -> Iterator[None]:
    """Keep freed memory in the process inside the `with` block. Does nothing without glibc.

    XLA allocates the buffers of a step as one block and frees it after the step. glibc maps a block of more than 32 MB
    again each time, and the system clears all its pages, which can take longer than the step itself.
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
