"""The import command, from a file of Keras to a model file."""

import json

import keras
import numpy as np
import pytest

import gatewright
from gatewright.commands.main import main

pytestmark = [
    pytest.mark.slow,  # compiles Keras models
    pytest.mark.filterwarnings("ignore:__array__ implementation"),  # of Keras with JAX
]


@pytest.fixture(scope="module")
def model():
    layers = [keras.layers.Embedding(6, 3), keras.layers.GRU(3), keras.layers.Dense(1, activation="sigmoid")]
    return keras.Sequential([keras.Input((4,)), *layers])


def test_a_saved_model_and_a_model_in_memory_give_the_probabilities_of_keras(model, tmp_path, capsys):
    (tmp_path / "words.json").write_text(json.dumps({"fine": 1, "dull": 2, "rare": 9}))
    expected = float(np.asarray(model(np.array([[0, 0, 2, 1]])))[0, 0])
    live = gatewright.from_keras(model, words={"fine": 1, "dull": 2}, labels=["bad", "good"])
    assert live.predict("dull, fine").probabilities["good"] == pytest.approx(expected, abs=1e-6)
    for name in ("model.keras", "model.h5"):
        model.save(tmp_path / name)
        out = str(tmp_path / "out.safetensors")
        given = ["import", str(tmp_path / name), "--words", str(tmp_path / "words.json"), "--labels", "bad,good"]
        assert main([*given, "--out", out]) == 0
        shown = capsys.readouterr()
        assert "labels: bad, good" in shown.out
        assert "1 of 3 words have ids that the embedding, with 6 rows, does not have" in shown.err
        assert "each text is padded to 4 words (pre)" in shown.err
        loaded = gatewright.runtime.load(out)
        assert loaded.predict("dull, fine").probabilities["good"] == pytest.approx(expected, abs=1e-6)


def test_what_cannot_be_imported_leaves_files_alone(model, tmp_path, capsys):
    path, out = tmp_path / "model.keras", tmp_path / "out.safetensors"
    model.save(path)
    content = path.read_bytes()
    out.write_text("kept")
    for given, problem in (
        ([str(path), "--out", str(out)], "give imdb, or the file of the word index, with --words"),
        ([str(path), "--words", "missing.json", "--out", str(out)], "--words missing.json cannot be read"),
        ([str(path), "--words", str(path), "--out", str(path)], "would be lost"),
        ([str(tmp_path / "none.keras"), "--out", str(out)], "none.keras"),
        ([str(path), "--max-length", "0", "--out", str(out)], "max_length must be a whole number of at least 1"),
    ):
        assert main(["import", *given]) == 2
        sentence = capsys.readouterr().err
        assert problem in sentence
        assert sentence.count("\n") == 1
    assert path.read_bytes() == content
    assert out.read_text() == "kept"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["model.keras", "out.safetensors"]
