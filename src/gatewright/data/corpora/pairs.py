"""Read folders with a text file next to each recording: NAME.wav and NAME.txt."""

from collections.abc import Sequence
from pathlib import Path

from gatewright.data.corpora.corpus import Found, Utterance
from gatewright.data.corpora.layouts import is_recording
from gatewright.data.files import read_text

_SUFFIX = ".txt"


def has_pairs(files: Sequence[Path]) -> bool:
    """Return True if one of the files is a recording with a text file next to it."""
    texts = {path.with_suffix("") for path in files if path.suffix.lower() == _SUFFIX}
    return any(is_recording(path) and path.with_suffix("") in texts for path in files)


def read_pairs(root: Path, files: Sequence[Path]) -> Found:
    """Return the recordings in a folder, in the split "train", with their transcripts. Other texts are left out.

    Args:
        root: The folder.
        files: All files in it and in its subfolders.

    Raises:
        InputError: A text cannot be read.
    """
    texts = {path.with_suffix(""): path for path in files if path.suffix.lower() == _SUFFIX}
    found = []
    for path in filter(is_recording, files):
        name = path.with_suffix("")
        text = " ".join(read_text(texts[name]).text.split()) if name in texts else ""
        found.append(Utterance(name.relative_to(root).as_posix(), path, text))
    recordings = {one.audio.with_suffix("") for one in found}
    others = [path for name, path in texts.items() if name not in recordings]
    if not others:
        return Found({"train": found})
    files_of = "text file" if len(others) == 1 else "text files"
    return Found(
        {"train": found},
        (f"{len(others):,} {files_of} in {root} without a recording left out; the first is {others[0]}.",),
    )
