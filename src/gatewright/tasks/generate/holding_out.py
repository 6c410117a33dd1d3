"""Set texts aside for the validation and the test set."""

import numpy as np

from gatewright.tasks.base.splitting import SPLIT_SEED

# With at least this many texts, whole texts are held out; with fewer, the end of each text.
MANY = 20


def hold_out(texts: list[str], fraction: float, kind: str) -> tuple[list[str], list[str]]:
    """Return the texts to keep and those to hold out: whole texts if there are many, or the end of each text if few.

    If `kind` is "lines", whole texts are always held out.
    """
    if len(texts) >= MANY or kind == "lines":
        order = np.random.default_rng(SPLIT_SEED).permutation(len(texts))
        held = set(order[: max(1, round(fraction * len(texts)))].tolist())
        kept = [text for place, text in enumerate(texts) if place not in held]
        return kept, [texts[place] for place in sorted(held)]
    cuts = [_cut(text, fraction) for text in texts]
    kept = [text[:cut] for text, cut in zip(texts, cuts, strict=True)]
    return kept, [text[cut:] for text, cut in zip(texts, cuts, strict=True)]


def _cut(text: str, fraction: float) -> int:
    """Return the index at which the last `fraction` of a text starts, moved back to the start of a word if possible."""
    end = round(len(text) * (1 - fraction))
    nearest = max(0, end - (len(text) - end))  # an earlier gap would hold out more than twice the fraction
    gap = max(text.rfind(" ", nearest, end), text.rfind("\n", nearest, end))
    return gap + 1 if gap >= 0 else end
