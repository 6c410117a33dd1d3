"""The kernels without Python: on every instruction set that this processor runs, and NEON under an emulator."""

from __future__ import annotations

import functools
from pathlib import Path

import pytest
from native import build, cases

from gatewright.ops import kernels

pytestmark = pytest.mark.slow  # compiles the kernels

NATIVE = [("plain", name) for name in kernels.instruction_sets()]
each_build = pytest.mark.parametrize(
    ("kind", "instructions"), [*NATIVE, ("aarch64", "neon")], ids=lambda value: str(value)
)
# An emulated process with threads cannot have a child: the emulator stops there itself.
each_native_build = pytest.mark.parametrize(("kind", "instructions"), NATIVE, ids=lambda value: str(value))


def driver(kind: str) -> tuple[str, ...]:
    try:
        return build.build(kind)
    except build.Unavailable as missing:
        pytest.skip(str(missing))


@functools.cache
def all_cases() -> list[cases.Case]:
    """Once for every build: what is expected of a case is computed once."""
    return cases.all_cases()


@pytest.fixture
def small_file(kind: str, tmp_path: Path) -> Path:
    """A few cases; fewer where an emulator makes them slow."""
    cases.write(tmp_path / "cases", cases.small_cases()[:: 5 if kind == "aarch64" else 1])
    return tmp_path / "cases"


@each_build
def test_results(kind: str, instructions: str, tmp_path: Path) -> None:
    command = driver(kind)
    cases.write(tmp_path / "cases", all_cases())
    build.drive(command, "run", instructions, tmp_path / "cases", tmp_path / "results")
    cases.check(tmp_path / "results", all_cases())


@pytest.mark.parametrize("kind", ["plain", "aarch64"])
def test_instruction_sets(kind: str) -> None:
    """The driver was built with the sets that the extension has, and NEON's was built for another processor."""
    expected = {"plain": kernels.instruction_sets(), "aarch64": ["neon"]}
    assert build.drive(driver(kind), "sets").split() == expected[kind]


@each_build
@pytest.mark.parametrize("command", ["repeat", "concurrent", "packed", "modes", "denormals"])
def test_same_bits(kind: str, instructions: str, command: str, small_file: Path) -> None:
    """Again, beside other callers, in the caller's floating-point mode (which is kept), and with denormal operands."""
    build.drive(driver(kind), command, instructions, small_file)


@each_native_build
@pytest.mark.parametrize("command", ["fork", "fork_while_busy"])
def test_child(kind: str, instructions: str, command: str, small_file: Path) -> None:
    """A child of a process whose team has run, or runs, computes the same."""
    build.drive(driver(kind), command, instructions, small_file)


@each_native_build
def test_rounding_mode(kind: str, instructions: str, small_file: Path) -> None:
    """A caller that rounds upwards changes no result: its own, or another's on the team that it started."""
    build.drive(driver(kind), "rounding", instructions, small_file)


@each_build
def test_allocations(kind: str, instructions: str, tmp_path: Path) -> None:
    """A call asks for memory a few times, however many steps it walks."""
    groups = cases.times_cases()[:: 3 if kind == "aarch64" else 1]
    cases.write(tmp_path / "cases", [case for group in groups for case in group])
    printed = build.drive(driver(kind), "allocations", instructions, tmp_path / "cases").splitlines()
    counts = [tuple(map(int, line.split())) for line in printed]
    assert all(forward > 0 and backward > 0 for forward, backward in counts), "nothing is counted"
    for group in groups:
        same, counts = counts[: len(group)], counts[len(group) :]
        assert len(set(same)) == 1, f"{group[0]}: {same} allocations at times {[c.sizes[1] for c in group]}"
    assert not counts
