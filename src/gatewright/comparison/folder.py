"""The folder of a comparison: its settings, and each finished run in a file of its own, so that none is done twice."""

from __future__ import annotations

import dataclasses
import json
import os
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewright.results.records import Epoch, GradientNorms, Run
from gatewright.support.errors import InputError
from gatewright.support.files import atomically, require_results_folder, unwritable

_MARK = "gatewright compare"


class RunFolder:
    """A folder for the runs of one comparison.

    Args:
        path: of the folder; it need not be there yet. Nothing is written before `claim`.

    Raises:
        InputError: the path is a file, or a folder with other things in it, or can't be written.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._settings = self.path / "settings.json"
        self._runs = self.path / "runs"
        require_results_folder(self.path)
        if self.path.is_dir() and any(self.path.iterdir()) and not self._settings.exists():
            raise InputError(f"--out {path} holds other files and no comparison: name a new or an empty folder.")

    def claim(self, settings: Mapping[str, Any]) -> None:
        """Make the folder that of a comparison with these settings.

        Raises:
            InputError: it is that of another; the first setting that differs is named. Or it can't be written.
        """
        if self._settings.exists():
            self.require_same(settings)
            return
        try:
            self._runs.mkdir(parents=True, exist_ok=True)
            with atomically(self._settings) as path:
                path.write_text(json.dumps({"made by": _MARK, "settings": dict(settings)}, indent=2) + "\n")
        except OSError as error:
            raise unwritable(self.path, error.strerror or str(error)) from None

    def require_same(self, settings: Mapping[str, Any], unknown: Sequence[str] = ()) -> None:
        """Check that the folder, if it is a comparison's, is that of these settings.

        Args:
            settings: by name.
            unknown: names of settings that are not known yet.

        Raises:
            InputError: it is that of another; the first setting that differs is named.
        """
        if not self._settings.exists():
            return
        try:
            kept = json.loads(self._settings.read_text())
            was = dict(kept["settings"]) if kept["made by"] == _MARK else None
        except (OSError, ValueError, TypeError, KeyError):
            was = None
        if was is None:
            raise InputError(f"{self._settings} is not that of a comparison: name another folder with --out.")
        now = json.loads(json.dumps(dict(settings)))
        for name in [*now, *was]:
            if name not in unknown and now.get(name) != was.get(name):
                raise InputError(
                    f"--out {self.path} holds a comparison with {name} {_shown(was.get(name))}, and now {name} is "
                    f"{_shown(now.get(name))}: give the same settings, or another folder with --out."
                )

    def read(self, key: str) -> tuple[dict[str, Any], NDArray[Any]] | None:
        """What `write` kept under this key, or None.

        Raises:
            InputError: the file is damaged.
        """
        path = self._runs / f"{key}.npz"
        if not path.exists():
            return None
        try:
            # A damaged file that np.load opened itself would stay open.
            with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
                return json.loads(str(arrays["record"])), arrays["outputs"]
        except (OSError, ValueError, KeyError, zipfile.BadZipFile, EOFError):
            raise InputError(f"{path} is damaged: remove it, and its run will be done again.") from None

    def write(self, key: str, record: Mapping[str, Any], outputs: NDArray[Any]) -> None:
        """Keep a record (numbers, texts, lists, dictionaries) and the answers to the test rows."""
        with atomically(self._runs / f"{key}.npz") as path:
            np.savez_compressed(path, record=json.dumps(record), outputs=outputs)


def _shown(value: Any) -> str:
    return "unset" if value is None else repr(value)


def run_to_record(run: Run) -> dict[str, Any]:
    """A run as plain dictionaries and lists."""
    return dataclasses.asdict(run)


def run_from_record(record: Mapping[str, Any]) -> Run:
    """The run that `run_to_record` was given."""

    def norms(kept: Mapping[str, Any]) -> GradientNorms:
        return GradientNorms({name: tuple(values) for name, values in kept["states"].items()})

    return Run(
        record["seed"],
        record["learning_rate"],
        tuple(Epoch(**epoch) for epoch in record["epochs"]),
        record["chosen_epoch"],
        record["test"],
        norms(record["gradient_before"]),
        norms(record["gradient_after"]),
    )
