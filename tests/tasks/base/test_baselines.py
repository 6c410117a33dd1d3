"""The simple models, against what they are by definition."""

import math

import numpy as np
import pytest

from gatewright.tasks.base import baselines
from gatewright.tasks.base.labels import MultiLabel, SingleLabel

GOOD, BAD = "a good fine film", "a bad dull film"


def names(count):
    return tuple(f"label {number}" for number in range(count))


def fitted(texts, classes, test, many=2, **more):
    classes, labels = np.array(classes), SingleLabel(names(many))
    return baselines.nb_logistic_regression(texts, classes, texts, classes, test, labels, **more)


def fitted_labels(texts, labels, test):
    return baselines.nb_logistic_regression(texts, labels, texts, labels, test, MultiLabel(names(labels.shape[1])))


def test_ratio_of_a_worked_example():
    """Presence counts smoothed by one, each class's normed: Wang & Manning 2012, equation 1."""
    from scipy import sparse

    # Three words; two rows of the class hold the first, one of the other class the second, all rows the third.
    features = sparse.csr_matrix(np.array([[1, 0, 1], [1, 0, 1], [0, 1, 1]]))
    ratio = baselines._log_ratio(features, np.array([True, True, False]))
    p, q = np.array([3, 1, 3]) / 7, np.array([1, 2, 2]) / 5
    np.testing.assert_allclose(ratio, np.log(p / q), rtol=1e-12)


def test_two_classes_have_one_logit():
    model = fitted([GOOD, BAD] * 6, [1, 0] * 6, ["good", "dull", "film"])
    assert model.outputs.shape == (3, 1)
    assert model.outputs[0, 0] > 0 > model.outputs[1, 0]
    assert model.C in baselines._STRENGTHS


def test_more_classes_have_a_logit_each():
    texts = ["red rose", "blue sky", "green leaf"] * 6
    model = fitted(texts, [0, 1, 2] * 6, ["a rose", "the sky", "some leaf"], many=3)
    assert model.outputs.shape == (3, 3)
    assert model.outputs.argmax(axis=1).tolist() == [0, 1, 2]


def test_pairs_of_words_count():
    """No single word tells the classes apart."""
    texts = ["not good", "not bad but good", "good not bad", "bad not good"] * 5
    pairs = [0, 1, 1, 0] * 5
    model = fitted(texts, pairs, ["not good", "not bad"])
    assert model.outputs[0, 0] < 0 < model.outputs[1, 0]


def test_a_word_counts_once_a_text():
    once, often = fitted([GOOD, BAD] * 6, [1, 0] * 6, ["good", "good good good"]).outputs[:, 0]
    # "good good" is a pair that training lacks
    assert once == pytest.approx(often, abs=1e-12)


def test_texts_without_words():
    model = fitted(["", "!", "?", ""], [0, 1, 1, 0], ["", "x"])
    assert np.isfinite(model.outputs).all()


def test_strength_is_chosen_on_the_validation_rows():
    rng = np.random.default_rng(0)
    words = [" ".join(rng.choice(list("abcdefgh"), 5)) for _ in range(60)]
    noise = rng.integers(0, 2, 60)
    shown = set()
    for seed in range(6):
        answers = np.random.default_rng(seed).integers(0, 2, 60)
        labels = SingleLabel(names(2))
        shown.add(baselines.nb_logistic_regression(words, noise, words[::-1], answers, words, labels).C)
    assert len(shown) > 1


def test_labels_are_answered_each_by_itself():
    texts = ["red rose", "blue sky", "red sky", "grey stone"] * 6
    labels = np.array([[1, 0], [0, 1], [1, 1], [0, 0]] * 6)
    model = fitted_labels(texts, labels, ["a red sky", "blue", "stone"])
    assert ((model.outputs > 0) == [[True, True], [False, True], [False, False]]).all()
    for place in (0, 1):
        alone = fitted(texts, labels[:, place], ["a red sky", "blue", "stone"])
        if alone.C == model.C:
            np.testing.assert_allclose(model.outputs[:, [place]], alone.outputs)


@pytest.mark.parametrize("constant", [0, 1])
def test_a_label_that_all_or_no_training_rows_have(constant):
    labels = np.stack([np.array([1, 0] * 6), np.full(12, constant)], axis=1)
    model = fitted_labels([GOOD, BAD] * 6, labels, ["good", ""])
    # Half a row of the twelve counts as otherwise.
    assert model.outputs[:, 1] == pytest.approx((2 * constant - 1) * math.log(23))
    assert np.isfinite(model.outputs).all()


def test_linear_regression_is_least_squares():
    rng = np.random.default_rng(0)
    x, weights = rng.normal(size=(50, 3)), np.array([[1.0], [-2.0], [0.5]])
    predicted = baselines.linear_regression(x, x @ weights + 3, np.array([[1.0, 1.0, 2.0]]))
    assert math.isclose(predicted[0, 0], 3.0, rel_tol=1e-9)


UNSPACED = ["日鳥雲", "火風北", "雲日魚", "風火石"] * 6


def test_characters_are_chosen_where_words_say_nothing():
    """The texts of one class have the first character, wherever it stands."""
    rng = np.random.default_rng(0)
    texts = ["".join(rng.choice(list("日鳥雲火風北魚石"), 12)) for _ in range(400)]
    classes = np.array(["日" in text for text in texts]).astype(int)
    splits = texts[:200], classes[:200], texts[200:300], classes[200:300], texts[300:]
    right = {}
    for characters in (0, 10_000):
        model = baselines.nb_logistic_regression(*splits, SingleLabel(names(2)), characters)
        right[characters] = ((model.outputs[:, 0] > 0) == classes[300:]).mean()
        assert ("characters" in model.features) == bool(characters)
    assert right[10_000] > 0.95 > right[0]


def test_words_are_chosen_where_characters_say_nothing():
    """Both texts have the same sequences of three characters."""
    model = fitted(["p zaaz zbbz p", "p zbbz zaaz p"] * 6, [0, 1] * 6, ["zaaz zbbz"], characters=1000)
    assert model.features.startswith("words")
    assert model.outputs[0, 0] < 0


def test_long_texts_are_cut_before_their_characters_are_counted():
    texts = [f"{place} and more {text}" for place, text in enumerate(UNSPACED)]
    classes = np.array(["日" in text for text in texts]).astype(int)
    characters = 3 * len(texts)
    model = baselines.nb_logistic_regression(texts, classes, texts, classes, texts, SingleLabel(names(2)), characters)
    assert "the last 3 characters of each text" in model.features


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (UNSPACED, True),
        (["ภาษาไทยไม่มีเว้นวรรค"], True),
        (["ACGTACGTTTGACCAGTACGGATTA" * 2] * 3, True),
        (["a text with spaces 日", "and another one"], False),
        (["한국어에는 띄어쓰기가 있다"], False),
        (["", " "], False),
    ],
)
def test_texts_without_spaces_between_words_are_recognized(texts, expected):
    assert baselines.are_unspaced(texts) is expected
