"""Paired bootstrap resampling: equal to a plain loop, and as often wrong as it says."""

import math

import numpy as np
import pytest

from gatewright.results.bootstrap import paired_bootstrap, resampled
from gatewright.results.measure import Measure
from gatewright.results.statistics import paired_t
from gatewright.results.verdict import Competitor, comparison_verdict, judge, over_examples, training_verdict

BLEU = Measure("bleu", "BLEU", "higher")


def fraction(total):
    """Return a metric of sums that is not a mean over examples: right answers per answer given."""
    return float(total[0] / max(total[1], 1))


def answers(rate, seed, examples=200):
    """Return how many answers were right and how many were given, for each example."""
    rng = np.random.default_rng(seed)
    given = rng.integers(1, 8, examples)
    return np.stack([rng.binomial(given, rate), given], axis=1)


def competitor(name, *runs):
    """Return a competitor with a run for each array of statistics."""
    return Competitor(name, tuple(fraction(one.sum(axis=0)) for one in runs), resampled(runs, fraction), bootstrap=True)


def test_resampling_equals_a_plain_loop():
    runs = [answers(0.5, 1, 30), answers(0.6, 2, 30)]
    rng = np.random.default_rng(0)
    expected = []
    for _ in range(100):
        chosen = rng.integers(30, size=30)
        expected.append(np.mean([fraction(sum(one[place] for place in chosen)) for one in runs]))
    np.testing.assert_array_equal(resampled(runs, fraction, 100), expected)
    assert len(set(expected)) > 50


def test_the_metric_gets_sums_of_the_type_of_the_statistics():
    kinds = set()

    def metric(total):
        kinds.add(total.dtype)
        return 0.0

    resampled([np.ones((3, 2), np.int64)], metric, 5)
    assert kinds == {np.dtype(np.int64)}


def test_the_memory_that_samples_need_does_not_change_them(monkeypatch):
    one = answers(0.5, 3)
    whole = resampled([one], fraction, 50)
    monkeypatch.setattr("gatewright.results.bootstrap._DRAWS", 7)
    np.testing.assert_array_equal(resampled([one], fraction, 50), whole)


def test_a_difference_is_found_in_either_direction():
    good, bad = competitor("A", answers(0.7, 1)), competitor("B", answers(0.5, 2))
    forth, back = over_examples(good, bad), over_examples(bad, good)
    assert forth.p == back.p == pytest.approx(2 / 10_001), "no sample speaks for the worse one"
    assert 0 < forth.interval[0] < good.values[0] - bad.values[0] < forth.interval[1]
    np.testing.assert_allclose(back.interval, [-forth.interval[1], -forth.interval[0]])


def test_a_model_does_not_differ_from_itself():
    one = competitor("A", answers(0.7, 1))
    assert over_examples(one, one) == (1, (0, 0))


def test_p_is_the_fraction_of_samples_that_contradict():
    first, second = np.array([1.0, 2, 3, 4, 5, 6, 7, 8, 9, 0]), np.full(10, 0.5)
    assert paired_bootstrap(first, second, 4.0).p == pytest.approx(2 * (1 + 1) / 11)
    assert paired_bootstrap(first, second, -4.0).p == 1, "nine of ten samples contradict"
    assert paired_bootstrap(first, second, 0.0).p == 1


def test_a_metric_that_is_not_a_number_shows_nothing():
    found = paired_bootstrap(np.array([1.0, math.nan]), np.zeros(2), 1.0)
    assert found.p == 1
    assert np.isnan(found.interval).all()


def test_equal_models_seldom_differ():
    ps = []
    for seed in range(100):
        runs = [[answers(0.6, 2 * seed, 60)], [answers(0.6, 2 * seed + 1, 60)]]
        difference = fraction(runs[0][0].sum(axis=0)) - fraction(runs[1][0].sum(axis=0))
        ps.append(paired_bootstrap(*(resampled(one, fraction, 300) for one in runs), difference).p)
    assert np.mean(np.array(ps) < 0.05) <= 0.1
    assert np.mean(np.array(ps) < 0.5) >= 0.3


def test_a_comparison_claims_what_seeds_and_samples_show():
    good, bad = (
        competitor(name, *(answers(rate, 10 * seed + place) for seed in range(3)))
        for place, (name, rate) in enumerate({"GRU": 0.7, "LSTM": 0.5}.items())
    )
    constant = competitor("constant", answers(0.1, 5))
    tests = judge([(good, bad), (good, good)], "higher")
    assert [test.differs for test in tests] == [True, False]
    assert tests[0].t_p == paired_t(np.subtract(good.values, bad.values))
    assert tests[0].examples_p == over_examples(good, bad).p
    assert tests[0].interval == over_examples(good, bad).interval
    itself = judge([(good, good._replace(name="itself"))], "higher")
    against = judge([(good, constant)], "higher")
    said = comparison_verdict(BLEU, [good], good._replace(name="itself"), constant, [*against, *itself])
    assert "GRU is not shown to differ from the baseline, itself" in said
    assert "the t test over seeds and the paired bootstrap over test examples both show it" in said
    assert "sign test" not in said


def test_a_training_names_its_test_and_the_interval():
    test, scores = ({"bleu": 38.1}, {"bleu": 20.3}), (np.zeros(3), np.zeros(3))
    said = training_verdict(BLEU, test, scores, 0.0002, "1,000 test sentences", interval=(16.5, 19.25))
    assert said == (
        "The network beats the baseline: BLEU 38.1000 against 20.3000 on the 1,000 test sentences, 95% interval of the "
        "difference 16.5000 to 19.2500, p = 0.0002 of the paired bootstrap."
    )
    said = training_verdict(BLEU, test[::-1], scores, 0.3, "1,000 test sentences", interval=(-2.5, 1.0))
    assert said == (
        "No difference is shown between the network and the baseline: BLEU 20.3000 against 38.1000 on the 1,000 test "
        "sentences, 95% interval of the difference -2.5000 to 1.0000, p = 0.3 of the paired bootstrap, which is not "
        "below 0.05."
    )
