"""The data set for training: read, split into training, validation and test set, and encoded."""

import hashlib
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from gatewright.data.batches import Batch
from gatewright.data.windows import Windows
from gatewright.support.errors import InputError
from gatewright.support.trees import tree_arrays
from gatewright.tasks.base.settings import default_patience
from gatewright.tasks.base.task import Prepared, Splits, Task

# Squares of errors of this size fit into float32.
_MAX_NUMBER = 1e18


@dataclass(frozen=True)
class Dataset:
    """A data set, and the values that a task computed from its training set, such as a vocabulary.

    Attributes:
        splits: The examples of each split before encoding.
        prepared: Values that the task computed from the training set, such as the vocabulary and the labels.
        settings: The settings of the task, including defaults that depend on the data.
        train, validation, test: The encoded examples of each split.
    """

    splits: Splits[Any]
    prepared: Prepared[Any]
    settings: Any
    train: Batch
    validation: Batch
    test: Batch

    @classmethod
    def read(cls, task: Task[Any]) -> Self:
        """Read, split and encode the data of a task.

        Raises:
            InputError: The data does not exist or cannot be used for the task.
        """
        splits = task.read()
        prepared, settings = task.prepare(splits)
        train = prepared.encode(splits.train, training=True)
        validation, test = prepared.encode(splits.validation), prepared.encode(splits.test)
        for split, batch in {"training": train, "validation": validation, "test": test}.items():
            _require_in_range(splits.name, split, batch)
        splits = replace(splits, notes=(*splits.notes, *prepared.training_remarks(validation, test)))
        if settings.epochs is None:
            settings = replace(settings, epochs=task.length.epochs(train.size, settings.batch_size))
        if settings.patience is None:
            settings = replace(settings, patience=default_patience(settings.epochs))
        return cls(splits, prepared, settings, train, validation, test)

    @property
    def sizes(self) -> dict[str, int]:
        """The sizes of the splits "train", "validation" and "test", in the unit of the task, such as texts."""
        batches = {"train": self.train, "validation": self.validation, "test": self.test}
        return {name: self.prepared.size(batch) for name, batch in batches.items()}

    def evaluations(self, epochs: int) -> list[tuple[Batch, int]]:
        """Return the sets on which a network is evaluated, each with how often it is in a training."""
        return [(self.validation, epochs), (self.test, 1)]

    def fingerprint(self) -> str:
        """Return a hash of the data set, 16 hexadecimal digits.

        The hash changes if any example changes, even if its encoding stays the same.
        """
        digest = hashlib.sha256()
        for raw in (self.splits.train, self.splits.validation, self.splits.test):
            if not isinstance(raw, Batch):  # its arrays are hashed below
                digest.update(repr(raw).encode())
        for batch in (self.train, self.validation, self.test):
            for tree in batch:
                for array in tree_arrays(tree, "").values():
                    digest.update(str(array.shape).encode())
                    # For overlapping windows, hashing the series once is enough.
                    for values in (array.values, array.starts) if isinstance(array, Windows) else (array,):
                        digest.update(np.ascontiguousarray(values).data)
        return digest.hexdigest()[:16]


def _require_in_range(name: str, split: str, batch: Batch) -> None:
    """Raise an error if a number of an encoded split would overflow in training. NaN stands for a missing number.

    Tasks find such numbers when they read the data, and name their place. This finds what they miss.
    """
    for tree in batch:
        for array in tree_arrays(tree, "").values():
            values = array.values if isinstance(array, Windows) else array
            if np.issubdtype(values.dtype, np.floating) and (np.abs(values) > _MAX_NUMBER).any():
                raise InputError(
                    f"The {split} set of {name} has a number that is infinite, or too large after scaling. Fix it, or "
                    "leave the field empty."
                )
