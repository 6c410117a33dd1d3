"""The checkpoint file of an unfinished training run. Running the same command again resumes the training from it."""

import dataclasses
import json
import os
import time
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from numpy.typing import NDArray

from gatewright.results.records import Epoch
from gatewright.support.errors import InputError
from gatewright.support.files import atomically

_SECONDS = 30.0
_MARK = "gatewright checkpoint 1"


class Progressed(NamedTuple):
    """The progress of a training run.

    Attributes:
        epochs: The results of the finished epochs.
        chosen: Number of the best epoch on the validation set. The first epoch is 1. 0 if no epoch is finished.
        best: The weights after the best epoch.
        state: The current weights and the state of the optimizer; see `network.State`.
        average: Moving average of the weights. None if `ema_decay` is 0.
        done: Number of finished batches in the current epoch.
        loss, total_weight, seconds: Totals over the finished batches of the current epoch: the weighted sum of the
            losses, the sum of the weights of the examples, and the time in seconds.
    """

    epochs: tuple[Epoch, ...]
    chosen: int
    best: Any
    state: Any
    average: Any
    done: int
    loss: float
    total_weight: float
    seconds: float


class Checkpoint:
    """A file that stores the progress of a training and its settings.

    The settings and the progress are enough to resume, because they determine the order of the examples, the dropout
    masks and the learning rate.

    Args:
        path: Path of the file.
        settings: All settings that affect the result of training, as JSON values.

    Attributes:
        latest: The progress that was last read or written. None if nothing has been read or written.
    """

    def __init__(self, path: Path, settings: Mapping[str, Any]) -> None:
        self.path = path
        self._settings = json.loads(json.dumps(dict(settings)))
        self._next = time.monotonic() + _SECONDS
        self.latest: Progressed | None = None

    def due(self) -> bool:
        """Return True if it is time to write the file again, because the last write was long enough ago."""
        return time.monotonic() >= self._next

    def read(self, like: Progressed) -> Progressed:
        """Return the progress stored in the file, or `like` if the file does not exist.

        Args:
            like: The progress at the beginning of training. Its arrays must have the same structure and shapes as in
                the file.

        Raises:
            InputError: The file is damaged, or belongs to a training run with other settings. The message names the
                first setting that differs.
        """
        if not self.path.exists():
            return like
        record, stored = self._read()
        arrays = [jax.numpy.array(array) for array in stored]
        self._require_same(record["settings"])
        leaves, structure = jax.tree.flatten((like.best, like.state, like.average))
        if [leaf.shape for leaf in leaves] != [array.shape for array in arrays]:
            raise InputError(f"{self.path} was written for a different network: remove it to train from the beginning.")
        epochs = tuple(Epoch(**epoch) for epoch in record["epochs"])
        numbers = (record[name] for name in ("done", "loss", "total_weight", "seconds"))
        self.latest = Progressed(epochs, record["chosen"], *jax.tree.unflatten(structure, arrays), *numbers)
        return self.latest

    def discard_other(self) -> None:
        """Remove the file if it belongs to a training run with other settings.

        Raises:
            InputError: The file is damaged.
        """
        if self.path.exists() and self._read()[0]["settings"] != self._settings:
            self.path.unlink()

    def _read(self) -> tuple[dict[str, Any], list[NDArray[Any]]]:
        """Return the record and the arrays in the file."""
        try:
            # A damaged file that np.load opened itself would stay open.
            with self.path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
                record = json.loads(str(stored["record"]))
                arrays = [stored[f"array{index}"] for index in range(record["arrays"])]
            if record["made by"] != _MARK:
                raise ValueError
        except (OSError, ValueError, KeyError, zipfile.BadZipFile, EOFError, TypeError):
            raise InputError(f"{self.path} is damaged: remove it to train from the beginning.") from None
        return record, arrays

    def _require_same(self, stored: Mapping[str, Any]) -> None:
        for name in [*self._settings, *stored]:
            if self._settings.get(name) != stored.get(name):
                raise InputError(
                    f"{self.path} holds an interrupted training with {name} {stored.get(name)!r}, not "
                    f"{self._settings.get(name)!r}: give the same settings to resume it, or --overwrite to discard it."
                )

    def write(self, at: Progressed) -> None:
        """Write the progress `at` to the file, replacing the progress stored before."""
        leaves = [np.asarray(leaf) for leaf in jax.tree.leaves((at.best, at.state, at.average))]
        record = {
            "made by": _MARK,
            "settings": self._settings,
            "arrays": len(leaves),
            "epochs": [dataclasses.asdict(epoch) for epoch in at.epochs],
            "chosen": at.chosen,
            **{name: getattr(at, name) for name in ("done", "loss", "total_weight", "seconds")},
        }
        named: dict[str, Any] = {f"array{index}": leaf for index, leaf in enumerate(leaves)}
        with atomically(self.path) as path, path.open("wb") as file:
            np.savez(file, record=np.array(json.dumps(record)), **named)
            file.flush()
            os.fsync(file.fileno())
        self._next = time.monotonic() + _SECONDS
        self.latest = at
