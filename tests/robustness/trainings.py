"""Small trainings in processes of their own, and the comparison of their results bit by bit."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
from data.audio.wavs import wav
from safetensors.numpy import load_file

# A checkpoint after nearly every step, instead of one every thirty seconds. `before` is code that sets limits.
_PROGRAM = """
import sys
from gatewright.training import checkpoint
from gatewright.commands.main import main
checkpoint._SECONDS = 0.01
{before}
sys.exit(main())
"""
_RATE = 8000


class Training(NamedTuple):
    """A small training.

    Attributes:
        task: The command of the task.
        data: The name of the data, a file or a folder.
        flags: The options and settings.
        write: The function that writes the data, given its path and a seed.
        epochs: The number of epochs of a training that is killed.
    """

    task: str
    data: str
    flags: tuple[str, ...]
    write: Callable[[Path, int], None]
    epochs: int = 40


def write_reviews(path: Path, seed: int, rows: int = 160) -> None:
    draw, words = random.Random(seed), ("bad", "good")
    lines = [f"word{draw.randrange(20)} {words[row % 2]}{draw.randrange(3)},{row % 2}" for row in range(rows)]
    path.write_text("\n".join(["text,label", *lines]) + "\n")


def write_pairs(path: Path, seed: int, rows: int = 160) -> None:
    draw = random.Random(seed)
    numbers = [[draw.randrange(20) for _ in range(draw.randrange(1, 9))] for _ in range(rows)]
    pairs = [(" ".join(f"w{n}" for n in line), " ".join(f"v{n}" for n in reversed(line))) for line in numbers]
    path.write_text("\n".join(["english,german", *map(",".join, pairs)]) + "\n")


def _tones(letters: str, draw: random.Random) -> bytes:
    """Return a recording in which each letter has a tone of its own, of about a tenth of a second."""
    lengths = [draw.randrange(600, 1000) for _ in letters]
    hertz = np.concatenate(
        [np.full(length, 300 + 400 * (ord(one) % 8)) for one, length in zip(letters, lengths, strict=True)]
    )
    noise = np.random.default_rng(draw.randrange(10**6)).normal(0, 100, len(hertz))
    return wav((9000 * np.sin(2 * np.pi * np.cumsum(hertz) / _RATE) + noise).astype(np.int64), rate=_RATE)


def write_keywords(path: Path, seed: int, count: int = 80) -> None:
    draw = random.Random(seed)
    for number in range(count):
        label = ("abc", "cba")[number % 2]
        file = path / label / f"{number}.wav"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(_tones(label, draw))


def write_speech(path: Path, seed: int, count: int = 80) -> None:
    draw = random.Random(seed)
    path.mkdir()
    for number in range(count):
        text = " ".join(draw.choice(("abc", "cab", "bad")) for _ in range(draw.randrange(1, 4)))
        (path / f"{number}.wav").write_bytes(_tones(text, draw))
        (path / f"{number}.txt").write_text(text)


_SMALL = ("--units=8", "--batch-size=8", "--ema-decay=0.9", "--patience=0")
CLASSIFIER = Training("classify", "reviews.csv", (*_SMALL, "--embedding-dim=8"), write_reviews)
TRANSLATOR = Training(
    "translate",
    "pairs.csv",
    ("--source=english", "--target=german", *_SMALL, "--embedding-dim=8"),
    write_pairs,
)
KEYWORDS = Training("classify", "words", (*_SMALL, "--layers=1"), write_keywords, epochs=30)
TRANSCRIBER = Training("transcribe", "speech", (*_SMALL, "--layers=1", "--mel-bands=16"), write_speech, epochs=15)
TRAININGS = {"classifier": CLASSIFIER, "translator": TRANSLATOR, "keywords": KEYWORDS, "transcriber": TRANSCRIBER}


def start(folder: Path, out: str, before: str = "", what: Training = CLASSIFIER, epochs: int = 6) -> subprocess.Popen:
    """Start a training on data in a folder."""
    program = _PROGRAM.format(before=before)
    command = [sys.executable, "-c", program, "train", what.task, what.data, "--json", "--out", out]
    pipe = subprocess.PIPE
    return subprocess.Popen([*command, *what.flags, f"--epochs={epochs}"], cwd=folder, stdout=pipe, stderr=pipe)


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
