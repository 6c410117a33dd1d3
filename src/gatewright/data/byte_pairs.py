"""Split texts into words and words into the tokens of a byte-pair vocabulary, exactly as the Tokenizers library does.

`encoders.BytePairs` is the encoder. It learns its vocabulary with the library, and applies it with this module, so that
trained models need no library.

The method is from Sennrich, Haddow & Birch 2016, "Neural Machine Translation of Rare Words with Subword Units", section
3.2, on bytes as in Radford et al. 2019 (GPT-2), section 2.2. Words are split as GPT-2 splits them.
"""

import re
from array import array
from collections.abc import Iterable, Sequence
from functools import cache
from heapq import heapify, heappop, heappush
from itertools import pairwise

from gatewright.data.unicode_ranges import LETTERS, NUMBERS, SPACES, code_points
from gatewright.support.ids import FIRST, PADDING

# GPT-2's pattern, in which \p{L} is a letter and \p{N} a number, is
#     's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
# Here it reads a text whose characters have been replaced by their classes; see `_classes`.
_WORD = re.compile(r"'(?:[stmd]|re|ve|ll)| ?[Lstrevmld]+| ?0+| ?['.]+|\s+(?!\S)|\s+")
_CONTRACTED = "'strevmld"

# Words that are remembered with their ids, and the characters that these may have.
_REMEMBERED_WORDS, _REMEMBERED_CHARACTERS = 1 << 16, 64


@cache
def byte_symbols() -> tuple[str, ...]:
    """Return the character that represents each byte in GPT-2's vocabulary, in the order of the bytes.

    Bytes that are visible Latin-1 characters are represented by these characters, other bytes by U+0100, U+0101, ...
    """
    visible = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = iter(range(0x100, 0x200))
    return tuple(chr(byte) if byte in visible else chr(next(others)) for byte in range(256))


def split_words(text: str) -> list[str]:
    """Split a text as GPT-2 does. A word includes the space before it. All words together are the text."""
    return [text[word.start() : word.end()] for word in _WORD.finditer(text.translate(_classes()))]


@cache
def _classes() -> bytes:
    """Return the class of each code point: a letter, a number, white space, or none of them.

    The classes are "L", "0", tab and ".". The space, the apostrophe and the letters of English contractions are classes
    of their own.
    """
    classes = bytearray(b".") * 0x110000
    for written, name in ((LETTERS, b"L"), (NUMBERS, b"0"), (SPACES, b"\t")):
        for found in code_points(written):
            classes[found.start : found.stop] = name * len(found)
    for character in " " + _CONTRACTED:
        classes[ord(character)] = ord(character)
    return bytes(classes)


class WordEncoder:
    """Encodes words with a byte-pair vocabulary. Frequent words are remembered.

    Args:
        pieces: The tokens of the vocabulary in the order of their ids, which begin at 4, in `byte_symbols`.
        merges: The different pairs of adjacent tokens that are merged into one token, the first to merge first.
    """

    def __init__(self, pieces: Sequence[str], merges: Sequence[tuple[str, str]]) -> None:
        ids = {piece: FIRST + place for place, piece in enumerate(pieces)}
        self._byte_ids = [ids[symbol] for symbol in byte_symbols()]
        self._ranks = {(ids[left], ids[right]): rank for rank, (left, right) in enumerate(merges)}
        self._merged = [ids[left + right] for left, right in merges]
        self._remembered: dict[str, Sequence[int]] = {}

    def encode(self, words: Iterable[str]) -> list[int]:
        """Return the ids of the tokens of all words."""
        found: list[int] = []
        for word in words:
            ids = self._remembered.get(word)
            found += self._learn(word) if ids is None else ids
        return found

    def _learn(self, word: str) -> Sequence[int]:
        ids = self._merge(word.encode())
        if len(word) <= _REMEMBERED_CHARACTERS:
            if len(self._remembered) >= _REMEMBERED_WORDS:
                self._remembered.clear()
            self._remembered[word] = tuple(ids)
        return ids

    def _merge(self, word: bytes) -> list[int]:
        """Return the ids of a word's tokens.

        Until no pair of adjacent tokens can be merged, the pair that was learned first is merged; of equal pairs, the
        leftmost. The queue makes the time n log n in the number of bytes.
        """
        ranks = self._ranks
        # A token is known by the place of its first byte, and a merged token by the left place; the right one then has
        # PADDING, which also stands before and after the word. No pair with PADDING has a rank.
        ids = [PADDING, *map(self._byte_ids.__getitem__, word), PADDING]
        size = len(ids)
        after, before = array("q", range(1, size + 1)), array("q", range(-1, size - 1))
        # Rank and left place as one number take less memory than as a pair.
        queue = [ranks[pair] * size + place for place, pair in enumerate(pairwise(ids)) if pair in ranks]
        heapify(queue)
        while queue:
            rank, left = divmod(heappop(queue), size)
            right = after[left]
            if ranks.get((ids[left], ids[right])) != rank:
                continue  # one of the two has been merged with another token
            ids[left], ids[right] = self._merged[rank], PADDING
            after[left] = following = after[right]
            before[following] = left
            for place in (before[left], left):
                pair = ids[place], ids[after[place]]
                if pair in ranks:
                    heappush(queue, ranks[pair] * size + place)
        return [number for number in ids if number != PADDING]
