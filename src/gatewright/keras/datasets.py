"""Lets `keras.datasets.imdb` read the named data set imdb where Keras' own file is not to be had.

Keras' loader runs as it is, with its choice of words, its marks and its shuffling. Only the function by which
it fetches its two files is replaced.
"""

import importlib
import os
import sys
import tempfile
import threading
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gatewright.data import public

_LOADER = "keras.src.datasets.imdb"
_PROBE_SECONDS = 3.0

_keras_get_file: Callable[..., str] | None = None
# Arrays and word index must come from one source, or words would be decoded wrongly; so the choice holds.
_source: str | None = None


def serve() -> None:
    """From now on `keras.datasets.imdb` reads Keras' own files, or else the named data set."""
    global _keras_get_file
    loader = importlib.import_module(_LOADER)
    if _keras_get_file is None:
        _keras_get_file = loader.get_file
        loader.get_file = _get_file  # type: ignore[attr-defined]


def withdraw() -> None:
    """Undo `serve`."""
    global _keras_get_file, _source
    if _keras_get_file is not None:
        importlib.import_module(_LOADER).get_file = _keras_get_file  # type: ignore[attr-defined]
    _keras_get_file = _source = None


def _get_file(fname: str, origin: str, **others: Any) -> str:
    """Keras' get_file for one of the two files of imdb.

    Raises:
        FileNotFoundError: neither source serves.
    """
    global _source
    if _source != "named":
        path = _from_keras(fname, origin, others)
        if path is not None:
            if _source is None:
                _say(f"from Keras' own file, {path}")
            _source = "keras"
            return path
        if _source == "keras":
            raise FileNotFoundError(
                f"keras.datasets.imdb: the reviews are Keras' own file, and {fname}, which goes with it, "
                f"can't be downloaded: put it into {_keras_folders()[0]}."
            )
    files = _named_set()
    if _source is None:
        _say(f"from GATEWRIGHT_DATA={os.environ['GATEWRIGHT_DATA']}, the data set imdb, encoded as Keras does")
    _source = "named"
    return str(files.arrays if fname.endswith(".npz") else files.word_index)


def _from_keras(fname: str, origin: str, others: dict[str, Any]) -> str | None:
    """The path that Keras itself would give; None where the file is neither at hand nor to be downloaded."""
    assert _keras_get_file is not None
    if not any((folder / fname).is_file() for folder in _keras_folders()) and not _answers(origin):
        return None
    try:
        return _keras_get_file(fname=fname, origin=origin, **others)
    except Exception:  # Keras raises a bare Exception when a download fails, ValueError when it is not whole
        return None


def _named_set() -> public.KerasFiles:
    try:
        return public.imdb_for_keras()
    except FileNotFoundError:
        root = os.environ.get("GATEWRIGHT_DATA")
        named = f"GATEWRIGHT_DATA={root} does not hold the reviews" if root else "GATEWRIGHT_DATA is not set"
        raise FileNotFoundError(
            f"keras.datasets.imdb: Keras' own imdb.npz is not in {_keras_folders()[0]} and can't be "
            f"downloaded, and {named}: connect once, or set GATEWRIGHT_DATA to a folder with "
            "imdb/train.parquet and imdb/test.parquet."
        ) from None


def _keras_folders() -> list[Path]:
    """Where Keras keeps downloads, and where it does so if it can't write there."""
    home = os.environ.get("KERAS_HOME") or os.path.join("~", ".keras")
    spare = "/tmp" if os.path.isdir("/tmp") else tempfile.gettempdir()
    return [Path(home).expanduser() / "datasets", Path(spare) / ".keras" / "datasets"]


def _answers(origin: str) -> bool:
    """Whether `origin` can be downloaded; asked in a thread, since looking up a host has no time limit."""
    answered: list[bool] = []

    def ask() -> None:
        request = urllib.request.Request(origin, method="HEAD")
        try:
            with urllib.request.urlopen(request, timeout=_PROBE_SECONDS):
                answered.append(True)
        except (OSError, ValueError):
            pass

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(_PROBE_SECONDS)
    return bool(answered)


def _say(source: str) -> None:
    print(f"gatewright: keras.datasets.imdb is read {source}.", file=sys.stderr)
