"""Named corpora, read from `$GATEWRIGHT_DATA` (one folder a set).

Corpus `shakespeare`: `shakespeare/input.txt`, 1,115,394 characters of plays as Karpathy's char-rnn has them; else from
the cache, or downloaded into it. Corpus `ptb`: the Penn Treebank's words as Mikolov prepared them, the files
`ptb.train.txt`, `ptb.valid.txt` and `ptb.test.txt` in `ptb/`, or each as .xz. Corpus `imdb-unlabelled`: the texts of
`imdb/train.parquet` and of `imdb/unsup.parquet` that are not in `imdb/test.parquet`.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from gatewright.data import plain, public
from gatewright.data.download import download
from gatewright.support.data_progress import say
from gatewright.support.errors import InputError, require_one_of

CORPORA = ("shakespeare", "ptb", "imdb-unlabelled")

_SHAKESPEARE_URL = "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt"
_SHAKESPEARE_BYTES = 1_115_394
_SHAKESPEARE_SHA256 = "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"
# Characters for training, nine in ten as nanoGPT divides the text, and for validation.
_SHAKESPEARE_PARTS = (1_003_854, 111_540)


class Corpus(NamedTuple):
    """Texts for a language model. A part is None where the corpus has none; `notes` are sentences for its reader."""

    name: str
    train: list[str]
    validation: list[str] | None = None
    test: list[str] | None = None
    notes: tuple[str, ...] = ()


def corpus(name: str) -> Corpus:
    """One of the named corpora, `shakespeare`, `ptb` or `imdb-unlabelled`.

    Raises:
        ImportError: pyarrow, which reads imdb, is not installed.
        InputError: there is no such corpus, its files are not there or are damaged, or it can't be downloaded.
        OSError: the cache can't be written.
    """
    require_one_of("a named corpus", name, CORPORA)
    return {"shakespeare": _shakespeare, "ptb": _ptb, "imdb-unlabelled": _imdb_unlabelled}[name]()


def _shakespeare() -> Corpus:
    path = _shakespeare_file()
    text = plain.read(path)
    if len(text) != sum(_SHAKESPEARE_PARTS):
        raise InputError(
            f"{path} must have the {sum(_SHAKESPEARE_PARTS):,} characters of shakespeare and has {len(text):,}: "
            f"remove it, or put there what {_SHAKESPEARE_URL} holds."
        )
    train, validation = _SHAKESPEARE_PARTS
    note = (
        "shakespeare has no test part of its own: without another, what is reported is its validation part, the last "
        f"{validation:,} characters."
    )
    return Corpus("shakespeare", [text[:train]], [text[train:]], None, (note,))


def _shakespeare_file() -> Path:
    for root in public.roots():
        if (path := root / "shakespeare" / "input.txt").is_file():
            return path
    path = public.cache() / "shakespeare" / "input.txt"
    if not path.is_file():
        say(f"shakespeare is downloaded from {_SHAKESPEARE_URL}.")
        otherwise = (
            "put input.txt into a folder shakespeare by hand and set GATEWRIGHT_DATA to the folder that holds it"
        )
        path.parent.mkdir(exist_ok=True)
        download(_SHAKESPEARE_URL, path, _SHAKESPEARE_SHA256, _SHAKESPEARE_BYTES, otherwise)
    return path


def _ptb() -> Corpus:
    names = [f"ptb.{part}.txt" for part in ("train", "valid", "test")]
    train, validation, test = ([plain.read(path)] for path in _files("ptb", "ptb", names, ".xz"))
    return Corpus("ptb", train, validation, test)


def _imdb_unlabelled() -> Corpus:
    paths = _files("imdb-unlabelled", "imdb", ["train.parquet", "unsup.parquet", "test.parquet"])
    train, unlabelled, test = (public.columns(path, "text")[0] for path in paths)
    tested = set(test)
    kept = [[text for text in texts if text not in tested] for texts in (train, unlabelled)]
    left_out = [len(texts) - len(rest) for texts, rest in zip((train, unlabelled), kept, strict=True)]
    note = (
        f"{left_out[0]:,} training and {left_out[1]:,} unlabelled texts of imdb occur in its test part, letter for "
        "letter, and were left out."
    )
    return Corpus("imdb-unlabelled", kept[0] + kept[1], notes=(note,))


def _files(corpus: str, folder: str, names: Sequence[str], suffix: str = "") -> list[Path]:
    """The files of a corpus that is not downloaded, each of which may have `suffix` at its end."""
    wanted = f"{', '.join(names[:-1])} and {names[-1]}" + (f" (or each as {suffix})" if suffix else "")
    remedy = f"put {wanted} into a folder {folder} and set GATEWRIGHT_DATA to the folder that holds it."
    found = []
    for name in names:
        places = [root / folder / one for root in public.roots() for one in dict.fromkeys((name, name + suffix))]
        there = [path for path in places if path.is_file()]
        if not there:
            why = f"{places[0]} is not there" if places else "GATEWRIGHT_DATA is not set"
            raise InputError(f"{corpus} is not downloaded, and {why}: {remedy}")
        found.append(there[0])
    return found
