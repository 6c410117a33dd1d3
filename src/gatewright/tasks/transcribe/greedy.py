"""Greedy search: take the most probable symbol of each step."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewright.tasks.transcribe.prefix_search import Decoded
from gatewright.tasks.transcribe.symbols import BLANK


@dataclass
class _State:
    """The symbol of the last step, the symbols of the transcript, and the log probability of all steps."""

    last: int = BLANK
    ids: list[int] = field(default_factory=list)
    log_probability: float = 0.0


class GreedySearch:
    """Greedy search, which takes the most probable symbol of each step.

    Graves et al. 2006, "Connectionist Temporal Classification", section 3.2, best path decoding. Of equally probable
    symbols, the first is taken. A symbol that repeats without a blank between is one symbol.
    """

    def start(self) -> _State:
        """Return the state before the first step."""
        return _State()

    def advance(self, state: _State, log_probs: NDArray[np.floating[Any]]) -> None:
        """Process some steps, [steps, symbols], and change the state."""
        for symbol, log_p in zip(log_probs.argmax(axis=1).tolist(), log_probs.max(axis=1).tolist(), strict=True):
            if symbol not in (BLANK, state.last):
                state.ids.append(symbol)
            state.last = symbol
            state.log_probability += log_p

    def best(self, state: _State, final: bool = True) -> Decoded:
        """Return the transcript of the steps so far, which never changes afterwards."""
        return Decoded(tuple(state.ids), state.log_probability, state.log_probability)

    def certain(self, state: _State) -> list[int]:
        """Return the symbols of the transcript so far."""
        return state.ids

    def uncertain(self, state: _State) -> tuple[()]:
        """Return no symbols."""
        return ()
