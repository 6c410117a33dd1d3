"""Read data folders of Kaldi.

`wav.scp` has the path of each recording, `text` the transcript of each utterance. `segments` has the recording of each
utterance, and its start and end in seconds; without it, recordings are utterances. `utt2spk` has the speakers, and may
be missing.
"""

import math
from collections.abc import Mapping
from pathlib import Path

from gatewright.data.corpora.corpus import Utterance
from gatewright.data.files import read_text
from gatewright.support.errors import InputError

RECORDINGS = "wav.scp"
_TEXT, _SEGMENTS, _SPEAKERS = "text", "segments", "utt2spk"


def is_kaldi(folder: Path) -> bool:
    """Return True if a folder has a list of recordings."""
    return (folder / RECORDINGS).is_file()


def read_kaldi(folder: Path) -> list[Utterance]:
    """Return the utterances of a data folder.

    Raises:
        InputError: A file is missing or has a wrong line, or a recording is made by a command.
    """
    recordings = _read_recordings(folder)
    texts = _read_lines(folder / _TEXT)
    speakers = _read_lines(folder / _SPEAKERS) if (folder / _SPEAKERS).is_file() else {}
    if not (folder / _SEGMENTS).is_file():
        return [Utterance(name, path, texts.get(name, ""), speakers.get(name, "")) for name, path in recordings.items()]
    found = []
    for name, line in _read_lines(folder / _SEGMENTS).items():
        recording, start, end = _parse_segment(folder, name, line)
        if recording not in recordings:
            raise InputError(
                f"{folder / _SEGMENTS} has the recording {recording!r} for {name!r}, which is not in {RECORDINGS}. Add "
                "it there."
            )
        found.append(Utterance(name, recordings[recording], texts.get(name, ""), speakers.get(name, ""), start, end))
    # The utterances of a recording are neighbors, so that it is read once.
    return sorted(found, key=lambda one: (str(one.audio), one.start))


def _read_recordings(folder: Path) -> dict[str, Path]:
    """Return the path of each recording. Relative paths begin at the data folder, a folder above it, or here."""
    lines = _read_lines(folder / RECORDINGS)
    for name, given in lines.items():
        if given.endswith("|"):
            raise InputError(
                f"{folder / RECORDINGS} has a command for {name!r}, and commands are not run. Write the recordings to "
                "files, and give their paths."
            )
    root = folder.absolute()
    bases = [root, root.parent, root.parent.parent, Path.cwd()]
    first = next(iter(lines.values()), "")
    base = next((base for base in bases if (base / first).is_file()), root)
    return {name: base / given for name, given in lines.items()}


def _parse_segment(folder: Path, name: str, line: str) -> tuple[str, float, float | None]:
    """Return the recording of an utterance, its start and its end; an end of -1 is that of the recording."""
    fields = line.split()
    try:
        recording, start, end = fields[0], float(fields[1]), float(fields[2])
    except (IndexError, ValueError):
        start, end = math.nan, math.nan
    if len(fields) != 3 or not (0 <= start < end < math.inf or (end == -1 and 0 <= start < math.inf)):
        raise InputError(
            f"{folder / _SEGMENTS} has the line {f'{name} {line}'!r}, which is not an utterance, a recording, a start "
            "and a later end in seconds. Fix it."
        )
    return recording, start, None if end == -1 else end


def _read_lines(path: Path) -> Mapping[str, str]:
    """Return what follows the first word of each line, with these words as keys.

    Raises:
        InputError: The file does not exist, or two lines begin with the same word.
    """
    if not path.is_file():
        raise InputError(f"{path} does not exist. A data folder of Kaldi needs {RECORDINGS} and {_TEXT}.")
    found: dict[str, str] = {}
    for number, line in enumerate(read_text(path).text.split("\n"), 1):
        if not line.strip():
            continue
        name, *rest = line.split(maxsplit=1)
        if name in found:
            raise InputError(f"{path}, line {number} is the second line for {name!r}. Remove one of them.")
        found[name] = " ".join(rest).strip()
    return found
