"""Kill a training at random instants, start it again, and hold its figures against those of an undisturbed one.

    python tests/robustness/kill.py TASK DATA [kills] [flags of `gatewright train TASK`...]

For example: python tests/robustness/kill.py classify imdb 20 --limit 2000 --units 32 --length 100 --epochs 8
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from gatewright import runtime


def figures(output: bytes) -> dict:
    kept = json.loads(output)
    for epoch in kept["epochs"]:
        del epoch["seconds"]
    return {name: value for name, value in kept.items() if name not in ("seconds", "machine", "out")}


def main(task: str, data: str, kills: int, flags: list[str]) -> None:
    draw = random.Random(0)
    with tempfile.TemporaryDirectory() as folder:

        def command(name: str) -> list[str]:
            train = [sys.executable, "-m", "gatewright.commands.main", "train", task, data, *flags, "--json"]
            return [*train, "--out", f"{folder}/{name}.safetensors"]

        began = time.monotonic()
        whole = figures(subprocess.run(command("whole"), stdout=subprocess.PIPE, check=True).stdout)
        seconds = time.monotonic() - began
        print(f"undisturbed: {seconds:.0f} s, {whole['test']}", flush=True)
        done, file = 0, Path(folder) / "killed.safetensors"
        while done < kills:
            process = subprocess.Popen(command("killed"), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            try:
                # Mostly soon enough to hit the training itself; some hit the start, and the writing of files.
                output, _ = process.communicate(timeout=draw.uniform(0.1, 0.5 * seconds))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                done += 1
                if file.exists():
                    runtime.load(file)
                print(f"killed {done} times", flush=True)
            else:
                if process.returncode:
                    sys.exit(f"it ended with code {process.returncode}")
                if figures(output) != whole:
                    sys.exit("its figures differ")
                print(f"it ended with the same figures after {done} kills; begun anew", flush=True)
                file.unlink()
        process = subprocess.run(command("killed"), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
        if figures(process.stdout) != whole:
            sys.exit("its figures differ")
        left = sorted(path.name for path in Path(folder).iterdir())
        print(f"{kills} kills: the figures are the same, and what is left is {left}")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 20, sys.argv[4:])
