"""Time commands that keep compiled programs: the first run, the second, and stock Keras with a cache of JAX.

    python benchmarks/compiled_programs.py [--rounds 3] [--tag]

The program is examples/quick.py with a tenth of its examples and two epochs. `--tag` times `gatewright train tag atis`
on 64 sentences instead; it reads atis from GATEWRIGHT_DATA. Each round starts with an empty folder, and the commands
take turns. Times are medians over the rounds: by the clock, and of the processor with all threads.
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

_EXAMPLE = Path(__file__).parents[1] / "examples" / "quick.py"
_GATEWRIGHT = [sys.executable, "-m", "gatewright.commands.main"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tag", action="store_true")
    options = parser.parse_args()
    times: dict[str, list[tuple[float, float]]] = {}
    for number in range(options.rounds):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            commands = _training(folder) if options.tag else _program(folder)
            for title, (command, environment) in commands.items():
                found = _timed(command, {"XDG_CACHE_HOME": name, **environment})
                times.setdefault(title, []).append(found)
                print(f"round {number + 1}, {title}: {found[0]:.2f} s, CPU {found[1]:.2f} s", flush=True)
    print(f"\n{'median':40} {'clock':>8} {'CPU':>8}")
    for title, found_times in times.items():
        clock, cpu = (statistics.median(column) for column in zip(*found_times, strict=True))
        print(f"{title:40} {clock:6.2f} s {cpu:6.2f} s")


def _program(folder: Path) -> dict[str, tuple[Sequence[str], Mapping[str, str]]]:
    program, empty = folder / "program.py", folder / "empty.py"
    text = _EXAMPLE.read_text(encoding="utf-8")
    program.write_text(text.replace("6400", "640").replace("1600", "160").replace("epochs=5", "epochs=2"), "utf-8")
    empty.write_text("import keras\n", "utf-8")
    stock = {
        "KERAS_BACKEND": "jax",
        "JAX_COMPILATION_CACHE_DIR": str(folder / "stock"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    }
    run, python = [*_GATEWRIGHT, "run"], [sys.executable]
    return {
        "gatewright run, first": ([*run, str(program)], {}),
        "stock Keras with a cache, first": ([*python, str(program)], stock),
        "gatewright run, second": ([*run, str(program)], {}),
        "stock Keras with a cache, second": ([*python, str(program)], stock),
        "import keras, nothing else": ([*python, str(empty)], stock),
    }


def _training(folder: Path) -> dict[str, tuple[Sequence[str], Mapping[str, str]]]:
    def train(out: str) -> list[str]:
        settings = ["--limit", "64", "--epochs", "1", "--out", str(folder / out)]
        return [*_GATEWRIGHT, "train", "tag", "atis", *settings]

    return {
        "train tag, first": (train("first.safetensors"), {}),
        "train tag, second": (train("second.safetensors"), {}),
    }


def _timed(command: Sequence[str], environment: Mapping[str, str]) -> tuple[float, float]:
    """Return the seconds that a command takes, by the clock and of the processor."""
    before, start = _cpu(), time.perf_counter()
    done = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    return time.perf_counter() - start, _cpu() - before


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main()
