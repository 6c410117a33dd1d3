"""The baselines of translators: the most frequent sentence, a translation memory, and IBM model 1."""

from collections import Counter
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from gatewright.support.progress import with_progress
from gatewright.tasks.translate.sentences import Pairs
from gatewright.tasks.translate.word_translation import WordByWord
from gatewright.tasks.translate.words import WordSplitter

# Similarities that are computed at a time.
_SIMILARITIES = 1 << 24


class Baseline(Protocol):
    """A fitted baseline.

    Attributes:
        name, description: Name and description for readers of the results.
    """

    name: str
    description: str

    def translate(self, sources: Sequence[str]) -> list[str]:
        """Return the translation of each sentence."""


def fit_baselines(train: Pairs) -> list[Baseline]:
    """Fit the three baselines to the training pairs."""
    return [MostFrequent(train), TranslationMemory(train), WordByWord(train)]


class MostFrequent:
    """The most frequent target sentence, whatever the source. The first of several is taken.

    Args:
        train: The training pairs.
    """

    name = "most frequent sentence"
    description = "always the most frequent target sentence"

    def __init__(self, train: Pairs) -> None:
        self.sentence = Counter(train.target).most_common(1)[0][0]

    def translate(self, sources: Sequence[str]) -> list[str]:
        """Return the translation of each sentence."""
        return [self.sentence] * len(sources)


class TranslationMemory:
    """The translation of the training sentence that is most similar to the source.

    Similarity is the cosine of TF-IDF vectors of words in lower case and punctuation marks. The first of several equal
    sentences is taken. A sentence without a known word gets the most frequent target sentence.

    Args:
        train: The training pairs.
    """

    name = "translation memory"
    description = "the translation of the most similar training sentence, by TF-IDF of its words"

    def __init__(self, train: Pairs) -> None:
        from sklearn.feature_extraction.text import TfidfVectorizer

        splitter = WordSplitter.of(train.source)
        self._vectorizer = TfidfVectorizer(analyzer=lambda text: splitter.split(text.lower()), dtype=np.float32)
        self._vectors = self._vectorizer.fit_transform(
            with_progress(train.source, "training sentences read for the translation memory")
        ).T.tocsr()
        self._targets, self._otherwise = train.target, MostFrequent(train).sentence

    def translate(self, sources: Sequence[str]) -> list[str]:
        """Return the translation of each sentence."""
        size, found = max(1, _SIMILARITIES // len(self._targets)), []
        for first in with_progress(range(0, len(sources), size), "groups of sentences looked up"):
            similarities = (self._vectorizer.transform(sources[first : first + size]) @ self._vectors).toarray()
            found += [
                self._targets[nearest] if own[nearest] > 0 else self._otherwise
                for own, nearest in zip(similarities, similarities.argmax(axis=1), strict=True)
            ]
        return found
