"""Turn utterances into the frames that a network reads.

Frames are computed from recordings (`data/audio`), or read from Sphinx files of cepstra.
"""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gatewright.data.audio.features import Features
from gatewright.data.audio.recording import read_recording
from gatewright.data.corpora.cepstra import STEP_SECONDS, is_cepstra, read_cepstra
from gatewright.data.corpora.corpus import Utterance, require_most
from gatewright.data.corpora.recordings import RecordingReader
from gatewright.support.errors import InputError, as_input_errors
from gatewright.support.progress import with_progress

Frames: TypeAlias = NDArray[np.float32]

# So many recordings, spread over all, show the most frequent sample rate.
_SAMPLED = 100


class ReadFrames(NamedTuple):
    """The frames of utterances.

    Attributes:
        utterances: The utterances whose recordings can be read.
        frames: The frames of each of them, [frames, width].
        notes: Sentences for reports about recordings that were left out, resampled or unusual.
    """

    utterances: list[Utterance]
    frames: list[Frames]
    notes: tuple[str, ...]


def are_cepstra(name: object, utterances: Sequence[Utterance]) -> bool:
    """Return True if the utterances are files of cepstra, False if they are recordings.

    Args:
        name: The name of the data, for messages.
        utterances: The utterances.

    Raises:
        InputError: Some are files of cepstra and some are recordings.
    """
    kinds = [is_cepstra(one.audio) for one in utterances]
    if any(kinds) and not all(kinds):
        raise InputError(
            f"{name} has {sum(kinds):,} files of cepstra (.mfc) and {len(kinds) - sum(kinds):,} recordings. Give "
            "either cepstra or recordings for all utterances."
        )
    return any(kinds)


@as_input_errors()
def common_rate(utterances: Sequence[Utterance]) -> int:
    """Return the most frequent sample rate in Hz of the recordings, found from a hundred of them.

    Raises:
        InputError: None of these recordings can be read.
    """
    rates: Counter[int] = Counter()
    problem: InputError | None = None
    paths = list(dict.fromkeys(one.audio for one in utterances))  # utterances may be parts of one recording
    places = np.unique(np.linspace(0, len(paths) - 1, min(_SAMPLED, len(paths))).round().astype(int))
    for place in places:
        try:
            rates[read_recording(paths[place]).rate] += 1
        except InputError as error:
            problem = problem or error
    if not rates and problem is not None:
        raise problem
    return max(rates, key=lambda rate: (rates[rate], rate))


@as_input_errors()
def frames_of(name: object, utterances: Sequence[Utterance], features: Features | None) -> ReadFrames:
    """Return the frames of utterances. Recordings that cannot be read are left out with a note.

    Args:
        name: The name of the data, for messages.
        utterances: The utterances. Those of one recording should be neighbors, so that it is read once.
        features: How to compute frames from recordings, which are resampled to its rate. None if the utterances are
            files of cepstra.

    Raises:
        InputError: More than a fifth of the recordings cannot be read, or they are cepstra although `features` is given
            or recordings although it is not.
    """
    if are_cepstra(name, utterances) != (features is None):
        found, needed = ("files of cepstra (.mfc)", "recordings") if features else ("recordings", "files of cepstra")
        raise InputError(f"{name} has {found}, but the model reads {needed}. Give {needed}.")
    recordings = None if features is None else RecordingReader(features.rate)
    kept, frames, problems = [], [], []
    for one in with_progress(utterances, f"utterances of {name} read"):
        try:
            if features is None or recordings is None:
                read = _part(read_cepstra(one.audio), one, 1 / STEP_SECONDS)
            else:
                read = features.frames(_part(recordings.samples(one.audio), one, features.rate))
        except InputError as error:
            problems.append(str(error))
        else:
            kept.append(one)
            frames.append(read)
    notes = require_most(name, len(utterances), problems)
    return ReadFrames(kept, frames, (*notes, *(recordings.notes(name) if recordings else ())))


def _part(values: Frames, one: Utterance, rate: float) -> Frames:
    """Return the part of a recording that an utterance is, with `rate` values in a second.

    Raises:
        InputError: The recording has no such part.
    """
    start = 0 if one.start is None else round(one.start * rate)
    part = values[start : None if one.end is None else round(one.end * rate)]
    if not len(part):
        raise InputError(
            f"{one.audio} has no part from {one.start or 0:g} s{'' if one.end is None else f' to {one.end:g} s'} "
            f"({one.name}): it lasts {len(values) / rate:.3g} s. Fix the times of the utterance."
        )
    return part
