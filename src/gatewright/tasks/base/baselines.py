"""Baselines that several tasks share: logistic and linear regression."""

import re
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gatewright.support.progress import with_progress
from gatewright.tasks.base.labels import LabelSet

# Inverse strengths of regularization. The one that is best on the validation set is used.
_STRENGTHS = (0.01, 0.1, 1.0, 10.0)
# Counts are smoothed by one, as in the paper.
_SMOOTHING = 1.0
UNSPACED_CHARACTERS, SPACED_CHARACTERS = 5_000_000, 1_000_000
"""The numbers of characters to read for sequences of characters, which takes a minute or two for five million.

For texts whose words are separated by spaces, fewer are enough, since words are the better features.
"""

# The largest number of features of characters, which bounds their memory.
_MAX_SEQUENCES = 500_000
# The texts, and the characters at the beginning of each, from which spaces between words are measured.
_SAMPLED_TEXTS, _SAMPLED_CHARACTERS = 1_000, 1_000
# Letters of scripts without spaces between words: Thai, Lao, Tibetan, Myanmar, Khmer, Kana, Bopomofo and Han.
_UNSPACED_LETTER = re.compile(
    r"[\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u3040-\u312f\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    r"\uff66-\uff9d\U00020000-\U0003ffff]"
)
# Texts are without spaces if this share of their letters is of these scripts, or if the parts between spaces have more
# characters than this on average.
_UNSPACED_SHARE, _LONG_WORD = 0.3, 20


class NBLogisticRegression(NamedTuple):
    """The result of a logistic regression on naive-Bayes-weighted features of texts.

    Attributes:
        outputs: Logits for the test texts: [texts, classes], or [texts, 1] for two classes; [texts, labels] if
            multi-label.
        C: The inverse regularization strength, chosen on the validation set.
        features: A description of the features, such as "words and pairs of words", chosen on the validation set.
    """

    outputs: NDArray[np.float64]
    C: float
    features: str


class _Features(NamedTuple):
    """A way to turn texts into features.

    Attributes:
        description: A description for reports.
        arguments: Arguments of scikit-learn's `CountVectorizer`.
        length: Number of characters at the end of each text that are read. None for the whole text.
    """

    description: str
    arguments: dict[str, Any]
    length: int | None = None


_WORDS = _Features("words and pairs of words of the whole texts", {"ngram_range": (1, 2), "token_pattern": r"\w+"})


def nb_logistic_regression(
    train_texts: Sequence[str],
    train_targets: NDArray[np.integer[Any]],
    validation_texts: Sequence[str],
    validation_targets: NDArray[np.integer[Any]],
    test_texts: Sequence[str],
    labels: LabelSet,
    characters: int = 0,
) -> NBLogisticRegression:
    """Fit logistic regression on naive-Bayes-weighted words and pairs of words.

    Wang & Manning 2012, "Baselines and Bigrams: Simple, Good Sentiment and Topic Classification", section 2.3, with
    logistic regression instead of the support vector machine. With f the presence (0 or 1) of a word or pair:

        p = 1 + sum of f over the texts of the class,  q = 1 + sum of f over all other texts
        r = log((p / |p|) / (q / |q|)),   features r * f

    For more than two classes, one regression is fitted for each class against the rest. For multi-label texts, one
    regression is fitted for each label.

    Args:
        train_texts, train_targets: The training set, with targets as `LabelSet.targets` returns them.
        validation_texts, validation_targets: The validation set, on which C and the features are chosen as
            `LabelSet.selection` says.
        test_texts: The texts to predict.
        labels: The labels of the texts.
        characters: Also try sequences of 1 to 3 characters as features, of about this number of characters at the ends
            of the training texts. 0 tries only words.
    """
    positives = train_targets.astype(np.bool_) if labels.multi_label else _columns(train_targets, labels.outputs)
    selection, best_values = labels.selection(len(validation_texts)), None
    for features in (_WORDS, _characters(train_texts, characters)) if characters else (_WORDS,):
        read = [_ends(texts, features.length) for texts in (train_texts, validation_texts, test_texts)]
        train, validation, test = _counted(features, *read)
        ratios = [_log_ratio(train, positive) for positive in positives.T]
        for C in _STRENGTHS:
            models = [_regression(train, one, ratio, C) for one, ratio in zip(positives.T, ratios, strict=True)]
            probabilities = labels.probabilities(_logits(models, ratios, validation))
            values = labels.measure(probabilities, validation_targets)
            if best_values is None or selection.is_better(values, best_values):
                best_values = values
                best = NBLogisticRegression(_logits(models, ratios, test), C, features.description)
    return best


def _columns(classes: NDArray[np.integer[Any]], outputs: int) -> NDArray[np.bool_]:
    """Return a column of binary targets for each regression, [texts, outputs]; only the second of two classes has one.

    Args:
        classes: The classes as integers from 0, [texts].
        outputs: Number of columns.
    """
    return np.asarray(classes[:, None] == ([1] if outputs == 1 else np.arange(outputs)))


def _characters(texts: Sequence[str], characters: int) -> _Features:
    """Return features for sequences of characters. If `texts` have more characters, only their ends are read."""
    arguments = {"analyzer": "char", "ngram_range": (1, 3), "max_features": _MAX_SEQUENCES}
    length = max(1, characters // len(texts))
    if sum(map(len, texts)) <= characters:
        return _Features("sequences of 1 to 3 characters of the whole texts", arguments)
    description = f"sequences of 1 to 3 characters of the last {length:,} characters of each text"
    return _Features(description, arguments, length)


def _ends(texts: Sequence[str], length: int | None) -> Sequence[str]:
    return texts if length is None else [text[-length:] for text in texts]


def _counted(features: _Features, *splits: Sequence[str]) -> list[Any]:
    """Return a sparse matrix for each split, [texts, features]: 1 where a text has a feature of the training set.

    Args:
        features: The features.
        splits: The texts of each split. The first one is the training set.
    """
    from sklearn.feature_extraction.text import CountVectorizer

    counter = CountVectorizer(**features.arguments, binary=True, dtype=np.float64)
    progress = [with_progress(texts, "texts read for the baseline") for texts in splits]
    try:
        train = counter.fit_transform(progress[0])
    except ValueError:  # no text has a feature
        counter = CountVectorizer(vocabulary=["\0"], dtype=np.float64)
        train = counter.transform(splits[0])
    return [train, *map(counter.transform, progress[1:])]


def are_unspaced(texts: Sequence[str]) -> bool:
    """Return True if the words of many of the texts are not separated by spaces.

    This is so if many letters are of scripts that are written without spaces, such as Chinese, Japanese and Thai, or if
    the parts between spaces are too long to be words.
    """
    sample = [text[:_SAMPLED_CHARACTERS] for text in texts[:: -(-len(texts) // _SAMPLED_TEXTS)]]
    letters = sum(map(str.isalpha, "".join(sample)))
    unspaced = sum(len(_UNSPACED_LETTER.findall(text)) for text in sample)
    lengths = [len(part) for text in sample for part in text.split()]
    return unspaced > _UNSPACED_SHARE * letters or bool(lengths and np.mean(lengths) > _LONG_WORD)


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


class LogisticRegression(NamedTuple):
    """The result of a logistic regression on vectors of features.

    Attributes:
        outputs: Logits for the test set, [examples, 1] for two classes and [examples, classes] for more classes.
        C: The inverse regularization strength, chosen on the validation set.
        features: The features, chosen on the validation set.
    """

    outputs: NDArray[np.float64]
    C: float
    features: Any


def logistic_regression(
    candidates: Mapping[Any, Sequence[NDArray[Any]]],
    train_classes: NDArray[np.integer[Any]],
    validation_classes: NDArray[np.integer[Any]],
    labels: LabelSet,
) -> LogisticRegression:
    """Fit logistic regression on scaled features. The validation set chooses the features and the regularization.

    Args:
        candidates: The features of the training, validation and test set, [examples, features] each, with a key for
            each kind of features.
        train_classes, validation_classes: The classes as numbers from 0, [examples]. Every class occurs in training.
        labels: The names of the classes, which choose as `LabelSet.selection` says.
    """
    from sklearn.linear_model import LogisticRegression as Model
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from threadpoolctl import threadpool_limits

    fitted = []
    for features, (train, validation, test) in candidates.items():
        for strength in _STRENGTHS:
            model = make_pipeline(StandardScaler(), Model(C=strength, max_iter=1_000))
            # A model that has not converged is compared like the others. Threads of such small products mostly wait for
            # each other, and for seconds if the processor is busy.
            with warnings.catch_warnings(), threadpool_limits(1):
                warnings.simplefilter("ignore")
                model.fit(train, train_classes)
            figures = labels.measure(labels.probabilities(_class_logits(model, validation)), validation_classes)
            fitted.append((figures, LogisticRegression(_class_logits(model, test), strength, features)))
    best = labels.selection(len(validation_classes)).best([figures for figures, _ in fitted])
    return fitted[best][1]


def _class_logits(model: Any, features: NDArray[Any]) -> NDArray[np.float64]:
    return np.asarray(model.decision_function(features), np.float64).reshape(len(features), -1)


def linear_regression(train: NDArray[Any], targets: NDArray[Any], test: NDArray[Any]) -> NDArray[np.float64]:
    """Fit linear regression with an intercept, and return predictions for the test set, [examples, outputs].

    Args:
        train, test: Features of the training and the test set, [examples, features].
        targets: Targets of the training set, [examples, outputs].
    """
    from sklearn.linear_model import LinearRegression

    return np.asarray(LinearRegression().fit(train, targets).predict(test))
