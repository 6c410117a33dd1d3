"""Notes about what Gatewright changes in a running Keras program."""

import sys

_given: set[str] = set()
quiet = False


def note_once(text: str) -> None:
    """Print a note on standard error, unless the same note was printed before or notes are switched off.

    `text` is one sentence that says what was found in the program and what is done about it.
    """
    if quiet or text in _given:
        return
    _given.add(text)
    print(f"gatewright: {text}", file=sys.stderr)


def forget() -> None:
    """Forget which notes were printed."""
    _given.clear()
