"""Find the files of public data sets, which users choose by name, and read the data set `imdb`.

The environment variable `GATEWRIGHT_DATA` is the path of a folder that contains a folder for each data set.

`imdb` is the Large Movie Review data set (Maas et al. 2011). It is read from the files `train.parquet` and
`test.parquet` with the columns `text` and `label` (1 for a positive review), or from the folder `aclImdb` or the
archive `aclImdb_v1.tar.gz`, as published by the authors. Both splits are sorted by label. 123 training texts also
occur in the test set.
"""

import functools
import hashlib
import json
import os
import sys
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from operator import itemgetter
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from gatewright.data import folders
from gatewright.data.parquet import read_parquet
from gatewright.data.text import keras_words
from gatewright.support.cache_folder import cache_folder
from gatewright.support.errors import InputError
from gatewright.support.files import atomically
from gatewright.support.progress import print_status, with_progress

# Part of the names of cached files. Increase it when the encoding changes.
_ENCODING_VERSION = "1"

_IMDB_TREE = "aclImdb"
_IMDB_ARCHIVE = "aclImdb_v1.tar.gz"
_IMDB_URL = f"https://ai.stanford.edu/~amaas/data/sentiment/{_IMDB_ARCHIVE}"
# Size and checksum of the archive, as TensorFlow Datasets records them.
_IMDB_BYTES = 84_125_825
_IMDB_SHA256 = "c40f74a18d3b61f90feba1e17730e0d38e8b97c05fde7008942e91923d1658fe"
_IMDB_LABELS = {"neg": 0, "pos": 1}


class LabelledTexts(NamedTuple):
    """One split of a text data set: the texts and the integer label of each text, [texts]."""

    texts: list[str]
    labels: np.ndarray


class KerasFiles(NamedTuple):
    """The two files from which Keras loads imdb.

    Attributes:
        arrays: The .npz archive of the encoded reviews and their labels.
        word_index: The JSON file with the frequency rank of each word.
    """

    arrays: Path
    word_index: Path


def folder(name: str) -> Path:
    """Return the folder of the data set `name` in `$GATEWRIGHT_DATA`.

    Raises:
        FileNotFoundError: `$GATEWRIGHT_DATA` is not set or has no such folder.
    """
    root = os.environ.get("GATEWRIGHT_DATA")
    if not root:
        raise FileNotFoundError(f"GATEWRIGHT_DATA is not set. Set it to the folder that contains {name}/.")
    path = Path(os.path.expanduser(root)) / name
    if not path.is_dir():
        raise FileNotFoundError(f"GATEWRIGHT_DATA={root} has no folder {name}/. Put the data set there.")
    return path


def roots() -> list[Path]:
    """Return a list with the folder `$GATEWRIGHT_DATA`, or an empty list if the variable is not set."""
    root = os.environ.get("GATEWRIGHT_DATA")
    return [Path(os.path.expanduser(root))] if root else []


def named_files(
    name: str, folder: str, files: Sequence[str], source: str = "", suffixes: Sequence[str] = ()
) -> list[Path]:
    """Return the paths of a data set's files in `$GATEWRIGHT_DATA`, in the order of `files`. Download nothing.

    Args:
        name: The name of the data set.
        folder: The name of the data set's folder in `$GATEWRIGHT_DATA`.
        files: The names of the files.
        source: Where the user can get the files; follows the file names in the error message.
        suffixes: The suffixes, such as ".gz", that compressed files may have after their names.

    Raises:
        InputError: `$GATEWRIGHT_DATA` is not set, or a file is missing.
    """
    compressed = f" (or each as {' or '.join(suffixes)})" if suffixes else ""
    listed = " and ".join(filter(None, (", ".join(files[:-1]), files[-1])))
    found = []
    for file in files:
        candidates = [root / folder / (file + suffix) for root in roots() for suffix in ("", *suffixes)]
        existing = [path for path in candidates if path.is_file()]
        if not existing:
            raise not_found(name, candidates, f"{listed}{compressed}{source}", folder)
        found.append(existing[0])
    return found


def not_found(name: str, candidates: Sequence[Path], contents: str, folder: str) -> InputError:
    """Return the error for a data set whose files are not in `$GATEWRIGHT_DATA`.

    Args:
        name: The name of the data set.
        candidates: The paths that were tried.
        contents: The names of the files that the user must put into the folder.
        folder: The name of the data set's folder in `$GATEWRIGHT_DATA`.
    """
    reason = f"{candidates[0]} does not exist" if candidates else "GATEWRIGHT_DATA is not set"
    return InputError(
        f"{name} cannot be downloaded automatically, and {reason}. Put {contents} into a folder {folder} and set "
        "GATEWRIGHT_DATA to the folder that contains it."
    )


def import_pyarrow(path: Path) -> ModuleType:
    """Import pyarrow and pyarrow.parquet, and return pyarrow. The error message contains `path`, the file to read.

    Raises:
        ImportError: pyarrow is not installed. The extra `train` installs it.
    """
    try:
        import pyarrow.parquet  # noqa: F401
    except ModuleNotFoundError:  # an ImportError would mean that it is installed, but does not load
        raise ImportError(f"Reading {path} needs pyarrow: pip install 'gatewright[train]'.") from None
    return sys.modules["pyarrow"]


def parquet_columns(path: Path, *names: str) -> list[list[Any]]:
    """Return a list of values for each of the named columns of a Parquet file, in the order of `names`.

    Raises:
        ImportError: pyarrow is not installed.
        InputError: The file is not a Parquet file, or a column or a value is missing.
    """
    import_pyarrow(path)
    try:
        table = read_parquet(path)
        found = [table.column(name).to_pylist() for name in names]
    except (KeyError, OSError, ValueError):
        raise _wrong(path, names) from None
    if any(None in column for column in found):
        raise _wrong(path, names)
    return found


def imdb(split: str) -> LabelledTexts:
    """Return the movie reviews of one split, "train" or "test", with the labels 0 (negative) and 1 (positive).

    The reviews are read from the first of these sources that exists:

    1. the two Parquet files in `$GATEWRIGHT_DATA/imdb`;
    2. the folder aclImdb in `$GATEWRIGHT_DATA/imdb`, in `$GATEWRIGHT_DATA` or in the working folder;
    3. the archive aclImdb_v1.tar.gz in one of these three locations;
    4. the cached reviews of an earlier download;
    5. the archive on the authors' website, which is downloaded.

    Reviews from an archive are cached as Parquet files.

    Raises:
        FileNotFoundError: Only the Parquet file of the other split exists.
        ImportError: pyarrow is not installed.
        InputError: The files of the reviews are damaged, or cannot be downloaded.
        OSError: The cache cannot be written.
    """
    if any((place / "imdb" / f"{name}.parquet").is_file() for place in roots() for name in ("train", "test")):
        return _read_parquet(_imdb_file(split))
    places = [place for root in roots() for place in (root / "imdb", root)] + [Path()]
    for place in places:
        if (tree := place / _IMDB_TREE).is_dir():
            _print_source(tree)
            return _imdb_split(folders.open_folder(tree), split)
    for place in places:
        if (archive := place / _IMDB_ARCHIVE).is_file():
            _print_source(archive)
            return _read_parquet(_converted(archive) / f"{split}.parquet")
    return _read_parquet(_cached_or_downloaded() / f"{split}.parquet")


def imdb_for_keras() -> KerasFiles:
    """Write files like Keras' imdb files, which contain the encoded reviews, and return their paths.

    Each word is encoded as its frequency rank in the training set: the most frequent word is 1. Texts are split into
    words as by Keras' Tokenizer. Words that occur only in the test set are left out. The files are cached in
    `~/.cache/gatewright` (or in `$XDG_CACHE_HOME/gatewright`). They are replaced if the reviews have changed.

    Raises:
        FileNotFoundError: The Parquet files are not in `$GATEWRIGHT_DATA/imdb`. No other source is tried.
        ImportError, ValueError, OSError: As for `imdb`.
    """
    cached = cache_folder()
    stem = f"imdb-{_fingerprint(_imdb_file('train'), _imdb_file('test'))}"
    files = KerasFiles(cached / f"{stem}.npz", cached / f"{stem}-word-index.json")
    if not (files.arrays.exists() and files.word_index.exists()):
        _encode_imdb(files)
    return files


def keras_folders() -> list[Path]:
    """Return the folder where Keras stores data sets, and the folder that Keras uses if the first is not writable."""
    home = Path(os.environ.get("KERAS_HOME") or "~/.keras").expanduser()
    fallback = "/tmp" if os.path.isdir("/tmp") else tempfile.gettempdir()
    return [home / "datasets", Path(fallback, ".keras", "datasets")]


def _imdb_file(split: str) -> Path:
    path = folder("imdb") / f"{split}.parquet"
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist. The data set imdb needs train.parquet and test.parquet.")
    return path


@functools.cache
def _print_source(path: Path) -> None:
    """Print that the reviews are read from `path`. Do nothing if this was already printed for the same path."""
    print_status(f"imdb is read from {path}.")


def _imdb_split(tree: folders.Tree, split: str) -> LabelledTexts:
    if set(tree.splits) != {"train", "test"} or {file[-2] for file in tree.splits[split]} != set(_IMDB_LABELS):
        raise InputError(f"{tree.root} is not the data set imdb. Its train/ and test/ must contain neg/ and pos/.")
    labels, texts = zip(*folders.read_split(tree, split).texts, strict=True)
    return LabelledTexts(list(texts), np.array([_IMDB_LABELS[label] for label in labels], np.int64))


def _read_parquet(path: Path) -> LabelledTexts:
    texts, labels = parquet_columns(path, "text", "label")
    try:
        return LabelledTexts(texts, np.array(labels).astype(np.int64))
    except ValueError:
        raise _wrong(path, ("text", "label")) from None


def _wrong(path: Path, names: tuple[str, ...]) -> InputError:
    columns = f"the columns {' and '.join(names)}" if len(names) > 1 else f"the column {names[0]}"
    return InputError(f"{path} must be a Parquet file with {columns} and without missing values. Download it again.")


def _converted(archive: Path) -> Path:
    """Convert an archive to Parquet files in the cache, unless they exist, and return the folder that contains them."""
    with archive.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    cached = _imdb_cache(sha256)
    if not _is_whole(cached):
        _convert(archive, cached)
    return cached


def _cached_or_downloaded() -> Path:
    """Return the cache folder with the Parquet files. If they do not exist, download and convert the archive."""
    from gatewright.data.download import download

    cached = _imdb_cache(_IMDB_SHA256)
    if not _is_whole(cached):
        import_pyarrow(cached)  # fails before a long download
        print_status(f"imdb is downloaded from {_IMDB_URL}.")
        remedy = f"Put {_IMDB_ARCHIVE} into a folder by hand and set GATEWRIGHT_DATA to that folder."
        with tempfile.TemporaryDirectory(prefix=".imdb-", dir=cache_folder()) as folder:
            archive = Path(folder) / _IMDB_ARCHIVE
            download(_IMDB_URL, archive, _IMDB_SHA256, _IMDB_BYTES, remedy)
            _convert(archive, cached)
    _print_source(cached)
    return cached


def _imdb_cache(sha256: str) -> Path:
    """Return the cache folder for the Parquet files made from the archive with the checksum `sha256`."""
    return cache_folder() / ("imdb" if sha256 == _IMDB_SHA256 else f"imdb-{sha256[:16]}")


def _is_whole(folder: Path) -> bool:
    return all((folder / f"{split}.parquet").is_file() for split in ("train", "test"))


def _convert(archive: Path, folder: Path) -> None:
    pyarrow = import_pyarrow(archive)
    tree = folders.open_archive(archive)
    splits = {split: _imdb_split(tree, split) for split in ("train", "test")}
    folder.mkdir(exist_ok=True)
    for split, reviews in splits.items():
        table = pyarrow.table({"text": reviews.texts, "label": reviews.labels})
        with atomically(folder / f"{split}.parquet") as path:
            pyarrow.parquet.write_table(table, path)


def _fingerprint(*paths: Path) -> str:
    digest = hashlib.sha256(_ENCODING_VERSION.encode())
    for path in paths:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _encode_imdb(files: KerasFiles) -> None:
    train, test = imdb("train"), imdb("test")
    numbers: defaultdict[str, int] = defaultdict()
    numbers.default_factory = numbers.__len__  # a new word gets the next number
    train_words = map(keras_words, with_progress(train.texts, "training texts split into words"))
    train_rows = [[numbers[word] for word in words] for words in train_words]
    ranks = _ranks(np.bincount(np.concatenate(train_rows).astype(np.intp), minlength=len(numbers)))
    index = dict(zip(numbers, ranks.tolist(), strict=True))
    x_train = [ranks[row].tolist() for row in train_rows]
    test_words = map(keras_words, with_progress(test.texts, "test texts split into words"))
    x_test = [[index[word] for word in words if word in index] for words in test_words]
    with atomically(files.word_index) as path:
        path.write_text(json.dumps(dict(sorted(index.items(), key=itemgetter(1)))), encoding="utf-8")
    with atomically(files.arrays) as path:
        np.savez(path, x_train=_ragged(x_train), y_train=train.labels, x_test=_ragged(x_test), y_test=test.labels)


def _ranks(counts: np.ndarray) -> np.ndarray:
    """Return the frequency rank of each word, [words]. `counts` has the number of occurrences of each word, [words].

    The most frequent word has rank 1. Equally frequent words keep their order, as in Keras' Tokenizer.
    """
    ranks = np.empty(len(counts), np.int64)
    ranks[np.argsort(-counts, kind="stable")] = np.arange(1, len(counts) + 1)
    return ranks


def _ragged(rows: list[list[int]]) -> np.ndarray:
    array = np.empty(len(rows), dtype=object)
    for index, row in enumerate(rows):  # array[:] = rows fails if all rows have the same length
        array[index] = row
    return array
