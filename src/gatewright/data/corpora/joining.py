"""Join the splits that data has with those that the user gave, and choose what a model is evaluated on."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, TypeAlias

from gatewright.data.corpora.corpus import SPLITS, Corpus, Found, Utterance, checked, data_name, title
from gatewright.data.split import refuse_second
from gatewright.support.errors import InputError

Find: TypeAlias = Callable[[str, str], Found]
"""A function that finds the utterances of data, given the data and the flag of the command line that it was given
with."""

# With fewer speakers, those of a split that is set aside would say little about other people.
_MIN_SPEAKERS = 5


class Evaluated(NamedTuple):
    """The utterances on which a model is evaluated.

    Attributes:
        utterances: The utterances.
        notes: Sentences for reports about what was assumed or left out.
        is_test: True if they are the test set of the data, False if they are all of it.
    """

    utterances: list[Utterance]
    notes: tuple[str, ...]
    is_test: bool


def joined(
    data: str, found: Found, validation: str | None, test: str | None, find: Find, what: str = "transcript"
) -> Corpus:
    """Return the corpus of some data, and of other data for splits that it does not have.

    Args:
        data: The data.
        found: Its utterances.
        validation, test: The data of a split. None if `data` may have it.
        find: Finds the utterances of `validation` and `test`.
        what: What the texts are, "transcript" or "label".

    Raises:
        InputError: The data has no training set or has a split that is also given, a split is given by data with
            several splits, or too few utterances of a split can be used.
    """
    splits, notes = dict(found.splits), list(found.notes)
    if "train" not in splits:
        raise InputError(f"{data} has only a {' and a '.join(splits)} set. Give data with a training set.")
    for split, given in (("validation", validation), ("test", test)):
        if given is None:
            continue
        refuse_second(data, split, splits.get(split), given)
        other = find(given, f"--{split}")
        if len(other.splits) > 1:
            several = ", ".join(one for one in SPLITS if one in other.splits)
            raise InputError(f"--{split} {given} has the splits {several}. Give the data of one split.")
        (splits[split],) = other.splits.values()
        notes += other.notes
    name = data_name(data)
    usable = {}
    for split in SPLITS:
        if split in splits:
            usable[split], own = checked(name if len(splits) == 1 else title(split, name), splits[split], what)
            notes += own
    others = (usable.get("validation"), usable.get("test"))
    return Corpus(name, usable["train"], *others, tuple(dict.fromkeys(notes)), _held_out_by(usable))


def to_evaluate(data: str, found: Found, what: str = "transcript") -> Evaluated:
    """Return the utterances to evaluate a model: the test set of data that has one, and otherwise all utterances.

    Args:
        data, found, what: See `joined`.

    Raises:
        InputError: Too few utterances can be used.
    """
    name, is_test = data_name(data), "test" in found.splits
    if is_test:
        utterances, notes = checked(title("test", name), found.splits["test"], what)
    else:
        utterances, notes = checked(name, [one for split in found.splits.values() for one in split], what)
    return Evaluated(utterances, (*found.notes, *notes), is_test)


def _held_out_by(splits: Mapping[str, Sequence[Utterance]]) -> str:
    """Return by what splits should be set aside that are not in `splits`; see `Corpus.held_out_by`."""
    speakers = {split: {one.speaker for one in utterances} for split, utterances in splits.items()}
    train, shared = speakers["train"], speakers["train"] & speakers.get("test", set())
    return "speaker" if len(train) >= _MIN_SPEAKERS and "" not in train and not shared else ""
