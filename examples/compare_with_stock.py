"""Run a Keras program on stock Keras and on the compiled kernels, and print both times.

    python examples/compare_with_stock.py examples/quick.py

The program must import keras, not tensorflow, since stock Keras runs it on JAX here, too.
"""

import os
import re
import subprocess
import sys
import time

NUMBER = re.compile(r"-?\d+\.?\d*(?:e-?\d+)?")
TOLERANCE = 0.01


def main():
    if len(sys.argv) < 2 or not os.path.isfile(sys.argv[1]):
        sys.exit("usage: python examples/compare_with_stock.py PROGRAM.py [ARGUMENTS...]")
    program = sys.argv[1:]
    stock, stock_line = run("stock Keras on JAX", [sys.executable, *program])
    ours, our_line = run("gatewright run", [sys.executable, "-m", "gatewright.commands.main", "run", *program])
    print(f"\nstock Keras on JAX  {stock:7.1f} s  {stock_line}")
    print(f"gatewright run      {ours:7.1f} s  {our_line}")
    print(f"{stock / ours:.1f} times as fast, including startup and compilation; {verdict(stock_line, our_line)}")


def run(name, command):
    """Run the command, print its output, and return its seconds and its last line."""
    print(f"--- {name}", flush=True)
    last = ""
    start = time.perf_counter()
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "KERAS_BACKEND": "jax", "PYTHONUNBUFFERED": "1"},
    )
    for line in process.stdout:
        print(line, end="", flush=True)
        last = line.strip() or last
    if process.wait() != 0:
        sys.exit(f"{name} ended with code {process.returncode}, so there is nothing to compare.")
    return time.perf_counter() - start, last


def verdict(one, other):
    if one == other:
        return "the last lines are the same."
    same_words = NUMBER.sub("#", one) == NUMBER.sub("#", other)
    pairs = zip(NUMBER.findall(one), NUMBER.findall(other), strict=False)
    if same_words and all(abs(float(a) - float(b)) <= TOLERANCE for a, b in pairs):
        return f"the numbers in the last lines differ by at most {TOLERANCE}."
    return "the last lines DIFFER."


if __name__ == "__main__":
    main()
