"""Write a transcript as subtitles: SubRip (.srt) or WebVTT (.vtt)."""

import textwrap
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from gatewright.results.transcript import Transcript, Word
from gatewright.support.escapes import escape_control

# Usual limits of subtitles: two lines of 42 characters, for at least one second and at most seven.
_COLUMNS, _LINES = 42, 2
_LEAST_SECONDS, _MOST_SECONDS = 1.0, 7.0
# A longer pause between two words begins a new cue.
_PAUSE_SECONDS = 1.0


class Cue(NamedTuple):
    """Lines of text that are shown together, with their start and end in milliseconds."""

    start: int
    end: int
    lines: tuple[str, ...]


def srt(transcript: Transcript) -> str:
    """Return a transcript in the format SubRip."""
    blocks = [
        f"{number}\n{_time(cue.start, ',')} --> {_time(cue.end, ',')}\n" + "\n".join(cue.lines) + "\n"
        for number, cue in enumerate(cues(transcript.words), 1)
    ]
    return "\n".join(blocks)


def vtt(transcript: Transcript) -> str:
    """Return a transcript in the format WebVTT (https://www.w3.org/TR/webvtt1/)."""
    blocks = [
        f"{_time(cue.start, '.')} --> {_time(cue.end, '.')}\n" + "\n".join(map(_escaped, cue.lines)) + "\n"
        for cue in cues(transcript.words)
    ]
    return "\n".join(["WEBVTT\n", *blocks])


def cues(words: Sequence[Word]) -> list[Cue]:
    """Return words as cues, in their order and without an overlap."""
    groups = list(_groups(words))
    starts = [_milliseconds(group[0].start) for group in groups]
    found = []
    for place, group in enumerate(groups):
        end = max(group[-1].end, group[0].start + _LEAST_SECONDS)
        last = starts[place + 1] if place + 1 < len(groups) else end * 1000
        end = min(_milliseconds(end), max(int(last), starts[place] + 1))
        found.append(Cue(starts[place], end, tuple(_lines(group))))
    return found


def _groups(words: Sequence[Word]) -> Iterator[list[Word]]:
    """Yield the words of each cue."""
    group: list[Word] = []
    for word in words:
        if group and (
            word.start - group[-1].end > _PAUSE_SECONDS
            or word.end - group[0].start > _MOST_SECONDS
            or len(_lines([*group, word])) > _LINES
        ):
            yield group
            group = []
        group.append(word)
    if group:
        yield group


def _lines(words: Sequence[Word]) -> list[str]:
    return textwrap.wrap(" ".join(escape_control(word.text) for word in words), _COLUMNS, break_on_hyphens=False)


def _milliseconds(seconds: float) -> int:
    return round(1000 * seconds)


def _time(milliseconds: int, point: str) -> str:
    seconds, rest = divmod(milliseconds, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{point}{rest:03}"


def _escaped(line: str) -> str:
    return line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
