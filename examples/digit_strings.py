"""Make recordings of strings of spoken digits from the Free Spoken Digit Dataset, to learn to transcribe them.

    python examples/digit_strings.py FOLDER [SEED]

Each string has 2 to 7 digits of one speaker, pauses before, between and after them, a random loudness and a little
noise throughout. The last two speakers of the alphabet are for validation and the test, so that nobody is heard in two
splits. The four speakers of the training set are few: each of their strings is played faster or slower, which changes
the voice as another length of the vocal tract does (Ko et al. 2015, "Audio Augmentation for Speech Recognition"), is
filtered as by another microphone, and varies more in loudness and noise. Validation and test strings are not changed.

The folder gets the tables train.csv, validation.csv and test.csv with the columns audio, text and speaker:

    gatewright train transcribe FOLDER

`digit_strings_result.py` trains on them and writes the record. Needs $GATEWRIGHT_DATA with fsdd/recordings.tar.gz.
"""

from __future__ import annotations

import csv
import functools
import sys
import wave
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gatewright.data.audio.recording import read_recording
from gatewright.data.audio.resampling import resampled
from gatewright.data.corpora.corpus import Utterance
from gatewright.data.corpora.named import read_fsdd

WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
STRINGS = {"train": 4_000, "validation": 200, "test": 300}
RATE = 8_000

_MIN_DIGITS, _MAX_DIGITS = 2, 7
_MIN_PAUSE, _MAX_PAUSE = 0.05, 0.5  # seconds
_LAST_PAUSE = 0.2  # seconds: who stops recording does so a moment after the last word
_EQUALIZER_KNOTS = 6


class Conditions(NamedTuple):
    """The conditions of recording. Each string draws its own from these ranges.

    Attributes:
        loudness: Level of the speech, as the root mean square of its samples, in decibels below full scale.
        noise: Level of the white noise, in decibels below full scale.
        speeds: Rates at which a recording is played to those at which it was made.
        equalizer: Largest change of a frequency's level by the microphone, in decibels.
    """

    loudness: tuple[float, float]
    noise: tuple[float, float]
    speeds: tuple[float, ...] = (1.0,)
    equalizer: float = 0.0


PLAIN = Conditions((-31.0, -19.0), (-65.0, -50.0))
VARIED = Conditions((-37.0, -15.0), (-70.0, -42.0), tuple(at / 20 for at in range(16, 26)), 8.0)


def main(folder: Path, seed: int = 0, strings: Mapping[str, int] = STRINGS) -> None:
    """Write the recordings and tables of all splits. `strings` is the number of strings of each split."""
    folder.mkdir(parents=True)
    digits = [one for split in read_fsdd().splits.values() for one in split]
    speakers = sorted({one.speaker for one in digits})
    parts = {"train": speakers[:-2], "validation": speakers[-2:-1], "test": speakers[-1:]}
    for number, (split, who) in enumerate(parts.items()):
        own = {speaker: [one for one in digits if one.speaker == speaker] for speaker in who}
        (folder / split).mkdir()
        with (folder / f"{split}.csv").open("w", encoding="utf-8", newline="") as file:
            table = csv.writer(file)
            table.writerow(["audio", "text", "speaker"])
            for place in range(strings[split]):
                rng = np.random.default_rng([seed, number, place])
                speaker = who[place % len(who)]
                said = own[speaker]
                chosen = [said[at] for at in rng.integers(len(said), size=rng.integers(_MIN_DIGITS, _MAX_DIGITS + 1))]
                name = f"{split}/{place:05}.wav"
                write(folder / name, spoken(chosen, VARIED if split == "train" else PLAIN, rng))
                table.writerow([name, " ".join(WORDS[int(one.text)] for one in chosen), speaker])
        print(f"{folder / split}.csv: {strings[split]:,} strings of digits of {', '.join(who)}", flush=True)


def spoken(digits: Sequence[Utterance], conditions: Conditions, rng: np.random.Generator) -> NDArray[np.float32]:
    """Return the samples of a string of digits, at `RATE`."""
    parts, words = list[NDArray[np.float32]](), [samples_of(one.audio) for one in digits]
    for word in words:
        parts += [pause(rng), word]
    power = np.mean(np.concatenate(words, dtype=np.float64) ** 2)
    samples = np.concatenate([*parts, pause(rng, _LAST_PAUSE)])
    samples = samples * np.float32(decibels(rng.uniform(*conditions.loudness)) / np.sqrt(power))
    # Played at another rate, a recording has other pitch and formants, as if another person spoke.
    samples = resampled(samples, round(RATE * rng.choice(conditions.speeds)), RATE)
    if conditions.equalizer:
        samples = equalized(samples, conditions.equalizer, rng)
    noise = decibels(rng.uniform(*conditions.noise)) * rng.standard_normal(len(samples))
    return np.clip(samples + noise, -1, 1).astype(np.float32)


@functools.cache
def samples_of(path: Path) -> NDArray[np.float32]:
    """Return the samples of a recording of a digit."""
    return read_recording(path).samples


def pause(rng: np.random.Generator, least: float = _MIN_PAUSE) -> NDArray[np.float32]:
    """Return silence of a random duration of at least `least` seconds."""
    return np.zeros(round(rng.uniform(least, _MAX_PAUSE) * RATE), np.float32)


def equalized(samples: NDArray[np.float32], most: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """Return samples whose frequencies have other levels, as a microphone changes them.

    Args:
        samples: The samples, [samples].
        most: Largest change in decibels.
        rng: Random numbers.
    """
    spectrum = np.fft.rfft(samples)
    knots = rng.uniform(-most, most, _EQUALIZER_KNOTS)
    places = np.linspace(0, _EQUALIZER_KNOTS - 1, len(spectrum))
    changed = spectrum * decibels(np.interp(places, np.arange(_EQUALIZER_KNOTS), knots))
    return np.fft.irfft(changed, len(samples)).astype(np.float32)


def decibels(level: float | NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the factor of an amplitude for a level in decibels."""
    return np.asarray(10 ** (np.asarray(level) / 20))


def write(path: Path, samples: NDArray[np.float32]) -> None:
    """Write samples with full scale 1.0 to a WAV file of 16 bits."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(np.round(samples * 32_767).astype("<i2").tobytes())


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0)
