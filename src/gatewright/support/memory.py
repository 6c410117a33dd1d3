"""Memory that a training step gives back, and the next one asks for again."""

from __future__ import annotations

import contextlib
import ctypes
from collections.abc import Iterator
from typing import Any

# Of glibc's malloc.h.
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _MMAP_MAX, _ARENA_MAX = -1, -3, -4, -8
_LARGEST_INT = 2**31 - 1
# Up to here glibc's own thresholds rise as a program frees larger blocks; setting any of them ends that.
_HIGHEST = 32 << 20


def _glibc() -> Any:
    """The C library with `mallopt` and `malloc_trim`; None where it is not glibc."""
    try:
        library = ctypes.CDLL(None)
        _ = library.mallopt, library.malloc_trim
    except (AttributeError, OSError, TypeError):
        return None
    return library


def use_one_arena() -> None:
    """Threads that begin from now on make no arena of their own: they share the main heap, or one that is there.

    An arena of a thread's own is given back to the system in pieces of 64 MB as soon as they are free, whatever `kept`
    says: a step of XLA's on such a thread has its pages cleared anew each time, which was a fifth of a step with many
    large buffers. Where the C library is not glibc, nothing changes.
    """
    library = _glibc()
    if library is not None:
        library.mallopt(_ARENA_MAX, 1)


@contextlib.contextmanager
def kept() -> Iterator[None]:
    """While it lasts, memory that is freed stays with the process; where the C library is not glibc, nothing changes.

    XLA asks for a step's buffers in one block and frees it after the step. glibc maps a block of more than 32 MB anew
    each time, so that the system clears every page of it: a step may spend more time on that than on its own work.
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
        library.mallopt(_MMAP_THRESHOLD, _HIGHEST)
        library.mallopt(_TRIM_THRESHOLD, 2 * _HIGHEST)
        library.malloc_trim(0)
