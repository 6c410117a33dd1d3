"""The explanation of answers, from the model to the result."""

from __future__ import annotations

import numpy as np
import pytest
from models import LENGTH, loaded_classifier
from series_models import loaded_series_classifier

import gatewright
from gatewright.explanation.example import explain_example
from gatewright.explanation.whole import explain_model
from gatewright.results.explanation import LEDGER, OMISSION, START, UNKNOWN
from gatewright.support.errors import InputError

TEXT = "what a fine fine day it was not"


def logit(model, text, label, against):
    """Return the difference of the log probabilities of two labels."""
    found = model.predict(text).probabilities
    return np.log(found[label]) - np.log(found[against])


@pytest.mark.parametrize("labels", [("bad", "good"), ("bad", "fair", "good")])
@pytest.mark.parametrize("chosen", [{}, {"label": "bad", "against": "good"}])
@pytest.mark.parametrize("tokens", ["words", "bytes"])
def test_target_is_the_logit_of_the_answer_against_its_alternative(labels, chosen, tokens):
    model = loaded_classifier(labels=labels, tokens=tokens)
    found = explain_example(model, "m", TEXT, **chosen)
    ranked = sorted(model.predict(TEXT).probabilities.items(), key=lambda item: -item[1])
    target = found.target
    assert (target.name, target.against) == (tuple(chosen.values()) or (ranked[0][0], ranked[1][0]))
    assert target.value == pytest.approx(logit(model, TEXT, target.name, target.against), abs=1e-5)
    assert target.probability == pytest.approx(model.predict(TEXT).probabilities[target.name])


def test_effects_are_those_of_the_words_of_the_text():
    model = loaded_classifier()
    found = explain_example(model, "m", TEXT, together=["a fine"])
    words = TEXT.split()
    assert [step.text for step in found.steps[1:]] == words
    assert (found.steps[0].kind, found.steps[-1].kind) == (START, UNKNOWN)
    effects = found.attribution(OMISSION).values
    assert np.isnan(effects[0])
    against = (found.target.name, found.target.against)
    for place, effect in enumerate(effects[1:]):
        shorter = " ".join(words[:place] + words[place + 1 :])
        assert effect == pytest.approx(found.target.value - logit(model, shorter, *against), abs=1e-5)
    (group,) = found.groups
    assert group.steps == (2, 3)
    assert group.effect == pytest.approx(
        found.target.value - logit(model, "what fine day it was not", *against), abs=1e-5
    )
    exact = found.attribution(LEDGER)
    assert exact.values.sum() + exact.others["bias"] == pytest.approx(found.target.value, abs=1e-4)


def test_long_texts_are_explained_as_they_are_read():
    model = loaded_classifier(pooling="mean", bidirectional=True)
    words = [*["dull", "fine", "a", "was", "film", "it", "what", "day", "dull"], *TEXT.split()]
    found = explain_example(model, "m", " ".join(words))
    assert [step.text for step in found.steps] == words[-LENGTH:]
    assert "before are not read" in found.notes[0]
    without_last = " ".join(words[:-1])  # an earlier word is read in place of the one left out
    expected = found.target.value - logit(model, without_last, found.target.name, found.target.against)
    assert found.attribution(OMISSION).values[-1] == pytest.approx(expected, abs=1e-5)


def test_empty_text_has_an_explanation_without_words():
    found = explain_example(loaded_classifier(), "m", "")
    assert [step.kind for step in found.steps] == [START]
    assert not found.faithfulness
    assert "read no word" in found.summary


def test_simple_rnn_has_no_ledger_and_says_so():
    found = explain_example(loaded_classifier("simple_rnn"), "m", TEXT)
    assert found.attribution(LEDGER) is None
    assert any("no ledger" in note for note in found.notes)


def test_any_number_of_labels_is_explained_label_by_label():
    model = loaded_classifier(labels=("sad", "short", "funny"), multi_label=True)
    found = explain_example(model, "m", TEXT, label="funny")
    p = model.predict(TEXT).probabilities["funny"]
    assert (found.target.against, found.target.value) == ("not funny", pytest.approx(np.log(p / (1 - p)), abs=1e-5))
    with pytest.raises(InputError, match="has no alternative"):
        explain_example(model, "m", TEXT, label="funny", against="sad")


def test_steps_of_a_series_have_its_numbers_and_effects():
    model = loaded_series_classifier()
    names = model.channels.names
    values = np.random.default_rng(0).standard_normal((7, len(names)))
    found = explain_example(model, "m", values)
    assert [step.numbers[names[1]] for step in found.steps] == pytest.approx(values[:, 1])
    shorter = np.delete(values, 2, axis=0)
    expected = found.target.value - logit(model, shorter, found.target.name, found.target.against)
    assert found.attribution(OMISSION).values[2] == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"label": "god"}, "no label 'god'. It has: bad, good; did you mean 'good'"),
        ({"label": "good", "against": "good"}, "cannot be compared with itself"),
        ({"step": 1}, "no step can be chosen"),
        ({"together": ["dull dull"]}, "'dull dull' does not occur"),
        ({"together": ["  "]}, "does not occur"),
    ],
)
def test_wrong_choices_are_refused(given, message):
    with pytest.raises(InputError, match=message):
        explain_example(loaded_classifier(), "m", TEXT, **given)


def test_model_as_a_whole_has_the_mean_effects_of_its_words():
    model = loaded_classifier()
    texts = ["a fine film", "fine fine day", "a dull day"]
    found = gatewright.explain(model, texts, whole=True, label="good")
    (fine,) = (word for word in found.words if word.text == "fine")
    singles = [explain_example(model, "m", text, label="good") for text in texts]
    effects = [
        effect
        for one in singles
        for step, effect in zip(one.steps, one.attribution(OMISSION).values, strict=True)
        if step.text == "fine"
    ]
    assert (fine.target, fine.count, fine.effect) == ("good", 3, pytest.approx(np.mean(effects)))
    assert found.steps == sum(len(one.steps) for one in singles)
    alone = explain_model(model, "m", None)
    assert alone.examples == len(model.prepared.encoder.tokens)
    assert "each read alone" in alone.notes[0]
    with pytest.raises(InputError, match="give examples to explain"):
        explain_model(loaded_series_classifier(), "m", None)


def test_result_has_the_form_of_the_examples():
    model = loaded_classifier()
    assert gatewright.explain(model, TEXT).target == gatewright.explain(model, [TEXT, "a film"])[0].target
    assert len(gatewright.explain(model, (text for text in [TEXT, "a film"]))) == 2
    with pytest.raises(InputError, match="counted from 1"):
        gatewright.explain(model, TEXT, step=0)
