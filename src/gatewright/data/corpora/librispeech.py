"""Read folders of LibriSpeech and corpora like it.

Each chapter has a folder SPEAKER/CHAPTER with recordings and a file `SPEAKER-CHAPTER.trans.txt`, whose lines are the
name of a recording and its transcript: `84-121123-0000 GO DO YOU HEAR`.
"""

from collections.abc import Sequence
from pathlib import Path

from gatewright.data.corpora.corpus import Utterance
from gatewright.data.corpora.layouts import recording_at
from gatewright.data.files import read_text

SUFFIX = ".trans.txt"


def read_librispeech(files: Sequence[Path]) -> list[Utterance]:
    """Return the utterances in files of transcripts.

    Raises:
        InputError: A file cannot be read.
    """
    found = []
    for file in files:
        for line in filter(str.strip, read_text(file).text.split("\n")):
            name, *words = line.split()
            speaker = name.split("-")[0] if "-" in name else ""
            found.append(Utterance(name, recording_at([file.parent], name), " ".join(words), speaker))
    return found
