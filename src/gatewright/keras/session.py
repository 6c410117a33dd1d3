"""One call of `gatewright run`: a folder that its processes share, and what is printed at its end."""

import os
import shutil
import sys
import tempfile
from pathlib import Path

from gatewright.keras import children, notes, tracebacks, usage
from gatewright.keras.startup import sitecustomize

_NAMES = ("KERAS_BACKEND", "GATEWRIGHT_RUN", "GATEWRIGHT_QUIET", "GATEWRIGHT_PACKAGE", "GATEWRIGHT_NO_CACHE")


class Session:
    """Prepares this process and its child processes for a program, until `close` is called.

    The processes of a session share a folder, named in GATEWRIGHT_RUN. They record in it which layers ran and which
    notes were printed. A session in a child process of another session uses the other one's folder, and prints nothing.

    Args:
        quiet: Print neither notes nor the summary.
        package: The package that contains the module that is run, which is user code even if it is installed.
        keeps_programs: Whether programs that XLA compiles are kept for later runs.
    """

    def __init__(self, quiet: bool, package: str = "", keeps_programs: bool = True) -> None:
        self._process = os.getpid()
        self._before = {name: os.environ.get(name) for name in _NAMES}
        given = os.environ.get("GATEWRIGHT_RUN")
        self._owns_folder = not (given and os.path.isdir(given))
        self.folder = Path(tempfile.mkdtemp(prefix="gatewright-run-") if self._owns_folder else str(given))
        self._quiet = quiet or notes.quiet
        os.environ["KERAS_BACKEND"] = "jax"
        os.environ["GATEWRIGHT_RUN"] = str(self.folder)
        os.environ["GATEWRIGHT_PACKAGE"] = package
        if not keeps_programs:
            os.environ["GATEWRIGHT_NO_CACHE"] = "1"
        if self._quiet:
            os.environ["GATEWRIGHT_QUIET"] = "1"
            notes.quiet = True
        tracebacks.install()
        sitecustomize.install()
        children.reach()
        self._is_open = True

    def close(self, prints_summary: bool = True) -> None:
        """Print the summary, remove the folder, and undo the preparations. Repeated calls have no further effect."""
        if not self._is_open or os.getpid() != self._process:  # a forked process inherits the handlers of its parent
            return
        self._is_open = False
        self._undo()
        if self._owns_folder:
            if prints_summary and not self._quiet:
                self._print_summary()
            shutil.rmtree(self.folder, ignore_errors=True)

    def _undo(self) -> None:
        children.forget()
        sitecustomize.uninstall()
        tracebacks.uninstall()
        notes.quiet = bool(self._before["GATEWRIGHT_QUIET"])
        for name, value in self._before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value

    def _print_summary(self) -> None:
        if sys.stderr is None or sys.stderr.closed:
            return
        if sys.stdout is not None and not sys.stdout.closed:
            sys.stdout.flush()
        print(f"gatewright: {usage.of_run(self.folder).summary()}", file=sys.stderr)
