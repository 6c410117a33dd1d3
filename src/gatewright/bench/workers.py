"""Worker processes that load the compared libraries and take turns.

Each library is loaded in a separate process, which sleeps while another library is timed. This module imports only the
standard library, because workers that run in another Python interpreter import it too.
"""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, Any, Self, cast

_PACKAGE = Path(__file__).parents[1]

# These make OpenBLAS use the code of another processor, which changes the speed of NumPy's products.
_REMOVED_VARIABLES = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
ENVIRONMENT = {"OMP_WAIT_POLICY": "PASSIVE", "KMP_BLOCKTIME": "0", "TF_CPP_MIN_LOG_LEVEL": "3"}
"""Defaults of environment variables for workers. They make the threads of an idle worker sleep instead of spin."""

OURS = "gatewright"
OURS_BF16 = "gatewright-bfloat16"
TITLES = {
    "keras-jax": "Keras on JAX",
    "keras-tensorflow": "Keras on TensorFlow",
    "torch": "PyTorch",
    "onnxruntime": "ONNX Runtime",
    OURS_BF16: "Gatewright, bfloat16",
    OURS: "Gatewright",
}
"""The names of Gatewright and of what it is compared with (peers), and their titles for pages.

One of the peers is Gatewright itself with products in bfloat16.
"""

_PAUSE = 0.1  # seconds before each turn, in which spinning threads of other workers go to sleep


class Unavailable(Exception):
    """An error that says why a suite cannot run on this machine, such as "onnx is not installed"."""


class WorkerError(RuntimeError):
    """An error of a worker process that could not handle a request.

    Attributes:
        missing: The name of the package that must be installed, or None if the error has another cause.
    """

    def __init__(self, message: str, missing: str | None = None) -> None:
        super().__init__(message)
        self.missing = missing

    @property
    def reason(self) -> str:
        """The cause of the error as a phrase, such as "torch is not installed"."""
        return f"{self.missing} is not installed" if self.missing else str(self)


class Worker:
    """A worker process, started as `python -m gatewright.bench.<module> --worker <name>`.

    The process handles one request at a time and sleeps between requests. Use the worker as a context manager, so that
    the process always ends.

    Args:
        module: The name of a module in `gatewright.bench` that calls `serve`.
        name: The name of the worker, which `worker_name` returns in the worker process.
        python: The path of the Python interpreter.
        environment: Environment variables to set in the process, in addition to those of this process.
    """

    def __init__(
        self, module: str, name: str, python: str = sys.executable, environment: dict[str, str] | None = None
    ) -> None:
        self.name = name
        self._idle_seconds = self._idle_cpu_seconds = 0.0
        self._idle_since: tuple[float, float] | None = None  # processor time and clock at the end of a request
        with contextlib.ExitStack() as stack:
            self._errors = stack.enter_context(tempfile.TemporaryFile("w+"))
            variables = {key: value for key, value in os.environ.items() if key not in _REMOVED_VARIABLES}
            if python != sys.executable:
                variables["PYTHONPATH"] = stack.enter_context(package_alone())
            self._process = subprocess.Popen(
                # With -P, no module in the working folder can replace a library.
                [python, "-P", "-m", f"gatewright.bench.{module}", "--worker", name],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                env={**ENVIRONMENT, **variables, **(environment or {})},
                text=True,
            )
            self._requests = cast(IO[str], self._process.stdin)
            self._replies = cast(IO[str], self._process.stdout)
            self._resources = stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if error[0] is not None:  # the worker may be busy for a long time
            self._process.kill()
        self.close()

    def request(self, command: str, **arguments: Any) -> Any:
        """Make the worker run a command, and return its result.

        Args:
            command: The name of a command that the worker passes to `serve`.
            arguments: The arguments of the command. The arguments and the result must be JSON values.

        Raises:
            WorkerError: The command failed, or the worker process has ended.
        """
        self._count_idle_time()
        with contextlib.suppress(BrokenPipeError):  # the process has ended: there is no reply either
            self._requests.write(json.dumps({"command": command, "arguments": arguments}) + "\n")
            self._requests.flush()
        line = self._replies.readline()
        if not line:
            raise WorkerError(f"the worker ended with code {self._process.wait()}: {self._last_error_line()}")
        self._idle_since = _cpu_seconds(self._process.pid), time.perf_counter()
        reply = json.loads(line)
        if "error" in reply:
            raise WorkerError(reply["error"], reply["missing"])
        return reply["result"]

    @property
    def idle_cpu(self) -> float | None:
        """The processor time used between requests, divided by the elapsed time. None if the time is unknown."""
        return self._idle_cpu_seconds / self._idle_seconds if self._idle_seconds else None

    def _count_idle_time(self) -> None:
        cpu = _cpu_seconds(self._process.pid)
        if self._idle_since is not None and cpu == cpu:  # NaN without /proc
            self._idle_cpu_seconds += cpu - self._idle_since[0]
            self._idle_seconds += time.perf_counter() - self._idle_since[1]

    def _last_error_line(self) -> str:
        self._errors.seek(0)
        lines = self._errors.read().strip().splitlines()
        return lines[-1] if lines else "it printed no error"

    def close(self) -> None:
        """End the process by closing its standard input. Kill it if it has not ended after ten seconds."""
        with contextlib.suppress(OSError):
            self._requests.close()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._replies.close()
        self._resources.close()


class WorkerPool:
    """The worker processes of a suite. Use it as a context manager, so that the processes always end.

    Attributes:
        workers: The workers that started, with their names as keys.
        facts: The result of the request "start" of each worker, with the names of the workers as keys.
        notes: Sentences for the result page, for example about workers that did not start.
    """

    def __init__(self) -> None:
        self.workers: dict[str, Worker] = {}
        self.facts: dict[str, Any] = {}
        self.notes: list[str] = []
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: Any) -> None:
        self._stack.__exit__(*error)

    def start(self, workers: Iterable[Worker], **arguments: Any) -> None:
        """Send the request "start" with the given arguments to each worker. Close workers that fail, and add notes.

        Raises:
            Unavailable: No worker started.
        """
        for worker in workers:
            self._stack.enter_context(worker)
            print_progress(f"starting {TITLES[worker.name]}")
            try:
                self.facts[worker.name] = worker.request("start", **arguments)
                self.workers[worker.name] = worker
            except WorkerError as error:
                worker.close()
                self.add_note(f"{TITLES[worker.name]} is skipped: {error.reason}.")
        if not self.workers:
            raise Unavailable(" ".join(self.notes))

    def request_each(self, peers: Iterable[str], label: str, command: str, **arguments: Any) -> dict[str, Any]:
        """Send a request to the workers `peers`, one after another. Return the results, with the names as keys.

        If a worker fails, it is left out of the result, and a note that contains `label` is added.
        """
        results = {}
        for peer in peers:
            time.sleep(_PAUSE)
            try:
                results[peer] = self.workers[peer].request(command, **arguments)
            except WorkerError as error:
                self.add_note(f"{TITLES[peer]}, {label} failed: {error}.")
        return results

    def add_note(self, sentence: str) -> None:
        """Print a sentence to standard error and add it to the notes."""
        self.notes.append(sentence)
        print_progress(sentence)

    def summary(self) -> dict[str, Any]:
        """Return a dict to add to the result of a suite: "peers" (`facts`), "notes", and "idle_cpu" of each worker."""
        return {
            "peers": self.facts,
            "notes": self.notes,
            "idle_cpu": {name: worker.idle_cpu for name, worker in self.workers.items()},
        }


@contextlib.contextmanager
def package_alone() -> Iterator[str]:
    """Yield the path of a temporary folder from which another Python interpreter can import gatewright.

    The folder contains only this package. With the site-packages folder, the other interpreter would also find the
    other libraries of this interpreter.
    """
    with tempfile.TemporaryDirectory(prefix="gatewright-bench-") as folder:
        os.symlink(_PACKAGE, Path(folder) / _PACKAGE.name, target_is_directory=True)
        yield folder


def serve(**commands: Callable[..., Any]) -> None:
    """Handle requests from standard input until standard input is closed. This is the main loop of a worker.

    Each keyword argument is the name of a command and the function that runs the command.
    """
    # Other output to standard output goes to standard error, so that it does not mix with the replies.
    channel = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            reply = {"result": commands[request["command"]](**request["arguments"])}
        except Exception as error:  # a failed request is a result, and the worker handles the next one
            traceback.print_exc()
            missing = error.name if isinstance(error, ModuleNotFoundError) else None
            first = (str(error).strip().splitlines() or [""])[0]
            reply = {"error": f"{type(error).__name__}: {first}", "missing": missing}
        channel.write(json.dumps(reply) + "\n")
        channel.flush()


def print_progress(sentence: str) -> None:
    """Print a progress line to standard error."""
    print(sentence, file=sys.stderr, flush=True)


def worker_name() -> str:
    """Return the name of the worker in this process, from the argument --worker."""
    return sys.argv[sys.argv.index("--worker") + 1]


def _cpu_seconds(pid: int) -> float:
    """Return the processor time that a process has used so far, in seconds, or NaN on systems without /proc."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return float("nan")
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
