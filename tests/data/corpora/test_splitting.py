"""Utterances that are set aside for a split."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatewright.data.corpora.corpus import Corpus, Utterance
from gatewright.data.corpora.splitting import divided, hold_out
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


@pytest.mark.parametrize("labelled", [False, True])
def test_a_corpus_is_divided_into_splits_and_its_own_ones_stay(labelled):
    everything = [utterance(number, "ab"[number % 2]) for number in range(100)]
    splits, notes = divided(Corpus("db", everything, notes=("read",)), 0.1, 0.2, None, labelled)
    assert [len(splits[split]) for split in ("train", "validation", "test")] == [72, 8, 20]
    assert sorted(one for some in splits.values() for one in some) == sorted(everything)
    assert len(notes) == 3
    assert [sum(one.speaker == "a" for one in some) for some in splits.values()] == [36, 4, 10] or not labelled
    own = everything[:20]
    splits, notes = divided(Corpus("db", everything[20:], test=own, notes=("read",)), 0.2, 0.2, 10, labelled)
    assert [len(splits[split]) for split in ("train", "validation", "test")] == [8, 2, 10]
    assert set(splits["test"]) < set(own)
    assert len(notes) == 2
