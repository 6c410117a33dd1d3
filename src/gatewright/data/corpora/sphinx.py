"""Read folders of the CMU Sphinx trainer.

The folder `etc` has, for each split, a file `NAME.fileids` with a path in each line, without suffix, and a file
`NAME.transcription` with the transcripts: `<s> HELLO WORLD </s> (utterance)`. The names of training sets contain
"train", those of test sets "test", and those of validation sets "dev" or "valid". The recordings (`.wav` and others) or
cepstra (`.mfc`) are in the folders `wav` and `feat`, or next to `etc`.
"""

import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from gatewright.data.corpora.cepstra import SUFFIX as CEPSTRA
from gatewright.data.corpora.corpus import Found, Utterance
from gatewright.data.corpora.layouts import recording_at, split_of
from gatewright.data.files import read_text
from gatewright.support.errors import InputError

_IDS, _TRANSCRIPTS = ".fileids", ".transcription"
# The utterance at the end of a transcript, and what stands for silence and noise.
_UTTERANCE = re.compile(r"\s*\(([^()]*)\)\s*$")
_FILLER = re.compile(r"<[^<>\s]*>|\+\+[^+\s]*\+\+|\[[^\[\]\s]*\]")


def is_sphinx(root: Path) -> bool:
    """Return True if the folder has lists of files in `etc`."""
    return any(root.glob(f"etc/*{_IDS}"))


def read_sphinx(root: Path) -> Found:
    """Return the utterances of a folder. Their names are their paths in the list of files.

    Raises:
        InputError: A file is missing or cannot be read, or two lists are of the same split.
    """
    splits: dict[str, list[Utterance]] = {}
    places: dict[str, Path] = {}
    for ids in sorted(root.glob(f"etc/*{_IDS}")):
        split = split_of(ids.stem) or "train"
        if split in places:
            raise InputError(
                f"{places[split]} and {ids} are both lists of the {split} set. Keep one, or put train, dev or test "
                "into their names."
            )
        places[split] = ids
        splits[split] = _read_list(root, ids)
    return Found(splits)


def _read_list(root: Path, ids: Path) -> list[Utterance]:
    names = [line.strip() for line in read_text(ids).text.split("\n") if line.strip()]
    transcripts = _read_transcripts(ids.with_suffix(_TRANSCRIPTS))
    folders = [folder for folder in (root / "wav", root / "feat", root) if folder.is_dir()]
    found = []
    for name in names:
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts:
            raise InputError(f"{ids} has the path {name!r}, which is not in {root}. Give paths inside the folder.")
        speaker = path.parts[-2] if len(path.parts) > 1 else ""
        text = transcripts.get(name) or transcripts.get(path.name, "")
        found.append(Utterance(name, recording_at(folders, name, [CEPSTRA]), text, speaker))
    return found


def _read_transcripts(path: Path) -> Mapping[str, str]:
    """Return the transcript of each utterance without silence and noise, with the names of the utterances as keys."""
    if not path.is_file():
        raise InputError(f"{path} does not exist. It must have the transcripts of {path.with_suffix(_IDS).name}.")
    transcripts = {}
    for number, line in enumerate(read_text(path).text.split("\n"), 1):
        if not line.strip():
            continue
        named = _UTTERANCE.search(line)
        if named is None:
            raise InputError(
                f"{path}, line {number} does not end with the name of an utterance, as in '(an251-fash-b)'."
            )
        transcripts[named[1].strip()] = " ".join(_FILLER.sub(" ", line[: named.start()]).split())
    return transcripts
