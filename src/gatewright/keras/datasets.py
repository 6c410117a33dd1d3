"""Make `keras.datasets.imdb` read the reviews in `$GATEWRIGHT_DATA` if Keras' imdb files cannot be downloaded.

Only the function with which Keras downloads the two files is replaced. The rest of Keras' loader does not change, so
that the vocabulary, the special ids and the shuffling are the same.
"""

import contextlib
import importlib
import os
import sys
import threading
import urllib.request
from collections.abc import Callable
from typing import Any

from gatewright.data import public
from gatewright.keras import notes

_LOADER = "keras.src.datasets.imdb"
_PROBE_SECONDS = 3.0


class ImdbFiles:
    """A replacement for Keras' `get_file` that uses the reviews in `$GATEWRIGHT_DATA` if a file cannot be downloaded.

    Keras loads two files: the encoded reviews and the word index. The second file is taken from the same source
    as the first, because files from different sources do not match.

    Attributes:
        stock: The original function `get_file` of Keras.
    """

    def __init__(self, stock: Callable[..., str]) -> None:
        self.stock = stock
        self._source: str | None = None

    def __call__(self, fname: str, origin: str, **options: Any) -> str:
        """Return the path of an imdb file. The arguments are the same as for Keras' `get_file`.

        Raises:
            FileNotFoundError: Neither source has the file, or the source of the first file does not have the second.
        """
        if self._source != "gatewright":
            path = self._from_keras(fname, origin, options)
            if path is not None:
                self._choose("keras", f"Keras' own file, {path}")
                return path
            if self._source == "keras":
                raise FileNotFoundError(
                    f"keras.datasets.imdb: {fname} cannot be downloaded, but it is needed for the reviews, which "
                    f"were read from Keras' own file. Put {fname} into {public.keras_folders()[0]}."
                )
        files = _local_files()
        self._choose("gatewright", f"GATEWRIGHT_DATA={os.environ['GATEWRIGHT_DATA']}, encoded as Keras does")
        return str(files.arrays if fname.endswith(".npz") else files.word_index)

    def _choose(self, source: str, description: str) -> None:
        if self._source is None:
            notes.note_once(f"keras.datasets.imdb is read from {description}.")
        self._source = source

    def _from_keras(self, fname: str, origin: str, options: dict[str, Any]) -> str | None:
        """Return the path of the file that Keras provides, or None if it neither exists nor can be downloaded."""
        if not any((folder / fname).is_file() for folder in public.keras_folders()) and not is_reachable(origin):
            return None
        try:
            return self.stock(fname=fname, origin=origin, **options)
        except Exception:  # Keras raises a bare Exception if a download fails, and ValueError if it is incomplete
            return None


def install() -> None:
    """Make `keras.datasets.imdb` read `$GATEWRIGHT_DATA` if Keras' imdb files cannot be downloaded.

    Repeated calls have no further effect.
    """
    loader: Any = importlib.import_module(_LOADER)
    if not isinstance(loader.get_file, ImdbFiles):
        loader.get_file = ImdbFiles(loader.get_file)


def uninstall() -> None:
    """Make `keras.datasets.imdb` read only Keras' imdb files again."""
    loader: Any = sys.modules.get(_LOADER)
    if loader is not None and isinstance(loader.get_file, ImdbFiles):
        loader.get_file = loader.get_file.stock


def _local_files() -> public.KerasFiles:
    try:
        return public.imdb_for_keras()
    except FileNotFoundError:
        root = os.environ.get("GATEWRIGHT_DATA")
        reason = f"GATEWRIGHT_DATA={root} does not contain the reviews" if root else "GATEWRIGHT_DATA is not set"
        raise FileNotFoundError(
            f"keras.datasets.imdb: Keras' own imdb.npz is not in {public.keras_folders()[0]} and cannot be downloaded, "
            f"and {reason}. Connect to the internet once, or set GATEWRIGHT_DATA to a folder with imdb/train.parquet "
            "and imdb/test.parquet."
        ) from None


def is_reachable(url: str) -> bool:
    """Return True if the server of `url` replies within three seconds.

    The request runs in a thread, because looking up a host name has no time limit.
    """
    replies: list[bool] = []

    def ask() -> None:
        request = urllib.request.Request(url, method="HEAD")
        with contextlib.suppress(OSError, ValueError), urllib.request.urlopen(request, timeout=_PROBE_SECONDS):
            replies.append(True)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(_PROBE_SECONDS)
    return bool(replies)
