"""Trained taggers."""

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any, ClassVar, overload

import numpy as np
from numpy.typing import NDArray

from gatewright.nn.file import Relation
from gatewright.nn.layer import Activations, Layer
from gatewright.nn.layers import Dropout, Recurrent
from gatewright.support.errors import InputError
from gatewright.support.escapes import escape_control
from gatewright.support.progress import Ticker, print_status
from gatewright.tasks.base.explainable import Explainable, require_step
from gatewright.tasks.base.measures import to_probabilities
from gatewright.tasks.base.model import Description, EvaluationSet, TrainedModel
from gatewright.tasks.base.stack import settings_fit, stack_fits
from gatewright.tasks.tag.explaining import explain_label, explain_tag
from gatewright.tasks.tag.layers import Tags, WordCharEmbedding
from gatewright.tasks.tag.reading import read_tagged
from gatewright.tasks.tag.sentences import ColumnChoice, Tagged
from gatewright.tasks.tag.spelling import pieces
from gatewright.tasks.tag.task import PreparedSentences
from gatewright.tasks.tag.untagged import sentences_to_predict

_MOST_SHOWN = 60


@dataclass(frozen=True)
class TaggedSentence:
    """The prediction of a tagger for one sentence.

    Attributes:
        words, tags: The words of the sentence, and a tag for each word.
        label: The most probable label of the sentence. None if the model does not predict labels of sentences.
        probabilities: The probability of each label of the sentence. Empty if `label` is None.
    """

    words: tuple[str, ...]
    tags: tuple[str, ...]
    label: str | None
    probabilities: dict[str, float]

    def to_json(self) -> dict[str, Any]:
        """Return the prediction as JSON values."""
        tagged: dict[str, Any] = {"words": list(self.words), "tags": list(self.tags)}
        return tagged if self.label is None else {**tagged, "intent": self.label, "probabilities": self.probabilities}

    def text(self, first: bool) -> str:
        """Return the text that `gatewright predict` prints. `first` is True for the first prediction of the output."""
        return str(self)

    def __str__(self) -> str:
        """Return a comment with the label, a line with the word and its tag for each word, and an empty line."""
        lines = [] if self.label is None else [f"# intent = {escape_control(self.label)}"]
        lines += [
            f"{escape_control(word)}\t{escape_control(tag)}" for word, tag in zip(self.words, self.tags, strict=True)
        ]
        return "".join(f"{line}\n" for line in lines)


class Tagger(TrainedModel):
    """A trained tagger.

    Attributes:
        prepared: What was learned from the training set: the word encoder, the tags and the labels of sentences.
        training: The settings and results of the training run.
    """

    command: ClassVar[str] = "tag"
    prepared_class = PreparedSentences
    layer_classes = (WordCharEmbedding, Dropout, Recurrent, Tags)
    layer_order = "word_char_embedding dropout? (recurrent dropout?)+ tags"

    prepared: PreparedSentences

    @classmethod
    def relations(
        cls, layers: Sequence[Layer], prepared: PreparedSentences, training: Mapping[str, Any]
    ) -> Iterator[Relation]:
        yield from stack_fits(layers, sequences=True, bidirectional=True)
        yield from settings_fit(layers, training)
        for layer in layers:
            if isinstance(layer, WordCharEmbedding):
                yield Relation("number of word ids", prepared.spelling.ids, layer.vocabulary)
                yield Relation("number of character ids", prepared.spelling.letter_ids, layer.char_vocabulary)
            if isinstance(layer, Tags):
                yield Relation("number of tags", len(prepared.tags), layer.tags)
                yield Relation("number of labels", len(prepared.sentence_labels), layer.labels)

    @property
    def tags(self) -> tuple[str, ...]:
        """The tags in the order of the outputs."""
        return self.prepared.tags

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels of sentences in the order of the outputs. Empty if the model predicts only tags."""
        return self.prepared.sentence_labels

    @overload
    def predict(self, texts: str) -> TaggedSentence: ...  # type: ignore[overload-overlap]  # a str is iterable too
    @overload
    def predict(self, texts: Iterable[str | Iterable[str]]) -> list[TaggedSentence]: ...
    def predict(self, texts: str | Iterable[str | Iterable[str]]) -> TaggedSentence | list[TaggedSentence]:
        """Return the prediction for a sentence, or a list of predictions for several sentences.

        The prediction for a sentence does not depend on the other sentences.

        Args:
            texts: One sentence, or several in a list or another iterable. A string is split into words as in the
                training data. In the list, a sentence may also be a list of words, which are taken as they are.

        Raises:
            InputError: A sentence is neither a string nor a list of words, or cannot be split into words.
        """
        if isinstance(texts, str):
            return self._predict([self.prepared.words(texts)])[0]
        return self._predict([self._words(text) for text in _items(texts, "predict takes a text or a list of them")])

    def _words(self, sentence: object) -> list[str]:
        if isinstance(sentence, str):
            return self.prepared.words(sentence)
        rule = "A sentence must be a text, or a list of words that are not empty"
        words = _items(sentence, rule)
        if not all(isinstance(word, str) and word for word in words):
            raise InputError(f"{rule}, not {_shown(sentence)}.")
        return [str(word) for word in words]

    def _predict(self, sentences: list[list[str]]) -> list[TaggedSentence]:
        cuts = [pieces(len(words), self.prepared.max_length) for words in sentences]
        split = [words[first:last] for words, own in zip(sentences, cuts, strict=True) for first, last in own]
        tags: list[list[str]] = [[] for _ in split]
        probabilities = np.empty((len(split), max(len(self.labels), 1)))
        for places, outputs in self._outputs_of(split):
            probabilities[places] = to_probabilities(outputs["labels"]) if len(self.labels) > 1 else 1
            for place, numbers in zip(places, outputs["scores"].argmax(axis=2), strict=True):
                tags[place] = [self.tags[number] for number in numbers[len(numbers) - len(split[place]) :]]
        predicted, piece = [], 0
        for words, own in zip(sentences, cuts, strict=True):
            label = self.labels[int(probabilities[piece].argmax())] if self.labels else None
            listed = zip(self.labels, probabilities[piece].tolist(), strict=True) if self.labels else ()
            joined = tuple(tag for some in tags[piece : piece + len(own)] for tag in some)
            predicted.append(TaggedSentence(tuple(words), joined, label, dict(listed)))
            piece += len(own)
        return predicted

    def _outputs_of(self, split: Sequence[Sequence[str]]) -> Iterator[tuple[list[int], dict[str, NDArray[Any]]]]:
        """Run the network in batches. Yield the indices of the sentence pieces in each batch, and the outputs."""
        # Pieces of similar length share a call, which is as long as its longest piece.
        order = sorted(range(len(split)), key=lambda place: len(split[place]))
        report = Ticker()
        for first in range(0, len(order), self.examples_per_call):
            if report.due():
                print_status(f"{first:,} of {len(order):,} sentences are tagged.")
            places = order[first : first + self.examples_per_call]
            time = max(len(split[places[-1]]), 1)
            inputs = self.prepared.spelling.encode([split[place] for place in places], time)
            yield places, self._forward(Activations(inputs))[0]

    def explainable(
        self, example: Any, *, label: str | None = None, against: str | None = None, step: int | None = None
    ) -> Explainable:
        words = self._words(example)
        if not words:
            raise InputError("A sentence to explain needs a word.")
        if label is not None and label in self.labels and label not in self.tags and step is None:
            return explain_label(self, words, label, against)
        return explain_tag(self, words, label, against, require_step(step, len(words)))

    def examples_from(self, given: Any, file: str | None, options: Mapping[str, Any]) -> list[Any]:
        texts = [given] if isinstance(given, str) else given
        found = sentences_to_predict(texts, file, options, self.tags, self.trained_data)
        return _items(found, "Sentences must be a text or a list of them")

    def piece_outputs(self, words: Sequence[str]) -> dict[str, NDArray[np.float64]]:
        """Return the network's outputs for one sentence of at most `max_length` words, without padding; see `Tags`."""
        ((_, outputs),) = self._outputs_of([words])
        return {name: np.asarray(output[0], np.float64) for name, output in outputs.items()}

    def read(self, data: str, options: Mapping[str, Any], limit: int | None) -> EvaluationSet:
        source, notes = self.trained_data.read(
            lambda options: read_tagged(data, ColumnChoice.of(options)), data, options
        )
        examples = source.train if source.test is None else source.test
        return self.evaluation_set(source.name, examples, (*source.notes, *notes), limit, source.test is not None)

    def evaluation_set(
        self, name: str, examples: Tagged, notes: tuple[str, ...], limit: int | None, is_test: bool
    ) -> EvaluationSet:
        examples = examples.take(range(len(examples.words))[:limit])
        if self.labels and examples.labels is None:
            raise InputError(
                f"The model predicts a label for each sentence, but {name} has none. Give data with a label for each "
                "sentence."
            )
        return EvaluationSet(name, examples, self.prepared.covering(examples), notes, is_test)

    def predict_from(
        self, texts: Iterable[str | Iterable[str]] | None, file: str | None, options: Mapping[str, Any]
    ) -> list[TaggedSentence]:
        return self.predict(self.examples_from(texts, file, options))

    def describe(self) -> Description:
        spelling = self.prepared.spelling
        return Description(spelling.kind, spelling.ids, f"texts: {spelling.kind}, {spelling.ids:,} ids")

    def answers(self) -> dict[str, Any]:
        return {"tags": list(self.tags), "labels": list(self.labels), "max_length": self.prepared.max_length}


def _items(given: object, rule: str) -> list[Any]:
    """Return the items of an iterable. A string, bytes and what has no order are not lists.

    Raises:
        InputError: `given` is not such an iterable. The message begins with `rule`.
    """
    if isinstance(given, str | bytes | bytearray | Mapping | Set) or not isinstance(given, Iterable):
        raise InputError(f"{rule}, not {_shown(given)}.")
    try:
        return list(given)
    except TypeError:  # a NumPy array without dimensions
        raise InputError(f"{rule}, not {_shown(given)}.") from None


def _shown(given: object) -> str:
    """Return a short description of an object, for error messages."""
    shown = " ".join(repr(given).split())
    return shown if len(shown) <= _MOST_SHOWN else f"{shown[:_MOST_SHOWN]}..."
