"""Read labelled texts from folders on disk or in a .tar.gz archive. Each class has a folder that contains text files.

Archives are read without unpacking them to disk.
"""

import gzip
import os
import tarfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from gatewright.support.errors import InputError
from gatewright.support.progress import Ticker, print_status, with_progress

_SPLITS = ("train", "test")
# The folder of unlabelled reviews in aclImdb.
_UNLABELLED = "unsup"
# The deepest files are train/class/file. One more level is read, so that errors can name a folder that is too deep.
_MAX_DEPTH = 4

# The names on the path from the root to a file, including the name of the file.
File = tuple[str, ...]


class LabelledText(NamedTuple):
    """A text, and its label: the name of the folder that contains the text."""

    label: str
    text: str


class Tree(NamedTuple):
    """The text files of a folder or archive.

    Attributes:
        root: The path of the folder or archive.
        splits: The sorted files of each split, with the splits as keys. The splits are "train" and "test" if there are
            folders with these names. Otherwise the only split is "".
        read: A function that takes a file from `splits` and returns the contents of the file.
    """

    root: Path
    splits: dict[str, list[File]]
    read: Callable[[File], bytes]


def open_folder(root: Path) -> Tree:
    """List the text files in a folder with the layout class/file, or train/class/file and test/class/file.

    Hidden files, files outside class folders, and the folder unsup are ignored. In the imdb folder aclImdb, the
    folder unsup contains texts without labels.

    Raises:
        InputError: The folder has another layout, or cannot be read.
    """
    files = []
    try:
        for folder, folders, names in os.walk(root, onerror=_raise, followlinks=True):
            above = Path(folder).relative_to(root).parts
            folders[:] = [name for name in folders if len(above) + 1 < _MAX_DEPTH and _is_wanted((*above, name, ""))]
            files += [(*above, name) for name in names if _is_wanted((*above, name))]
    except OSError as error:
        raise _unreadable(root, error) from None
    return Tree(root, _splits(root, files), lambda file: root.joinpath(*file).read_bytes())


def all_files(root: Path) -> list[Path]:
    """List the files in `root` and its subfolders in alphabetical order.

    Hidden files, hidden folders and links to folders are skipped.

    Raises:
        InputError: A folder cannot be read.
    """
    found: list[Path] = []
    try:
        for folder, folders, names in os.walk(root, onerror=_raise):
            folders[:] = [name for name in folders if not name.startswith(".")]
            found += [Path(folder, name) for name in names if not name.startswith(".")]
    except OSError as error:
        raise _unreadable(root, error) from None
    return sorted(found)


def open_archive(path: Path) -> Tree:
    """Read the text files of a .tar.gz archive.

    The layout must be the same as for `open_folder`, but may be inside outer folders.

    Raises:
        InputError: The file is not a .tar.gz archive, is damaged, or has another layout.
    """
    try:
        contents = _read_archive(path)
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        raise InputError(
            f"{path} cannot be read as a .tar.gz archive ({error}). It may be incomplete, so download it again."
        ) from None
    contents = _without_outer_folders(contents)
    return Tree(path, _splits(path, list(contents)), contents.__getitem__)


def read_split(tree: Tree, split: str) -> list[LabelledText]:
    """Return the texts of one split (a key of `tree.splits`), sorted by class, then by file name.

    Raises:
        InputError: A file is not UTF-8 or cannot be read.
    """
    return [
        LabelledText(file[-2], _read_text(tree, file))
        for file in with_progress(tree.splits[split], f"texts of {tree.root} read")
    ]


def _read_text(tree: Tree, file: File) -> str:
    name = "/".join(file)
    try:
        return tree.read(file).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{name} in {tree.root} is not UTF-8. Save it as UTF-8.") from None
    except OSError as error:
        raise _unreadable(f"{name} in {tree.root}", error) from None


def _unreadable(name: object, error: OSError) -> InputError:
    return InputError(f"{name} cannot be read ({error.strerror}). Make it readable.")


def _read_archive(path: Path) -> dict[File, bytes]:
    contents: dict[File, bytes] = {}
    ticker = Ticker()
    # The gzip stream of tarfile does not notice that an archive is incomplete.
    with gzip.open(path) as whole, tarfile.open(fileobj=whole, mode="r|") as archive:
        for member in archive:
            file = tuple(name for name in member.name.split("/") if name not in ("", "."))
            stream = archive.extractfile(member) if member.isfile() and _is_wanted(file) else None
            if stream is not None:
                contents[file] = stream.read()
            if ticker.due():
                print_status(f"{len(contents):,} texts of {path} read.")
        while whole.read(1 << 20):  # up to the end, where the checksum is
            pass
    return contents


def _without_outer_folders(contents: dict[File, bytes]) -> dict[File, bytes]:
    """Remove outer folders that contain all files from the paths, so that paths begin with the split or the class."""
    while contents:
        tops = {file[0] for file in contents}
        if len(tops) > 1 or tops <= set(_SPLITS) or max(map(len, contents)) <= 2:
            break
        contents = {file[1:]: data for file, data in contents.items()}
    return contents


def _is_wanted(file: File) -> bool:
    return _UNLABELLED not in file[:-1] and not any(name.startswith(".") for name in file)


def _splits(root: Path, files: list[File]) -> dict[str, list[File]]:
    """Return the sorted files of each split, with the splits as keys. Leave out files outside class folders."""
    found = {split: [file for file in files if file[0] == split and len(file) > 2] for split in _SPLITS}
    if not any(found.values()):
        return {"": _files_of_classes(root, [file for file in files if len(file) > 1], 2)}
    for split, other in (_SPLITS, _SPLITS[::-1]):
        if not found[other]:
            raise InputError(
                f"{root} has {split}/ but no {other}/ with texts by class. Add {other}/, or give only the folder "
                f"{split}, which is then split automatically."
            )
    return {split: _files_of_classes(root, chosen, 3) for split, chosen in found.items()}


def _files_of_classes(root: Path, files: list[File], depth: int) -> list[File]:
    classes = {file[depth - 2] for file in files}
    if not classes - set(_SPLITS):
        raise InputError(
            f"{root} has no texts by class. It must contain a folder of text files for each class, "
            "or train/ and test/ with such folders."
        )
    for file in files:
        if len(file) > depth:
            folder = "/".join(file[: depth - 1])
            raise InputError(
                f"{folder}/ in {root} contains the folder {file[depth - 1]}. Put the texts of a class directly "
                "into its folder."
            )
    for name in classes:
        if not name.isprintable():
            raise InputError(f"{root} has a class folder with the unprintable name {name!r}. Rename the folder.")
    return sorted(files)


def _raise(error: OSError) -> None:
    raise error
