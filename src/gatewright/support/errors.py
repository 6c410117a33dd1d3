"""Errors for bad input. The messages say what is wrong, what was found and what to do."""

import contextlib
import difflib
from collections.abc import Iterator, Sequence


class InputError(ValueError):
    """Bad input from the user. A command prints the message and exits with code 2."""


def nearest(given: object, allowed: Sequence[str]) -> str:
    """Return the end of an error message: "did you mean" with the allowed name closest to `given`, or a full stop."""
    folded = {name.lower(): name for name in allowed}
    close = difflib.get_close_matches(str(given).lower(), folded, n=1)
    return f"; did you mean {folded[close[0]]!r}?" if close else "."


def require_one_of(name: str, given: object, allowed: Sequence[str]) -> None:
    """Raise an error if `given` is not one of the allowed names. The message begins with `name`, such as "The cell".

    Raises:
        InputError: `given` is not in `allowed`.
    """
    if given not in allowed:
        choices = ", ".join(map(repr, allowed))
        raise InputError(f"{name} must be one of {choices}, not {given!r}{nearest(given, allowed)}")


@contextlib.contextmanager
def as_input_errors() -> Iterator[None]:
    """Convert ImportError and OSError to `InputError`. Use it as a context manager or as a decorator."""
    try:
        yield
    except (ImportError, OSError) as error:
        raise InputError(str(error)) from None
