"""Trained piano roll models."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, ClassVar, NoReturn

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gatewright.nn.file import Relation
from gatewright.nn.layer import Activations, Layer, States
from gatewright.nn.layers import Dropout, Recurrent
from gatewright.results.explanation import Step
from gatewright.support.errors import InputError
from gatewright.tasks.base.explainable import Explainable, Output, require_step
from gatewright.tasks.base.measures import to_label_probabilities
from gatewright.tasks.base.model import Description, EvaluationSet, TrainedModel
from gatewright.tasks.base.stack import outputs_fit, settings_fit, stack_fits
from gatewright.tasks.rolls.layers import Frames, Sigmoids
from gatewright.tasks.rolls.reading import Rolls, read_rolls
from gatewright.tasks.rolls.task import PreparedRolls


class RollModel(TrainedModel):
    """A trained piano roll model.

    Attributes:
        prepared: What was learned from the training set, such as the number of keys.
        training: The settings and results of the training run.
    """

    command: ClassVar[str] = "generate"
    prepared_class = PreparedRolls
    layer_classes = (Frames, Dropout, Recurrent, Sigmoids)
    layer_order = "frames dropout? (recurrent dropout?)+ sigmoids"
    examples_per_call: ClassVar[int] = 16

    prepared: PreparedRolls

    @classmethod
    def relations(
        cls, layers: Sequence[Layer], prepared: PreparedRolls, training: Mapping[str, Any]
    ) -> Iterator[Relation]:
        yield from stack_fits(layers, sequences=True)
        yield from settings_fit(layers, training)
        yield outputs_fit(prepared.keys, layers)

    @property
    def keys(self) -> int:
        """The number of keys of a frame."""
        return self.prepared.keys

    def start(self) -> list[States]:
        """Return the recurrent states before the first frame of a piece of music, for `step`."""
        return self._stepper.start()

    def step(self, frame: ArrayLike, states: list[States]) -> tuple[NDArray[np.float64], list[States]]:
        """Return the probability that each key sounds in the next frame, [keys], and the states after `frame`.

        Args:
            frame: 1 for each key that sounds, otherwise 0, [keys].
            states: The recurrent states before the frame. They are not modified.

        Raises:
            InputError: The frame has another shape or numbers other than 0 and 1.
        """
        logits, after = self._step(self._checked(np.asarray([frame])), states)
        return to_label_probabilities(logits)[0], after

    def probabilities(self, frames: ArrayLike) -> NDArray[np.float64]:
        """Return, for each frame in `frames`, the probability of each key in the next frame, [frames, keys]."""
        inputs = Activations(self._checked(np.asarray(frames))[None])
        return to_label_probabilities(self._forward(inputs)[0][0])

    def generate(self, frames: int, seed: int, prompt: ArrayLike | None = None) -> NDArray[np.uint8]:
        """Generate frames one after another, and return them, [frames, keys]. Each key is sampled with its probability.

        Args:
            frames: Number of frames to generate.
            seed: The seed of the random numbers.
            prompt: The frames to continue, [time, keys]. None stands for one frame in which no key sounds.

        Raises:
            InputError: The prompt has another shape or numbers other than 0 and 1.
        """
        rng, states = np.random.default_rng(seed), self.start()
        p = np.zeros(self.keys)
        for frame in np.zeros((1, self.keys), np.uint8) if prompt is None else self._checked(np.asarray(prompt)):
            p, states = self.step(frame, states)
        drawn = np.empty((frames, self.keys), np.uint8)
        for place in range(frames):
            drawn[place] = rng.random(self.keys) < p
            p, states = self.step(drawn[place], states)
        return drawn

    def _checked(self, frames: NDArray[Any]) -> NDArray[np.uint8]:
        if frames.ndim != 2 or frames.shape[1] != self.keys or not len(frames):
            raise InputError(f"Frames must be an array [frames, {self.keys}], not of shape {list(frames.shape)}.")
        if frames.dtype.kind not in "biuf" or not ((frames == 0) | (frames == 1)).all():
            raise InputError("A frame must contain only 0 and 1. Write 1 where a key sounds, and 0 where not.")
        return frames.astype(np.uint8)

    def explainable(
        self, example: Any, *, label: str | None = None, against: str | None = None, step: int | None = None
    ) -> Explainable:
        frames = self._checked(np.asarray(example))
        step = require_step(step, len(frames))
        if against is not None:
            raise InputError(f"A key sounds or not, so it has no other alternative: leave {against!r} out.")
        probabilities = self.probabilities(frames)[step]
        names = [f"key {number}" for number in range(self.keys)]
        key = int(probabilities.argmax()) if label is None else _key_of(label, names)
        predicted = [names[number] for number in np.flatnonzero(probabilities > 0.5)]
        sounding = np.flatnonzero(frames.any(axis=0))

        def without(sets: Sequence[Collection[int]]) -> NDArray[np.uint8]:
            return np.stack([np.delete(frames, list(left_out), axis=0) for left_out in sets])

        return Explainable(
            frames[None],
            tuple(
                Step(str(number), numbers={names[own]: float(frame[own]) for own in sounding})
                for number, frame in enumerate(frames, 1)
            ),
            Output(names[key], key, f"not {names[key]}", step=step),
            ", ".join(predicted) or "no key",
            float(probabilities[key]),
            tuple(range(len(frames))) if len(frames) > 1 else (),
            without,
            ("Keys are numbered from 0. A step has the number 1 for each key that sounds, and 0 for the others.",),
        )

    def examples_from(self, given: Any, file: str | None, options: Mapping[str, Any]) -> list[Any]:
        if file is None:
            return list(given) if isinstance(given, list | tuple) else [given]
        if given is not None:
            raise InputError(f"Give either frames or --file {file}, not both.")
        source = read_rolls(file)
        rolls = next(rolls for rolls in (source.test, source.validation, source.train) if rolls is not None)
        return list(rolls.pieces)

    def read(self, data: str, options: Mapping[str, Any], limit: int | None) -> EvaluationSet:
        source = read_rolls(data)
        rolls = next(rolls for rolls in (source.test, source.validation, source.train) if rolls is not None)
        is_test = source.test is not None or source.validation is not None
        return self.evaluation_set(data, rolls, (), limit, is_test)._replace(name=source.name)

    def evaluation_set(
        self, name: str, examples: Rolls, notes: tuple[str, ...], limit: int | None, is_test: bool
    ) -> EvaluationSet:
        keys = examples.pieces[0].shape[1]
        if keys != self.keys:
            raise InputError(
                f"{name} has {keys} keys, but the model needs {self.keys}. Give rolls with {self.keys} keys."
            )
        return EvaluationSet(name, Rolls(examples.pieces[:limit]), self.prepared, notes, is_test)

    def predict_from(self, texts: Sequence[str] | None, file: str | None, options: Mapping[str, Any]) -> NoReturn:
        raise InputError("A piano roll model has no predictions. Measure it with `gatewright evaluate`.")

    def stream(self, prompt: str, **decoding: Any) -> NoReturn:
        raise InputError(
            "A piano roll model generates no text. Generate frames with "
            "gatewright.runtime.load(MODEL).generate(frames, seed)."
        )

    def output_activation(self) -> str:
        return "sigmoid"

    def describe(self) -> Description:
        return Description("keys", self.keys, f"piano rolls: {self.keys:,} keys")

    def answers(self) -> dict[str, Any]:
        return self.prepared.to_json()


def _key_of(label: str, names: Sequence[str]) -> int:
    """Return the number of a key, given its name or its number.

    Raises:
        InputError: There is no such key.
    """
    name = label if label in names else f"key {label}"
    if name not in names:
        raise InputError(f"{label!r} is not a key of the model: give one from {names[0]} to {names[-1]}.")
    return names.index(name)
