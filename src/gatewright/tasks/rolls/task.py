"""Music modeling: the probability that each key sounds in the next frame of a piano roll."""

from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from gatewright.data import split
from gatewright.data.batches import Batch
from gatewright.data.widths import first_steps
from gatewright.nn.layer import Layer
from gatewright.nn.layers import Dropout
from gatewright.results.measure import Measure
from gatewright.support.errors import InputError
from gatewright.support.schema import Size, read_as
from gatewright.tasks.base.splitting import SPLIT_SEED, limit_note
from gatewright.tasks.base.stack import recurrent_stack
from gatewright.tasks.base.task import FittedBaseline, Length, Prepared, Splits, Task
from gatewright.tasks.rolls.layers import NO_FRAME, Frames, Sigmoids
from gatewright.tasks.rolls.reading import Rolls, read_rolls
from gatewright.tasks.rolls.settings import RollSettings


@dataclass(frozen=True)
class PreparedRolls(Prepared[Rolls]):
    """The state that a piano roll model needs besides its weights: the number of keys and the padded length.

    Attributes:
        keys: Number of keys of a frame.
        frames: Number of frames to which all pieces are padded, so that the network is compiled only once. Padding
            never changes a prediction.
    """

    keys: int
    frames: int = 0

    measures = (
        Measure("nll", "nats a step", "lower"),
        Measure("nll_of_pieces", "nats a step, mean of pieces", "lower"),
    )
    score_label = "it gives the piece's frames the higher probability"
    unit: ClassVar[str] = "steps"
    example_name: ClassVar[str] = "pieces"

    @property
    def features(self) -> int:
        return self.keys

    def encode(self, examples: Rolls, training: bool = False) -> Batch:
        """Return frames as inputs and the next frames as targets, both uint8 [pieces, time, keys].

        Both are padded with `NO_FRAME` on the right. The first frame of a piece is not a target.
        """
        frames = max(self.frames, *(len(piece) for piece in examples.pieces))
        rolls = np.full((len(examples.pieces), frames, self.keys), NO_FRAME, np.uint8)
        for roll, piece in zip(rolls, examples.pieces, strict=True):
            roll[: len(piece)] = piece
        inputs, targets = rolls[:, :-1], rolls[:, 1:]
        # The last frame of a piece has no target, so it is padding too.
        return Batch(np.where(targets[:, :, :1] == NO_FRAME, np.uint8(NO_FRAME), inputs), targets)

    def raw_inputs(self, examples: Rolls) -> list[bytes]:
        return [np.packbits(piece.astype(np.bool_)).tobytes() for piece in examples.pieces]

    def lengths(self, batch: Batch) -> NDArray[np.intp]:
        return np.asarray(_live(batch.targets).sum(axis=1))

    def with_steps(self, batch: Batch, steps: int) -> Batch:
        return Batch(*(first_steps(frames, steps, NO_FRAME) for frames in batch))

    def outputs_like(self, outputs: NDArray[Any], batch: Batch) -> NDArray[Any]:
        return first_steps(outputs, batch.targets.shape[1])

    def size(self, batch: Batch) -> int:
        return int(_live(batch.targets).sum())

    def sample_weight(self, batch: Batch) -> NDArray[np.float32]:
        """Return the weight of each piece, [pieces]: its number of predicted frames, divided by the padded length."""
        return np.asarray(_live(batch.targets).mean(axis=1, dtype=np.float32))

    def losses(self, outputs: Any, targets: Any) -> Any:
        return outputs.sum(axis=1) / _live(targets).sum(axis=1).clip(1)

    def measure(self, outputs: NDArray[Any], targets: NDArray[Any]) -> dict[str, float]:
        """Return the mean of -log p in nats over all frames (Bai et al. 2018), and over pieces of equal weight."""
        nats, live = np.asarray(outputs, np.float64), _live(targets)
        return {
            "nll": float(nats[live].sum() / live.sum()),
            "nll_of_pieces": float((nats.sum(axis=1) / live.sum(axis=1)).mean()),
        }

    def scores(self, outputs: NDArray[Any], targets: NDArray[Any]) -> NDArray[np.float64]:
        return np.asarray(-self.losses(np.asarray(outputs, np.float64), targets))

    def constant(self, targets: NDArray[Any], train: NDArray[Any] | None = None) -> tuple[NDArray[Any], str]:
        known = targets if train is None else train
        frames = known[_live(known)]
        # One more frame with each key, and one more without it, so that no key is certain.
        p = (1 + frames.sum(axis=0, dtype=np.int64)) / (2 + len(frames))
        nats = -((targets == 1) @ (np.log(p) - np.log(1 - p)) + np.log(1 - p).sum())
        return np.where(_live(targets), nats, 0).astype(np.float32), "the frequency of each key as its probability"

    def to_json(self) -> dict[str, Any]:
        return {"keys": self.keys}

    @classmethod
    def from_json(cls, stored: Any) -> Self:
        return cls(read_as(_Stored, stored, "its prepared").keys)


@dataclass(frozen=True)
class _Stored:
    """The contents of the entry `prepared` of a model file."""

    keys: Size


@dataclass(frozen=True)
class GenerateRolls(Task[Rolls]):
    """Piano rolls. At each step, the network predicts the probability that each key sounds in the next frame.

    An example is a whole piece. If the data has no test set, `held_out_fraction` of the pieces is set aside as
    the test set. If it has no validation set, the same fraction is set aside as the validation set.
    """

    settings: RollSettings

    length: ClassVar[Length] = Length(1_000, 20, 200)

    def read(self) -> Splits[Rolls]:
        source = read_rolls(self.data)
        name, train, validation, test = source.name, source.train, source.validation, source.test
        notes = []
        if test is None:
            train, test = self._hold_out(name, train)
            notes.append(
                f"{name} has no test set: {self.settings.held_out_fraction:.0%} of its pieces were set aside as one."
            )
        if validation is None:
            train, validation = self._hold_out(name, train)
        if self.limit is not None:
            train, test = Rolls(train.pieces[: self.limit]), Rolls(test.pieces[: self.limit])
            notes.append(limit_note(self.limit, "pieces"))
        return Splits(name, train, validation, test, tuple(notes), held_out=source.test is None)

    def _hold_out(self, name: str, rolls: Rolls) -> tuple[Rolls, Rolls]:
        kept, held = split.stratified_split(["piece"] * len(rolls.pieces), self.settings.held_out_fraction, SPLIT_SEED)
        if not len(kept) or not len(held):
            raise InputError(f"{name} has too few pieces to set some aside. Add pieces, or raise --held-out-fraction.")
        return Rolls([rolls.pieces[place] for place in kept]), Rolls([rolls.pieces[place] for place in held])

    def prepare(self, splits: Splits[Rolls]) -> tuple[PreparedRolls, RollSettings]:
        pieces = [*splits.train.pieces, *splits.validation.pieces, *splits.test.pieces]
        keys = splits.train.pieces[0].shape[1]
        return PreparedRolls(keys, max(len(piece) for piece in pieces)), self.settings

    def network(self, prepared: PreparedRolls, settings: RollSettings) -> list[Layer]:
        """Return the layers of the network: an input layer, recurrent layers, and a layer with a logit for each key."""
        layers: list[Layer] = [Frames()]
        if settings.input_dropout:
            layers.append(Dropout(settings.input_dropout))
        layers += recurrent_stack(settings, sequences=True, weight_dropout=settings.weight_dropout)
        return [*layers, Sigmoids(prepared.keys)]

    def baseline(self, splits: Splits[Rolls], prepared: PreparedRolls) -> FittedBaseline:
        """Fit a logistic regression for each key, whose inputs are the preceding frames."""
        from gatewright.tasks.rolls.baseline import frame_regression

        fitted = frame_regression(splits.train.pieces, splits.validation.pieces, splits.test.pieces)
        outputs = np.zeros((len(fitted.nats), prepared.frames - 1), np.float32)
        for row, nats in zip(outputs, fitted.nats, strict=True):
            row[: len(nats)] = nats
        before = "the frame before" if fitted.order == 1 else f"the {fitted.order} frames before"
        return FittedBaseline(
            "logistic regression", f"each key from {before}; the number was chosen on the validation set", outputs
        )


def _live(targets: Any) -> Any:
    """Return an array of bools, [pieces, time]: True for frames to predict, and False for padding."""
    return targets[:, :, 0] != NO_FRAME
