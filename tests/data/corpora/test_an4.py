"""The public corpus an4, its splits, its transcripts and its frames."""

import numpy as np
import pytest

from gatewright.data import public
from gatewright.data.corpora.frames import frames_of
from gatewright.data.corpora.reading import read_corpus, read_utterances
from gatewright.support.errors import InputError

needs_an4 = pytest.mark.skipif(
    not any((root / "an4").is_dir() for root in public.roots()), reason="needs an4 in GATEWRIGHT_DATA"
)


@pytest.fixture(scope="module")
def an4(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield read_corpus("an4", {})


@needs_an4
def test_an4_has_its_official_splits_with_different_speakers(an4):
    assert an4.name == "an4"
    assert (len(an4.train), an4.validation, len(an4.test), an4.notes) == (948, None, 130, ())
    assert an4.held_out_by == "speaker"
    assert not {one.speaker for one in an4.train} & {one.speaker for one in an4.test}
    assert sum(len(one.text.split()) for one in an4.test) == 773
    assert (an4.test[0].text, an4.test[0].speaker) == ("RUBOUT G M E F THREE NINE", "fcaw")


@needs_an4
def test_its_frames_are_thirteen_cepstra_every_ten_milliseconds(an4):
    read = frames_of("an4", an4.test[:3], None)
    assert read.utterances == an4.test[:3]
    assert read.notes == ()
    assert all(one.shape[1] == 13 and one.dtype == np.float32 and len(one) > 100 for one in read.frames)
    # The first cepstrum is the loudness, which varies most.
    assert (np.argmax(np.abs(read.frames[0]).mean(axis=0))) == 0


@needs_an4
def test_an_evaluation_reads_the_test_set(an4):
    assert read_utterances("an4", {}) == (an4.test, (), True)


def test_without_the_archive_one_sentence_says_where_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setenv("GATEWRIGHT_DATA", str(tmp_path))
    with pytest.raises(InputError, match=r"an4_mfcc\.tar\.xz from http.* into a folder an4"):
        read_corpus("an4", {})
