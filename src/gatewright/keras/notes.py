"""Notes about what Gatewright changes in a running Keras program."""

import hashlib
import os
import sys

quiet = bool(os.environ.get("GATEWRIGHT_QUIET"))
_given: set[str] = set()


def note_once(text: str) -> None:
    """Print a note on standard error, unless it was printed before or notes are switched off.

    The processes of one `gatewright run` print a note only once. `text` is one sentence that says what was found in the
    program and what is done about it.
    """
    if quiet or text in _given:
        return
    _given.add(text)
    if _is_new_in_run(text):
        print(f"gatewright: {text}", file=sys.stderr)


def forget() -> None:
    """Forget which notes were printed."""
    _given.clear()


def _is_new_in_run(text: str) -> bool:
    """Return True unless another process of the same `gatewright run` has called this function with this note."""
    folder = os.environ.get("GATEWRIGHT_RUN")
    if not folder:
        return True
    mark = os.path.join(folder, f"note-{hashlib.sha256(text.encode()).hexdigest()[:16]}")
    try:
        os.close(os.open(mark, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return False
    except FileNotFoundError:  # the run has ended, but this process has not
        return True
    return True
