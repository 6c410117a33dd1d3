"""Series of numbers with their labels."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from gatewright.data.text_tables import label_name, label_of_field
from gatewright.support.errors import InputError
from gatewright.tasks.classify_series.channels import trim
from gatewright.tasks.classify_series.options import SeriesOptions

# Up to this fraction of the series may lack a label. They are left out.
_MAX_UNLABELLED = 0.1

# The squares of larger numbers, and sums of them, overflow.
_MAX_NUMBER = 1e150


class Span(NamedTuple):
    """The place of a window in the stream that it was cut from: the number of the stream, and the first step."""

    stream: int
    start: int


@dataclass(frozen=True)
class Series:
    """Series of numbers with their labels.

    Attributes:
        values: The numbers of each series, [time, channels], with one step or more. NaN stands for a missing number.
        labels: The label of each series. Empty if labels were not read.
        channels: The names of the channels.
        groups: What each series belongs to, such as its subject. Empty if that is not known.
        spans: The place of each series in its stream. Empty if the series are not windows of streams.
        options: The options with which the series were read.
    """

    values: list[NDArray[np.float64]]
    labels: list[str]
    channels: tuple[str, ...]
    groups: tuple[str, ...] = ()
    spans: tuple[Span, ...] = ()
    options: SeriesOptions = field(default_factory=SeriesOptions)

    def options_for_more(self) -> SeriesOptions:
        """Return the options for reading further labelled series with the same channels."""
        return self.options.for_more(self.channels)

    def take(self, places: NDArray[np.intp]) -> Self:
        """Return the series at the indices `places`, in that order, with their labels."""
        return replace(
            self,
            values=[self.values[place] for place in places],
            labels=[self.labels[place] for place in places] if self.labels else [],
            groups=tuple(self.groups[place] for place in places) if self.groups else (),
            spans=tuple(self.spans[place] for place in places) if self.spans else (),
        )

    def __repr__(self) -> str:
        """Return a text that changes if any number changes, unlike the abbreviated text of a long NumPy array."""
        digest = hashlib.sha256(repr((self.labels, self.channels, self.groups)).encode())
        for values in self.values:
            digest.update(str(values.shape).encode() + np.ascontiguousarray(values).tobytes())
        return f"Series({len(self.values)} rows, {digest.hexdigest()})"


class FoundSeries(NamedTuple):
    """The series that a file contains, before they are checked.

    Attributes:
        values: The numbers of each series, [time, channels].
        labels: The label of each series as it is in the file. None if the file has no labels.
        options: The options with which the file was read, with those that were found out.
        channels: The names of the channels. None if they have no names.
        notes: Sentences for reports about what was assumed or left out.
        groups, spans: See `Series`.
    """

    values: Sequence[NDArray[np.float64]]
    labels: Sequence[Any] | None
    options: SeriesOptions
    channels: tuple[str, ...] | None = None
    notes: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    spans: tuple[Span, ...] = ()


def label_text(value: object) -> str | None:
    """Convert a label to a string without spaces around it. Return None if it is missing.

    Whole numbers are written without decimals, as in "1" for "1.0", and truth values as "true" and "false".
    """
    if isinstance(value, bytes):
        value = value.decode(errors="replace")
    if isinstance(value, str):
        value = label_of_field(value.strip())
    name = label_name(value)
    return None if name is None else name.strip()


def check_series(path: Path, found: FoundSeries) -> tuple[Series, tuple[str, ...]]:
    """Return the series of a file, without empty steps at both ends, and notes. Series without a label are left out.

    Raises:
        InputError: A series has no number or an infinite number, or labels are needed but missing.
    """
    labelled = found.options.labelled
    if not found.values:
        raise InputError(f"{path} has no series. It needs series{' and their labels' * labelled}.")
    if labelled and found.labels is None:
        raise InputError(
            f"{path} has no labels. Give a file with labels, such as a table with a column of them or a .npz archive "
            "with an array y."
        )
    trimmed = []
    for number, values in enumerate(found.values, 1):
        if (np.abs(values) > _MAX_NUMBER).any():
            fault = "an infinite number" if np.isinf(values).any() else "a number that is too large to compute with"
            raise InputError(f"{path}: series {number} has {fault}. Fix it, or replace it by NaN.")
        trimmed.append(trim(values))
        if not len(trimmed[-1]):
            raise InputError(f"{path}: series {number} has no number. Remove the series.")
    names = found.channels or tuple(str(number) for number in range(1, trimmed[0].shape[1] + 1))
    if not labelled or found.labels is None:
        return Series(trimmed, [], names, found.groups, found.spans, found.options), found.notes
    labels = [label_text(label) for label in found.labels]
    series = Series(trimmed, [label or "" for label in labels], names, found.groups, found.spans, found.options)
    kept, notes = _labelled(path, labels)
    return series.take(kept), (*found.notes, *_space_notes(path, found.labels), *notes)


def _labelled(path: Path, labels: Sequence[str | None]) -> tuple[NDArray[np.intp], list[str]]:
    """Return the indices of the series with a label, and a note if some are left out."""
    kept = np.flatnonzero([label is not None for label in labels])
    missing = len(labels) - len(kept)
    if not missing:
        return kept, []
    first = labels.index(None) + 1
    if missing > _MAX_UNLABELLED * len(labels):
        raise InputError(
            f"{path} has no label for {missing:,} of its {len(labels):,} series. The first without one is series "
            f"{first}. Give each series a label, or remove those without one."
        )
    return kept, [
        f"{missing:,} of the {len(labels):,} series of {path.name} "
        f"{'has no label and was' if missing == 1 else 'have no label and were'} left out; the first is series {first}."
    ]


def _space_notes(path: Path, labels: Sequence[Any]) -> list[str]:
    spaced = Counter(label for label in labels if isinstance(label, str) and label.strip() and label != label.strip())
    if not spaced:
        return []
    shown = min(spaced)
    noun, verb, them = ("label", "is", "it") if spaced.total() == 1 else ("labels", "are", "them")
    return [
        f"{spaced.total():,} {noun} of {path.name} {verb} read without the spaces around {them}: {shown!r} is "
        f"{shown.strip()!r}."
    ]
