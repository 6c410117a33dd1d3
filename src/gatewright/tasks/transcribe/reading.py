"""Read speech with transcripts for training and for evaluation."""

from collections.abc import Mapping, Sequence
from typing import Any

from gatewright.data.audio.features import Features
from gatewright.data.corpora.corpus import Utterance, data_name, title
from gatewright.data.corpora.frames import are_cepstra, common_rate, frames_of
from gatewright.data.corpora.reading import read_corpus, read_utterances
from gatewright.data.corpora.splitting import divided
from gatewright.tasks.base.splitting import TEST_FRACTION, VALIDATION_FRACTION, limit_note
from gatewright.tasks.base.task import Splits
from gatewright.tasks.transcribe.fitting import without_long
from gatewright.tasks.transcribe.settings import TranscribeSettings
from gatewright.tasks.transcribe.speech import Speech


def read_speech(
    data: str,
    options: Mapping[str, Any],
    settings: TranscribeSettings,
    validation: str | None = None,
    test: str | None = None,
    limit: int | None = None,
) -> Splits[Speech]:
    """Read the training, validation and test utterances. A split that is not given is set aside.

    Args:
        data: The data; see `data.corpora.reading.read_corpus`.
        options: The options for reading it.
        settings: The settings, of which those of the features are used.
        validation, test: Data of the same kinds for a split.
        limit: Use at most so many training utterances, and at most so many test utterances.

    Raises:
        InputError: The data cannot be read or used.
    """
    corpus = read_corpus(data, options, validation, test)
    splits, notes = divided(corpus, VALIDATION_FRACTION, TEST_FRACTION, limit)
    if limit is not None:
        notes = (*notes, limit_note(limit, "utterances"))
    features = _features(corpus.name, splits["train"], settings)
    read = {}
    for split, utterances in splits.items():
        name = title(split, corpus.name)
        read[split], own = _speech(name, utterances, features)
        notes = (*notes, *own)
        if split != "test":
            read[split], own = without_long(name, read[split], settings.max_seconds)
            notes = (*notes, *own)
    return Splits(
        corpus.name,
        read["train"],
        read["validation"],
        read["test"],
        tuple(dict.fromkeys(notes)),
        held_out=corpus.test is None,
    )


def read_evaluated(
    data: str, options: Mapping[str, Any], features: Features | None, limit: int | None = None
) -> tuple[Speech, tuple[str, ...], bool]:
    """Read utterances to evaluate a model: the test set of data that has one, and otherwise all utterances.

    Args:
        data, options: As for `read_speech`.
        features: The features that the model reads. None if it reads cepstra.
        limit: Use only so many utterances, from the beginning.

    Returns:
        The utterances, notes about them, and True if they are the test set of the data.

    Raises:
        InputError: The data cannot be read or used, or is not of the kind that the model reads.
    """
    utterances, notes, is_test = read_utterances(data, options)
    speech, own = _speech(data_name(data), utterances[:limit], features)
    return speech, (*notes, *own), is_test


def _features(name: str, train: Sequence[Utterance], settings: TranscribeSettings) -> Features | None:
    if are_cepstra(name, train):
        return None
    rate = common_rate(train)
    deltas = settings.deltas if settings.deltas is not None else 2 * (settings.features == "mfcc")
    # The settings allow no other kinds.
    return Features(settings.features, rate, settings.mel_bands, settings.coefficients, deltas)  # type: ignore[arg-type]


def _speech(name: str, utterances: Sequence[Utterance], features: Features | None) -> tuple[Speech, tuple[str, ...]]:
    read = frames_of(name, utterances, features)
    columns = ((one.text, one.name, one.speaker) for one in read.utterances)
    texts, names, speakers = zip(*columns, strict=True)
    return Speech(tuple(read.frames), texts, names, speakers, features), read.notes
