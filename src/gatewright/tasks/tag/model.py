"""Use a trained tagger: NumPy and the kernels, a tag for each word."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, overload

import numpy as np

from gatewright.nn import model as models
from gatewright.nn.block import Steps
from gatewright.nn.file import Model
from gatewright.nn.library import NUMPY
from gatewright.results.figures import printable
from gatewright.support.data_progress import Progress, say
from gatewright.support.errors import InputError
from gatewright.tasks.base.measures import to_probabilities
from gatewright.tasks.tag.blocks import Answers, Tags, WordVectors
from gatewright.tasks.tag.spelling import Spelling, pieces, spelling_from_json

# Rows of one call: enough to fill the kernels.
_ROWS_AT_ONCE = 64


@dataclass(frozen=True)
class TaggedSentence:
    """What a tagger says of one sentence.

    Attributes:
        words, tags: as many of the one as of the other.
        label: of the sentence, the likeliest; None of a model without labels of sentences.
        probabilities: of each label.
    """

    words: tuple[str, ...]
    tags: tuple[str, ...]
    label: str | None
    probabilities: dict[str, float]

    def to_json(self) -> dict[str, Any]:
        """The answer as plain JSON values."""
        answer: dict[str, Any] = {"words": list(self.words), "tags": list(self.tags)}
        return answer if self.label is None else {**answer, "intent": self.label, "probabilities": self.probabilities}

    def __str__(self) -> str:
        """A word and its tag on each line, the label before them as a comment, and an empty line at the end."""
        lines = [] if self.label is None else [f"# intent = {printable(self.label)}"]
        lines += [f"{printable(word)}\t{printable(tag)}" for word, tag in zip(self.words, self.tags, strict=True)]
        return "".join(f"{line}\n" for line in lines)


class Tagger:
    """A trained tagger.

    Attributes:
        tags, labels: in the order of the outputs; of a model without labels of sentences there are none of these.
        length: words that are read at once; a longer sentence is read in pieces, and its label is that of the first.
        spelling: how words become ids.
        training: settings and figures, for a reader.
    """

    task: ClassVar[str] = "tag"

    def __init__(self, model: Model) -> None:
        self.spelling: Spelling = spelling_from_json(model.encoder)
        self.tags, self.labels, self.length = _answers(model, self.spelling)
        self.training = model.training
        self._blocks, self._weights = model.blocks, model.weights

    @overload
    def predict(self, texts: str) -> TaggedSentence: ...  # type: ignore[overload-overlap]  # a str is a sequence too
    @overload
    def predict(self, texts: Sequence[str | Sequence[str]]) -> list[TaggedSentence]: ...
    def predict(self, texts: str | Sequence[str | Sequence[str]]) -> TaggedSentence | list[TaggedSentence]:
        """Tags of one sentence, or of each of many; a sentence is answered alike alone and among others.

        Args:
            texts: a text is split at white space; in its place stand words, which are taken as they are.

        Raises:
            InputError: something else was given.
        """
        if isinstance(texts, str):
            return self._predict([texts.split()])[0]
        return self._predict([_words(text) for text in texts])

    def _predict(self, sentences: list[list[str]]) -> list[TaggedSentence]:
        cuts = [pieces(len(words), self.length) for words in sentences]
        rows = [words[first:last] for words, own in zip(sentences, cuts, strict=True) for first, last in own]
        tags: list[list[str]] = [[] for _ in rows]
        shares = np.empty((len(rows), max(len(self.labels), 1)))
        for places, answers in self._answered(rows):
            shares[places] = to_probabilities(answers.labels) if len(self.labels) > 1 else 1
            for place, numbers in zip(places, answers.scores.argmax(axis=2), strict=True):
                tags[place] = [self.tags[number] for number in numbers[len(numbers) - len(rows[place]) :]]
        said, row = [], 0
        for words, own in zip(sentences, cuts, strict=True):
            label = self.labels[int(shares[row].argmax())] if self.labels else None
            listed = zip(self.labels, shares[row].tolist(), strict=True) if self.labels else ()
            given = tuple(tag for some in tags[row : row + len(own)] for tag in some)
            said.append(TaggedSentence(tuple(words), given, label, dict(listed)))
            row += len(own)
        return said

    def answers(self, rows: Sequence[Sequence[str]]) -> Answers:
        """What the outputs say of rows of at most `length` words, padding on the left; it is told how many are done."""
        time = max((len(words) for words in rows), default=0) or 1
        scores = np.zeros((len(rows), time, len(self.tags)), np.float32)
        labels = np.zeros((len(rows), len(self.labels)), np.float32)
        for places, found in self._answered(rows):
            scores[places, time - found.scores.shape[1] :], labels[places] = found.scores, found.labels
        return Answers(scores, labels, np.zeros(len(rows), np.float32))

    def _answered(self, rows: Sequence[Sequence[str]]) -> Iterator[tuple[list[int], Answers]]:
        """The answers for some of the rows, and which these are, until all are done."""
        # Rows of like length together: a call is as long as its longest.
        order = sorted(range(len(rows)), key=lambda place: len(rows[place]))
        told = Progress()
        for first in range(0, len(order), _ROWS_AT_ONCE):
            if told.due():
                say(f"{first:,} of {len(order):,} sentences are tagged.")
            places = order[first : first + _ROWS_AT_ONCE]
            own = max(len(rows[places[-1]]), 1)
            ids = self.spelling.rows([rows[place] for place in places], own)
            out, _ = models.forward(self._blocks, NUMPY, self._weights, Steps(ids))
            yield places, Answers.of(out.x, len(self.tags), len(self.labels))


def _words(text: Any) -> list[str]:
    if isinstance(text, str):
        return text.split()
    if isinstance(text, Sequence) and all(isinstance(word, str) and word for word in text):
        return list(text)
    raise InputError(f"a sentence must be a text, or a list of its words, none of them empty; not {text!r}.")


def _answers(model: Model, spelling: Spelling) -> tuple[tuple[str, ...], tuple[str, ...], int]:
    """Tags, labels and length, if all parts fit one another."""
    first, last = model.blocks[0], model.blocks[-1]
    assert isinstance(first, WordVectors)
    assert isinstance(last, Tags)
    for name, outputs in (("tags", last.tags), ("labels", last.labels)):
        listed = model.answers.get(name)
        if not isinstance(listed, list) or not all(isinstance(one, str) and one for one in listed):
            raise InputError(f"its {name} are not a list of texts.")
        if len(set(listed)) != len(listed) or len(listed) != outputs:
            raise InputError(f"its {name} are not as many as its outputs.")
    length = model.answers.get("length")
    if type(length) is not int or not 0 < length < 2**31:
        raise InputError("its length is not a whole number above 0.")
    if (first.vocabulary, first.letters) != (spelling.ids, spelling.letter_ids):
        raise InputError("its encoder has not as many ids as its vectors of words and letters.")
    return tuple(model.answers["tags"]), tuple(model.answers["labels"]), length
