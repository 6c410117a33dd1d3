"""A task whose main metric is no mean over examples is compared by the paired bootstrap, and says so."""

import json

import numpy as np
import pytest
import toy_task
from toy_task.task import PreparedBits

import gatewright
from gatewright.results.records import Comparison
from gatewright.results.serialize import from_json_value
from gatewright.tasks import registry

SETTINGS = {"units": 4, "embedding_dim": 3, "batch_size": 8, "output_dropout": 0.0}


def total_error(total):
    """Return the main metric of the toy task from the sum of squared errors and the number of examples."""
    return float(total[0] / total[1])


@pytest.fixture
def bits(tmp_path, monkeypatch):
    """A data set of the toy task, whose scores are statistics of a metric of the whole test set."""

    def statistics(self, outputs, targets):
        error = np.asarray(outputs, np.float64) - targets
        return np.concatenate([error**2, np.ones_like(error)], axis=1)

    monkeypatch.setattr(registry, "TASKS", (*registry.TASKS, toy_task.SPEC))
    monkeypatch.setattr(PreparedBits, "scores", statistics)
    monkeypatch.setattr(PreparedBits, "measure", lambda self, outputs, targets: _measured(outputs, targets))
    monkeypatch.setattr(PreparedBits, "corpus_score", property(lambda self: total_error))
    monkeypatch.setattr(PreparedBits, "score_label", "")
    rng = np.random.default_rng(0)
    sequences = ["".join(map(str, rng.integers(0, 2, rng.integers(1, 9)))) for _ in range(200)]
    (tmp_path / "bits.txt").write_text("\n".join(sequences) + "\n")
    return str(tmp_path / "bits.txt")


def _measured(outputs, targets):
    error = np.asarray(outputs, np.float64) - targets
    return {"mse": float(np.mean(error**2)), "accuracy": float(np.mean(np.abs(error) < 0.5))}


@pytest.mark.slow
def test_a_training_is_compared_with_its_baseline_by_the_bootstrap(tmp_path, bits):
    trained = gatewright.train("count", bits, tmp_path / "m.safetensors", epochs=2, **SETTINGS)
    low, high = trained.interval
    assert low < trained.test["mse"] - trained.baseline["mse"] < high
    assert "of the paired bootstrap" in trained.verdict
    assert (low > 0) == (trained.p_value < 0.05)
    assert "The baseline beats the network" in trained.verdict, "after two epochs, it does"
    assert gatewright.train("count", bits, tmp_path / "m.safetensors", epochs=2, **SETTINGS) == trained


@pytest.mark.slow
def test_a_comparison_is_by_the_bootstrap_and_its_report_names_it(tmp_path, bits):
    cells = ("gru", "gru")
    found = gatewright.compare(bits, task="count", cells=cells, epochs=1, seeds=2, out=tmp_path / "c", **SETTINGS)
    assert all(test.interval[0] < test.difference < test.interval[1] for test in found.tests)
    assert all((test.examples_p < 0.05) == (test.interval[0] * test.interval[1] > 0) for test in found.tests)
    page = (tmp_path / "c" / "report.html").read_text()
    for text in (found.verdict, str(found), page):
        assert "bootstrap" in text
        assert "sign test" not in text
    assert "computes the mean squared error of both on the same 10,000 samples of the test set" in page
    assert "Differences in test mean squared error, first - second, with 95% intervals over test examples" in page
    stored = json.loads((tmp_path / "c" / "compare.json").read_text())
    assert from_json_value(Comparison, stored) == found
