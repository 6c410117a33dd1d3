"""Progress of long jobs on stderr: bars on a terminal, occasional lines in a log."""

import sys
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Self, TextIO, TypeVar

from gatewright.support.escapes import one_line

_Item = TypeVar("_Item")

_TICK_SECONDS = 2.0
# A log gets a line after each epoch, and one every ten seconds in between. An activity is logged after two seconds.
_LOG_SECONDS, _FIRST_LOG_SECONDS = 10.0, 2.0


class Ticker:
    """A timer that is due every two seconds."""

    def __init__(self) -> None:
        self._next = time.monotonic() + _TICK_SECONDS

    def due(self) -> bool:
        """Return True if two seconds have passed since the start or since the last True."""
        now = time.monotonic()
        if now < self._next:
            return False
        self._next = now + _TICK_SECONDS
        return True


def print_status(line: str) -> None:
    """Print a line on stderr, prefixed with the name of the package."""
    print(f"gatewright: {one_line(line)}", file=sys.stderr, flush=True)


def with_progress(items: Sequence[_Item], done_items: str) -> Iterator[_Item]:
    """Yield the items, and print every two seconds how many are done, for example "20 of 50 texts encoded."

    Args:
        items: The items to yield.
        done_items: The words to print after the numbers, such as "texts encoded".
    """
    ticker = Ticker()
    for done, item in enumerate(items, 1):
        yield item
        if ticker.due():
            print_status(f"{done:,} of {len(items):,} {done_items}.")


class Progress:
    """Show the progress of several training runs. Use it as a context manager."""

    def __init__(self, runs: int, stream: TextIO | None = None) -> None:
        from rich.progress import BarColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
        from rich.progress import Progress as Bars

        from gatewright.support.console import EscapingConsole

        self._runs, self._finished = runs, 0
        self._console = EscapingConsole(stream or sys.stderr, highlight=False, soft_wrap=True)
        self._bars = Bars(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[detail]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        self._all_runs = self._bars.add_task("runs", total=runs, detail=f"0 of {runs}")
        self._run = self._bars.add_task("", total=1, detail="", visible=False)
        self._name, self._epochs = "", 1
        self._last_line, self._quiet_seconds = time.monotonic(), _FIRST_LOG_SECONDS
        self._timer: threading.Timer | None = None

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._cancel_timer()
        self._bars.stop()

    def print_line(self, line: str) -> None:
        """Print a line that stays above the bars."""
        self._cancel_timer()
        self._console.print(line, markup=False)
        self._last_line, self._quiet_seconds = time.monotonic(), _LOG_SECONDS

    def start_run(self, name: str, epochs: int, activity: str = "compiling") -> None:
        """Show a bar for a new run, whose first activity is `activity`."""
        self._name, self._epochs = name, epochs
        self._bars.reset(self._run, description=name, total=epochs, detail=activity, visible=True)
        self._log_if_it_lasts(activity)

    def update(self, epoch: int, done: int, total: int) -> None:
        """Show that `done` of the `total` examples of an epoch are processed."""
        detail = f"epoch {epoch} of {self._epochs}, {done:,} of {total:,} examples"
        self._bars.update(self._run, completed=epoch - 1 + done / total, detail=detail)
        self._cancel_timer()
        if not self._console.is_terminal and time.monotonic() - self._last_line > self._quiet_seconds:
            self.print_line(f"{self._name}: {detail}")

    def show_activity(self, activity: str) -> None:
        """Show what the run is doing besides training, such as "compiling"."""
        self._bars.update(self._run, detail=activity)
        self._log_if_it_lasts(activity)

    def _log_if_it_lasts(self, activity: str) -> None:
        """Print a line if the activity lasts two seconds. A timer does this, since compiling never calls `update`."""
        self._cancel_timer()
        self._last_line, self._quiet_seconds = time.monotonic(), _FIRST_LOG_SECONDS
        if not self._console.is_terminal:
            self._timer = threading.Timer(_FIRST_LOG_SECONDS, self.print_line, [f"{self._name}: {activity}"])
            self._timer.daemon = True
            self._timer.start()

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def finish_run(self) -> None:
        """Hide the bar of the run and count the run as finished."""
        self._cancel_timer()
        self._finished += 1
        self._bars.update(self._all_runs, completed=self._finished, detail=f"{self._finished} of {self._runs}")
        self._bars.update(self._run, visible=False)
