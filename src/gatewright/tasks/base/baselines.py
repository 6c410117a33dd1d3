"""Baselines that several tasks share: logistic and linear regression."""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gatewright.tasks.base.measures import multi_label_metrics, to_label_probabilities

# Inverse strengths of regularization. The one that is best on the validation set is used.
_STRENGTHS = (0.01, 0.1, 1.0, 10.0)
# Counts are smoothed by one, as in the paper.
_SMOOTHING = 1.0


class NBLogisticRegression(NamedTuple):
    """The result of a logistic regression on naive-Bayes-weighted words.

    Attributes:
        outputs: Logits for the test texts: [texts, classes], or [texts, 1] for two classes; [texts, labels] if
            multi-label.
        C: The inverse regularization strength that was best on the validation set.
    """

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
    """Fit logistic regression on naive-Bayes-weighted words and pairs of words.

    Wang & Manning 2012, "Baselines and Bigrams: Simple, Good Sentiment and Topic Classification", section 2.3, with
    logistic regression instead of the support vector machine. With f the presence (0 or 1) of a word or pair:

        p = 1 + sum of f over the texts of the class,  q = 1 + sum of f over all other texts
        r = log((p / |p|) / (q / |q|)),   features r * f

    For more than two classes, one regression is fitted for each class against the rest.

    Args:
        train_texts, train_classes: The training set. Classes are integers from 0, [texts].
        validation_texts, validation_classes: The validation set, on which C is chosen by accuracy.
        test_texts: The texts to predict.
        classes: The number of classes.
    """

    def accuracy(logits: NDArray[np.float64]) -> float:
        predicted = (logits[:, 0] > 0) if classes == 2 else logits.argmax(axis=1)
        return float(np.mean(predicted == validation_classes))

    columns = [train_classes == number for number in ([1] if classes == 2 else range(classes))]
    return _best(train_texts, np.stack(columns, axis=1), validation_texts, accuracy, test_texts)


def multi_label_nb_logistic_regression(
    train_texts: Sequence[str],
    train_labels: NDArray[np.integer[Any]],
    validation_texts: Sequence[str],
    validation_labels: NDArray[np.integer[Any]],
    test_texts: Sequence[str],
) -> NBLogisticRegression:
    """Fit one logistic regression, as in `nb_logistic_regression`, for each label of multi-label texts.

    Args:
        train_texts, train_labels: The training set. Labels are [texts, labels]: 1 where a text has the label, otherwise
            0.
        validation_texts, validation_labels: The validation set, on which C is chosen by macro F1.
        test_texts: The texts to predict.
    """

    def macro_f1(logits: NDArray[np.float64]) -> float:
        return multi_label_metrics(to_label_probabilities(logits), validation_labels)["macro_f1"]

    return _best(train_texts, train_labels.astype(np.bool_), validation_texts, macro_f1, test_texts)


def _best(
    train_texts: Sequence[str],
    positives: NDArray[np.bool_],
    validation_texts: Sequence[str],
    score: Callable[[NDArray[np.float64]], float],
    test_texts: Sequence[str],
) -> NBLogisticRegression:
    """Fit a regression for each column of `positives`, [texts, outputs], which are the binary training targets.

    The regularization strength is the one for which `score`, applied to the validation logits, is highest.
    """
    from sklearn.feature_extraction.text import CountVectorizer

    counter = CountVectorizer(ngram_range=(1, 2), binary=True, token_pattern=r"\w+", dtype=np.float64)
    try:
        train = counter.fit_transform(train_texts)
    except ValueError:  # no text has a word
        counter = CountVectorizer(vocabulary=["\0"], dtype=np.float64)
        train = counter.transform(train_texts)
    validation, test = counter.transform(validation_texts), counter.transform(test_texts)
    ratios = [_log_ratio(train, positive) for positive in positives.T]
    best_score = -math.inf
    for C in _STRENGTHS:
        models = [_regression(train, positive, ratio, C) for positive, ratio in zip(positives.T, ratios, strict=True)]
        if (new_score := score(_logits(models, ratios, validation))) > best_score:
            best_score, best = new_score, NBLogisticRegression(_logits(models, ratios, test), C)
    return best


class _Constant(NamedTuple):
    """A model with a constant logit, for a label that all training texts have or that none has."""

    logit: float

    def decision_function(self, features: Any) -> NDArray[np.float64]:
        return np.full(features.shape[0], self.logit)


def _log_ratio(features: Any, positive: NDArray[np.bool_]) -> NDArray[np.float64]:
    p = _SMOOTHING + np.asarray(features[positive].sum(axis=0)).ravel()
    q = _SMOOTHING + np.asarray(features[~positive].sum(axis=0)).ravel()
    return np.asarray(np.log(p / p.sum()) - np.log(q / q.sum()))


def _regression(features: Any, positive: NDArray[np.bool_], ratio: NDArray[np.float64], C: float) -> Any:
    from sklearn.linear_model import LogisticRegression

    if positive.all() or not positive.any():
        # As if half a text differed: a wrong prediction with full certainty would have an infinite loss.
        certain = float(np.log(2 * len(positive) - 1))
        return _Constant(certain if positive.all() else -certain)
    model = LogisticRegression(C=C, solver="liblinear", dual=True, max_iter=10_000, random_state=0)
    return model.fit(features.multiply(ratio).tocsr(), positive)


def _logits(models: Sequence[Any], ratios: Sequence[NDArray[np.float64]], features: Any) -> NDArray[np.float64]:
    columns = [
        model.decision_function(features.multiply(ratio).tocsr()) for model, ratio in zip(models, ratios, strict=True)
    ]
    return np.stack(columns, axis=1)


def linear_regression(train: NDArray[Any], targets: NDArray[Any], test: NDArray[Any]) -> NDArray[np.float64]:
    """Fit linear regression with an intercept, and return predictions for the test set, [examples, outputs].

    Args:
        train, test: Features of the training and the test set, [examples, features].
        targets: Targets of the training set, [examples, outputs].
    """
    from sklearn.linear_model import LinearRegression

    return np.asarray(LinearRegression().fit(train, targets).predict(test))
