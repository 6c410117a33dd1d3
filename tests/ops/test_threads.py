"""How many threads the kernels use: the variable, the affinity mask, the control group."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gatewright.ops import control_group, kernels, threads
from gatewright.ops.threads import VARIABLE, cgroup_quota, default_threads
from gatewright.support.errors import InputError


@pytest.fixture
def eight_cores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "_PROCESSORS", tmp_path / "no such folder")
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(8)), raising=False)


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


@pytest.mark.parametrize("value", ["1", "3", "64"])
def test_variable(value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is taken at its word, against every other limit."""
    monkeypatch.setenv(VARIABLE, value)
    write(tmp_path, {"cpu.max": "100000 100000\n"})
    assert default_threads(tmp_path) == (int(value), VARIABLE)


@pytest.mark.parametrize("value", ["0", "-1", "1.5", "two", " 2", "²", "٣", "65537"])
def test_bad_variable(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, value)
    with pytest.raises(
        ValueError, match=f"^{VARIABLE} must be a whole number from 1 to 65536, not {value!r}. Change it"
    ):
        default_threads()


def test_a_long_bad_variable_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "9" * 5000)
    with pytest.raises(InputError, match=rf"not '{'9' * 40}\.\.\.'\. Change it"):
        default_threads()


def test_an_empty_variable_is_none(tmp_path: Path, eight_cores: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "")
    assert default_threads(tmp_path) == (8, "processor affinity")


def test_affinity(tmp_path: Path, eight_cores: None) -> None:
    assert default_threads(tmp_path) == (8, "processor affinity")


def describe_cores(root: Path, cores: list[tuple[str, str]]) -> None:
    files = {}
    for processor, (package, core) in enumerate(cores):
        files[f"cpu{processor}/topology/physical_package_id"] = f"{package}\n"
        files[f"cpu{processor}/topology/core_id"] = f"{core}\n"
    write(root, files)


def test_hardware_threads_of_one_core_count_once(
    tmp_path: Path, eight_cores: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    processors = tmp_path / "cpu"
    monkeypatch.setattr(threads, "_PROCESSORS", processors)
    describe_cores(processors, [(package, core) for _ in range(2) for package in "01" for core in "01"])
    assert default_threads(tmp_path) == (4, "physical cores of 8 hardware threads")
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 1, 4})  # 0 and 4 are one core
    assert default_threads(tmp_path) == (2, "physical cores of 3 hardware threads")
    write(tmp_path, {"cpu.max": "100000 100000\n"})
    assert default_threads(tmp_path) == (1, "control group quota")


def test_processors_of_unknown_cores_all_count(
    tmp_path: Path, eight_cores: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threads, "_PROCESSORS", tmp_path)
    describe_cores(tmp_path, [("0", "0")] * 7)  # the last one is not described
    assert default_threads(tmp_path) == (8, "processor affinity")
    describe_cores(tmp_path, [("0", "-1")] * 8)
    assert default_threads(tmp_path) == (8, "processor affinity")


def test_no_affinity_to_ask_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On systems that have none, every processor counts; where their number is unknown, one."""
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    for count, expected in ((6, 6), (None, 1)):
        monkeypatch.setattr(os, "cpu_count", lambda count=count: count)
        assert default_threads(tmp_path)[0] == expected


@pytest.mark.parametrize(
    ("files", "quota"),
    [
        ({}, None),
        ({"cpu.max": "max 100000\n"}, None),
        ({"own/group/cpu.max": "300000 100000\n"}, 3.0),
        ({"cpu.max": "250000 100000\n"}, 2.5),  # seen from within a container
        ({"own/group/cpu.max": "50000 100000\n", "cpu.max": "400000 100000\n"}, 0.5),
        ({"own/group/cpu.max": "max 100000\n", "cpu.max": "400000 100000\n"}, 4.0),
        ({"cpu/own/group/cpu.cfs_quota_us": "150000\n", "cpu/own/group/cpu.cfs_period_us": "100000\n"}, 1.5),
        ({"cpu/cpu.cfs_quota_us": "400000\n", "cpu/cpu.cfs_period_us": "200000\n"}, 2.0),
        ({"cpu/own/group/cpu.cfs_quota_us": "-1\n", "cpu/own/group/cpu.cfs_period_us": "100000\n"}, None),
        ({"cpu.max": ""}, None),
    ],
    ids=["none", "max", "v2", "v2_root", "v2_nearest", "v2_max", "v1", "v1_root", "v1_none", "empty"],
)
def test_control_group(
    files: dict[str, str], quota: float | None, tmp_path: Path, eight_cores: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control_group, "own_group", lambda controller: "own/group")
    write(tmp_path, files)
    assert cgroup_quota(tmp_path) == quota
    whole: dict[Any, Any] = {None: 8, 0.5: 1, 1.5: 2, 2.0: 2, 2.5: 3, 3.0: 3, 4.0: 4}
    because = "processor affinity" if quota is None else "control group quota"
    assert default_threads(tmp_path) == (whole[quota], because)


def test_a_quota_above_the_affinity_is_no_limit(tmp_path: Path, eight_cores: None) -> None:
    write(tmp_path, {"cpu.max": "1600000 100000\n"})
    assert default_threads(tmp_path) == (8, "processor affinity")


def test_set_num_threads() -> None:
    kernels.set_num_threads(5)
    assert kernels.num_threads() == 5
    wrong: Any
    for wrong in (0, -1, 1.5, True, "2", None):
        with pytest.raises(ValueError, match=f"^threads must be a whole number of at least 1, not {wrong!r}."):
            kernels.set_num_threads(wrong)
    assert kernels.num_threads() == 5


def test_choose_instruction_set() -> None:
    for name in kernels.instruction_sets():
        kernels.choose_instruction_set(name)
        assert kernels.instruction_set() == name
    with pytest.raises(ValueError, match=r"^The instruction set must be one of .* on this machine, not 'mmx'."):
        kernels.choose_instruction_set("mmx")


def test_variable_of_a_program() -> None:
    def program(value: str) -> subprocess.CompletedProcess[str]:
        text = "import gatewright; print(gatewright.num_threads())"
        environment = os.environ | {VARIABLE: value}
        return subprocess.run([sys.executable, "-c", text], env=environment, capture_output=True, text=True)

    assert program("3").stdout == "3\n"
    assert int(program("").stdout) >= 1
    assert (
        program("x")
        .stderr.splitlines()[-1]
        .endswith(f"InputError: {VARIABLE} must be a whole number from 1 to 65536, not 'x'. Change it or unset it.")
    )
