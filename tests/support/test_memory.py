"""Settings of the allocator are restored and change no results."""

import ctypes
import subprocess
import sys

import numpy as np
import pytest

from gatewright.support import memory as _heap


def test_freed_memory_can_be_used_again():
    with _heap.keep_freed_memory():
        large = np.ones(6 << 20)  # more than 32 MB
    assert large.sum() == 6 << 20
    del large
    assert np.ones(6 << 20).sum() == 6 << 20


def test_an_error_passes_through_and_the_block_can_be_repeated():
    for _ in range(2):
        with pytest.raises(KeyError), _heap.keep_freed_memory():
            raise KeyError


@pytest.mark.parametrize("fault", [OSError, TypeError])
def test_without_glibc_nothing_happens(monkeypatch, fault):
    def refuse(name):
        raise fault

    monkeypatch.setattr(_heap.ctypes, "CDLL", refuse)
    with _heap.keep_freed_memory():
        assert np.ones(3).sum() == 3


def test_another_c_library_changes_nothing(monkeypatch):
    monkeypatch.setattr(_heap.ctypes, "CDLL", lambda name: object())
    _heap.use_one_arena()
    with _heap.keep_freed_memory():
        assert np.ones(3).sum() == 3


def test_later_threads_share_one_arena():
    """After gatewright is imported, memory of a new thread lies in the main thread's heap."""
    program = (
        "import ctypes, threading; import gatewright; "
        "c = ctypes.CDLL(None); "
        "c.malloc.restype = ctypes.c_void_p; found = []; "
        "t = threading.Thread(target=lambda: found.append(c.malloc(100))); t.start(); t.join(); "
        "heap = [line for line in open('/proc/self/maps') if '[heap]' in line][0].split()[0].split('-'); "
        "print(int(heap[0], 16) <= found[0] < int(heap[1], 16))"
    )
    if not hasattr(ctypes.CDLL(None), "mallopt"):
        pytest.skip("the C library is not glibc")
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "True"
    other = program.replace("import gatewright; ", "")
    found = subprocess.run([sys.executable, "-c", other], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"


@pytest.mark.parametrize("program", ["import jax", "import jax; jax.numpy.ones(3)"])
def test_whether_jax_was_first(program):
    """Importing JAX starts no threads, but computing does."""
    if not hasattr(ctypes.CDLL(None), "mallopt"):
        pytest.skip("the C library is not glibc")
    after = "; import gatewright; from gatewright.support import memory; print(memory.jax_was_first())"
    found = subprocess.run([sys.executable, "-c", program + after], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == str("ones" in program)
