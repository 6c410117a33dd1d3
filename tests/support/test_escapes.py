"""Messages and output that cannot control a terminal."""

from __future__ import annotations

import io
import re

import pytest
from rich.text import Text

from gatewright.support.console import EscapingConsole
from gatewright.support.errors import InputError
from gatewright.support.escapes import MAX_MESSAGE, EscapedStream, escape_control, one_line


@pytest.mark.parametrize("char", ["\x1b", "\r", "\x7f", "\x9b", "\u2028", "\u202e", "\u2066", "\udc80", "\x00"])
def test_characters_that_control_a_terminal_are_escaped_everywhere(char):
    assert char not in str(InputError(f"a{char}b."))
    stream = io.StringIO()
    print(f"a{char}b", file=EscapedStream(stream))
    console = EscapingConsole(stream, force_terminal=True, color_system="standard", width=40)
    console.print(Text(f"a{char}b", "bold"))
    plain, styled = stream.getvalue().removesuffix("\n").split("\n")
    assert plain == f"a{repr(char)[1:-1]}b"
    # The style is still there. Rich itself drops carriage returns.
    assert styled == f"\x1b[1ma{'' if char == chr(13) else repr(char)[1:-1]}b\x1b[0m"


def test_texts_of_all_languages_are_printed_as_they_are():
    text = "é 中文 שלום \U0001f600\tx"
    stream = io.StringIO()
    print(text, file=EscapedStream(stream))
    assert stream.getvalue() == f"{text}\n"
    assert escape_control("שלום") == "שלום"


def test_a_long_message_keeps_its_beginning_and_its_end():
    message = str(InputError(f"a.csv, line 3: {'x' * 10_000!r} is not\na number. Fix it."))
    assert len(message) <= MAX_MESSAGE
    assert re.fullmatch(r"a\.csv, line 3: 'x+\.\.\.x+' is not\\na number\. Fix it\.", message)
    many = one_line("No column 'a', only " + ", ".join(f"'name {number}'" for number in range(10_000)) + ". Give one.")
    assert len(many) <= MAX_MESSAGE
    assert re.fullmatch(r"No column 'a', only .+ \.\.\. .+Give one\.", many)
    assert str(InputError(message)) == message
