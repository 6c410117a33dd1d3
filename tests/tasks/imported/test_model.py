"""Imported models in use: the command line, evaluation, generated texts, and damaged files."""

import json
from dataclasses import replace

import numpy as np
import pytest

from gatewright import runtime
from gatewright.commands.main import main
from gatewright.data.keras_words import KerasWords
from gatewright.nn import model as models
from gatewright.nn.file import ModelFile, write
from gatewright.nn.layers import Dense, Embedding, Flatten, Pool, Recurrent
from gatewright.support.errors import InputError
from gatewright.tasks.imported.heads import ClassHead, SoftmaxLabels, WordHead, class_head
from gatewright.tasks.imported.inputs import TextInput
from gatewright.tasks.imported.model import ImportedModel
from gatewright.tasks.imported.prepared import PreparedImport

WORDS = {f"w{number}": number for number in range(1, 8)}


def model_file(layers, head, length=4, reads=True, **options):
    words = KerasWords(WORDS, 8, **options)
    prepared = PreparedImport(TextInput(words, length, "pre", "pre", reads), head)
    weights = models.initial_weights(layers, 1, [3])
    for layer in weights:
        for name in layer:
            layer[name] = layer[name] * 3
    return ModelFile("imported", tuple(layers), tuple(weights), prepared.to_json(), {}), prepared


def saved(tmp_path, *made):
    write(model_file(*made)[0], tmp_path / "model.safetensors")
    return str(tmp_path / "model.safetensors")


CLASSIFIER = (
    [Embedding(8, 3, mask=False), Recurrent("gru", 3), Dense(1)],
    class_head(("bad", "good"), False, False, False),
)
GENERATOR = ([Embedding(8, 3, mask=False), Recurrent("lstm", 3), Dense(8)], WordHead(8))


def test_a_continuation_is_the_loop_of_the_notebooks():
    file, prepared = model_file(*GENERATOR)
    model = ImportedModel(file, prepared)
    text = "w1 w2"
    for _ in range(6):  # predict the next word of the last four, and append it
        ids = [WORDS[word] for word in text.split()][-4:]
        row = np.array([[0] * (4 - len(ids)) + ids])
        found = model.probabilities(text)[0]
        np.testing.assert_allclose(found, _softmax(_outputs(file, row)), atol=1e-6)
        text += f" w{1 + int(found[1:].argmax())}"
    made = model.generate("w1 w2", tokens=6, temperature=0)
    assert str(made) == text
    assert model.generate("w1 zz", tokens=2, seed=1).unknown == ("zz",)
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
    file, prepared = model_file(layers, WordHead(8, per_step=True))
    post = replace(prepared, input=replace(prepared.input, padding="post"))
    model = ImportedModel(file, post)
    logits = _outputs(file, np.array([[1, 2, 0, 0]]))[1]
    np.testing.assert_allclose(model.probabilities("w1 w2")[0], _softmax(logits), atol=1e-6)
    assert model.explainable("w1 w2").output.step == 1
    assert model.generate("w1 w2", tokens=1, temperature=0).text.strip() == f"w{1 + int(logits[1:].argmax())}"


def test_a_classifier_on_the_command_line(tmp_path, capsys):
    path = saved(tmp_path, *CLASSIFIER)
    assert main(["predict", path, "w1 w2", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["predictions"][0]
    assert set(found["probabilities"]) == {"bad", "good"}
    label = found["label"]
    (tmp_path / "data.csv").write_text(f"text,label\nw1 w2,{label}\nw1 w2,{'bad' if label == 'good' else 'good'}\n")
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
    write(model_file(layers, head)[0], tmp_path / "m.safetensors")
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
    file, _ = model_file(*CLASSIFIER)
    file.prepared[part] |= change
    write(file, tmp_path / "m.safetensors")
    with pytest.raises(InputError) as refused:
        runtime.load(tmp_path / "m.safetensors")
    assert problem in str(refused.value)


def test_a_file_whose_words_have_ids_beyond_the_embedding_is_refused(tmp_path):
    file, _ = model_file(*CLASSIFIER)
    file.prepared["input"]["encoder"]["words"]["w1"] = 8
    write(file, tmp_path / "m.safetensors")
    with pytest.raises(InputError, match="a word has an id that is not below its number of ids"):
        runtime.load(tmp_path / "m.safetensors")
