"""Trained translators: what they return, and what they refuse."""

import pickle

import numpy as np
import pytest
from models import classifier
from tag_models import loaded_tagger
from translation_models import MAX_LENGTH, loaded_translator

from gatewright.results.translation import END
from gatewright.support.errors import InputError
from gatewright.tasks.classify.model import Classifier

SENTENCES = ["a man is reading", "two dogs", "", "a dog reads a book", "a man is reading", " "]


@pytest.fixture(scope="module")
def model():
    return loaded_translator()


def test_the_translation_of_a_sentence_does_not_depend_on_the_others(model):
    alone = [model.translate(text, attention=True) for text in SENTENCES]
    together = model.translate(reversed(SENTENCES), attention=True)
    for one, other in zip(alone, reversed(together), strict=True):
        assert (one.text, one.log_probability, one.score) == (other.text, other.log_probability, other.score)
        np.testing.assert_array_equal(one.attention, other.attention)
    assert model.translate(SENTENCES) == [one.text for one in alone]
    assert model.translate(SENTENCES[0]) == alone[0].text
    assert len({one.text for one in alone}) > 2
    assert model.translate([]) == []


def test_an_empty_sentence_has_an_empty_translation(model):
    for text in ("", " "):
        translation = model.translate(text, attention=True)
        assert (translation.text, translation.log_probability) == ("", 0)
        assert translation.source_pieces == translation.target_pieces == (END,)


def test_the_best_translations_are_in_order_and_begin_with_the_best(model):
    best = model.translate("two dogs play", best=3)
    assert best[0].text == model.translate("two dogs play")
    assert len({one.text for one in best}) == 3
    assert best[0].attention is None
    ended = [one for one in best if one.ended]
    assert [one.score for one in ended] == sorted((one.score for one in ended), reverse=True)


def test_beam_and_length_penalty_are_those_of_the_training_unless_given(model):
    text = "a dog reads a book"
    scores = [
        own.translate(text, attention=True, **how).score
        for own, how in (
            (model, {}),
            (model, {"beam": 3, "length_penalty": 1.0}),
            (model, {"beam": 1}),
            (loaded_translator(beam=1), {}),
            (model, {"length_penalty": 0}),
            (loaded_translator(length_penalty=0.0), {}),
        )
    ]
    assert scores[0] == scores[1]
    assert scores[2] == scores[3]
    assert scores[4] == scores[5]
    assert scores[0] >= scores[2]
    assert scores[0] != scores[4]


@pytest.mark.parametrize("kind", ["bytes", "words"])
def test_attention_has_a_row_for_each_piece_of_the_translation(kind):
    translation = loaded_translator(kind=kind).translate("two dogs play", attention=True)
    assert translation.attention.shape == (len(translation.target_pieces), len(translation.source_pieces))
    np.testing.assert_allclose(translation.attention.sum(axis=1), 1, rtol=1e-5)
    assert translation.source_pieces[-1] == END
    assert (translation.target_pieces[-1] == END) == translation.ended
    assert translation.to_json()["attention"] == translation.attention.tolist()


def test_a_model_without_attention_translates_but_shows_none():
    model = loaded_translator(attention="none")
    assert isinstance(model.translate("two dogs"), str)
    with pytest.raises(InputError, match="The model has no attention"):
        model.translate("two dogs", attention=True)


def test_a_long_or_unfamiliar_sentence_is_translated_with_a_note(model, capsys):
    known = "a man is reading "
    assert isinstance(model.translate(known * MAX_LENGTH), str)
    assert "Sentence 1 has" in capsys.readouterr().err
    model.translate(["two dogs", known * MAX_LENGTH, known * MAX_LENGTH])
    printed = capsys.readouterr().err
    assert "Sentence 2 has" in printed
    assert "2 sentences have more pieces than those of the training." in printed
    model.translate("привет")
    assert "Most of sentence 1 is unknown to the model" in capsys.readouterr().err
    loaded_translator(kind="words").translate("привет мир")
    assert "Most of sentence 1 is unknown to the model" in capsys.readouterr().err
    model.translate("two dogs")
    assert capsys.readouterr().err == ""


def test_a_sentence_that_is_much_too_long_is_refused_before_any_is_translated(model):
    with pytest.raises(InputError, match=r"Sentence 2 has [\d,]+ pieces, but a sentence may have at most 1,000"):
        model.translate(["two dogs", "man " * 5000])


def test_bad_arguments_are_refused(model):
    for texts, how, message in (
        ([5], {}, "A text must be a string"),
        (5, {}, "Texts must be one string or a list of strings"),
        ("a", {"best": 4}, "from 1 to the number of beams, which is 3, not 4"),
        ("a", {"best": 0}, "from 1 to the number of beams"),
        ("a", {"beam": 0}, "The number of beams must be from 1"),
        ("a", {"length_penalty": -0.5}, "The length penalty must be from 0 to 10"),
    ):
        with pytest.raises(InputError, match=message):
            model.translate(texts, **how)


def test_a_model_can_be_pickled_after_use(model):
    text = "a man is reading"
    expected = model.translate(text)
    assert pickle.loads(pickle.dumps(model)).translate(text) == expected


def test_models_that_do_not_translate_name_the_command_to_use(model):
    with pytest.raises(InputError, match="`gatewright train tag`, not a translator: use `gatewright predict`"):
        loaded_tagger().translate("a")
    file = classifier()
    with pytest.raises(InputError, match="not a translator"):
        Classifier(file, Classifier.parse_prepared(file.prepared)).translate("a")
    with pytest.raises(InputError, match="not a language model: use `gatewright translate`"):
        model.stream("a")
    with pytest.raises(InputError, match="Translate sentences with `gatewright translate`"):
        model.predict_from(["a"], None, {})
