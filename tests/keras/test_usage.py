"""The record of the layers that ran on the kernels and of the time spent in `fit`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gatewright.keras import usage


class GRU:
    """A stand-in for a layer."""


class LSTM:
    """A stand-in for a layer."""


@pytest.fixture(autouse=True)
def _empty() -> Iterator[None]:
    usage.clear()
    yield
    usage.clear()


def test_a_layer_counts_once_however_often_it_is_called() -> None:
    first, second, other = GRU(), GRU(), LSTM()
    for layer in (first, second, first, other):
        usage.record_layer(layer, on_kernels=True)
    usage.record_layer(second, on_kernels=False)
    usage.record_seconds("fit", 12.25)
    usage.record_seconds("fit", 0.1)
    usage.record_seconds("predict", 0.5)
    assert usage.summary() == (
        "2 GRU layers and 1 LSTM layer ran on the compiled kernels; 1 GRU layer ran on the slower loop of stock Keras; "
        "12.3 s in fit, 0.5 s in predict."
    )


def test_a_deleted_layer_still_counts() -> None:
    for _ in range(3):
        usage.record_layer(GRU(), on_kernels=True)
    assert usage.summary() == "3 GRU layers ran on the compiled kernels."


def test_the_summary_of_a_program_without_recurrent_layers_says_so() -> None:
    assert usage.summary() == "No recurrent layer ran."


def test_the_reasons_for_the_stock_loop_are_given() -> None:
    for reason in ("its cell is Mine", "its cell is Mine", "a dropout rate of 1"):
        usage.record_layer(GRU(), on_kernels=False, reason=reason)
    assert usage.summary() == (
        "2 GRU layers ran on the slower loop of stock Keras (its cell is Mine); "
        "1 GRU layer ran on the slower loop of stock Keras (a dropout rate of 1)."
    )


def test_the_processes_of_a_run_share_one_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWRIGHT_RUN", str(tmp_path))
    for _ in range(2):  # two processes
        usage.record_layer(GRU(), on_kernels=True)
        usage.record_seconds("fit", 1.0)
        usage.clear()
    monkeypatch.setenv("GATEWRIGHT_RUN", str(tmp_path / "ended"))
    usage.record_layer(GRU(), on_kernels=True)
    assert usage.of_run(tmp_path).summary() == "2 GRU layers ran on the compiled kernels; 2.0 s in fit."
