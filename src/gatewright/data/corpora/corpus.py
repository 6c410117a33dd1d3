"""Utterances with their transcripts or labels, and corpora of them."""

import os
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from gatewright.support.errors import InputError

SPLITS = ("train", "validation", "test")

# Up to this fraction of the utterances may be unusable. They are left out.
_MAX_UNUSABLE = 0.2


class Utterance(NamedTuple):
    """A recording or a part of one, with the text that is spoken in it.

    Attributes:
        name: A name that no other utterance of the same split has.
        audio: The recording, or a Sphinx file of cepstra (`.mfc`).
        text: The transcript, or the label. Empty if it is not known.
        speaker: The speaker. Empty if it is not known.
        start, end: The part of the recording in seconds. None for its beginning and its end.
    """

    name: str
    audio: Path
    text: str
    speaker: str = ""
    start: float | None = None
    end: float | None = None


class Corpus(NamedTuple):
    """Utterances for training, and those for validation and tests if there are any.

    Attributes:
        name: The name of the corpus, for results.
        train: The utterances for training.
        validation, test: The utterances of these splits. None if they are to be set aside from `train`.
        notes: Sentences for reports about what was assumed or left out.
        held_out_by: "speaker" if splits that are set aside should have speakers of their own, as the test set of the
            corpus has. Empty if the speakers do not matter or are not known.
    """

    name: str
    train: list[Utterance]
    validation: list[Utterance] | None = None
    test: list[Utterance] | None = None
    notes: tuple[str, ...] = ()
    held_out_by: str = ""


class Found(NamedTuple):
    """The utterances of a data set before they are checked.

    Attributes:
        splits: The utterances of each split, with "train", "validation" and "test" as keys, as far as they exist.
        notes: Sentences for reports about what was assumed.
    """

    splits: dict[str, list[Utterance]]
    notes: tuple[str, ...] = ()


def title(split: str, name: object) -> str:
    """Return the title of a split of some data in messages, such as "the training set of an4"."""
    return f"the {split}{'ing' * (split == 'train')} set of {name}"


def data_name(data: str) -> str:
    """Return the name of data for results: the last part of a path, or the name of a named set."""
    return os.path.basename(os.path.abspath(data))


def checked(
    name: object, utterances: Sequence[Utterance], what: str = "transcript"
) -> tuple[list[Utterance], list[str]]:
    """Return the utterances that can be used, and notes about the others.

    Left out are utterances without text, without a recording, and those that occur twice.

    Args:
        name: The name of the data, for messages.
        utterances: The utterances.
        what: What the texts are, "transcript" or "label".

    Raises:
        InputError: None remain, or more than a fifth have no text or no recording.
    """
    kept, notes = list(utterances), []
    for problem, is_usable in (
        (f"has no {what}", lambda one: bool(one.text)),
        ("does not exist", lambda one: one.audio.is_file()),
    ):
        kept, own = without(name, kept, problem, is_usable)
        notes += own
    seen: Counter[tuple[object, ...]] = Counter()
    once = []
    for one in kept:
        key = (one.audio, one.start, one.end)
        seen[key] += 1
        if seen[key] == 1:
            once.append(one)
    if repeated := len(kept) - len(once):
        first = next(one for one in kept if seen[(one.audio, one.start, one.end)] > 1)
        verb = "is a repetition and was" if repeated == 1 else "are repetitions and were"
        notes.append(
            f"{repeated:,} of the {len(kept):,} utterances of {name} {verb} left out; {first.audio} is the first "
            "recording that occurs twice."
        )
    if not once:
        raise InputError(f"{name} has no utterances. It needs recordings and a {what} for each.")
    return once, notes


def without(
    name: object, utterances: Sequence[Utterance], problem: str, is_usable: Callable[[Utterance], bool]
) -> tuple[list[Utterance], list[str]]:
    """Return the utterances for which `is_usable` is true, and a note about the others.

    Args:
        name: The name of the data, for messages.
        utterances: The utterances.
        problem: What is wrong with the others, such as "has no transcript".
        is_usable: The function that decides.

    Raises:
        InputError: More than a fifth are left out.
    """
    flags = [is_usable(one) for one in utterances]
    lacking = [one for one, usable in zip(utterances, flags, strict=True) if not usable]
    problems = [f"{one.audio}{f' ({one.name})' * (one.name not in str(one.audio))} {problem}." for one in lacking]
    kept = [one for one, usable in zip(utterances, flags, strict=True) if usable]
    return kept, require_most(name, len(flags), problems)


def require_most(name: object, count: int, problems: Sequence[str]) -> list[str]:
    """Return a note about utterances that are left out, if they are few.

    Args:
        name: The name of the data.
        count: The number of all utterances.
        problems: A sentence for each utterance that is left out.

    Raises:
        InputError: They are more than a fifth, or all.
    """
    if not problems:
        return []
    share = f"{len(problems):,} of the {count:,} utterances of {name}"
    if len(problems) > _MAX_UNUSABLE * count:
        raise InputError(f"{share} cannot be used. The first problem: {problems[0]}")
    return [f"{share} {'was' if len(problems) == 1 else 'were'} left out. The first problem: {problems[0]}"]
