"""What programs may give to `SeriesClassifier.predict`."""

import numpy as np
import pandas
import pytest
from series_models import loaded_series_classifier, series

from gatewright.support.errors import InputError
from gatewright.tasks.base.prediction import Prediction


class Tensor:
    """An object that only NumPy can convert, like an array of another library."""

    def __init__(self, array):
        self.array = array

    def __array__(self, dtype=None, copy=None):
        return self.array

    def __iter__(self):
        return iter(self.array)


@pytest.fixture(scope="module")
def model():
    return loaded_series_classifier()


@pytest.fixture(scope="module")
def univariate():
    return loaded_series_classifier(channels=1)


def test_one_series_has_one_prediction(model):
    one = series((9,))[0]
    expected = model.predict([one])[0]
    frame = pandas.DataFrame(one[:, [2, 0, 1]], columns=["c2", "c0", "c1"])
    extended = frame.assign(time=range(9))
    for given in (one, Tensor(one), frame, extended, frame.to_numpy()[:, [1, 2, 0]], one.astype(object)):
        found = model.predict(given)
        assert isinstance(found, Prediction)
        assert found == expected
    assert model.probabilities(one).shape == (1, 3)


def test_several_series_have_a_list_of_predictions(model):
    rows = series((9, 9, 9))
    expected = model.predict(rows)
    mixed = np.empty(3, object)
    mixed[:] = rows
    for given in (
        np.stack(rows),
        tuple(rows),
        iter(rows),
        (row for row in rows),
        mixed,
        [row.tolist() for row in rows],
    ):
        assert model.predict(given) == expected
    assert model.predict([pandas.DataFrame(rows[0], columns=["c0", "c1", "c2"])]) == expected[:1]
    for nothing in ([], (), iter([]), np.empty((0, 5, 3)), np.empty((0,), object)):
        assert model.predict(nothing) == []


def test_one_channel(univariate):
    rows = series((9, 9), 1)
    expected = univariate.predict(rows)
    assert univariate.predict(rows[0][:, 0]) == expected[0]
    assert univariate.predict(pandas.Series(rows[0][:, 0])) == expected[0]
    assert univariate.predict(rows[0]) == expected[0]
    assert univariate.predict(np.stack(rows)[:, :, 0]) == expected
    assert univariate.predict([row[:, 0].tolist() for row in rows]) == expected


def test_missing_numbers(model):
    one = series((9,))[0]
    masked = np.ma.array(one, mask=np.zeros(one.shape, bool))
    masked[3, 1], one[3, 1] = np.ma.masked, np.nan
    assert model.predict(masked) == model.predict(one)
    listed = one.tolist()
    listed[3][1] = None
    assert model.predict([listed])[0] == model.predict(one)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (None, "Give series of numbers as an array [time, 3], or a list of such arrays, not None."),
        (5, "or a list of such arrays, not an object of the type int."),
        ("text", "not an object of the type str."),
        ({"x": [1, 2]}, "not an object of the type dict."),
        (np.array(5.0), "not an object of the type ndarray."),
        (["a", "b"], "something in it is not a number"),
        ([1.0, 2.0, 3.0], "but this is one value. Give one series as an array"),
        ([None], "but this is one value"),
        ([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], "but this is one step, [3]. Give one series as an array"),
        (np.array([1.0, 2.0, 3.0]), "but this is one step, [3]"),
        (np.array([1.0, 2.0]), "not of shape [2]"),
        ([[[1, 2, 3], [4, 5]]], "The steps of a series have different numbers of values"),
        (np.ones((3, 20)), "not of shape [3, 20]. It has the channels first: give its transpose, series.T."),
        (np.ones((4, 3, 20)), "It has the channels first"),
        (np.ones((2, 2, 2, 2)), "not of shape [2, 2, 2, 2]"),
        (np.array([["2024-01-31"] * 3], "datetime64[D]"), "something in it is not a number"),
        (np.ones((3, 3), complex), "something in it is not a number"),
        (
            pandas.DataFrame({"c0": [1.0], "x": [2.0], "c2": [3.0]}),
            "has no column 'c1', which is a channel of the model",
        ),
        (pandas.DataFrame({"c0": ["a"], "c1": [2.0], "c2": [3.0]}), "something in it is not a number"),
    ],
)
def test_anything_else_is_refused_in_one_sentence(model, given, sentence):
    for method in (model.predict, model.probabilities):
        with pytest.raises(InputError) as caught:
            method(given)
        assert sentence in str(caught.value)
        assert "\n" not in str(caught.value)


def test_a_single_step(model, univariate):
    for wrong, sentence in (
        ([1, 2], "A step must be 3 numbers, one for each channel, not an array of shape [2]"),
        (None, "A step must be 3 numbers"),
        ([np.nan] * 3, "has no number"),
    ):
        with pytest.raises(InputError) as caught:
            model.step(wrong, model.start())
        assert sentence in str(caught.value)
    assert univariate.step(3.0, univariate.start())[0] == univariate.step([3.0], univariate.start())[0]
