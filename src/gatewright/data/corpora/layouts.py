"""The names of splits and of recordings in data sets."""

import re
from collections.abc import Sequence
from pathlib import Path

from gatewright.data.audio.recording import AUDIO_SUFFIXES

_SPLIT_WORDS = {
    "train": ("train", "training"),
    "validation": ("validation", "valid", "val", "dev", "development"),
    "test": ("test", "testing"),
}
_WORDS = {word: split for split, words in _SPLIT_WORDS.items() for word in words}


def split_of(name: str) -> str | None:
    """Return the split that a file or a folder has by its name: "train", "validation" or "test".

    A word of the name must be usual for the split, as in `an4_train`, `dev-clean` and `Test`. None if no word is, or if
    the words are of different splits.
    """
    found = {_WORDS[word] for word in re.split(r"[^a-z]+", name.lower()) if word in _WORDS}
    return found.pop() if len(found) == 1 else None


def is_recording(path: Path) -> bool:
    """Return True if a file has the suffix of a recording."""
    return path.suffix.lower() in AUDIO_SUFFIXES


def recording_at(folders: Sequence[Path], name: str, others: Sequence[str] = ()) -> Path:
    """Return the path of a recording. If it does not exist, return one of the paths at which it was expected.

    Args:
        folders: The folders that may have it.
        name: Its path in the folder, without suffix.
        others: Suffixes of other files that may take its place.
    """
    candidates = [folder / (name + suffix) for folder in folders for suffix in (*AUDIO_SUFFIXES, *others)]
    return next((path for path in candidates if path.is_file()), candidates[0])
