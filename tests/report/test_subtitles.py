"""Subtitles: what is written can be read back, and keeps the limits of readers."""

from __future__ import annotations

import html
import re
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from gatewright.report.subtitles import cues, srt, vtt
from gatewright.results.transcript import Transcript, Word

TEXTS = st.text("ab<>&-é", min_size=1, max_size=60)
TIMES = st.lists(st.tuples(TEXTS, st.floats(0, 3), st.floats(0.01, 2)), max_size=30)


def transcript(spoken):
    """Return a transcript of words, each given with the pause before it and its length."""
    words, at = [], 0.0
    for text, pause, length in spoken:
        words.append(Word(text, at + pause, at + pause + length, 0.5))
        at += pause + length
    return Transcript(" ".join(word.text for word in words), tuple(words), -1.0, at)


def seconds(text):
    hours, minutes, rest = text.split(":")
    return 3600 * int(hours) + 60 * int(minutes) + float(rest.replace(",", "."))


def read(text, point):
    """Return the start, the end and the text of each cue, by the grammar of the formats."""
    time = rf"(\d\d+:[0-5]\d:[0-5]\d\{point}\d\d\d)"
    found = []
    for block in filter(None, text.split("\n\n")):
        (when, *lines) = block.strip("\n").split("\n")
        assert lines
        assert all("-->" not in line for line in lines) or point == ","
        match = re.fullmatch(f"{time} --> {time}", when)
        found.append((seconds(match[1]), seconds(match[2]), lines))
    return found


@given(TIMES)
def test_both_formats_can_be_read_back(spoken):
    given_words = transcript(spoken)
    text = vtt(given_words)
    assert text.startswith("WEBVTT\n")
    cues_of_vtt = read(text.removeprefix("WEBVTT\n"), ".")
    joined = html.unescape("".join(line for cue in cues_of_vtt for line in cue[2])).replace(" ", "")
    assert joined == given_words.text.replace(" ", "")
    blocks = srt(given_words)
    assert re.findall(r"^\d+$", blocks, re.MULTILINE) == [str(1 + at) for at in range(len(cues_of_vtt))]
    cues_of_srt = read(re.sub(r"^\d+\n", "", blocks, flags=re.MULTILINE), ",")
    assert [cue[:2] for cue in cues_of_srt] == [cue[:2] for cue in cues_of_vtt]


@given(TIMES)
def test_cues_are_in_order_and_never_overlap(spoken):
    found = cues(transcript(spoken).words)
    for cue, after in pairwise(found):
        assert cue.end <= after.start
    for cue in found:
        assert cue.start < cue.end
        assert max(map(len, cue.lines)) <= 42


def test_cues_end_at_pauses_and_before_they_are_too_long():
    words = [("one", 0, 0.5), ("two", 0.1, 0.5), ("three", 1.5, 0.2), ("four", 0.1, 6.9), ("x" * 42, 0, 1), ("y", 0, 1)]
    found = cues(transcript(words).words)
    assert [cue.lines for cue in found] == [("one two",), ("three",), ("four",), ("x" * 42, "y")]
    assert found[1] == (2600, 2900, ("three",))  # one second, but only until the next cue


def test_a_line_break_in_a_word_is_escaped():
    assert cues([Word("a\nb", 0.0, 1.0, 1.0)])[0].lines == ("a\\nb",)


def test_silence_has_no_cues():
    silence = Transcript("", (), 0.0, 1.0)
    assert srt(silence) == ""
    assert vtt(silence) == "WEBVTT\n"
