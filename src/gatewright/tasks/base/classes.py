"""What labels must be to make a task of classifying, whatever has them."""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewright.support.errors import InputError


def require_several(name: str, labels: Set[str]) -> None:
    """Check that there is something to tell apart.

    Raises:
        InputError: there is not.
    """
    if len(labels) < 2:
        raise InputError(
            f"{name} has one class only, {next(iter(labels))!r}: a classifier needs rows of at least two classes."
        )


def are_many(labels: Set[str], rows: int) -> bool:
    """Whether there are so many labels of so few rows that they are texts or numbers of their own."""
    return len(labels) > max(2, rows / 2)


def require_known(rows_have: str, labels: Set[str], train: Set[str]) -> None:
    """Check that rows have no label but those of the training rows.

    Raises:
        InputError: they have.
    """
    if unknown := sorted(labels - train):
        raise InputError(
            f"{rows_have} the label {unknown[0]!r}, which no training row has: mend the labels, or leave those rows "
            "out."
        )


def require_parts(name: str, train: Set[str], others: Mapping[str, tuple[int, Set[str]]], kind: str = "class") -> None:
    """Check that each part has rows, and the training part every label.

    Args:
        name: of the data.
        train: the labels of the training part.
        others: how many rows each other part has, and their labels.
        kind: what a label is called.

    Raises:
        InputError: one lacks something.
    """
    for part, (rows, _) in others.items():
        if not rows:
            raise InputError(f"{name} has too few rows to set some aside for {part}: give it more rows.")
    if lacking := sorted(set().union(*(labels for _, labels in others.values())) - train):
        raise InputError(
            f"{name} has too few rows of the {kind} {lacking[0]!r} for a training, a validation and a test part: "
            f"give it more, or leave that {kind} out."
        )


def balanced(targets: NDArray[np.integer[Any]], classes: int) -> NDArray[np.float32]:
    """What each row counts so that all classes count alike: rows / (classes * rows of its class), [rows]."""
    rows = np.bincount(targets, minlength=classes)
    counts: NDArray[np.float32] = (len(targets) / (len(rows) * rows))[targets].astype(np.float32)
    return counts
