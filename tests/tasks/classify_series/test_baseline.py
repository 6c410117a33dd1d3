"""The baseline of classifiers of series."""

import numpy as np
import pytest
from series_models import series

from gatewright.tasks.base.labels import SingleLabel
from gatewright.tasks.classify_series.baseline import summary, summary_regression


def test_a_summary_has_statistics_and_resampled_steps_of_each_channel_and_the_length():
    one = np.array([[1, np.nan], [np.nan, np.nan], [3, np.nan]])
    expected = [2, 1, 1, 3, 1, 3, 1, 2, 3, *[0] * 9, 3]
    np.testing.assert_array_equal(summary(one, 3), expected)


@pytest.mark.parametrize("names", [("a", "b"), ("a", "b", "c")])
def test_classes_that_differ_in_their_statistics_are_learned(names):
    rng = np.random.default_rng(0)
    classes = rng.integers(0, len(names), 120)
    examples = [one + kind for one, kind in zip(series(rng.integers(1, 20, 120), 2), classes * 9, strict=True)]
    splits = [slice(0, 60), slice(60, 90), slice(90, 120)]
    train, validation, test = ((examples[split], classes[split]) for split in splits)
    labels = SingleLabel(names)
    fitted = summary_regression(*train, *validation, test[0], labels)
    assert fitted.outputs.shape == (30, labels.outputs)
    assert labels.measure(labels.probabilities(fitted.outputs), test[1])["accuracy"] > 0.9
