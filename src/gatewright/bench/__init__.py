"""`gatewright bench`: what Gatewright does on this machine, beside what else is installed here.

    from gatewright import bench
    bench.run(["training", "step"], out="results")

Each suite is a module with Settings, `measure` and `markdown`, and runs its work in processes of its own, which import
no more than they need: so nothing is imported here but what the standard library has.
"""

from __future__ import annotations

import dataclasses
import os
import shutil
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from gatewright.bench import results
from gatewright.bench.workers import OURS, TITLES, Unavailable, WorkerError, say
from gatewright.support.errors import InputError, require_one_of
from gatewright.support.files import require_results_folder, unwritable


@dataclasses.dataclass(frozen=True)
class Suite:
    """What a suite measures, and how many minutes that takes on two cores."""

    about: str
    minutes: float
    default: bool = True


SUITES = {
    "training": Suite("a training step of a text classifier beside Keras on JAX, on TensorFlow and PyTorch", 6),
    "operation": Suite("forward and backward alone, as a fraction of the processor's multiply-add peak", 2),
    "forward": Suite("inference beside ONNX Runtime", 1),
    "step": Suite("one step at batch 1 beside ONNX Runtime", 1),
    "lengths": Suite("what padding costs on rows of real lengths, beside PyTorch's packed sequences", 3),
    "proportion": Suite("cost as length, units and batch grow, on one thread and on all", 2),
    "memory": Suite("peak memory of training, each library in a fresh process", 2),
    "cases": Suite("about a hundred kinds of layer on stock Keras and ours, worst first", 10, default=False),
}
PEERS = tuple(name for name in TITLES if name != OURS)


@dataclasses.dataclass(frozen=True)
class Finished:
    """A suite that was measured: its page, and the files that hold it."""

    name: str
    markdown: str
    files: tuple[Path, ...]


@dataclasses.dataclass(frozen=True)
class Report:
    """What came of each suite: `skipped` says why it was not to be had here, `failed` what went wrong."""

    finished: dict[str, Finished]
    skipped: dict[str, str]
    failed: dict[str, str]


def run(
    suites: Sequence[str] | None = None,
    out: str | os.PathLike[str] = "gatewright-bench",
    *,
    rounds: int | None = None,
    peers: Sequence[str] | None = None,
    tensorflow_python: str | None = None,
    all_cases: bool = False,
    show: Callable[[Finished], None] | None = None,
) -> Report:
    """Measure suites one after the other, and write a Markdown and a JSON file for each, some with a picture.

    A peer that is not installed is named as skipped, and the rest is measured. A suite's files appear when it is done.

    Args:
        suites: names in SUITES; None for those that are measured by default.
        out: folder for the results; made where it is not there.
        rounds: turns of each peer that count; None for each suite's own number.
        peers: whom to measure beside Gatewright, names in PEERS; None for all.
        tensorflow_python: an interpreter, 3.11 or later, that has Keras and TensorFlow; None for this one.
        all_cases: in `training`, every cell in every case, rather than GRU in those beside the plain one.
        show: is called with each suite that is done.

    Raises:
        InputError: an argument can't be used; nothing is written then.
    """
    if suites is None:
        suites = [name for name, suite in SUITES.items() if suite.default]
    chosen = [suites] if isinstance(suites, str) else list(suites)
    for name in chosen:
        require_one_of("suite", name, tuple(SUITES))
    given = _checked(rounds, peers, tensorflow_python) | {"all_cases": all_cases}
    folder = Path(out)
    _make_folder(folder)
    report = Report({}, {}, {})
    for name in dict.fromkeys(chosen):
        _run_suite(name, folder, given, report)
        if show is not None and name in report.finished:
            show(report.finished[name])
    return report


def _checked(rounds: Any, peers: Sequence[str] | None, tensorflow_python: str | None) -> dict[str, Any]:
    """The settings that were given, and can be used."""
    given: dict[str, Any] = {}
    if rounds is not None:
        if not isinstance(rounds, int) or isinstance(rounds, bool) or rounds < 1:
            raise InputError(f"rounds must be a whole number from 1 up, not {rounds!r}.")
        given["rounds"] = rounds
    if peers is not None:
        for peer in peers:
            require_one_of("peer", peer, PEERS)
        given["peers"] = tuple(peers)
    if tensorflow_python is not None:
        if shutil.which(tensorflow_python) is None:
            sentence = "is no program that can be run: name the Python interpreter that has TensorFlow."
            raise InputError(f"--tensorflow-python {tensorflow_python} {sentence}")
        given["tensorflow_python"] = tensorflow_python
    return given


def _make_folder(folder: Path) -> None:
    """Now rather than with the first result, which may be minutes away."""
    require_results_folder(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(folder, error.strerror or str(error)) from None


def _run_suite(name: str, folder: Path, given: dict[str, Any], report: Report) -> None:
    module = import_module(f"gatewright.bench.suites.{name}")
    say(f"{name}: {SUITES[name].about}, about {SUITES[name].minutes:g} min")
    try:
        result = module.measure(_settings(module.Settings, given))
    except Unavailable as why:
        report.skipped[name] = str(why).rstrip(".")
        say(f"{name} is skipped: {report.skipped[name]}.")
    except WorkerError as error:
        report.failed[name] = error.reason.rstrip(".")
        say(f"{name} failed: {report.failed[name]}.")
    else:
        page = module.markdown(result)
        files = [*results.write(folder, name, result, page), *_picture(folder, name, result)]
        report.finished[name] = Finished(name, page, tuple(files))


def _settings(kind: Any, given: dict[str, Any]) -> Any:
    """A suite's settings: its own, but for those that were given and that it has."""
    own = kind()
    names = {field.name for field in dataclasses.fields(own)}
    taken = {name: value for name, value in given.items() if name in names}
    if "peers" in taken:
        taken["peers"] = tuple(peer for peer in own.peers if peer in taken["peers"])
    return dataclasses.replace(own, **taken)


def _picture(folder: Path, name: str, result: dict[str, Any]) -> list[Path]:
    try:
        from gatewright.bench import pictures
    except ModuleNotFoundError as error:
        say(f"{name} has no picture: {error.name} is not installed.")
        return []
    return pictures.write(folder, name, result)
