"""Read sentences and their translations from two files, from a table, or from the named set `multi30k`.

`multi30k` (Elliott et al. 2016) has English and German captions of pictures, in the files NAME.en and NAME.de of its
parts train, val, test_2016_flickr and test_2017_flickr.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from gatewright.data import files, public
from gatewright.data.limits import read_all
from gatewright.data.split import refuse_second
from gatewright.data.texts import refuse_table_options
from gatewright.support.errors import InputError, OptionError, as_input_errors, nearest
from gatewright.support.progress import print_status
from gatewright.tasks.base.splitting import limit_note
from gatewright.tasks.base.task import Splits
from gatewright.tasks.translate.checks import check_sides, note_repeated, note_shared, note_swapped
from gatewright.tasks.translate.pair_tables import read_column, read_pair_table
from gatewright.tasks.translate.parallel_files import (
    Sides,
    has_file,
    missing_file,
    read_lines,
    read_stem,
    split_lines,
)
from gatewright.tasks.translate.sentences import Pairs
from gatewright.tasks.translate.splitting import hold_out, sample

NAMED = "multi30k"
"""The named set, read from `$GATEWRIGHT_DATA`. A name such as `multi30k/val` stands for one of its parts."""

_LANGUAGES = ("en", "de")
_TRAIN, _VALIDATION, _TEST = "train", "val", "test_2016_flickr"
_URL = "https://github.com/multi30k/dataset (data/task1/raw)"
_SHOWN = 8


class _Options(NamedTuple):
    """The options of the data: the languages or columns, and the place of the column names of a table."""

    source: str
    target: str
    header: str | None


@as_input_errors()
def read_translations(
    data: str,
    options: Mapping[str, Any],
    validation: str | None = None,
    test: str | None = None,
    limit: int | None = None,
) -> Splits[Pairs]:
    """Read the training, validation and test pairs.

    Pairs of which a sentence is empty are left out. A split that is not given is set aside; see `splitting.hold_out`.

    Args:
        data: `multi30k`; the stem of two files, such as `train` for `train.en` and `train.de`, which may be compressed;
            or a table with a sentence and its translation in each row.
        options: `source` and `target`, the languages at the end of the files' names, or the names or numbers of a
            table's columns; and, for tables, `header`, which may be missing.
        validation, test: Data of the same kind for a split, or a part of `multi30k` such as
            `multi30k/test_2017_flickr`.
        limit: Use at most so many training pairs, and at most so many test pairs.

    Raises:
        InputError: The data cannot be read or used.
    """
    chosen = _options(data, options)
    given = _splits_of(data, validation, test)
    read: dict[str, Pairs] = {}
    notes: list[str] = []
    for split, place in given.items():
        read[split], own = _read(place, chosen, "DATA" if split == "train" else f"--{split}")
        notes += own
    name, train = data_name(data), read["train"]
    if "test" not in read:
        train, read["test"], note = hold_out(name, train, "test")
        notes.append(note)
    if limit is not None:
        train, read["test"] = sample(train, limit), sample(read["test"], limit)
        notes.append(limit_note(limit, "pairs"))
    if "validation" not in read:
        train, read["validation"], note = hold_out(name, train, "validation")
        notes.append(note)
    notes += note_repeated(train)
    for split in ("validation", "test"):
        notes += (*note_shared(train, read[split], split), *note_swapped(train, read[split], split))
    return Splits(
        name, train, read["validation"], read["test"], tuple(dict.fromkeys(notes)), held_out="test" not in given
    )


@as_input_errors()
def read_pairs(data: str, options: Mapping[str, Any], limit: int | None = None) -> tuple[Pairs, tuple[str, ...]]:
    """Read pairs to evaluate a model, and notes about them. For `multi30k`, these are its test pairs of 2016.

    Args:
        data, options: As for `read_translations`.
        limit: Use only so many pairs, from the beginning.

    Raises:
        InputError: The data cannot be read or used.
    """
    pairs, notes = _read(f"{NAMED}/{_TEST}" if data == NAMED else data, _options(data, options), "DATA")
    return pairs.take(range(len(pairs))[:limit]), notes


@as_input_errors()
def read_sources(file: str, options: Mapping[str, Any]) -> list[str]:
    """Read the sentences to translate, and print notes about them. Empty lines are empty sentences.

    Args:
        file: A file with one sentence on each line, which may be compressed; a table with a sentence in each row; or
            `-` for lines on standard input.
        options: For a table, `source`, the name or number of the column of the sentences, and `header`, which may be
            missing.

    Raises:
        InputError: The file cannot be read, or is empty.
    """
    path = Path(file)
    notes: tuple[str, ...]
    if file == "-":
        content = read_all(sys.stdin.buffer, "Standard input")
        decoded = files.decode(content, "Standard input", keep_nul=True)
        sentences, notes = split_lines(decoded.text), (decoded.note,)
    elif file == "" or not path.exists() or path.is_dir():
        problem = "is a folder" if file and path.is_dir() else "does not exist"
        raise InputError(
            f"--file must be a text file with a sentence on each line, a table, or - for standard input, but {file!r} "
            f"{problem}."
        )
    elif files.is_table(path):
        sentences, notes = read_column(path, _text_of(options, "source", file), options.get("header"))
    else:
        sentences, note = read_lines(path)
        notes = (note,)
    for note in filter(None, notes):
        print_status(note)
    if not sentences:
        raise InputError(f"{'Standard input' if file == '-' else file} has no sentences: it is empty.")
    return sentences


def data_name(data: str) -> str:
    """Return the name of a data set for results: that of a named set or its part, or the last part of a path."""
    return data if data == NAMED or data.startswith(f"{NAMED}/") else os.path.basename(os.path.abspath(data))


def has_test_set(data: str) -> bool:
    """Return True if the pairs that `read_pairs` returns are the test set of a named set."""
    return data == NAMED


def _options(data: str, options: Mapping[str, Any]) -> _Options:
    """Return the options of the data.

    Raises:
        InputError: A language is missing, or both are the same.
    """
    source, target = (_text_of(options, name, data) for name in ("source", "target"))
    if source == target:
        raise InputError(f"--source and --target are both {source!r}. Give two languages.")
    return _Options(source, target, options.get("header"))


def _text_of(options: Mapping[str, Any], name: str, data: str) -> str:
    value = options.get(name)
    if isinstance(value, bool) or not isinstance(value, str | int | None):
        raise InputError(f"{name} must be a language such as en, or the name or number of a column, not {value!r}.")
    if value is None or not str(value).strip():
        raise InputError(
            f"{data} needs --source and --target: the languages at the end of the names of two files, such as en and "
            f"de, or the names or numbers of two columns of a table. --{name} is missing."
        )
    return str(value)


def _splits_of(data: str, validation: str | None, test: str | None) -> dict[str, str]:
    """Return the place of the data of each split that is given, with the names of the splits as keys.

    Raises:
        InputError: The named set has this split.
    """
    given = {"train": data, "validation": validation, "test": test}
    if data == NAMED:
        if validation is not None:
            refuse_second(NAMED, "validation", _VALIDATION, validation)
        if test is not None and not test.startswith(f"{NAMED}/"):
            raise InputError(
                f"{NAMED} has its own test set. Leave --test {test} out, or name another part, such as --test "
                f"{NAMED}/test_2017_flickr."
            )
        given = {
            "train": f"{NAMED}/{_TRAIN}",
            "validation": f"{NAMED}/{_VALIDATION}",
            "test": test or f"{NAMED}/{_TEST}",
        }
    return {split: place for split, place in given.items() if place is not None}


def _read(given: str, options: _Options, flag: str) -> tuple[Pairs, tuple[str, ...]]:
    """Return the pairs in the data `given` with the option `flag`, and notes.

    Raises:
        InputError: The data cannot be read or used.
    """
    return check_sides(_sides(given, options, flag))


def _sides(given: str, options: _Options, flag: str) -> Sides:
    languages = options[:2]
    if given and any(has_file(given, language) for language in languages):
        refuse_table_options(given, None, options.header)
        return read_stem(given, *languages)
    if given.startswith(f"{NAMED}/"):
        refuse_table_options(given, None, options.header)
        return _read_part(given, *languages)
    path = Path(given)
    if given and path.is_file():
        for language in languages:
            if not files.is_table(path) and files.inner_name(path).endswith(f".{language.lower()}"):
                stem = str(path)[: str(path).lower().rindex(f".{language.lower()}")]
                raise InputError(f"{flag} {given} is one of two files. Give what their names have in common, {stem}.")
        return read_pair_table(path, *options)
    raise _not_found(given, languages, flag)


def _read_part(name: str, source: str, target: str) -> Sides:
    """Read a part of the named set.

    Raises:
        InputError: There is no such part, a file is missing, or the set does not have a language.
    """
    for option, language in {"source": source, "target": target}.items():
        if language not in _LANGUAGES:
            raise OptionError(
                f"{NAMED} has the languages {' and '.join(_LANGUAGES)}, not {language!r}. Give --{option} one of them.",
                option,
            )
    part = name.removeprefix(f"{NAMED}/")
    parts = sorted({stem for root in public.roots() for stem in _stems(root / NAMED, source, target)})
    if parts and part not in parts:
        raise InputError(f"{NAMED} has no part {part!r}. It has {', '.join(parts)}{nearest(part, parts)}")
    wanted = [f"{part}.{language}" for language in (source, target)]
    found = public.named_files(NAMED, NAMED, wanted, f" from {_URL}", (".gz",))
    return read_stem(str(found[0].parent / part), source, target)._replace(name=name)


def _stems(folder: Path, *languages: str) -> list[str]:
    """Return the stems of the files in a folder that exist for all languages."""
    if not folder.is_dir():
        return []
    names = [path.stem if files.is_compressed(path) else path.name for path in folder.iterdir() if path.is_file()]
    stems = [{name.removesuffix(f".{one}") for name in names if name.endswith(f".{one}")} for one in languages]
    return sorted(set.intersection(*stems))


def _not_found(given: str, languages: Sequence[str], flag: str) -> InputError:
    """Return the error for data that is neither two files nor a table."""
    path = Path(given)
    if given and path.is_dir():
        stems = _stems(path, *languages)
        example = str(path / (stems[0] if stems else "train"))
        listed = f" It has {', '.join(stems[:_SHOWN])}{', ...' * (len(stems) > _SHOWN)}." if stems else ""
        return InputError(
            f"{flag} {given} is a folder.{listed} Give what the names of two files have in common, such as {example} "
            f"for {example}.{languages[0]} and {example}.{languages[1]}."
        )
    if given and path.parent.is_dir() and any(one.name.startswith(f"{path.name}.") for one in path.parent.iterdir()):
        return missing_file(given, "source", languages[0])
    named = f"{NAMED}, " if flag == "DATA" else ""
    return InputError(
        f"{flag} must be {named}the stem of two files (train for train.{languages[0]} and train.{languages[1]}), or a "
        f"table, but there is no {given!r}{nearest(given, [NAMED] * (flag == 'DATA'))}"
    )
