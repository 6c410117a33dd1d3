"""Scratch memory is kept between calls, up to a share of the memory that the process may use."""

import concurrent.futures
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from gatewright.bench.calls import KernelCall
from gatewright.bench.shape import Shape
from gatewright.ops import _kernels, control_group, kernels, scratch

resource = pytest.importorskip("resource")

_SMALL, _LARGE = Shape(2, 3, 8, 8), Shape(32, 2, 1024, 1024)


@pytest.fixture(autouse=True)
def nothing_kept() -> Iterator[None]:
    """Start each test without kept memory, and put the limit back after it."""
    before = _kernels.scratch_limit()
    _kernels.set_scratch_limit(0)
    assert _kernels.kept_scratch() == 0
    _kernels.set_scratch_limit(before)
    yield
    _kernels.set_scratch_limit(before)


def faults() -> int:
    return int(resource.getrusage(resource.RUSAGE_SELF).ru_minflt)


@pytest.mark.parametrize("threads", [2, 24])
def test_repeated_large_calls_touch_no_new_pages(threads: int) -> None:
    before = kernels.num_threads()
    kernels.set_num_threads(threads)
    try:
        call = KernelCall("lstm", _LARGE)
        call()
        kernels.take_peak_scratch()
        for _ in range(3):  # until all threads have run
            call()
        assert kernels.take_peak_scratch() > 57 << 20
        found = []
        for _ in range(8):
            start = faults()
            call()
            found.append(faults() - start)
    finally:
        kernels.set_num_threads(before)
    assert min(found) < 20, found  # not 0, since a thread may still touch the first pages of its stack


def test_memory_above_the_limit_is_returned() -> None:
    call = KernelCall("lstm", _LARGE)
    call()
    assert 20 << 20 < _kernels.kept_scratch() <= _kernels.scratch_limit()
    _kernels.set_scratch_limit(1 << 20)
    assert _kernels.kept_scratch() == 0
    call()
    assert _kernels.kept_scratch() == 0
    KernelCall("lstm", _SMALL)()
    assert 0 < _kernels.kept_scratch() <= 1 << 20


def test_concurrent_callers_share_one_limit() -> None:
    calls = [KernelCall("lstm", _LARGE) for _ in range(6)]
    calls[0]()
    one = _kernels.kept_scratch()
    _kernels.set_scratch_limit(2 * one)
    together = threading.Barrier(len(calls))

    def run(call: KernelCall) -> None:
        together.wait()
        for _ in range(5):
            call()

    with concurrent.futures.ThreadPoolExecutor(len(calls)) as pool:
        list(pool.map(run, calls))
    assert 0 < _kernels.kept_scratch() <= 2 * one


def test_memory_that_many_calls_have_not_needed_is_returned() -> None:
    KernelCall("lstm", _LARGE)()
    large, small = _kernels.kept_scratch(), KernelCall("lstm", _SMALL)
    for _ in range(600):
        small.forward()
    assert _kernels.kept_scratch() < large / 2
    assert np.isfinite(KernelCall("lstm", _LARGE)._outputs[0]).all()


@pytest.mark.parametrize(
    ("files", "limit"),
    [
        ({}, 1 << 60),
        ({"memory.max": "8000\n"}, 8000),
        ({"own/group/memory.max": "max\n", "own/memory.max": "800\n", "memory.max": "8000\n"}, 800),
        ({"own/group/memory.max": "max\n"}, 1 << 60),
        ({"memory/own/group/memory.limit_in_bytes": "1600\n"}, 1600),
        ({"memory/memory.limit_in_bytes": "9223372036854771712\n"}, 1 << 60),
        ({"memory.max": ""}, 1 << 60),
    ],
    ids=["none", "v2_root", "v2_parent", "v2_max", "v1", "v1_none", "empty"],
)
def test_the_limit_is_a_share_of_the_usable_memory(
    files: dict[str, str], limit: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control_group, "own_group", lambda controller: "own/group")
    monkeypatch.setattr(scratch, "_machine_memory", lambda: 1 << 60)
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert scratch.usable_memory(tmp_path) == limit
    assert scratch.default_limit(tmp_path) == limit // scratch.SHARE


def test_the_kernels_have_this_limit() -> None:
    assert _kernels.scratch_limit() == scratch.default_limit() <= scratch.usable_memory() / 8


@pytest.mark.parametrize(
    ("text", "found"),
    [("always [madvise] never\n", True), ("[always] madvise never\n", True), ("always madvise [never]\n", False)],
)
def test_huge_pages(text: str, found: bool, tmp_path: Path) -> None:
    (tmp_path / "enabled").write_text(text)
    assert scratch.has_huge_pages(tmp_path / "enabled") is found
    assert not scratch.has_huge_pages(tmp_path / "other")
