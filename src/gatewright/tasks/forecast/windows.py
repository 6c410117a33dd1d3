"""Cut series into windows: the steps of each split, and the first step of each window."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from gatewright.support.errors import InputError
from gatewright.tasks.forecast.table import Table

TRAIN_FRACTION = 0.7
"""Fraction of each series, from its start, that is the training set."""

_VALIDATION_FRACTION = 0.1

Range = tuple[int, int]


@dataclass(frozen=True)
class WindowSet:
    """The windows of a split. A window consists of the steps that the network reads and the steps that it forecasts.

    Attributes:
        table: The series.
        starts: The index of each window's first step in the concatenation of all series, [windows].
        ends: The step at which the split ends in each series.
    """

    table: Table = field(repr=False)
    starts: NDArray[np.intp]
    ends: tuple[int, ...]

    @classmethod
    def cut(cls, table: Table, ranges: Sequence[Range], look_back: int, horizon: int, split: str) -> Self:
        """Return all windows whose steps ahead are within the given range of their series.

        The steps that a window reads may come before the range. Windows without any target ahead are left out.

        Args:
            table: The series.
            ranges: For each series, the index of the split's first step, and the index after its last step.
            look_back, horizon: Number of steps of a window that the network reads, and number of steps ahead.
            split: The name of the split, for the error message.

        Raises:
            InputError: All series are too short for a window.
        """
        lengths = [len(line.values) for line in table.lines]
        found = []
        for offset, (first, end) in zip(np.cumsum([0, *lengths]), ranges, strict=False):
            origins = np.arange(max(first, look_back), end - horizon + 1)
            found.append(offset + origins - look_back)
        starts = np.concatenate(found).astype(np.intp)
        has_target = np.concatenate([~np.isnan(line.values[:, : table.targets]).all(axis=1) for line in table.lines])
        before = np.concatenate([[0], np.cumsum(has_target)])  # number of steps with a target before each step
        starts = starts[before[starts + look_back + horizon] > before[starts + look_back]]
        if not len(starts):
            raise InputError(
                f"{table.name} is too short for a window in its {split} set: its longest series has {max(lengths):,} "
                f"steps, and a window looks {look_back} back and {horizon} ahead. Give a longer series, or a shorter "
                "--look-back or --horizon."
            )
        return cls(table, starts, tuple(end for _, end in ranges))

    def sample(self, limit: int | None) -> Self:
        """Return at most `limit` windows, evenly spaced, or all windows if `limit` is None."""
        if limit is None:
            return self
        places = np.linspace(0, len(self.starts) - 1, min(limit, len(self.starts))).round().astype(np.intp)
        return replace(self, starts=self.starts[places])


def split_ranges(table: Table, given: Collection[str] = ()) -> dict[str, list[Range]]:
    """Return the range of each series in the splits "train", "validation" and "test", with their names as keys.

    A range is the index of the first step, and the index after the last step. A named data set has predefined splits.
    In other data, the first seven tenths of each series are the training set, the
    next tenth is the validation set, and the rest is the test set.

    Args:
        table: The series.
        given: The names of splits that are read from other files. Their share of each series goes to the other splits.
    """
    train_fraction, validation_fraction = TRAIN_FRACTION, _VALIDATION_FRACTION
    if "test" in given:
        train_fraction /= train_fraction + validation_fraction
        validation_fraction = 1 - train_fraction
    if "validation" in given:
        train_fraction, validation_fraction = train_fraction + validation_fraction, 0.0
    ranges: dict[str, list[Range]] = {"train": [], "validation": [], "test": []}
    for line in table.lines:
        length = len(line.values)
        if table.split_ends:
            train, validation, test = (min(border, length) for border in table.split_ends)
        else:
            train, test = round(length * train_fraction), length
            validation = round(length * (train_fraction + validation_fraction))
        ranges["train"].append((0, train))
        ranges["validation"].append((train, validation))
        ranges["test"].append((validation, test))
    return ranges


def whole_ranges(table: Table) -> list[Range]:
    """Return the range of all steps of each series: 0 and the number of steps."""
    return [(0, len(line.values)) for line in table.lines]
