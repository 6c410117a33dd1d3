"""The direction of a metric, and the choice of the best model."""

from hypothesis import given
from hypothesis import strategies as st

from gatewright.results.measure import Measure, Selection, is_better

BY_ACCURACY = Selection((Measure("accuracy", "accuracy", "higher"), Measure("log_loss", "log loss", "lower")))
FIGURES = st.one_of(st.sampled_from([0.0, 0.5, 1.0]), st.just(float("nan")))


def test_not_a_number_is_worse_than_any_number():
    lower, higher = Measure("a", "a", "lower"), Measure("a", "a", "higher")
    nan = float("nan")
    assert is_better(lower, 1, 2)
    assert is_better(higher, 2, 1)
    assert not is_better(higher, 1, 1)
    assert is_better(lower, 5, nan)
    assert not is_better(lower, nan, 5)
    assert not is_better(lower, nan, nan)


def values(accuracy, log_loss):
    return {"accuracy": accuracy, "log_loss": log_loss}


def test_the_second_metric_breaks_ties_in_the_first_and_the_first_of_equals_is_chosen():
    models = [values(0.8, 0.1), values(0.9, 0.5), values(0.9, 0.3), values(0.9, 0.3)]
    assert BY_ACCURACY.best(models) == 2


@given(st.lists(st.builds(values, FIGURES, FIGURES), min_size=1))
def test_a_model_with_nan_neither_wins_nor_blocks(models):
    best = models[BY_ACCURACY.best(models)]
    finite = [(one["accuracy"], -one["log_loss"]) for one in models if not any(v != v for v in one.values())]
    if finite:
        assert (best["accuracy"], -best["log_loss"]) == max(finite)


def test_the_rule_in_words():
    assert str(BY_ACCURACY) == "accuracy on the validation set (log loss breaks ties)"
    few = Selection(BY_ACCURACY.measures[1:], "which has only 19 examples (fewer than 500)")
    assert str(few) == "log loss on the validation set, which has only 19 examples (fewer than 500)"
