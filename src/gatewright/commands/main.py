"""The command line: parse the arguments and run a command."""

import argparse
import contextlib
import importlib
import os
import sys
from collections.abc import Sequence

from gatewright.commands.flags import Parser
from gatewright.commands.printing import Failed, escaped_output, print_error
from gatewright.support.errors import InputError
from gatewright.support.escapes import one_line
from gatewright.support.version import VERSION

_TAKE_TEXTS = ("predict", "explain", "translate", "transcribe")
_MODULES = {
    **{
        name: name
        for name in ("train", "evaluate", "predict", "explain", "generate", "translate", "transcribe", "info")
    },
    "import": "import_model",
    "export": "export",
    **{name: name for name in ("compare", "run", "bench", "doctor")},
}
"""The module of each command, in the order of the help text."""
# In RuntimeErrors of JAX and of Python, if the memory is not enough.
_NO_MEMORY = ("RESOURCE_EXHAUSTED", "can't start new thread")


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the arguments (by default, those of the process), run the command, and return the exit code."""
    try:
        options = _options(arguments)
        if options.command == "run":  # the output and the errors of the program are not changed
            return int(options.run(options))
        with escaped_output():
            code = int(options.run(options))
        if sys.stdout is not None:  # closed by `>&-`
            sys.stdout.flush()
        return code
    except Failed as failed:
        return failed.code
    except InputError as error:
        print_error(str(error))
        return 2
    except (MemoryError, RuntimeError) as error:
        if not isinstance(error, MemoryError) and not any(words in str(error) for words in _NO_MEMORY):
            raise
        print("gatewright: There is not enough memory: use less data, or a smaller network or batch.", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("gatewright: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of the output has ended, as `head` does, which is no error
        _discard_stdout()
        return 141
    except OSError as error:
        _discard_stdout()
        where, why = error.filename or "The output", error.strerror or error
        print_error(f"{where} cannot be read or written ({why}): fix this or name another path.")
        return 2


def parser(command: str | None = None) -> Parser:
    """Return the argument parser for one command, which imports no other command, or for all commands."""
    made = Parser(prog="gatewright", description="Gated recurrent networks (SimpleRNN, LSTM, GRU), fast on CPUs.")
    made.add_argument("--version", action="version", version=f"gatewright {VERSION}")
    commands = made.add_subparsers(dest="command", title="commands", metavar="COMMAND")
    for name in (command,) if command in _MODULES else _MODULES:
        importlib.import_module(f"gatewright.commands.{_MODULES[name]}").add_parser(commands)
    return made


def _discard_stdout() -> None:
    """Discard output that is still buffered, so that Python does not fail again when it flushes stdout at exit."""
    if sys.stdout is None:
        return
    try:
        sys.stdout.flush()
    except OSError:
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Parse the arguments. Unlike argparse alone, allow flags between the texts that commands take."""
    given = list(sys.argv[1:] if arguments is None else arguments) or ["--help"]
    made = parser(given[0])
    # Python versions differ in how argparse treats -- after a flag.
    end = given.index("--") if given[0] in _TAKE_TEXTS and "--" in given else len(given)
    options, rest = made.parse_known_args(given[:end])
    hint = ""
    if options.command in _TAKE_TEXTS:
        texts = options.texts + rest
        options.texts = texts + given[end + 1 :]
        # An unknown flag or a text. argparse would take a number, or anything with a space, for a text.
        rest = [text for text in texts if text.startswith("-") and text != "-"]
        hint = "; put a text that begins with - after all flags and --"
    if rest:
        words = [options.command, options.task] if options.command == "train" else [options.command]
        command = " ".join(["gatewright", *filter(None, words)])
        message = one_line(f"unrecognized arguments: {' '.join(rest)}{hint} (see {command} --help)")
        made.exit(2, f"gatewright: {message}\n")
    return options


if __name__ == "__main__":
    sys.exit(main())
