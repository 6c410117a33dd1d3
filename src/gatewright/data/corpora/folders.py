"""Read folders of recordings with transcripts, in the layouts of public corpora and of common tools.

- A folder of the Sphinx trainer; see `sphinx`.
- A data folder of Kaldi; see `kaldi`.
- A folder of LibriSpeech; see `librispeech`.
- A table of recordings; see `tables`.
- A text file next to each recording; see `pairs`.

Splits are folders or tables in the folder whose names have a usual word for the split, such as `train`,
`train-clean-100`, `dev` and `test.tsv`; see `layouts.split_of`.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from gatewright.data.corpora.corpus import SPLITS, Found, Utterance
from gatewright.data.corpora.kaldi import is_kaldi, read_kaldi
from gatewright.data.corpora.layouts import split_of
from gatewright.data.corpora.librispeech import SUFFIX as LIBRISPEECH
from gatewright.data.corpora.librispeech import read_librispeech
from gatewright.data.corpora.pairs import has_pairs, read_pairs
from gatewright.data.corpora.sphinx import is_sphinx, read_sphinx
from gatewright.data.corpora.tables import Columns, has_recordings, read_table_of_recordings, refuse_columns
from gatewright.data.files import inner_name, is_table
from gatewright.data.folders import all_files
from gatewright.data.tables import quoted
from gatewright.support.errors import InputError


def read_folder(root: Path, columns: Columns) -> Found:
    """Return the utterances of a folder, in their splits if it has splits, otherwise in the split "train".

    Args:
        root: The folder.
        columns: The columns of tables.

    Raises:
        InputError: The folder has another layout, or a file cannot be read.
    """
    if is_sphinx(root):
        refuse_columns(root, columns)
        return read_sphinx(root)
    if is_kaldi(root):
        return _read_leaf(root, columns)
    inside = sorted(path for path in root.iterdir() if not path.name.startswith("."))
    if len(inside) == 1 and inside[0].is_dir() and not split_of(inside[0].name):  # an outer folder
        return read_folder(inside[0], columns)
    tables = [path for path in inside if path.is_file() and is_table(path) and split_of(inner_name(path))]
    tables = [path for path in tables if has_recordings(path, columns.audio)]
    places = _by_split(tables) or _by_split([path for path in inside if path.is_dir()])
    if "train" not in places:
        return _read_leaf(root, columns)
    splits: dict[str, list[Utterance]] = {}
    notes = [f"The {split} set of {root} is {_listed(places[split])}." for split in SPLITS if split in places]
    for split, paths in places.items():
        for path in paths:
            found = _read_leaf(path, columns) if path.is_dir() else read_table_of_recordings(path, columns)
            splits.setdefault(split, []).extend(found.splits["train"])
            notes += found.notes
    return Found(splits, tuple(notes))


def _by_split(paths: Sequence[Path]) -> Mapping[str, list[Path]]:
    """Return the paths whose names have a word for a split, with the splits as keys."""
    found: dict[str, list[Path]] = {}
    for path in paths:
        split = split_of(inner_name(path) if path.is_file() else path.name)
        if split is not None:
            found.setdefault(split, []).append(path)
    return found


def _read_leaf(folder: Path, columns: Columns) -> Found:
    """Return the utterances of a folder without splits, in the split "train"."""
    if is_kaldi(folder):
        refuse_columns(folder, columns)
        return Found({"train": read_kaldi(folder)})
    files = all_files(folder)
    if transcripts := [path for path in files if path.name.endswith(LIBRISPEECH)]:
        refuse_columns(folder, columns)
        return Found({"train": read_librispeech(transcripts)})
    tables = [path for path in files if path.parent == folder and has_recordings(path, columns.audio)]
    if len(tables) > 1:
        raise InputError(f"{folder} has the tables {_listed(tables)}. Give the path of one of them.")
    if tables:
        return read_table_of_recordings(tables[0], columns)
    if has_pairs(files):
        refuse_columns(folder, columns)
        return read_pairs(folder, files)
    raise InputError(
        f"{folder} has no recordings with transcripts. It must have a table with a column of recordings, NAME.txt next "
        "to each NAME.wav, or the layout of LibriSpeech, Kaldi or Sphinx."
    )


def _listed(paths: Sequence[Path]) -> str:
    return quoted([path.name for path in paths])
