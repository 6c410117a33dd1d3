"""Named public data sets, read from `$GATEWRIGHT_DATA` (one folder a set).

Set `imdb`: the Large Movie Review data (Maas et al. 2011), `train.parquet` and `test.parquet` with the
columns `text` and `label` (1 is a good review), or as its authors publish it: the folder `aclImdb` or the
archive `aclImdb_v1.tar.gz`. Both parts are sorted by label; 123 training texts recur in the test part.
"""

import functools
import hashlib
import json
import os
import tempfile
from collections import defaultdict
from operator import itemgetter
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from gatewright.data import folders
from gatewright.data.download import download
from gatewright.data.text import split_words
from gatewright.support.data_progress import say
from gatewright.support.errors import InputError
from gatewright.support.files import atomically

# Part of the cache files' names; to be raised when the encoding changes.
_ENCODING = "1"

_IMDB_TREE = "aclImdb"
_IMDB_ARCHIVE = "aclImdb_v1.tar.gz"
_IMDB_URL = f"https://ai.stanford.edu/~amaas/data/sentiment/{_IMDB_ARCHIVE}"
# Of the archive, as TensorFlow Datasets records them.
_IMDB_BYTES = 84_125_825
_IMDB_SHA256 = "c40f74a18d3b61f90feba1e17730e0d38e8b97c05fde7008942e91923d1658fe"
_IMDB_LABELS = {"neg": 0, "pos": 1}


class Part(NamedTuple):
    """One part of a labelled text set."""

    texts: list[str]
    labels: np.ndarray


class KerasFiles(NamedTuple):
    """A data set in the two files from which Keras loads it."""

    arrays: Path
    word_index: Path


def folder(name: str) -> Path:
    """The folder of the data set `name`.

    Raises:
        FileNotFoundError: `$GATEWRIGHT_DATA` is not set or holds no such set.
    """
    root = os.environ.get("GATEWRIGHT_DATA")
    if not root:
        raise FileNotFoundError(f"GATEWRIGHT_DATA is not set: set it to the folder that holds {name}/.")
    path = Path(root).expanduser() / name
    if not path.is_dir():
        raise FileNotFoundError(f"GATEWRIGHT_DATA={root} holds no {name}/: put that data set there.")
    return path


def roots() -> list[Path]:
    """`$GATEWRIGHT_DATA`, if it is set."""
    root = os.environ.get("GATEWRIGHT_DATA")
    return [Path(root).expanduser()] if root else []


def cache() -> Path:
    """The folder of what is kept between programs; made if it is not there.

    Raises:
        OSError: it can't be made.
    """
    path = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "gatewright"
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        sentence = f"{path} can't be written ({error.strerror}): set XDG_CACHE_HOME to a folder of your own."
        raise OSError(sentence) from None
    return path


def library(path: Path) -> ModuleType:
    """pyarrow, with its submodule parquet, to read `path`.

    Raises:
        ImportError: pyarrow, which comes with the extra `train`, is not installed.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise ImportError(f"reading {path} needs pyarrow: pip install 'gatewright[train]'") from None
    module: ModuleType = pyarrow
    return module


def columns(path: Path, *names: str) -> list[list[Any]]:
    """Columns of a Parquet file.

    Raises:
        ImportError: pyarrow is not installed.
        InputError: it is no such file, lacks a column, or has a gap in one.
    """
    pyarrow = library(path)
    try:
        table = pyarrow.parquet.read_table(path, columns=list(names))
        found = [table.column(name).to_pylist() for name in names]
    except (pyarrow.ArrowException, KeyError, OSError, ValueError):
        raise _wrong(path, names) from None
    if any(None in column for column in found):
        raise _wrong(path, names)
    return found


def imdb(part: str) -> Part:
    """The movie reviews of one part, `train` or `test`, and their labels, 0 or 1.

    The first of these that is there: the two Parquet files in `$GATEWRIGHT_DATA/imdb`; the folder aclImdb in
    `$GATEWRIGHT_DATA/imdb`, `$GATEWRIGHT_DATA` or the working folder; the archive aclImdb_v1.tar.gz in one of these
    three; the cache; the authors' site. What comes from an archive is kept in the cache as Parquet files.

    Raises:
        FileNotFoundError: of the two Parquet files only the other part's is there.
        ImportError: pyarrow is not installed.
        InputError: the reviews are damaged, or can't be downloaded.
        OSError: the cache can't be written.
    """
    if any((place / "imdb" / f"{name}.parquet").is_file() for place in roots() for name in ("train", "test")):
        return _read_parquet(_imdb_file(part))
    places = [place for root in roots() for place in (root / "imdb", root)] + [Path()]
    for place in places:
        if (tree := place / _IMDB_TREE).is_dir():
            _say_source(tree)
            return _imdb_part(folders.open_folder(tree), part)
    for place in places:
        if (archive := place / _IMDB_ARCHIVE).is_file():
            _say_source(archive)
            return _read_parquet(_converted(archive) / f"{part}.parquet")
    return _read_parquet(_cached_or_downloaded() / f"{part}.parquet")


def imdb_for_keras() -> KerasFiles:
    """The reviews as Keras encodes its own: a word is its rank by frequency in the training part, from 1.

    Words are split as by Keras' Tokenizer; test words which training lacks are left out. The files stay in
    `~/.cache/gatewright` (or under `$XDG_CACHE_HOME`), and are made again when the reviews change.

    Raises:
        FileNotFoundError: the Parquet files are not in `$GATEWRIGHT_DATA/imdb`; no other source is tried.
        ImportError, ValueError, OSError: as `imdb`.
    """
    kept = cache()
    stem = f"imdb-{_fingerprint(_imdb_file('train'), _imdb_file('test'))}"
    files = KerasFiles(kept / f"{stem}.npz", kept / f"{stem}-word-index.json")
    if not (files.arrays.exists() and files.word_index.exists()):
        _encode_imdb(files)
    return files


def _imdb_file(part: str) -> Path:
    path = folder("imdb") / f"{part}.parquet"
    if not path.is_file():
        raise FileNotFoundError(f"{path} is not there: the data set imdb is train.parquet and test.parquet.")
    return path


@functools.cache
def _say_source(path: Path) -> None:
    """Say, once, where the reviews come from."""
    say(f"imdb is read from {path}.")


def _imdb_part(tree: folders.Tree, part: str) -> Part:
    if set(tree.parts) != {"train", "test"} or {file[-2] for file in tree.parts[part]} != set(_IMDB_LABELS):
        raise InputError(f"{tree.where} is not the data set imdb: train/ and test/ in it must hold neg/ and pos/.")
    labels, texts = zip(*folders.rows(tree, part), strict=True)
    return Part(list(texts), np.array([_IMDB_LABELS[label] for label in labels], np.int64))


def _read_parquet(path: Path) -> Part:
    texts, labels = columns(path, "text", "label")
    try:
        return Part(texts, np.array(labels).astype(np.int64))
    except ValueError:
        raise _wrong(path, ("text", "label")) from None


def _wrong(path: Path, names: tuple[str, ...]) -> InputError:
    what = f"columns {' and '.join(names)}, both" if len(names) > 1 else f"column {names[0]},"
    return InputError(f"{path} is not a parquet file with the {what} without gaps.")


def _converted(archive: Path) -> Path:
    """The folder of the archive's Parquet files, in the cache; made if it is not there."""
    with archive.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    cached = _imdb_cache(sha256)
    if not _is_whole(cached):
        _convert(archive, cached)
    return cached


def _cached_or_downloaded() -> Path:
    """The folder of the published archive's Parquet files, in the cache; downloaded if it is not there."""
    cached = _imdb_cache(_IMDB_SHA256)
    if not _is_whole(cached):
        library(cached)  # a download in vain would be a pity
        say(f"imdb is downloaded from {_IMDB_URL}.")
        otherwise = f"put {_IMDB_ARCHIVE} into a folder by hand and set GATEWRIGHT_DATA to that folder"
        with tempfile.TemporaryDirectory(prefix=".imdb-", dir=cache()) as folder:
            archive = Path(folder) / _IMDB_ARCHIVE
            download(_IMDB_URL, archive, _IMDB_SHA256, _IMDB_BYTES, otherwise)
            _convert(archive, cached)
    _say_source(cached)
    return cached


def _imdb_cache(sha256: str) -> Path:
    """Where the Parquet files of the archive with this checksum are kept."""
    return cache() / ("imdb" if sha256 == _IMDB_SHA256 else f"imdb-{sha256[:16]}")


def _is_whole(folder: Path) -> bool:
    return all((folder / f"{part}.parquet").is_file() for part in ("train", "test"))


def _convert(archive: Path, folder: Path) -> None:
    pyarrow = library(archive)
    tree = folders.open_archive(archive)
    parts = {part: _imdb_part(tree, part) for part in ("train", "test")}
    folder.mkdir(exist_ok=True)
    for part, rows in parts.items():
        table = pyarrow.table({"text": rows.texts, "label": rows.labels})
        with atomically(folder / f"{part}.parquet") as path:
            pyarrow.parquet.write_table(table, path)


def _fingerprint(*paths: Path) -> str:
    digest = hashlib.sha256(_ENCODING.encode())
    for path in paths:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _encode_imdb(files: KerasFiles) -> None:
    train, test = imdb("train"), imdb("test")
    total = len(train.texts) + len(test.texts)
    seen: defaultdict[str, int] = defaultdict()
    seen.default_factory = seen.__len__  # a new word gets the next number
    rows = [[seen[word] for word in words] for words in split_words(train.texts, 0, total)]
    ranks = _ranks(np.bincount(np.concatenate(rows).astype(np.intp), minlength=len(seen)))
    index = dict(zip(seen, ranks.tolist(), strict=True))
    x_train = [ranks[row].tolist() for row in rows]
    tested = split_words(test.texts, len(train.texts), total)
    x_test = [[index[word] for word in words if word in index] for words in tested]
    with atomically(files.word_index) as path:
        ordered = sorted(index.items(), key=itemgetter(1))
        path.write_text(json.dumps(dict(ordered)), encoding="utf-8")
    with atomically(files.arrays) as path:
        np.savez(path, x_train=_ragged(x_train), y_train=train.labels, x_test=_ragged(x_test), y_test=test.labels)


def _ranks(counts: np.ndarray) -> np.ndarray:
    """The rank of each word, from 1; among equals the first seen is first, as with Keras' Tokenizer."""
    ranks = np.empty(len(counts), np.int64)
    ranks[np.argsort(-counts, kind="stable")] = np.arange(1, len(counts) + 1)
    return ranks


def _ragged(rows: list[list[int]]) -> np.ndarray:
    array = np.empty(len(rows), dtype=object)
    for index, row in enumerate(rows):  # array[:] = rows fails where all rows are equally long
        array[index] = row
    return array
