"""The explanation of a piece of a translation: what leaving out source pieces does, and where the decoder read."""

from __future__ import annotations

import json

import numpy as np
import pytest
from tolerances import assert_close
from translation_models import loaded_translator, translator

import gatewright
from gatewright.commands.main import main
from gatewright.nn import model as models
from gatewright.nn.backend import NUMPY
from gatewright.nn.file import write
from gatewright.nn.layer import Activations
from gatewright.results.explanation import ENDING, GRADIENTS, OMISSION
from gatewright.results.naming import piece_names
from gatewright.support.errors import InputError
from gatewright.support.ids import START
from gatewright.tasks.translate.forced_decoder import ForcedDecoder

TEXT = "a dog reads the book of a man"


def log_odds(model, source, before, own, other):
    """Return the log odds of two ids after others, from the losses of the whole network."""
    losses = []
    for number in (own, other):
        inputs = Activations(np.array([source], np.int32), targets={"ids": np.array([[*before, number]], np.int32)})
        losses.append(models.forward(model.layers, NUMPY, model.weights, inputs)[0].x["losses"][0, -1])
    return float(losses[1]) - float(losses[0])


@pytest.mark.parametrize(
    ("kind", "cell", "attention", "methods"),
    [
        ("words", "gru", "after", [OMISSION, GRADIENTS]),
        ("bytes", "lstm", "bottom", [OMISSION, GRADIENTS]),
        ("words", "gru", "fed", [OMISSION]),
        ("words", "gru", "none", [OMISSION, GRADIENTS]),
    ],
)
def test_an_effect_is_the_fall_of_the_log_odds_of_the_network_for_the_shorter_sentence(kind, cell, attention, methods):
    model = loaded_translator(kind=kind, cell=cell, attention=attention)
    vocabulary = model.prepared.vocabulary
    explainable = model.explainable(TEXT, step=1)
    explained = gatewright.explain(model, TEXT, step=2)
    output, source = explainable.output, [*vocabulary.encode_source(TEXT), START]
    before = explainable.network[0][-1].before
    assert len(before) == 1

    whole = log_odds(model, source, before, output.index, output.against_index)
    assert explained.target.value == pytest.approx(whole, abs=1e-6)
    effects = explained.attribution(OMISSION).values
    assert [step.kind for step in explained.steps].index(ENDING) == len(source) - 1
    assert np.isnan(effects[-1])
    for place in range(len(source) - 1):
        shorter = [number for other, number in enumerate(source) if other != place]
        value = log_odds(model, shorter, before, output.index, output.against_index)
        assert effects[place] == pytest.approx(whole - value, abs=2e-6)

    assert [found.method for found in explained.attributions] == methods
    for found in explained.attributions[1:]:
        exact = explained.target.value - sum(found.others.values())
        assert abs(found.difference) <= 0.02 * abs(exact) + 1e-4
    assert [(layer.cell, layer.backward) for layer in explained.layers] == [(cell, False), (cell, True)]
    assert all(layer.half_life is not None for layer in explained.layers)
    assert any("attention fed" in note for note in explained.notes) == (attention == "fed")


@pytest.mark.parametrize("attention", ["after", "bottom"])
@pytest.mark.parametrize("score", ["dot", "additive"])
def test_gradients_of_the_forced_decoder_are_those_of_finite_differences(attention, score):
    model = loaded_translator(kind="words", cell="lstm", attention=attention)
    encoder, decoder = model.layers
    decoder = type(decoder)(**{**vars(decoder), "score": score, "depth": 2})
    drawn = decoder.initial_weights(2 * encoder.units, np.random.default_rng(0))
    w = {name: array.astype(np.float64) for name, array in drawn.items()}
    layer, rng = ForcedDecoder(decoder, (5, 6)), np.random.default_rng(1)
    H, d, direction = rng.normal(size=(2, 4, 12)), rng.normal(size=(2, decoder.vocabulary)), rng.normal(size=(2, 4, 12))
    outputs, pullback = layer.vjp(w, Activations(H))
    forward = layer.forward(NUMPY, w, Activations(H), None, None)[0]
    assert_close(outputs.x, forward.x, "forward", np.float64)

    def number(step):
        return (layer.vjp(w, Activations(H + step * direction))[0].x * d).sum()

    step = np.finfo(np.float64).eps ** (1 / 3)
    difference = (number(step) - number(-step)) / (2 * step)
    assert_close((pullback(d) * direction).sum(), difference, "finite_difference", np.float64)


def test_the_alignment_is_the_attention_of_the_translation():
    model = loaded_translator(kind="words")
    translation = model.translate(TEXT, attention=True)
    found = gatewright.explain(model, TEXT).alignment
    np.testing.assert_array_equal(found.weights, translation.attention)
    np.testing.assert_allclose(found.weights.sum(axis=1), 1, rtol=1e-5)
    assert (found.source, found.target) == (translation.source_pieces, translation.target_pieces)
    assert np.log(found.probabilities).sum() == pytest.approx(translation.log_probability, abs=1e-4)
    assert gatewright.explain(loaded_translator(attention="none"), "two dogs").alignment is None


def test_a_piece_is_chosen_by_its_number_by_a_word_or_by_its_probability():
    model = loaded_translator(kind="words", attention="bottom")
    text = "two dogs play"
    explained = gatewright.explain(model, text)
    target, probabilities = explained.alignment.target, explained.alignment.probabilities
    chosen = explained.alignment.chosen
    assert target[-1] == "[END]"
    assert chosen == int(np.argmin(probabilities[:-1]))
    assert explained.target.name == target[chosen]
    assert explained.target.probability == pytest.approx(probabilities[chosen])
    assert explained.answer == model.translate(text)
    assert any(f"Piece {chosen + 1} of {len(target)} " in note for note in explained.notes)

    assert len(set(target)) == 4
    for label in (target[1], " ".join(target[1:3])):
        assert gatewright.explain(model, text, label=label).alignment.chosen == 1
    other = gatewright.explain(model, text, step=2, label="Buch", against="[END]")
    assert (other.target.name, other.target.against, other.alignment.chosen) == ("Buch", "[END]", 1)
    assert any("in place of piece 2" in note for note in other.notes)

    in_bytes = loaded_translator()
    first, *rest = in_bytes.prepared.vocabulary.encode_target("Buchen")
    assert rest
    word = in_bytes.explainable(text, step=0, label="Buchen")
    assert word.output.index == first

    for how, message in (
        ({"label": "Katze"}, "The translation has no word 'Katze'"),
        ({"step": 99}, "step 99 does not exist"),
        ({"step": 1, "label": "Hunda"}, "is not a piece of the model's translations; did you mean"),
        ({"step": 1, "label": "Buch", "against": "Buch"}, "cannot be compared with itself"),
    ):
        with pytest.raises(InputError, match=message):
            gatewright.explain(model, text, **how)
    with pytest.raises(InputError, match="An empty sentence"):
        gatewright.explain(model, " ")


def test_pieces_inside_words_are_marked():
    assert piece_names(["▁Tisch", "ler", ".", "▁", "[END]"]) == ["Tisch", "...ler", ".", "▁", "[END]"]
    assert piece_names(["Tischler", "."]) == ["Tischler", "."]


def test_the_command_explains_a_sentence_and_a_file_as_a_whole(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write(translator(kind="words"), "m.safetensors")
    (tmp_path / "given.en").write_text("two dogs play\na man is reading\n", encoding="utf-8")
    assert main(["explain", "m.safetensors", "two dogs play", "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)["explanations"]
    assert found["pooling"] == "attention"
    alignment = found["alignment"]
    assert np.shape(alignment["weights"]) == (len(alignment["target"]), len(alignment["source"]))
    assert main(["explain", "m.safetensors", "two dogs play", "--out", "page.html"]) == 0
    assert "Where the decoder read" in capsys.readouterr().out
    assert "does not run networks of `gatewright train translate`" in (tmp_path / "page.html").read_text("utf-8")
    assert main(["explain", "m.safetensors", "--file", "given.en", "--whole"]) == 0
    assert "GRU 1, backward: half-lives" in capsys.readouterr().out
