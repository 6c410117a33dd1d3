"""Intervals and paired tests, against SciPy, worked examples and their own meaning."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from gatewright.results.statistics import holm, mean_interval, more_often_better, paired_t, sign_test

figures = st.lists(st.floats(-10, 10), min_size=2, max_size=8)


def test_interval_of_a_worked_example():
    # s = 1, n = 3, t(0.975, 2) = 4.302653: 2 +- 4.302653 / sqrt(3)
    interval = mean_interval([1.0, 2.0, 3.0])
    assert interval.mean == 2
    assert interval.high == pytest.approx(2 + 4.302653 / math.sqrt(3), abs=1e-6)
    assert interval.low == pytest.approx(2 - 4.302653 / math.sqrt(3), abs=1e-6)
    assert interval.values == (1, 2, 3)


def test_one_value_has_no_interval():
    interval = mean_interval([0.5])
    assert (interval.mean, interval.low, interval.high) == (0.5, None, None)


def test_interval_covers_the_mean_as_often_as_it_says():
    rng = np.random.default_rng(0)
    intervals = [mean_interval(rng.normal(size=3)) for _ in range(2000)]
    covered = np.mean([interval.low <= 0 <= interval.high for interval in intervals])
    assert covered == pytest.approx(0.95, abs=4 * math.sqrt(0.95 * 0.05 / 2000))


@given(figures)
def test_paired_t_is_scipys(values):
    if np.std(values) > 1e-6:
        assert paired_t(values) == pytest.approx(stats.ttest_1samp(values, 0).pvalue, abs=1e-9)


def test_paired_t_without_spread():
    assert paired_t([0.0, 0.0, 0.0]) == 1
    assert paired_t([0.5, 0.5, 0.5]) == 0
    assert paired_t([0.5]) is None


def test_sign_test_counts_rows_on_which_one_is_right():
    # 10 rows for the first alone, 2 for the second alone: 2 * P(X <= 2) for X ~ Binomial(12, 1/2)
    first = np.array([True] * 10 + [False] * 2 + [True] * 30 + [False] * 7)
    second = np.array([False] * 10 + [True] * 2 + [True] * 30 + [False] * 7)
    expected = 2 * sum(math.comb(12, k) for k in range(3)) / 2**12
    assert sign_test(first, second) == pytest.approx(expected)
    assert sign_test(second, first) == pytest.approx(expected)
    assert sign_test(first, first) == 1


def test_holm_of_a_worked_example():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_keeps_order_and_never_helps(ps):
    adjusted = holm(ps)
    assert all(a >= p for a, p in zip(adjusted, ps, strict=True))
    assert max(adjusted) <= 1
    by_p = [a for _, a in sorted(zip(ps, adjusted, strict=True))]
    assert by_p == sorted(by_p)


def test_more_often_better():
    one, other = np.array([True, True, False, False]), np.array([True, False, True, True])
    assert [more_often_better(one, other), more_often_better(other, one), more_often_better(one, one)] == [-1, 1, 0]
    assert more_often_better(np.array([0.5, 2.0]), np.array([0.25, 1.0])) == 1
