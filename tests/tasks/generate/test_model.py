"""Language models in use: Keras' answers without Keras, token by token, and texts that go on."""

import itertools
import json
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keras_models import keras_model
from models import TEXTS, language_model
from tolerances import assert_close

import gatewright
from gatewright.commands import main as cli
from gatewright.nn.file import write
from gatewright.support.errors import InputError
from gatewright.support.ids import START
from gatewright.tasks.generate.model import LanguageModel

KINDS = [("simple_rnn", 1, False), ("lstm", 2, True), ("gru", 2, False), ("gru", 1, True)]


@pytest.mark.slow
@pytest.mark.parametrize(("cell", "layers", "tied"), KINDS)
def test_steps_are_keras_over_the_whole_text(cell, layers, tied):
    made = language_model(cell, 9, layers, "characters", tied)
    model = LanguageModel(made)
    ids = [START, *model.encoder.encode(TEXTS[3])]
    logits = np.asarray(keras_model(made.blocks, made.weights)(np.array([ids])))[0].astype(np.float64)
    expected = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    states = model.start()
    for token, row in zip(ids, expected, strict=True):
        found, states = model.step(token, states)
        assert_close(found, row, "forward", np.float32)
    rows = np.array([[*ids[:7]], [*ids[7:14]]], np.int32)
    targets = np.array([ids[1:8], ids[8:15]], np.int32)
    carried = model.losses(rows, targets, 1).ravel()
    assert_close(carried, -expected[np.arange(14), ids[1:15]], "forward", np.float32)
    alone = model.losses(rows, targets, None)
    assert_close(alone[0], carried[:7], "same_order", np.float32)
    assert np.any(alone[1] != carried[7:])


def test_a_state_that_is_given_stays():
    model = LanguageModel(language_model("lstm"))
    _, states = model.step(START, model.start())
    before = [[array.copy() for array in block] for block in states]
    model.step(5, states)
    for one, other in zip(before, states, strict=True):
        for a, b in zip(one, other, strict=True):
            np.testing.assert_array_equal(a, b)
    with pytest.raises(InputError, match="a token must be an id from 1 to"):
        model.step(0, states)


@pytest.mark.parametrize("tokens", ["words", "characters", "bytes"])
def test_a_prompt_is_read_as_its_tokens_are_stepped(tokens):
    model = LanguageModel(language_model(tokens=tokens, layers=2))
    ids = model.encoder.encode(TEXTS[3] * 40)
    states = model.start()
    for token in ids:
        _, states = model.step(token, states)
    for one, other in zip(model.read(ids), states, strict=True):
        for a, b in zip(one, other, strict=True):
            assert_close(a, b, "forward", np.float32)


@pytest.mark.parametrize("tokens", ["words", "characters", "bytes"])
def test_greedy_is_the_likeliest_id_again_and_again(tokens):
    model = LanguageModel(language_model(tokens=tokens))
    token, states, expected = (
        model.encoder.encode("fine")[-1],
        model.read([START, *model.encoder.encode("fine")[:-1]]),
        [],
    )
    for _ in range(12):
        logs, states = model.step(token, states)
        logs[model.never()] = -np.inf
        token = int(logs.argmax())
        if token == START:
            break
        expected.append(token)
    said = model.generate("fine", 12, temperature=0)
    assert said.tokens == len(expected) > 1
    add = model.encoder.stream()
    for number in model.encoder.encode("fine"):
        add(number)
    assert said.text == "".join(map(add, expected)) + add(None)
    assert str(said) == "fine" + said.text


@pytest.mark.parametrize("tokens", ["words", "characters", "bytes"])
def test_pieces_are_the_whole_and_a_seed_is_told(tokens):
    model = LanguageModel(language_model(tokens=tokens, rows="prefixes"))  # which never ends by itself
    said = model.generate("a", 60, temperature=2.0)
    assert "".join(model.stream("a", 60, temperature=2.0, seed=said.seed)) == said.text
    assert model.generate("a", 60, temperature=2.0).text != said.text
    assert said.tokens == 60


@given(text=st.text(st.characters(exclude_categories=()), max_size=20))
def test_any_prompt_can_be_continued(text):
    for tokens in ("words", "characters", "bytes"):
        model = LanguageModel(language_model(tokens=tokens, rows="prefixes"))
        said = model.generate(text, 3, seed=1)
        assert said.tokens == 3
        assert said.unknown == tuple(model.encoder.unknown(text))


def test_what_never_comes():
    """Neither padding nor unknown words; and the end of a text where none was learnt."""
    endless, ending = (LanguageModel(language_model(rows=rows)) for rows in ("prefixes", "stream"))
    assert sorted(endless.never()) == [0, 1, 2, 3]
    assert sorted(ending.never()) == [0, 2, 3]
    assert endless.generate("", 300, temperature=3.0, seed=1).tokens == 300
    assert ending.generate("", 300, temperature=3.0, seed=1).tokens < 300
    assert "<unk>" not in endless.generate("", 300, temperature=3.0, seed=1).text


def test_stop_words_end_it_and_are_not_shown():
    model = LanguageModel(language_model(tokens="characters", rows="prefixes"))
    whole = model.generate("a", 80, temperature=2.0, seed=4).text
    stop = whole[20:23]
    cut = whole[: whole.index(stop)]
    for stops in (stop, [stop], ["zzz", stop, stop + "z"]):
        pieces = list(model.stream("a", 80, stop=stops, temperature=2.0, seed=4))
        assert "".join(pieces) == cut
        assert all(pieces)
    assert model.generate("a", 80, stop="zzz", temperature=2.0, seed=4).text == whole
    with pytest.raises(InputError, match="stop must be texts"):
        model.generate(stop=[""])


def test_beams_find_what_greedy_does_not():
    model = LanguageModel(language_model(tokens="characters", rows="prefixes"))

    def probability(text):
        ids = [START, *model.encoder.encode("a" + text)]
        states, total = model.read(ids[:1]), 0.0
        for token, following in itertools.pairwise(ids[1:]):
            logs, states = model.step(token, states)
            logs[model.never()] = -np.inf
            total += logs[following] - np.log(np.exp(logs).sum())
        return total

    greedy, one, many = (
        model.generate("a", 6, temperature=0),
        model.generate("a", 6, beams=2),
        model.generate("a", 6, beams=40),
    )
    assert probability(many.text) > probability(greedy.text)
    assert probability(many.text) >= probability(one.text)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"temperature": -1}, "temperature must be a number from 0 to 1000000, not -1"),
        ({"top_p": 0}, "top_p must be a number from 1e-12 to 1, not 0"),
        ({"top_p": 1.5}, "top_p must be a number from 1e-12 to 1, not 1.5"),
        ({"beams": 0}, "beams must be a whole number from 1 up"),
        ({"repetition_penalty": 0.5}, "repetition_penalty must be a number from 1 to 1000000"),
        ({"tokens": 0}, "tokens must be a whole number from 1 up"),
        ({"temprature": 1}, "did you mean 'temperature'"),
        ({"prompt": 3}, "a prompt must be a string, not int"),
    ],
)
def test_refused(settings, said):
    with pytest.raises(InputError) as caught:
        LanguageModel(language_model()).generate(**settings)
    assert said in str(caught.value)


class TestCommand:
    @pytest.fixture
    def path(self, tmp_path):
        write(language_model(tokens="characters", rows="prefixes"), tmp_path / "m.safetensors")
        return str(tmp_path / "m.safetensors")

    def test_text_and_json(self, path, capsys):
        flags = ["--prompt", "a fZne", "--tokens", "30", "--temperature", "2", "--seed", "5", "--stop", "zzz"]
        assert cli.main(["generate", path, *flags]) == 0
        shown = capsys.readouterr()
        said = gatewright.generate(path, "a fZne", tokens=30, temperature=2.0, seed=5)
        assert shown.out == f"{said}\n"
        assert shown.err == "gatewright: the model does not know these parts of the prompt: 'Z'.\n"
        assert cli.main(["generate", path, *flags, "--json"]) == 0
        assert json.loads(capsys.readouterr().out) == {
            "prompt": "a fZne",
            "text": said.text,
            "tokens": 30,
            "unknown": ["Z"],
            "seed": 5,
        }

    def test_pieces_come_as_they_are_known(self, path):
        told = []
        said = gatewright.generate(path, "a", tokens=9, told=told.append)
        assert len(told) == 9
        assert "".join(told) == said.text

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (["generate", "nowhere.safetensors"], "nowhere.safetensors is not there"),
            (["generate", "{path}", "--top-p", "2"], "top_p must be a number from 1e-12 to 1, not 2.0."),
            (
                ["predict", "{path}", "a"],
                "is a language model, which says nothing of texts: use `gatewright generate`.",
            ),
            (["evaluate", "{path}", "nowhere.txt"], "'nowhere.txt' is not there"),
            (["evaluate", "{path}", "ptb", "--label", "x"], "--label x is for classify, and not for generate"),
        ],
    )
    def test_refused(self, path, arguments, said, capsys):
        assert cli.main([one.format(path=path) for one in arguments]) == 2
        shown = capsys.readouterr()
        assert shown.out == ""
        assert said in shown.err
        assert shown.err.count("\n") == 1

    def test_neither_keras_nor_jax_is_imported(self, path):
        code = (
            "import sys; from gatewright import runtime; "
            f"runtime.load({path!r}).generate('a', 5); "
            "print([name for name in ('keras', 'jax', 'sklearn', 'scipy', 'rich') if name in sys.modules])"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert done.stdout == "[]\n"
