"""Run a program on the compiled kernels and again on stock Keras, and print the times of both runs."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gatewright.keras import usage
from gatewright.keras.usage import Usage


@dataclass(frozen=True)
class _Result:
    """The exit code, the duration in seconds and the record of one run."""

    code: int
    seconds: float
    usage: Usage


def compare(program: str, arguments: Sequence[str], is_module: bool, output: str | None, quiet: bool) -> int:
    """Run a program or notebook twice, each time in a new process, and return the exit code of the first run.

    The first run is an ordinary one. The second run is on stock Keras, with the same names of TensorFlow and of earlier
    Keras releases. What it prints is not shown. The arguments are those of `gatewright.keras.run.run`.
    """
    target = [*(["-m"] if is_module else []), program, *arguments]
    copy = ["--output", output] if output is not None else []
    first = _run([*copy, *target], quiet)
    if first.code == 2 and not first.usage.layers:  # an input error, which that process has explained
        return 2
    if not quiet:
        _print(first.usage.summary())
    if first.code != 0:
        _print(f"The program ended with exit code {first.code}, so it was not run again on stock Keras.")
        return first.code
    with tempfile.TemporaryFile() as messages:
        second = _run(target, quiet=True, messages=messages.fileno())
        messages.seek(0)
        lines = messages.read().decode(errors="replace").strip().splitlines()
    _print(_verdict(first, second, lines))
    return 0


def _run(command: Sequence[str], quiet: bool, messages: int | None = None) -> _Result:
    """Run `gatewright run` in a new process.

    Args:
        command: Its arguments.
        quiet: Whether notes are printed.
        messages: A file for standard error, for a run on stock Keras. None: run on the kernels.
    """
    with tempfile.TemporaryDirectory(prefix="gatewright-run-") as folder:
        # Both runs compile everything: programs that earlier runs have kept would make the comparison unfair.
        environment = {**os.environ, "GATEWRIGHT_RUN": folder, "JAX_ENABLE_COMPILATION_CACHE": "false"}
        if messages is not None:
            environment["GATEWRIGHT_STOCK"] = "1"
        start = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-m", "gatewright.commands.main", "run", *(["--quiet"] if quiet else []), *command],
            env=environment,
            stdin=None if messages is None else subprocess.DEVNULL,
            stdout=None if messages is None else subprocess.DEVNULL,
            stderr=messages,
        )
        code = _wait(process)
        return _Result(code, time.perf_counter() - start, usage.of_run(Path(folder)))


def _wait(process: subprocess.Popen[bytes]) -> int:
    """Return the exit code of a process. Ctrl-C reaches that process as well, which decides what to do."""
    while True:
        try:
            code = process.wait()
        except KeyboardInterrupt:
            continue
        return 128 - code if code < 0 else code


def _verdict(first: _Result, second: _Result, messages: Sequence[str]) -> str:
    if second.code != 0:
        last = f": {messages[-1][:200]}" if messages else ""
        return f"On stock Keras the program fails with exit code {second.code}{last.rstrip('.')}."
    if any(reason is None for _, reason in second.usage.layers):
        return "The program calls gatewright.accelerate() itself, so there is no time on stock Keras."
    times = f"{_seconds(first.seconds)} on the compiled kernels, {_seconds(second.seconds)} on stock Keras"
    sentence = f"{times} ({second.seconds / first.seconds:.1f} times as fast, both compiled anew)"
    for method in filter(second.usage.seconds.__contains__, first.usage.seconds):
        ours, stock = first.usage.seconds[method], second.usage.seconds[method]
        sentence += f", in {method}: {_seconds(ours)} and {_seconds(stock)}"
    return f"{sentence}."


def _seconds(seconds: float) -> str:
    return f"{seconds:.1f} s"


def _print(text: str) -> None:
    print(f"gatewright: {text}", file=sys.stderr)
