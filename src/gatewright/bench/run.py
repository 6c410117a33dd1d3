"""Run the benchmark suites and write their results, as `gatewright bench` does."""

import dataclasses
import json
import os
import shutil
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from gatewright.bench.suite import PEERS, SUITES, load
from gatewright.bench.workers import Unavailable, WorkerError, print_progress
from gatewright.ops.threads import default_threads
from gatewright.support.errors import InputError, require_one_of
from gatewright.support.files import atomically, require_results_folder, unwritable


@dataclasses.dataclass(frozen=True)
class Finished:
    """The result of a suite that has finished.

    Attributes:
        name: The name of the suite.
        markdown: The text of the result page in Markdown.
        files: The paths of the files that were written.
    """

    name: str
    markdown: str
    files: tuple[Path, ...]


@dataclasses.dataclass(frozen=True)
class Report:
    """The outcomes of a benchmark run. Each suite is in one of the dicts, with its name as the key.

    Attributes:
        finished: The result of each suite that has finished.
        skipped: The reason why a suite cannot run on this machine.
        failed: The error message of each suite that failed.
    """

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
    """Run suites one after another. Write a Markdown file, a JSON file and, for some suites, a plot.

    The files of a suite are written as soon as it has finished. Libraries that are not installed are left out of the
    comparison, and the Markdown file says so.

    Args:
        suites: The names of the suites to run, keys of SUITES. None selects the default suites.
        out: The folder for the results. It is created if it does not exist.
        rounds: The number of rounds in which each measurement is repeated. None selects the default of each suite.
        peers: The libraries to compare Gatewright with, from PEERS. None selects all.
        tensorflow_python: The path of a Python interpreter (3.11 or later) that has Keras and TensorFlow. None selects
            the interpreter of this process.
        all_cases: True to measure every recurrent cell in every case in the suite `training`. False to measure
            only the common combinations.
        show: A function that is called with the result of each suite when it has finished.

    Raises:
        InputError: An argument is invalid. Nothing is written.
    """
    if suites is None:
        suites = [name for name, suite in SUITES.items() if suite.default]
    names = [suites] if isinstance(suites, str) else list(suites)
    for name in names:
        require_one_of("suite", name, tuple(SUITES))
    default_threads()  # an error here, and not in the process of each suite
    given = _checked_settings(rounds, peers, tensorflow_python) | {"all_cases": all_cases}
    folder = Path(out)
    for name in names:
        _require_own_files(folder, name)
    _create_folder(folder)
    report = Report({}, {}, {})
    for name in dict.fromkeys(names):
        _run_suite(name, folder, given, report)
        if show is not None and name in report.finished:
            show(report.finished[name])
    return report


def _checked_settings(rounds: Any, peers: Sequence[str] | None, tensorflow_python: str | None) -> dict[str, Any]:
    """Check the settings and return them as a dict. Leave out settings that are None.

    Raises:
        InputError: A setting is invalid.
    """
    given: dict[str, Any] = {}
    if rounds is not None:
        if not isinstance(rounds, int) or isinstance(rounds, bool) or rounds < 1:
            raise InputError(f"--rounds must be a whole number of at least 1, not {rounds!r}.")
        given["rounds"] = rounds
    if peers is not None:
        for peer in peers:
            require_one_of("peer", peer, PEERS)
        given["peers"] = tuple(peers)
    if tensorflow_python is not None:
        if shutil.which(tensorflow_python) is None:
            raise InputError(
                f"--tensorflow-python {tensorflow_python} is not an executable program. Give the path of a Python "
                "interpreter with TensorFlow."
            )
        given["tensorflow_python"] = tensorflow_python
    return given


def _require_own_files(folder: Path, name: str) -> None:
    """Raise an error if a suite would replace files that are not its earlier results.

    Raises:
        InputError: The folder has a file with the name of a result, but that no suite wrote.
    """
    files = [folder / f"{name}.{suffix}" for suffix in ("json", "md", "png")]
    existing = [file for file in files if file.exists() or file.is_symlink()]
    if existing and not _is_result(files[0]):
        raise InputError(f"{existing[0]} is not a result of `gatewright bench`. Move it, or choose another --out.")


def _is_result(file: Path) -> bool:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(content, dict) and {"when", "machine", "git", "settings"} <= content.keys()


def _create_folder(folder: Path) -> None:
    """Create the folder for the results. Raise an InputError if this is not possible."""
    require_results_folder(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(folder, error.strerror or str(error)) from None


def _run_suite(name: str, folder: Path, given: dict[str, Any], report: Report) -> None:
    """Run the suite `name` with the settings `given`, write its files to `folder`, and add its outcome to `report`."""
    suite = load(name)
    print_progress(f"{name}: {SUITES[name].about}, about {SUITES[name].minutes:g} min")
    try:
        result = suite.measure(_settings(suite.Settings(), given))
    except Unavailable as reason:
        report.skipped[name] = str(reason).rstrip(".")
        print_progress(f"{name} is skipped: {report.skipped[name]}.")
    except WorkerError as error:
        report.failed[name] = error.reason.rstrip(".")
        print_progress(f"{name} failed: {report.failed[name]}.")
    else:
        page = suite.markdown(result)
        files = (*_write(folder, name, result, page), *_draw(folder, name, result))
        report.finished[name] = Finished(name, page, files)


def _settings(defaults: Any, given: dict[str, Any]) -> Any:
    """Return `defaults`, the settings of a suite, with the values in `given` for those settings that the suite has."""
    names = {field.name for field in dataclasses.fields(defaults)}
    changes = {name: value for name, value in given.items() if name in names}
    if "peers" in changes:
        changes["peers"] = tuple(peer for peer in defaults.peers if peer in changes["peers"])
    return dataclasses.replace(defaults, **changes)


def _write(folder: Path, name: str, result: dict[str, Any], page: str) -> list[Path]:
    texts = {f"{name}.json": json.dumps(result, indent=1), f"{name}.md": page}
    for file, text in texts.items():
        with atomically(folder / file) as path:
            path.write_text(f"{text}\n", encoding="utf-8")
    return [folder / file for file in texts]


def _draw(folder: Path, name: str, result: dict[str, Any]) -> list[Path]:
    if not SUITES[name].plot:
        return []
    try:
        plot = import_module(f"gatewright.bench.plots.{name}")
    except ModuleNotFoundError as error:
        print_progress(f"{name} has no plot: {error.name} is not installed.")
        return []
    from gatewright.support.plot_style import plot_style

    file = folder / f"{name}.png"
    with plot_style(), atomically(file) as path:
        plot.draw(result).savefig(path, dpi=200, facecolor="white", format="png")
    return [file]
