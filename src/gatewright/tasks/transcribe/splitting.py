"""Set validation and test utterances aside, so that no speaker or no recording of theirs is in the training set."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from gatewright.data.corpora.corpus import Utterance
from gatewright.support.errors import InputError
from gatewright.tasks.base.splitting import SPLIT_SEED

MAX_HELD_OUT = 2_000
"""The largest number of utterances that are set aside for a split."""


def hold_out(
    name: str, utterances: Sequence[Utterance], split: str, fraction: float, by_speaker: bool
) -> tuple[list[Utterance], list[Utterance], str]:
    """Set a fraction of the utterances aside, but at most `MAX_HELD_OUT`.

    Args:
        name: The name of the data, for messages.
        utterances: The utterances. Those of one recording stay together.
        split: The name of the new split, "validation" or "test".
        fraction: The fraction to set aside.
        by_speaker: True to keep all utterances of a speaker together.

    Returns:
        The remaining utterances, the utterances that were set aside, and a note.

    Raises:
        InputError: There are too few utterances.
    """
    groups = [one.speaker if by_speaker else str(one.audio) for one in utterances]
    sizes = Counter(groups)
    left = min(max(1, round(fraction * len(utterances))), MAX_HELD_OUT)
    chosen: set[str] = set()
    for place in np.random.default_rng(SPLIT_SEED).permutation(len(sizes)):
        group = list(sizes)[place]
        # A group that overshoots by less than half of its size comes closer to the fraction.
        if sizes[group] <= 2 * left and len(chosen) + 1 < len(sizes):
            chosen.add(group)
            left -= sizes[group]
    if not chosen:
        raise InputError(
            f"{name} has too few utterances to set a {split} set aside ({len(utterances):,}). Add utterances, or give "
            f"other data with --{split}."
        )
    kept, held = (
        [one for one, group in zip(utterances, groups, strict=True) if (group in chosen) == aside]
        for aside in (False, True)
    )
    speakers = "speaker was" if len(chosen) == 1 else "speakers were"
    what = f" of {len(chosen):,} {speakers} set aside as one." if by_speaker else " were set aside as one."
    return kept, held, f"{name} has no {split} set: {len(held):,} of its {len(utterances):,} utterances{what}"


def sample(utterances: Sequence[Utterance], limit: int) -> list[Utterance]:
    """Return at most `limit` random utterances, in their order."""
    if limit >= len(utterances):
        return list(utterances)
    chosen = np.random.default_rng(SPLIT_SEED).choice(len(utterances), limit, replace=False)
    return [utterances[place] for place in np.sort(chosen)]
