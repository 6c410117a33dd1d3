"""The names of splits and of recordings in data sets."""

import re

AUDIO_SUFFIXES = (".wav", ".flac", ".ogg", ".mp3")

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
