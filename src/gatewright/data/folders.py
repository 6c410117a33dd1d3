"""Texts as files, mostly a folder for each class: on disk, or in a .tar.gz archive, which is never unpacked."""

import gzip
import os
import tarfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from gatewright.support.data_progress import Progress, say
from gatewright.support.errors import InputError

_PARTS = ("train", "test")
# aclImdb's folder of reviews without a label.
_UNLABELLED = "unsup"
# Files that matter are at most train/class/file; one level more is looked at to say what is wrong with it.
_DEEPEST = 4

# The names on the way from the root to a file, the file's own included.
File = tuple[str, ...]


class Row(NamedTuple):
    """A text and the name of the folder that it is in."""

    label: str
    text: str


class Tree(NamedTuple):
    """Where text files are, and which.

    Attributes:
        where: the folder or archive.
        parts: the files of `train` and of `test`; or of `""`, where there is no such division. Sorted.
        read: gives a file's bytes.
    """

    where: Path
    parts: dict[str, list[File]]
    read: Callable[[File], bytes]


def open_folder(root: Path) -> Tree:
    """The text files under `root`: class/file, or train/class/file and test/class/file. Hidden ones are ignored.

    The folder unsup, which in aclImdb holds texts without a label, is left out, and so are files outside class folders.

    Raises:
        InputError: the folders are not of this form, or can't be read.
    """
    files = []
    try:
        for folder, folders, names in os.walk(root, onerror=_raise, followlinks=True):
            above = Path(folder).relative_to(root).parts
            folders[:] = [name for name in folders if len(above) + 1 < _DEEPEST and _wanted((*above, name, ""))]
            files += [(*above, name) for name in names if _wanted((*above, name))]
    except OSError as error:
        raise InputError(f"{root} can't be read ({error.strerror}): make it readable.") from None
    return Tree(root, _parts(root, files), lambda file: root.joinpath(*file).read_bytes())


def all_files(root: Path) -> list[Path]:
    """The files under `root`, at any depth, in alphabetical order. Hidden ones, and links to folders, are ignored.

    Raises:
        InputError: a folder can't be read.
    """
    found: list[Path] = []
    try:
        for folder, folders, names in os.walk(root, onerror=_raise):
            folders[:] = [name for name in folders if not name.startswith(".")]
            found += [Path(folder, name) for name in names if not name.startswith(".")]
    except OSError as error:
        raise InputError(f"{root} can't be read ({error.strerror}): make it readable.") from None
    return sorted(found)


def open_archive(path: Path) -> Tree:
    """The text files in a .tar.gz archive, arranged as for `open_folder`, inside one folder or not; all are read.

    Raises:
        InputError: it is no such archive, is damaged, or its folders are not of this form.
    """
    try:
        contents = _contents(path)
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        raise InputError(
            f"{path} can't be read as a .tar.gz archive ({error}): it may have been cut short, so fetch it again."
        ) from None
    contents = _without_top(contents)
    return Tree(path, _parts(path, list(contents)), contents.__getitem__)


def rows(tree: Tree, part: str) -> list[Row]:
    """The texts of one part, sorted by class, then by file name.

    Raises:
        InputError: a file is not UTF-8, or can't be read.
    """
    files, progress = tree.parts[part], Progress()
    found = []
    for file in files:
        found.append(Row(file[-2], _text(tree, file)))
        if progress.due():
            say(f"{len(found):,} of {len(files):,} texts of {tree.where} are read.")
    return found


def _text(tree: Tree, file: File) -> str:
    name = "/".join(file)
    try:
        return tree.read(file).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{name} in {tree.where} is not UTF-8: save it as UTF-8.") from None
    except OSError as error:
        raise InputError(f"{name} in {tree.where} can't be read ({error.strerror}): make it readable.") from None


def _contents(path: Path) -> dict[File, bytes]:
    contents: dict[File, bytes] = {}
    progress = Progress()
    # tarfile's own gzip stream would take an archive that was cut short for a whole one.
    with gzip.open(path) as whole, tarfile.open(fileobj=whole, mode="r|") as archive:
        for member in archive:
            file = tuple(name for name in member.name.split("/") if name not in ("", "."))
            if member.isfile() and _wanted(file):
                stream = archive.extractfile(member)
                assert stream is not None  # as for every regular file
                contents[file] = stream.read()
            if progress.due():
                say(f"{len(contents):,} texts of {path} are read.")
        while whole.read(1 << 20):  # to its end, where the checksum is
            pass
    return contents


def _without_top(contents: dict[File, bytes]) -> dict[File, bytes]:
    """The same without the folders that all files are in, down to the class folders or train/ and test/."""
    while contents:
        tops = {file[0] for file in contents}
        if len(tops) > 1 or tops <= set(_PARTS) or max(map(len, contents)) <= 2:
            break
        contents = {file[1:]: data for file, data in contents.items()}
    return contents


def _wanted(file: File) -> bool:
    return _UNLABELLED not in file[:-1] and not any(name.startswith(".") for name in file)


def _parts(where: Path, files: list[File]) -> dict[str, list[File]]:
    """The files by part, sorted; only those in class folders."""
    divided = {part: [file for file in files if file[0] == part and len(file) > 2] for part in _PARTS}
    if not any(divided.values()):
        return {"": _classes(where, [file for file in files if len(file) > 1], 2)}
    for part, other in (_PARTS, _PARTS[::-1]):
        if not divided[other]:
            raise InputError(
                f"{where} has {part}/ but no {other}/ with texts by class: add it, "
                f"or give the folder {part} alone, whose rows are then divided."
            )
    return {part: _classes(where, chosen, 3) for part, chosen in divided.items()}


def _classes(where: Path, files: list[File], depth: int) -> list[File]:
    classes = {file[depth - 2] for file in files}
    if not classes - set(_PARTS):
        raise InputError(
            f"{where} has no texts by class: it must hold a folder of text files for each class, "
            "or train/ and test/ with such folders."
        )
    for file in files:
        if len(file) > depth:
            folder = "/".join(file[: depth - 1])
            raise InputError(
                f"{folder}/ in {where} holds the folder {file[depth - 1]}: put the texts of a class directly "
                "into its folder."
            )
    for name in classes:
        if not name.isprintable():
            raise InputError(f"{where} has a class folder with the name {name!r}: rename it, with printable letters.")
    return sorted(files)


def _raise(error: OSError) -> None:
    raise error
