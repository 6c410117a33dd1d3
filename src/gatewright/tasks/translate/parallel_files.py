"""Find and read two files that have one sentence on each line: line N of one is the translation of line N of the other.

The names of the files are a stem and the two languages, such as `train.en` and `train.de`, with a further suffix if
they are compressed.
"""

from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple

from gatewright.data import files
from gatewright.support.errors import InputError, OptionError
from gatewright.support.files import is_same_file
from gatewright.tasks.translate.alignment import find_shift

_FILES_SHOWN = 8


class Sides(NamedTuple):
    """The source and target sentences of a data set as they were read, with those that are empty.

    Attributes:
        name: The data, for notes.
        source, target: The sentences, [pairs] each.
        numbers: The number of the line or row of each pair, from 1.
        unit: "line" or "row", which `numbers` count.
        notes: Sentences for reports about what was assumed.
    """

    name: str
    source: Sequence[str]
    target: Sequence[str]
    numbers: Sequence[int]
    unit: str
    notes: tuple[str, ...] = ()


def has_file(stem: str, language: str) -> bool:
    """Return True if a file with this stem and this language exists, such as `train.en` or `train.en.gz`."""
    return bool(files.stem_files(stem, [language]))


def read_stem(stem: str, source: str, target: str) -> Sides:
    """Read the two files of a stem.

    Raises:
        InputError: A file is missing or cannot be read, both are the same file, or their numbers of lines differ.
    """
    paths, notes = [], []
    for option, language in {"source": source, "target": target}.items():
        found = files.stem_files(stem, [language])
        if not found:
            raise missing_file(stem, option, language)
        paths.append(found[0])
        notes += [f"{found[0]} was read, not {other.name}." for other in found[1:]]
    if is_same_file(*paths):
        raise InputError(f"{paths[0]} and {paths[1]} are the same file. Give a file for each language.")
    read = [read_lines(path) for path in paths]
    lines = [own for own, _ in read]
    if len(lines[0]) != len(lines[1]):
        raise _unequal(paths, lines)
    notes += [note for _, note in read if note]
    return Sides(stem, lines[0], lines[1], range(1, len(lines[0]) + 1), "line", tuple(notes))


def read_lines(path: Path) -> tuple[list[str], str]:
    """Return the lines of a file, and a note on its encoding, which may be empty.

    Raises:
        InputError: The file cannot be read, or is not text.
    """
    decoded = files.read_text(path, keep_nul=True)
    return split_lines(decoded.text), decoded.note


def split_lines(text: str) -> list[str]:
    r"""Return the lines of a text. Only \n and \r\n end a line.

    Unlike `str.splitlines`, this keeps form feeds, U+2028 and other characters, which stand inside sentences.
    """
    if not text:
        return []
    return [line.removesuffix("\r") for line in text.removesuffix("\n").split("\n")]


def missing_file(stem: str, option: str, language: str) -> OptionError:
    """Return the error for a language without a file."""
    path = Path(stem)
    wanted = f"--{option} {language} needs the file {stem}.{language} (or {stem}.{language}.gz), which does not exist"
    if not path.parent.is_dir():
        return OptionError(f"{wanted}: there is no folder {path.parent}. Correct the path.", option)
    others = sorted(one.name for one in path.parent.iterdir() if one.name.startswith(f"{path.name}."))
    listed = ", ".join(others[:_FILES_SHOWN]) + (", ..." if len(others) > _FILES_SHOWN else "")
    there = f"There are {listed}" if len(others) > 1 else f"There is only {listed}"
    return OptionError(f"{wanted}. {there}. Choose a language with --{option}.", option)


def _unequal(paths: Sequence[Path], lines: Sequence[Sequence[str]]) -> InputError:
    """Return the error for files with different numbers of lines."""
    counts = [len(own) for own in lines]
    fewer, more = sorted((0, 1), key=counts.__getitem__)
    extra = counts[more] - counts[fewer]
    hint = ""
    if len(list(takewhile(lambda line: not line.strip(), reversed(lines[more])))) >= extra:
        hint = (
            f" The end of {paths[more].name} is empty: remove its last {'line' if extra == 1 else f'{extra:,} lines'}."
        )
    elif shift := find_shift(*(own[: counts[fewer]] for own in lines)):
        hint = f" By the lengths of the lines, they do not match from about line {shift.first:,} on."
    return InputError(
        f"{paths[0]} has {counts[0]:,} lines, but {paths[1]} has {counts[1]:,}. Each line needs its translation on the "
        f"same line of the other file.{hint}"
    )
