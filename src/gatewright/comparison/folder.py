"""The folder in which a comparison stores its settings and its finished runs, one file for each run."""

import contextlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from gatewright.support.archives import read_arrays, write_arrays
from gatewright.support.errors import InputError
from gatewright.support.files import atomically, is_temporary, require_results_folder, unwritable
from gatewright.support.lock import Lock
from gatewright.support.progress import print_status
from gatewright.support.trees import Tree, tree_arrays, tree_from_arrays

_MARK = "gatewright compare"
_LOCK = "gatewright.lock"


class RunFolder:
    """A folder that stores the settings and the finished runs of one comparison.

    It is a context manager that creates the folder, and locks it against other comparisons. If nothing was stored in
    the folder, it is removed at the end.

    Args:
        path: Path of the folder.

    Raises:
        InputError: The path is a file, a folder with other contents, or a folder without write permission.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._settings = self.path / "settings.json"
        self._runs = self.path / "runs"
        self._lock = Lock(self.path / _LOCK, self.path, "comparison")
        self._created: list[Path] = []
        require_results_folder(self.path)
        if self.path.is_dir() and not self._settings.exists() and not all(map(self._is_own, self.path.iterdir())):
            raise InputError(f"--out {path} has other files and no comparison in it. Choose a new or an empty folder.")

    def _is_own(self, path: Path) -> bool:
        """Return True for what a comparison leaves that was killed before it stored its settings."""
        return path.name == _LOCK or is_temporary(path)

    def __enter__(self) -> Self:
        """Create and lock the folder.

        Raises:
            InputError: Another comparison uses the folder, or it cannot be written.
        """
        self._created = [folder for folder in (self.path, *self.path.parents) if not folder.exists()]
        try:
            while True:
                self.path.mkdir(parents=True, exist_ok=True)
                with contextlib.suppress(FileNotFoundError):  # its last user has removed it in the meantime
                    self._lock.acquire()
                    break
        except OSError as error:
            raise unwritable(self.path, error.strerror or str(error)) from None
        for folder in (self.path, self._runs):
            for path in folder.glob(".*"):
                if is_temporary(path):
                    path.unlink(missing_ok=True)
        return self

    def __exit__(self, *error: object) -> None:
        self._lock.release(remove=True)
        with contextlib.suppress(OSError):  # it is not empty
            for folder in self._created:
                folder.rmdir()

    def claim(self, settings: Mapping[str, Any]) -> None:
        """Store the settings in the folder, or check that it has the same settings.

        Args:
            settings: The settings of the comparison, with their names as keys.

        Raises:
            InputError: The folder belongs to another comparison, or cannot be written.
        """
        self.require_same(settings)
        try:
            if not self._settings.exists():
                with atomically(self._settings) as path:
                    path.write_text(json.dumps({"made by": _MARK, "settings": dict(settings)}, indent=2) + "\n")
            self._runs.mkdir(exist_ok=True)
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

        A damaged file counts as not stored. A note says so.

        Args:
            key: The key that was passed to `write`.
        """
        path = self._runs / f"{key}.npz"
        if not path.is_file():
            return None
        arrays = read_arrays(path)
        if arrays is None or "record" not in arrays:
            print_status(f"{path} is damaged or of another version: it is made again.")
            return None
        return json.loads(str(arrays["record"])), tree_from_arrays(arrays, "outputs")

    def write(self, key: str, record: Mapping[str, Any], outputs: Tree) -> None:
        """Store a finished run.

        Args:
            key: The name of the file without its extension.
            record: Description of the run, such as its settings and metrics, as JSON values.
            outputs: Outputs of the network or the baseline for the test set.
        """
        arrays = {"record": json.dumps(record), **tree_arrays(outputs, "outputs")}
        write_arrays(self._runs / f"{key}.npz", arrays, compress=True)


def _format(value: Any) -> str:
    return "unset" if value is None else repr(value)
