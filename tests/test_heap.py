"""What is set of the allocator while a network learns is set back, and changes no figure."""

import numpy as np
import pytest

from gatewright import _heap


def test_memory_is_the_same_memory():
    with _heap.kept():
        large = np.ones(6 << 20)  # more than 32 MB
    assert large.sum() == 6 << 20
    del large
    assert np.ones(6 << 20).sum() == 6 << 20


def test_an_error_passes_through_and_it_can_be_done_again():
    for _ in range(2):
        with pytest.raises(KeyError), _heap.kept():
            raise KeyError


@pytest.mark.parametrize("fault", [OSError, TypeError])
def test_without_glibc_nothing_happens(monkeypatch, fault):
    def refuse(name):
        raise fault

    monkeypatch.setattr(_heap.ctypes, "CDLL", refuse)
    with _heap.kept():
        assert np.ones(3).sum() == 3


def test_another_c_library(monkeypatch):
    monkeypatch.setattr(_heap.ctypes, "CDLL", lambda name: object())
    with _heap.kept():
        assert np.ones(3).sum() == 3
