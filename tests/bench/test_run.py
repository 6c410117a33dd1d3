"""The command `gatewright bench`."""

from __future__ import annotations

import functools
import os
import signal
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import pytest

from gatewright.bench import workers
from gatewright.bench.suite import SUITES
from gatewright.bench.suites import operation, step
from gatewright.commands import main as cli


@pytest.fixture
def tiny_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the suite `step` short."""
    monkeypatch.setattr(step, "Settings", functools.partial(step.Settings, calls=1, units=(4,), cells=("gru",)))


def input_error(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Run the command, check that it fails with one line and writes nothing, and return the line."""
    before = sorted(Path().rglob("*"))
    try:
        code = cli.main(["bench", *arguments])
    except SystemExit as stopped:  # raised by argparse
        code = int(stopped.code or 0)
    out, err = capsys.readouterr()
    assert (code, out) == (2, "")
    (line,) = err.strip().splitlines()
    assert line.startswith("gatewright: ")
    assert sorted(Path().rglob("*")) == before
    return line


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["trainin"], "did you mean 'training'?"),
        (["step", "stepp"], "not 'stepp'; did you mean 'step'?"),
        (["--rounds=0"], "--rounds must be a whole number of at least 1, not 0."),
        (["--rounds=few"], "must be a whole number, not 'few'"),
        (["--peers=torc"], "peer must be one of"),
        (["--out=file"], "--out file is a file"),
        (["--out=file/below"], "--out file/below cannot be written"),
        (["--tensorflow-python=nowhere/python"], "--tensorflow-python nowhere/python is not an executable program."),
    ],
)
def test_an_argument_that_can_not_be_used_is_an_error(
    capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    Path("file").write_text("unchanged")
    assert message in input_error(capsys, *arguments)
    assert Path("file").read_text() == "unchanged"


def test_list_prints_suites_with_minutes(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["bench", "--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[: len(SUITES)]] == list(SUITES)
    assert all(" min  " in line for line in lines[: len(SUITES)])


@pytest.mark.usefixtures("tiny_step")
def test_the_page_goes_to_standard_output_and_progress_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["bench", "step", "--rounds=1", "--peers="]) == 0
    out, err = capsys.readouterr()
    assert out == Path("gatewright-bench/step.md").read_text() + "\n"
    assert err.startswith("step: ")


@pytest.mark.usefixtures("tiny_step")
def test_a_failed_suite_is_reported_and_the_next_one_runs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(settings: Any) -> None:
        raise workers.WorkerError("it died.")

    monkeypatch.setattr(operation, "measure", fail)
    assert cli.main(["bench", "operation", "step", "--rounds=1", "--peers="]) == 1
    assert "operation failed: it died.\n" in capsys.readouterr().err
    assert Path("gatewright-bench/step.json").exists()


@pytest.mark.usefixtures("tiny_step")
def test_finished_suites_are_kept_if_the_next_one_is_interrupted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(settings: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(operation, "measure", interrupt)
    assert cli.main(["bench", "step", "operation", "--rounds=1", "--peers="]) == 130
    assert "gatewright: interrupted; " in capsys.readouterr().err
    assert sorted(path.name for path in Path("gatewright-bench").iterdir()) == ["step.json", "step.md"]


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="looks for processes in /proc")
def test_an_interrupt_ends_all_workers() -> None:
    # A shell ignores Ctrl-C in background processes, and child processes inherit that.
    program = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
    program += "from gatewright.commands.main import main; sys.exit(main(sys.argv[1:]))"
    mark = f"GATEWRIGHT_TEST_MARK={uuid.uuid4()}"
    process = subprocess.Popen(
        [sys.executable, "-c", program, "bench", "operation"],
        env={**os.environ, **dict([mark.split("=")])},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    while "starting" not in process.stderr.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert not [pid for pid in os.listdir("/proc") if pid.isdigit() and mark in _environment(pid)]


def _environment(pid: str) -> str:
    try:
        return Path("/proc", pid, "environ").read_text()
    except OSError:  # a process of another user, or one that has ended
        return ""


@pytest.mark.parametrize("name", ["step.md", "step.png", "step.json"])
def test_a_file_that_is_no_result_is_not_replaced(capsys: pytest.CaptureFixture[str], name: str) -> None:
    Path("step.json").write_text("{}")
    Path("step.json").rename(name)
    expected = f"{name} is not a result of `gatewright bench`. Move it, or choose another --out."
    assert expected in input_error(capsys, "step", "--out=.")
