"""Errors for bad input. The messages say what is wrong, what was found and what to do."""

import contextlib
import difflib
from collections.abc import Iterator, Sequence

from gatewright.support.escapes import one_line


class InputError(ValueError):
    """Bad input from the user. A command prints the message and exits with code 2.

    The message is one line of bounded length: names and values from files are shortened, and control characters in them
    are escaped.
    """

    def __init__(self, message: str) -> None:
        super().__init__(one_line(message))


class OptionError(InputError):
    """An option for reading data that does not fit the data, such as a column that a table does not have.

    Attributes:
        option: The name of the option, such as "label_separator".
        is_missing: True if the data lacks what the option names, False if such data does not have the option at all.
    """

    def __init__(self, message: str, option: str, is_missing: bool = True) -> None:
        super().__init__(message)
        self.option = option
        self.is_missing = is_missing


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
    except ImportError as error:
        raise InputError(str(error)) from None
    except OSError as error:
        if error.strerror is None or error.filename is None:
            raise InputError(str(error)) from None
        raise InputError(f"{error.filename} cannot be read ({error.strerror}). Make it readable.") from None
