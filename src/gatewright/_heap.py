"""Memory that a training step gives back, and the next one asks for again."""

from __future__ import annotations

import contextlib
import ctypes
from collections.abc import Iterator

# Of glibc's malloc.h.
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _MMAP_MAX = -1, -3, -4
_LARGEST_INT = 2**31 - 1
# Up to here glibc's own thresholds rise as a program frees larger blocks; setting any of them ends that.
_HIGHEST = 32 << 20


@contextlib.contextmanager
def kept() -> Iterator[None]:
    """While it lasts, memory that is freed stays with the process; where the C library is not glibc, nothing changes.

    XLA asks for a step's buffers in one block and frees it after the step. glibc maps a block of more than 32 MB anew
    each time, so that the system clears every page of it: a step may spend more time on that than on its own work.
    """
    try:
        library = ctypes.CDLL(None)
        mallopt, trim = library.mallopt, library.malloc_trim
    except (AttributeError, OSError, TypeError):
        yield
        return
    mallopt(_MMAP_MAX, 0)
    mallopt(_TRIM_THRESHOLD, _LARGEST_INT)
    try:
        yield
    finally:
        mallopt(_MMAP_MAX, 65_536)
        mallopt(_MMAP_THRESHOLD, _HIGHEST)
        mallopt(_TRIM_THRESHOLD, 2 * _HIGHEST)
        trim(0)
