"""Prepared synthetic speech for the tests of transcription."""

import pytest
from speech_corpora import speech

from gatewright.tasks.base.task import Splits
from gatewright.tasks.transcribe.settings import TranscribeSettings
from gatewright.tasks.transcribe.task import Transcribe


@pytest.fixture(scope="session")
def splits():
    return Splits("letters", speech(40), speech(10, 1), speech(10, 2))


@pytest.fixture(scope="session")
def prepared(splits):
    return Transcribe("letters", TranscribeSettings.complete({}), {}).prepare(splits)[0]
