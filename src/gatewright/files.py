"""Writing files so that no reader ever meets half of one."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path


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
