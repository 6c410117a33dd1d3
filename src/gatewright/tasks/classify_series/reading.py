"""Read labelled series of numbers: named data sets, files, tables and folders."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from gatewright.data import public
from gatewright.data.files import inner_name
from gatewright.data.split import refuse_second
from gatewright.data.tables import is_table, read_table
from gatewright.support.errors import InputError, as_input_errors
from gatewright.tasks.classify_series.arff import read_arff
from gatewright.tasks.classify_series.arrays import read_arrays
from gatewright.tasks.classify_series.layout import is_table_of_series
from gatewright.tasks.classify_series.options import TABLE_OPTIONS, SeriesOptions
from gatewright.tasks.classify_series.plain_rows import is_ucr, read_spaced_table, read_ucr, starts_with_numbers
from gatewright.tasks.classify_series.recordings import has_recordings, read_folder, read_recordings
from gatewright.tasks.classify_series.series import FoundSeries, Series, check_series
from gatewright.tasks.classify_series.series_tables import read_series_table
from gatewright.tasks.classify_series.ts import read_ts

SETS = ("japanese-vowels", "digits")

_FORMATS = ".ts, .arff, .npz, .npy, .csv, .tsv, .txt, .parquet, .json or .jsonl, or X_TRAIN of the UCR archive"
_TEXT_SUFFIXES = (".txt", ".data", ".dat", ".tab")
# The suffixes of a data set's files X_TRAIN and X_TEST, the preferred one first.
_PAIR_SUFFIXES = (".ts", ".arff", ".tsv", ".csv", ".txt", "", ".npy")
_TRAIN_NAME = re.compile(r"(.*)_(train)(\.[a-z]+(?:\.gz)?)?", re.IGNORECASE)
_DIMENSION = re.compile(r"(.*)Dimension\d+")
# The first of scikit-learn's 1,797 digits are the training set, the others the test set.
_DIGITS_TRAIN = 1_200


class SeriesSource(NamedTuple):
    """A data set of labelled series.

    Attributes:
        name: The name shown to the user.
        train, test: The training set and the test set. `test` is None if there is no test set.
        notes: Sentences about what was assumed or left out.
        neighbours: The end of a sentence that begins "Neighboring series", such as "are of one writer". Empty
            if neighboring series of `train` are not related.
    """

    name: str
    train: Series
    test: Series | None
    notes: tuple[str, ...] = ()
    neighbours: str = ""


class OneFile(NamedTuple):
    """The series of one file, and sentences about what was assumed or left out."""

    series: Series
    notes: tuple[str, ...]


def is_series(data: str, options: Mapping[str, Any]) -> bool:
    """Return whether the data is series, not texts, judged by its name and, for a table, by its columns and options."""
    if any(options.get(name) is not None for name in ("id", "time", "group", "window", "channels", "layout")):
        return True
    path = Path(data)
    if data in SETS or inner_name(path).endswith((".ts", ".arff", ".npz", ".npy")):
        return True
    if options.get("text") is not None:
        return False
    if path.is_dir():
        return bool(_pairs(path)) or has_recordings(path)
    return is_ucr(path) or (_is_table(path) and is_table_of_series(path))


@as_input_errors()
def read_series(data: str, options: SeriesOptions = SeriesOptions(), test: str | None = None) -> SeriesSource:  # noqa: B008
    """Read the training set and the test set of labelled series, always in the same order.

    Args:
        data: "japanese-vowels" or "digits"; a file, with the test set in the same folder if the files are named
            X_TRAIN and X_TEST; the folder of two such files; or a folder with a subfolder of recordings for each class,
            or train/ and test/ with such folders. docs/how-to/classify-series.md describes the formats of files.
        options: How to read the data.
        test: A file or folder with the test set. Only if `data` has no test set.

    In all formats, steps without a number are removed at both ends of a series, so an array can contain series of
    different lengths, padded with NaN.

    Raises:
        InputError: The data cannot be read or used.
    """
    if data in SETS:
        options.refuse(TABLE_OPTIONS, data, "is not a table or archive")
        source = {"japanese-vowels": _japanese_vowels, "digits": _digits}[data]()
    else:
        source = _read_path(data, options)
    if test is None:
        return source
    refuse_second(data, "test", source.test, test)
    other = read_one(test, source.train.options_for_more(), "--test")
    return source._replace(test=other.series, notes=(*source.notes, *other.notes))


@as_input_errors()
def read_one(given: str, options: SeriesOptions, option: str) -> OneFile:
    """Return the series in one file or folder. From an archive, only the arrays X and y are read, not its test set.

    Args:
        given: The path of the file.
        options: How to read it.
        option: The option with which the file was given, for error messages.

    Raises:
        InputError: The file cannot be read or used, or its number of channels differs from that in `options`.
    """
    path = Path(given)
    if path.is_dir():
        found = _read_one_folder(path, options)
    else:
        _require_file(path, f"{option} must be a file of series ({_FORMATS})")
        found = _read_file(path, options)[0]
    series, notes = check_series(path, found)
    require_channels(given, series, options.names)
    return OneFile(series, notes)


def require_channels(name: str, series: Series, names: tuple[str, ...] | None) -> None:
    """Raise an error if series have another number of channels than those named.

    Raises:
        InputError: The numbers differ.
    """
    if names is not None and len(series.channels) != len(names):
        raise InputError(
            f"{name} has {len(series.channels)} channels, but needs {len(names)}. Give series with {len(names)} "
            "channels."
        )


def _require_file(path: Path, requirement: str) -> None:
    known = inner_name(path).endswith((".ts", ".arff", ".npz", ".npy")) or _is_table(path) or is_ucr(path)
    if not path.is_file() or not known:
        problem = "has another format" if path.exists() else "does not exist"
        raise InputError(f"{requirement}, but {str(path)!r} {problem}.")


def _pairs(folder: Path) -> dict[str, list[Path]]:
    """Return the training files X_TRAIN of a folder, the preferred format first, with the names X as keys."""
    found: dict[str, list[Path]] = {}
    for path in sorted(folder.iterdir()):
        matched = _TRAIN_NAME.fullmatch(path.name)
        if matched and path.is_file() and _suffix(path) in _PAIR_SUFFIXES and _is_of_series(path, matched[1]):
            found.setdefault(matched[1], []).append(path)
    # The archive also has a file for each dimension of a multivariate data set.
    names = [name for name in found if not ((part := _DIMENSION.fullmatch(name)) and part[1] in found)]
    order = {suffix: place for place, suffix in enumerate(_PAIR_SUFFIXES)}
    return {name: sorted(found[name], key=lambda path: order[_suffix(path)]) for name in names}


def _is_of_series(path: Path, name: str) -> bool:
    """Return True if a file NAME_TRAIN contains series."""
    if _suffix(path) in (".ts", ".arff"):
        return True
    if _suffix(path) == ".npy":
        return name.lower() == "x"  # the labels are in y_train.npy
    return is_ucr(path) or (is_table(path) and is_table_of_series(path))


def _is_table(path: Path) -> bool:
    """Return True if a file is a table by its name, or may be one of text."""
    return is_table(path) or (inner_name(path).endswith(_TEXT_SUFFIXES) and path.is_file())


def _suffix(path: Path) -> str:
    return os.path.splitext(inner_name(path))[1]


def _test_file(train: Path) -> Path | None:
    """Return the file X_TEST next to X_TRAIN, or None if there is none."""
    matched = _TRAIN_NAME.fullmatch(train.name)
    if matched is None:
        return None
    word = "TEST" if matched[2].isupper() else "Test" if matched[2][0].isupper() else "test"
    test = train.with_name(f"{matched[1]}_{word}{matched[3] or ''}")
    return test if test.is_file() else None


def _read_path(data: str, options: SeriesOptions) -> SeriesSource:
    path = Path(data)
    name = os.path.basename(os.path.abspath(path))
    notes: tuple[str, ...] = ()
    if path.is_dir():
        pairs = _pairs(path)
        if not pairs:
            return _read_recordings(name, path, options)
        if len(pairs) > 1:
            raise InputError(
                f"{data} has {len(pairs)} data sets, such as {' and '.join(sorted(pairs)[:2])}. Give the path of one "
                "training set."
            )
        path, *others = next(iter(pairs.values()))
        if others:
            notes = (f"{path.name} was read, not {' or '.join(other.name for other in others)}.",)
    _require_file(path, f"DATA must be {', '.join(SETS)}, a folder or a file of series ({_FORMATS})")
    found, found_test = _read_file(path, options)
    train, own = check_series(path, found)
    notes = (*notes, *own)
    test_file = _test_file(path)
    if found_test is None and test_file is not None:
        other = read_one(str(test_file), train.options_for_more(), "DATA")
        return SeriesSource(name, train, other.series, (*notes, *other.notes))
    if found_test is None:
        return SeriesSource(name, train, None, notes)
    test, own = check_series(path, found_test)
    return SeriesSource(name, train, test, (*notes, *own))


def _read_recordings(name: str, folder: Path, options: SeriesOptions) -> SeriesSource:
    options.refuse(TABLE_OPTIONS, folder, "is a folder of recordings")
    found, found_test = read_folder(folder, options)
    train, notes = check_series(folder, found)
    if found_test is None:
        return SeriesSource(name, train, None, notes)
    test, own = check_series(folder, found_test)
    return SeriesSource(name, train, test, (*notes, *own))


def _read_one_folder(folder: Path, options: SeriesOptions) -> FoundSeries:
    """Return the series of a folder of recordings, in folders of their classes if labels are needed."""
    if pairs := _pairs(folder):
        path = next(iter(pairs.values()))[0]
        return _read_file(path, options)[0]
    files = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    if files and not options.labelled:
        return read_recordings(files, options)
    return read_folder(folder, options)[0]


def _read_file(path: Path, options: SeriesOptions) -> tuple[FoundSeries, FoundSeries | None]:
    """Return the series of a file and its test set, or None if it has no test set."""
    if _is_table(path) and not (options.layout is None and options.label is None and is_ucr(path)):
        table = read_table(path)
        if len(table.names) == 1 and starts_with_numbers(path):
            table = read_spaced_table(path)
        return read_series_table(table, options), None
    name = inner_name(path)
    if name.endswith(".arff"):
        return read_arff(path, options), None
    if name.endswith((".npz", ".npy")):
        options.refuse([option for option in TABLE_OPTIONS if option != "channels"], path, "is not a table")
        return read_arrays(path, options)
    options.refuse(TABLE_OPTIONS, path, "is not a table")
    return (read_ts if name.endswith(".ts") else read_ucr)(path, options), None


def _japanese_vowels() -> SeriesSource:
    """Read the Japanese vowels data set of Kudo, Toyama & Shimbo 1999.

    Each series is an utterance by one of nine speakers, with 7 to 29 steps. The 12 channels are cepstral coefficients.
    """
    files = [f"JapaneseVowels_{split}.ts" for split in ("TRAIN", "TEST")]
    paths = public.named_files("japanese-vowels", "japanese_vowels", files, " of timeseriesclassification.com")
    return _read_path(str(paths[0]), SeriesOptions())._replace(name="japanese-vowels")


def _digits() -> SeriesSource:
    """Read scikit-learn's digits. Each row of pixels is a step, and each column of pixels a channel.

    The digits of one writer are next to each other.
    """
    from sklearn.datasets import load_digits

    images, targets = load_digits(return_X_y=True)
    channels = tuple(str(number) for number in range(1, 9))
    digits = Series(list(images.reshape(-1, 8, 8)), [str(target) for target in targets], channels)
    places = np.arange(len(images))
    train, test = digits.take(places[:_DIGITS_TRAIN]), digits.take(places[_DIGITS_TRAIN:])
    return SeriesSource("digits", train, test, neighbours="are of one writer")
