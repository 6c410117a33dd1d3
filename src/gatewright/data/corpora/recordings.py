"""Read the recordings of a corpus at one sample rate, and collect notes about them."""

from collections import defaultdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gatewright.data.audio.recording import read_recording
from gatewright.data.audio.resampling import resampled


class RecordingReader:
    """Reads recordings at one sample rate. The last one is kept, since several utterances may be parts of it.

    Args:
        rate: The sample rate in Hz. Recordings with another rate are resampled.
    """

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._path: Path | None = None
        self._samples: NDArray[np.float32] = np.empty(0, np.float32)
        self._read = 0
        self._other_rates: dict[Path, int] = {}
        self._remarks: defaultdict[str, list[str]] = defaultdict(list)

    def samples(self, path: Path) -> NDArray[np.float32]:
        """Return the samples of a recording, [samples].

        Raises:
            InputError: The recording cannot be read.
        """
        if path == self._path:
            return self._samples
        self._path = None
        recording = read_recording(path)
        self._read += 1
        for note in recording.notes:
            # The same remark about another recording differs in the name and in numbers.
            kind = "".join(character for character in note.replace(str(path), "") if not character.isdigit())
            self._remarks[kind].append(note)
        self._samples = recording.samples
        if recording.rate != self._rate:
            self._other_rates[path] = recording.rate
            self._samples = resampled(recording.samples, recording.rate, self._rate)
        self._path = path
        return self._samples

    def notes(self, name: object) -> tuple[str, ...]:
        """Return sentences about the recordings that were read. `name` is the name of the data."""
        notes = [
            remarks[0] if len(remarks) == 1 else f"{remarks[0]} The same holds for {len(remarks) - 1:,} more."
            for remarks in self._remarks.values()
        ]
        if self._other_rates:
            path, rate = next(iter(self._other_rates.items()))
            have, were = ("has", "was") if len(self._other_rates) == 1 else ("have", "were")
            notes.insert(
                0,
                f"{len(self._other_rates):,} of the {self._read:,} recordings of {name} {have} another sample rate "
                f"and {were} resampled to {self._rate:,} Hz; the first is {path} with {rate:,} Hz.",
            )
        return tuple(notes)
