"""A synthetic language for tests of transcription: each character has its own frames of cepstra."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from gatewright.tasks.transcribe.speech import Speech

WORDS = ("AB", "BA", "CAB", "DAD", "ADD")
WIDTH = 13


def frames_of_text(text: str, rng: np.random.Generator, frames: int = 7) -> np.ndarray:
    """Return frames, [time, 13], in which each character lasts about `frames` frames, with noise."""
    patterns = np.random.default_rng(5).normal(size=(128, WIDTH))
    parts = [np.tile(patterns[ord(one) % 128], (frames + rng.integers(-1, 2), 1)) for one in f" {text} "]
    return (np.concatenate(parts) + 0.3 * rng.normal(size=(sum(map(len, parts)), WIDTH))).astype(np.float32)


def transcripts(count: int, seed: int = 0, words: Sequence[str] = WORDS) -> list[str]:
    """Return transcripts of one to three words."""
    draw = random.Random(seed)
    return [" ".join(draw.choices(words, k=draw.randint(1, 3))) for _ in range(count)]


def write_sphinx(root: Path, splits: dict[str, Sequence[str]], frames: int = 7, speakers: int = 6) -> Path:
    """Write a Sphinx folder with the transcripts of each split, and return it."""
    (root / "etc").mkdir(parents=True)
    for split, texts in splits.items():
        names = [f"{split}/s{place % speakers}/u{place}" for place in range(len(texts))]
        (root / "etc" / f"c_{split}.fileids").write_text("\n".join(names) + "\n")
        lines = [f"<s> {text} </s> ({name})" for name, text in zip(names, texts, strict=True)]
        (root / "etc" / f"c_{split}.transcription").write_text("\n".join(lines) + "\n")
        for place, (name, text) in enumerate(zip(names, texts, strict=True)):
            values = frames_of_text(text, np.random.default_rng([len(split), place]), frames)
            path = root / "feat" / f"{name}.mfc"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(np.array([values.size], ">i4").tobytes() + values.astype(">f4").tobytes())
    return root


def speech(count: int, seed: int = 0) -> Speech:
    """Return utterances of the language with their transcripts."""
    texts = transcripts(count, seed)
    frames = tuple(frames_of_text(text, np.random.default_rng([seed, place])) for place, text in enumerate(texts))
    return Speech(frames, tuple(texts), tuple(f"u{place}" for place in range(count)), ("",) * count)
