"""Set utterances aside for a split that a corpus does not have."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from gatewright.data.corpora.corpus import Corpus, Utterance
from gatewright.data.split import stratified_sample, stratified_split
from gatewright.support.errors import InputError

# The seed is fixed, so that the `seed` setting of a training does not change the splits.
_SEED = 0


class HeldOut(NamedTuple):
    """The utterances to keep and those that were set aside, in their order, and a note."""

    kept: list[Utterance]
    held: list[Utterance]
    note: str


class Divided(NamedTuple):
    """The utterances of a corpus, each in one split.

    Attributes:
        splits: The utterances of the splits "train", "validation" and "test", with these names as keys.
        notes: Sentences for reports about the corpus and what was set aside.
    """

    splits: dict[str, list[Utterance]]
    notes: tuple[str, ...]


def divided(corpus: Corpus, validation: float, test: float, limit: int | None, labelled: bool = False) -> Divided:
    """Set utterances aside for the splits that a corpus does not have. The result depends on no seed.

    Args:
        corpus: The corpus.
        validation, test: The fractions of the training utterances that are set aside, first for the test set.
        limit: Use at most so many random training utterances, and at most so many test utterances. None for all.
        labelled: True if texts are labels, which then keep their proportions where speakers need not stay together.

    Raises:
        InputError: No utterances can be set aside.
    """
    train, notes = corpus.train, list(corpus.notes)

    def set_aside(split: str, own: list[Utterance] | None, fraction: float) -> list[Utterance]:
        nonlocal train
        if own is not None:
            return own
        strata = [f"{one.text}\0{one.speaker}" for one in train] if labelled and not corpus.held_out_by else None
        size = round(fraction * len(train))
        train, held, note = hold_out(corpus.name, train, size, split, corpus.held_out_by, strata)
        notes.append(note)
        return held

    tests = set_aside("test", corpus.test, test)
    if limit is not None:
        train, tests = (_sample(some, limit, labelled) for some in (train, tests))
    held = set_aside("validation", corpus.validation, validation)
    return Divided({"train": train, "validation": held, "test": tests}, tuple(notes))


def hold_out(
    name: str, utterances: Sequence[Utterance], size: int, split: str, by: str = "", strata: Sequence[str] | None = None
) -> HeldOut:
    """Set utterances aside. The result does not depend on the seed of a training.

    Utterances of one recording stay together, and those of one speaker if `by` is "speaker".

    Args:
        name: The name of the data, for messages.
        utterances: The utterances.
        size: The wanted number of utterances, which is about what is set aside if speakers stay together.
        split: The name of the new split, "validation" or "test".
        by: See `Corpus.held_out_by`.
        strata: A class for each utterance. If given, `by` must be empty, and the classes have the same proportions in
            both sets. None does not look at classes.

    Raises:
        InputError: No utterances can be set aside.
    """
    if strata is not None:
        places = set(stratified_split(strata, size / max(len(utterances), 1), _SEED)[1].tolist())
    else:
        places = _choose([one.speaker if by == "speaker" else str(one.audio) for one in utterances], size)
    if not places or len(places) == len(utterances):
        raise InputError(
            f"{name} has too few {f'{by}s' if by else 'recordings'} to set some aside for the {split} set "
            f"({len(utterances):,} utterances). Add some, or give other data with --{split}."
        )
    kept = [one for place, one in enumerate(utterances) if place not in places]
    held = [utterances[place] for place in sorted(places)]
    speakers = len({one.speaker for one in held})
    whose = f", those of {speakers:,} {'speaker' if speakers == 1 else 'speakers'}," if by else ""
    count = f"{len(held):,} of its {len(utterances):,} utterances{whose}"
    return HeldOut(kept, held, f"{name} has no {split} set: {count} were set aside as one.")


def _sample(utterances: list[Utterance], limit: int, labelled: bool) -> list[Utterance]:
    """Return at most `limit` random utterances, in their order."""
    if limit >= len(utterances):
        return utterances
    if labelled:
        places = stratified_sample([one.text for one in utterances], limit, _SEED)
    else:
        places = np.sort(np.random.default_rng(_SEED).choice(len(utterances), limit, replace=False))
    return [utterances[place] for place in places]


def _choose(groups: Sequence[str], size: int) -> set[int]:
    """Return the indices of the utterances to set aside: whole groups in random order, but at most `size` utterances.

    If every group is larger, the smallest group is set aside.
    """
    sizes = Counter(groups)
    names, left, chosen = sorted(sizes), size, set()
    for place in np.random.default_rng(_SEED).permutation(len(names)):
        if sizes[names[place]] <= left:
            chosen.add(names[place])
            left -= sizes[names[place]]
    if not chosen and names:
        chosen = {min(names, key=lambda one: sizes[one])}
    return {place for place, group in enumerate(groups) if group in chosen}
