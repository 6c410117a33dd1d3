"""Make recordings of strings of spoken digits from the Free Spoken Digit Dataset, to learn to transcribe them.

    python examples/digit_strings.py FOLDER [SEED]

Each string has 2 to 7 digits of one speaker, with pauses before, between and after them, a random loudness and a little
noise throughout. The last two speakers of the alphabet are for validation and the test, so that nobody is heard in two
splits. The folder gets the tables train.csv, validation.csv and test.csv with the columns audio, text and speaker:

    gatewright train transcribe FOLDER

Needs $GATEWRIGHT_DATA with fsdd/recordings.tar.gz.
"""

from __future__ import annotations

import csv
import sys
import wave
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gatewright.data.audio.recording import read_recording
from gatewright.data.corpora.corpus import Utterance
from gatewright.data.corpora.named import read_fsdd

WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
STRINGS = {"train": 2_000, "validation": 200, "test": 300}
RATE = 8_000

_MIN_DIGITS, _MAX_DIGITS = 2, 7
_MIN_PAUSE, _MAX_PAUSE = 0.05, 0.5  # seconds
_LOUDNESS = 6.0  # decibels, up and down
_MIN_NOISE, _MAX_NOISE = -65.0, -50.0  # decibels below full scale


def main(folder: Path, seed: int = 0, strings: Mapping[str, int] = STRINGS) -> None:
    """Write the recordings and tables of all splits. `strings` is the number of strings of each split."""
    folder.mkdir(parents=True)
    digits = [one for split in read_fsdd().splits.values() for one in split]
    speakers = sorted({one.speaker for one in digits})
    parts = {"train": speakers[:-2], "validation": speakers[-2:-1], "test": speakers[-1:]}
    for number, (split, who) in enumerate(parts.items()):
        rng = np.random.default_rng([seed, number])
        (folder / split).mkdir()
        with (folder / f"{split}.csv").open("w", encoding="utf-8", newline="") as file:
            table = csv.writer(file)
            table.writerow(["audio", "text", "speaker"])
            for place in range(strings[split]):
                speaker = who[rng.integers(len(who))]
                own = [one for one in digits if one.speaker == speaker]
                chosen = [own[at] for at in rng.integers(len(own), size=rng.integers(_MIN_DIGITS, _MAX_DIGITS + 1))]
                name = f"{split}/{place:05}.wav"
                write(folder / name, spoken(chosen, rng))
                table.writerow([name, " ".join(WORDS[int(one.text)] for one in chosen), speaker])
        print(f"{folder / split}.csv: {strings[split]:,} strings of digits of {', '.join(who)}")


def spoken(digits: Sequence[Utterance], rng: np.random.Generator) -> NDArray[np.float32]:
    """Return the samples of a string of digits, at `RATE`."""
    parts: list[NDArray[np.float32]] = []
    for one in digits:
        parts += [pause(rng), read_recording(one.audio).samples]
    samples = np.concatenate([*parts, pause(rng)]) * decibels(rng.uniform(-_LOUDNESS, _LOUDNESS))
    noise = decibels(rng.uniform(_MIN_NOISE, _MAX_NOISE)) * rng.standard_normal(len(samples))
    return np.clip(samples + noise, -1, 1).astype(np.float32)


def pause(rng: np.random.Generator) -> NDArray[np.float32]:
    """Return silence of a random duration."""
    return np.zeros(round(rng.uniform(_MIN_PAUSE, _MAX_PAUSE) * RATE), np.float32)


def decibels(level: float) -> float:
    """Return the factor of an amplitude for a level in decibels."""
    return float(10 ** (level / 20))


def write(path: Path, samples: NDArray[np.float32]) -> None:
    """Write samples with full scale 1.0 to a WAV file of 16 bits."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(np.round(samples * 32_767).astype("<i2").tobytes())


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0)
