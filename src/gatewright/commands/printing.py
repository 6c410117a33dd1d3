"""Call the function that carries out a command, and print its result."""

import argparse
import json
import sys
from collections.abc import Callable
from typing import Any

from gatewright.support.errors import InputError


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
    given = {name: value for name, value in vars(options).items() if name not in ("command", "run", "json")}
    try:
        return function(**given)
    except (InputError, ImportError) as error:
        print(f"gatewright: {error}", file=sys.stderr)
        raise Failed(2) from None
    except KeyboardInterrupt as stopped:
        print(f"gatewright: {str(stopped) or 'interrupted before there was anything to store'}", file=sys.stderr)
        raise Failed(130) from None


def print_result(result: Any, as_json: bool) -> int:
    """Print a result as text, or as JSON if `as_json` is True, and return the exit code 0."""
    print(json.dumps(result.to_json(), allow_nan=False) if as_json else result)
    return 0
