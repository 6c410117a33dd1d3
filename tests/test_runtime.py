"""The runtime: Keras' answers without Keras, alone or in a batch, whole or step by step."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keras_models import keras_model
from models import LENGTH, TEXTS, classifier
from tolerances import assert_close

from gatewright import runtime
from gatewright.data.encoders import encode_all
from gatewright.nn.file import write
from gatewright.ops.cells import CELLS
from gatewright.support.errors import InputError
from gatewright.tasks.base.measures import to_probabilities
from gatewright.tasks.base.prediction import Prediction
from gatewright.tasks.classify.model import Classifier

ODD = ["", "unheardof", "a fine " * 50_000, "中文 电影", "fine \U0001f600", "a\0b", "half \ud800 fine", "\n", " !?"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("cell", "pooling", "both"),
    [("simple_rnn", "last", False), ("lstm", "mean", True), ("gru", "max", True), ("gru", "attention", False)],
)
def test_answers_are_those_of_keras(cell, pooling, both):
    made = classifier(cell, 9, pooling, both, labels=("a", "b", "c"))
    model = Classifier(made)
    texts = [*TEXTS, *ODD]
    ids = encode_all(model.encoder, texts, LENGTH)
    expected = to_probabilities(np.asarray(keras_model(made.blocks, made.weights)(ids)))
    assert_close(model.probabilities(texts), expected, "forward", np.float32)


@pytest.mark.parametrize("tokens", ["words", "bytes"])
@pytest.mark.parametrize("pooling", ["last", "mean", "max", "attention"])
def test_a_text_is_answered_alike_alone_and_among_others(tokens, pooling):
    model = Classifier(classifier("lstm", 17, pooling, both=True, layers=2, tokens=tokens))
    texts = TEXTS * 11 + ODD + TEXTS * 11  # more than are answered at once
    alone = [list(model.predict(text).probabilities.values()) for text in texts]
    together = model.predict(texts)
    assert_close([list(one.probabilities.values()) for one in together], alone, "same_order", np.float32)
    assert [one.label for one in together] == [model.predict(text).label for text in texts]


@given(text=st.text(st.characters(exclude_categories=()), max_size=30))
def test_any_text_has_an_answer(text):
    said = Classifier(classifier()).predict(text)
    assert sum(said.probabilities.values()) == pytest.approx(1)
    assert said.probabilities[said.label] == max(said.probabilities.values())


def test_flags_and_runtime_load_nothing_that_reads_files_or_trains():
    """A prediction from the shell waits for every import."""
    heavy = ("jax", "keras", "optax", "sklearn", "scipy", "pyarrow", "matplotlib", "rich", "http.client")
    code = (
        "import sys, gatewright.commands.flags, gatewright.runtime; gatewright.commands.flags.parser(); "
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_no_texts():
    assert Classifier(classifier()).predict([]) == []


@pytest.mark.parametrize("wrong", [[1], [None], ["a", b"b"]])
def test_what_is_no_text(wrong):
    with pytest.raises(InputError, match="a text must be a string, not"):
        Classifier(classifier()).predict(wrong)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("pooling", ["last", "mean", "max", "attention"])
def test_steps_are_the_whole(cell, pooling):
    model = Classifier(classifier(cell, 8, pooling, layers=2))
    states = model.start()
    text = "what a dull film"
    for token in model.encoder.encode(text):
        before = states
        said, states = model.step(token, before)
    again, _ = model.step(token, before)
    assert again == said  # a state that was given is as it was
    expected = model.predict(text).probabilities
    assert_close(list(said.probabilities.values()), list(expected.values()), "forward", np.float32)


def test_steps_that_can_not_be():
    with pytest.raises(InputError, match="both directions needs the whole sequence"):
        Classifier(classifier(both=True)).start()
    model = Classifier(classifier())
    for token in (0, -1, model.encoder.ids):
        with pytest.raises(InputError, match="a token must be an id from 1 to"):
            model.step(token, model.start())


@pytest.mark.parametrize("tokens", ["words", "bytes"])
def test_neither_keras_nor_jax_is_imported(tmp_path, tokens):
    write(classifier(tokens=tokens), tmp_path / "m.safetensors")
    program = f"""
import sys
from gatewright import runtime
print(runtime.load({str(tmp_path / "m.safetensors")!r}).predict("a fine film").label)
heavy = {{"keras", "jax", "torch", "sklearn", "scipy", "pyarrow", "matplotlib", "rich", "optax"}}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == runtime.load(tmp_path / "m.safetensors").predict("a fine film").label


class TestSeveral:
    """Any number of labels for a text."""

    LABELS = ("a, b", "\0\n\x1b[31m", "\U0001f600", "d")

    @pytest.fixture
    def model(self):
        return Classifier(classifier(labels=self.LABELS, several=True))

    def test_each_label_has_a_probability_of_its_own(self, model):
        texts = [*TEXTS, *ODD]
        probabilities = model.probabilities(texts)
        assert probabilities.shape == (len(texts), 4)
        assert not np.allclose(probabilities.sum(axis=1), 1)
        for said, row in zip(model.predict(texts), probabilities, strict=True):
            assert said.several
            assert list(said.probabilities) == list(self.LABELS)
            assert list(said.probabilities.values()) == row.tolist()
            assert said.labels == tuple(label for label, p in zip(self.LABELS, row, strict=True) if p >= 0.5)
            assert said.probabilities[said.label] == row.max()
        assert len({said.labels for said in model.predict(texts)}) > 2

    def test_a_text_is_answered_alike_alone_and_among_others(self, model):
        texts = TEXTS * 11 + ODD + TEXTS * 11
        alone = [model.predict(text) for text in texts]
        together = model.predict(texts)
        assert [said.labels for said in together] == [said.labels for said in alone]
        shares = [[list(said.probabilities.values()) for said in some] for some in (together, alone)]
        assert_close(*shares, "same_order", np.float32)

    def test_steps_are_the_whole(self, model):
        states = model.start()
        for token in model.encoder.encode("what a dull film"):
            said, states = model.step(token, states)
        expected = model.predict("what a dull film")
        assert said.labels == expected.labels
        assert_close(list(said.probabilities.values()), list(expected.probabilities.values()), "forward", np.float32)

    def test_what_is_printed(self):
        shares = dict.fromkeys(self.LABELS, 0.25)
        none = Prediction("d", shares, (), several=True)
        assert str(none) == "-\ta, b 0.2500 \\x00\\n\\x1b[31m 0.2500 \U0001f600 0.2500 d 0.2500"
        assert none.to_json() == {"labels": [], "probabilities": shares}
        two = Prediction("d", shares, self.LABELS[1:3], several=True)
        assert str(two).split("\t")[0] == "\\x00\\n\\x1b[31m,\U0001f600"
        one = Prediction("d", {"d": 0.75}, ("d",))
        assert str(one) == "d\t0.7500"
        assert one.to_json() == {"label": "d", "probabilities": {"d": 0.75}}

    def test_of_one_label_it_is_the_likeliest(self):
        for said in Classifier(classifier(labels=("a", "b", "c"))).predict(TEXTS):
            assert said.labels == (said.label,)
            assert not said.several
