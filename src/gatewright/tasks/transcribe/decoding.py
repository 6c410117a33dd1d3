"""Decoders: find the transcript of the log probabilities that a network with CTC writes at each step."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from gatewright.support.errors import InputError, require_one_of
from gatewright.support.progress import Ticker, print_status
from gatewright.support.schema import Number, Text, Whole
from gatewright.tasks.transcribe.grammar import AnySymbols, AnyWords, Grammar, LexiconWords, WordScores
from gatewright.tasks.transcribe.greedy import GreedySearch
from gatewright.tasks.transcribe.lexicon import Lexicon
from gatewright.tasks.transcribe.ngrams import Ngrams
from gatewright.tasks.transcribe.prefix_search import Decoded, PrefixBeamSearch
from gatewright.tasks.transcribe.symbols import Symbols

METHODS = ("greedy", "beam", "lexicon")
MAX_BEAM = 1000
MAX_WEIGHT = 10.0

# Steps that are decoded between two looks at the clock.
_BLOCK = 500


@dataclass(frozen=True)
class Decoding:
    """The settings of a decoder. The score of a transcript Y of the words w_1 to w_n for the recording X is

        log P(Y | X) + lm_weight * log p(w_1, ..., w_n, end) + word_bonus * n

    with natural logarithms, where p is the language model (shallow fusion).

    Attributes:
        method: "greedy" takes the most probable symbol of each step. "beam" is prefix beam search. "lexicon" is prefix
            beam search for transcripts whose words are known.
        beam: Number of transcripts that prefix beam search keeps.
        lm_weight: Weight of the language model in prefix beam search; 0 for none.
        word_bonus: What each word adds to the score. It makes up for the language model, which favours few words.

    Raises:
        InputError: A setting is outside its range.
    """

    method: Annotated[str, Text(choices=METHODS)] = "greedy"
    beam: Annotated[int, Whole(1, MAX_BEAM)] = 32
    lm_weight: Annotated[float, Number(0, MAX_WEIGHT)] = 0.0
    word_bonus: Annotated[float, Number(-MAX_WEIGHT, MAX_WEIGHT)] = 0.0

    def __post_init__(self) -> None:
        require_one_of("The decoding", self.method, METHODS)
        if not 1 <= self.beam <= MAX_BEAM:
            raise InputError(f"The number of beams must be from 1 to {MAX_BEAM:,}, not {self.beam}.")
        if not 0 <= self.lm_weight <= MAX_WEIGHT:
            raise InputError(
                f"The weight of the language model must be from 0 to {MAX_WEIGHT:g}, not {self.lm_weight:g}."
            )
        if not -MAX_WEIGHT <= self.word_bonus <= MAX_WEIGHT:
            raise InputError(
                f"The bonus of a word must be from {-MAX_WEIGHT:g} to {MAX_WEIGHT:g}, not {self.word_bonus:g}."
            )


class Decoder(Protocol):
    """A decoder that processes steps as they arrive. The result does not depend on their division into calls."""

    def start(self) -> Any:
        """Return the state before the first step."""

    def advance(self, state: Any, log_probs: NDArray[np.floating[Any]], /) -> None:
        """Process some steps, [steps, symbols], and change the state."""

    def best(self, state: Any, final: bool = True) -> Decoded:
        """Return the best transcript of the steps so far. `final` is True if no step follows."""

    def certain(self, state: Any) -> Sequence[int]:
        """Return the symbols with which the transcript begins, whatever follows."""

    def uncertain(self, state: Any) -> Sequence[int]:
        """Return the symbols after the certain ones in the best transcript of the steps so far."""


def decoder(symbols: Symbols, decoding: Decoding, ngrams: Ngrams | None = None) -> Decoder:
    """Return the decoder with some settings.

    Args:
        symbols: The symbols that the network writes.
        decoding: The settings.
        ngrams: The language model, whose words are the lexicon, if there is one.

    Raises:
        InputError: The settings need a language model, and there is none.
    """
    if decoding.method == "greedy":
        return GreedySearch()
    if ngrams is None and (decoding.method == "lexicon" or decoding.lm_weight):
        raise InputError("The model has no lexicon and no language model. Choose the decoding greedy or beam.")
    scores = WordScores(ngrams, decoding.lm_weight, decoding.word_bonus, decoding.method == "beam")
    grammar: Grammar
    if ngrams is not None and decoding.method == "lexicon":
        grammar = LexiconWords(symbols, Lexicon(symbols, ngrams.words), scores)
    else:
        grammar = AnyWords(symbols, scores) if scores.matter else AnySymbols(symbols)
    return PrefixBeamSearch(grammar, decoding.beam)


def decoded(decoder: Decoder, log_probs: NDArray[np.floating[Any]]) -> Decoded:
    """Return the best transcript of a whole recording, [steps, symbols], and print the progress if it takes long."""
    state, ticker = decoder.start(), Ticker()
    for first in range(0, len(log_probs), _BLOCK):
        decoder.advance(state, log_probs[first : first + _BLOCK])
        if ticker.due():
            print_status(f"{min(first + _BLOCK, len(log_probs)):,} of {len(log_probs):,} steps are decoded.")
    return decoder.best(state)
