"""Processes that take turns: a peer's libraries stand in a process of their own, and it rests while others are timed.

Only the standard library is imported here, since workers of another interpreter import this too.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

_PACKAGE = Path(__file__).parents[1]

# They make OpenBLAS take the processor for another one, and with it change what NumPy's products cost.
_UNSET = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
# Threads of an idle worker must sleep, not spin: it is another worker's turn. See `Worker.idle_cpu`. Whoever wants to
# know what that does to a peer sets these variables otherwise; results record them.
QUIET = {"OMP_WAIT_POLICY": "PASSIVE", "KMP_BLOCKTIME": "0", "TF_CPP_MIN_LOG_LEVEL": "3"}
OURS = "gatewright"
TITLES = {
    "keras-jax": "Keras on JAX",
    "keras-tensorflow": "Keras on TensorFlow",
    "torch": "PyTorch",
    "onnxruntime": "ONNX Runtime",
    OURS: "Gatewright",
}
PAUSE = 0.1  # seconds before a turn: thread pools that spin for a while after their work come to rest


class Unavailable(Exception):
    """A suite that can't be run here; the message says why, to stand in a sentence."""


class WorkerError(RuntimeError):
    """A worker could not do what it was asked; `missing` names the package that it lacks, if that is why."""

    def __init__(self, sentence: str, missing: str | None = None) -> None:
        super().__init__(sentence)
        self.missing = missing

    @property
    def reason(self) -> str:
        """Why, to stand in a sentence."""
        return f"{self.missing} is not installed" if self.missing else str(self)


class Worker:
    """A process of its own that runs `python -m gatewright.bench.<module> --worker name`.

    It answers one request at a time over pipes. Between requests it is blocked in a read; `idle_cpu` tells what it used
    meanwhile, as a share of one core. Use it as a context manager: no worker is left behind.
    """

    def __init__(
        self, module: str, name: str, python: str = sys.executable, environment: dict[str, str] | None = None
    ) -> None:
        self.name = name
        self._idle_seconds = self._idle_cpu = 0.0
        self._rested: tuple[float, float] | None = None
        with contextlib.ExitStack() as stack:
            self._errors = stack.enter_context(tempfile.TemporaryFile("w+"))
            kept = {key: value for key, value in os.environ.items() if key not in _UNSET}
            if python != sys.executable:
                kept["PYTHONPATH"] = stack.enter_context(_path_of_the_package())
            self._process = subprocess.Popen(
                # -P: else a module in the working folder could stand in the place of a library.
                [python, "-P", "-m", f"gatewright.bench.{module}", "--worker", name],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                env={**QUIET, **kept, **(environment or {})},
                text=True,
            )
            self._belongings = stack.pop_all()

    def __enter__(self) -> Worker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:  # it may be in the middle of something long
            self._process.kill()
        self.close()

    def ask(self, do: str, **request: Any) -> Any:
        """Send a request and wait for its answer.

        Raises:
            WorkerError: it failed at that, or it is dead.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._count_idle()
        with contextlib.suppress(BrokenPipeError):  # then there is no answer either, and that is told below
            self._process.stdin.write(json.dumps({"do": do, **request}) + "\n")
            self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise WorkerError(f"the worker ended with code {self._process.wait()}: {self._last_words()}")
        self._rested = _cpu_seconds(self._process.pid), time.perf_counter()
        reply = json.loads(line)
        if "error" in reply:
            raise WorkerError(reply["error"], reply["missing"])
        return reply["answer"]

    @property
    def idle_cpu(self) -> float | None:
        """Processor time used while it was not its turn, a second; None where that can't be told."""
        return self._idle_cpu / self._idle_seconds if self._idle_seconds else None

    def _count_idle(self) -> None:
        cpu = _cpu_seconds(self._process.pid)
        if self._rested is not None and cpu == cpu:  # NaN: no /proc here
            self._idle_cpu += cpu - self._rested[0]
            self._idle_seconds += time.perf_counter() - self._rested[1]

    def _last_words(self) -> str:
        self._errors.seek(0)
        lines = self._errors.read().strip().splitlines()
        return lines[-1] if lines else "it said nothing"

    def close(self) -> None:
        """End the process; it ends by itself when its pipe closes."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self._belongings.close()


class Crew:
    """The workers of a suite. Use it as a context manager: it ends them.

    Attributes:
        workers: those that started, by the peer's name.
        about: what each of them says about itself.
        notes: a sentence for each that did not start, and whatever else is to stand under the table.
    """

    def __init__(self) -> None:
        self.workers: dict[str, Worker] = {}
        self.about: dict[str, Any] = {}
        self.notes: list[str] = []
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Crew:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def start(self, worker: Worker, **request: Any) -> None:
        """Take the worker on; one that can't start is left out, and named."""
        self._stack.enter_context(worker)
        say(f"starting {TITLES[worker.name]}")
        try:
            self.about[worker.name] = worker.ask("start", **request)
            self.workers[worker.name] = worker
        except WorkerError as error:
            worker.close()
            self.note(f"{TITLES[worker.name]} is skipped: {error.reason}.")

    def require_any(self) -> None:
        """Raise Unavailable, with what each said, if none of them started."""
        if not self.workers:
            raise Unavailable(" ".join(self.notes))

    def note(self, sentence: str) -> None:
        """Say it now, and under the table."""
        self.notes.append(sentence)
        say(sentence)

    @property
    def idle_cpu(self) -> dict[str, float | None]:
        """What each worker used in the others' turns; see `Worker.idle_cpu`."""
        return {name: worker.idle_cpu for name, worker in self.workers.items()}


@contextlib.contextmanager
def _path_of_the_package() -> Iterator[str]:
    """A folder that holds this package alone: in the folder where it lies may be libraries of this interpreter."""
    with tempfile.TemporaryDirectory(prefix="gatewright-bench-") as folder:
        os.symlink(_PACKAGE, Path(folder) / _PACKAGE.name, target_is_directory=True)
        yield folder


def serve(answer: Callable[..., Any]) -> None:
    """The worker's side: answer requests from standard input until it closes."""
    # Whatever else prints to standard output goes to standard error, or it would stand among the answers.
    channel = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        try:
            reply = {"answer": answer(**json.loads(line))}
        except Exception as error:  # a failed request is a finding; the worker goes on with the next one
            traceback.print_exc()
            missing = error.name if isinstance(error, ModuleNotFoundError) else None
            first = (str(error).strip().splitlines() or [""])[0]
            reply = {"error": f"{type(error).__name__}: {first}", "missing": missing}
        channel.write(json.dumps(reply) + "\n")
        channel.flush()


def say(sentence: str) -> None:
    """Progress, on standard error."""
    print(sentence, file=sys.stderr, flush=True)


def name_of_this() -> str:
    """The worker's side: which worker this process is to be."""
    return sys.argv[sys.argv.index("--worker") + 1]


def _cpu_seconds(pid: int) -> float:
    """Processor time of a process and all its threads; NaN where /proc is not to be had."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return float("nan")
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
