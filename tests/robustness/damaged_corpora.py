"""Write small corpora of recordings in all layouts, and damage their lists, their recordings, and their folders."""

from __future__ import annotations

import random
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
from damaged_audio import damaged_wav, encoded
from data.audio.wavs import wav
from fuzz_inputs import Case, Route, add_special, damage_bytes, damage_rows, encoded_text, table_case, write

_TEXTS = ("one two", "two", "ten one", "zero", "Ünder 5 😀", "one")
_LABELS = ("no", "yes")
_SUFFIXES = (".wav", ".wav", ".wav", ".flac", ".WAV", ".ogg")
TRANSCRIBE = (
    Route("train", "transcribe", ({}, {"text": "text"}, {"audio": "path", "speaker": "speaker"}, {"header": "none"})),
    Route("evaluate", "transcribe"),
)
KEYWORDS = (
    Route("train", "classify", ({}, {"label": "label"}, {"test_speaker": "s1"}, {"audio": "path"})),
    Route("evaluate", "keywords", ({}, {"test_speaker": "s1"})),
)


def recording(draw: random.Random) -> bytes:
    """Return a recording, which is damaged in one of ten cases."""
    kind = draw.randrange(20)
    if kind == 0:
        return damaged_wav(draw)
    if kind == 1:
        return damage_bytes(draw, encoded(draw))
    tone = 9000 * np.sin(np.arange(draw.choice((1, 40, 1600, 3000))) / draw.uniform(2, 40))
    return wav(
        tone.astype(np.int64) // (1 if kind < 15 else 256), 16 if kind < 15 else 8, rate=8000 if kind < 18 else 16_000
    )


def cepstra(draw: random.Random) -> bytes:
    """Return a Sphinx file of cepstra."""
    values = np.array([draw.gauss(0, 5) for _ in range(13 * draw.choice((1, 30, 60)))])
    content = np.array([values.size], ">i4").tobytes() + values.astype(">f4").tobytes()
    return damage_bytes(draw, content) if draw.random() < 0.2 else content


def _names(draw: random.Random, count: int) -> list[str]:
    return [f"{draw.choice(('', 'a/', 'b/'))}u{number}" for number in range(count)]


def _lines(draw: random.Random, rows: list[list[str]], gap: str = " ") -> bytes:
    rows = damage_rows(draw, rows) if draw.random() < 0.5 else rows
    return encoded_text("\n".join(gap.join(row) for row in rows) + "\n", draw)


def _splits(draw: random.Random) -> tuple[str, ...]:
    return draw.choice((("",), ("",), ("train", "test"), ("train", "dev", "test"), ("test",)))


def _pairs(draw: random.Random, root: Path) -> None:
    for split in _splits(draw):
        for name in _names(draw, draw.randint(3, 12)):
            write(root / split, name + draw.choice(_SUFFIXES), recording(draw))
            write(root / split, f"{name}.txt", _lines(draw, [[draw.choice(_TEXTS)]]))


def _librispeech(draw: random.Random, root: Path) -> None:
    for split in _splits(draw):
        for speaker in range(draw.randint(1, 6)):
            names = [f"{speaker}-1-{number:04}" for number in range(draw.randint(1, 4))]
            for name in names:
                write(root / split / str(speaker) / "1", name + ".wav", recording(draw))
            rows = [[name, draw.choice(_TEXTS)] for name in names]
            write(root / split / str(speaker) / "1", f"{speaker}-1.trans.txt", _lines(draw, rows))


def _kaldi(draw: random.Random, root: Path) -> None:
    for split in _splits(draw):
        names = [name.replace("/", "-") for name in _names(draw, draw.randint(3, 12))]
        for name in names:
            write(root / split, f"{name}.wav", recording(draw))
        files = [[name, draw.choice((f"{name}.wav", f"{name}.wav", f"sph2pipe {name} |"))] for name in names]
        files = [[name, f"{name}.wav"] for name in names] if draw.random() < 0.8 else files
        write(root / split, "wav.scp", _lines(draw, files))
        write(root / split, "text", _lines(draw, [[name, draw.choice(_TEXTS)] for name in names]))
        if draw.random() < 0.3:
            write(root / split, "utt2spk", _lines(draw, [[name, f"s{draw.randrange(6)}"] for name in names]))
        if draw.random() < 0.3:
            times = [
                [name, name, f"{draw.choice((0, 0.05, 1e300)):g}", draw.choice(("0.15", "-1", "9"))] for name in names
            ]
            write(root / split, "segments", _lines(draw, times))


def _sphinx(draw: random.Random, root: Path) -> None:
    make, suffix = draw.choice(((cepstra, ".mfc"), (recording, ".wav")))
    for split in draw.choice((("train",), ("train", "test"))):
        names = [f"{split}/s{draw.randrange(6)}/u{number}" for number in range(draw.randint(3, 12))]
        for name in names:
            write(root / ("feat" if suffix == ".mfc" else "wav"), name + suffix, make(draw))
        write(root / "etc", f"c_{split}.fileids", _lines(draw, [[name] for name in names]))
        rows = [["<s>", draw.choice(_TEXTS), "</s>", f"({name})"] for name in names]
        write(root / "etc", f"c_{split}.transcription", _lines(draw, rows))


def _labelled(draw: random.Random, root: Path) -> None:
    for split in _splits(draw):
        places = []
        for label in (
            *_LABELS,
            *draw.choice(((), ("\x1b[31m",), (".hidden",), ("_background_noise_",), ("bad\udcff",))),
        ):
            for number in range(draw.randint(1, 6)):
                name = f"{number % 3}_nohash_{number}.wav"
                write(root / split / label, name, recording(draw))
                places.append([f"{label}/{name}"])
        if draw.random() < 0.3:
            write(root / split, draw.choice(("validation_list.txt", "testing_list.txt")), _lines(draw, places[::4]))


def _table(draw: random.Random, folder: Path, text: str, values: tuple[str, ...], routes: tuple[Route, ...]) -> Case:
    names = [f"u{number}{draw.choice(_SUFFIXES)}" for number in range(draw.randint(4, 20))]
    for name in names:
        write(folder, name, recording(draw))
    rows = [[name, draw.choice(values), f"s{draw.randrange(6)}"] for name in names]
    return table_case(draw, folder, [["path", text, "speaker"], *rows], routes)


def corpus_case(draw: random.Random, folder: Path) -> Case:
    """Write a corpus to the folder, and return it with the ways to read it."""
    kind = draw.randrange(7)
    if kind == 0:
        return _table(draw, folder, "text", _TEXTS, TRANSCRIBE)
    if kind == 1:
        return _table(draw, folder, "label", _LABELS, KEYWORDS)
    root = folder / "corpus"
    root.mkdir()
    make = (_pairs, _librispeech, _kaldi, _sphinx, _labelled)[kind - 2]
    make(draw, root)
    if draw.random() < 0.1:
        add_special(draw, root)
    return Case(root, KEYWORDS if kind == 6 else TRANSCRIBE)
