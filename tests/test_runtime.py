"""The runtime: the predictions of Keras without Keras, alone or in a batch, whole or step by step."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keras_models import keras_model
from models import LENGTH, TEXTS, classifier, loaded
from tolerances import assert_close

from gatewright import runtime
from gatewright.data.encoders import encode_all
from gatewright.nn.file import write
from gatewright.ops.cells import CELLS
from gatewright.support.errors import InputError
from gatewright.tasks.base.measures import to_probabilities
from gatewright.tasks.base.prediction import Prediction

ODD = ["", "unheardof", "a fine " * 50_000, "中文 电影", "fine \U0001f600", "a\0b", "half \ud800 fine", "\n", " !?"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("cell", "pooling", "bidirectional"),
    [("simple_rnn", "last", False), ("lstm", "mean", True), ("gru", "max", True), ("gru", "attention", False)],
)
def test_predictions_equal_keras(cell, pooling, bidirectional):
    file = classifier(cell, 9, pooling, bidirectional, labels=("a", "b", "c"))
    model = loaded(file)
    texts = [*TEXTS, *ODD]
    ids = encode_all(model.prepared.encoder, texts, LENGTH)
    expected = to_probabilities(np.asarray(keras_model(file.layers, file.weights)(ids)))
    assert_close(model.probabilities(texts), expected, "forward", np.float32)


@pytest.mark.parametrize("tokens", ["words", "bytes"])
@pytest.mark.parametrize("pooling", ["last", "mean", "max", "attention"])
def test_a_prediction_does_not_depend_on_the_other_texts(tokens, pooling):
    model = loaded(classifier("lstm", 17, pooling, bidirectional=True, layers=2, tokens=tokens))
    texts = TEXTS * 11 + ODD + TEXTS * 11  # more than one call takes
    alone = [list(model.predict(text).probabilities.values()) for text in texts]
    together = model.predict(texts)
    assert_close([list(one.probabilities.values()) for one in together], alone, "same_order", np.float32)
    assert [one.label for one in together] == [model.predict(text).label for text in texts]


@given(text=st.text(st.characters(exclude_categories=()), max_size=30))
def test_any_text_has_a_prediction(text):
    found = loaded(classifier()).predict(text)
    assert sum(found.probabilities.values()) == pytest.approx(1)
    assert found.probabilities[found.label] == max(found.probabilities.values())


def test_command_line_and_runtime_import_nothing_that_reads_files_or_trains():
    """A prediction in a shell waits for every import."""
    heavy = ("jax", "keras", "optax", "sklearn", "scipy", "pyarrow", "matplotlib", "rich", "tokenizers", "http.client")
    code = (
        "import sys, gatewright.commands.main, gatewright.runtime; gatewright.commands.main.parser(); "
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_no_texts_give_no_predictions():
    assert loaded(classifier()).predict([]) == []


@pytest.mark.parametrize("wrong", [[1], [None], ["a", b"b"], None, 5, b"a", [["a"]], {"a": 1}])
def test_other_values_than_texts_are_refused(wrong):
    model = loaded(classifier())
    for function in (model.predict, model.probabilities):
        with pytest.raises(InputError, match=r"A text must be a string, but text \d is|Texts must be one string or a"):
            function(wrong)


def test_notes_on_evaluated_data_are_passed_on(tmp_path):
    (tmp_path / "a.csv").write_bytes("review,label\na fine caf\u00e9,good\na dull film,bad\n".encode("latin-1"))
    notes = loaded(classifier()).read(str(tmp_path / "a.csv"), {}, None).notes
    assert [note.split(",")[0].rpartition(" ")[2] for note in notes] == ["(Latin-1)", str(tmp_path / "a.csv")]


def test_any_iterable_of_texts_has_predictions():
    model = loaded(classifier())
    expected = model.predict(["a fine film", ""])
    assert len(expected) == 2
    for texts in (("a fine film", ""), iter(["a fine film", ""]), np.array(["a fine film", ""])):
        assert model.predict(texts) == expected
    assert model.predict("").label == expected[1].label


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("pooling", ["last", "mean", "max", "attention"])
def test_step_by_step_predictions_equal_those_of_whole_texts(cell, pooling):
    model = loaded(classifier(cell, 8, pooling, layers=2))
    states = model.start()
    text = "what a dull film"
    for token in model.prepared.encoder.encode(text):
        before = states
        found, states = model.step(token, before)
    again, _ = model.step(token, before)
    assert again == found  # the given state stays as it is
    expected = model.predict(text).probabilities
    assert_close(list(found.probabilities.values()), list(expected.values()), "forward", np.float32)


def test_wrong_steps_are_refused():
    with pytest.raises(InputError, match="needs the whole sequence at once"):
        loaded(classifier(bidirectional=True)).start()
    model = loaded(classifier())
    for token in (0, -1, model.prepared.encoder.ids):
        with pytest.raises(InputError, match="A token must be an id from 1 to"):
            model.step(token, model.start())


@pytest.mark.parametrize("tokens", ["words", "bytes"])
def test_neither_keras_nor_jax_is_imported(tmp_path, tokens):
    write(classifier(tokens=tokens), tmp_path / "m.safetensors")
    program = f"""
import sys
from gatewright import runtime
print(runtime.load({str(tmp_path / "m.safetensors")!r}).predict("a fine film").label)
heavy = {{"keras", "jax", "torch", "sklearn", "scipy", "pyarrow", "matplotlib", "rich", "optax", "tokenizers"}}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == runtime.load(tmp_path / "m.safetensors").predict("a fine film").label


class TestMultiLabel:
    """Any number of labels for each text."""

    LABELS = ("a, b", "\0\n\x1b[31m", "\U0001f600", "d")

    @pytest.fixture
    def model(self):
        return loaded(classifier(labels=self.LABELS, multi_label=True))

    def test_each_label_has_a_probability_of_its_own(self, model):
        texts = [*TEXTS, *ODD]
        probabilities = model.probabilities(texts)
        assert probabilities.shape == (len(texts), 4)
        assert not np.allclose(probabilities.sum(axis=1), 1)
        for found, row in zip(model.predict(texts), probabilities, strict=True):
            assert found.multi_label
            assert list(found.probabilities) == list(self.LABELS)
            assert list(found.probabilities.values()) == row.tolist()
            assert found.labels == tuple(label for label, p in zip(self.LABELS, row, strict=True) if p >= 0.5)
            assert found.probabilities[found.label] == row.max()
        assert len({found.labels for found in model.predict(texts)}) > 2

    def test_a_prediction_does_not_depend_on_the_other_texts(self, model):
        texts = TEXTS * 11 + ODD + TEXTS * 11
        alone = [model.predict(text) for text in texts]
        together = model.predict(texts)
        assert [found.labels for found in together] == [found.labels for found in alone]
        shares = [[list(found.probabilities.values()) for found in some] for some in (together, alone)]
        assert_close(*shares, "same_order", np.float32)

    def test_step_by_step_predictions_equal_those_of_whole_texts(self, model):
        states = model.start()
        for token in model.prepared.encoder.encode("what a dull film"):
            found, states = model.step(token, states)
        expected = model.predict("what a dull film")
        assert found.labels == expected.labels
        assert_close(list(found.probabilities.values()), list(expected.probabilities.values()), "forward", np.float32)

    def test_predictions_are_printed_and_written_as_json(self):
        shares = dict.fromkeys(self.LABELS, 0.25)
        none = Prediction("d", shares, (), multi_label=True)
        assert str(none) == "-\ta, b 0.2500 \\x00\\n\\x1b[31m 0.2500 \U0001f600 0.2500 d 0.2500"
        assert none.to_json() == {"labels": [], "probabilities": shares}
        two = Prediction("d", shares, self.LABELS[1:3], multi_label=True)
        assert str(two).split("\t")[0] == "\\x00\\n\\x1b[31m,\U0001f600"
        one = Prediction("d", {"d": 0.75}, ("d",))
        assert str(one) == "d\t0.7500"
        assert one.to_json() == {"label": "d", "probabilities": {"d": 0.75}}

    def test_a_single_label_model_predicts_the_most_probable_label(self):
        for found in loaded(classifier(labels=("a", "b", "c"))).predict(TEXTS):
            assert found.labels == (found.label,)
            assert not found.multi_label
