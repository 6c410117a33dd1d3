"""Each suite with tiny settings, in processes of its own, as the command runs it."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

import pytest

from gatewright.bench.instruction_sets import measured
from gatewright.bench.run import Finished, run
from gatewright.bench.shape import Shape
from gatewright.bench.suite import load
from gatewright.bench.suites import cases


def run_tiny(monkeypatch: pytest.MonkeyPatch, name: str, settings: dict[str, Any], **options: Any) -> dict[str, Any]:
    """Run a suite with other default settings, check its files and return its JSON."""
    suite = load(name)
    monkeypatch.setattr(suite, "Settings", functools.partial(suite.Settings, **settings))
    shown: list[Finished] = []
    report = run(name, "out", rounds=1, show=shown.append, **options)
    assert (report.skipped, report.failed) == ({}, {})
    assert [finished.name for finished in shown] == [name]
    assert sorted(Path("out").iterdir()) == sorted(Path(file) for file in shown[0].files)
    assert Path("out", f"{name}.md").read_text() == f"{shown[0].markdown}\n"
    result: dict[str, Any] = json.loads(Path("out", f"{name}.json").read_text(), parse_constant=pytest.fail)
    assert {"when", "machine", "git", "settings", "environment", "notes", "rows"} <= set(result)
    assert result["rows"]
    return result


def test_operation(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {"calls": 1, "shapes": (Shape(2, 3, 4, 5),), "threads": (1, 2)}
    result = run_tiny(monkeypatch, "operation", settings)
    assert [(row["instruction_set"], row["cell"], row["threads"]) for row in result["rows"]] == [
        (name, cell, threads) for name in measured() for cell in result["settings"]["cells"] for threads in (1, 2)
    ]
    assert all(row["fraction"] > 0 and len(row["peaks"]) == 1 for row in result["rows"])


def test_forward(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("onnxruntime")
    result = run_tiny(monkeypatch, "forward", {"calls": 1, "shape": Shape(2, 3, 4, 5), "threads": 1})
    assert [row["peer"] for row in result["rows"]] == ["onnxruntime", "gatewright"] * 3
    assert result["notes"] == []  # the outputs agree


def test_step(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("onnxruntime")
    result = run_tiny(monkeypatch, "step", {"calls": 1, "units": (4,)})
    assert [set(row["times"]) for row in result["rows"]] == [{"gatewright", "onnxruntime"}] * 3


def test_step_without_a_peer(monkeypatch: pytest.MonkeyPatch) -> None:
    result = run_tiny(monkeypatch, "step", {"calls": 1, "units": (4,), "cells": ("lstm",)}, peers=[])
    assert set(result["rows"][0]["times"]) == {"gatewright"}


def test_proportion(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("matplotlib")
    sweeps = {"length": (Shape(1, 2, 3, 4), Shape(1, 4, 3, 4)), "batch": (Shape(1, 2, 3, 4),)}
    result = run_tiny(monkeypatch, "proportion", {"sweeps": sweeps, "threads": (1, 2)})
    assert len(result["rows"]) == 12
    assert Path("out/proportion.png").read_bytes().startswith(b"\x89PNG")


def test_lengths(monkeypatch: pytest.MonkeyPatch, reviews: Path) -> None:
    settings = {"batches": 2, "batch": 4, "time": 20, "width": 3}
    result = run_tiny(monkeypatch, "lengths", settings, peers=[])
    assert [row["cell"] for row in result["rows"]] == ["gru", "lstm"]
    assert all(len(row["batches"]) == 2 and 0 < row["live"] < 1 for row in result["rows"])


@pytest.mark.slow
def test_lengths_with_pytorch(monkeypatch: pytest.MonkeyPatch, reviews: Path) -> None:
    pytest.importorskip("torch")
    settings = {"batches": 1, "batch": 4, "time": 20, "width": 3, "cells": ("lstm",)}
    result = run_tiny(monkeypatch, "lengths", settings, peers=["torch"])
    assert [row["peer"] for row in result["rows"]] == ["torch", "gatewright"]


@pytest.mark.slow
def test_training_leaves_out_a_peer_that_can_not_start(
    monkeypatch: pytest.MonkeyPatch, reviews: Path, broken_python: str
) -> None:
    settings = {"steps": 1, "common_cases": (("SimpleRNN", "plain"),), "instruction_sets": measured()[:1]}
    options = {"peers": ["keras-tensorflow"], "tensorflow_python": broken_python}
    result = run_tiny(monkeypatch, "training", settings, **options)
    assert [row["peer"] for row in result["rows"]] == ["gatewright"]
    note = "Keras on TensorFlow is skipped: the worker ended with code 3: it is broken."
    assert result["notes"] == [note]
    assert f"- {note}" in Path("out/training.md").read_text()
    assert broken_python not in Path("out/training.json").read_text()
    assert Path("out/training.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    result = run_tiny(monkeypatch, "memory", {"steps": 2, "cells": ("GRU",)}, peers=[])
    (row,) = result["rows"]
    assert row["peak_mb"] > row["growth_mb"] > 0
    assert row["peak_ratio"] == 1


@pytest.mark.slow
def test_cases(monkeypatch: pytest.MonkeyPatch) -> None:
    case = cases.Case("GRU", True, batch=2, time=3, features=2, units=3)
    monkeypatch.setattr(cases, "all_cases", lambda settings: [case])
    result = run_tiny(monkeypatch, "cases", {})
    assert sorted(row["instruction_set"] for row in result["rows"]) == sorted(measured())
    for row in result["rows"]:
        assert row["training"]["path"] == "fast"
        assert row["training"]["difference"] < 1e-5
    assert result["verdict"].startswith("slower than stock: ")


def test_suites_without_reviews_are_skipped(reviews: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (reviews / "train.parquet").write_text("damaged")
    report = run(["lengths", "training"], "out")
    assert set(report.skipped) == {"lengths", "training"}
    assert "GATEWRIGHT_DATA" in report.skipped["lengths"]
    assert f"lengths is skipped: {report.skipped['lengths']}.\n" in capfd.readouterr().err
    assert list(Path("out").iterdir()) == []


def test_cases_without_stock_keras_is_skipped() -> None:
    assert "keras-jax" in run("cases", "out", peers=["torch"]).skipped["cases"]
