"""The direction of a metric."""

from gatewright.results.measure import Measure, is_better


def test_not_a_number_is_worse_than_any_number():
    lower, higher = Measure("a", "a", "lower"), Measure("a", "a", "higher")
    nan = float("nan")
    assert is_better(lower, 1, 2)
    assert is_better(higher, 2, 1)
    assert not is_better(higher, 1, 1)
    assert is_better(lower, 5, nan)
    assert not is_better(lower, nan, 5)
    assert not is_better(lower, nan, nan)
