"""The words that a transcript may have, as a tree of their symbols."""

from bisect import bisect_left
from collections.abc import Sequence

from gatewright.support.errors import InputError
from gatewright.tasks.transcribe.symbols import SPACE, Symbols


class Node:
    """A node of the tree: all words that begin with the same symbols.

    Attributes:
        word: The number of the word that ends here, or -1.
        moves: The next node for each symbol that continues a word. None until `Lexicon.enter` has been called.
        first, last: The words are those from `first` to before `last`, in the order of their spellings.
        depth: Number of symbols that the words have in common.
    """

    __slots__ = ("depth", "first", "last", "moves", "word")

    def __init__(self, first: int, last: int, depth: int) -> None:
        self.first, self.last, self.depth = first, last, depth
        self.word = -1
        self.moves: dict[int, Node] | None = None


class Lexicon:
    """The words that a transcript may have, as a tree of their symbols.

    A transcript is a sequence of these words. The next word begins where a word ends, with a symbol whose piece begins
    with a space. If the alphabet has no such symbol, a transcript is one word.

    Nodes are made when they are first needed, so that a large lexicon takes little more memory than its spellings.

    Args:
        symbols: The symbols.
        words: The words. Those that the symbols cannot write are left out.

    Raises:
        InputError: No word can be written.

    Attributes:
        root: The node in which a word begins.
        start: The node in which a transcript begins. It differs from the root for an alphabet of characters, because
            there is no space before the first word.
    """

    def __init__(self, symbols: Symbols, words: Sequence[str]) -> None:
        pieces, before = symbols.pieces, ""
        spelled: dict[str, int] = {}
        for number, word in enumerate(words):
            if own := symbols.spell(word):
                if SPACE in pieces and not pieces[own[0]].startswith(SPACE):
                    before = chr(pieces.index(SPACE))
                spelled.setdefault(before + "".join(map(chr, own)), number)
        if not spelled:
            raise InputError("The lexicon has no word that the symbols of the model can write.")
        # A string whose characters are the symbols takes little memory, and strings can be compared.
        self._spellings = sorted(spelled)
        self._numbers = [spelled[own] for own in self._spellings]
        self.root = Node(0, len(spelled), 0)
        moves = self.enter(self.root)
        self.start = moves[ord(before)] if before else self.root
        self.enter(self.start)

    def enter(self, node: Node) -> dict[int, Node]:
        """Return the moves of a node, which are found at the first call."""
        if node.moves is not None:
            return node.moves
        moves: dict[int, Node] = {}
        first, depth = node.first, node.depth
        if len(self._spellings[first]) == depth:
            node.word = self._numbers[first]
            first += 1
        while first < node.last:
            prefix = self._spellings[first][: depth + 1]
            after = prefix[:-1] + chr(ord(prefix[-1]) + 1)
            last = bisect_left(self._spellings, after, first, node.last)
            moves[ord(prefix[-1])] = Node(first, last, depth + 1)
            first = last
        node.moves = moves
        return moves
