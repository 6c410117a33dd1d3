"""Call the function that carries out a command, and print its result.

Everything that a command prints goes through `escaped_output` or `print_json`, so that texts from files cannot control
the terminal.
"""

import argparse
import contextlib
import io
import json
import sys
from collections.abc import Callable, Iterator
from typing import Any

from gatewright.support.errors import InputError
from gatewright.support.escapes import EscapedStream, one_line


class Failed(Exception):
    """Raised after a command has failed and the error message has been printed. `code` is the exit code."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


def called(function: Callable[..., Any], options: argparse.Namespace) -> Any:
    """Call `function` with the parsed options as keyword arguments, and return its result.

    Raises:
        Failed: The input cannot be used, or the user interrupted the function. The message has been printed.
    """
    given = {name: value for name, value in vars(options).items() if name not in ("command", "run", "json", "no_cache")}
    try:
        return function(**given)
    except (InputError, ImportError) as error:
        print_error(str(error))
        raise Failed(2) from None
    except KeyboardInterrupt as stopped:
        print(f"gatewright: {str(stopped) or 'interrupted before there was anything to store'}", file=sys.stderr)
        raise Failed(130) from None


def called_with_cache(function: Callable[..., Any], options: argparse.Namespace) -> Any:
    """Call a function as `called` does. Unless `--no-cache` is given, JAX keeps compiled programs for later commands.

    The Python functions themselves do not do this, because JAX's settings belong to the caller's process.
    """
    if not options.no_cache:
        from gatewright.ops import program_cache

        program_cache.use(print_error)
    return called(function, options)


def print_error(message: str) -> None:
    """Print an error message on stderr as one line, prefixed with the name of the package."""
    print(f"gatewright: {one_line(message)}", file=sys.stderr)


def print_result(result: Any, as_json: bool) -> int:
    """Print a result as text, or as JSON if `as_json` is True, and return the exit code 0."""
    if as_json:
        print_json(result.to_json())
    else:
        print(result)
    return 0


def print_json(value: Any) -> None:
    """Print a value as JSON in ASCII. Control characters are escaped as JSON escapes them, so nothing is changed."""
    print(json.dumps(value, allow_nan=False).replace("\x7f", "\\u007f"))


@contextlib.contextmanager
def escaped_output() -> Iterator[None]:
    """Escape control characters in everything that is printed to stdout and stderr inside the `with` block."""
    stdout, stderr = sys.stdout, sys.stderr
    if isinstance(stdout, io.TextIOWrapper):
        # Characters that the terminal cannot show are printed as escapes.
        stdout.reconfigure(errors="backslashreplace")
    for name, stream in (("stdout", stdout), ("stderr", stderr)):
        if stream is not None:  # closed by `>&-`
            setattr(sys, name, EscapedStream(stream))
    try:
        yield
    finally:
        sys.stdout, sys.stderr = stdout, stderr
