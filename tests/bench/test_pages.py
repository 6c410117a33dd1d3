"""Rows and pages of the suites, made from invented times."""

from typing import Any

import pytest

from gatewright.bench.shape import Shape
from gatewright.bench.suites import cases, lengths, memory, operation, proportion, training

FACTS = {
    "machine": {"processor": "Some processor", "cores": 2, "load_before": [0.25, 0.0, 0.0]},
    "git": {"commit": "0123456789abcdef", "dirty": True},
    "when": "2026-01-01T00:00:00+00:00",
    "notes": ["PyTorch is skipped: torch is not installed."],
    "idle_cpu": {"gatewright": 0.001, "torch": None},
}
HEADING = "Some processor, 2 cores, load 0.2 before the run; 0123456789 with changes; 2026-01-01T00:00:00+00:00."


class TestTraining:
    def test_the_page_shows_medians_ratios_and_notes(self) -> None:
        turns = {
            "torch": [{"ms": 20.0, "loss": 0.5}, {"ms": 90.0, "loss": 0.4}],
            "gatewright": [{"ms": 10.0, "loss": 0.5}, {"ms": 30.0, "loss": 0.4}],
        }
        rows = [{"instruction_set": "avx2", **training.summarize("GRU", "plain", peer, turns)} for peer in turns]
        page = training.markdown({**FACTS, "data": "somewhere", "rows": rows})
        assert page.startswith(f"# Training step\n\n{HEADING}\n")
        assert "| avx2         | GRU  | plain | PyTorch    |        55.0 | 37.5-72.5 |                 2.50 |" in page
        assert "Gatewright 0.1%, PyTorch unknown" in page
        assert page.endswith("- PyTorch is skipped: torch is not installed.")

    def test_there_is_no_ratio_without_gatewright(self) -> None:
        assert training.summarize("GRU", "plain", "torch", {"torch": [{"ms": 1.0, "loss": 0.5}]})["ratio"] is None

    def test_different_losses_are_reported(self) -> None:
        rows = [{"cell": "GRU", "case": "plain", "peer": "gatewright", "loss": 0.6}]
        assert training.disagreement(rows) is None
        rows.append({"cell": "GRU", "case": "plain", "peer": "keras-jax", "loss": 0.5})
        assert training.disagreement(rows) == "GRU, plain: the losses DIFFER, 0.6000 and in stock Keras 0.5000."


def test_operation_divides_by_the_median_peak() -> None:
    turns = [
        {"forward": [0.01, 0.02], "backward": [0.03, 0.06], "peaks": [90.0, 110.0], "gflop": 2.4},
        {"forward": [0.02], "backward": [0.02], "peaks": [100.0], "gflop": 2.4},
    ]
    row = operation.summarize("gru", Shape(1, 2, 3, 4), 1, turns)
    assert row["ms"] == pytest.approx(40.0)
    assert row["gflops"] == pytest.approx(60.0)
    assert row["fraction"] == pytest.approx(0.6)
    page = operation.markdown({**FACTS, "rows": [{"instruction_set": "avx2", **row}]})
    assert "| 60.0 |" in " ".join(page.split())


def test_lengths_divides_by_the_live_tokens() -> None:
    turn = {"live": 50, "tokens": 100, "padded_ms": [6.0, 5.0], "full_ms": [10.0, 10.0]}
    assert lengths.padding_ratios(turn) == pytest.approx([1.2, 1.0])
    row = lengths.summarize("gru", "gatewright", [turn])
    assert (row["ratio"], row["live"]) == (pytest.approx(1.1), 0.5)
    assert row["ns_per_live_token"] == pytest.approx(110_000)


def test_proportion_compares_one_thread_with_all() -> None:
    rows = [
        proportion.summarize(
            "length", "gru", Shape(2, 5, 4, 4), threads, [{"seconds": s, "gflop": 1.0} for s in seconds]
        )
        for threads, seconds in ((1, (0.4, 0.8)), (2, (0.2, 0.2)))
    ]
    assert rows[1]["ns_per_token"] == pytest.approx(2e7)
    assert rows[1]["gflops"] == pytest.approx(5.0)
    page = proportion.markdown({**FACTS, "settings": {"threads": [1, 2]}, "rows": rows})
    assert page.splitlines()[6].endswith("  3.00 |")


def test_memory_has_no_growth_ratio_without_growth() -> None:
    found = {
        ("GRU", "torch"): [{"peak_mb": 300.0, "growth_mb": 50.0}],
        ("GRU", "gatewright"): [{"peak_mb": 200.0, "growth_mb": 0.0}],
    }
    row = memory.summarize("GRU", "torch", found)
    assert (row["peak_ratio"], row["growth_ratio"]) == (1.5, None)
    page = memory.markdown({**FACTS, "settings": {"steps": 12}, "rows": [row]})
    assert "| GRU  | PyTorch |     300 |                 1.50 |" in page


class TestCases:
    def test_the_verdict_counts_slower_rows(self) -> None:
        def row(name: str, stock: float) -> dict[str, Any]:
            times = {"stock": [stock], "ours": [2.0]}
            named = {"instruction_set": "avx2", "name": name, "shape": "1x1x1 to 1"}
            return {**named, "training": times, "inference": times}

        assert cases.verdict([row("a", 4.0), row("b", 1.0)]) == (
            "slower than stock: 1 of 2 rows; worst: avx2, b, 1x1x1 to 1, training: 0.50"
        )

    def test_the_cases_are_the_same_each_time(self) -> None:
        assert cases.all_cases(cases.Settings()) == cases.all_cases(cases.Settings())
        assert len(cases.all_cases(cases.Settings(sample=0, shapes=3))) == 56 + 3
