"""Trained taggers in use, with NumPy and the kernels alone."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tag_models import MAX_LENGTH, SENTENCES, loaded_tagger, tagger
from tolerances import assert_close

from gatewright.nn import file as model_file
from gatewright.support.errors import InputError

ODD = [
    "",
    "unheardof",
    "a fine " * 300,
    "中文 电影",
    "fine \U0001f600",
    "a\0b",
    "half \ud800 fine",
    "\n",
    " !?",
    "x" * 10_000,
]


@pytest.mark.parametrize("crf", [False, True])
@pytest.mark.parametrize("pooling", ["max", "mean", "attention"])
def test_a_prediction_does_not_depend_on_the_other_sentences(crf, pooling):
    model = loaded_tagger(cell="lstm", units=17, crf=crf, pooling=pooling)
    texts = SENTENCES * 11 + ODD + SENTENCES * 11
    alone = [model.predict(text) for text in texts]
    together = model.predict(texts)
    assert [(one.words, one.tags, one.label) for one in together] == [(o.words, o.tags, o.label) for o in alone]
    assert len({one.tags for one in alone}) > 3
    probabilities = [[list(one.probabilities.values()) for one in some] for some in (together, alone)]
    assert_close(*probabilities, "same_order", np.float32)


@given(text=st.text(st.characters(exclude_categories=()), max_size=30))
def test_any_text_has_a_prediction(text):
    predicted = loaded_tagger(crf=True).predict(text)
    assert predicted.words == tuple(text.split())
    assert len(predicted.tags) == len(predicted.words)
    assert set(predicted.tags) <= {"B-a", "I-a", "O"}
    assert sum(predicted.probabilities.values()) == pytest.approx(1)


def test_words_are_taken_as_they_are():
    model = loaded_tagger()
    assert model.predict([["a", "fine film"]])[0].words == ("a", "fine film")
    assert model.predict([]) == []
    assert len(model.predict("a " * (MAX_LENGTH * 3 + 1)).tags) == MAX_LENGTH * 3 + 1
    for wrong in (1, None, b"a", ["a", 1], ["a", None], [""], {"a": 1}, np.nan, np.array([1.0])):
        with pytest.raises(InputError, match=r"^A sentence must be a text, or a list of words that are not .*\.$"):
            model.predict(["a film", wrong])


def test_sentences_may_come_from_any_iterable():
    model = loaded_tagger()
    wanted = model.predict(SENTENCES)
    for texts in (iter(SENTENCES), (text for text in SENTENCES), tuple(SENTENCES), np.array(SENTENCES)):
        assert model.predict(texts) == wanted
    assert model.predict(np.array(SENTENCES, object)) == wanted
    words = model.predict([np.array(["a", "film"]), ("a", "film"), iter(["a", "film"])])
    assert words == [model.predict("a film")] * 3
    for empty in ([], iter(()), np.array([], str)):
        assert model.predict(empty) == []
    assert model.predict([[]])[0].words == ()
    for wrong in (None, 5, b"a film", {"a": 1}, {"a"}, np.array("a film"), 1.5, object):
        with pytest.raises(InputError, match=r"^predict takes a text or a list of them, not .*\.$"):
            model.predict(wrong)
    with pytest.raises(InputError, match=r"not .{60}\.\.\.\.$"):
        model.predict(b"a" * 1000)


def test_a_model_may_have_no_labels_or_one():
    predicted = loaded_tagger(labels=()).predict("a film")
    assert (predicted.label, predicted.probabilities) == (None, {})
    assert "intent" not in predicted.to_json()
    assert predicted.text(first=True).count("\n") == 2
    assert loaded_tagger(labels=("all",)).predict("a film").probabilities == {"all": 1}


def test_control_characters_are_not_printed():
    assert "a\\x1b[31m" in loaded_tagger().predict("a\x1b[31m").text(first=True)


def test_a_tagger_is_not_a_language_model():
    with pytest.raises(InputError, match="a model of `gatewright train tag`, not a language model"):
        loaded_tagger().stream("a")


def test_data_for_evaluation_needs_labels_if_the_model_predicts_them(tmp_path):
    (tmp_path / "a.txt").write_text("a B-a\nfilm B-b\n")
    data = str(tmp_path / "a.txt")
    with pytest.raises(InputError, match=r"predicts a label for each sentence, but a\.txt has none"):
        loaded_tagger().read(data, {}, None)
    model = loaded_tagger(labels=())
    found = model.read(data, {}, None)
    assert (found.prepared.unseen_tags, found.prepared.time) == (("B-b",), 2)
    assert model.prepared.unseen_tags == ()
    batch = found.prepared.encode(found.examples)
    assert batch.targets["tags"].tolist() == [[1, 4]]
    assert model.outputs(batch)["scores"].shape == (1, 2, 3)


def test_neither_keras_nor_jax_is_imported(tmp_path):
    model_file.write(tagger(crf=True), tmp_path / "m.safetensors")
    code = (
        "import sys, gatewright\n"
        f"print(gatewright.runtime.load({str(tmp_path / 'm.safetensors')!r}).predict('a fine film').tags)\n"
        "heavy = {'jax', 'keras', 'pyarrow', 'sklearn', 'scipy', 'optax', 'rich'} & sys.modules.keys()\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
