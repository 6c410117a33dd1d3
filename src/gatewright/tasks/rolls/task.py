"""Model music: of each next frame of a piano roll, the probability of each key to sound."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from gatewright.data import split
from gatewright.data.batches import Examples
from gatewright.nn.block import Block
from gatewright.nn.file import Model
from gatewright.nn.layers import Dropout, Recurrent
from gatewright.results.measure import Measure
from gatewright.support.errors import InputError
from gatewright.tasks.base.task import Parts, Simple
from gatewright.tasks.rolls.blocks import NO_FRAME, Frames, Sigmoids
from gatewright.tasks.rolls.reading import Rolls, read_rolls

# Of the splits alone: seeds of runs do not change which pieces are which.
_SPLIT_SEED = 0


@dataclass
class GenerateRolls:
    """Piano rolls, read from left to right: at each step the model gives every key its probability to sound next.

    A row is a whole piece; no state is carried from one to the next. The first frame is given, and not predicted.
    Without a test part a share of the pieces becomes one, and likewise a validation part.

    Attributes:
        source: "jsb", "nottingham", or a .mat or .npz file: see `data.rolls.read_rolls`.
        hold_out: share of the pieces that becomes a test part where there is none, and likewise a validation part.
        layers, recurrent_dropout, weight_dropout, zoneout, output_dropout: as of `tasks.generate.Generate`.
        input_dropout: of the keys: see `blocks.Dropout`.
        limit: at most so many training pieces, and as many test pieces; None is all.
    """

    source: str
    hold_out: float = 0.1
    layers: int = 1
    recurrent_dropout: float = 0.0
    weight_dropout: float = 0.0
    zoneout: float = 0.0
    input_dropout: float = 0.0
    output_dropout: float = 0.0
    limit: int | None = None
    data: str = field(init=False, default="")
    _keys: int = field(init=False, default=0)
    _frames: int = field(init=False, default=0)

    name: ClassVar[str] = "generate"
    measures: ClassVar[tuple[Measure, ...]] = (
        Measure("nll", "nats a step", "lower"),
        Measure("nll_of_pieces", "nats a step, mean of pieces", "lower"),
    )
    right: ClassVar[str] = "it gives the piece's frames the higher probability"
    counted: ClassVar[str] = ""
    unit: ClassVar[str] = "steps"
    carried: ClassVar[bool] = False
    steps: ClassVar[tuple[int, int]] = (1_000, 20)
    most_epochs: ClassVar[int] = 200

    def read(self) -> Parts[Rolls]:
        """The pieces, split.

        Raises:
            InputError: the data can't be read, or has too few pieces.
        """
        source = read_rolls(self.source)
        self.data, notes = source.name, []
        train, validation, test = source.train, source.validation, source.test
        if test is None:
            train, test = self._held_out(train)
            notes.append(f"{self.data} has no test part: {self.hold_out:.0%} of its pieces were set aside as one.")
        if validation is None:
            train, validation = self._held_out(train)
        if self.limit is not None:
            train, test = Rolls(train.pieces[: self.limit]), Rolls(test.pieces[: self.limit])
            notes.append(f"A quick look: at most {self.limit:,} training pieces and as many test pieces were used.")
        parts = Parts(train, validation, test, tuple(notes))
        # Only how wide arrays are: padding changes no answer, and the network is compiled once for all parts.
        self._frames = max(len(piece) for part in (train, validation, test) for piece in part.pieces)
        return parts

    def _held_out(self, rolls: Rolls) -> tuple[Rolls, Rolls]:
        kept, held = split.hold_out(["piece"] * len(rolls.pieces), self.hold_out, _SPLIT_SEED)
        if not len(kept) or not len(held):
            raise InputError(f"{self.data} has too few pieces to set some aside: give it more, or a larger --hold-out.")
        return Rolls([rolls.pieces[place] for place in kept]), Rolls([rolls.pieces[place] for place in held])

    def fit(self, train: Rolls) -> None:
        """How many keys there are."""
        self._keys = train.pieces[0].shape[1]

    def encode(self, rows: Rolls, learning: bool = False) -> Examples:
        """Frames [pieces, time, keys] and those that follow them, uint8; `NO_FRAME` on the right of a shorter piece."""
        frames = max(self._frames, *(len(piece) for piece in rows.pieces))
        rolls = np.full((len(rows.pieces), frames, self._keys), NO_FRAME, np.uint8)
        for roll, piece in zip(rolls, rows.pieces, strict=True):
            roll[: len(piece)] = piece
        inputs, targets = rolls[:, :-1], rolls[:, 1:]
        # The last frame of a piece has none to follow it.
        return Examples(np.where(targets[:, :, :1] == NO_FRAME, np.uint8(NO_FRAME), inputs), targets)

    def size(self, examples: Examples) -> int:
        """How many frames are predicted."""
        return int(_asked(examples.targets).sum())

    def remarks(self, test: Examples) -> tuple[str, ...]:
        """None."""
        return ()

    def counts(self, train: Examples) -> NDArray[np.float32]:
        """The frames of each piece that are predicted, as a share of the longest's."""
        shares: NDArray[np.float32] = _asked(train.targets).mean(axis=1, dtype=np.float32)
        return shares

    def blocks(self, cell: str, units: int) -> list[Block]:
        """Frames, recurrent layers, and a logit for each key."""
        blocks: list[Block] = [Frames()]
        if self.input_dropout:
            blocks.append(Dropout(self.input_dropout))
        for _ in range(self.layers):
            blocks.append(
                Recurrent(cell, units, False, True, self.recurrent_dropout, self.weight_dropout, self.zoneout)
            )
            if self.output_dropout:
                blocks.append(Dropout(self.output_dropout))
        return [*blocks, Sigmoids(self._keys)]

    def model(self, blocks: Sequence[Block], weights: Sequence[Any], training: dict[str, Any]) -> Model:
        """What a model file holds of a trained network."""
        arrays = tuple({name: np.asarray(array) for name, array in block.items()} for block in weights)
        answers = {"rows": "pieces", "features": self._keys}
        return Model(self.name, tuple(blocks), arrays, {"kind": "keys"}, answers, training)

    def losses(self, outputs: Any, targets: Any) -> Any:
        """The mean loss of each piece's steps, in nats."""
        return outputs.sum(axis=1) / _asked(targets).sum(axis=1).clip(1)

    def measure(self, outputs: NDArray[Any], targets: NDArray[Any]) -> dict[str, float]:
        """Nats a step: the mean over all predicted steps of all pieces, as Bai et al. 2018 have it; and the mean over
        pieces of each one's own mean."""
        nats, asked = np.asarray(outputs, np.float64), _asked(targets)
        return {
            "nll": float(nats[asked].sum() / asked.sum()),
            "nll_of_pieces": float((nats.sum(axis=1) / asked.sum(axis=1)).mean()),
        }

    def merits(self, outputs: NDArray[Any], targets: NDArray[Any]) -> NDArray[np.float64]:
        """Minus the mean loss of each piece's steps, [pieces]."""
        merits: NDArray[np.float64] = -np.asarray(self.losses(np.asarray(outputs, np.float64), targets))
        return merits

    def chance(self, train: Examples, test: Examples) -> Simple:
        """Each key by its share of the training frames, counted from one frame with it and one without."""
        heard = train.targets[_asked(train.targets)]
        shares = (1 + heard.sum(axis=0, dtype=np.int64)) / (2 + len(heard))
        return Simple("chance", "each key by its share of the training frames", constant(shares, test.targets))

    def baseline(self, parts: Parts[Rolls]) -> Simple:
        """Logistic regression of each key on the frames before: see `roll_baseline`."""
        from gatewright.tasks.rolls.baseline import frame_regression

        fitted = frame_regression(parts.train.pieces, parts.validation.pieces, parts.test.pieces)
        outputs = np.zeros((len(fitted.nats), self._frames - 1), np.float32)
        for row, nats in zip(outputs, fitted.nats, strict=True):
            row[: len(nats)] = nats
        before = "the frame before" if fitted.order == 1 else f"the {fitted.order} frames before"
        return Simple(
            "logistic regression", f"each key by {before}, how many were chosen on the validation part", outputs
        )

    def decode(self, outputs: NDArray[Any]) -> Sequence[float]:
        """The loss of each piece, all steps together."""
        return [float(row.sum()) for row in outputs]


def _asked(targets: Any) -> Any:
    """Which frames are predicted, [pieces, time]."""
    return targets[:, :, 0] != NO_FRAME


def constant(shares: NDArray[np.float64], targets: NDArray[Any]) -> NDArray[np.float32]:
    """-log p of frames if each key sounds with the same probability always, [pieces, time]; `shares` are [keys]."""
    least = float(np.finfo(np.float64).tiny)
    yes, no = np.log(np.maximum(shares, least)), np.log(np.maximum(1 - shares, least))
    nats = -((targets == 1) @ (yes - no) + no.sum())
    return np.where(_asked(targets), nats, 0).astype(np.float32)
