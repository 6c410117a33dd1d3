"""How far a long job has come: bars on a terminal, a line now and then in a log."""

from __future__ import annotations

import sys
import threading
import time
from types import TracebackType
from typing import TextIO

# A log gets a line for each epoch, and one in so many seconds between; of what has begun the first one sooner.
_QUIET_SECONDS, _QUIET_AT_FIRST = 10.0, 2.0


class Progress:
    """Progress of a number of runs, each of a number of epochs. Use it as a context manager."""

    def __init__(self, runs: int, stream: TextIO | None = None) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
        from rich.progress import Progress as Bars

        self._runs, self._done = runs, 0
        self._console = Console(file=stream or sys.stderr, highlight=False, soft_wrap=True)
        self._bars = Bars(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[detail]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        self._all = self._bars.add_task("runs", total=runs, detail=f"0 of {runs}")
        self._run = self._bars.add_task("", total=1, detail="", visible=False)
        self._name, self._epochs = "", 1
        self._spoke, self._quiet = time.monotonic(), _QUIET_AT_FIRST
        self._waiting: threading.Timer | None = None

    def __enter__(self) -> Progress:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._wait_no_more()
        self._bars.stop()

    def say(self, line: str) -> None:
        """A line that stays."""
        self._wait_no_more()
        self._console.print(line, markup=False)
        self._spoke, self._quiet = time.monotonic(), _QUIET_SECONDS

    def begin(self, name: str, epochs: int, detail: str = "compiling") -> None:
        """A run begins, with what `detail` says."""
        self._name, self._epochs = name, epochs
        self._bars.reset(self._run, description=name, total=epochs, detail=detail, visible=True)
        self._speak_if_it_lasts(detail)

    def tick(self, epoch: int, done: int, total: int) -> None:
        """`done` of `total` rows of an epoch are done."""
        detail = f"epoch {epoch} of {self._epochs}, {done:,} of {total:,} rows"
        self._bars.update(self._run, completed=epoch - 1 + done / total, detail=detail)
        self._wait_no_more()
        if not self._console.is_terminal and time.monotonic() - self._spoke > self._quiet:
            self.say(f"{self._name}: {detail}")

    def answering(self, what: str) -> None:
        """The run does something beside training."""
        self._bars.update(self._run, detail=what)
        self._speak_if_it_lasts(what)

    def _speak_if_it_lasts(self, detail: str) -> None:
        """Say what has begun if it is not over soon; by a timer, since compiling, fitting and answering never tick."""
        self._wait_no_more()
        self._spoke, self._quiet = time.monotonic(), _QUIET_AT_FIRST
        if not self._console.is_terminal:
            self._waiting = threading.Timer(_QUIET_AT_FIRST, self.say, [f"{self._name}: {detail}"])
            self._waiting.daemon = True
            self._waiting.start()

    def _wait_no_more(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()

    def end(self) -> None:
        """The run is done."""
        self._wait_no_more()
        self._done += 1
        self._bars.update(self._all, completed=self._done, detail=f"{self._done} of {self._runs}")
        self._bars.update(self._run, visible=False)
