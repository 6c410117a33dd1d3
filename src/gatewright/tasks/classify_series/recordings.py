"""Read recordings: tables of numbers that are one series each, in a folder for each class."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gatewright.data.archives import read_array
from gatewright.data.files import inner_name
from gatewright.data.folders import File, Tree, open_folder
from gatewright.data.limits import Total
from gatewright.data.numbers import read_number_columns, shown_names
from gatewright.data.tables import is_table, read_table
from gatewright.support.errors import InputError
from gatewright.support.progress import Ticker, print_status
from gatewright.tasks.classify_series.counters import is_counter, is_increasing, is_named_like_a_counter, without_codes
from gatewright.tasks.classify_series.layout import has_numbers_only
from gatewright.tasks.classify_series.options import SeriesOptions
from gatewright.tasks.classify_series.plain_rows import read_plain_rows, starts_with_numbers
from gatewright.tasks.classify_series.series import FoundSeries

_PLAIN = (".txt", ".dat")
_UNNAMED = re.compile(r"column \d+")


class Recording(NamedTuple):
    """A file with one series.

    Attributes:
        path: The file.
        names: The names of the columns. Empty if the file has no names.
        values: The numbers, [time, columns].
        texts: The names of the columns that are not numbers, which are left out.
        notes: Sentences about the reading of the file.
    """

    path: Path
    names: tuple[str, ...]
    values: NDArray[np.float64]
    texts: tuple[str, ...]
    notes: tuple[str, ...]


def is_recording(path: Path) -> bool:
    """Return True if a file is a table of numbers. Files with a column of texts, and most text files, are not."""
    if path.suffix.lower() == ".npy":
        return True
    if inner_name(path).endswith(_PLAIN):
        return starts_with_numbers(path)
    if not is_table(path):
        return False
    try:
        return has_numbers_only(read_table(path))
    except (ImportError, ValueError):  # `read_recording` reports them
        return False


def has_recordings(folder: Path) -> bool:
    """Return True if a folder has a subfolder of recordings for each class, judged by one file."""
    try:
        tree = open_folder(folder)
    except InputError:
        return False
    files = [file for split in tree.splits.values() for file in split]
    return bool(files) and all(_is_candidate(file[-1]) for file in files) and is_recording(folder.joinpath(*files[0]))


def _is_candidate(name: str) -> bool:
    return is_table(Path(name)) or inner_name(Path(name)).endswith((*_PLAIN, ".npy"))


def read_recording(path: Path) -> Recording:
    """Read the columns of numbers of a file.

    Raises:
        InputError: The file cannot be read.
    """
    if path.suffix.lower() == ".npy":
        array = read_array(path)
        if array.ndim not in (1, 2) or array.dtype.kind not in "biuf":
            raise InputError(
                f"{path} must be numbers [time, channels], not {array.dtype} of shape {list(array.shape)}."
            )
        return Recording(path, (), np.asarray(array, np.float64).reshape(len(array), -1), (), ())
    if inner_name(path).endswith(_PLAIN):
        rows = read_plain_rows(path)
        if len({len(row) for row in rows.rows}) > 1:
            raise InputError(f"{path} has lines with different numbers of values. Give each line the same number.")
        return Recording(path, (), np.array(rows.rows), (), (rows.note,) if rows.note else ())
    table = read_table(path)
    table.require_unique(table.names)
    columns = read_number_columns(table, table.names)
    numbers = {name: one.values for name, one in columns.items() if one.values is not None}
    values = np.stack(list(numbers.values()), axis=1) if numbers else np.empty((table.rows, 0))
    texts = tuple(name for name in table.names if name not in numbers)
    unnamed = all(_UNNAMED.fullmatch(name) for name in table.names)
    notes = tuple(note for note in table.notes if not unnamed or "no line with the names" not in note)
    return Recording(path, () if unnamed else tuple(numbers), values, texts, notes)


def read_folder(folder: Path, options: SeriesOptions) -> tuple[FoundSeries, FoundSeries | None]:
    """Return the series of a folder with a subfolder for each class, or of its folders train/ and test/.

    Raises:
        InputError: A file cannot be read, or the files have different channels.
    """
    if not has_recordings(folder):
        raise InputError(
            f"{folder} has no recordings. It must contain a folder of tables of numbers for each class, or train/ and "
            "test/ with such folders. To use a table of series in it, give the path of the table."
        )
    tree = open_folder(folder)
    if "train" not in tree.splits:
        return _read_files(tree, tree.splits[""], options), None
    train = _read_files(tree, tree.splits["train"], options)
    return train, _read_files(tree, tree.splits["test"], replace(train.options, names=train.channels))


def _read_files(tree: Tree, files: Sequence[File], options: SeriesOptions) -> FoundSeries:
    found = read_recordings([tree.root.joinpath(*file) for file in files], options)
    labels = [file[-2] for file in files]
    if found.channels is None or options.names is not None:
        return found._replace(labels=labels)
    steps = [label for label, values in zip(labels, found.values, strict=True) for _ in values]
    kept = without_codes(tree.root.name, found.channels, np.concatenate(found.values), steps)
    return found._replace(
        labels=labels,
        channels=tuple(found.channels[place] for place in kept.places),
        values=[values[:, kept.places] for values in found.values],
        notes=(*found.notes, *([kept.note] if kept.note else [])),
    )


def read_recordings(paths: Sequence[Path], options: SeriesOptions) -> FoundSeries:
    """Return a series for each file, without labels.

    Raises:
        InputError: A file cannot be read, or the files have different channels.
    """
    recordings, ticker = [], Ticker()
    total = Total(paths[0].parent)
    for path in paths:
        recordings.append(read_recording(path))
        total.add(recordings[-1].values.nbytes)
        if ticker.due():
            print_status(f"{len(recordings):,} of {len(paths):,} files read.")
    for recording in recordings:
        if not recording.values.size:
            raise InputError(f"{recording.path} has no numbers. Remove the file, or add rows of numbers.")
    first, notes = recordings[0], _shared_notes(recordings)
    if len(paths) > 1 and not options.labelled:
        notes.append(f"{len(paths):,} files were read, from {paths[0]} to {paths[-1]}.")
    columns = _known_columns(first, options.names)
    if columns is None:
        columns, note = _without_counter(recordings)
        notes += [note] if note else []
    if not columns:
        raise InputError(f"{first.path} has no column of numbers besides its times. Add a column for each channel.")
    named = bool(first.names)
    channels = tuple(first.names[column] for column in columns) if named else None
    width = first.values.shape[1]
    values = []
    for recording in recordings:
        if bool(recording.names) != named or (not named and recording.values.shape[1] != width):
            raise _other_channels(first, recording)
        if channels is not None:
            if not set(channels) <= set(recording.names):
                raise _other_channels(first, recording)
            columns = [recording.names.index(name) for name in channels]
        values.append(recording.values[:, columns])
    return FoundSeries(values, None, replace(options, layout="file"), channels, tuple(notes))


def _known_columns(first: Recording, names: tuple[str, ...] | None) -> list[int] | None:
    """Return the columns that are the channels of other series, or None if there are none or they do not fit."""
    if names is None:
        return None
    if set(names) <= set(first.names):
        return [first.names.index(name) for name in names]
    return list(range(len(names))) if first.values.shape[1] == len(names) else None


def _without_counter(recordings: Sequence[Recording]) -> tuple[list[int], str]:
    """Return the columns except one that counts or times the steps, and a note about it.

    It is the first column, or the first that is named like one.
    """
    first = recordings[0]
    columns = list(range(first.values.shape[1]))
    named = [place for place, name in enumerate(first.names) if is_named_like_a_counter(name)]
    if len(columns) < 2 or (first.names and not named):
        return columns, ""
    place = named[0] if named else 0
    width = len(columns)
    times = [recording.values[:, place] for recording in recordings if recording.values.shape[1] == width]
    others = [column for column in columns if column != place]
    if not first.names:
        if all(map(is_counter, times)):
            return others, "The first column increases by equal steps in all files. It is not a channel."
        return columns, ""
    if all(map(is_increasing, times)):
        return others, f"The column {first.names[place]!r} has the times of the steps. It is not a channel."
    return columns, f"The column {first.names[place]!r} does not increase in all files. It was read as a channel."


def _shared_notes(recordings: Sequence[Recording]) -> list[str]:
    """Return each note about files once, with the number of files that it is true of."""
    counts: Counter[str] = Counter()
    examples: dict[str, str] = {}
    for recording in recordings:
        notes = [*recording.notes]
        if recording.texts:
            notes.append(f"Columns of {recording.path} that are not numbers were left out: {_shown(recording.texts)}.")
        for note in notes:
            kind = note.replace(str(recording.path), "")
            counts[kind] += 1
            examples.setdefault(kind, note)
    return [
        example
        if counts[kind] == 1
        else f"{example} The same is true of {counts[kind] - 1:,} other {'file' if counts[kind] == 2 else 'files'}."
        for kind, example in examples.items()
    ]


def _shown(names: Sequence[str]) -> str:
    return shown_names(names)


def _other_channels(first: Recording, other: Recording) -> InputError:
    described: list[Any] = [
        f"the columns {shown_names(one.names)}" if one.names else f"{one.values.shape[1]} columns without names"
        for one in (first, other)
    ]
    return InputError(
        f"{first.path} has {described[0]}, but {other.path} has {described[1]}. Give all files the same channels."
    )
