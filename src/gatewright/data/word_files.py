"""Read the word index or vocabulary of a Keras model from the file that a notebook saved.

The kinds of files:

- a JSON object with the id of each word, such as `json.dump(tokenizer.word_index, file)`;
- `tokenizer.to_json()` of Keras' `Tokenizer`;
- a text file with a token in each line, as written from `TextVectorization.get_vocabulary()`.
"""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from gatewright.data import public
from gatewright.data.keras_words import (
    SPLIT,
    STANDARDIZE,
    TOKENIZER_FILTERS,
    KerasEncoder,
    KerasVocabulary,
    KerasWords,
)
from gatewright.support.errors import InputError
from gatewright.support.schema import shown

IMDB = "imdb"
"""The name that stands for the word index of `keras.datasets.imdb`."""
_IMDB_FILE = "imdb_word_index.json"
# `keras.datasets.imdb.load_data` adds 3 to each rank, starts each review with 1, and replaces rare words by 2.
_IMDB_OFFSET, _IMDB_START, _IMDB_UNKNOWN = 3, 1, 2
_MAX_BYTES = 1 << 28
# Names that a word index of Keras' examples has for the ids that are not those of words.
_STARTS = ("<START>", "<start>", "[START]")
_UNKNOWNS = ("<UNK>", "<unk>", "<OOV>", "<oov>", "[UNK]", "UNK", "OOV")
_PADS = ("<PAD>", "<pad>", "[PAD]", "")


class Words(NamedTuple):
    """An encoder that was read, and sentences about how."""

    encoder: KerasEncoder
    notes: tuple[str, ...]


def read_words(source: str | os.PathLike[str] | Mapping[str, int] | Sequence[str], size: int) -> Words:
    """Return the encoder of a network.

    Args:
        source: "imdb"; the path of a file; a word index; or a vocabulary, as `get_vocabulary` returns it.
        size: The number of ids that the network's embedding has. Words with larger ids are unknown.

    Raises:
        InputError: The words cannot be read.
    """
    if isinstance(source, Mapping):
        return _word_index(dict(source), "The word index", size)
    if not isinstance(source, str | os.PathLike):
        return _vocabulary(list(source), "The vocabulary", size)
    if os.fspath(source) == IMDB:
        path, notes = _imdb_word_index()
        words = _imdb(_parsed(path, _content(path)), str(path), size)
        return words._replace(notes=(*notes, *words.notes))
    path = Path(source)
    content = _content(path)
    if path.name == _IMDB_FILE:
        return _imdb(_parsed(path, content), str(path), size)
    if content.lstrip().startswith(("{", '"{')):
        return _from_json(_parsed(path, content), str(path), size)
    return _vocabulary(content.removesuffix("\n").split("\n"), str(path), size)


def vocabulary_of(config: Mapping[str, Any], name: str, size: int) -> Words | None:
    """Return the encoder of a `TextVectorization` layer, or None if its configuration has no vocabulary.

    Args:
        config: The configuration of the layer.
        name: The name of the layer, for error messages.
        size: The number of ids that the network's embedding has.

    Raises:
        InputError: The layer has options that cannot be expressed.
    """
    standardize, split = (config.get(key) or "none" for key in ("standardize", "split"))
    for key, value, allowed in (("standardize", standardize, STANDARDIZE), ("split", split, SPLIT)):
        if value not in allowed:
            raise InputError(
                f"Layer {name!r} has {key}={shown(value)}, which cannot be imported: apply TextVectorization outside "
                "the model, and give --words the file of a word index."
            )
    for key, value in (("output_mode", "int"), ("ngrams", None)):
        if config.get(key, value) != value:
            raise InputError(
                f"Layer {name!r} has {key}={shown(config[key])}, but only sequences of single words can be imported."
            )
    vocabulary = config.get("vocabulary")
    if not isinstance(vocabulary, list):
        return None
    return _vocabulary(vocabulary, f"Layer {name!r}", size, standardize, split)


def _imdb_word_index() -> tuple[Path, tuple[str, ...]]:
    """Return the path of the word index and notes: the file that Keras downloaded, or one made from the reviews."""
    for folder in public.keras_folders():
        if (folder / _IMDB_FILE).is_file():
            return folder / _IMDB_FILE, ()
    try:
        made = public.imdb_for_keras().word_index
        note = (
            "The word index of imdb was made from the reviews in $GATEWRIGHT_DATA, as for programs under `gatewright "
            f"run`. Its ids are not those of Keras' own file: for a model that was trained on it, give {_IMDB_FILE}."
        )
        return made, (note,)
    except (FileNotFoundError, ImportError):
        raise InputError(
            f"The word index of imdb is not in {public.keras_folders()[0]}: run "
            f"keras.datasets.imdb.get_word_index() once, or give --words the path of {_IMDB_FILE}."
        ) from None


def _content(path: Path) -> str:
    try:
        size = path.stat().st_size
        if size > _MAX_BYTES:
            raise InputError(f"{path} has {size:,} bytes, but a file of words has at most {_MAX_BYTES:,}.")
        return path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise InputError(f"{path} is not text in UTF-8: save the word index as JSON, or a word on each line.") from None
    except (OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        why = getattr(error, "strerror", None) or "it is not the name of a file"
        raise InputError(
            f"--words {path} cannot be read ({why}): give imdb, or the file of a word index or a vocabulary."
        ) from None


def _parsed(path: Path, content: str) -> Any:
    try:
        found = json.loads(content)
        # `json.dump(tokenizer.to_json(), file)` writes a JSON text inside of a JSON text.
        return json.loads(found) if isinstance(found, str) else found
    except (ValueError, RecursionError):
        raise InputError(f"{path} is not valid JSON: write the word index again with json.dump.") from None


def _imdb(index: Any, name: str, size: int) -> Words:
    words, _ = _checked(index, name)
    shifted = {word: rank + _IMDB_OFFSET for word, rank in words.items()}
    return Words(KerasWords(_below(shifted, size), size, _IMDB_UNKNOWN, _IMDB_START), _left_out(shifted, size))


def _from_json(found: Any, name: str, size: int) -> Words:
    if not isinstance(found, dict):
        raise InputError(f"{name} must be a JSON object with the id of each word, or from tokenizer.to_json().")
    if found.get("class_name") == "Tokenizer" and isinstance(found.get("config"), dict):
        return _tokenizer(found["config"], name, size)
    return _word_index(found, name, size)


def _tokenizer(config: dict[str, Any], name: str, size: int) -> Words:
    """Return the encoder of `Tokenizer.texts_to_sequences`."""
    index = config.get("word_index")
    if isinstance(index, str):
        index = _parsed(Path(name), index)
    words, _ = _checked(index, name)
    filters, split = config.get("filters", TOKENIZER_FILTERS) or "", config.get("split", " ")
    oov, limit = config.get("oov_token"), config.get("num_words")
    if not isinstance(filters, str) or not isinstance(split, str) or not split or config.get("analyzer") is not None:
        raise InputError(
            f"{name} has filters, a split or an analyzer that cannot be imported: write its word_index with json.dump, "
            "and give that file with --words."
        )
    if limit is not None and (type(limit) is not int or limit < 0):
        raise InputError(f"{name} is damaged: its num_words is {shown(limit)}. Write tokenizer.to_json() again.")
    if oov is not None and (not isinstance(oov, str) or oov not in words):
        raise InputError(
            f"{name} is damaged: its oov_token {shown(oov)} is not in its word_index. Write tokenizer.to_json() again."
        )
    used = {word: number for word, number in words.items() if not limit or number < limit}
    unknown = None if oov is None else words[oov]
    if unknown is not None and unknown >= size:
        raise InputError(
            f"{name} has the id {unknown:,} for unknown words, but the embedding has {size:,} rows: give the words of "
            "this model."
        )
    encoder = KerasWords(
        _below(used, size),
        size,
        unknown,
        filters=filters,
        lower=bool(config.get("lower", True)),
        split=split,
        characters=bool(config.get("char_level")),
    )
    return Words(encoder, _left_out(used, size))


def _word_index(index: dict[str, Any], name: str, size: int) -> Words:
    """Return the encoder of a plain word index. Ids that are not those of words are recognized by their names."""
    words, reserved = _checked(index, name)
    start = next((words[token] for token in _STARTS if token in words), None)
    unknown = next((words[token] for token in _UNKNOWNS if token in words), None)
    if max(start or 0, unknown or 0) >= size:
        raise InputError(
            f"{name} has an id for the start of texts or for unknown words that the embedding does not have, with its "
            f"{size:,} rows: give the words of this model."
        )
    known = {word: number for word, number in words.items() if number not in (reserved, start)}
    notes = [f"{name} has the ids of words as the network reads them"]
    if unknown is None:
        notes.append("words that it does not have are left out, as by Keras' Tokenizer")
    else:
        notes.append(f"words that it does not have get the id {unknown}")
    if start is not None:
        notes.append(f"each text starts with the id {start}")
    lower = all(word == word.lower() for word in known if word not in (*_STARTS, *_UNKNOWNS))
    if not lower:
        notes.append("texts are not converted to lower case")
    encoder = KerasWords(_below(known, size), size, unknown, start, lower=lower)
    return Words(encoder, (f"{'; '.join(notes)}.", *_left_out(known, size)))


def _vocabulary(
    tokens: list[Any], name: str, size: int, standardize: str = STANDARDIZE[0], split: str = SPLIT[0]
) -> Words:
    """Return the encoder of a vocabulary with or without the two reserved tokens of `TextVectorization`."""
    if not all(isinstance(token, str) for token in tokens):
        raise InputError(f"{name} has a token that is not a text: write the vocabulary of get_vocabulary() again.")
    if len(tokens) > 1 and tokens[-1] == "":  # a line break at the end
        tokens = tokens[:-1]
    if tokens[:1] == [""]:
        tokens = tokens[1:]
    if tokens[:1] == ["[UNK]"]:
        tokens = tokens[1:]
    if not tokens or len(set(tokens)) < len(tokens) or "" in tokens:
        problem = "has no tokens" if not tokens else "has an empty or repeated token"
        raise InputError(f"{name} {problem}: write the list of get_vocabulary() with one token on each line.")
    index = {token: number for number, token in enumerate(tokens, 2)}
    encoder = KerasVocabulary(tuple(tokens[: max(0, size - 2)]), size, standardize, split)
    return Words(encoder, _left_out(index, size))


def _checked(index: Any, name: str) -> tuple[dict[str, int], int | None]:
    """Return a word index, and the id of padding if a name stands for it.

    Raises:
        InputError: It is not an object with a positive whole number for each word.
    """
    if not isinstance(index, dict) or not index:
        raise InputError(f"{name} must have the id of each word, as in tokenizer.word_index.")
    for word, number in index.items():
        if type(number) is not int or number < 0 or not isinstance(word, str):
            raise InputError(
                f"{name} has {shown(number)} as the id of {shown(word)}, but ids are whole numbers from 0. If it has "
                "the word of each id, write word_index instead of index_word."
            )
    return index, next((index[token] for token in _PADS if token in index), None)


def _below(words: Mapping[str, int], size: int) -> dict[str, int]:
    return {word: number for word, number in words.items() if number < size}


def _left_out(words: Mapping[str, int], size: int) -> tuple[str, ...]:
    above = sum(number >= size for number in words.values())
    if not above:
        return ()
    return (
        f"{above:,} of {len(words):,} words have ids that the embedding, with {size:,} rows, does not have: they "
        "are unknown.",
    )
