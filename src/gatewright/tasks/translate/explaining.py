"""What the explanation of a piece of a translation needs."""

from collections.abc import Collection, Sequence
from typing import NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from gatewright.nn.backend import NUMPY
from gatewright.nn.layer import Activations, Layer, Weights
from gatewright.nn.model import forward
from gatewright.results.explanation import ENDING, INPUT, UNKNOWN, Alignment, Step
from gatewright.results.naming import piece_names
from gatewright.results.translation import END, SPACE
from gatewright.support import ids
from gatewright.support.errors import InputError, nearest
from gatewright.tasks.base.explainable import Explainable, Output, items_without, require_step
from gatewright.tasks.translate.decoding import NEVER_GENERATED, Hypothesis
from gatewright.tasks.translate.forced_decoder import ForcedDecoder, forced_network
from gatewright.tasks.translate.layers import Decoder, Encoder
from gatewright.tasks.translate.vocabulary import Vocabulary

# Error messages have this many characters of a translation.
_LONGEST = 200


class Translated(NamedTuple):
    """A sentence and its translation.

    Attributes:
        text: The sentence.
        ids: Its ids, with START at the end.
        found: The translation that beam search found.
        translation: Its text.
    """

    text: str
    ids: Sequence[int]
    found: Hypothesis
    translation: str


def explain_piece(
    layers: Sequence[Layer],
    weights: Sequence[Weights],
    vocabulary: Vocabulary,
    translated: Translated,
    label: str | None,
    against: str | None,
    step: int | None,
) -> Explainable:
    """Return what the explanation of a piece of a translation needs; see `TrainedModel.explainable`.

    The number that is explained is the logit of this piece minus that of another one, after the pieces before it in the
    translation (teacher forcing), whatever part of the sentence is left out.

    Args:
        layers: An `Encoder` and a `Decoder`.
        weights: Their weights, as returned by `bind`.
        vocabulary: The vocabulary.
        translated: The sentence and its translation.
        label: With a step, the piece to explain there. Without one, a word of the translation, of which the first
            piece is explained.
        against: The alternative. By default the most probable other piece.
        step: Index of the piece in the translation. By default that of the piece with the smallest probability.

    Raises:
        InputError: There is no such step, piece or word, or a piece would be compared with itself.
    """
    encoder, decoder = cast(tuple[Encoder, Decoder], tuple(layers))
    source, found = np.array([translated.ids], np.int32), translated.found
    logs = _log_probabilities(encoder, decoder, weights, source, found.ids)
    target_ids = [*found.ids, *([ids.START] if found.ended else [])]
    target = [*vocabulary.target_pieces(found.ids), *([END] if found.ended else [])]
    probabilities = np.exp(logs[np.arange(len(target_ids)), target_ids])
    if step is None:
        # The end is explained only if it is asked for: it seldom has a cause in single words.
        words = probabilities[: len(found.ids)] if found.ids else probabilities
        step = int(np.argmin(words)) if label is None else _step_of(label, target, vocabulary, translated)
        own = target_ids[step]
    else:
        step = require_step(step, len(target_ids))
        own = target_ids[step] if label is None else _id_of(label, vocabulary)
    ranked = logs[step].copy()
    ranked[[*NEVER_GENERATED, own]] = -np.inf
    other = int(ranked.argmax()) if against is None else _id_of(against, vocabulary)
    name, other_name = _names(vocabulary, [own, other])
    if own == other:
        raise InputError(f"{name!r} cannot be compared with itself: give another piece.")

    def without(sets: Sequence[Collection[int]]) -> NDArray[np.int32]:
        return np.array([items_without(translated.ids, left_out) for left_out in sets], np.int32)

    pieces = len(translated.ids) - 1
    alignment = Alignment(
        (*vocabulary.source_pieces(translated.text), END),
        tuple(target),
        found.attention.astype(np.float64),
        probabilities,
        step,
    )
    return Explainable(
        source,
        _steps(vocabulary, translated.text, translated.ids),
        Output(name, own, other_name, other),
        translated.translation or "an empty translation",
        float(np.exp(logs[step, own])),
        tuple(range(pieces)) if pieces > 1 else (),
        without,
        tuple(_notes(translated, target, step, own == target_ids[step])),
        forced_network(encoder, decoder, weights, found.ids[:step]),
        None if decoder.attention == "none" else alignment,
        comparable=False,
    )


def _log_probabilities(
    encoder: Encoder,
    decoder: Decoder,
    weights: Sequence[Weights],
    source: NDArray[np.int32],
    translation: tuple[int, ...],
) -> NDArray[np.float64]:
    """Return the log probabilities of each id of a translation and of the one after them, [1 + translation, ids]."""
    layers, own = forced_network(encoder, decoder, weights, translation)
    read, _ = forward(layers[:-1], NUMPY, own[:-1], Activations(source))
    logits = ForcedDecoder(decoder, translation).all_logits(own[-1], read.x)[0].astype(np.float64)
    logits -= logits.max(axis=1, keepdims=True)
    return np.asarray(logits - np.log(np.exp(logits).sum(axis=1, keepdims=True)))


def _steps(vocabulary: Vocabulary, text: str, source: Sequence[int]) -> tuple[Step, ...]:
    words = [piece.replace(SPACE, " ") for piece in vocabulary.source_pieces(text)]
    read = zip(words, source, strict=False)
    steps = [Step(word, UNKNOWN if number == ids.UNKNOWN else INPUT, number) for word, number in read]
    return *steps, Step("end of the sentence", ENDING, ids.START)


def _names(vocabulary: Vocabulary, numbers: Sequence[int]) -> list[str]:
    pieces = [END if number == ids.START else vocabulary.target_pieces([number])[0] for number in numbers]
    names = piece_names([SPACE, *pieces])[1:] if vocabulary.target.kind == "bytes" else pieces
    return [name or "''" for name in names]


def _step_of(word: str, target: Sequence[str], vocabulary: Vocabulary, translated: Translated) -> int:
    """Return the index of the first piece of a word, or of several words, in a translation.

    Raises:
        InputError: It does not occur there.
    """
    between = "" if vocabulary.target.kind == "bytes" else " "
    wanted = word.strip()
    for first in range(len(target)):
        for last in range(first + 1, len(target) + 1):
            if between.join(target[first:last]).replace(SPACE, " ").strip() == wanted:
                return first
    text = translated.translation
    shown = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
    raise InputError(
        f"The translation has no word {word!r}: {shown!r}. Give one of its words, or the number of a piece with step."
    )


def _id_of(name: str, vocabulary: Vocabulary) -> int:
    """Return the id of a piece that the user named as it is shown, or of the first piece of a word.

    Raises:
        InputError: The vocabulary has no such piece.
    """
    numbers: list[int] = [ids.START, *range(ids.FIRST, vocabulary.target.ids)]
    names = _names(vocabulary, numbers)
    if name in names:
        return numbers[names.index(name)]
    first = next(iter(vocabulary.encode_target(name)), ids.UNKNOWN)
    if first == ids.UNKNOWN:
        raise InputError(f"{name!r} is not a piece of the model's translations{nearest(name, names)}")
    return first


def _notes(translated: Translated, target: Sequence[str], step: int, is_own: bool) -> list[str]:
    notes = []
    names = piece_names(target)
    which = f"Piece {step + 1:,} of {len(target):,} of the translation, {names[step]!r}, is explained"
    if not is_own:
        which = f"Another piece in place of piece {step + 1:,} of the translation, {names[step]!r}, is explained"
    before = f", given the {step:,} before it" if step > 1 else ", given the one before it" if step else ""
    notes.append(f"{which}{before}. Leaving out a part of the sentence does not change those.")
    if not translated.found.ended:
        notes.append("The translation reached the largest length without an end, so that it means little.")
    if ids.UNKNOWN in translated.ids:
        notes.append("A word that is not in the vocabulary is read as an unknown one.")
    return notes
