"""The maximum size of an input after decompression, which the option `--max-input` changes."""

import contextlib
import functools
import math
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import IO, Any, ParamSpec, TypeVar

from gatewright.support.errors import InputError

DEFAULT_GIGABYTES = 4.0
"""The default of `--max-input`. A few megabytes can decompress to more than fits into memory."""

_GIGABYTE = 1e9
_CHUNK = 1 << 20
_max_bytes: ContextVar[int] = ContextVar("max_bytes", default=int(DEFAULT_GIGABYTES * _GIGABYTE))

_Given = ParamSpec("_Given")
_Result = TypeVar("_Result")


def max_bytes() -> int:
    """Return the maximum size of an input in bytes."""
    return _max_bytes.get()


@contextlib.contextmanager
def limited_input(gigabytes: Any) -> Iterator[None]:
    """Set the maximum size of an input inside the `with` block. None stands for the default.

    Raises:
        InputError: The maximum is not a positive number.
    """
    given = DEFAULT_GIGABYTES if gigabytes is None else gigabytes
    if isinstance(given, bool) or not isinstance(given, int | float) or not 0 < given < math.inf:
        raise InputError(f"max_input must be a number of gigabytes above 0, not {gigabytes!r}.")
    token = _max_bytes.set(int(min(given * _GIGABYTE, 2**62)))
    try:
        yield
    finally:
        _max_bytes.reset(token)


def with_max_input(function: Callable[_Given, _Result]) -> Callable[_Given, _Result]:
    """Decorate a function so that its keyword argument `max_input` limits what it reads; see `limited_input`."""

    @functools.wraps(function)
    def limited(*args: _Given.args, **given: _Given.kwargs) -> _Result:
        with limited_input(given.get("max_input")):
            return function(*args, **given)

    return limited


def too_large(name: object) -> InputError:
    """Return the error for an input that is larger than the maximum. `name` is its path."""
    return InputError(
        f"{name} is larger than {max_bytes() / _GIGABYTE:g} GB after decompression, the maximum. Split it into several "
        "files, or raise the maximum with --max-input."
    )


class Total:
    """A running total of the sizes of the parts of an input, such as the members of an archive.

    Args:
        name: The path of the input, for the error message.
    """

    def __init__(self, name: object) -> None:
        self._name, self._bytes = name, 0

    def add(self, size: int) -> None:
        """Add the size of a part in bytes.

        Raises:
            InputError: The total is above the maximum.
        """
        self._bytes += size
        if self._bytes > max_bytes():
            raise too_large(self._name)


class LimitedReader:
    """A binary stream that raises an error once more than the maximum has been read from it.

    Args:
        file: The stream to read.
        name: The path of the input, for the error message.
    """

    def __init__(self, file: IO[bytes], name: object) -> None:
        self._file, self._total = file, Total(name)

    def read(self, size: int) -> bytes:
        """Return at most `size` bytes.

        Raises:
            InputError: More than the maximum has been read.
        """
        content = self._file.read(size)
        self._total.add(len(content))
        return content


def read_all(file: IO[bytes], name: object) -> bytearray:
    """Return the rest of a binary stream.

    Args:
        file: The stream to read.
        name: The path of the input, for the error message.

    Raises:
        InputError: It is longer than the maximum.
    """
    content, limited = bytearray(), LimitedReader(file, name)
    while chunk := limited.read(_CHUNK):
        content += chunk
    return content
