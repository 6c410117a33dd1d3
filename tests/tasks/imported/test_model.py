"""Imported models in use: the command line, evaluation, generated texts, and damaged files."""

import json
from dataclasses import replace

import numpy as np
import pytest
from imported_models import WORDS, imported

from gatewright import runtime
from gatewright.commands.main import main
from gatewright.nn import model as models
from gatewright.nn.file import write
from gatewright.nn.layers import Dense, Embedding, Flatten, Pool, Recurrent
from gatewright.support.errors import InputError
from gatewright.tasks.imported.heads import ClassHead, SoftmaxLabels, WordHead, class_head
from gatewright.tasks.imported.model import ImportedModel


def saved(tmp_path, *made):
    write(imported(*made)[0], tmp_path / "model.safetensors")
    return str(tmp_path / "model.safetensors")


NAMES = ["", *WORDS]
CLASSIFIER = (
    [Embedding(8, 3, mask=False), Recurrent("gru", 3), Dense(1)],
    class_head(("bad", "good"), False, False, False),
)
GENERATOR = ([Embedding(8, 3, mask=False), Recurrent("lstm", 3), Dense(8)], WordHead(8))


def test_a_continuation_is_the_loop_of_the_notebooks():
    file, prepared = imported(*GENERATOR)
    model = ImportedModel(file, prepared)
    text = "a fine"
    for _ in range(6):  # predict the next word of the last four, and append it
        ids = [WORDS[word] for word in text.split()][-4:]
        row = np.array([[0] * (4 - len(ids)) + ids])
        found = model.probabilities(text)[0]
        np.testing.assert_allclose(found, _softmax(_outputs(file, row)), atol=1e-6)
        text += f" {NAMES[1 + int(found[1:].argmax())]}"
    made = model.generate("a fine", tokens=6, temperature=0)
    assert str(made) == text
    assert model.generate("a zz", tokens=2, seed=1).unknown == ("zz",)
    assert len(model.generate("", tokens=3, seed=1, beams=2).text.split()) == 3


def _outputs(file, row):
    from gatewright.nn.backend import NUMPY
    from gatewright.nn.layer import Activations

    return models.forward(file.layers, NUMPY, models.bind(file.layers, file.weights), Activations(row))[0].x[0]


def _softmax(logits):
    powers = np.exp(logits.astype(np.float64))
    return powers / powers.sum()


def test_outputs_at_each_step_give_the_next_word_after_the_last():
    layers = [Embedding(8, 3, mask=False), Recurrent("gru", 3, return_sequences=True), Dense(8)]
    file, prepared = imported(layers, WordHead(8, per_step=True))
    post = replace(prepared, input=replace(prepared.input, padding="post"))
    model = ImportedModel(file, post)
    logits = _outputs(file, np.array([[1, 2, 0, 0]]))[1]
    np.testing.assert_allclose(model.probabilities("a fine")[0], _softmax(logits), atol=1e-6)
    assert model.explainable("a fine").output.step == 1
    assert model.generate("a fine", tokens=1, temperature=0).text.strip() == NAMES[1 + int(logits[1:].argmax())]


def test_a_classifier_on_the_command_line(tmp_path, capsys):
    path = saved(tmp_path, *CLASSIFIER)
    assert main(["predict", path, "a fine", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["predictions"][0]
    assert set(found["probabilities"]) == {"bad", "good"}
    label = found["label"]
    (tmp_path / "data.csv").write_text(f"text,label\nw1 fine,{label}\nw1 fine,{'bad' if label == 'good' else 'good'}\n")
    assert main(["evaluate", path, str(tmp_path / "data.csv"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["test"]["accuracy"] == 0.5
    assert main(["info", path]) == 0
    out = capsys.readouterr().out
    assert "labels: bad, good" in out
    assert "mask false" in out
    assert main(["generate", path]) == 2
    assert "does not predict the next word" in capsys.readouterr().err


def test_labels_that_were_not_given_are_asked_for(tmp_path, capsys):
    path = saved(tmp_path, CLASSIFIER[0], class_head(("0", "1"), False, False, False))
    (tmp_path / "data.csv").write_text("text,label\nw1,bad\nw2,good\n")
    assert main(["evaluate", path, str(tmp_path / "data.csv")]) == 2
    assert "import it again with --labels" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("layers", "head", "problem"),
    [
        (CLASSIFIER[0], WordHead(8), "its number of outputs is 1"),
        (CLASSIFIER[0], class_head(("a", "b", "c"), False, True, False), "its number of outputs is 1"),
        (CLASSIFIER[0], class_head(("a", "b"), False, False, True), "its answer for each step"),
        ([Embedding(9, 3), Recurrent("gru", 3), Dense(1)], CLASSIFIER[1], "its number of ids is 8"),
        ([Embedding(8, 3), Recurrent("gru", 3), Recurrent("gru", 3), Dense(1)], CLASSIFIER[1], "its time axis before"),
        ([Embedding(8, 3), Recurrent("gru", 3), Pool("max"), Dense(1)], CLASSIFIER[1], "its time axis before"),
        ([Embedding(8, 3), Flatten(5), Dense(1)], CLASSIFIER[1], "its number of steps of layers[1]"),
        ([Embedding(8, 3), Recurrent("gru", 3)], CLASSIFIER[1], "its layers are not a network"),
        ([Recurrent("gru", 3), Dense(1)], CLASSIFIER[1], "its first layer's kind"),
        (CLASSIFIER[0], ClassHead(SoftmaxLabels(("a",))), "its labels do not fit"),
    ],
)
def test_a_file_whose_parts_contradict_each_other_is_refused(layers, head, problem, tmp_path):
    write(imported(layers, head)[0], tmp_path / "m.safetensors")
    with pytest.raises(InputError) as refused:
        runtime.load(tmp_path / "m.safetensors")
    assert problem in str(refused.value)


@pytest.mark.parametrize(
    ("part", "change", "problem"),
    [
        ("input", {"max_length": None}, "max_length is needed"),
        ("input", {"max_length": 1 << 30}, "max_length must be at most"),
        ("input", {"padding": "left"}, "its input.padding must be one of"),
        ("input", {"kind": "images"}, "its input is neither texts nor series"),
        ("input", {"encoder": {"kind": "words"}}, "its encoder is of an unknown kind"),
        ("head", {"kind": "images"}, "its head is of an unknown kind"),
        ("head", {"labels": ["a", "a"]}, "its head.labels has the same value twice"),
    ],
)
def test_damaged_preparation_is_refused(part, change, problem, tmp_path):
    file, _ = imported(*CLASSIFIER)
    file.prepared[part] |= change
    write(file, tmp_path / "m.safetensors")
    with pytest.raises(InputError) as refused:
        runtime.load(tmp_path / "m.safetensors")
    assert problem in str(refused.value)


def test_a_file_whose_words_have_ids_beyond_the_embedding_is_refused(tmp_path):
    file, _ = imported(*CLASSIFIER)
    file.prepared["input"]["encoder"]["words"]["a"] = 8
    write(file, tmp_path / "m.safetensors")
    with pytest.raises(InputError, match="a word has an id that is not below its number of ids"):
        runtime.load(tmp_path / "m.safetensors")
