"""Read named corpora from `$GATEWRIGHT_DATA`, which has a folder for each corpus.

`shakespeare` is `shakespeare/input.txt`, 1,115,394 characters of plays from Karpathy's char-rnn. It is read from
`$GATEWRIGHT_DATA` or the cache, or downloaded. `ptb` is the Penn Treebank as prepared by Mikolov, the files
`ptb.train.txt`, `ptb.valid.txt` and `ptb.test.txt` in `ptb/`, which may be compressed (.xz). `imdb-unlabelled` is the
texts of `imdb/train.parquet` and `imdb/unsup.parquet` that are not in `imdb/test.parquet`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from gatewright.data import plain, public
from gatewright.data.download import download
from gatewright.support.cache_folder import cache_folder
from gatewright.support.errors import InputError, require_one_of
from gatewright.support.progress import print_status

CORPORA = ("shakespeare", "ptb", "imdb-unlabelled")

_SHAKESPEARE_URL = "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt"
_SHAKESPEARE_BYTES = 1_115_394
_SHAKESPEARE_SHA256 = "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"
# The characters for training (nine tenths, as in nanoGPT) and for validation.
_SHAKESPEARE_SPLITS = (1_003_854, 111_540)


class Corpus(NamedTuple):
    """The texts of a corpus, by split.

    Attributes:
        name: The name shown to the user.
        train, validation, test: The texts of each split, or None if the corpus has no such split.
        notes: Sentences shown to the user.
        found: The column of the texts, by the name of its option, if it was found in a table.
    """

    name: str
    train: list[str]
    validation: list[str] | None = None
    test: list[str] | None = None
    notes: tuple[str, ...] = ()
    found: Mapping[str, str] = {}  # never changed


def corpus(name: str) -> Corpus:
    """Read one of the named corpora, `shakespeare`, `ptb` or `imdb-unlabelled`.

    Raises:
        ImportError: Pyarrow, which reads imdb, is not installed.
        InputError: There is no such corpus, its files are missing or damaged, or it cannot be downloaded.
        OSError: The cache cannot be written.
    """
    require_one_of("A named corpus", name, CORPORA)
    return {"shakespeare": _shakespeare, "ptb": _ptb, "imdb-unlabelled": _imdb_unlabelled}[name]()


def _shakespeare() -> Corpus:
    path = _shakespeare_file()
    text = plain.read(path)
    if len(text) != sum(_SHAKESPEARE_SPLITS):
        raise InputError(
            f"{path} must have the {sum(_SHAKESPEARE_SPLITS):,} characters of shakespeare, not {len(text):,}. "
            f"Remove it, or replace it by {_SHAKESPEARE_URL}."
        )
    train, validation = _SHAKESPEARE_SPLITS
    note = (
        "shakespeare has no test set. Unless you give one, the results are those of its validation set, the last "
        f"{validation:,} characters."
    )
    return Corpus("shakespeare", [text[:train]], [text[train:]], None, (note,))


def _shakespeare_file() -> Path:
    for root in public.roots():
        if (path := root / "shakespeare" / "input.txt").is_file():
            return path
    path = cache_folder() / "shakespeare" / "input.txt"
    if not path.is_file():
        print_status(f"shakespeare is downloaded from {_SHAKESPEARE_URL}.")
        remedy = (
            "Put input.txt into a folder shakespeare by hand and set GATEWRIGHT_DATA to the folder that contains it."
        )
        path.parent.mkdir(exist_ok=True)
        download(_SHAKESPEARE_URL, path, _SHAKESPEARE_SHA256, _SHAKESPEARE_BYTES, remedy)
    return path


def _ptb() -> Corpus:
    names = [f"ptb.{split}.txt" for split in ("train", "valid", "test")]
    paths = public.named_files("ptb", "ptb", names, suffixes=(".xz",))
    train, validation, test = ([plain.read(path)] for path in paths)
    return Corpus("ptb", train, validation, test)


def _imdb_unlabelled() -> Corpus:
    paths = public.named_files("imdb-unlabelled", "imdb", ["train.parquet", "unsup.parquet", "test.parquet"])
    train, unlabelled, test = (public.parquet_columns(path, "text")[0] for path in paths)
    test_texts = set(test)
    kept = [[text for text in texts if text not in test_texts] for texts in (train, unlabelled)]
    left_out = [len(texts) - len(rest) for texts, rest in zip((train, unlabelled), kept, strict=True)]
    note = (
        f"{left_out[0]:,} training and {left_out[1]:,} unlabelled texts of imdb occur, letter for letter, in its test "
        "set and were left out."
    )
    return Corpus("imdb-unlabelled", kept[0] + kept[1], notes=(note,))
