"""How bad input is told: one sentence that says which input, what is allowed, what was given and what to do."""

import difflib
from collections.abc import Sequence


class InputError(ValueError):
    """Input that can't be used. The message is one sentence for the user; a command prints it and ends with code 2."""


def nearest(given: object, allowed: Sequence[str]) -> str:
    """The end of a sentence that refuses `given`: the nearest allowed name, if there is one, and the full stop."""
    folded = {name.lower(): name for name in allowed}
    close = difflib.get_close_matches(str(given).lower(), folded, n=1)
    return f"; did you mean {folded[close[0]]!r}?" if close else "."


def require_one_of(name: str, given: object, allowed: Sequence[str]) -> None:
    """Check that `given` is one of the allowed names.

    Raises:
        InputError: it is not.
    """
    if given not in allowed:
        choices = ", ".join(map(repr, allowed))
        raise InputError(f"{name} must be one of {choices}, not {given!r}{nearest(given, allowed)}")
