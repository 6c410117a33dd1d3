"""Named public data sets, read from `$GATEWRIGHT_DATA` (one folder a set).

Set `imdb`: the Large Movie Review data (Maas et al. 2011), `train.parquet` and `test.parquet` with the
columns `text` and `label` (1 is a good review). Both parts are sorted by label; 123 training texts recur in
the test part.
"""

import hashlib
import json
import os
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

import numpy as np

from gatewright.files import atomically

# What Keras' Tokenizer takes for a gap between words. It is all ASCII, so text can be split as UTF-8 bytes,
# several times as fast.
_GAPS = b'!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n'
_TO_SPACE = bytes.maketrans(_GAPS, b" " * len(_GAPS))
# Part of the cache files' names; to be raised when the encoding changes.
_ENCODING = "1"


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


def imdb(part: str) -> Part:
    """The movie reviews of one part, `train` or `test`, and their labels.

    Raises:
        FileNotFoundError: the data set is not there.
        ImportError: pyarrow is not installed.
        ValueError: the file has not the columns text and label.
    """
    path = _imdb_file(part)
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise ImportError(f"reading {path} needs pyarrow: pip install 'gatewright[train]'") from None
    try:
        table = pyarrow.parquet.read_table(path, columns=["text", "label"])
        return Part(table.column("text").to_pylist(), table.column("label").to_numpy().astype(np.int64))
    except (pyarrow.ArrowException, KeyError):
        raise ValueError(f"{path} is not a parquet file with the columns text and label.") from None


def imdb_for_keras() -> KerasFiles:
    """The reviews as Keras encodes its own: a word is its rank by frequency in the training part, from 1.

    Words are split as by Keras' Tokenizer; test words which training lacks are left out. The files stay in
    `~/.cache/gatewright` (or under `$XDG_CACHE_HOME`), and are made again when the reviews change.

    Raises:
        FileNotFoundError, ImportError, ValueError: as `imdb`.
        OSError: the cache can't be written.
    """
    cache = _cache()
    stem = f"imdb-{_fingerprint(_imdb_file('train'), _imdb_file('test'))}"
    files = KerasFiles(cache / f"{stem}.npz", cache / f"{stem}-word-index.json")
    if not (files.arrays.exists() and files.word_index.exists()):
        _encode_imdb(files)
    return files


def _imdb_file(part: str) -> Path:
    path = folder("imdb") / f"{part}.parquet"
    if not path.is_file():
        raise FileNotFoundError(f"{path} is not there: the data set imdb is train.parquet and test.parquet.")
    return path


def _cache() -> Path:
    path = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "gatewright"
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        sentence = f"{path} can't be written ({error.strerror}): set XDG_CACHE_HOME to a folder of your own."
        raise OSError(sentence) from None
    return path


def _fingerprint(*paths: Path) -> str:
    digest = hashlib.sha256(_ENCODING.encode())
    for path in paths:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _encode_imdb(files: KerasFiles) -> None:
    train, test = imdb("train"), imdb("test")
    total = len(train.texts) + len(test.texts)
    seen: defaultdict[bytes, int] = defaultdict()
    seen.default_factory = seen.__len__  # a new word gets the next number
    rows = [[seen[word] for word in words] for words in _split(train.texts, 0, total)]
    ranks = _ranks(np.bincount(np.concatenate(rows).astype(np.intp), minlength=len(seen)))
    index = dict(zip(seen, ranks.tolist(), strict=True))
    x_train = [ranks[row].tolist() for row in rows]
    tested = _split(test.texts, len(train.texts), total)
    x_test = [[index[word] for word in words if word in index] for words in tested]
    with atomically(files.word_index) as path:
        ordered = sorted(index.items(), key=itemgetter(1))
        path.write_text(json.dumps({word.decode(): rank for word, rank in ordered}), encoding="utf-8")
    with atomically(files.arrays) as path:
        np.savez(path, x_train=_ragged(x_train), y_train=train.labels, x_test=_ragged(x_test), y_test=test.labels)


def _ranks(counts: np.ndarray) -> np.ndarray:
    """The rank of each word, from 1; among equals the first seen is first, as with Keras' Tokenizer."""
    ranks = np.empty(len(counts), np.int64)
    ranks[np.argsort(-counts, kind="stable")] = np.arange(1, len(counts) + 1)
    return ranks


def _split(texts: list[str], done: int, total: int) -> Iterator[list[bytes]]:
    """The words of each text; says once in two seconds on stderr how many are `done` of `total`."""
    say = time.monotonic() + 2
    for text in texts:
        yield [word for word in text.lower().encode().translate(_TO_SPACE).split(b" ") if word]
        done += 1
        if time.monotonic() > say:
            print(f"gatewright: {done:,} of {total:,} reviews are encoded", file=sys.stderr)
            say = time.monotonic() + 2


def _ragged(rows: list[list[int]]) -> np.ndarray:
    array = np.empty(len(rows), dtype=object)
    for index, row in enumerate(rows):  # array[:] = rows fails where all rows are equally long
        array[index] = row
    return array
