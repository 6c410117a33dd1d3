"""What the explanation of the tag of a word, or of the label of a sentence, needs."""

from collections.abc import Callable, Collection, Sequence
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from gatewright.nn.layer import Layer, Weights
from gatewright.nn.layers import Dense, Pool
from gatewright.nn.prefixes import select
from gatewright.results.explanation import INPUT, UNKNOWN, Step
from gatewright.support.errors import InputError, nearest
from gatewright.support.ids import FIRST
from gatewright.tasks.base.explainable import Explainable, Output, items_without
from gatewright.tasks.base.measures import to_probabilities
from gatewright.tasks.tag.layers import Tags
from gatewright.tasks.tag.spelling import pieces
from gatewright.tasks.tag.task import PreparedSentences


class Tagger(Protocol):
    """What an explanation needs of a trained tagger."""

    prepared: PreparedSentences

    @property
    def layers(self) -> tuple[Layer, ...]: ...
    @property
    def weights(self) -> Sequence[Weights]: ...
    def piece_outputs(self, words: Sequence[str]) -> dict[str, NDArray[np.float64]]: ...


def explain_tag(tagger: Tagger, words: Sequence[str], label: str | None, against: str | None, step: int) -> Explainable:
    """Return what the explanation of the tag of one word needs; see `TrainedModel.explainable`.

    The number that is explained is a difference of two scores of tags at this word, before the softmax or the CRF.

    Args:
        tagger: The tagger.
        words: The words of the sentence.
        label, against: The tag and its alternative. By default the predicted one and the second best one.
        step: Index of the word.

    Raises:
        InputError: The model has no such tag, or both are the same.
    """
    *below, last_layer = tagger.layers
    tags = cast(Tags, last_layer)
    first, last = next(cut for cut in pieces(len(words), tagger.prepared.max_length) if cut[0] <= step < cut[1])
    own = words[first:last]
    scores = tagger.piece_outputs(own)["scores"][step - first]
    output = _output("tag", tagger.prepared.tags, scores, label, against, step - first)
    notes = _notes(words, first, last)
    if tags.crf:
        notes.append(
            "A CRF chooses the tags of a sentence together. What is explained is the score that the network gives the "
            "tag at this word before the CRF, so the scores of neighboring tags are not part of it."
        )
    w = tagger.weights[-1]
    network = (*below, Dense(tags.tags)), (*tagger.weights[:-1], {"kernel": w["kernel"], "bias": w["bias"]})
    return Explainable(
        tagger.prepared.spelling.encode([own], len(own)),
        _steps(tagger.prepared, own),
        output,
        tagger.prepared.tags[int(scores.argmax())],
        None if tags.crf else float(np.exp(scores[output.index])),
        tuple(place for place in range(len(own)) if place != output.step),
        _without(tagger.prepared, own),
        tuple(notes),
        network,
    )


def explain_label(tagger: Tagger, words: Sequence[str], label: str, against: str | None) -> Explainable:
    """Return what the explanation of the label of a sentence needs; see `TrainedModel.explainable`.

    Args:
        tagger: The tagger, whose sentences have labels.
        words: The words of the sentence.
        label, against: The label and its alternative. By default, the alternative is the most probable other one.

    Raises:
        InputError: The model has no such label, or both are the same.
    """
    *below, last_layer = tagger.layers
    tags, labels = cast(Tags, last_layer), tagger.prepared.sentence_labels
    first, last = pieces(len(words), tagger.prepared.max_length)[0]  # only the first piece has a label
    own = words[first:last]
    probabilities = to_probabilities(tagger.piece_outputs(own)["labels"][None])[0]
    w = tagger.weights[-1]
    network = (
        (*below, Pool(tags.pooling), Dense(tags.labels)),
        (*tagger.weights[:-1], select("pool_", w), select("label_", w)),
    )
    return Explainable(
        tagger.prepared.spelling.encode([own], len(own)),
        _steps(tagger.prepared, own),
        _output("label", labels, probabilities, label, against, None),
        labels[int(probabilities.argmax())],
        float(probabilities[labels.index(label)]),
        tuple(range(len(own))) if len(own) > 1 else (),
        _without(tagger.prepared, own),
        tuple(_notes(words, first, last)),
        network,
    )


def _output(
    noun: str,
    names: Sequence[str],
    scores: NDArray[np.float64],
    name: str | None,
    against: str | None,
    step: int | None,
) -> Output:
    """Return the difference of the outputs of two of the names, by default of the two with the best scores.

    Args:
        noun: What the names are, for error messages.
        names: The names, in the order of the outputs.
        scores: The score of each name.
        name, against: The names that the user gave, or None.
        step: See `Output`.

    Raises:
        InputError: There is no such name, both are the same, or there is only one name.
    """
    for given in (name, against):
        if given is not None and given not in names:
            raise InputError(
                f"The model has no {noun} {given!r}. It has: {', '.join(names)}{nearest(given, list(names))}"
            )
    if len(names) < 2:
        raise InputError(f"The model has only the {noun} {names[0]!r}, so there is nothing to explain.")
    ranked = np.argsort(-scores, kind="stable").tolist()
    own = ranked[0] if name is None else names.index(name)
    other = next(place for place in ranked if place != own) if against is None else names.index(against)
    if own == other:
        raise InputError(f"{names[own]!r} cannot be compared with itself: give another {noun} of the model.")
    return Output(names[own], own, names[other], other, step=step)


def _notes(words: Sequence[str], first: int, last: int) -> list[str]:
    if last - first == len(words):
        return []
    return [
        f"The sentence has {len(words):,} words and is read in pieces: this is the piece from word {first + 1:,} to "
        f"word {last:,}."
    ]


def _steps(prepared: PreparedSentences, words: Sequence[str]) -> tuple[Step, ...]:
    numbers = [prepared.spelling.encode_word(word)[0] for word in words]
    return tuple(
        Step(word, INPUT if number >= FIRST else UNKNOWN, number) for word, number in zip(words, numbers, strict=True)
    )


def _without(prepared: PreparedSentences, words: Sequence[str]) -> Callable[[Sequence[Collection[int]]], Any]:
    def without(sets: Sequence[Collection[int]]) -> dict[str, NDArray[np.int32]]:
        kept = [items_without(words, left_out) for left_out in sets]
        return prepared.spelling.encode(kept, max(map(len, kept)))

    return without
