"""The verdict claims what both tests show, and nothing else."""

import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewright.results.measure import Measure
from gatewright.results.statistics import sign_test
from gatewright.results.verdict import Competitor, comparison_verdict, judge, training_verdict

ACCURACY = Measure("accuracy", "accuracy", "higher")
ERROR = Measure("mse", "mean squared error", "lower")
EXAMPLES = 2000
RULE = (
    "A difference is claimed only if the t test over seeds and the sign test over test examples both show it (p < 0.05 "
    "after Holm's correction)."
)


def right(share, seed=0):
    """Return a mask of the correct predictions. The mask of a larger share contains the mask of a smaller share."""
    return np.random.default_rng(seed).random(EXAMPLES) < share


def cell(name, *values, share=None, seed=0):
    return Competitor(name, values, right(np.mean(values) if share is None else share, seed))


def sentence(measure, cells, baseline, constant):
    tests = [
        *judge([(a, b) for place, a in enumerate(cells) for b in cells[place + 1 :]]),
        *judge([(one, baseline) for one in cells]),
        *judge([(one, constant) for one in cells]),
    ]
    return comparison_verdict(measure, cells, baseline, constant, tests)


GRU = cell("GRU", 0.86, 0.861, 0.862)
LSTM = cell("LSTM", 0.861, 0.859, 0.863)
RNN = cell("SimpleRNN", 0.75, 0.752, 0.748)
LINEAR = cell("NB", 0.91)
CONSTANT = cell("constant", 0.5)


def test_winners_losers_and_the_baseline():
    assert sentence(ACCURACY, [RNN, LSTM, GRU], LINEAR, CONSTANT) == (
        "Over 3 seeds, LSTM and GRU beat SimpleRNN. No difference is shown between LSTM and GRU. Every cell is worse "
        f"than the baseline, NB (0.91). {RULE} Accuracy on the test set: SimpleRNN 0.75, LSTM 0.861, GRU 0.861."
    )


def test_lower_is_better_for_an_error():
    cells = [cell("GRU", 0.001, 0.0012, 0.0011, share=0.9), cell("SimpleRNN", 0.167, 0.168, 0.166, share=0.07)]
    said = sentence(ERROR, cells, cell("linear", 0.167, share=0.07), cell("constant", 0.167, share=0.07))
    assert said == (
        "Over 3 seeds, GRU beats SimpleRNN. GRU beats the baseline, linear (0.167), and SimpleRNN is not shown to "
        f"differ from it. SimpleRNN is not shown to differ from the constant baseline (0.167). {RULE} Mean squared "
        "error on the test set: GRU 0.0011, SimpleRNN 0.167."
    )


def test_no_signal():
    cells = [
        cell(name, *values, seed=place)
        for place, (name, values) in enumerate({"LSTM": (0.5, 0.51, 0.49), "GRU": (0.495, 0.505, 0.503)}.items())
    ]
    said = sentence(ACCURACY, cells, cell("NB", 0.5, seed=7), cell("constant", 0.5, seed=8))
    assert "no difference is shown between LSTM and GRU" in said
    assert "No cell is shown to differ from the constant baseline (0.5)" in said
    assert "No cell is shown to differ from the baseline, NB" in said


def test_worse_than_constant_is_said():
    cells = [cell("GRU", 0.3, 0.301, 0.302)]
    assert sentence(ACCURACY, cells, LINEAR, CONSTANT) == (
        "Over 3 seeds, GRU is worse than the baseline, NB (0.91). GRU is worse than the constant baseline (0.5). "
        "Accuracy on the test set: GRU 0.301."
    )


def test_one_seed_claims_nothing():
    said = sentence(ACCURACY, [cell("LSTM", 0.86), cell("SimpleRNN", 0.6)], LINEAR, CONSTANT)
    assert said == (
        "With one seed, differences between cells cannot be separated from random variation, so none is claimed. "
        "Accuracy on the test set: LSTM 0.86, SimpleRNN 0.6, NB 0.91, the constant baseline 0.5."
    )


def test_one_cell_has_no_rival():
    assert sentence(ACCURACY, [GRU], LINEAR, CONSTANT) == (
        "Over 3 seeds, GRU is worse than the baseline, NB (0.91). Accuracy on the test set: GRU 0.861."
    )


@pytest.mark.parametrize(
    ("values", "share"),
    [
        ((0.75, 0.95, 0.76), 0.75),  # the test rows would show it, the seeds do not
        ((0.85, 0.851, 0.849), 0.8605),  # the seeds would show it, the test rows do not
    ],
)
def test_both_tests_must_agree(values, share):
    (test,) = judge([(cell("A", *values, share=share), GRU)])
    assert min(test.t_p, test.examples_p) < 0.05
    assert not test.differs
    assert test.adjusted_p == max(test.t_p, test.examples_p)


def test_more_pairs_need_more_evidence():
    weak = (cell("A", 0.84, 0.85, 0.845, share=0.84), GRU)
    (alone,) = judge([weak])
    among = judge([weak, weak, weak])[0]
    assert among.adjusted_p > alone.adjusted_p


def test_same_values_do_not_differ():
    (test,) = judge([(GRU, GRU)])
    assert (test.difference, test.t_p, test.examples_p, test.differs) == (0, 1, 1, False)


def test_no_claim_where_values_and_rows_disagree():
    """Rows may be compared by something else than the measure, and then each of two may be the better one in one."""
    first, second = cell("A", 0.9, 0.901, 0.902, share=0.6), cell("B", 0.8, 0.801, 0.802, share=0.7)
    for better, claimed in (("higher", False), ("lower", True)):
        (test,) = judge([(first, second)], better)
        assert test.adjusted_p < 0.05
        assert test.differs == claimed


def test_other_scores_than_the_metric_are_named():
    tests = judge([(GRU, LINEAR), (GRU, CONSTANT)], "higher")
    said = comparison_verdict(
        Measure("macro_f1", "macro F1", "higher"), [GRU], LINEAR, CONSTANT, tests, "rows with every label right"
    )
    assert said.endswith("Macro F1 on the test set: GRU 0.861. The sign tests compare rows with every label right.")


@pytest.mark.parametrize(
    ("network", "baseline", "p", "expected"),
    [
        (0.9, 0.8, 0.01, "The network beats the baseline: accuracy 0.9000 against 0.8000 on the 9 texts, p = 0.01."),
        (0.8, 0.9, 0.0, "The baseline beats the network: accuracy 0.8000 against 0.9000 on the 9 texts, p < 1e-300."),
        (
            0.9,
            0.8,
            0.2,
            "No difference is shown between the network and the baseline: accuracy 0.9000 against 0.8000 on the 9 "
            "texts, p = 0.2, which is not below 0.05.",
        ),
    ],
)
def test_a_training_claims_what_its_test_shows(network, baseline, p, expected):
    scores = np.arange(10) < 10 * network, np.arange(10) < 10 * baseline
    values = {"accuracy": network}, {"accuracy": baseline}
    assert training_verdict(ACCURACY, values, scores, p, "9 texts") == expected


def test_a_training_claims_nothing_if_metric_and_scores_disagree():
    scores = np.arange(10) < 8, np.arange(10) < 9
    found = training_verdict(ACCURACY, ({"accuracy": 0.9}, {"accuracy": 0.8}), scores, 0.01, "10 test rows", "hits")
    assert found == (
        "No difference is claimed between the network and the baseline: by accuracy, the network is better, but the "
        "baseline is better on more test examples (accuracy 0.9000 against 0.8000 on the 10 test rows, hits 0.8000 "
        "against 0.9000, p = 0.01 of the sign test)."
    )


def test_a_metric_that_is_not_a_number_is_named():
    scores = np.full(9, np.nan), np.ones(9)
    said = training_verdict(ERROR, ({"mse": math.nan}, {"mse": 0.5}), scores, sign_test(*scores), "9 test rows")
    assert said.startswith("No conclusion is possible: the mean squared error of the network is not a number")


# Values near each other, so that rounding might hide a difference.
VALUES = st.sampled_from([0.1, 0.5, 0.500001, 0.9, 123456789.0])
CLAIM = re.compile(
    r"The (network|baseline) beats the (network|baseline): [\w ]+? (\S+) against (\S+) on .*, p (=|<) (\S+)\.$"
)


@given(
    measure=st.sampled_from([ACCURACY, ERROR]),
    values=st.tuples(VALUES, VALUES),
    wins=st.tuples(st.integers(0, 30), st.integers(0, 30)),
    compared_by=st.sampled_from(["", "hits"]),
)
def test_a_sentence_on_a_training_agrees_with_its_figures(measure, values, wins, compared_by):
    scores = np.repeat([1, 0, 0], [*wins, 1]), np.repeat([0, 1, 0], [*wins, 1])
    p = sign_test(*scores)
    test = {measure.name: values[0]}, {measure.name: values[1]}
    said = training_verdict(measure, test, scores, p, "30 test rows", compared_by)
    printed = float(re.search(r"p = (\d[\d.e-]*\d|\d)", said)[1])
    assert (printed < 0.05) == (p < 0.05)
    better = np.sign(values[0] - values[1]) * (1 if measure.better == "higher" else -1)
    often = np.sign(wins[0] - wins[1])
    if p >= 0.05:
        assert said.startswith("No difference is shown")
        assert said.endswith(", which is not below 0.05.")
    elif better == often:
        match = CLAIM.match(said)
        assert match[1] == ("network" if often > 0 else "baseline") != match[2]
        assert np.sign(float(match[3]) - float(match[4])) == np.sign(values[0] - values[1])
    else:
        assert said.startswith("No difference is claimed")
        assert f"the {'network' if often > 0 else 'baseline'} is better on more test examples" in said
        says = {1: "the network is better, but", -1: "the baseline is better, but", 0: "they are equal, but"}
        assert says[better] in said


@given(
    measure=st.sampled_from([ACCURACY, ERROR]),
    values=st.tuples(VALUES, VALUES),
    spread=st.sampled_from([0.0, 1e-9, 0.2]),
    shares=st.tuples(*[st.sampled_from([0.2, 0.5, 0.9])] * 2),
)
def test_sentences_on_a_comparison_agree_with_their_tests(measure, values, spread, shares):
    deviations = spread * np.array([-1, 0.5, 0.5])
    cells = [cell(name, *(value + deviations), share=s) for name, value, s in zip("AB", values, shares, strict=True)]
    tests = judge([tuple(cells)], measure.better)
    tests += judge([(one, LINEAR) for one in cells], measure.better)
    tests += judge([(one, CONSTANT) for one in cells], measure.better)
    said = comparison_verdict(measure, cells, LINEAR, CONSTANT, tests)
    between = tests[0]
    beats = "A beats B" in said, "B beats A" in said
    assert any(beats) == between.differs
    disagreeing = re.search(r"\. (For .*?), the one with the better", said)
    assert (
        bool(disagreeing and "or A and B" in disagreeing[1])
        == between.disagrees
        == (between.adjusted_p < 0.05 and not between.differs)
    )
    if between.differs:
        assert beats[0] == ((values[0] > values[1]) == (measure.better == "higher"))
        a, b = (re.search(rf"\b{name} ([\d.e+]+\d)", said.split("on the test set:")[1])[1] for name in "AB")
        assert np.sign(float(a) - float(b)) == np.sign(values[0] - values[1])
    undecided = [test for test in tests if not test.differs and not test.disagrees]
    assert (RULE in said) == bool(undecided)
