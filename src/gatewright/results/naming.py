"""Names of the methods and steps of an explanation, as people read them."""

from collections.abc import Sequence

import numpy as np

from gatewright.results.explanation import (
    ENDING,
    GRADIENTS,
    INPUT,
    LEDGER,
    OMISSION,
    PADDED,
    START,
    UNKNOWN,
    Attribution,
    Step,
    Target,
)
from gatewright.results.translation import SPACE
from gatewright.support.escapes import escape_control

METHODS = {LEDGER: "ledger", OMISSION: "leave-one-out", GRADIENTS: "integrated gradients"}
"""The name of each method for people."""
SHORT_METHODS = {LEDGER: "ledger", OMISSION: "left out", GRADIENTS: "gradients"}
"""Names of the methods for narrow tables."""

# A period such as "2018-06-24T20:00:00 to 2018-06-25T19:00:00" fits.
_MAX_TEXT = 48
# More texts of one letter than these are characters and not words.
_ONE_LETTER_WORDS = 3


def main(attributions: Sequence[Attribution], steps: Sequence[Step]) -> Attribution | None:
    """Return the attribution that all views show first, or None if none judges any step.

    It is leave-one-out if that judges every step that the network read, and otherwise the first attribution that judges
    most of them. Leave-one-out comes before the ledger, because a step also has an effect if it opens or closes gates
    for what other steps write. It cannot judge the word whose own tag is explained.
    """
    read = np.array([step.kind in (INPUT, UNKNOWN) for step in steps], bool)
    judged = {found.method: int(np.isfinite(found.values[read]).sum()) for found in attributions}
    judging = [found for found in attributions if np.isfinite(found.values).any()]
    return min(judging, key=lambda found: (-judged[found.method], found.method != OMISSION), default=None)


def are_tight(steps: Sequence[Step]) -> bool:
    """Return True if tokens follow each other without a space: characters, or pieces that contain their spaces."""
    texts = [step.text for step in steps if step.kind in (INPUT, UNKNOWN) and not step.numbers]
    return any(" " in text for text in texts) or _are_characters(texts)


def _are_characters(texts: Sequence[str]) -> bool:
    return len(texts) > _ONE_LETTER_WORDS and all(len(text) == 1 for text in texts)


def unit(steps: Sequence[Step], count: int) -> str:
    """Return what the steps are, as a noun in the singular if `count` is 1 and otherwise in the plural."""
    if any(step.numbers for step in steps):
        name = "step"
    elif not are_tight(steps):
        name = "word"
    elif _are_characters([step.text for step in steps if step.kind in (INPUT, UNKNOWN)]):
        name = "character"
    else:
        name = "token"
    return name if count == 1 else f"{name}s"


def shown_text(step: Step) -> str:
    """Return a step as one line of at most about 50 characters, without control characters.

    Angle brackets mark the start, the end and padding, and square brackets a token that the vocabulary lacks.
    """
    if step.kind in (START, ENDING, PADDED):
        return f"<{step.kind}>"
    text = escape_control(step.text)
    if len(text) > _MAX_TEXT:
        text = f"{text[: _MAX_TEXT // 2]}...{text[3 - _MAX_TEXT // 2 :]}"
    return f"[{text}]" if step.kind == UNKNOWN else text


def quoted(steps: Sequence[Step], index: int) -> str:
    """Return a token in quotation marks, with its number, counted from 1, if another step has the same text.

    A step of a series without times is named by its number alone.
    """
    step = steps[index]
    text = shown_text(step)
    if step.numbers and step.text.isdigit():
        return f"step {text}"
    number = f" ({index + 1:,})" if sum(other.text == step.text for other in steps) > 1 else ""
    return f"{text}{number}" if step.kind in (START, ENDING, PADDED) or step.numbers else f'"{text}"{number}'


def piece_names(pieces: Sequence[str]) -> list[str]:
    """Return the pieces of sentences (see `results.translation.SPACE`) for people.

    The mark of a space before a word is left out, and "..." marks a piece inside a word. Words without such marks stay
    as they are.
    """
    if not any(piece.startswith(SPACE) for piece in pieces):
        return list(pieces)
    return [
        f"...{piece}" if piece[:1].isalnum() else piece if piece == SPACE else piece.removeprefix(SPACE)
        for piece in pieces
    ]


def quantity(target: Target) -> str:
    """Return what the explained number is: a logit, or an output that is a number by itself."""
    return "logit" if target.against or target.probability is not None else "output"


def probability(value: float) -> str:
    """Return a probability with two decimals, or more if it would look like 0 or 1."""
    for decimals in (2, 3, 4):
        if 0 < float(f"{value:.{decimals}f}") < 1:
            return f"{value:.{decimals}f}"
    return "below 0.0001" if value < 0.5 else "above 0.9999"
