"""Read folders of recordings with a subfolder for each label.

Splits are folders `train`, `validation` and `test` with such subfolders or, as in Speech Commands (Warden 2018,
"Speech Commands: A Dataset for Limited-Vocabulary Speech Recognition"), lists of files, `validation_list.txt` and
`testing_list.txt`, with paths such as `yes/0a7c2a8d_nohash_0.wav`.
"""

from collections.abc import Sequence
from pathlib import Path

from gatewright.data.corpora.corpus import SPLITS, Found, Utterance
from gatewright.data.corpora.layouts import is_recording, split_of
from gatewright.data.files import read_text
from gatewright.data.folders import all_files
from gatewright.support.errors import InputError

_LISTS = {"validation": "validation_list.txt", "test": "testing_list.txt"}
# The folder of long recordings without words in Speech Commands, which are a source of noise.
_NOISE = "_background_noise_"
# It follows the speaker in names of recordings of Speech Commands.
_AFTER_SPEAKER = "_nohash_"


def has_labelled_recordings(root: Path) -> bool:
    """Return True if most of the files in the subfolders of a folder are recordings, or its own if there are none."""
    files = all_files(root)
    files = [path for path in files if path.parent != root] or files
    return 2 * sum(map(is_recording, files)) > len(files)


def read_labelled_folder(root: Path) -> Found:
    """Return the recordings in a folder. Their texts are their labels, the names of their folders.

    Raises:
        InputError: The folder has no recordings in subfolders, or a list has a file that does not exist.
    """
    folders = sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))
    places: dict[str, list[Path]] = {}
    for folder in folders:
        split = split_of(folder.name)
        if split is not None and any(path.is_dir() for path in folder.iterdir()):
            places.setdefault(split, []).append(folder)
    if "train" not in places:
        found, notes = _read_labels(root)
        return Found(_by_lists(root, found), notes)
    splits: dict[str, list[Utterance]] = {}
    notes = ()
    for split in SPLITS:
        for folder in places.get(split, ()):
            found, own = _read_labels(folder)
            splits.setdefault(split, []).extend(found)
            notes = (*notes, *own)
    return Found(splits, notes)


def _read_labels(root: Path) -> tuple[list[Utterance], tuple[str, ...]]:
    """Return the recordings in the subfolders of a folder, and a note about other files."""
    files = [path for path in all_files(root) if path.parent != root]
    found, others, noise = [], [], 0
    for path in files:
        label, *rest = path.relative_to(root).parts
        if label == _NOISE:
            noise += 1
        elif is_recording(path):
            found.append(Utterance("/".join((label, *rest)), path, label.strip(), _speaker(path)))
        else:
            others.append(path)
    if not found:
        raise InputError(f"{root} has no recordings in subfolders. It must have a folder of recordings for each label.")
    notes = []
    if noise:
        notes.append(f"The folder {_NOISE} of {root} was left out: its recordings have no label.")
    if others:
        count = "1 file that does" if len(others) == 1 else f"{len(others):,} files that do"
        were = "was" if len(others) == 1 else "were"
        notes.append(f"{count} not have the name of a recording {were} left out; the first is {others[0]}.")
    return found, tuple(notes)


def _speaker(path: Path) -> str:
    return path.name.split(_AFTER_SPEAKER)[0] if _AFTER_SPEAKER in path.name else ""


def _by_lists(root: Path, utterances: Sequence[Utterance]) -> dict[str, list[Utterance]]:
    """Return the utterances of each split, given the lists of files in a folder, if it has lists.

    Raises:
        InputError: A list has a file that does not exist, or has none.
    """
    split_by_name: dict[str, str] = {}
    known = {one.name for one in utterances}
    for split, name in _LISTS.items():
        path = root / name
        if not path.is_file():
            continue
        listed = [line.strip().removeprefix("./") for line in read_text(path).text.split("\n") if line.strip()]
        unknown = [line for line in listed if line not in known]
        if unknown or not listed:
            problem = f"has {unknown[0]!r}, which is not a recording in {root}" if unknown else "is empty"
            raise InputError(f"{path} {problem}. Fix the list, or remove it.")
        split_by_name.update(dict.fromkeys(listed, split))
    splits: dict[str, list[Utterance]] = {"train": []}
    for one in utterances:
        splits.setdefault(split_by_name.get(one.name, "train"), []).append(one)
    return splits
