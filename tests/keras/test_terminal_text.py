"""The text that remains of what a program printed with carriage returns, backspaces and colors."""

import pytest

from gatewright.keras.terminal_text import final_text

BOLD, GREEN, RESET = "\x1b[1m", "\x1b[32m", "\x1b[0m"


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("plain\n", "plain\n"),
        ("two\r\nlines\r\n", "two\r\nlines\r\n"),
        (f"{BOLD}kept  {RESET}\n", f"{BOLD}kept  {RESET}\n"),
        ("10%\r100%\ndone\n", "100%\ndone\n"),
        ("long text\rshort", "shorttext"),
        ("1/2\b\b\b2/2\n", "2/2\n"),
        ("\b\bx", "x"),
        ("long\r\x1b[Kab\n", "ab\n"),
        ("long\x1b[2K\rab", "ab"),
        ("a\nb\n\x1b[2AA\n\nc", "A\nb\nc"),
        ("\r\n\rx", "\nx"),
        (f"{GREEN}##{RESET}--\r{GREEN}###{RESET}-", f"{GREEN}###{RESET}-"),
        (f"{GREEN}ab\r{RESET}c", f"c{GREEN}b{RESET}"),
    ],
)
def test_the_last_state_remains(raw, expected):
    assert final_text(raw) == expected


def test_a_long_progress_bar_leaves_one_line():
    raw = "".join(f"\b\b\b\b\b\b\b\r{BOLD}{step:3}/999{RESET} {'=' * (step // 100)}" for step in range(1, 1000))
    assert final_text(raw + "\n") == f"{BOLD}999/999{RESET} =========\n"
