"""Checks of the labels of classification tasks, and weights that balance classes."""

from collections.abc import Mapping, Sequence, Set
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewright.support.errors import InputError, nearest


def require_several(name: str, labels: Set[str]) -> None:
    """Check that there are at least two classes.

    Raises:
        InputError: There are fewer than two classes.
    """
    if len(labels) < 2:
        raise InputError(
            f"{name} has only one class, {next(iter(labels))!r}: a classifier needs examples of at least two classes."
        )


def too_many_labels(labels: Set[str], examples: int) -> bool:
    """Return True if there are so many different labels that they must be texts or numbers, not classes."""
    return len(labels) > max(2, examples / 2)


def require_known(name: str, labels: Set[str], train: Set[str]) -> None:
    """Check that all labels of a split also occur in the training set.

    Raises:
        InputError: A label does not occur in the training set.
    """
    if unknown := sorted(labels - train):
        raise InputError(
            f"{name} has the label {unknown[0]!r}, which the training set does not have: correct the labels, or remove "
            "those examples."
        )


def require_known_labels(known: Sequence[str], name: str, labels: Sequence[str], what: str) -> None:
    """Check that a model knows all labels of the data on which it is evaluated.

    Args:
        known: The labels of the model.
        name: The name of the data.
        labels: The labels of the data.
        what: The examples to remove, for the error message, such as "those texts".

    Raises:
        InputError: The model does not know one of the labels.
    """
    if unseen := [label for label in labels if label not in known]:
        listed = ", ".join(map(repr, known[:20]))
        raise InputError(
            f"{name} has the label {unseen[0]!r}, which the model does not know (it knows {listed}): leave {what} "
            f"out{nearest(unseen[0], known)}"
        )


def require_examples(
    name: str, train: Set[str], others: Mapping[str, tuple[int, Set[str]]], kind: str = "class"
) -> None:
    """Check that each split has examples, and that the training set has every label.

    Args:
        name: The name of the data.
        train: The labels of the training set.
        others: The number of examples and the labels of each other split.
        kind: The word for a label in the error message, such as "class".

    Raises:
        InputError: A split has no examples, or the training set lacks a label.
    """
    for split, (examples, _) in others.items():
        if not examples:
            raise InputError(f"{name} has too few examples to set some aside for the {split} set: add examples.")
    if missing := sorted(set().union(*(labels for _, labels in others.values())) - train):
        raise InputError(
            f"{name} has too few examples of the {kind} {missing[0]!r} for a training, a validation and a test set: "
            f"add some, or leave that {kind} out."
        )


def balanced(targets: NDArray[np.integer[Any]], classes: int) -> NDArray[np.float32]:
    """Return weights of examples, [examples], that give all classes the same total weight.

    The weight of an example is (number of examples) / (number of classes * number of examples of its class).
    """
    counts = np.bincount(targets, minlength=classes)
    return np.asarray((len(targets) / (len(counts) * counts))[targets], np.float32)
