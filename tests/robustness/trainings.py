"""Small trainings in processes of their own, and the comparison of their results bit by bit."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path

from safetensors.numpy import load_file

CLASSIFIER = ("classify", "reviews.csv")
TRANSLATOR = ("translate", "pairs.csv", "--source=english", "--target=german")
SETTINGS = ("--units=8", "--embedding-dim=8", "--batch-size=8", "--epochs=6", "--ema-decay=0.9", "--patience=0")
# A checkpoint after nearly every step, instead of one every thirty seconds. `before` is code that sets limits.
_PROGRAM = """
import sys
from gatewright.training import checkpoint
from gatewright.commands.main import main
checkpoint._SECONDS = 0.01
{before}
sys.exit(main())
"""


def write_reviews(path: Path, seed: int, rows: int = 160) -> None:
    draw, words = random.Random(seed), ("bad", "good")
    lines = [f"word{draw.randrange(20)} {words[row % 2]}{draw.randrange(3)},{row % 2}" for row in range(rows)]
    path.write_text("\n".join(["text,label", *lines]) + "\n")


def write_pairs(path: Path, seed: int, rows: int = 160) -> None:
    draw = random.Random(seed)
    numbers = [[draw.randrange(20) for _ in range(draw.randrange(1, 9))] for _ in range(rows)]
    pairs = [(" ".join(f"w{n}" for n in line), " ".join(f"v{n}" for n in reversed(line))) for line in numbers]
    path.write_text("\n".join(["english,german", *map(",".join, pairs)]) + "\n")


def start(
    folder: Path, out: str, *flags: str, before: str = "", what: tuple[str, ...] = CLASSIFIER
) -> subprocess.Popen:
    """Start a training on a file in a folder."""
    program = _PROGRAM.format(before=before)
    command = [sys.executable, "-c", program, "train", *what, "--json", "--out", out]
    pipe = subprocess.PIPE
    return subprocess.Popen([*command, *SETTINGS, *flags], cwd=folder, stdout=pipe, stderr=pipe)


def figures(output: bytes) -> dict:
    """Return the results of a training without what differs between equal trainings."""
    kept = json.loads(output)
    for epoch in kept["epochs"]:
        del epoch["seconds"]
    return {name: value for name, value in kept.items() if name not in ("seconds", "machine", "out")}


def have_equal_weights(one: Path, other: Path) -> bool:
    """Return True if all weights of two model files are the same bits."""
    first, second = load_file(one), load_file(other)
    return first.keys() == second.keys() and all(first[name].tobytes() == second[name].tobytes() for name in first)
