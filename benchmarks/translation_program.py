"""Time examples/keras_translation.py on stock Keras and under `gatewright run`, in turns.

    GATEWRIGHT_DATA=... python benchmarks/translation_program.py [--rounds 5] [--epochs 5]

Both run the same unchanged program on the JAX backend, and both compile everything. Prints, as Markdown, the median
seconds of the whole program, of training and of the loop that translates, and checks that the translations are equal.
"""

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from gatewright.ops import machine

EXAMPLE = Path(__file__).parents[1] / "examples" / "keras_translation.py"
TITLES = {"whole": "whole program", "training": "training", "translating": "translating 1,000 sentences"}
COMMANDS = {"stock": [sys.executable], "ours": [sys.executable, "-m", "gatewright.commands.main", "run", "--quiet"]}


def measure(command: list[str], program: Path) -> tuple[dict[str, float], str]:
    """Run the program. Return the seconds of its parts, and what it prints about translations."""
    environment = {**os.environ, "KERAS_BACKEND": "jax", "JAX_ENABLE_COMPILATION_CACHE": "false"}
    began = time.perf_counter()
    done = subprocess.run([*command, str(program)], capture_output=True, text=True, check=True, env=environment)
    seconds = {"whole": time.perf_counter() - began}
    for part in ("training", "translating"):
        (found,) = re.findall(rf"{part} took ([\d.]+) s", done.stdout)
        seconds[part] = float(found)
    return seconds, done.stdout.partition("translating took")[2].partition("\n")[2]


def main(rounds: int, epochs: int) -> None:
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / EXAMPLE.name
        program.write_text(re.sub(r"(?m)^EPOCHS = .*", f"EPOCHS = {epochs}", EXAMPLE.read_text()))
        found = [{name: measure(command, program) for name, command in COMMANDS.items()} for _ in range(rounds)]
    facts = machine.facts()
    print(
        f"{facts['processor']}, {facts['instruction set']}, commit {facts['commit']}, load {load:.1f} before the run."
    )
    print(f"Keras {facts['keras']} on JAX, {epochs} epochs, {rounds} rounds.\n")
    print("| | stock Keras | `gatewright run` | stock / ours |\n|---|---|---|---|")
    for part, title in TITLES.items():
        stock, ours = ([one[name][0][part] for one in found] for name in COMMANDS)
        ratio = statistics.median(a / b for a, b in zip(stock, ours, strict=True))
        print(f"| {title} | {statistics.median(stock):.1f} s | {statistics.median(ours):.1f} s | {ratio:.2f} |")
    texts = {one[name][1] for one in found for name in COMMANDS}
    print(f"\nThe translations of all runs are {'equal' if len(texts) == 1 else 'different'}.")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=5)
    options = parser.parse_args()
    main(options.rounds, options.epochs)
