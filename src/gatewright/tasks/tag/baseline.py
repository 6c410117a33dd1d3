"""The baseline of taggers: each word's most frequent tag, and logistic regression for the labels of sentences."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewright.tasks.base.baselines import nb_logistic_regression
from gatewright.tasks.base.labels import SingleLabel
from gatewright.tasks.base.task import Splits
from gatewright.tasks.tag.sentences import Tagged


@dataclass(frozen=True)
class TagBaseline:
    """A fitted baseline.

    Attributes:
        tag_of: For each word of the training set, its most frequent tag.
        otherwise: The tag of all other words.
        logits: The logit of each label for each test sentence, [sentences, labels].
        description: A description of the baseline for reports.
    """

    tag_of: Mapping[str, str]
    otherwise: str
    logits: NDArray[np.float64]
    description: str

    def tags(self, words: Sequence[str]) -> list[str]:
        """Return the predicted tag of each word."""
        return [self.tag_of.get(word, self.otherwise) for word in words]


def fit_baseline(splits: Splits[Tagged], labels: Sequence[str]) -> TagBaseline:
    """Fit the baseline to the training set. The regularization strength is chosen on the validation set.

    A word that is not in the training set gets the most frequent tag of the words that occur there once.

    Args:
        splits: The data set.
        labels: All labels of sentences, in the order of the logits. Empty if sentences have no labels.
    """
    tag_of, otherwise = _most_frequent_tags(splits.train)
    description = f"{otherwise} for words that the training set does not have, like most words that occur once there"
    logits = np.zeros((len(splits.test.words), len(labels)))
    if len(labels) > 1:
        logits, C, by = _label_logits(splits, labels)
        description += (
            "; for labels NB-weighted logistic regression on words and pairs of words (Wang and Manning 2012), "
            f"C = {C:g} chosen by {by} on the validation set"
        )
    return TagBaseline(tag_of, otherwise, logits, description)


def _label_logits(splits: Splits[Tagged], labels: Sequence[str]) -> tuple[NDArray[Any], float, str]:
    """Return the logits for the test sentences, [sentences, labels], the chosen C, and the metric that chose it."""
    label_set, validation = SingleLabel(tuple(labels)), splits.validation
    known = [place for place, label in enumerate(validation.labels or ()) if label in label_set.names]
    # A label that the training set does not have has no loss.
    validation = validation.take(known) if known else splits.train
    train_targets, validation_targets = (label_set.targets(some.labels or ()) for some in (splits.train, validation))
    fitted = nb_logistic_regression(
        splits.train.texts, train_targets, validation.texts, validation_targets, splits.test.texts, label_set
    )
    by = label_set.selection(len(validation.words)).measures[0].title
    if label_set.outputs > 1:
        return fitted.outputs, fitted.C, by
    # For two labels there is one logit, that of the second label.
    return np.concatenate([np.zeros_like(fitted.outputs), fitted.outputs], axis=1), fitted.C, by


def _most_frequent_tags(examples: Tagged) -> tuple[dict[str, str], str]:
    """Return the most frequent tag of each word, and the most frequent tag of all words that occur once."""
    counts: dict[str, Counter[str]] = {}
    for words, tags in zip(examples.words, examples.tags, strict=True):
        for word, tag in zip(words, tags, strict=True):
            counts.setdefault(word, Counter())[tag] += 1
    once = [own for own in counts.values() if own.total() == 1]
    unknown: Counter[str] = Counter()
    for own in once or counts.values():
        unknown.update(own)
    return {word: _most_frequent(own) for word, own in counts.items()}, _most_frequent(unknown)


def _most_frequent(counts: Counter[str]) -> str:
    return max(counts, key=counts.__getitem__)
