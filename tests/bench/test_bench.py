"""`gatewright bench`: its tables, its suites with the tiniest settings, and the peak that speeds are held against."""

from __future__ import annotations

import functools
import importlib
import json
import math
import os
import signal
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import pytest

from gatewright import bench
from gatewright.bench import results, workers
from gatewright.bench.suites import cases, lengths, memory, operation, proportion, training
from gatewright.commands import main as cli
from gatewright.ops import kernels

ABOUT = {
    "machine": {"processor": "Some processor", "cores": 2, "load_before": [0.25, 0.0, 0.0]},
    "git": {"commit": "0123456789abcdef", "dirty": True},
    "when": "2026-01-01T00:00:00+00:00",
    "notes": ["PyTorch is skipped: torch is not installed."],
    "idle_cpu": {"gatewright": 0.001, "torch": None},
}
HEADING = "Some processor, 2 cores, load 0.2 before; 0123456789 with changes; 2026-01-01T00:00:00+00:00."


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


class TestMultiplyAddPeak:
    @pytest.mark.parametrize("threads", [1, 2])
    def test_every_instruction_set(self, threads: int) -> None:
        kernels.set_num_threads(threads)
        for name in kernels.instruction_sets():
            kernels.choose_instruction_set(name)
            peak = kernels.multiply_add_peak(0.001)
            assert math.isfinite(peak)
            assert peak > 0

    @pytest.mark.parametrize("seconds", [0, -1.0, math.nan, math.inf, True, "long"])
    def test_refuses_what_is_no_time(self, seconds: Any) -> None:
        with pytest.raises(ValueError, match=f"^seconds must be a number above 0; it is {seconds!r}.$"):
            kernels.multiply_add_peak(seconds)


class TestNumbers:
    def test_quartiles(self) -> None:
        assert results.quartiles([5.0, 1.0, 3.0, 2.0, 4.0]) == (2.0, 3.0, 4.0)
        assert results.quartiles([7.0]) == (7.0, 7.0, 7.0)

    def test_ratio_is_the_median_over_rounds(self) -> None:
        """A round that is slow for both counts as any other."""
        assert results.median_ratio([2.0, 30.0, 4.0], [1.0, 10.0, 1.0]) == 3.0

    def test_table(self) -> None:
        assert results.table(("name", "ms"), [("a", "1.5"), ("long", "12")]).splitlines() == [
            "| name |  ms |",
            "|------|----:|",
            "| a    | 1.5 |",
            "| long |  12 |",
        ]


class TestPages:
    """Tables of made-up times."""

    def test_training(self) -> None:
        turns = {
            "torch": [{"ms": 20.0, "loss": 0.5}, {"ms": 90.0, "loss": 0.4}],
            "gatewright": [{"ms": 10.0, "loss": 0.5}, {"ms": 30.0, "loss": 0.4}],
        }
        rows = [training._row("GRU", "plain", peer, turns) for peer in turns]
        page = training.markdown({**ABOUT, "data": "somewhere", "rows": rows})
        assert page.startswith(f"# Training step\n\n{HEADING}\n")
        assert "| GRU  | plain | PyTorch    |      55.0 | 37.5-72.5 |        2.50 |" in page
        assert "Gatewright 0.1%, PyTorch unknown" in page
        assert page.endswith("- PyTorch is skipped: torch is not installed.")

    def test_training_without_ours_has_no_ratio(self) -> None:
        assert training._row("GRU", "plain", "torch", {"torch": [{"ms": 1.0, "loss": 0.5}]})["ratio"] is None

    def test_losses_that_part_are_told(self) -> None:
        rows = [{"cell": "GRU", "case": "plain", "peer": "gatewright", "loss": 0.6}]
        assert training._disagreement(rows) is None
        rows.append({"cell": "GRU", "case": "plain", "peer": "keras-jax", "loss": 0.5})
        assert training._disagreement(rows) == "GRU, plain: the losses DIFFER, 0.6000 and stock 0.5000."

    def test_operation_is_a_fraction_of_the_median_peak(self) -> None:
        turns = [
            {"forward": [0.01, 0.02], "backward": [0.03, 0.06], "peaks": [90.0, 110.0], "gflop": 2.4},
            {"forward": [0.02], "backward": [0.02], "peaks": [100.0], "gflop": 2.4},
        ]
        row = operation._row("gru", (1, 2, 3, 4), 1, turns)
        assert row["ms"] == pytest.approx(40.0)
        assert row["gflops"] == pytest.approx(60.0)
        assert row["fraction"] == pytest.approx(0.6)
        page = operation.markdown({**ABOUT, "versions": {"instruction_set": "avx2"}, "rows": [row]})
        assert "| 60.0 |" in " ".join(page.split())

    def test_lengths_per_live_token(self) -> None:
        turn = {"live": 50, "tokens": 100, "padded_ms": [6.0, 5.0], "full_ms": [10.0, 10.0]}
        assert lengths.turn_ratio(turn) == pytest.approx([1.2, 1.0])
        row = lengths._row("gru", "gatewright", [turn])
        assert (row["ratio"], row["live"]) == (pytest.approx(1.1), 0.5)
        assert row["ns_per_live_token"] == pytest.approx(110_000)

    def test_proportion(self) -> None:
        rows = [
            proportion._row("length", "gru", (2, 5, 4, 4), threads, [{"seconds": s, "gflop": 1.0} for s in seconds])
            for threads, seconds in ((1, (0.4, 0.8)), (2, (0.2, 0.2)))
        ]
        assert rows[1]["ns_per_token"] == pytest.approx(2e7)
        assert rows[1]["gflops"] == pytest.approx(5.0)
        page = proportion.markdown({**ABOUT, "settings": {"threads": [1, 2]}, "rows": rows})
        assert page.splitlines()[6].endswith("|         3.00 |")

    def test_memory(self) -> None:
        taken = {
            ("GRU", "torch"): [{"peak_mb": 300.0, "growth_mb": 50.0}],
            ("GRU", "gatewright"): [{"peak_mb": 200.0, "growth_mb": 0.0}],
        }
        row = memory._row("GRU", "torch", taken)
        assert (row["peak_ratio"], row["growth_ratio"]) == (1.5, None)
        page = memory.markdown({**ABOUT, "settings": {"steps": 12}, "rows": [row]})
        assert "| GRU  | PyTorch |     300 |        1.50 |" in page

    def test_cases_that_are_slower_are_counted(self) -> None:
        def row(name: str, stock: float) -> dict[str, Any]:
            times = {"stock": [stock], "ours": [2.0]}
            return {"name": name, "shape": "1x1x1 to 1", "training": times, "inference": times}

        assert cases.verdict([row("a", 4.0), row("b", 1.0)]) == (
            "slower than stock: 1 of 2 rows; worst: b, 1x1x1 to 1, training: 0.50"
        )

    def test_cases_are_the_same_each_time(self) -> None:
        assert cases.chosen(cases.Settings()) == cases.chosen(cases.Settings())
        assert len(cases.chosen(cases.Settings(sample=0, shapes=3))) == 56 + 3


@pytest.fixture
def broken_python(tmp_path: Path) -> str:
    """An interpreter that is none."""
    path = tmp_path / "python"
    path.write_text("#!/bin/sh\necho it is broken >&2\nexit 3\n")
    path.chmod(0o755)
    return str(path)


@pytest.fixture
def reviews(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data set imdb of a few words."""
    import pyarrow
    import pyarrow.parquet

    folder = tmp_path / "data" / "imdb"
    folder.mkdir(parents=True)
    table = pyarrow.table({"text": ["a good one " * n for n in range(1, 21)], "label": [0, 1] * 10})
    for part in ("train", "test"):
        pyarrow.parquet.write_table(table, folder / f"{part}.parquet")
    monkeypatch.setenv("GATEWRIGHT_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return folder


def run_tiny(monkeypatch: pytest.MonkeyPatch, name: str, settings: dict[str, Any], **given: Any) -> dict[str, Any]:
    """The suite's JSON, when it is run with other settings than its own; its Markdown is there too."""
    module = importlib.import_module(f"gatewright.bench.suites.{name}")
    monkeypatch.setattr(module, "Settings", functools.partial(module.Settings, **settings))
    shown: list[bench.Finished] = []
    report = bench.run(name, "out", rounds=1, show=shown.append, **given)
    assert (report.skipped, report.failed) == ({}, {})
    assert [suite.name for suite in shown] == [name]
    assert sorted(Path("out").iterdir()) == sorted(Path(file) for file in shown[0].files)
    assert Path("out", f"{name}.md").read_text() == f"{shown[0].markdown}\n"
    result: dict[str, Any] = json.loads(Path("out", f"{name}.json").read_text(), parse_constant=pytest.fail)
    assert {"when", "machine", "git", "settings", "environment", "notes", "rows"} <= set(result)
    assert result["rows"]
    return result


CELLS_BY_ROW = ("gru", "lstm", "simple_rnn", "min_gru", "min_lstm", "layer_norm_lstm", "layer_norm_gru")
CELLS_BY_ROW += ("zoneout_lstm", "zoneout_gru")


class TestSuites:
    """Each in its own processes, as the command runs it."""

    def test_operation(self, monkeypatch: pytest.MonkeyPatch) -> None:
        settings = {"calls": 1, "shapes": ((2, 3, 4, 5),), "threads": (1, 2)}
        result = run_tiny(monkeypatch, "operation", settings)
        assert [(row["cell"], row["threads"]) for row in result["rows"]] == [
            (cell, threads) for cell in CELLS_BY_ROW for threads in (1, 2)
        ]
        assert all(row["fraction"] > 0 and len(row["peaks"]) == 1 for row in result["rows"])

    def test_forward(self, monkeypatch: pytest.MonkeyPatch) -> None:
        pytest.importorskip("onnxruntime")
        result = run_tiny(monkeypatch, "forward", {"calls": 1, "shape": (2, 3, 4, 5), "threads": 1})
        assert [row["peer"] for row in result["rows"]] == ["onnxruntime", "gatewright"] * 3
        assert result["notes"] == []  # the outputs agree

    def test_step(self, monkeypatch: pytest.MonkeyPatch) -> None:
        pytest.importorskip("onnxruntime")
        result = run_tiny(monkeypatch, "step", {"calls": 1, "units": (4,)})
        assert [set(row["times"]) for row in result["rows"]] == [{"gatewright", "onnxruntime"}] * 3

    def test_step_alone(self, monkeypatch: pytest.MonkeyPatch) -> None:
        result = run_tiny(monkeypatch, "step", {"calls": 1, "units": (4,), "cells": ("lstm",)}, peers=[])
        assert set(result["rows"][0]["times"]) == {"gatewright"}

    def test_proportion(self, monkeypatch: pytest.MonkeyPatch) -> None:
        sweeps = {"length": ((1, 2, 3, 4), (1, 4, 3, 4)), "batch": ((1, 2, 3, 4),)}
        result = run_tiny(monkeypatch, "proportion", {"sweeps": sweeps, "threads": (1, 2)})
        assert len(result["rows"]) == 12
        assert Path("out/proportion.png").read_bytes().startswith(b"\x89PNG")

    def test_lengths(self, monkeypatch: pytest.MonkeyPatch, reviews: Path) -> None:
        settings = {"batches": 2, "batch": 4, "time": 20, "width": 3}
        result = run_tiny(monkeypatch, "lengths", settings, peers=[])
        assert [row["cell"] for row in result["rows"]] == ["gru", "lstm"]
        assert all(len(row["batches"]) == 2 and 0 < row["live"] < 1 for row in result["rows"])

    @pytest.mark.slow
    def test_lengths_beside_pytorch(self, monkeypatch: pytest.MonkeyPatch, reviews: Path) -> None:
        pytest.importorskip("torch")
        settings = {"batches": 1, "batch": 4, "time": 20, "width": 3, "cells": ("lstm",)}
        result = run_tiny(monkeypatch, "lengths", settings, peers=["torch"])
        assert [row["peer"] for row in result["rows"]] == ["torch", "gatewright"]

    @pytest.mark.slow
    def test_training(self, monkeypatch: pytest.MonkeyPatch, reviews: Path, broken_python: str) -> None:
        """A peer that can't be started is named, and the rest is measured."""
        settings = {"steps": 1, "cases": (("SimpleRNN", "plain"),)}
        given = {"peers": ["keras-tensorflow"], "tensorflow_python": broken_python}
        result = run_tiny(monkeypatch, "training", settings, **given)
        assert [row["peer"] for row in result["rows"]] == ["gatewright"]
        said = "Keras on TensorFlow is skipped: the worker ended with code 3: it is broken."
        assert result["notes"] == [said]
        assert f"- {said}" in Path("out/training.md").read_text()
        assert broken_python not in Path("out/training.json").read_text()
        assert Path("out/training.png").read_bytes().startswith(b"\x89PNG")

    @pytest.mark.slow
    def test_memory(self, monkeypatch: pytest.MonkeyPatch) -> None:
        result = run_tiny(monkeypatch, "memory", {"steps": 2, "cells": ("GRU",)}, peers=[])
        (row,) = result["rows"]
        assert row["peak_mb"] > row["growth_mb"] > 0
        assert row["peak_ratio"] == 1

    @pytest.mark.slow
    def test_cases(self, monkeypatch: pytest.MonkeyPatch) -> None:
        only = cases.Case("GRU", True, batch=2, time=3, features=2, units=3)
        monkeypatch.setattr(cases, "chosen", lambda settings: [only])
        result = run_tiny(monkeypatch, "cases", {})
        (row,) = result["rows"]
        assert row["training"]["path"] == "fast"
        assert row["training"]["difference"] < 1e-5
        assert result["verdict"].startswith("slower than stock: ")

    def test_no_reviews(self, reviews: Path, capfd: pytest.CaptureFixture[str]) -> None:
        """The suite is skipped with a sentence."""
        (reviews / "train.parquet").write_text("damaged")
        report = bench.run(["lengths", "training"], "out")
        assert set(report.skipped) == {"lengths", "training"}
        assert "GATEWRIGHT_DATA" in report.skipped["lengths"]
        assert f"lengths is skipped: {report.skipped['lengths']}.\n" in capfd.readouterr().err
        assert list(Path("out").iterdir()) == []

    def test_cases_without_stock_keras(self) -> None:
        assert "keras-jax" in bench.run("cases", "out", peers=["torch"]).skipped["cases"]


class TestWorkers:
    def test_a_request_that_fails_is_told_and_the_next_is_answered(self) -> None:
        with workers.Worker("suites.operation", "gatewright") as worker:
            with pytest.raises(workers.WorkerError, match="cell must be one of"):
                worker.ask("turn", cell="none", shape=[1, 1, 1, 1], threads=1, calls=1)
            assert worker.ask("start")["instruction_set"] in kernels.instruction_sets()

    def test_another_interpreter_sees_this_package_alone(self, tmp_path: Path) -> None:
        """What lies beside the package, other libraries, is not for it."""
        with workers._path_of_the_package() as folder:
            assert [path.name for path in Path(folder).iterdir()] == ["gatewright"]
            assert Path(folder, "gatewright", "bench", "suites", "training.py").is_file()

    def test_modules_of_suites_import_nothing_heavy(self) -> None:
        heavy = ("keras", "jax", "torch", "tensorflow", "onnx", "onnxruntime", "matplotlib", "gatewright.ops._kernels")
        imports = "; ".join(f"import gatewright.bench.suites.{name}" for name in bench.SUITES)
        program = f"import sys; {imports}; print([name for name in {heavy} if name in sys.modules])"
        done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
        assert done.stdout == "[]\n"


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The one sentence with which the command refuses; nothing is written."""
    before = sorted(Path().rglob("*"))
    try:
        code = cli.main(["bench", *arguments])
    except SystemExit as left:  # argparse's way
        code = int(left.code or 0)
    out, err = capsys.readouterr()
    assert (code, out) == (2, "")
    (line,) = err.strip().splitlines()
    assert line.startswith("gatewright: ")
    assert sorted(Path().rglob("*")) == before
    return line


class TestCommand:
    @pytest.mark.parametrize(
        ("arguments", "sentence"),
        [
            (["trainin"], "did you mean 'training'?"),
            (["step", "stepp"], "not 'stepp'; did you mean 'step'?"),
            (["--rounds=0"], "rounds must be a whole number from 1 up, not 0."),
            (["--rounds=few"], "must be a whole number, not 'few'"),
            (["--peers=torc"], "peer must be one of"),
            (["--out=file"], "--out file is a file: name a folder for the results."),
            (["--out=file/below"], "--out file/below can't be written"),
            (["--tensorflow-python=nowhere/python"], "--tensorflow-python nowhere/python is no program"),
        ],
    )
    def test_bad_input(self, capsys: pytest.CaptureFixture[str], arguments: list[str], sentence: str) -> None:
        Path("file").write_text("mine")
        assert sentence in refused(capsys, *arguments)
        assert Path("file").read_text() == "mine"

    def test_list(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert cli.main(["bench", "--list"]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert [line.split()[0] for line in lines[: len(bench.SUITES)]] == list(bench.SUITES)
        assert all(" min  " in line for line in lines[: len(bench.SUITES)])

    def test_page_is_printed_and_progress_is_not(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        from gatewright.bench.suites import step

        monkeypatch.setattr(step, "Settings", functools.partial(step.Settings, calls=1, units=(4,), cells=("gru",)))
        assert cli.main(["bench", "step", "--rounds=1", "--peers="]) == 0
        out, err = capsys.readouterr()
        assert out == Path("gatewright-bench/step.md").read_text() + "\n"
        assert err.startswith("step: ")

    def test_a_suite_that_fails_is_named_and_the_next_one_runs(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        from gatewright.bench.suites import step

        def fail(settings: Any) -> None:
            raise workers.WorkerError("it died.")

        monkeypatch.setattr(operation, "measure", fail)
        monkeypatch.setattr(step, "Settings", functools.partial(step.Settings, calls=1, units=(4,), cells=("gru",)))
        assert cli.main(["bench", "operation", "step", "--rounds=1", "--peers="]) == 1
        assert "operation failed: it died.\n" in capsys.readouterr().err
        assert Path("gatewright-bench/step.json").exists()

    def test_finished_suites_stay_when_the_next_one_is_interrupted(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        from gatewright.bench.suites import step

        def stop(settings: Any) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(operation, "measure", stop)
        monkeypatch.setattr(step, "Settings", functools.partial(step.Settings, calls=1, units=(4,), cells=("gru",)))
        assert cli.main(["bench", "step", "operation", "--rounds=1", "--peers="]) == 130
        assert "gatewright: interrupted; " in capsys.readouterr().err
        assert sorted(path.name for path in Path("gatewright-bench").iterdir()) == ["step.json", "step.md"]

    @pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="looks for processes in /proc")
    def test_control_c_leaves_no_worker(self) -> None:
        # A shell starts what it puts into the background with Ctrl-C ignored, and children inherit that.
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
    except OSError:  # another's, or ended
        return ""
