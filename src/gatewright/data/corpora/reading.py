"""Read corpora of transcribed speech, by name and from folders and tables."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gatewright.data.corpora import named
from gatewright.data.corpora.corpus import SPLITS, Corpus, Found, Utterance, checked, held_out_by
from gatewright.data.corpora.folders import read_folder
from gatewright.data.corpora.tables import Columns, read_table_of_recordings, refuse_columns
from gatewright.data.split import refuse_second
from gatewright.support.errors import InputError, as_input_errors, nearest

NAMED = (named.AN4,)
"""The named corpora, read from `$GATEWRIGHT_DATA`."""


@as_input_errors()
def read_corpus(
    data: str, options: Mapping[str, Any], validation: str | None = None, test: str | None = None
) -> Corpus:
    """Read a corpus of transcribed speech.

    Args:
        data: The name of a corpus, a folder or a table.
        options: The columns of tables: `audio`, `text`, `speaker` and `header`, which may be missing; see
            `tables.Columns`.
        validation, test: Data of the same kinds for a split.

    Raises:
        InputError: The data cannot be read or used, or has a split that is also given.
    """
    found = _find(data, options, "DATA")
    splits, notes = dict(found.splits), list(found.notes)
    if "train" not in splits:
        raise InputError(f"{data} has only a {' and a '.join(splits)} set. Give data with a training set.")
    own: Sequence[str]
    for split, given in (("validation", validation), ("test", test)):
        if given is None:
            continue
        refuse_second(data, split, splits.get(split), given)
        splits[split], own = _only_split(given, options, f"--{split}")
        notes += own
    name, usable = corpus_name(data), {}
    for split in SPLITS:
        if split in splits:
            title = name if len(splits) == 1 else f"the {split}{'ing' * (split == 'train')} set of {name}"
            usable[split], own = checked(title, splits[split])
            notes += own
    return Corpus(
        name,
        usable["train"],
        usable.get("validation"),
        usable.get("test"),
        tuple(dict.fromkeys(notes)),
        held_out_by(usable),
    )


@as_input_errors()
def read_utterances(data: str, options: Mapping[str, Any]) -> tuple[list[Utterance], tuple[str, ...]]:
    """Return the utterances to evaluate a model, and notes about them.

    They are the test set of data that has one, and otherwise all utterances.

    Args:
        data, options: See `read_corpus`.

    Raises:
        InputError: The data cannot be read or used.
    """
    found = _find(data, options, "DATA")
    name = corpus_name(data)
    if "test" in found.splits:
        utterances, notes = checked(f"the test set of {name}", found.splits["test"])
    else:
        utterances, notes = checked(name, [one for split in found.splits.values() for one in split])
    return utterances, (*found.notes, *notes)


def corpus_name(data: str) -> str:
    """Return the name of a corpus for results: its own, or the last part of a path."""
    return data if data in NAMED else os.path.basename(os.path.abspath(data))


def has_test_set(data: str) -> bool:
    """Return True if the utterances that `read_utterances` returns are the test set of a named corpus."""
    return data in NAMED


def _find(data: str, options: Mapping[str, Any], flag: str) -> Found:
    """Return the utterances of each split of the data that was given with a flag."""
    path, columns = Path(data), Columns.of(options, "text")
    if data in NAMED:
        refuse_columns(data, columns)
        return named.read_an4()
    if data and path.is_dir():
        return read_folder(path, columns)
    if data and path.is_file():
        return read_table_of_recordings(path, columns)
    raise InputError(
        f"{flag} must be {', '.join(NAMED)}, a folder or a table of recordings with transcripts, but there is no "
        f"{data!r}{nearest(data, NAMED)}"
    )


def _only_split(given: str, options: Mapping[str, Any], flag: str) -> tuple[list[Utterance], tuple[str, ...]]:
    """Return the utterances of data for one split, and notes."""
    found = _find(given, options, flag)
    if len(found.splits) > 1:
        raise InputError(f"{flag} {given} has the splits {', '.join(found.splits)}. Give the data of one split.")
    return next(iter(found.splits.values())), found.notes
