"""The `bench` command: measure speed and memory on this machine."""

import argparse
import sys
from typing import Any

from gatewright.commands.flags import names, whole_number
from gatewright.support.errors import InputError


def add_parser(commands: Any) -> None:
    """Add the command to the command line."""
    about = "Measure speed and memory on this machine, next to the libraries that are installed."
    parser = commands.add_parser(
        "bench",
        help=about,
        description=f"{about}\nWrite a table and a JSON file for each suite, and plots for some, to the folder --out.\n"
        "Run nothing else on the machine at the same time.",
    )
    parser.add_argument(
        "suites", nargs="*", metavar="SUITE", help="Suites to run; see --list for their names (default: all but cases)."
    )
    add = parser.add_argument
    add("--out", metavar="DIR", default="gatewright-bench", help="Folder for the results (default: %(default)s).")
    add("--rounds", metavar="N", type=whole_number, help="Measured rounds of each library (default: set by the suite).")
    add("--peers", metavar="A,B,...", type=names, help="Libraries to compare with (default: all that are installed).")
    add("--tensorflow-python", metavar="PATH", help="Python interpreter with Keras and TensorFlow (default: this one).")
    add("--all-cases", action="store_true", help="Measure every cell in every case of the suite training.")
    add("--list", action="store_true", help="List the suites with their durations, and the libraries to compare with.")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from gatewright.bench.run import run
    from gatewright.bench.suite import PEERS, SUITES

    if options.list:
        for name, suite in SUITES.items():
            print(f"{name:<10} {suite.minutes:>3g} min  {suite.about}{'' if suite.default else ' (when named)'}")
        print(f"\npeers: {', '.join(PEERS)}")
        return 0
    given = {name: value for name, value in vars(options).items() if name not in ("command", "run", "list", "suites")}
    try:
        report = run(options.suites or None, **given, show=lambda suite: print(f"{suite.markdown}\n", flush=True))
    except InputError as error:
        print(f"gatewright: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"gatewright: interrupted; finished suites are stored in {options.out}", file=sys.stderr)
        return 130
    return 1 if report.failed else 0
