"""Utterances that are set aside for a split."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatewright.data.corpora.corpus import Utterance
from gatewright.data.corpora.splitting import hold_out
from gatewright.support.errors import InputError


def utterance(number, speaker, recording=None):
    return Utterance(f"u{number}", Path(f"{number if recording is None else recording}.wav"), "go", speaker)


@settings(max_examples=20)
@given(speakers=st.lists(st.sampled_from("abcdefgh"), min_size=2, max_size=60).filter(lambda who: len(set(who)) > 1))
def test_speakers_stay_together_and_every_utterance_is_in_one_set(speakers):
    everything = [utterance(number, who) for number, who in enumerate(speakers)]
    kept, held, note = hold_out("db", everything, len(everything) // 5, "test", "speaker")
    assert sorted([*kept, *held]) == sorted(everything)
    assert not {one.speaker for one in kept} & {one.speaker for one in held}
    assert f"{len(held)} of its {len(everything)} utterances, those of " in note
    assert hold_out("db", everything, len(everything) // 5, "test", "speaker").held == held


def test_parts_of_one_recording_stay_together():
    everything = [utterance(number, "", recording=number // 4) for number in range(40)]
    kept, held, _ = hold_out("db", everything, 8, "validation")
    assert len(held) == 8
    assert not {one.audio for one in kept} & {one.audio for one in held}


def test_classes_keep_their_proportions():
    everything = [utterance(number, "ab"[number % 2]) for number in range(100)]
    held = hold_out("db", everything, 10, "validation", strata=[one.speaker for one in everything]).held
    assert sorted(one.speaker for one in held) == ["a"] * 5 + ["b"] * 5


def test_one_speaker_cannot_be_divided():
    with pytest.raises(InputError, match="too few speakers to set some aside for the test set"):
        hold_out("db", [utterance(number, "a") for number in range(9)], 3, "test", "speaker")
