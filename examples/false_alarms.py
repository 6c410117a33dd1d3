"""Count the comparisons that claim a difference although there is none.

    python examples/false_alarms.py [repeats]

Makes twenty comparisons of each kind: on texts whose words say nothing about their labels, so that no cell can differ
from another or from a baseline; and of one cell with itself, on texts that can be learned.
"""

import csv
import sys
import tempfile
from pathlib import Path

import numpy as np

import gatewright
from gatewright.results.records import Comparison

ROWS = 400
SETTINGS = {
    "text": "review",
    "label": "verdict",
    "units": 4,
    "embedding_dim": 4,
    "max_length": 8,
    "epochs": 2,
    "seeds": 3,
    "batch_size": 32,
    "learning_rates": [0.01],
}


def write_reviews(path: Path, signal: bool, seed: int, rows: int = ROWS) -> str:
    """Write a table of texts with seven words; with `signal`, the last word determines the label."""
    rng = np.random.default_rng(seed)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["review", "verdict"])
        for label in np.repeat(["bad", "good"], rows // 2):
            words = rng.choice(list("abcdefghijklmnop"), 6)
            telling = {"bad": "dull", "good": "fine"}[label] if signal else "film"
            writer.writerow([" ".join([*words, telling]), label])
    return str(path)


def without_signal(folder: Path, repeat: int) -> Comparison:
    """Compare two cells on texts that say nothing about their labels."""
    table = write_reviews(folder / f"noise-{repeat}.csv", signal=False, seed=repeat)
    return gatewright.compare(table, cells=["SimpleRNN", "GRU"], out=folder / f"noise-{repeat}", **SETTINGS)


def same_cell_twice(folder: Path, repeat: int) -> Comparison:
    """Compare a GRU with itself, from other initial weights."""
    table = write_reviews(folder / f"same-{repeat}.csv", signal=True, seed=repeat)
    return gatewright.compare(table, cells=["GRU", "GRU"], out=folder / f"same-{repeat}", **SETTINGS)


def main() -> None:
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    with tempfile.TemporaryDirectory() as name:
        for title, make, concerns in (
            ("labels without signal, any claim at all", without_signal, lambda test: True),
            ("the same cell twice, a difference between the two", same_cell_twice, lambda test: "(2)" in test.second),
        ):
            found = [make(Path(name), repeat) for repeat in range(repeats)]
            alarms = sum(any(test.differs and concerns(test) for test in result.tests) for result in found)
            print(f"{title}: {alarms} of {repeats}")


if __name__ == "__main__":
    main()
