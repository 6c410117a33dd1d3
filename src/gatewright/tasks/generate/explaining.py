"""What the explanation of the next token of a text needs."""

from collections.abc import Callable, Collection, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewright.support.errors import InputError
from gatewright.support.ids import START, UNKNOWN
from gatewright.tasks.base.explainable import Explainable, Output, items_without, piece_steps, require_step
from gatewright.tasks.generate.task import PreparedTexts

END = "end of the text"
"""The name of the id START as the next token."""

# The names of tokens that are nothing but white space.
_SPACES = {" ": "space", "\n": "line break", "\t": "tab"}


def next_token(
    prepared: PreparedTexts,
    never: NDArray[np.intp],
    log_probabilities: Callable[[NDArray[np.int32], int | None], NDArray[np.float64]],
    text: Any,
    label: str | None,
    against: str | None,
    step: int | None,
) -> Explainable:
    """Return what the explanation of the next token needs; see `TrainedModel.explainable`.

    Args:
        prepared: What the model learned of the training set.
        never: The ids that are never generated.
        log_probabilities: Function of the inputs, [1, time], and of the index of a time step (None for a network with
            one output). It returns the log probability of each id to come after this step, [ids].
        text: The text before the token.
        label, against: The next token and its alternative. By default the two most probable ones.
        step: Index of the time step after which the token comes. By default the last.

    Raises:
        InputError: The text is not a string, or there is no such token or step.
    """
    if not isinstance(text, str):
        raise InputError(f"A text to explain must be a string, not {type(text).__name__}.")
    encoder, longest = prepared.encoder, None if prepared.sequences else prepared.max_length
    tokens = [START, *encoder.encode(text)]
    step = require_step(step, len(tokens))
    # A token depends on those before it alone.
    read = tokens[: step + 1] if longest is None else tokens[max(0, step + 1 - longest) : step + 1]
    before = step + 1 - len(read)
    inputs = np.array([read], np.int32)
    place = len(read) - 1 if prepared.sequences else None
    logs = log_probabilities(inputs, place).copy()
    logs[never] = -np.inf
    first, second = np.argsort(-logs, kind="stable")[:2].tolist()
    own = first if label is None else _id_of(prepared, label)
    other = (second if own == first else first) if against is None else _id_of(prepared, against)
    if own == other:
        raise InputError(f"{_name(prepared, own)!r} cannot be compared with itself: give another token.")

    def without(sets: Sequence[Collection[int]]) -> NDArray[np.int32]:
        until = tokens[: step + 1]
        kept = [items_without(until, (before + one for one in left_out)) for left_out in sets]
        return _padded(kept if longest is None else [rest[-longest:] for rest in kept])

    notes = []
    if before > 1:
        notes.append(f"The network reads the last {longest:,} {encoder.kind}: {before - 1:,} before them are not read.")
    if step + 1 < len(tokens):
        notes.append(f"The token after step {step + 1:,} is explained: what follows it in the text is not read.")
    if UNKNOWN in read:
        notes.append("A token that is not in the vocabulary is read as an unknown one.")
    return Explainable(
        inputs,
        piece_steps(encoder.pieces_of(text)[:step][max(0, before - 1) :], read),
        Output(_name(prepared, own), own, _name(prepared, other), other, step=place),
        _name(prepared, first),
        float(np.exp(logs[own])) if np.isfinite(logs[own]) else 0.0,
        tuple(number for number, token in enumerate(read) if before + number > 0),
        without,
        tuple(notes),
    )


def _padded(texts: Sequence[Sequence[int]]) -> NDArray[np.int32]:
    """Return ids padded with 0 on the left, [texts, time]."""
    padded = np.zeros((len(texts), max(map(len, texts))), np.int32)
    for row, text in zip(padded, texts, strict=True):
        row[len(row) - len(text) :] = text
    return padded


def _name(prepared: PreparedTexts, number: int) -> str:
    token = END if number == START else prepared.encoder.token(number)
    return _SPACES.get(token, token)


def _id_of(prepared: PreparedTexts, token: str) -> int:
    """Return the id of a token that the user named.

    Raises:
        InputError: It is not exactly one token of the vocabulary.
    """
    if token == END and prepared.sequences:
        return START
    found = prepared.encoder.encode({name: space for space, name in _SPACES.items()}.get(token, token))
    if len(found) != 1 or found[0] == UNKNOWN:
        problem = f"{len(found):,} tokens" if len(found) != 1 else "not in its vocabulary"
        raise InputError(
            f"The next token must be one of the model's {prepared.encoder.kind}, but {token!r} is {problem}: give "
            "another one."
        )
    return found[0]
