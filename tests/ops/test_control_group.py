"""The control group of the process is found in both versions of control groups."""

from pathlib import Path

import pytest

from gatewright.ops import control_group


@pytest.mark.parametrize(
    ("lines", "cpu", "memory"),
    [
        (["0::/a/b.scope"], "a/b.scope", "a/b.scope"),
        (["12:memory:/m", "4:cpu,cpuacct:/a:b", "1:name=systemd:/s"], "a:b", "m"),
        (["2:cpuset:/c"], "", ""),
        ([], "", ""),
    ],
)
def test_own_group(lines: list[str], cpu: str, memory: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control_group, "lines", lambda path: lines)
    assert control_group.own_group("cpu") == cpu
    assert control_group.own_group("memory") == memory


def test_a_file_that_does_not_exist_is_empty(tmp_path: Path) -> None:
    assert control_group.lines(tmp_path / "cpu.max") == []
    assert control_group.words(tmp_path / "cpu.max") == []
