"""Fixtures and helpers for the tests of the benchmarks."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _empty_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def broken_python(tmp_path: Path) -> str:
    """Return the path of an interpreter that fails."""
    path = tmp_path / "python"
    path.write_text("#!/bin/sh\necho it is broken >&2\nexit 3\n")
    path.chmod(0o755)
    return str(path)


@pytest.fixture
def reviews(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of an imdb data set with a few words."""
    import pyarrow
    import pyarrow.parquet

    folder = tmp_path / "data" / "imdb"
    folder.mkdir(parents=True)
    table = pyarrow.table({"text": ["a good one " * n for n in range(1, 21)], "label": [0, 1] * 10})
    for split in ("train", "test"):
        pyarrow.parquet.write_table(table, folder / f"{split}.parquet")
    monkeypatch.setenv("GATEWRIGHT_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return folder
