"""Use a trained model of piano rolls: NumPy and the kernels, without Keras or JAX."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gatewright.nn import model as models
from gatewright.nn.block import States, Steps
from gatewright.nn.file import Model
from gatewright.nn.library import NUMPY
from gatewright.nn.stepping import Stepper
from gatewright.support.data_progress import Progress, say
from gatewright.support.errors import InputError
from gatewright.tasks.base.measures import to_shares

# Pieces of one call.
_PIECES_AT_ONCE = 16


class RollModel:
    """A trained model of piano rolls.

    Attributes:
        keys: of a frame.
        training: settings and figures, for a reader.
    """

    task: ClassVar[str] = "generate"

    def __init__(self, model: Model) -> None:
        self.keys = model.blocks[-1].width(0)
        if model.encoder != {"kind": "keys"}:
            raise InputError("its encoder is not one of keys.")
        if model.answers != {"rows": "pieces", "features": self.keys}:
            raise InputError("its answers are not those of pieces with as many keys.")
        self.training = model.training
        self._blocks, self._weights = model.blocks, model.weights
        self._stepper = Stepper(model.blocks, model.weights)

    def start(self) -> list[States]:
        """The state before a piece's first frame, for `step`."""
        return self._stepper.start()

    def step(self, frame: ArrayLike, states: list[States]) -> tuple[NDArray[np.float64], list[States]]:
        """The probability of each key in the next frame, [keys], and the state after this one.

        Args:
            frame: [keys], 1 where a key sounds, else 0.
            states: those before it; they stay as they were.

        Raises:
            InputError: the frame is no such thing.
        """
        logits, after = self._stepper(self._checked(np.asarray([frame])), states)
        return to_shares(logits)[0], after

    def probabilities(self, frames: ArrayLike) -> NDArray[np.float64]:
        """Of each key in the frame that follows each of a piece's frames, [frames, keys] in and out."""
        piece = self._checked(np.asarray(frames))
        out = models.forward(self._blocks, NUMPY, self._weights, Steps(piece[None]))[0].x
        return to_shares(out[0])

    def generate(self, frames: int, seed: int, begun: ArrayLike | None = None) -> NDArray[np.uint8]:
        """Frames that are drawn one after another, each key by its probability, [frames, keys].

        Args:
            frames: how many.
            seed: of what is drawn.
            begun: the frames that they follow, [some, keys]; None is one in which nothing sounds.

        Raises:
            InputError: `begun` is no such thing.
        """
        draw, states = np.random.default_rng(seed), self.start()
        share = np.zeros(self.keys)
        for frame in np.zeros((1, self.keys), np.uint8) if begun is None else self._checked(np.asarray(begun)):
            share, states = self.step(frame, states)
        drawn = np.empty((frames, self.keys), np.uint8)
        for place in range(frames):
            drawn[place] = draw.random(self.keys) < share
            share, states = self.step(drawn[place], states)
        return drawn

    def losses(self, inputs: NDArray[np.uint8], targets: NDArray[np.uint8]) -> NDArray[Any]:
        """-log p of each frame, in nats, [pieces, time], as `Network.outputs` has it in training.

        Args:
            inputs, targets: rows of a `GenerateRolls` task.
        """
        told, parts = Progress(), []
        for first in range(0, len(inputs), _PIECES_AT_ONCE):
            if told.due():
                say(f"{first:,} of {len(inputs):,} pieces are read.")
            some = slice(first, first + _PIECES_AT_ONCE)
            steps = Steps(inputs[some], targets=targets[some])
            parts.append(models.forward(self._blocks, NUMPY, self._weights, steps)[0].x)
        return np.concatenate(parts)

    def _checked(self, frames: NDArray[Any]) -> NDArray[np.uint8]:
        if frames.ndim != 2 or frames.shape[1] != self.keys or not len(frames):
            raise InputError(f"frames must be [frames, {self.keys}], one or more, not of shape {list(frames.shape)}.")
        if frames.dtype.kind not in "biuf" or not ((frames == 0) | (frames == 1)).all():
            raise InputError("a frame must hold 0 and 1 alone: a key sounds or does not.")
        return frames.astype(np.uint8)
