"""Kill a training at random instants, start it again, and compare its model with that of an undisturbed one.

    python tests/robustness/kill.py [count] [seed]

A classifier is trained, and a translator. Each of `count` kills hits the reading of data, the training, or the
writing of a file. A training that was killed often enough to finish starts from the beginning. Every finished training
must have the same results, bit by bit, and leave nothing else.
"""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from trainings import CLASSIFIER, TRANSLATOR, figures, have_equal_weights, start, write_pairs, write_reviews

from gatewright import runtime

EPOCHS = "--epochs=40"


def main(count: int = 20, seed: int = 0) -> None:
    for what in (CLASSIFIER, TRANSLATOR):
        ends = kill(what, count, seed)
        print(f"kill, {what[0]}, seed {seed}: {dict(ends)}; all results are the same bits")


def kill(what: tuple[str, ...], count: int, seed: int) -> Counter:
    draw, ends = random.Random(seed), Counter()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (write_reviews if what == CLASSIFIER else write_pairs)(folder / what[1], seed)
        began = time.monotonic()
        whole = figures(start(folder, "whole", EPOCHS, what=what).communicate()[0])
        seconds, file = time.monotonic() - began, folder / "killed"

        def check(process: subprocess.Popen, output: bytes, errors: bytes) -> None:
            if process.returncode:
                sys.exit(f"seed {seed}: a training ended with code {process.returncode}: {errors.decode()}")
            if figures(output) != whole or not have_equal_weights(file, folder / "whole"):
                sys.exit(f"seed {seed}: the results differ after {ends['killed']} kills")
            left = sorted(path.name for path in folder.iterdir())
            if left != sorted(["killed", what[1], "whole"]):
                sys.exit(f"seed {seed}: a training left {left}")
            ends["finished"] += 1

        while ends["killed"] < count:
            process = start(folder, "killed", EPOCHS, what=what)
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
        process = start(folder, "killed", EPOCHS, what=what)
        check(process, *process.communicate())
    return ends


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
