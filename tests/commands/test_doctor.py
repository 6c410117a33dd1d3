"""`gatewright doctor`."""

import sys

import pytest

from gatewright.commands import doctor as _  # noqa: F401  so that the module can be looked up, whatever the package exports
from gatewright.commands import main as cli

module = sys.modules["gatewright.commands.doctor"]


@pytest.fixture
def without_doors(monkeypatch):
    """Opening the doors takes seconds."""
    monkeypatch.setattr(module, "_doors", lambda problems: [])
    monkeypatch.delenv("GATEWRIGHT_DATA", raising=False)
    monkeypatch.delenv("GATEWRIGHT_NUM_THREADS", raising=False)


def test_all_is_well(without_doors, capsys):
    assert cli.main(["doctor"]) == 0
    out = capsys.readouterr().out
    for name in ("python", "numpy", "keras", "jax", "torch", "instruction sets", "threads"):
        assert f"\n{name} " in f"\n{out}"
    assert out.endswith("All is well.\n")


def test_data_folder(without_doors, monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("GATEWRIGHT_DATA", str(tmp_path))
    assert module.doctor().ok
    monkeypatch.setenv("GATEWRIGHT_DATA", str(tmp_path / "no"))
    assert cli.main(["doctor"]) == 1
    assert f"Wrong: GATEWRIGHT_DATA={tmp_path / 'no'} is not a folder" in capsys.readouterr().out


@pytest.mark.parametrize(("number", "sentence"), [("4096", "is slow"), ("many", "GATEWRIGHT_NUM_THREADS")])
def test_threads(without_doors, monkeypatch, number, sentence):
    monkeypatch.setenv("GATEWRIGHT_NUM_THREADS", number)
    (problem,) = module.doctor().problems
    assert sentence in problem


def test_kernels_that_do_not_load(without_doors, monkeypatch):
    monkeypatch.delattr("gatewright.ops.kernels", raising=False)
    monkeypatch.setitem(sys.modules, "gatewright.ops.kernels", None)
    (problem,) = module.doctor().problems
    assert problem.startswith("the compiled kernels do not load")


def test_doors(monkeypatch):
    monkeypatch.setattr(
        module,
        "_DOORS",
        {
            "numpy": "pass",
            "jax": "raise ImportError('too old')",
            "keras": "import os; os.kill(os.getpid(), 4)",
        },
    )
    problems = []
    rows = module._doors(problems)
    assert rows == [
        ("numpy door", "loads"),
        ("jax door", "does not load"),
        ("keras door", "does not load"),
        ("torch door", "not yet"),
    ]
    assert problems[0] == "the jax door does not load: ImportError: too old"
    assert "signal 4" in problems[1]


def test_door_without_its_packages(monkeypatch):
    monkeypatch.setattr(module, "_NEEDS", {"numpy": (), "jax": ("no_such_package",), "keras": ("no_such_package",)})
    monkeypatch.setattr(module, "_DOORS", {"numpy": "pass", "jax": "pass", "keras": "pass"})
    problems = []
    assert module._doors(problems)[1] == (
        "jax door",
        "needs no_such_package: pip install 'gatewright[train]'",
    )
    assert problems == []


def test_page():
    report = module.Report((("a<b", "c"),), ("d > e",))
    assert "a&lt;b" in report._repr_html_()
    assert "d &gt; e" in report._repr_html_()
    assert str(report) == "a<b  c\n\nWrong: d > e"


@pytest.mark.slow
def test_here():
    report = module.doctor()
    doors = {name: finding for name, finding in report.rows if name.endswith(" door")}
    assert doors == {
        "numpy door": "loads",
        "jax door": "loads",
        "keras door": "loads",
        "torch door": "not yet",
    }
