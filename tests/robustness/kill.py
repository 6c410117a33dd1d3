"""Kill a training at random instants, start it again, and compare its model with that of an undisturbed one.

    python tests/robustness/kill.py [count] [seed] [training ...]

The trainings are those of `trainings.TRAININGS`, by default all. Each of `count` kills hits the reading of data, the
training, or the writing of a file. A training that was killed often enough to finish starts from the beginning. Every
finished training must have the same results, bit by bit, and leave nothing else.
"""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from trainings import TRAININGS, Training, figures, have_equal_weights, start

from gatewright import runtime


def main(count: int = 20, seed: int = 0, names: Sequence[str] = ()) -> None:
    for name in names or TRAININGS:
        ends = kill(TRAININGS[name], count, seed)
        print(f"kill, {name}, seed {seed}: {dict(ends)}; all results are the same bits", flush=True)


def kill(what: Training, count: int, seed: int) -> Counter:
    draw, ends = random.Random(seed), Counter()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        what.write(folder / what.data, seed)
        began = time.monotonic()
        whole = figures(start(folder, "whole", what=what, epochs=what.epochs).communicate()[0])
        seconds, file = time.monotonic() - began, folder / "killed"

        def check(process: subprocess.Popen, output: bytes, errors: bytes) -> None:
            if process.returncode:
                sys.exit(f"seed {seed}: a training ended with code {process.returncode}: {errors.decode()}")
            if figures(output) != whole or not have_equal_weights(file, folder / "whole"):
                sys.exit(f"seed {seed}: the results differ after {ends['killed']} kills")
            left = sorted(path.name for path in folder.iterdir())
            if left != sorted(["killed", what.data, "whole"]):
                sys.exit(f"seed {seed}: a training left {left}")
            ends["finished"] += 1

        while ends["killed"] < count:
            process = start(folder, "killed", what=what, epochs=what.epochs)
            try:
                output, errors = process.communicate(timeout=draw.uniform(0.1, 1.2 * seconds))
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
                ends["killed"] += 1
                ends["with a checkpoint"] += (folder / "killed.training" / "checkpoint.npz").exists()
                if file.exists():
                    runtime.load(file)
            else:
                check(process, output, errors)
                file.unlink()
        process = start(folder, "killed", what=what, epochs=what.epochs)
        check(process, *process.communicate())
    return ends


if __name__ == "__main__":
    main(*map(int, sys.argv[1:3]), names=sys.argv[3:])
