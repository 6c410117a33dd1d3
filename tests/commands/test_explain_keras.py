"""The `explain` command with models of Keras."""

from __future__ import annotations

import json

import keras
import numpy as np
import pytest

import gatewright
from gatewright.commands.main import main

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:__array__ implementation"),  # of Keras with JAX
]


def test_keras_models_and_their_files_are_explained_like_model_files(tmp_path, capsys):
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [keras.Input((6,)), keras.layers.Embedding(5, 3), keras.layers.GRU(4), keras.layers.Dense(1, "sigmoid")]
    )
    index = {"a": 1, "fine": 2, "dull": 3, "film": 4}
    explained = gatewright.explain(model, "a dull film", words=index, labels=["bad", "good"], label="good")
    probability = float(model.predict(np.array([[0, 0, 0, 1, 3, 4]]), verbose=0)[0, 0])
    assert explained.target.probability == pytest.approx(probability, abs=1e-6)
    effect = explained.attribution("omission").values[4]
    shorter = float(model.predict(np.array([[0, 0, 0, 0, 1, 4]]), verbose=0)[0, 0])
    logits = [np.log(p / (1 - p)) for p in (probability, shorter)]
    assert effect == pytest.approx(logits[0] - logits[1], abs=1e-5)

    model.save(tmp_path / "model.keras")
    (tmp_path / "words.json").write_text(json.dumps(index))
    arguments = ["explain", str(tmp_path / "model.keras"), "a dull film", "--label", "good", "--json"]
    capsys.readouterr()
    assert main([*arguments, "--words", str(tmp_path / "words.json"), "--labels", "bad,good"]) == 0
    (found,) = json.loads(capsys.readouterr().out)["explanations"]
    assert found["target"]["value"] == explained.target.value
    assert main(arguments) == 2
    assert "with --words" in capsys.readouterr().err
