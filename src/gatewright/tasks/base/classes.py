"""Check the labels of classification data, and compute example weights that balance classes."""

from collections.abc import Mapping, Sequence, Set
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewright.support.errors import InputError, nearest


def require_several(name: str, labels: Set[str]) -> None:
    """Raise an error if the data set `name` has fewer than two classes.

    Raises:
        InputError: `labels` has fewer than two elements.
    """
    if len(labels) < 2:
        raise InputError(
            f"{name} has only one class, {next(iter(labels))!r}: a classifier needs examples of at least two classes."
        )


def too_many_labels(labels: Set[str], examples: int) -> bool:
    """Return True if there are so many different labels, for this number of examples, that they cannot be classes."""
    return len(labels) > max(2, examples / 2)


def require_known(name: str, labels: Set[str], train: Set[str]) -> None:
    """Raise an error if a split has a label that the training set does not have.

    Raises:
        InputError: One of `labels` is not in `train`.
    """
    if unknown := sorted(labels - train):
        raise InputError(
            f"{name} has the label {unknown[0]!r}, which the training set does not have: correct the labels, or remove "
            "those examples."
        )


def require_known_labels(known: Sequence[str], name: str, labels: Sequence[str], what: str) -> None:
    """Raise an error if the data for an evaluation has a label that the model does not have.

    Args:
        known: The labels of the model.
        name: The name of the data.
        labels: The labels of the data.
        what: Words for the examples to remove, such as "those texts", for the error message.

    Raises:
        InputError: One of `labels` is not in `known`.
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
    """Raise an error if a split has no examples, or if the training set lacks a label of another split.

    Args:
        name: The name of the data.
        train: The labels of the training set.
        others: For each other split, its number of examples and its labels.
        kind: The word for a label in the error message, such as "class".

    Raises:
        InputError: A split has no examples, or a label of `others` is not in `train`.
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
    """Return a weight for each example, [examples], so that all classes have the same total weight.

    The weight of an example is (number of examples) / (number of classes * number of examples of its class).
    """
    counts = np.bincount(targets, minlength=classes)
    return np.asarray((len(targets) / (len(counts) * counts))[targets], np.float32)
