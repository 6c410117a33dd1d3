"""`gatewright doctor`."""

import sys

import pytest

from gatewright.commands import doctor as _  # noqa: F401  so that the module can be looked up, whatever the package exports
from gatewright.commands import main as cli

module = sys.modules["gatewright.commands.doctor"]


@pytest.fixture
def without_integrations(monkeypatch):
    """Trying the integrations takes seconds."""
    monkeypatch.setattr(module, "_integrations", list)
    monkeypatch.delenv("GATEWRIGHT_DATA", raising=False)
    monkeypatch.delenv("GATEWRIGHT_NUM_THREADS", raising=False)


def test_no_problems(without_integrations, capsys):
    assert cli.main(["doctor"]) == 0
    out = capsys.readouterr().out
    for name in ("python", "numpy", "keras", "jax", "torch", "instruction sets", "bfloat16 products", "threads"):
        assert f"\n{name} " in f"\n{out}"
    assert out.endswith("No problems were found.\n")


def test_data_folder(without_integrations, monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("GATEWRIGHT_DATA", str(tmp_path))
    assert module.doctor().ok
    monkeypatch.setenv("GATEWRIGHT_DATA", str(tmp_path / "no"))
    assert cli.main(["doctor"]) == 1
    assert f"Problem: GATEWRIGHT_DATA={tmp_path / 'no'} is not a folder" in capsys.readouterr().out


@pytest.mark.parametrize(("number", "sentence"), [("4096", "is slow"), ("many", "GATEWRIGHT_NUM_THREADS")])
def test_threads(without_integrations, monkeypatch, number, sentence):
    monkeypatch.setenv("GATEWRIGHT_NUM_THREADS", number)
    (problem,) = module.doctor().problems
    assert sentence in problem


def test_kernels_that_do_not_load(without_integrations, monkeypatch):
    monkeypatch.delattr("gatewright.ops.kernels", raising=False)
    monkeypatch.setitem(sys.modules, "gatewright.ops.kernels", None)
    (problem,) = module.doctor().problems
    assert problem.startswith("The compiled kernels do not load")


def test_integrations(monkeypatch):
    programs = {
        "numpy backend": ((), "pass"),
        "jax backend": (("jax",), "raise ImportError('too old')"),
        "keras integration": (("keras", "jax"), "import os; os.kill(os.getpid(), 4)"),
    }
    monkeypatch.setattr(module, "_INTEGRATIONS", programs)
    works, fails, crashes = module._integrations()
    assert works == ("numpy backend", "works", "")
    assert fails == ("jax backend", "does not work", "The jax backend does not work: ImportError: too old")
    assert crashes.name == "keras integration"
    assert "signal 4" in crashes.problem


def test_integration_without_its_packages(monkeypatch):
    monkeypatch.setattr(module, "_INTEGRATIONS", {"jax backend": (("no_such_package",), "pass")})
    needs = "needs no_such_package: pip install 'gatewright[train]'"
    assert module._integrations() == [("jax backend", needs, "")]


def test_page():
    report = module.Report((("a<b", "c"),), ("d > e",))
    assert "a&lt;b" in report._repr_html_()
    assert "d &gt; e" in report._repr_html_()
    assert str(report) == "a<b  c\n\nProblem: d > e"


@pytest.mark.slow
def test_here():
    report = module.doctor()
    assert report.ok
    for name in ("numpy backend", "jax backend", "keras integration"):
        assert (name, "works") in report.rows
