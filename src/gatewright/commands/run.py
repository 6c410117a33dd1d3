"""The `run` command: run a Keras program or notebook on the compiled kernels."""

import argparse
from typing import Any

from gatewright.commands.printing import print_error
from gatewright.support.errors import InputError

_DESCRIPTION = """Run a Keras program or notebook, unchanged, on the compiled kernels.
If TensorFlow is not installed, imports of tensorflow.keras import Keras 3 instead.
Child processes of the program run on the kernels, too.

As with python, everything after a program is an argument of the program, so that options of this command stand before
it. A notebook takes no arguments: the options may also stand after it."""

_EXAMPLES = """examples:
  gatewright run imdb_gru.py --epochs 3
  gatewright run -m package.module --epochs 3
  gatewright run notebook.ipynb --output executed.ipynb
  gatewright run --compare-stock imdb_gru.py"""


def add_parser(commands: Any) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "run", help=_DESCRIPTION.partition("\n")[0], description=_DESCRIPTION, epilog=_EXAMPLES, parents=[_options()]
    )
    parser.add_argument("-m", dest="is_module", action="store_true", help="PROGRAM is the name of a module.")
    parser.add_argument(
        "program",
        metavar="PROGRAM",
        help="A Python program (.py), a notebook (.ipynb), a folder or archive with __main__.py, or - for stdin.",
    )
    rest = parser.add_argument("arguments", metavar="...", nargs=argparse.REMAINDER, help="Arguments of the program.")
    rest.required = False  # so that the message about a missing program names only the program
    parser.set_defaults(run=_run)


def _options() -> argparse.ArgumentParser:
    from gatewright.commands.flags import Parser, add_no_cache

    parser = Parser(prog="gatewright run", add_help=False)
    parser.add_argument("--output", metavar="COPY.ipynb", help="Save the executed copy of a notebook in this file.")
    parser.add_argument(
        "--quiet", action="store_true", help="Do not print notes, nor at the end which layers ran on the kernels."
    )
    add_no_cache(parser)
    parser.add_argument(
        "--precision",
        metavar="NAME",
        help="Precision of the numbers that matrix products of recurrent layers multiply in training: float32 (the "
        "default), or bfloat16, which is faster on processors with AVX512-BF16.",
    )
    parser.add_argument(
        "--compare-stock",
        action="store_true",
        help="Run the program a second time, on stock Keras, and print the times of both runs. The second run reads no "
        "standard input, its output is not shown, and it writes the same files again.",
    )
    return parser


def _run(options: argparse.Namespace) -> int:
    from gatewright.keras.run import run

    arguments = options.arguments
    if options.program.endswith(".ipynb") and not options.is_module:
        _, arguments = _options().parse_known_args(arguments, options)
    elif "--compare-stock" in arguments:
        print_error(
            "--compare-stock after the program is an argument of the program; put it before the program to compare "
            "with stock Keras."
        )
    try:
        return run(
            options.program,
            arguments,
            is_module=options.is_module,
            output=options.output,
            quiet=options.quiet,
            compare_stock=options.compare_stock,
            keeps_programs=not options.no_cache,
            precision=options.precision,
        )
    except InputError as error:
        print_error(str(error))
        return 2
