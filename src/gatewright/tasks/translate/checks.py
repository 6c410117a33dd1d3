"""Check that sentences and translations belong together, and describe what is unusual in notes."""

import re
from collections.abc import Sequence

from gatewright.support.errors import InputError
from gatewright.tasks.translate.alignment import find_shift, unusual_lengths
from gatewright.tasks.translate.parallel_files import Sides
from gatewright.tasks.translate.sentences import Pairs

_NUMBERS_SHOWN = 3
# Notes on repeated pairs and on equal sides begin with this share of the pairs.
_WORTH_A_NOTE = 0.01
# Control characters, and characters that some programs read as the end of a line.
_CONTROL = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")
_WORD = re.compile(r"\w+")
# Pairs and training pairs that are read to tell whether the languages are swapped, and by how much the share of known
# words must be larger if they are.
_SAMPLED, _SAMPLED_TRAIN, _MORE_KNOWN = 1_000, 20_000, 0.2


def check_sides(sides: Sides) -> tuple[Pairs, tuple[str, ...]]:
    """Return the pairs in which neither sentence is empty, and notes about all pairs.

    Raises:
        InputError: All pairs have an empty sentence, or all sentences are their own translations.
    """
    kept = [at for at in range(len(sides.source)) if sides.source[at].strip() and sides.target[at].strip()]
    if not kept:
        raise InputError(f"{sides.name} has no pairs of sentences: the source or the target is empty everywhere.")
    pairs = Pairs(tuple(sides.source), tuple(sides.target)).take(kept)
    notes = (
        *sides.notes,
        *_note_empty(sides, len(sides.source) - len(kept)),
        *_note_control(sides),
        *_note_same(sides.name, pairs),
        *_note_shift(sides),
        *_note_lengths(sides, pairs, kept),
    )
    return pairs, notes


def _note_empty(sides: Sides, left_out: int) -> tuple[str, ...]:
    if not left_out:
        return ()
    empty = [(not one.strip(), not other.strip()) for one, other in zip(sides.source, sides.target, strict=True)]
    first = next(at for at, sentences in enumerate(empty) if any(sentences))
    counts = {
        "only the source": empty.count((True, False)),
        "only the target": empty.count((False, True)),
        "both": empty.count((True, True)),
    }
    which = ", ".join(f"{side} of {count:,}" for side, count in counts.items() if count)
    pairs, were = ("pair", "was") if left_out == 1 else ("pairs", "were")
    return (
        f"{left_out:,} {pairs} of {sides.name} {were} left out because sentences are empty ({which}). The first is in "
        f"{sides.unit} {sides.numbers[first]:,}.",
    )


def _note_control(sides: Sides) -> tuple[str, ...]:
    found = [
        (at, match[0])
        for at, texts in enumerate(zip(sides.source, sides.target, strict=True))
        if (match := _CONTROL.search("\t".join(texts)))
    ]
    if not found:
        return ()
    at, character = found[0]
    pairs = "1 pair has" if len(found) == 1 else f"{len(found):,} pairs have"
    return (
        f"{pairs} control characters or unusual line breaks in {sides.name}, which were kept inside the sentences. The "
        f"first is U+{ord(character):04X} in {sides.unit} {sides.numbers[at]:,}.",
    )


def _note_same(name: str, pairs: Pairs) -> tuple[str, ...]:
    same = sum(one == other for one, other in zip(pairs.source, pairs.target, strict=True))
    if same == len(pairs):
        raise InputError(
            f"The source and the target of {name} are the same in all {same:,} pairs. Give the translations as target."
            if same > 1
            else f"The source and the target of {name} are the same. Give the translation as target."
        )
    if same < _WORTH_A_NOTE * len(pairs):
        return ()
    return (f"In {same:,} of {len(pairs):,} pairs of {name}, the target is the same text as the source.",)


def _note_shift(sides: Sides) -> tuple[str, ...]:
    shift = find_shift(sides.source, sides.target)
    if shift is None:
        return ()
    away = f"{abs(shift.by)} {sides.unit}{'s' * (abs(shift.by) > 1)} {'later' if shift.by > 0 else 'earlier'}"
    in_place, shifted = shift.correlations
    return (
        f"The translations of {sides.name} seem to be in the wrong place from about {sides.unit} "
        f"{sides.numbers[shift.first - 1]:,} on, for about {shift.lines:,} {sides.unit}s: the lengths of the sentences "
        f"have a correlation of {in_place:.2f}, but of {shifted:.2f} with the targets {away}.",
    )


def _note_lengths(sides: Sides, pairs: Pairs, kept: Sequence[int]) -> tuple[str, ...]:
    found = [sides.numbers[kept[at]] for at in unusual_lengths(pairs.source, pairs.target)]
    if not found:
        return ()
    shown = [f"{number:,}" for number in found[:_NUMBERS_SHOWN]]
    listed = shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"
    pair = "1 pair has" if len(found) == 1 else f"{len(found):,} pairs have"
    units = sides.unit if len(shown) == 1 else f"{sides.unit}s"
    return (
        f"{pair} sentences of very different lengths in {sides.name}: check that they are translations, such as in "
        f"{units} {listed}.",
    )


def note_repeated(pairs: Pairs) -> tuple[str, ...]:
    """Return a sentence about training pairs that occur several times; none if they are few."""
    repeated = len(pairs) - len(set(zip(pairs.source, pairs.target, strict=True)))
    if repeated < max(1, _WORTH_A_NOTE * len(pairs)):
        return ()
    return (f"{repeated:,} of {len(pairs):,} training pairs repeat an earlier pair.",)


def note_shared(train: Pairs, other: Pairs, split: str) -> tuple[str, ...]:
    """Return a sentence that says how many sentences of a split are also in the training set; none if none are.

    Args:
        train: The training set.
        other: The split.
        split: The name of the split, "validation" or "test".
    """
    sources, both = set(train.source), set(zip(train.source, train.target, strict=True))
    shared = sum(text in sources for text in other.source)
    if not shared:
        return ()
    equal = sum(pair in both for pair in zip(other.source, other.target, strict=True))
    are, some = "is" if shared == 1 else "are", f"{equal:,}" if equal else "none"
    return (
        f"{shared:,} of the {len(other):,} source sentences of the {split} set {are} also in the training set, {some} "
        "of them with the same translation.",
    )


def note_swapped(train: Pairs, other: Pairs, split: str) -> tuple[str, ...]:
    """Return a sentence if the source and the target of a split seem to be swapped, compared with the training set.

    The words of each side are then more often those of the other side of the training set. The arguments are those of
    `note_shared`.
    """
    known = [_words(texts[:_SAMPLED_TRAIN]) for texts in (train.source, train.target)]
    sides = [[word for text in texts[:_SAMPLED] for word in _split(text)] for texts in (other.source, other.target)]
    if not all(sides):
        return ()
    straight, crossed = (
        [sum(word in own for word in words) / len(words) for words, own in zip(sides, order, strict=True)]
        for order in (known, known[::-1])
    )
    if not all(one > other + _MORE_KNOWN for one, other in zip(crossed, straight, strict=True)):
        return ()
    return (
        f"The source and the target of the {split} set seem to be swapped: {crossed[0]:.0%} of the words of its source "
        f"sentences are in the target sentences of the training set, and only {straight[0]:.0%} in the source "
        "sentences.",
    )


def _words(texts: Sequence[str]) -> set[str]:
    return {word for text in texts for word in _split(text)}


def _split(text: str) -> list[str]:
    return _WORD.findall(text.lower())
