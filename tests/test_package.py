"""The package as a whole: what importing it brings, and that it notices a stale build."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest

import gatewright
from gatewright.ops import _digest, _kernels, kernels

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(
    "module", ["gatewright", "gatewright.commands.main", "gatewright.ops.numpy", "gatewright.ops.convert"]
)
def test_import_brings_no_framework(module: str) -> None:
    text = f"import sys, {module}; print(*{{'keras', 'jax', 'torch', 'tensorflow'}} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    assert done.stdout == "\n"


def test_import_loads_no_kernels_and_no_library_but_numpy() -> None:
    """`gatewright doctor` can then say why kernels do not load, and importing costs nothing that is not used."""
    heavy = "{'gatewright.ops._kernels', 'scipy', 'sklearn', 'matplotlib', 'rich', 'pyarrow'}"
    text = f"import sys, gatewright; print(*{heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    assert done.stdout == "\n"


def test_versions_agree() -> None:
    about = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert about["version"] == gatewright.__version__ == version("gatewright")


def test_public_names() -> None:
    for name in gatewright.__all__:
        assert getattr(gatewright, name).__doc__
    with pytest.raises(AttributeError, match="module 'gatewright' has no attribute 'gru'"):
        _ = gatewright.gru  # type: ignore[attr-defined]


def test_a_stale_build_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    if not (ROOT / "csrc/kernels/kernels.cpp").exists() or Path(kernels.__file__).parents[3] != ROOT:
        pytest.skip("the package under test is not an editable install")
    assert _digest.source_digest(ROOT / "csrc") == _kernels.source_digest
    monkeypatch.setattr(_digest, "source_digest", lambda folder: "of other sources")
    with pytest.raises(ImportError, match=r"^The kernels were built from other sources than those in csrc/"):
        kernels._refuse_stale_build()


def test_digest_sees_names_and_contents(tmp_path: Path) -> None:
    (tmp_path / "cells").mkdir()
    digests = set()
    for name, text in (("a.cpp", "1"), ("a.cpp", "2"), ("cells/b.hpp", "3"), ("README.md", "4")):
        (tmp_path / name).write_text(text)
        digests.add(_digest.source_digest(tmp_path))
    (tmp_path / "a.cpp").rename(tmp_path / "c.cpp")
    digests.add(_digest.source_digest(tmp_path))
    assert len(digests) == 4  # what is no C++ does not count
