"""The folder in which a comparison stores its settings and its finished runs, one file for each run."""

import json
import os
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gatewright.support.errors import InputError
from gatewright.support.files import atomically, require_results_folder, unwritable
from gatewright.support.trees import Tree, tree_arrays, tree_from_arrays

_MARK = "gatewright compare"


class RunFolder:
    """A folder that stores the settings and the finished runs of one comparison.

    Args:
        path: Path of the folder. If it does not exist, `claim` creates it.

    Raises:
        InputError: The path is a file, a folder with other contents, or a folder without write permission.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._settings = self.path / "settings.json"
        self._runs = self.path / "runs"
        require_results_folder(self.path)
        if self.path.is_dir() and any(self.path.iterdir()) and not self._settings.exists():
            raise InputError(f"--out {path} has other files and no comparison in it. Choose a new or an empty folder.")

    def claim(self, settings: Mapping[str, Any]) -> None:
        """Create the folder and store the settings in it, or check that an existing folder has the same settings.

        Args:
            settings: The settings of the comparison, with their names as keys.

        Raises:
            InputError: The folder belongs to another comparison, or cannot be written.
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
        """Raise an error if the folder belongs to a comparison with other settings.

        Args:
            settings: The settings of the comparison, with their names as keys.
            unknown: Names of settings to ignore, because they are not determined before the data is read.

        Raises:
            InputError: The folder belongs to another comparison. The message names the first setting that differs.
        """
        if not self._settings.exists():
            return
        try:
            content = json.loads(self._settings.read_text())
            stored = dict(content["settings"]) if content["made by"] == _MARK else None
        except (OSError, ValueError, TypeError, KeyError):
            stored = None
        if stored is None:
            raise InputError(
                f"{self._settings} is not the settings file of a comparison. Choose another folder with --out."
            )
        given = json.loads(json.dumps(dict(settings)))
        for name in [*given, *stored]:
            if name not in unknown and given.get(name) != stored.get(name):
                raise InputError(
                    f"--out {self.path} has a comparison with {name} {_format(stored.get(name))}, not "
                    f"{_format(given.get(name))}: give the same settings, or choose another folder with --out."
                )

    def read(self, key: str) -> tuple[dict[str, Any], Tree] | None:
        """Return the description and the test outputs of a finished run, or None if the run is not stored.

        Args:
            key: The key that was passed to `write`.

        Raises:
            InputError: The file of the run is damaged.
        """
        path = self._runs / f"{key}.npz"
        if not path.exists():
            return None
        try:
            # A damaged file that np.load opened itself would stay open.
            with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
                return json.loads(str(arrays["record"])), tree_from_arrays(arrays, "outputs")
        except (OSError, ValueError, KeyError, zipfile.BadZipFile, EOFError):
            raise InputError(
                f"{path} is damaged: remove it and run the same command again to repeat its run."
            ) from None

    def write(self, key: str, record: Mapping[str, Any], outputs: Tree) -> None:
        """Store a finished run.

        Args:
            key: The name of the file without its extension.
            record: Description of the run, such as its settings and metrics, as JSON values.
            outputs: Outputs of the network or the baseline for the test set.
        """
        with atomically(self._runs / f"{key}.npz") as path:
            np.savez_compressed(path, record=json.dumps(record), **tree_arrays(outputs, "outputs"))


def _format(value: Any) -> str:
    return "unset" if value is None else repr(value)
