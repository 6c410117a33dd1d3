"""Lines on stderr by which a long job says how far it is."""

import sys
import time

_SECONDS = 2.0


class Progress:
    """Says how far a job is, once in two seconds; a job that is done sooner says nothing."""

    def __init__(self) -> None:
        self._next = time.monotonic() + _SECONDS

    def due(self) -> bool:
        """Whether two seconds have passed since the start, or since this last was true."""
        now = time.monotonic()
        if now < self._next:
            return False
        self._next = now + _SECONDS
        return True


def say(line: str) -> None:
    """Print a line on stderr in the package's name."""
    print(f"gatewright: {line}", file=sys.stderr, flush=True)
