"""The command line: reads the arguments, calls the function of the same name, prints."""

import argparse
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.command == "run":
        return _run(options)
    if options.command == "doctor":
        return _doctor()
    parser.print_help()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="gatewright", description="Gated recurrent networks (SimpleRNN, LSTM, GRU), fast on CPUs."
    )
    parser.add_argument("--version", action="version", version=f"gatewright {_version()}")
    commands = parser.add_subparsers(dest="command", title="commands")
    run = commands.add_parser(
        "run",
        help="run a stock Keras program or notebook, unchanged, on the compiled kernels",
        description="Run a stock Keras program or notebook, unchanged, on the compiled kernels. "
        "Where TensorFlow is not installed, Keras 3 answers to tensorflow.keras.",
    )
    run.add_argument("--output", metavar="COPY.ipynb", help="write the executed copy of a notebook to this file")
    run.add_argument("program", help="a Python program (.py) or a notebook (.ipynb)")
    run.add_argument("arguments", nargs=argparse.REMAINDER, help="passed on to the program")
    commands.add_parser("doctor", help="what is installed here, which parts work, and what to mend")
    return parser


def _run(options: argparse.Namespace) -> int:
    from gatewright.errors import InputError
    from gatewright.run import run

    try:
        return run(options.program, options.arguments, options.output)
    except InputError as error:
        print(f"gatewright: {error}", file=sys.stderr)
        return 2


def _doctor() -> int:
    from gatewright.doctor import doctor

    result = doctor()
    print(result)
    return 0 if result.ok else 1


def _version() -> str:
    try:
        return version("gatewright")
    except PackageNotFoundError:
        return "(not installed)"


if __name__ == "__main__":
    sys.exit(main())
