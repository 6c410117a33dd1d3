"""`gatewright generate`: a language model continues a text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from gatewright import runtime
from gatewright.support.data_progress import Progress, say
from gatewright.tasks.generate.model import Generated


def generate(
    model: str | Path,
    prompt: str = "",
    *,
    stop: str | Sequence[str] = (),
    told: Callable[[str], None] | None = None,
    **decoding: Any,
) -> Generated:
    """Continue a text.

    Args:
        model: a model file of `train generate`.
        prompt: the text; empty is the beginning of one.
        stop: texts before which it stops.
        told: is given each piece of the text as soon as it is known.
        decoding: see `gatewright.tasks.base.settings.DECODING`.

    Raises:
        InputError: the model or a setting can't be used.
    """
    stream = runtime.language_model(model).stream(prompt, stop=stop, **decoding)
    pieces: list[str] = []
    progress = Progress()
    for piece in stream:
        pieces.append(piece)
        if told is not None:
            told(piece)
        elif progress.due():
            say(f"{stream.tokens:,} tokens are made.")
    return Generated(prompt, "".join(pieces), stream.tokens, stream.unknown, stream.seed)
