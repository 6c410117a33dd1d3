"""Read speech with transcripts for training and for evaluation."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gatewright.data.audio.features import Features
from gatewright.data.corpora.corpus import Utterance
from gatewright.data.corpora.frames import are_cepstra, common_rate, frames_of
from gatewright.data.corpora.reading import corpus_name, read_corpus, read_utterances
from gatewright.data.corpora.splitting import hold_out
from gatewright.tasks.base.splitting import SPLIT_SEED, TEST_FRACTION, VALIDATION_FRACTION, limit_note
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
    notes = list(corpus.notes)
    splits = {"train": corpus.train}
    if corpus.test is None:
        size = round(TEST_FRACTION * len(splits["train"]))
        splits["train"], splits["test"], note = hold_out(corpus.name, splits["train"], size, "test", corpus.held_out_by)
        notes.append(note)
    else:
        splits["test"] = corpus.test
    if limit is not None:
        splits = {split: _sample(utterances, limit) for split, utterances in splits.items()}
        notes.append(limit_note(limit, "utterances"))
    if corpus.validation is None:
        size = round(VALIDATION_FRACTION * len(splits["train"]))
        splits["train"], splits["validation"], note = hold_out(
            corpus.name, splits["train"], size, "validation", corpus.held_out_by
        )
        notes.append(note)
    else:
        splits["validation"] = corpus.validation
    features = _features(corpus.name, splits["train"], settings)
    read = {}
    for split, utterances in splits.items():
        name = f"the {split}{'ing' * (split == 'train')} set of {corpus.name}"
        read[split], own = _speech(name, utterances, features)
        notes += own
        if split != "test":
            read[split], own = without_long(name, read[split], settings.max_seconds)
            notes += own
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
) -> tuple[Speech, tuple[str, ...]]:
    """Read utterances to evaluate a model, and notes about them: the test set of the data, or all of it.

    Args:
        data, options: As for `read_speech`.
        features: The features that the model reads. None if it reads cepstra.
        limit: Use only so many utterances, from the beginning.

    Raises:
        InputError: The data cannot be read or used, or is not of the kind that the model reads.
    """
    utterances, notes = read_utterances(data, options)
    speech, own = _speech(corpus_name(data), utterances[:limit], features)
    return speech, (*notes, *own)


def _sample(utterances: Sequence[Utterance], limit: int) -> list[Utterance]:
    """Return at most `limit` random utterances, in their order."""
    if limit >= len(utterances):
        return list(utterances)
    chosen = np.random.default_rng(SPLIT_SEED).choice(len(utterances), limit, replace=False)
    return [utterances[place] for place in np.sort(chosen)]


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
