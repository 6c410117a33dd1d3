"""Evaluation on data that the model was trained on."""

import csv
import json

import numpy as np
import pytest

import gatewright
from gatewright.commands import main as cli

pytestmark = pytest.mark.slow  # trains networks

TEXTS = [f"{word} film number {place}" for place, word in enumerate(["good", "bad"] * 30)]


def write_reviews(path, texts):
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("text", "label"), *((text, text.split()[0]) for text in texts)])
    return path


def write_sentences(path, texts):
    path.write_text("".join("".join(f"{word} {len(word)}\n" for word in text.split()) + "\n" for text in texts))
    return path


def write_lines(path, texts):
    path.write_text("".join(f"{text}, which is a line of some length\n" for text in texts))
    return path


def write_series(path, texts):
    numbers = np.array([float(text.split()[-1]) for text in texts])
    np.savez(path, X=np.repeat(numbers[:, None, None], 3, axis=1), y=[text.split()[0] for text in texts])
    return path


def notes(model, data, capsys, split="all"):
    assert cli.main(["evaluate", str(model), str(data), "--split", split, "--json"]) == 0
    return [note for note in json.loads(capsys.readouterr().out)["notes"] if "training set of the model" in note]


@pytest.mark.parametrize(
    ("task", "suffix", "write", "name", "settings"),
    [
        ("classify", ".csv", write_reviews, "texts", {"embedding_dim": 4, "min_count": 1}),
        ("classify", ".npz", write_series, "series", {}),
        ("tag", ".txt", write_sentences, "sentences", {"embedding_dim": 4, "char_units": 2}),
        ("generate", ".txt", write_lines, "long lines", {"embedding_dim": 4}),
    ],
)
def test_an_evaluation_on_training_data_says_so(tmp_path, capsys, task, suffix, write, name, settings):
    data, new = write(tmp_path / f"old{suffix}", TEXTS), write(tmp_path / f"new{suffix}", [f"good x {n}" for n in "78"])
    model = tmp_path / "model.safetensors"
    trained = gatewright.train(task, data, model, units=4, epochs=1, **settings)
    (note,) = notes(model, data, capsys)
    count = int(note.split()[0])
    assert note == (
        f"{count} of the 60 {name} were in the training set of the model, so the metrics do not show "
        "how well it handles new data."
    )
    expected = {"texts": 60 * 0.8 * 0.9, "long lines": 60 * 0.9 * 0.9}.get(name, 43)
    assert abs(count - expected) < 3
    assert trained.sizes
    if name in ("texts", "sentences"):
        assert notes(model, new, capsys) == []
    assert notes(model, data, capsys, "test") == []
    assert cli.main(["info", str(model), "--json"]) == 0
    assert "hashes" not in capsys.readouterr().out
