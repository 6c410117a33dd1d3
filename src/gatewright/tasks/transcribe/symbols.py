"""The symbols that a network writes, as the decoders need them."""

from collections.abc import Sequence
from typing import Protocol

BLANK = 0
"""The symbol of steps at which nothing is written."""
SPACE = " "
"""The piece that separates words in an alphabet of characters."""


class Symbols(Protocol):
    """The symbols that a network writes. Symbol 0 is the blank.

    Attributes:
        pieces: The text of each symbol. That of the blank is empty. A piece that begins a word begins with a space. In
            an alphabet of characters, it is the space between words.
    """

    @property
    def pieces(self) -> tuple[str, ...]: ...

    def spell(self, word: str) -> tuple[int, ...] | None:
        """Return the symbols of a word, without a space between words, or None if it cannot be written."""

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of symbols without blanks. There is no space at its ends."""


def begins_word(symbols: Symbols) -> tuple[bool, ...]:
    """Return for each symbol whether it begins a word."""
    return tuple(piece.startswith(SPACE) for piece in symbols.pieces)


def words_in(symbols: Symbols, ids: Sequence[int]) -> list[tuple[str, int, int]]:
    """Return the words of a transcript, each with the places of its first symbol and after its last one in `ids`.

    A space between words belongs to no word.
    """
    pieces, found, first = symbols.pieces, [], 0
    for place in range(len(ids) + 1):
        if place < len(ids) and not pieces[ids[place]].startswith(SPACE):
            continue
        if place > first and (text := symbols.decode(ids[first:place])):
            found.append((text, first + (pieces[ids[first]] == SPACE), place))
        first = place
    return found
