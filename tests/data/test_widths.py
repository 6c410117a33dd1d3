"""The widths of padded batches, against trying all of them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from gatewright.data.widths import MOST, choose, first_steps, last_steps


def cost(widths, needed, weights, price):
    """Return the time steps of batches that are padded to the smallest width that holds them, and of compilation."""
    padded = np.array(widths)[np.searchsorted(widths, needed)]
    return float((padded * weights).sum()) + price * len(widths)


def test_no_other_widths_cost_less():
    rng = np.random.default_rng(0)
    for _ in range(100):
        needed, price = rng.integers(1, 12, rng.integers(1, 30)), float(rng.integers(0, 15))
        weights = rng.integers(1, 4, len(needed)).astype(float)
        found, different = choose(needed, price, weights), np.unique(needed)
        others = [sorted(some) for size in range(MOST) for some in itertools.combinations(different[:-1], size)]
        best = min(cost([*some, different[-1]], needed, weights, price) for some in others)
        assert cost(found, needed, weights, price) == best
        assert list(found) == sorted(set(found))
        assert found[-1] == needed.max()


def test_a_width_that_saves_less_than_its_compilation_is_left_out():
    needed = np.array([10] * 9 + [20])
    assert choose(needed, price=89) == (10, 20)
    assert choose(needed, price=91) == (20,)
    assert choose(np.zeros(3, np.intp), price=0) == (1,)  # examples without any step


def test_many_different_lengths_leave_few_widths_that_hold_all():
    needed = np.random.default_rng(0).integers(1, 5_000, 20_000)
    found = choose(needed, price=0)
    assert len(found) == MOST
    assert found[-1] == needed.max()
    best = min(cost(sorted((*some, 5_000)), needed, 1, 0) for some in itertools.combinations(range(250, 5_000, 250), 3))
    assert cost(found, needed, 1, 0) < 1.02 * best


@pytest.mark.parametrize(("function", "same"), [(last_steps, np.s_[:, -2:]), (first_steps, np.s_[:, :2])])
def test_padding_is_cut_off_or_added_on_its_side(function, same):
    padded = np.arange(12.0).reshape(2, 3, 2)
    np.testing.assert_array_equal(function(padded, 2), padded[same])
    wider = function(padded, 5, np.nan)
    assert wider.shape == (2, 5, 2)
    np.testing.assert_array_equal(function(wider, 3), padded)
    assert np.isnan(wider).sum() == 8
