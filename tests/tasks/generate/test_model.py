"""Trained language models: the outputs of Keras without Keras, token by token, and continued texts."""

import itertools
import json
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keras_models import keras_model
from models import TEXTS, language_model, loaded
from tolerances import assert_close

import gatewright
from gatewright.commands import main as cli
from gatewright.data.batches import Batch
from gatewright.nn.file import write
from gatewright.support.errors import InputError
from gatewright.support.ids import START
from gatewright.tasks.base.task import EVALUATED_STREAMS

KINDS = [("simple_rnn", 1, False), ("lstm", 2, True), ("gru", 2, False), ("gru", 1, True)]


@pytest.mark.slow
@pytest.mark.parametrize(("cell", "layers", "tied"), KINDS)
def test_steps_equal_keras_over_the_whole_text(cell, layers, tied):
    made = language_model(cell, 9, layers, "characters", tied)
    model = loaded(made)
    ids = [START, *model.prepared.encoder.encode(TEXTS[3])]
    logits = np.asarray(keras_model(made.layers, made.weights)(np.array([ids])))[0].astype(np.float64)
    expected = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    states = model.start()
    for token, row in zip(ids, expected, strict=True):
        found, states = model.step(token, states)
        assert_close(found, row, "forward", np.float32)


def test_evaluation_carries_the_states_of_a_stream():
    model = loaded(language_model("lstm", 9, 2, "characters"))
    ids = np.array([START, *model.prepared.encoder.encode(TEXTS[3])])
    streams = EVALUATED_STREAMS
    batch = Batch(
        *(np.tile(np.stack([some[:7], some[7:14]]), streams).reshape(-1, 7) for some in (ids[:14], ids[1:15]))
    )
    losses = model.outputs(batch)[::streams].ravel()
    states, expected = model.start(), []
    for token, target in itertools.pairwise(ids[:15]):
        logs, states = model.step(int(token), states)
        expected.append(-logs[target])
    assert_close(losses, expected, "forward", np.float32)


def test_a_given_state_stays_as_it_is():
    model = loaded(language_model("lstm"))
    _, states = model.step(START, model.start())
    before = [[array.copy() for array in layer] for layer in states]
    model.step(5, states)
    for one, other in zip(before, states, strict=True):
        for a, b in zip(one, other, strict=True):
            np.testing.assert_array_equal(a, b)
    with pytest.raises(InputError, match="A token must be an id from 1 to"):
        model.step(0, states)


@pytest.mark.parametrize("tokens", ["words", "characters", "bytes"])
def test_a_prompt_read_at_once_equals_its_tokens_one_by_one(tokens):
    model = loaded(language_model(tokens=tokens, layers=2))
    ids = model.prepared.encoder.encode(TEXTS[3] * 40)
    states = model.start()
    for token in ids:
        _, states = model.step(token, states)
    for one, other in zip(model.state_after(ids), states, strict=True):
        for a, b in zip(one, other, strict=True):
            assert_close(a, b, "forward", np.float32)


@pytest.mark.parametrize("tokens", ["words", "characters", "bytes"])
def test_greedy_decoding_takes_the_likeliest_id_at_each_step(tokens):
    model = loaded(language_model(tokens=tokens))
    prompt, expected = model.prepared.encoder.encode("fine"), []
    token, states = prompt[-1], model.state_after([START, *prompt[:-1]])
    for _ in range(12):
        logs, states = model.step(token, states)
        logs[model.never_generated] = -np.inf
        token = int(logs.argmax())
        if token == START:
            break
        expected.append(token)
    said = model.generate("fine", tokens=12, temperature=0)
    assert said.tokens == len(expected) > 1
    add = model.prepared.encoder.stream()
    for number in prompt:
        add(number)
    assert said.text == "".join(map(add, expected)) + add(None)
    assert str(said) == "fine" + said.text


@pytest.mark.parametrize("tokens", ["words", "characters", "bytes"])
def test_the_pieces_are_the_whole_text_and_the_seed_is_reported(tokens):
    model = loaded(language_model(tokens=tokens, examples="prefixes"))  # never ends by itself
    said = model.generate("a", tokens=60, temperature=2.0)
    assert "".join(model.stream("a", tokens=60, temperature=2.0, seed=said.seed)) == said.text
    assert model.generate("a", tokens=60, temperature=2.0).text != said.text
    assert said.tokens == 60


@given(text=st.text(st.characters(exclude_categories=()), max_size=20))
def test_any_prompt_can_be_continued(text):
    for tokens in ("words", "characters", "bytes"):
        model = loaded(language_model(tokens=tokens, examples="prefixes"))
        said = model.generate(text, tokens=3, seed=1)
        assert said.tokens == 3
        assert said.unknown == tuple(model.prepared.encoder.unknown(text))


def test_ids_that_are_no_tokens_are_never_generated():
    """Nor is the end of a text, if the model was trained on prefixes of lines."""
    endless, ending = (loaded(language_model(examples=examples)) for examples in ("prefixes", "stream"))
    assert sorted(endless.never_generated) == [0, 1, 2, 3]
    assert sorted(ending.never_generated) == [0, 2, 3]
    assert endless.generate("", tokens=300, temperature=3.0, seed=1).tokens == 300
    assert ending.generate("", tokens=300, temperature=3.0, seed=1).tokens < 300
    assert "<unk>" not in endless.generate("", tokens=300, temperature=3.0, seed=1).text


def test_a_stop_text_ends_the_continuation_and_is_not_shown():
    model = loaded(language_model(tokens="characters", examples="prefixes"))
    whole = model.generate("a", tokens=80, temperature=2.0, seed=4).text
    stop = whole[20:23]
    cut = whole[: whole.index(stop)]
    for stops in (stop, [stop], ["zzz", stop, stop + "z"]):
        pieces = list(model.stream("a", tokens=80, stop=stops, temperature=2.0, seed=4))
        assert "".join(pieces) == cut
        assert all(pieces)
    assert model.generate("a", tokens=80, stop="zzz", temperature=2.0, seed=4).text == whole
    with pytest.raises(InputError, match="stop must be one or more texts"):
        model.generate(stop=[""])


def test_beam_search_finds_more_probable_texts_than_greedy_decoding():
    model = loaded(language_model(tokens="characters", examples="prefixes"))

    def probability(text):
        ids = [START, *model.prepared.encoder.encode("a" + text)]
        states, total = model.state_after(ids[:1]), 0.0
        for token, following in itertools.pairwise(ids[1:]):
            logs, states = model.step(token, states)
            logs[model.never_generated] = -np.inf
            total += logs[following] - np.log(np.exp(logs).sum())
        return total

    greedy, one, many = (
        model.generate("a", tokens=6, temperature=0),
        model.generate("a", tokens=6, beams=2),
        model.generate("a", tokens=6, beams=40),
    )
    assert probability(many.text) > probability(greedy.text)
    assert probability(many.text) >= probability(one.text)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"temperature": -1}, "temperature must be a number from 0 to 1000000, not -1"),
        ({"top_p": 0}, "top_p must be a number from 1e-12 to 1, not 0"),
        ({"top_p": 1.5}, "top_p must be a number from 1e-12 to 1, not 1.5"),
        ({"beams": 0}, "beams must be a whole number of at least 1"),
        ({"repetition_penalty": 0.5}, "repetition_penalty must be a number from 1 to 1000000"),
        ({"tokens": 0}, "tokens must be a whole number of at least 1"),
        ({"temprature": 1}, "did you mean 'temperature'"),
        ({"prompt": 3}, "A prompt must be a string, not int"),
    ],
)
def test_settings_that_cannot_be_used_are_refused(settings, said):
    with pytest.raises(InputError) as caught:
        loaded(language_model()).generate(**settings)
    assert said in str(caught.value)


class TestCommand:
    @pytest.fixture
    def path(self, tmp_path):
        write(language_model(tokens="characters", examples="prefixes"), tmp_path / "m.safetensors")
        return str(tmp_path / "m.safetensors")

    def test_text_and_json_output(self, path, capsys):
        flags = ["--prompt", "a fZne", "--tokens", "30", "--temperature", "2", "--seed", "5", "--stop", "zzz"]
        assert cli.main(["generate", path, *flags]) == 0
        shown = capsys.readouterr()
        said = gatewright.generate(path, "a fZne", tokens=30, temperature=2.0, seed=5)
        assert shown.out == f"{said}\n"
        assert shown.err == "gatewright: The model does not know these parts of the prompt: 'Z'.\n"
        assert cli.main(["generate", path, *flags, "--json"]) == 0
        assert json.loads(capsys.readouterr().out) == {
            "prompt": "a fZne",
            "text": said.text,
            "tokens": 30,
            "unknown": ["Z"],
            "seed": 5,
        }

    def test_pieces_come_as_they_are_known(self, path):
        pieces = []
        said = gatewright.generate(path, "a", tokens=9, on_text=pieces.append)
        assert len(pieces) == 9
        assert "".join(pieces) == said.text

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (["generate", "nowhere.safetensors"], "nowhere.safetensors does not exist"),
            (["generate", "{path}", "--top-p", "2"], "top_p must be a number from 1e-12 to 1, not 2.0."),
            (["predict", "{path}", "a"], "A language model has no predictions. Continue a text with `gatewright"),
            (["evaluate", "{path}", "nowhere.txt"], "'nowhere.txt' does not exist"),
            (
                ["evaluate", "{path}", "ptb", "--label", "x"],
                "--label x does not apply to texts, as in {path}: leave it out.",
            ),
        ],
    )
    def test_arguments_that_cannot_be_used_are_refused(self, path, arguments, said, capsys):
        assert cli.main([one.format(path=path) for one in arguments]) == 2
        shown = capsys.readouterr()
        assert shown.out == ""
        assert said.format(path=path) in shown.err
        assert shown.err.count("\n") == 1

    def test_neither_keras_nor_jax_is_imported(self, path):
        code = (
            "import sys; from gatewright import runtime; "
            f"runtime.load({path!r}).generate('a', tokens=5); "
            "print([name for name in ('keras', 'jax', 'sklearn', 'scipy', 'rich') if name in sys.modules])"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert done.stdout == "[]\n"
