"""The checkpoint file of an unfinished training run. Running the same command again resumes the training from it."""

import dataclasses
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from numpy.typing import NDArray

from gatewright.ops import kernels
from gatewright.results.records import Epoch
from gatewright.support.archives import read_arrays, write_arrays
from gatewright.support.errors import InputError
from gatewright.support.progress import print_status

_SECONDS = 30.0
_MARK = "gatewright checkpoint 2"


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
        """Return the progress stored in the file, or `like` if there is none.

        A file that is damaged, or that another version wrote, is left out with a note, and training
        starts from the beginning.

        Args:
            like: The progress at the beginning of training. Its arrays must have the same structure and shapes as in
                the file.

        Raises:
            InputError: The file belongs to a training run with other settings. The message names the first setting
                that differs.
        """
        stored = self._read()
        if stored is None:
            return like
        record, arrays = stored
        self._require_same(record["settings"])
        at = _progressed(record, arrays, like)
        if at is None:
            self._discard()
            return like
        if (before := record.get("threads")) != (now := kernels.num_threads()):
            print_status(
                f"The training was begun with {before} threads and is resumed with {now}: its result can differ in the "
                "last digits from that of a training without interruption."
            )
        self.latest = at
        return at

    def discard_other(self) -> None:
        """Remove the file if it belongs to a training run with other settings."""
        stored = self._read()
        if stored is not None and stored[0]["settings"] != self._settings:
            self.path.unlink()

    def _read(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]] | None:
        """Return the record and the arrays in the file, or None if there are none. Print a note on a damaged file."""
        if not self.path.exists():
            return None
        arrays = read_arrays(self.path) if self.path.is_file() else None
        try:
            record = json.loads(str((arrays or {})["record"]))
            if record["made by"] == _MARK and isinstance(record["settings"], dict):
                return record, arrays or {}
        except (ValueError, KeyError, TypeError):
            pass  # a file of another program or version
        self._discard()
        return None

    def _discard(self) -> None:
        print_status(f"{self.path} is damaged or of another version: training starts from the beginning.")
        if self.path.is_file():
            self.path.unlink()

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
            "threads": kernels.num_threads(),
            "arrays": len(leaves),
            "epochs": [dataclasses.asdict(epoch) for epoch in at.epochs],
            "chosen": at.chosen,
            **{name: getattr(at, name) for name in ("done", "loss", "total_weight", "seconds")},
        }
        named: dict[str, Any] = {f"array{index}": leaf for index, leaf in enumerate(leaves)}
        write_arrays(self.path, {"record": json.dumps(record), **named})
        self._next = time.monotonic() + _SECONDS
        self.latest = at


def _progressed(record: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], like: Progressed) -> Progressed | None:
    """Return the progress in the contents of a file, or None if it is not that of a network as in `like`."""
    leaves, structure = jax.tree.flatten((like.best, like.state, like.average))
    try:
        stored = [arrays[f"array{index}"] for index in range(record["arrays"])]
        epochs = tuple(Epoch(**epoch) for epoch in record["epochs"])
        chosen, done = int(record["chosen"]), int(record["done"])
        loss, total_weight, seconds = (float(record[name]) for name in ("loss", "total_weight", "seconds"))
    except (ValueError, KeyError, TypeError):
        return None
    if [(leaf.shape, leaf.dtype) for leaf in leaves] != [(array.shape, array.dtype) for array in stored]:
        return None
    best, state, average = jax.tree.unflatten(structure, [jax.numpy.array(array) for array in stored])
    return Progressed(epochs, chosen, best, state, average, done, loss, total_weight, seconds)
