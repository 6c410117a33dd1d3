"""Set utterances aside for a split that a corpus does not have."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from gatewright.data.corpora.corpus import Utterance
from gatewright.data.split import stratified_split
from gatewright.support.errors import InputError

# The seed is fixed, so that the `seed` setting of a training does not change the splits.
_SEED = 0


class HeldOut(NamedTuple):
    """The utterances to keep and those that were set aside, in their order, and a note."""

    kept: list[Utterance]
    held: list[Utterance]
    note: str


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
