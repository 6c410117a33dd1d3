"""What the benchmarks share: workers that take turns, facts about the machine, tables and result files.

Only the standard library is imported here, since workers of other libraries' interpreters import this file too.
"""

import contextlib
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results"

# They make OpenBLAS take the processor for another one, and with it change what NumPy's products cost.
_UNSET = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
# Threads of an idle worker must sleep, not spin: it is another worker's turn. See `Worker.idle_cpu`. Whoever wants to
# know what that does to a peer sets these variables otherwise; results record them.
_QUIET = {"OMP_WAIT_POLICY": "PASSIVE", "KMP_BLOCKTIME": "0", "TF_CPP_MIN_LOG_LEVEL": "3"}


class WorkerError(RuntimeError):
    """A worker could not do what it was asked; `missing` names the package that it lacks, if that is why."""

    def __init__(self, sentence: str, missing: str | None = None) -> None:
        super().__init__(sentence)
        self.missing = missing


class Worker:
    """A process of its own that runs `script --worker name` and answers one request at a time over pipes.

    Between requests it is blocked in a read. `idle_cpu` tells what it used meanwhile, as a share of one core.
    """

    def __init__(
        self, script: str, name: str, python: str = sys.executable, environment: dict[str, str] | None = None
    ) -> None:
        self.name = name
        self._idle_seconds = self._idle_cpu = 0.0
        self._rested: tuple[float, float] | None = None
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 (it lives as long as the worker)
        kept = {key: value for key, value in os.environ.items() if key not in _UNSET}
        self._process = subprocess.Popen(
            [python, script, "--worker", name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env={**_QUIET, **kept, **(environment or {})},
            text=True,
        )

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
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._errors.close()


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


def _cpu_seconds(pid: int) -> float:
    """Processor time of a process and all its threads; NaN where /proc is not to be had."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return float("nan")
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


# ---- facts ---------------------------------------------------------------------------------------------------


def facts(settings: dict[str, Any]) -> dict[str, Any]:
    """What a reader needs to judge the numbers: machine, load, commit, settings."""
    return {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {
            "processor": _processor(),
            "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
            "system": platform.platform(),
            "python": platform.python_version(),
            "load_before": list(os.getloadavg()) if hasattr(os, "getloadavg") else None,
        },
        "git": _git(),
        "settings": settings,
        "environment": {key: os.environ.get(key, value) for key, value in _QUIET.items()},
    }


def versions(*packages: str) -> dict[str, str]:
    """The installed versions of those packages that are installed."""
    found = {}
    for package in packages:
        with contextlib.suppress(PackageNotFoundError):
            found[package] = version(package)
    return found


def kernel_facts() -> dict[str, Any]:
    """What Gatewright's kernels run on."""
    from gatewright import kernels

    return {"instruction_set": kernels.instruction_set(), "threads": kernels.num_threads()}


def _processor() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _git() -> dict[str, Any]:
    def git(*arguments: str) -> str:
        done = subprocess.run(["git", "-C", str(HERE), *arguments], capture_output=True, text=True, check=True)
        return done.stdout.strip()

    try:
        # A result that has just been written does not make the code that made it another one.
        changed = git("status", "--porcelain", "--", ":(top)", ":(top,exclude)benchmarks/results")
        return {"commit": git("rev-parse", "HEAD"), "dirty": bool(changed)}
    except (OSError, subprocess.CalledProcessError):
        return {"commit": None, "dirty": None}


def heading(title: str, about: dict[str, Any]) -> str:
    """The lines that stand above a Markdown table of results."""
    machine, git = about["machine"], about["git"]
    commit = f"{(git['commit'] or 'no commit')[:10]}{' with changes' if git['dirty'] else ''}"
    load = "" if machine["load_before"] is None else f", load {machine['load_before'][0]:.1f} before"
    return f"# {title}\n\n{machine['processor']}, {machine['cores']} cores{load}; {commit}; {about['when']}.\n"


# ---- numbers, tables, files ----------------------------------------------------------------------------------


def quartiles(values: Sequence[float]) -> tuple[float, float, float]:
    """Lower quartile, median, upper quartile."""
    if len(values) == 1:
        return values[0], values[0], values[0]
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, middle, high


def median_ratio(above: Sequence[float], below: Sequence[float]) -> float:
    """The median of the ratios of each round: what slows a whole round weighs on both and cancels."""
    return statistics.median(a / b for a, b in zip(above, below, strict=True))


def number(value: float) -> str:
    """Three digits or so, for a table."""
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.3g}"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table with aligned columns: text to the left, and to the right what starts with a digit."""
    rows = [list(row) for row in rows]
    widths = [max(len(line[k]) for line in [list(header), *rows]) for k in range(len(header))]
    right = [bool(rows) and all(row[k][:1].isdigit() or row[k] == "-" for row in rows) for k in range(len(header))]

    def line(row: Sequence[str]) -> str:
        cells = (c.rjust(w) if r else c.ljust(w) for c, w, r in zip(row, widths, right, strict=True))
        return f"| {' | '.join(cells)} |"

    rule = "|".join("-" * (w + 1) + ":" if r else "-" * (w + 2) for w, r in zip(widths, right, strict=True))
    return "\n".join([line(header), f"|{rule}|", *map(line, rows)])


def say(sentence: str) -> None:
    """Progress, on standard error."""
    print(sentence, file=sys.stderr, flush=True)


def publish(out: Path, markdown: str, result: dict[str, Any]) -> None:
    """Print the Markdown, and write it and the JSON beside one another."""
    print(markdown, flush=True)
    out.parent.mkdir(parents=True, exist_ok=True)
    _write(out, json.dumps(result, indent=1) + "\n")
    _write(out.with_suffix(".md"), markdown + "\n")


def _write(path: Path, text: str) -> None:
    # Written beside and renamed: whoever reads meanwhile, or a run that is broken off, sees a whole file.
    temporary = path.with_name(f".{os.getpid()}-{path.name}")
    try:
        temporary.write_text(text, encoding="utf-8")
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
