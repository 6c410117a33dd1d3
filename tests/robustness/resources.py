"""Train with too little memory, on a full disk, and at the same time as other trainings.

    python tests/robustness/resources.py [count] [seed]

Each of `count` rounds starts a training whose files may not grow beyond a random size, one whose memory is bounded at
random, several that write to one --out, and several that write to different ones. A training ends well or with one
sentence; XLA may also abort if memory is short. Whatever happens, no half file is left, and the same command then ends
with the same results, bit by bit.
"""

from __future__ import annotations

import random
import sys
import tempfile
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from trainings import figures, have_equal_weights, start, write_reviews

from gatewright import runtime

MODEL_BYTES, MEMORY_BYTES = 40_000, 1 << 30
FULL_DISK = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({size}, {size}))"
# The modules are imported first: CPython itself fails in many ways if memory is short while it imports a module.
LITTLE_MEMORY = """
import resource
from pathlib import Path
import jax, optax, pyarrow.csv, pyarrow.parquet, rich.progress, scipy.stats, sklearn.linear_model, sklearn.metrics
import gatewright.runtime, gatewright.tasks.classify.task, gatewright.training.job
used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + {size}, used + {size}))
"""


class Rounds:
    """Trainings in a folder, which are compared with an undisturbed one."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.seed, self.ends = folder, seed, Counter()
        self.draw = random.Random(seed)
        write_reviews(folder / "reviews.csv", seed)
        self.whole = figures(start(folder, "whole").communicate()[0])

    def fail(self, why: str) -> None:
        sys.exit(f"resources, seed {self.seed}, after {dict(self.ends)}: {why}")

    def sentence(self, code: int, errors: bytes) -> str:
        """Return the sentence with which a training was refused."""
        lines = [line for line in errors.decode().splitlines() if line.startswith("gatewright: ")]
        if code != 2 or len(lines) != 1 or b"Traceback" in errors:
            self.fail(f"code {code} and not one sentence: {errors.decode()}")
        return lines[0]

    def check(self, out: str, output: bytes) -> None:
        """Check a finished training, and remove its model."""
        file = self.folder / out
        if figures(output) != self.whole or not have_equal_weights(file, self.folder / "whole"):
            self.fail(f"the results of {out} differ")
        file.unlink()

    def limited(self, kind: str, before: str, may_abort: bool = False) -> None:
        """Run a training within limits, and then without."""
        process = start(self.folder, "m", before=before)
        output, errors = process.communicate()
        if process.returncode == 0:
            self.ends[f"{kind}: finished"] += 1
            self.check("m", output)
            return
        if process.returncode < 0 and may_abort:
            self.ends[f"{kind}: aborted by XLA"] += 1
        else:
            self.sentence(process.returncode, errors)
            self.ends[f"{kind}: one sentence"] += 1
            if half := [path.name for path in self.folder.rglob(".gatewright-*")]:
                self.fail(f"half files are left: {half}")
        if (self.folder / "m").exists():
            runtime.load(self.folder / "m")
        process = start(self.folder, "m")
        output, errors = process.communicate()
        if process.returncode or b"damaged" in errors:
            self.fail(f"it is not resumed: {errors.decode()}")
        self.check("m", output)

    def together(self, outs: list[str]) -> None:
        """Run trainings at the same time. One with the --out of another one may be refused."""
        processes = [start(self.folder, out) for out in outs]
        ended = [(process, *process.communicate()) for process in processes]
        for process, _, errors in ended:
            if process.returncode:
                if outs.count(outs[0]) == 1 or "is in use by another" not in self.sentence(process.returncode, errors):
                    self.fail(errors.decode())
                self.ends["together: refused"] += 1
            else:
                self.ends["together: finished"] += 1
        finished = {
            out: output for out, (process, output, _) in zip(outs, ended, strict=True) if not process.returncode
        }
        if finished.keys() != set(outs):
            self.fail("all were refused")
        for out, output in finished.items():
            self.check(out, output)

    def run(self, count: int) -> None:
        for _ in range(count):
            self.limited("full disk", FULL_DISK.format(size=self.draw.randrange(MODEL_BYTES)))
            size = self.draw.randrange(MEMORY_BYTES)
            self.limited("little memory", LITTLE_MEMORY.format(size=size), may_abort=True)
            self.together(["m"] * 3)
            self.together(["a", "b", "c"])
            left = sorted(path.name for path in self.folder.iterdir())
            if left != ["reviews.csv", "whole"]:
                self.fail(f"{left} is left")


def main(count: int = 5, seed: int = 0) -> None:
    with tempfile.TemporaryDirectory() as name:
        rounds = Rounds(Path(name), seed)
        rounds.run(count)
    print(f"resources, seed {seed}: {count} rounds, {dict(sorted(rounds.ends.items()))}; all results are the same bits")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
