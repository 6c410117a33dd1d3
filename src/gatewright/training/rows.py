"""The data set of a training run, split and encoded."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gatewright.data.batches import Examples
from gatewright.data.windows import Windows
from gatewright.tasks.base.task import Parts, Task


@dataclass(frozen=True)
class Data:
    """The rows as a task encodes them."""

    parts: Parts[Any]
    train: Examples
    validation: Examples
    test: Examples

    @classmethod
    def read(cls, task: Task[Any]) -> Data:
        """Read the rows, let the task learn from the training rows what it must, and encode all.

        Raises:
            InputError: the data can't be used.
        """
        parts = task.read()
        task.fit(parts.train)
        train, validation, test = (
            task.encode(parts.train, learning=True),
            task.encode(parts.validation),
            task.encode(parts.test),
        )
        noted = replace(parts, notes=(*parts.notes, *task.remarks(test)))
        return cls(noted, train, validation, test)

    def fingerprint(self) -> str:
        """Changes when a row of any part does, also where the encoding leaves that out: the baseline reads it all."""
        digest = hashlib.sha256()
        for raw in (self.parts.train, self.parts.validation, self.parts.test):
            if not isinstance(raw, Examples):  # those are arrays, and are hashed as such below
                digest.update(repr(raw).encode())
        for examples in (self.train, self.validation, self.test):
            for array in examples:
                digest.update(str(array.shape).encode())
                # Windows that overlap are hashed as what they are cut from.
                for piece in (array.values, array.starts) if isinstance(array, Windows) else (array,):
                    digest.update(np.ascontiguousarray(piece).data)
        return digest.hexdigest()[:16]
