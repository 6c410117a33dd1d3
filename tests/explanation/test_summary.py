"""The summary sentence: what it says follows from the numbers, whatever they are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewright.explanation.summary import last_steps, strongest, summary
from gatewright.results.explanation import GRADIENTS, LEDGER, OMISSION, START, Attribution, Step, Target

# A few values that repeat, so that there are ties.
EFFECTS = st.lists(st.sampled_from([-2.0, -1.0, 0.0, 0.5, 1.0, 1.5, 2.0, float("nan")]) | st.floats(-5, 5), max_size=12)

FIVE = ["a1", "b2", "c3", "d4", "e5"]


def said(words, effects, method=OMISSION, *, value=2.0, answer="positive", name="positive", others=(), **target):
    steps = [Step(word) if isinstance(word, str) else word for word in words]
    chosen = {"against": "negative", "probability": 0.97, **target}
    return summary(
        answer,
        Target(name, chosen["against"], value, chosen["probability"], chosen.get("step")),
        steps,
        [*others, Attribution(method, np.array(effects, float))],
    )


@given(EFFECTS)
def test_each_named_step_has_a_larger_effect_than_every_other_one(effects):
    effects = np.array(effects)
    named = strongest(effects)
    others = [value for step, value in enumerate(effects) if step not in named and np.isfinite(value)]
    assert len(named) <= 3
    assert all(effects[step] > max([0.0, *others]) for step in named)
    assert list(effects[list(named)]) == sorted(effects[list(named)], reverse=True)
    if not named:  # nothing speaks for it, or too many steps have the same largest effect
        positive = effects[effects > 0]
        assert not len(positive) or (positive == positive.max()).sum() > 3


@given(EFFECTS, st.floats(-5, 5))
def test_the_last_steps_make_up_the_value_with_any_number_of_steps_before_them(effects, value):
    effects = np.array(effects)
    found = last_steps(effects, value)
    if found is None:
        return
    count, share = found
    sums = [np.nansum(effects[len(effects) - size :]) for size in range(1, len(effects) + 1)]
    assert count <= len(effects) / 2
    assert share == pytest.approx(sums[count - 1] / value)
    assert all(abs(total - value) <= 0.2 * abs(value) + 1e-12 for total in sums[count - 1 :])
    assert count == 1 or abs(sums[count - 2] - value) > 0.2 * abs(value) - 1e-12


@given(EFFECTS, st.sampled_from([OMISSION, LEDGER, GRADIENTS]), st.floats(-3, 3))
def test_any_numbers_give_one_sentence(effects, method, value):
    sentence = said([f"w{place}" for place in range(len(effects))], effects, method, value=value)
    assert sentence.startswith("The model says positive (0.97)")
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert "nan" not in sentence


def test_what_speaks_for_the_answer_most():
    assert said(["a", "wonderful", "film", "loved"], [0.1, 1.2, 0.0, 0.9]) == (
        'The model says positive (0.97): "wonderful" and "loved" speak for it most, by leave-one-out.'
    )


def test_only_leave_one_out_says_what_the_answer_would_be():
    words, effects = ["not", "bad"], [2.5, 0.3]
    assert said(words, effects).endswith('without "not" alone it would not say positive.')
    assert "without" not in said(words, effects, GRADIENTS)
    assert "without" not in said(words, effects, value=2.6)
    assert "without" not in said(words, effects, answer="negative")


def test_the_ledger_says_where_the_logit_comes_from():
    ledger = Attribution(LEDGER, np.array([0.0, 0.1, -0.1, 0.2, 1.7]), {"bias": 0.1}, 0.0)
    assert said(FIVE, [0, 0, 0, 0.1, 1.0], others=[ledger]) == (
        'The model says positive (0.97): "e5" speaks for it most, by leave-one-out; the last word makes up 85% of the '
        "logit."
    )


def test_equal_words_have_their_numbers_and_ties_are_not_broken():
    assert '"good" (3) speaks for it most' in said(["good", "and", "good"], [0.1, 0.0, 1.0])
    assert "4 words speak for it most, all equally" in said(FIVE, [1.0, 1.0, 1.0, 1.0, 0.5])
    assert '"a1", "b2" and "c3" speak for it most' in said(FIVE, [1.0, 1.0, 1.0, 0.5, 0.5])


def test_nothing_speaks_for_it():
    assert said(["dull", "film"], [-1.0, -0.1]).endswith(
        'no word speaks for it, and "dull" speaks against it most, by leave-one-out.'
    )
    assert said(["dull"], [0.0]).endswith("no word has an effect, by leave-one-out.")
    assert said(["dull"], [np.nan]).endswith("and no method can judge a word.")
    assert said([], []) == "The model says positive (0.97), although it read no word."
    assert said([Step("start of the text", START)], [np.nan]).endswith("although it read no word.")


def test_weak_effects_are_not_named():
    assert said(["from", "boston", "to"], [0.001, 0.0, -0.4]).endswith(
        '"to" speaks against it most, and no word speaks for it a tenth as much, by leave-one-out.'
    )
    assert '"from" speaks for it most' in said(["from", "boston", "to"], [0.05, 0.0, -0.4])


def test_leave_one_out_gives_way_if_it_cannot_judge_the_explained_word():
    ledger = Attribution(LEDGER, np.array([0.1, 1.0]), {"bias": 0.9}, 0.0)
    assert '"boston" speaks for it most, by ledger' in said(["to", "boston"], [0.3, np.nan], step=1, others=[ledger])
    start = Step("start of the text", START)
    judged_start = Attribution(LEDGER, np.array([0.9, 0.1, 0.2]), {}, 0.0)
    assert "by leave-one-out" in said([start, "a", "b"], [np.nan, 0.1, 1.0], others=[judged_start])


def test_another_answer_than_the_one_given_is_named():
    assert said(["a", "b"], [1.0, 0.2], answer="negative\t0.9700", value=-2.0, probability=0.03) == (
        'The model says negative, and positive has a probability of 0.03: "a" speaks for positive most, by '
        "leave-one-out."
    )
    assert 'The model says B-city (0.97) at "boston":' in said(
        ["to", "boston"], [1.0, 0.2], answer="B-city", name="B-city", step=1
    )


def test_a_forecast_has_no_sides():
    steps = [Step(f"{hour}:00", numbers={"load": hour}) for hour in range(3)]
    assert said(steps, [0.1, 0.2, -1.0], answer="12.3", name="12.3", against="", probability=None) == (
        "The model says 12.3: 1:00 and 0:00 raise it most, by leave-one-out."
    )
    assert said(steps, [0.1, 0.2, -1.0], answer="load = 12.3", name="load", against="", probability=None) == (
        "The model says load = 12.3: 1:00 and 0:00 raise it most, by leave-one-out."
    )
    numbered = [Step(f"{place + 1}", numbers={"load": 1.0}) for place in range(3)]
    assert "step 2 speaks for it most" in said(numbered, [0.1, 1.0, 0.0])


def test_probabilities_do_not_look_certain():
    assert "(0.996)" in said(["a"], [1.0], probability=0.9961)
    assert "(above 0.9999)" in said(["a"], [1.0], probability=1.0)
    assert "positive has a probability below 0.0001:" in said(["a"], [1.0], answer="negative", probability=1e-9)


def test_hostile_words_are_escaped_and_shortened():
    sentence = said(["\x1b[31m", "x" * 10_000], [1.0, 0.9], answer="a\nb")
    assert sentence.isprintable()
    assert len(sentence) < 300
