"""Read labelled series of numbers from named data sets, .ts files, NumPy archives and long tables."""

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from gatewright.data import public
from gatewright.data.archives import read_archive
from gatewright.data.split import refuse_second
from gatewright.data.tables import column_names
from gatewright.data.text_tables import label_name
from gatewright.support.errors import InputError, as_input_errors
from gatewright.tasks.classify_series.channels import trim
from gatewright.tasks.classify_series.long_tables import LONG_TABLES, read_long
from gatewright.tasks.classify_series.ts import read_ts

SETS = ("japanese-vowels", "digits")

_TRAIN, _TEST = "_TRAIN.ts", "_TEST.ts"
_SUFFIXES = (".ts", ".npz", *LONG_TABLES)
_FORMATS = ".ts, .npz, .csv, .tsv or .parquet"
# The first of scikit-learn's 1,797 digits are the training set, the others the test set.
_DIGITS_TRAIN = 1_200


@dataclass(frozen=True)
class Series:
    """Series of numbers with their labels.

    Attributes:
        values: The numbers of each series, [time, channels], with one step or more. NaN stands for a missing number.
        labels: The label of each series. Empty if labels were not read.
        channels: The names of the channels.
    """

    values: list[NDArray[np.float64]]
    labels: list[str]
    channels: tuple[str, ...]

    def take(self, places: NDArray[np.intp]) -> Self:
        """Return the series at the indices `places`, in that order, with their labels."""
        return replace(
            self, values=[self.values[place] for place in places], labels=[self.labels[place] for place in places]
        )

    def __repr__(self) -> str:
        """Return a text that changes if any number changes, unlike the abbreviated text of a long NumPy array."""
        digest = hashlib.sha256(repr((self.labels, self.channels)).encode())
        for values in self.values:
            digest.update(str(values.shape).encode() + np.ascontiguousarray(values).tobytes())
        return f"Series({len(self.values)} rows, {digest.hexdigest()})"


class SeriesSource(NamedTuple):
    """A data set of labelled series.

    Attributes:
        name: The name shown to the user.
        train, test: The training set and the test set. `test` is None if there is no test set.
        neighbours: The end of a sentence that begins "Neighboring series of NAME", such as "are of one writer". Empty
            if neighboring series of `train` are not related.
    """

    name: str
    train: Series
    test: Series | None
    neighbours: str = ""


class ColumnOptions(NamedTuple):
    """The columns of a table as the user gave them, and whether to read labels.

    Attributes:
        id, time, label: The names of the columns with the id of the series, the time of the step, and the label of the
            series. None for the default names.
        channels: The names of the columns that are channels. None for all other columns.
        labelled: Whether to read labels.
    """

    id: str | None = None
    time: str | None = None
    label: str | None = None
    channels: tuple[str, ...] | None = None
    labelled: bool = True


def is_series(data: str, options: Mapping[str, Any]) -> bool:
    """Return whether the data is series, not texts, judged by its name and, for a table, by its columns and options."""
    if any(options.get(name) is not None for name in ("id", "time")):
        return True
    path = Path(data)
    suffix = path.suffix.lower()
    if data in SETS or suffix in (".ts", ".npz"):
        return True
    if path.is_dir():
        return any(path.glob(f"*{_TRAIN}"))
    if suffix not in LONG_TABLES or options.get("text") is not None:
        return False
    names = column_names(path)
    return {"id", "time"} <= set(names) and "text" not in names


@as_input_errors()
def read_series(data: str, wanted: ColumnOptions = ColumnOptions(), test: str | None = None) -> SeriesSource:  # noqa: B008
    """Read the training set and the test set of labelled series, always in the same order.

    Args:
        data: "japanese-vowels" or "digits"; a .ts file, with the test set in the same folder if the files are named
            X_TRAIN.ts and X_TEST.ts, or the folder of two such files; a .npz archive with the arrays X and
            y, and optionally X_test and y_test; or a long table as a .csv, .tsv or .parquet file (see
            `long_tables.read_long`).
        wanted: The columns of a long table.
        test: A file with the test set. Only if `data` has no test set.

    In an archive, X is [series, time, channels], or [series, time] for one channel, and y contains the labels,
    [series]. Optional arrays `lengths` and `lengths_test`, [series], contain the number of steps of each series. In all
    formats, steps without a number are removed at both ends of a series, so an array can contain series of different
    lengths, padded with NaN.

    Raises:
        InputError: The data cannot be read or used.
    """
    if data in SETS:
        _refuse_columns(data, wanted)
        source = {"japanese-vowels": _japanese_vowels, "digits": _digits}[data]()
    else:
        source = _read_path(data, wanted)
    if test is None:
        return source
    refuse_second(data, "test", source.test, test)
    return source._replace(test=read_one_file(test, wanted._replace(channels=source.train.channels), "--test"))


@as_input_errors()
def read_one_file(given: str, wanted: ColumnOptions, option: str) -> Series:
    """Return the series in one file. From an .npz archive, only the arrays X and y are read, not its test set.

    Args:
        given: The path of the file.
        wanted: The columns of a long table, and whether to read labels.
        option: The option with which the file was given, for error messages.

    Raises:
        InputError: The file cannot be read or used, or its number of channels differs from that in `wanted`.
    """
    path = Path(given)
    _require_file(given, f"{option} must be a file of series ({_FORMATS})")
    series = _read_file(path, wanted)[0]
    if wanted.channels is not None and len(series.channels) != len(wanted.channels):
        raise InputError(
            f"{given} has {len(series.channels)} channels, but needs {len(wanted.channels)}. Give a file with "
            f"{len(wanted.channels)} channels."
        )
    return series


def _require_file(given: str, requirement: str) -> None:
    path = Path(given)
    if not path.is_file() or path.suffix.lower() not in _SUFFIXES:
        problem = "has another format" if path.exists() else "does not exist"
        raise InputError(f"{requirement}, but {given!r} {problem}.")


def _read_path(data: str, wanted: ColumnOptions) -> SeriesSource:
    path = Path(data)
    name = os.path.basename(os.path.abspath(path))
    if path.is_dir():
        files = sorted(path.glob(f"*{_TRAIN}"))
        if len(files) != 1:
            raise InputError(f"{data} has {len(files)} files *{_TRAIN}, not one. Give the path of a file.")
        path = files[0]
    if path.suffix.lower() not in LONG_TABLES:
        _refuse_columns(data, wanted)
    if path.name.endswith(_TRAIN) and (test := path.with_name(path.name.removesuffix(_TRAIN) + _TEST)).is_file():
        train = read_one_file(str(path), wanted, "DATA")
        return SeriesSource(name, train, read_one_file(str(test), wanted._replace(channels=train.channels), "DATA"))
    _require_file(str(path), f"DATA must be {', '.join(SETS)} or a file of series ({_FORMATS})")
    return SeriesSource(name, *_read_file(path, wanted))


def _read_file(path: Path, wanted: ColumnOptions) -> tuple[Series, Series | None]:
    """Return the series of a file and its test set, or None if it has no test set."""
    if path.suffix.lower() == ".npz":
        return _read_npz(path, wanted)
    if path.suffix.lower() == ".ts":
        values, labels = read_ts(path)
        return _check_series(path, values, labels, wanted), None
    table = read_long(path, wanted.id, wanted.time, wanted.label, wanted.channels, wanted.labelled)
    return _check_series(path, table.values, table.labels, wanted, table.channels), None


def _read_npz(path: Path, wanted: ColumnOptions) -> tuple[Series, Series | None]:
    arrays = read_archive(path)
    if "X" not in arrays:
        raise InputError(
            f"{path} has no array X, only {', '.join(arrays) or 'nothing'}. Save the series as X, [series, time, "
            "channels], and their labels as y, [series]."
        )
    train = _from_arrays(path, arrays, wanted, "")
    test = _from_arrays(path, arrays, wanted._replace(channels=train.channels), "_test") if "X_test" in arrays else None
    if test is not None and len(test.channels) != len(train.channels):
        raise InputError(
            f"{path}: X has {len(train.channels)} channels but X_test has {len(test.channels)}. Both need the same "
            "channels."
        )
    return train, test


def _from_arrays(path: Path, arrays: Mapping[str, NDArray[Any]], wanted: ColumnOptions, ending: str) -> Series:
    X, y, lengths = arrays["X" + ending], arrays.get("y" + ending), arrays.get("lengths" + ending)
    if X.ndim not in (2, 3) or X.dtype.kind not in "biuf":
        raise InputError(
            f"{path}: X{ending} must be numbers [series, time, channels] or [series, time], not {X.dtype} of shape "
            f"{list(X.shape)}."
        )
    for name, array in (("y", y), ("lengths", lengths)):
        if array is not None and array.shape != X.shape[:1]:
            raise InputError(
                f"{path}: {name}{ending} must have one value for each of the {len(X)} series, not the shape "
                f"{list(array.shape)}."
            )
    if lengths is not None and (lengths.dtype.kind not in "iu" or ((lengths < 1) | (lengths > X.shape[1])).any()):
        raise InputError(
            f"{path}: lengths{ending} must be whole numbers from 1 to {X.shape[1]}, the number of steps of X{ending}."
        )
    cube = np.asarray(X, np.float64).reshape(*X.shape[:2], -1) if X.size else np.empty((len(X), 0, 1))
    values = [series if lengths is None else series[: lengths[place]] for place, series in enumerate(cube)]
    labels = None if y is None else _labels_from_array(f"{path}: y{ending}", y)
    return _check_series(path, values, labels, wanted)


def _labels_from_array(where: str, y: NDArray[Any]) -> list[str]:
    names = [label_name(label.decode() if isinstance(label, bytes) else label) for label in y.tolist()]
    if None in names:
        raise InputError(f"{where} has no label for series {names.index(None) + 1}. Add the label.")
    return [str(name) for name in names]


def _check_series(
    path: Path,
    values: Sequence[NDArray[np.float64]],
    labels: list[str] | None,
    wanted: ColumnOptions,
    channels: tuple[str, ...] | None = None,
) -> Series:
    """Return the series without empty steps at both ends. Raise an error if one has no number or an infinite number."""
    if not values:
        raise InputError(f"{path} has no series. It needs series and their labels.")
    if wanted.labelled and labels is None:
        raise InputError(f"{path} has no labels. Add classes to a .ts file, or an array y to a .npz archive.")
    trimmed = []
    for number, series in enumerate(values, 1):
        if np.isinf(series).any():
            raise InputError(f"{path}: series {number} has an infinite number. Fix it, or replace it by NaN.")
        trimmed.append(trim(series))
        if not len(trimmed[-1]):
            raise InputError(f"{path}: series {number} has no number. Remove the series.")
    names = channels or tuple(str(number) for number in range(1, trimmed[0].shape[1] + 1))
    return Series(trimmed, labels if wanted.labelled and labels is not None else [], names)


def _refuse_columns(data: str, wanted: ColumnOptions) -> None:
    if any(name is not None for name in (wanted.id, wanted.time, wanted.label)):
        raise InputError(
            f"--id, --time and --label name the columns of a long table, but {data} is not a long table. Leave them "
            "out."
        )


def _japanese_vowels() -> SeriesSource:
    """Read the Japanese vowels data set of Kudo, Toyama & Shimbo 1999.

    Each series is an utterance by one of nine speakers, with 7 to 29 steps. The 12 channels are cepstral coefficients.
    """
    files = [f"JapaneseVowels{ending}" for ending in (_TRAIN, _TEST)]
    paths = public.named_files("japanese-vowels", "japanese_vowels", files, " of timeseriesclassification.com")
    return _read_path(str(paths[0]), ColumnOptions())._replace(name="japanese-vowels")


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
