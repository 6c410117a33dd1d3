"""Read CoNLL-U, the format of Universal Dependencies, version 2."""

import re
from collections.abc import Sequence
from pathlib import Path

from gatewright.support.errors import InputError, OptionError, nearest
from gatewright.tasks.tag.sentences import ColumnChoice, SentenceBuilder, Split

COLUMNS = {"upos": 3, "xpos": 4, "feats": 5, "deprel": 7}
"""The positions of the columns that can be the tags."""

_WORD_COLUMNS = {"form": 1, "lemma": 2}
_FIELDS = 10
_WORD = re.compile(r"[1-9][0-9]*")
RANGE_OR_EMPTY_NODE = re.compile(r"[0-9]+[-.][0-9]+")
"""The numbers of multiword tokens and of empty nodes, which are not words."""


def read_conllu(path: Path, lines: Sequence[str], columns: ColumnChoice) -> Split:
    """Return the sentences of a CoNLL-U file. Multiword tokens and empty nodes are skipped.

    Raises:
        InputError: A line does not fit the format, or the column of the tags does not exist or has no values.
    """
    name, word = columns.tag or "upos", columns.word or "form"
    for option, given, allowed in (("column", name, COLUMNS), ("word_column", word, _WORD_COLUMNS)):
        if given not in allowed:
            choices = f"{', '.join(map(repr, allowed))}, not {given!r}{nearest(given, list(allowed))}"
            raise OptionError(f"--{option.replace('_', '-')} of a .conllu file must be one of {choices}", option)
    if columns.sentence is not None:
        raise OptionError(
            f"--sentence {columns.sentence} does not apply to {path}: sentences of CoNLL-U end at blank lines. Leave "
            "--sentence out.",
            "sentence",
            is_missing=False,
        )
    builder, has_tags = SentenceBuilder(), False
    for number, content in enumerate(lines, 1):
        line = content.removeprefix("\ufeff")  # a byte-order mark, which joined files have in the middle
        if line.startswith("#"):
            continue
        if not line.strip():
            builder.end_sentence()
            continue
        fields = line.split("\t")
        if len(fields) != _FIELDS:
            raise InputError(
                f"{path}, line {number} has {len(fields)} fields, but a line of CoNLL-U has {_FIELDS} fields separated "
                "by tabs. Fix the line, or rename the file if it is a column file."
            )
        if RANGE_OR_EMPTY_NODE.fullmatch(fields[0]):
            continue
        if not _WORD.fullmatch(fields[0]) or not fields[_WORD_COLUMNS[word]]:
            raise InputError(f"{path}, line {number} does not start with a number and a word. Fix the line.")
        tag = (fields[COLUMNS[name]] or "_") if columns.tagged else ""
        has_tags |= tag != "_"
        builder.add(fields[_WORD_COLUMNS[word]], tag)
    sentences = builder.sentences()
    # _ stands for an unknown value, but in feats for a word without features.
    if name != "feats" and sentences.words and not has_tags:
        raise InputError(f"{path} has no {name}: every field of that column is _. Choose another --column.")
    return Split(sentences, counted=builder.counted)
