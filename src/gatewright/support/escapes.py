"""Escape characters that can control a terminal, and shorten long messages."""

import re
from collections.abc import Iterable
from typing import Any, TextIO

MAX_MESSAGE = 500
"""The maximum number of characters of an error message or note."""

# Control characters (C0, DEL and C1), line and paragraph separators, overrides of the writing direction, surrogates.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_CONTROL_IN_LINES = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_LONG_WORD = re.compile(r"\S{81,}")
_WORD_ENDS = 36
_MESSAGE_END = 200


def escape_control(text: str) -> str:
    """Return the text with control characters and line breaks escaped, so that it can be printed on one line."""
    return _CONTROL.sub(_escaped, text)


def escape_lines(text: str) -> str:
    """Return the text with control characters other than line feeds and tabs escaped."""
    return _CONTROL_IN_LINES.sub(_escaped, text)


def one_line(message: str) -> str:
    """Return a message as one line of at most `MAX_MESSAGE` characters, without control characters.

    In a longer message, long words such as values are shortened in the middle first. The end of a message is kept,
    because it says what to do.
    """
    shown = escape_control(message) if len(message) <= MAX_MESSAGE else message
    if len(shown) > MAX_MESSAGE:
        shown = _LONG_WORD.sub(lambda word: f"{word[0][:_WORD_ENDS]}...{word[0][-_WORD_ENDS:]}", message)
        shown = escape_control(_shortened(shown))
    return _shortened(shown)


def _shortened(message: str) -> str:
    if len(message) <= MAX_MESSAGE:
        return message
    gap = " ... "
    return f"{message[: MAX_MESSAGE - _MESSAGE_END - len(gap)]}{gap}{message[-_MESSAGE_END:]}"


class EscapedStream:
    """A text stream that escapes control characters other than line feeds and tabs.

    Attributes:
        raw_stream: The stream that the text is written to. Colors and progress bars are written to it directly.
    """

    def __init__(self, raw_stream: TextIO) -> None:
        self.raw_stream = raw_stream

    def write(self, text: str) -> int:
        """Write a text with its control characters escaped."""
        self.raw_stream.write(escape_lines(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write several texts."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        """Return any other attribute of the raw stream."""
        return getattr(self.raw_stream, name)


def raw_stream(stream: TextIO | EscapedStream) -> TextIO:
    """Return the stream below an `EscapedStream`, or `stream` itself. What is written to it must be escaped."""
    return stream.raw_stream if isinstance(stream, EscapedStream) else stream


def _escaped(found: re.Match[str]) -> str:
    return repr(found[0])[1:-1]
