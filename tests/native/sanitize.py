"""`make sanitize`: every case under the compilers' sanitizers, on every instruction set that runs here.

Prints a line for each sanitizer, and exits with 1 if one found anything or could not run.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # where pytest begins too

from native import build, cases

# Whole runs are compared with the specification; the other commands compare runs with one another.
COMMANDS = {"address+undefined": ("concurrent", "packed", "fork"), "thread": ("concurrent", "packed")}
OPTIONS = {
    # Fresh memory is full of NaN, so that a value which is read and was never written shows in a result.
    "ASAN_OPTIONS": "max_malloc_fill_size=1073741824:malloc_fill_byte=255:detect_stack_use_after_return=1",
    "UBSAN_OPTIONS": "print_stacktrace=1",
    "TSAN_OPTIONS": "halt_on_error=1:second_deadlock_stack=1",
}


def sanitize(kind: str, some_cases: list[cases.Case], folder: Path) -> str:
    """Run everything under one sanitizer; which instruction sets ran.

    Raises:
        build.Unavailable: it cannot run here.
        RuntimeError: it found something; the message holds its report.
        AssertionError: a result is wrong.
    """
    driver = build.build(kind)
    sets = build.drive(driver, "sets").split()
    cases.write(folder / "all", some_cases)
    cases.write(folder / "small", cases.small_cases())
    for name in sets:
        build.drive(driver, "run", name, folder / "all", folder / "results", **OPTIONS)
        cases.check(folder / "results", some_cases)
        for command in COMMANDS[kind]:
            build.drive(driver, command, name, folder / "small", **OPTIONS)
    return ", ".join(sets)


def main() -> int:
    some_cases, failed = cases.all_cases(), False
    for kind in COMMANDS:
        with tempfile.TemporaryDirectory() as folder:
            try:
                sets = sanitize(kind, some_cases, Path(folder))
            except (build.Unavailable, RuntimeError, AssertionError) as error:
                print(f"{kind}: {error}", file=sys.stderr)
                failed = True
            else:
                print(f"{kind}: {len(some_cases)} cases clean on each of {sets}", flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
