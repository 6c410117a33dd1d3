"""Which words a transcript may have, and what the language model adds to the score of each."""

import math
from collections.abc import Collection
from typing import Any, Protocol, TypeAlias

from gatewright.tasks.transcribe.lexicon import Lexicon, Node
from gatewright.tasks.transcribe.ngrams import BOUNDARY, START, Context, Ngrams
from gatewright.tasks.transcribe.symbols import Symbols, begins_word

# Scores of the language model that are kept.
_MAX_KEPT = 1 << 16

Place: TypeAlias = Any
Choices: TypeAlias = tuple[Collection[int], ...]


class Grammar(Protocol):
    """The rules by which a transcript is extended. A place is what they need to know of the transcript so far.

    Attributes:
        start: The place before the first symbol.
        begins: For each symbol, whether it begins a word.
        most: The largest number that `factor` returns.
    """

    start: Place
    begins: tuple[bool, ...]
    most: float

    def choices(self, place: Place) -> Choices | None:
        """Return sets of the symbols that may follow. None if all may."""

    def factor(self, place: Place, symbol: int) -> float:
        """Return the exponential of what is added to the score if a symbol follows that begins a word."""

    def after(self, place: Place, symbol: int) -> Place:
        """Return the place after a symbol."""

    def end(self, place: Place) -> float | None:
        """Return what is added to the score if the transcript ends. None if it must not end here."""


class WordScores:
    """The score that each word and the end of a transcript add: weight * log p(w | u v), and for a word the bonus.

    Args:
        ngrams: The language model, or None.
        weight, bonus: See `decoding.Decoding`.
        is_open: True if any word may occur.
    """

    def __init__(self, ngrams: Ngrams | None, weight: float, bonus: float, is_open: bool) -> None:
        self._ngrams = ngrams if weight else None
        self._weight, self._bonus, self._is_open = weight, bonus, is_open
        self._kept: dict[tuple[Context, int], float] = {}

    @property
    def matter(self) -> bool:
        """False if all scores are 0."""
        return self._ngrams is not None or self._bonus != 0

    @property
    def most(self) -> float:
        """The largest exponential of the score of a word."""
        return math.exp(max(self._bonus, 0.0))

    def number(self, word: str) -> int:
        """Return the number of a word in the language model. It means nothing without one."""
        return BOUNDARY if self._ngrams is None else self._ngrams.number(word)

    def of_word(self, word: int, context: Context) -> float:
        """Return the score of the word with a number."""
        return self._weighted(word, context) + self._bonus

    def of_end(self, context: Context) -> float:
        """Return the score of the end of the transcript."""
        return self._weighted(BOUNDARY, context)

    def after(self, context: Context, word: int) -> Context:
        """Return the context of the word after `word`."""
        return START if self._ngrams is None else (context[1], word)

    def _weighted(self, word: int, context: Context) -> float:
        if self._ngrams is None:
            return 0.0
        key = context, word
        if key not in self._kept:
            if len(self._kept) == _MAX_KEPT:
                self._kept.clear()
            self._kept[key] = self._weight * self._ngrams.log_probability(word, context, self._is_open)
        return self._kept[key]


class AnySymbols:
    """A grammar in which any symbol may follow, and words have no scores."""

    start = None
    most = 1.0

    def __init__(self, symbols: Symbols) -> None:
        self.begins = (False,) * len(symbols.pieces)

    def choices(self, place: None) -> None:
        return None

    def factor(self, place: None, symbol: int) -> float:
        return 1.0

    def after(self, place: None, symbol: int) -> None:
        return None

    def end(self, place: None) -> float:
        return 0.0


class AnyWords:
    """A grammar in which any symbol may follow. A place is the context, and the symbols of the last word.

    Args:
        symbols: The symbols.
        scores: The scores of words.
    """

    start: tuple[Context, tuple[int, ...]] = (START, ())

    def __init__(self, symbols: Symbols, scores: WordScores) -> None:
        self.begins, self.most = begins_word(symbols), scores.most
        self._symbols, self._scores = symbols, scores
        self._kept: dict[Place, tuple[Context, float]] = {}

    def choices(self, place: Place) -> None:
        return None

    def factor(self, place: Place, symbol: int) -> float:
        return math.exp(self._with_word(place)[1])

    def after(self, place: Place, symbol: int) -> Place:
        if self.begins[symbol]:
            return self._with_word(place)[0], (symbol,)
        return place[0], (*place[1], symbol)

    def end(self, place: Place) -> float:
        context, score = self._with_word(place)
        return score + self._scores.of_end(context)

    def _with_word(self, place: Place) -> tuple[Context, float]:
        """Return the context after the word that is complete now, and its score."""
        if place not in self._kept:
            if len(self._kept) == _MAX_KEPT:
                self._kept.clear()
            context, ids = place
            word = self._symbols.decode(ids)
            number = self._scores.number(word)
            after = self._scores.after(context, number), self._scores.of_word(number, context)
            self._kept[place] = after if word else (context, 0.0)
        return self._kept[place]


class LexiconWords:
    """A grammar in which only the words of a lexicon may occur. A place is a node, and the context.

    Args:
        symbols: The symbols.
        lexicon: The words, in the order of the language model.
        scores: The scores of words.
    """

    def __init__(self, symbols: Symbols, lexicon: Lexicon, scores: WordScores) -> None:
        self.begins, self.most = begins_word(symbols), scores.most
        self.start: tuple[Node, Context] = (lexicon.start, START)
        self._lexicon, self._scores = lexicon, scores
        # In an alphabet without a space, no word follows the first one.
        self._first = {symbol: node for symbol, node in lexicon.enter(lexicon.root).items() if self.begins[symbol]}

    def choices(self, place: Place) -> Choices:
        node = place[0]
        return (node.moves, self._first) if node.word >= 0 else (node.moves,)

    def factor(self, place: Place, symbol: int) -> float:
        node, context = place
        return math.exp(self._scores.of_word(1 + node.word, context)) if node.word >= 0 else 1.0

    def after(self, place: Place, symbol: int) -> Place:
        node, context = place
        if not self.begins[symbol]:
            node = node.moves[symbol]
        else:
            if node.word >= 0:
                context = self._scores.after(context, 1 + node.word)
            node = self._first[symbol]
        self._lexicon.enter(node)
        return node, context

    def end(self, place: Place) -> float | None:
        node, context = place
        if place is self.start:
            return self._scores.of_end(context)
        if node.word < 0:
            return None
        word = 1 + node.word
        return self._scores.of_word(word, context) + self._scores.of_end(self._scores.after(context, word))
