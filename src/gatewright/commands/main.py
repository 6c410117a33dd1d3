"""The command line: reads the arguments, calls the function of the same name, prints."""

import argparse
import contextlib
import io
import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from gatewright.commands import flags


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    try:
        options = _options(arguments)
        if options.command == "run":  # whatever the program prints or raises is its own
            return _run(options)
        if isinstance(sys.stdout, io.TextIOWrapper):
            # A text that the terminal has no letters for is shown all the same.
            sys.stdout.reconfigure(errors="backslashreplace")
        code = _COMMANDS[options.command](options)
        if sys.stdout is not None:  # closed by `>&-`
            sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        print("gatewright: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # whoever read the output has gone, as `head` does: nothing is wrong
        _leave_stdout()
        return 141
    except OSError as error:
        _leave_stdout()
        where = "the output" if error.filename is None else error.filename
        why = error.strerror or error
        print(
            f"gatewright: {where} can't be written or read ({why}): mend that, or name another place.", file=sys.stderr
        )
        return 2


def _leave_stdout() -> None:
    """Send what can't be written nowhere: else the interpreter would fail at it once more when it ends."""
    if sys.stdout is None:
        return
    try:
        sys.stdout.flush()
    except OSError:
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The options; the texts of `predict` may stand anywhere among them, which argparse does not know of."""
    parser = flags.parser()
    given = list(sys.argv[1:] if arguments is None else arguments)
    # What argparse does with -- after a flag differs from one Python to another.
    end = given.index("--") if given[:1] == ["predict"] and "--" in given else len(given)
    options, rest = parser.parse_known_args(given[:end])
    hint = ""
    if options.command == "predict":
        texts = options.texts + rest
        options.texts = texts + given[end + 1 :]
        # A wrong flag, or a text: argparse would tell the two apart by whether it has spaces or is a number.
        rest = [text for text in texts if text.startswith("-") and text != "-"]
        hint = "; a text that begins with - stands after all flags and --"
    if rest:
        named = [options.command, options.task] if options.command == "train" else [options.command]
        command = " ".join(["gatewright", *filter(None, named)])
        parser.exit(2, f"gatewright: unrecognized arguments: {' '.join(rest)}{hint} (see {command} --help)\n")
    return options


def _called(function: Callable[..., Any], options: argparse.Namespace, *left_out: str) -> Any:
    """What the function returns for the options; or, where it can't, the exit code, and the sentence is printed."""
    from gatewright.support.errors import InputError

    given = {name: value for name, value in vars(options).items() if name not in ("command", "json", *left_out)}
    try:
        return function(**given)
    except (InputError, ImportError) as error:
        print(f"gatewright: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt as stopped:
        print(f"gatewright: {str(stopped) or 'interrupted before anything was to be kept'}", file=sys.stderr)
        return 130


def _train(options: argparse.Namespace) -> int:
    from gatewright.commands.train import train

    return _printed(_called(train, options), options.json)


def _show(options: argparse.Namespace) -> int:
    if options.command == "info":
        from gatewright.commands.info import info as function
    else:
        from gatewright.commands.evaluate import evaluate as function  # type: ignore[assignment]
    return _printed(_called(function, options), options.json)


def _printed(result: Any, as_json: bool) -> int:
    if isinstance(result, int):
        return result
    print(json.dumps(result.to_json(), allow_nan=False) if as_json else result)
    return 0


def _predict(options: argparse.Namespace) -> int:
    from gatewright.commands.predict import predict

    if options.texts == ["-"] and options.file is None:
        options.texts, options.file = [], "-"
    elif "-" in options.texts and len(options.texts) > 1:
        print(
            "gatewright: - stands for standard input, and is no text among others: leave it or the others out.",
            file=sys.stderr,
        )
        return 2
    options.texts = options.texts or None
    said = _called(predict, options)
    if isinstance(said, int):
        return said
    if options.json:
        print(json.dumps({"predictions": [one.to_json() for one in said]}, allow_nan=False))
    else:
        for place, one in enumerate(said):
            print(one.table(header=place == 0) if hasattr(one, "table") else one)
    return 0


def _generate(options: argparse.Namespace) -> int:
    from gatewright.commands.generate import generate

    begun = False

    def told(piece: str) -> None:
        nonlocal begun
        print(piece if begun else options.prompt + piece, end="", flush=True)
        begun = True

    options.told = None if options.json else told
    result = _called(generate, options)
    if begun:
        print()
    if isinstance(result, int):
        return result
    if result.unknown:
        listed = ", ".join(map(repr, result.unknown[:20])) + (", ..." if len(result.unknown) > 20 else "")
        print(f"gatewright: the model does not know these parts of the prompt: {listed}.", file=sys.stderr)
    if options.json:
        print(json.dumps(asdict(result)))
    elif not begun:
        print(options.prompt)
    return 0


def _compare(options: argparse.Namespace) -> int:
    from gatewright.commands.compare import compare
    from gatewright.report import terminal

    result = _called(compare, options)
    if isinstance(result, int):
        return result
    if options.json:
        print(json.dumps(result.to_json(), allow_nan=False))
    else:
        terminal.show(result, sys.stdout)
        print(f"\nThe report is {options.out}/report.html")
    return 0


def _bench(options: argparse.Namespace) -> int:
    from gatewright import bench
    from gatewright.support.errors import InputError

    if options.list:
        for name, suite in bench.SUITES.items():
            print(f"{name:<10} {suite.minutes:>3g} min  {suite.about}{'' if suite.default else ' (when named)'}")
        print(f"\npeers: {', '.join(bench.PEERS)}")
        return 0
    given = {name: value for name, value in vars(options).items() if name not in ("command", "list", "suites")}
    try:
        report = bench.run(options.suites or None, **given, show=lambda suite: print(f"{suite.markdown}\n", flush=True))
    except InputError as error:
        print(f"gatewright: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"gatewright: interrupted; suites that are finished are kept in {options.out}", file=sys.stderr)
        return 130
    return 1 if report.failed else 0


def _run(options: argparse.Namespace) -> int:
    from gatewright.keras.run import run
    from gatewright.support.errors import InputError

    try:
        return run(options.program, options.arguments, options.output)
    except InputError as error:
        print(f"gatewright: {error}", file=sys.stderr)
        return 2


def _help(options: argparse.Namespace) -> int:
    flags.parser().print_help()
    return 0


def _doctor(options: argparse.Namespace) -> int:
    from gatewright.commands.doctor import doctor

    result = doctor()
    print(result)
    return 0 if result.ok else 1


_COMMANDS: dict[str | None, Callable[[argparse.Namespace], int]] = {
    None: _help,
    "compare": _compare,
    "train": _train,
    "evaluate": _show,
    "info": _show,
    "predict": _predict,
    "generate": _generate,
    "bench": _bench,
    "doctor": _doctor,
}


if __name__ == "__main__":
    sys.exit(main())
