"""Turn the raw text of a terminal into the text that remains visible, without the traces of progress bars."""

import re
from collections.abc import Iterator

# A color or style, another escape sequence, or one character.
_TOKEN = re.compile("\x1b\\[([0-9;]*)([A-Za-z])|.", re.DOTALL)
_RESET = "\x1b[0m"


def final_text(raw: str) -> str:
    """Return the text that a terminal shows after `raw` was printed, with its colors.

    Carriage returns, backspaces, and the sequences that move the cursor up and erase a line, are applied. Text without
    them is returned unchanged.
    """
    if not re.search("[\b\r]|\x1b\\[[0-9;]*[AK]", raw.replace("\r\n", "\n")):
        return raw
    screen = _Screen()
    for token in _TOKEN.finditer(raw):
        screen.write(token.group(), token.group(1), token.group(2))
    return "\n".join(_line(cells) for cells in screen.lines)


class _Screen:
    """Lines of cells. A cell is a style and a character."""

    def __init__(self) -> None:
        self.lines: list[list[tuple[str, str]]] = [[]]
        self._row = self._column = 0
        self._style = ""

    def write(self, text: str, number: str | None, command: str | None) -> None:
        """Write one character, or apply one escape sequence with its number and the letter of its command."""
        line = self.lines[self._row]
        if command == "m":
            self._style = "" if number in ("", "0") else self._style + text
        elif command == "A":
            self._row = max(0, self._row - int(number or 1))
        elif command == "K" and number in ("", "0"):
            del line[self._column :]
        elif command == "K":
            line[: None if number == "2" else self._column] = []
        elif text == "\r":
            self._column = 0
        elif text == "\b":
            self._column = max(0, self._column - 1)
        elif text == "\n":
            self._row, self._column = self._row + 1, 0
            if self._row == len(self.lines):
                self.lines.append([])
        elif command is None:
            line.extend([("", " ")] * (self._column - len(line)))
            line[self._column : self._column + 1] = [(self._style, text)]
            self._column += 1


def _line(cells: list[tuple[str, str]]) -> str:
    return "".join(_styled(cells)).rstrip(" ")


def _styled(cells: list[tuple[str, str]]) -> Iterator[str]:
    current = ""
    for style, character in cells:
        if style != current:
            yield (_RESET if current else "") + style
            current = style
        yield character
    if current:
        yield _RESET
