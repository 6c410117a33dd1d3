"""Results survive JSON, and importing them imports nothing that draws."""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
from pathlib import Path

import pytest

from gatewright.results.measure import Measure
from gatewright.results.records import Comparison, Epoch, Trained
from gatewright.results.serialize import from_json_value

RECORDED = Path(__file__).parents[2] / "docs" / "results"


def trained(**changes):
    values = {
        "task": "classify",
        "data": "imdb",
        "out": "model.safetensors",
        "settings": {"units": 8, "labels": ["a", "b"]},
        "unit": "rows",
        "sizes": {"train": 80, "validation": 10, "test": 10},
        "notes": ("Two texts are empty.",),
        "measures": (Measure("accuracy", "accuracy", "higher"), Measure("auroc", "AUROC", "higher", per_epoch=True)),
        "epochs": (Epoch(0.7, {"accuracy": 0.5, "auroc": math.nan}, 1.5),),
        "chosen_epoch": 1,
        "finished": True,
        "test": {"accuracy": 0.5, "auroc": math.nan},
        "baseline": {"accuracy": 0.6, "auroc": 0.7},
        "baseline_name": "logistic regression: counts of words",
        "labels": ("a", "b"),
        "confusion": (((4, 1), (2, 3)), ((5, 0), (0, 5))),
        "p_value": 0.5,
        "verdict": "No difference is shown.",
        "parameters": 1234,
        "seconds": 1.5,
        "fingerprint": "13e8787fbe0201b6",
        "machine": {"processor": "AMD EPYC"},
        "multi_label": True,
        "other_baselines": {"majority": {"accuracy": 0.4, "auroc": math.nan}},
    }
    return Trained(**{**values, **changes})


def test_a_training_survives_json():
    result = trained()
    stored = json.loads(json.dumps(result.to_json(), allow_nan=False))
    assert stored["test"] == {"accuracy": 0.5, "auroc": None}
    assert stored["measures"][1] == {"name": "auroc", "title": "AUROC", "better": "higher", "per_epoch": True}
    again = Trained.from_json({**stored, "unknown": 1})
    assert repr(again) == repr(result)  # not ==, since NaN differs from itself


@pytest.mark.parametrize("stored", [{}, {"task": "classify"}, {**trained().to_json(), "epochs": [1]}])
def test_other_json_is_refused(stored):
    with pytest.raises((KeyError, TypeError, AttributeError)):
        Trained.from_json(stored)


def trainings_in(stored):
    """Yield every training of a record, whatever lies around it."""
    if isinstance(stored, dict) and "fingerprint" in stored:
        yield stored
    elif isinstance(stored, dict | list):
        for part in stored.values() if isinstance(stored, dict) else stored:
            yield from trainings_in(part)


@pytest.mark.parametrize("path", sorted(RECORDED.glob("*.json")), ids=lambda path: path.stem)
def test_recorded_results_load(path):
    stored = json.loads(path.read_text(encoding="utf-8"))
    if path.stem.startswith("compare-"):
        found = from_json_value(Comparison, stored)
        assert found.verdict in " ".join(str(found).split())
        return
    trainings = list(trainings_in(stored))
    # The records of other measurements have a form of their own.
    assert trainings or path.stem.startswith(("generation", "explanations-", "translation-"))
    for values in trainings:
        found = Trained.from_json({**values, "out": "model.safetensors"})
        assert found.verdict in " ".join(str(found).split())


def test_no_record_names_a_folder_of_one_machine():
    records = [path for path in RECORDED.iterdir() if path.suffix in (".json", ".md")]
    assert records
    for path in records:
        found = re.search(r"(?:^|[^\w/:.<-])(/[a-z]+/[a-z]\S*)", path.read_text(encoding="utf-8"), re.MULTILINE)
        assert found is None, f"{path.name}: {found[1]}"


def test_a_training_shows_the_measures_of_its_epochs():
    table = str(trained())
    assert "validation accuracy" in table
    assert "validation AUROC" in table
    assert "validation AUROC" not in str(trained(measures=(Measure("accuracy", "accuracy", "higher"),)))
    assert trained()._repr_html_().startswith("<pre>")


def test_results_import_nothing_that_draws():
    program = """
import sys
import gatewright.results.records
drawing = [name for name in sys.modules if name.startswith(("gatewright.report", "rich", "matplotlib"))]
assert not drawing, drawing
"""
    subprocess.run([sys.executable, "-c", program], check=True)
