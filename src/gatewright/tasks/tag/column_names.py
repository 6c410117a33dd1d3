"""Recognize the columns of words, tags and sentences by the names that are usual for them."""

import re
from collections.abc import Sequence

_WORDS = ("word", "words", "token", "tokens", "form", "forms", "tokentext", "wordform")
# Words in the cells of one row per sentence. A column "sentence" or "text" next to one of `_WORDS` is something else.
_TEXTS = ("sentence", "sentences", "text", "texts")
_SENTENCES = (
    *("sentence#", "#sentence", "sentenceid", "sentenceno", "sentencenumber", "sentenceindex", "sentenceidx"),
    *("sentid", "sentno", "sentidx", "sentnum", "sent#", "sent", "idsentence", "sentencenum", "sid"),
)
# The first row that has a name wins: data with parts of speech and names is mostly used for the names.
_TAGS = (
    ("nertags", "nertag", "ner", "nerlabels", "nerlabel", "nes", "ne"),
    ("tags", "tag", "labels", "label", "slots", "slot", "slottags", "bio", "iob", "biotags", "iobtags", "bioes"),
    ("pos", "postags", "postag", "upos", "upostag", "cpostag", "xpos", "partofspeech"),
    ("chunktags", "chunktag", "chunk", "chunks"),
)


def _normalized(name: str) -> str:
    return re.sub(r"[\s_.\-]+", "", name.casefold())


def word_columns(names: Sequence[str]) -> list[int]:
    """Return the positions of the columns whose names are usual for words, such as Token."""
    normalized = [_normalized(name) for name in names]
    return [place for place, name in enumerate(normalized) if name in _WORDS] or text_columns(names)


def text_columns(names: Sequence[str]) -> list[int]:
    """Return the positions of the columns whose names are usual for whole sentences, such as Sentence."""
    return [place for place, name in enumerate(names) if _normalized(name) in _TEXTS]


def tag_columns(names: Sequence[str]) -> list[int]:
    """Return the positions of the columns with names for the tags, if there are several only the most usual ones."""
    normalized = [_normalized(name) for name in names]
    for usual in _TAGS:
        if found := [place for place, name in enumerate(normalized) if name in usual]:
            return found
    return []


def sentence_columns(names: Sequence[str]) -> list[int]:
    """Return the positions of the columns whose names are usual for the numbers of sentences, such as sent_id."""
    normalized = [_normalized(name) for name in names]
    if found := [place for place, name in enumerate(normalized) if name in _SENTENCES]:
        return found
    has_words = any(name in _WORDS for name in normalized)
    return [place for place, name in enumerate(normalized) if has_words and name == "sentence"]


def is_header(fields: Sequence[str]) -> bool:
    """Return True if the fields are names of columns: one of words, and one of tags or sentences."""
    return bool(word_columns(fields)) and bool(tag_columns(fields) or sentence_columns(fields))
