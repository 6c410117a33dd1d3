"""Read labelled texts from folders on disk or in a .tar.gz archive. Each class has a folder that contains text files.

Archives are read without unpacking them to disk.
"""

import gzip
import os
import re
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, NamedTuple, cast

from gatewright.data.files import Decoded, decode, open_file
from gatewright.data.foreign import one_error
from gatewright.data.headers import is_value
from gatewright.data.limits import LimitedReader, Total, read_all
from gatewright.support.errors import InputError
from gatewright.support.progress import Ticker, print_status, with_progress

_SPLITS = ("train", "test")
# Files that Windows and macOS add to folders. Other hidden files begin with a dot.
_SYSTEM_FILES = ("Thumbs.db", "desktop.ini", "Icon\r")
# Part of a file that shows whether it is a table of numbers.
_MAX_CHECKED, _LINES_CHECKED = 4_000, 20
_FIELD_END = re.compile(r"[,;\s]")
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
        notes: Sentences for reports about files that were skipped.
    """

    root: Path
    splits: dict[str, list[File]]
    read: Callable[[File], bytes | bytearray]
    notes: tuple[str, ...] = ()


def open_folder(root: Path) -> Tree:
    """List the text files in a folder with the layout class/file, or train/class/file and test/class/file.

    Hidden files, files outside class folders, and the folder unsup are ignored. In the imdb folder aclImdb, the
    folder unsup contains texts without labels.

    Raises:
        InputError: The folder has another layout, or cannot be read.
    """
    kept: list[File] = []
    special: list[Path] = []
    try:
        for folder, folders, names in os.walk(root, onerror=_raise, followlinks=True):
            above = Path(folder).relative_to(root).parts
            wanted = [name for name in folders if len(above) + 1 < _MAX_DEPTH and _is_wanted((*above, name, ""))]
            folders[:] = [name for name in wanted if not _leads_back(Path(folder), name)]
            files = [name for name in names if _is_wanted((*above, name))]
            regular = [name for name in files if Path(folder, name).is_file()]
            kept += [(*above, name) for name in regular]
            special += [Path(*above, name) for name in sorted({*wanted, *files} - {*folders, *regular})]
    except OSError as error:
        raise _unreadable(root, error) from None
    notes = (_skipped(root, special),) if special else ()
    return Tree(root, _splits(root, kept), lambda file: _read_file(root.joinpath(*file)), notes)


def all_files(root: Path) -> list[Path]:
    """List the files in `root` and its subfolders in alphabetical order.

    Hidden files, hidden folders, special files and links to folders are skipped.

    Raises:
        InputError: A folder cannot be read.
    """
    found: list[Path] = []
    try:
        for folder, folders, names in os.walk(root, onerror=_raise):
            folders[:] = [name for name in folders if not name.startswith(".")]
            found += [Path(folder, name) for name in names if _is_wanted((name,))]
    except OSError as error:
        raise _unreadable(root, error) from None
    # A FIFO, device or socket could block when it is read. A link may lead nowhere.
    if special := [path for path in found if not path.is_file()]:
        print_status(_skipped(root, special))
    return sorted(set(found) - set(special))


def open_archive(path: Path) -> Tree:
    """Read the text files of a .tar.gz archive.

    The layout must be the same as for `open_folder`, but may be inside outer folders.

    Raises:
        InputError: The file is not a .tar.gz archive, is damaged, or has another layout.
    """
    damaged = f"{path} cannot be read as a .tar.gz archive (REASON). It may be incomplete, so download it again."
    with open_file(path) as file, one_error(damaged):
        contents = _read_archive(path, file)
    contents = _without_outer_folders(contents)
    return Tree(path, _splits(path, list(contents)), contents.__getitem__)


class SplitTexts(NamedTuple):
    """The texts of a split, and sentences for reports about how they were read."""

    texts: list[LabelledText]
    notes: tuple[str, ...]


def read_split(tree: Tree, split: str) -> SplitTexts:
    """Return the texts of one split (a key of `tree.splits`), sorted by class, then by file name.

    Raises:
        InputError: A file is not text or cannot be read, or most files are tables of numbers.
    """
    texts, others, numbers = [], [], []
    total = Total(tree.root)
    for file in with_progress(tree.splits[split], f"texts of {tree.root} read"):
        decoded = _read_text(tree, file)
        total.add(len(decoded.text))
        texts.append(LabelledText(file[-2], decoded.text))
        if decoded.note:
            others.append("/".join(file))
        if _is_numbers(decoded.text):
            numbers.append("/".join(file))
    if 2 * len(numbers) > len(texts):
        raise InputError(
            f"{tree.root} contains tables of numbers, such as {numbers[0]}, not texts. Give a folder of text files for "
            "each class."
        )
    if not others:
        return SplitTexts(texts, ())
    count = f"{len(others):,} of {len(texts):,} files"
    was = "was" if len(others) == 1 else "were"
    return SplitTexts(texts, (f"{count} of {tree.root} {was} read as Windows-1252 or UTF-16, such as {others[0]}.",))


def _read_text(tree: Tree, file: File) -> Decoded:
    name = f"{'/'.join(file)} in {tree.root}"
    try:
        return decode(tree.read(file), name)
    except OSError as error:
        raise _unreadable(name, error) from None


def _is_numbers(text: str) -> bool:
    """Return True if all lines of a text but the first are rows of numbers or times."""
    lines = [line for line in text[:_MAX_CHECKED].split("\n") if line.strip()]
    fields = [field for line in lines[1:_LINES_CHECKED] for field in _FIELD_END.split(line.strip())]
    return len(lines) > 2 and all(not field or is_value(field) for field in fields)


def _read_file(path: Path) -> bytearray:
    with open_file(path) as file:
        return read_all(file, path)


def _leads_back(folder: Path, name: str) -> bool:
    """Return True if the name in a folder is a link to this folder or one above it."""
    path = folder / name
    return path.is_symlink() and path.resolve() in (folder.resolve(), *folder.resolve().parents)


def _skipped(root: Path, special: list[Path]) -> str:
    if len(special) == 1:
        return f"1 of the files in {root} was skipped, as it is not a regular file: {special[0]}."
    return f"{len(special):,} of the files in {root} were skipped, as they are not regular files: {special[0]}, ..."


def _unreadable(name: object, error: OSError) -> InputError:
    return InputError(f"{name} cannot be read ({error.strerror}). Make it readable.")


def _read_archive(path: Path, file: IO[bytes]) -> dict[File, bytes]:
    contents: dict[File, bytes] = {}
    ticker = Ticker()
    # The gzip stream of tarfile does not notice that an archive is incomplete.
    with gzip.open(file) as unpacked:
        whole: Any = LimitedReader(cast(IO[bytes], unpacked), path)
        with tarfile.open(fileobj=whole, mode="r|") as archive:
            total = Total(path)  # a sparse file is larger than its part of the archive
            for member in archive:
                name = tuple(part for part in member.name.split("/") if part not in ("", "."))
                is_text = member.isfile() and bool(name) and _is_wanted(name)
                if is_text and (stream := archive.extractfile(member)) is not None:
                    total.add(member.size)
                    contents[name] = stream.read()
                archive.members = []  # type: ignore[attr-defined]  # else the archive keeps all members
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
    is_hidden = any(name.startswith(".") for name in file) or file[-1] in _SYSTEM_FILES
    return _UNLABELLED not in file[:-1] and not is_hidden


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
            "or train/ and test/ with such folders. To use a table in it, give the path of the table."
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
