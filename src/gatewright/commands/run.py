"""The `run` command: run a Keras program or notebook on the compiled kernels."""

import argparse
import sys
from typing import Any

from gatewright.support.errors import InputError


def add_parser(commands: Any) -> None:
    """Add the command to the command line."""
    about = "Run a Keras program or notebook, unchanged, on the compiled kernels."
    parser = commands.add_parser(
        "run",
        help=about,
        description=f"{about}\nIf TensorFlow is not installed, imports of tensorflow.keras import Keras 3 instead.",
        epilog="example:\n  gatewright run imdb_gru.py",
    )
    parser.add_argument("--output", metavar="COPY.ipynb", help="Save the executed copy of a notebook in this file.")
    parser.add_argument("program", help="A Python program (.py) or a notebook (.ipynb).")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="Arguments of the program.")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from gatewright.keras.run import run

    try:
        return run(options.program, options.arguments, options.output)
    except InputError as error:
        print(f"gatewright: {error}", file=sys.stderr)
        return 2
