"""Damaged model files are refused, and the same files without the damage are used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from gatewright import runtime
from gatewright.support.errors import InputError
from gatewright.tasks.tag.sentences import Tagged

MODELS = Path(__file__).parent / "models"
WHOLE = sorted((MODELS / "whole").glob("*.safetensors"))
DAMAGED = sorted((MODELS / "damaged").glob("*.safetensors"))


def _prediction(model: Any) -> NDArray[np.float64]:
    """Return the numbers of a prediction."""
    if model.task == "forecast":
        steps = model.look_back + model.horizon * bool(model.scales.future_covariates)
        values = np.linspace(8, 12, steps * len(model.scales.variables)).reshape(steps, -1)
        forecast = model.predict(values)
        return np.stack([forecast.values, *forecast.quantiles.values()])
    if model.task == "generate":
        return model.step(1, model.start())[0]
    if model.task == "tag":
        sentence = Tagged([["show", "me", "flights"]], [["O", "O", "O"]])
        return model.outputs(model.prepared.encode(sentence))["scores"]
    if model.task == "classify_series":
        return model.probabilities([np.linspace(-1, 1, 10).reshape(5, 2)])
    return model.probabilities(["a fine film", ""])


def test_each_damaged_file_has_a_whole_one():
    assert [path.name for path in DAMAGED] == [path.name for path in WHOLE]


@pytest.mark.parametrize("path", WHOLE, ids=lambda path: path.stem)
def test_a_whole_file_predicts_finite_numbers(path):
    prediction = _prediction(runtime.load(path))
    assert prediction.size
    assert np.isfinite(prediction).all()


@pytest.mark.parametrize("path", DAMAGED, ids=lambda path: path.stem)
def test_a_damaged_file_is_refused_with_one_sentence(path):
    with pytest.raises(InputError) as refused:
        runtime.load(path)
    sentence = str(refused.value).replace(str(path), "The file")
    assert sentence.endswith(".")
    assert ". " not in sentence
    assert "\n" not in sentence
