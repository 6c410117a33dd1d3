"""Training half done, kept in one file, so that the same command goes on where it was stopped."""

from __future__ import annotations

import dataclasses
import json
import os
import time
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from gatewright.results.records import Epoch
from gatewright.support.errors import InputError
from gatewright.support.files import atomically

_SECONDS = 30.0
_MARK = "gatewright checkpoint 1"


class Progressed(NamedTuple):
    """How far training has come.

    Attributes:
        epochs: those that are done.
        chosen: the best of them, from 1; 0 while there is none.
        kept: the weights that it had.
        state: weights and optimizer now.
        average: of the weights, or None.
        done: batches of the epoch that has begun.
        loss, counted, seconds: of those batches: losses times counts, counts, and time.
    """

    epochs: tuple[Epoch, ...]
    chosen: int
    kept: Any
    state: Any
    average: Any
    done: int
    loss: float
    counted: float
    seconds: float


class Checkpoint:
    """A file that holds a `Progressed`, and the settings that it belongs to.

    Everything else that training depends on (the order of rows, dropout, the learning rate) is a function of the
    settings and of how far it has come.

    Args:
        path: of the file.
        settings: all that the result depends on, as JSON can hold it.

    Attributes:
        latest: what was read or written last; None before.
    """

    def __init__(self, path: Path, settings: Mapping[str, Any]) -> None:
        self.path = path
        self._settings = json.loads(json.dumps(dict(settings)))
        self._next = time.monotonic() + _SECONDS
        self.latest: Progressed | None = None

    def due(self) -> bool:
        """Whether it is time to write again."""
        return time.monotonic() >= self._next

    def read(self, like: Progressed) -> Progressed:
        """What the file holds, or `like`, which shows the form of its trees, where there is no file.

        Raises:
            InputError: it is damaged, or belongs to other settings; the first that differs is named.
        """
        import jax

        if not self.path.exists():
            return like
        try:
            # A damaged file that np.load opened itself would stay open.
            with self.path.open("rb") as file, np.load(file, allow_pickle=False) as kept:
                record = json.loads(str(kept["record"]))
                arrays = [kept[f"array{place}"] for place in range(record["arrays"])]
            if record["made by"] != _MARK:
                raise ValueError
        except (OSError, ValueError, KeyError, zipfile.BadZipFile, EOFError, TypeError):
            raise InputError(f"{self.path} is damaged: remove it, and training begins anew.") from None
        self._require_same(record["settings"])
        leaves, form = jax.tree.flatten(_trees(like))
        found = [jax.numpy.array(array) for array in arrays]
        if [leaf.shape for leaf in leaves] != [array.shape for array in found]:
            raise InputError(f"{self.path} holds another network: remove it, and training begins anew.")
        kept_weights, state, average = jax.tree.unflatten(form, found)
        epochs = tuple(Epoch(**epoch) for epoch in record["epochs"])
        numbers = (record[name] for name in ("done", "loss", "counted", "seconds"))
        self.latest = Progressed(epochs, record["chosen"], kept_weights, state, average, *numbers)
        return self.latest

    def _require_same(self, was: Mapping[str, Any]) -> None:
        for name in [*self._settings, *was]:
            if self._settings.get(name) != was.get(name):
                raise InputError(
                    f"{self.path} holds a training that was interrupted, with {name} {was.get(name)!r}, and now {name} "
                    f"is {self._settings.get(name)!r}: give the same settings to go on, or remove that file to begin "
                    "anew."
                )

    def write(self, at: Progressed) -> None:
        """Keep this."""
        import jax

        leaves = [np.asarray(leaf) for leaf in jax.tree.leaves(_trees(at))]
        record = {
            "made by": _MARK,
            "settings": self._settings,
            "arrays": len(leaves),
            "epochs": [dataclasses.asdict(epoch) for epoch in at.epochs],
            "chosen": at.chosen,
            **{name: getattr(at, name) for name in ("done", "loss", "counted", "seconds")},
        }
        named: dict[str, Any] = {f"array{place}": leaf for place, leaf in enumerate(leaves)}
        with atomically(self.path) as path, path.open("wb") as file:
            np.savez(file, record=np.array(json.dumps(record)), **named)
            file.flush()
            os.fsync(file.fileno())
        self._next = time.monotonic() + _SECONDS
        self.latest = at


def _trees(at: Progressed) -> tuple[Any, Any, Any]:
    return at.kept, at.state, at.average
