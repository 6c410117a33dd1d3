"""The simple models that every network is held against."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gatewright.tasks.base.measures import of_labels, to_shares

# Inverse strengths of regularisation that are tried; the best on the validation rows is kept.
_STRENGTHS = (0.01, 0.1, 1.0, 10.0)
# Counts are smoothed by one, as in the paper.
_SMOOTHING = 1.0


class NBLogisticRegression(NamedTuple):
    """Logits for the test texts, [rows, 1] for two classes and [rows, classes] for more; and the chosen C."""

    outputs: NDArray[np.float64]
    C: float


def nb_logistic_regression(
    train_texts: Sequence[str],
    train_classes: NDArray[np.integer[Any]],
    validation_texts: Sequence[str],
    validation_classes: NDArray[np.integer[Any]],
    test_texts: Sequence[str],
    classes: int,
) -> NBLogisticRegression:
    """Logistic regression on naive-Bayes-weighted words and pairs of words.

    Wang & Manning 2012, "Baselines and Bigrams: Simple, Good Sentiment and Topic Classification", section 2.3, with
    logistic regression in the place of the support vector machine. With f the presence (0 or 1) of a word or pair:

        p = 1 + sum of f over the class,  q = 1 + sum of f over the others
        r = log((p / |p|) / (q / |q|)),   features r * f

    More than two classes are one against the rest each.

    Args:
        train_texts, train_classes: what is fitted; classes are numbers from 0.
        validation_texts, validation_classes: on which the strength of regularisation is chosen, by accuracy.
        test_texts: what is answered.
        classes: how many there are.
    """

    def accuracy(answers: NDArray[np.float64]) -> float:
        right = (answers[:, 0] > 0) if classes == 2 else answers.argmax(axis=1)
        return float(np.mean(right == validation_classes))

    positives = [1] if classes == 2 else list(range(classes))
    sides = np.stack([train_classes == positive for positive in positives], axis=1)
    return _best(train_texts, sides, validation_texts, accuracy, test_texts)


def nb_logistic_regression_of_labels(
    train_texts: Sequence[str],
    train_labels: NDArray[np.integer[Any]],
    validation_texts: Sequence[str],
    validation_labels: NDArray[np.integer[Any]],
    test_texts: Sequence[str],
) -> NBLogisticRegression:
    """As `nb_logistic_regression`, each of several labels against its absence, with a logit each: [rows, labels].

    Args:
        train_texts, train_labels: what is fitted; labels are 1 where a row has one, else 0, [rows, labels].
        validation_texts, validation_labels: on which the strength of regularisation is chosen, by macro F1.
        test_texts: what is answered.
    """

    def macro_f1(answers: NDArray[np.float64]) -> float:
        return of_labels(to_shares(answers), validation_labels)["macro_f1"]

    return _best(train_texts, train_labels.astype(np.bool_), validation_texts, macro_f1, test_texts)


def _best(
    train_texts: Sequence[str],
    sides: NDArray[np.bool_],
    validation_texts: Sequence[str],
    merit: Callable[[NDArray[np.float64]], float],
    test_texts: Sequence[str],
) -> NBLogisticRegression:
    """A regression for each column of `sides`, [rows, outputs], at the strength whose validation logits are best."""
    from sklearn.feature_extraction.text import CountVectorizer

    counter = CountVectorizer(ngram_range=(1, 2), binary=True, token_pattern=r"\w+", dtype=np.float64)
    try:
        train = counter.fit_transform(train_texts)
    except ValueError:  # scikit-learn's way to say that no text has a word
        counter = CountVectorizer(vocabulary=["\0"], dtype=np.float64)
        train = counter.transform(train_texts)
    validation, test = counter.transform(validation_texts), counter.transform(test_texts)
    ratios = [_log_ratio(train, side) for side in sides.T]
    best: tuple[float, float, list[Any]] | None = None
    for strength in _STRENGTHS:
        models = [_regression(train, side, ratio, strength) for side, ratio in zip(sides.T, ratios, strict=True)]
        figure = merit(_logits(models, ratios, validation))
        if best is None or figure > best[0]:
            best = figure, strength, models
    assert best is not None
    return NBLogisticRegression(_logits(best[2], ratios, test), best[1])


class _Constant(NamedTuple):
    """What is said of a label that every training row has, or none."""

    logit: float

    def decision_function(self, features: Any) -> NDArray[np.float64]:
        return np.full(features.shape[0], self.logit)


def _log_ratio(features: Any, positive: NDArray[np.bool_]) -> NDArray[np.float64]:
    p = _SMOOTHING + np.asarray(features[positive].sum(axis=0)).ravel()
    q = _SMOOTHING + np.asarray(features[~positive].sum(axis=0)).ravel()
    ratio: NDArray[np.float64] = np.log(p / p.sum()) - np.log(q / q.sum())
    return ratio


def _regression(features: Any, positive: NDArray[np.bool_], ratio: NDArray[np.float64], strength: float) -> Any:
    from sklearn.linear_model import LogisticRegression

    if positive.all() or not positive.any():
        # As if half a row were otherwise: certainty would cost without end where it is wrong.
        certain = float(np.log(2 * len(positive) - 1))
        return _Constant(certain if positive.all() else -certain)
    model = LogisticRegression(C=strength, solver="liblinear", dual=True, max_iter=10_000, random_state=0)
    return model.fit(features.multiply(ratio).tocsr(), positive)


def _logits(models: Sequence[Any], ratios: Sequence[NDArray[np.float64]], features: Any) -> NDArray[np.float64]:
    columns = [
        model.decision_function(features.multiply(ratio).tocsr()) for model, ratio in zip(models, ratios, strict=True)
    ]
    return np.stack(columns, axis=1)


def linear_regression(train: NDArray[Any], targets: NDArray[Any], test: NDArray[Any]) -> NDArray[np.float64]:
    """Least squares with a constant: predictions [rows, outputs] for the test rows [rows, features]."""
    from sklearn.linear_model import LinearRegression

    predictions: NDArray[np.float64] = LinearRegression().fit(train, targets).predict(test)
    return predictions
