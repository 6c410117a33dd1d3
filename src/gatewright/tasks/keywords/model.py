"""Trained classifiers of recordings."""

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gatewright.data.audio.recording import rate_note, read_recording
from gatewright.data.audio.resampling import resampled
from gatewright.data.audio.samples import require_rate, samples_of
from gatewright.data.batches import Batch
from gatewright.data.corpora.corpus import data_name
from gatewright.data.corpora.frames import frames_of
from gatewright.data.padding import beginnings, pad
from gatewright.nn.file import Relation
from gatewright.nn.layer import Layer
from gatewright.nn.layers import Dense, Dropout, Pool, Recurrent
from gatewright.results.explanation import Step
from gatewright.results.sound import Sound
from gatewright.support.errors import InputError, as_input_errors
from gatewright.support.progress import print_status, with_progress
from gatewright.tasks.base.classes import require_known_labels
from gatewright.tasks.base.explainable import Explainable, label_output
from gatewright.tasks.base.model import Description, EvaluationSet, TrainedModel
from gatewright.tasks.base.prediction import Prediction, predictions
from gatewright.tasks.base.spectrogram import spectrogram
from gatewright.tasks.base.stack import outputs_fit, settings_fit, stack_fits
from gatewright.tasks.keywords.examples import Recordings
from gatewright.tasks.keywords.layers import RecordingInput
from gatewright.tasks.keywords.reading import read_to_evaluate, recordings_in
from gatewright.tasks.keywords.task import PreparedKeywords

Frames: TypeAlias = NDArray[np.float32]


class KeywordClassifier(TrainedModel):
    """A trained classifier of recordings.

    Attributes:
        prepared: The labels, the features of recordings, and the longest part that is read of a recording.
        training: The settings and the results of the training.
    """

    command: ClassVar[str] = "classify"
    prepared_class = PreparedKeywords
    layer_classes = (RecordingInput, Dropout, Recurrent, Pool, Dense)
    layer_order = "recording_input (recurrent dropout?)* recurrent pool? dropout? dense"

    prepared: PreparedKeywords

    @classmethod
    def relations(
        cls, layers: Sequence[Layer], prepared: PreparedKeywords, training: Mapping[str, Any]
    ) -> Iterator[Relation]:
        yield from stack_fits(layers, sequences=any(isinstance(layer, Pool) for layer in layers), bidirectional=True)
        yield from settings_fit(layers, training)
        yield outputs_fit(prepared.label_set.outputs, layers)

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of the classes, in the order of the columns of `probabilities`."""
        return self.prepared.labels

    @property
    def rate(self) -> int:
        """The sample rate in Hz of the recordings that the network reads. Others are resampled."""
        return self.prepared.front_end.rate

    def predict(self, recordings: Any, rate: int | None = None) -> Prediction | list[Prediction]:
        """Return the prediction for one recording, or a list of predictions for several recordings.

        A prediction does not depend on the other recordings.

        Args:
            recordings: The path of a recording, or with `rate` its samples; or a list of paths or of arrays. Samples
                are an array [samples] of floating-point numbers with full scale 1.0, or of whole numbers of 16 or 32
                bits.
            rate: The sample rate of the arrays in Hz.

        Raises:
            InputError: A recording cannot be read, or samples have the wrong shape or are not finite.
        """
        given, is_one = _as_list(recordings)
        found = predictions(self.prepared.label_set, self._probabilities(self._frames(given, rate)))
        return found[0] if is_one else found

    def probabilities(self, recordings: Any, rate: int | None = None) -> NDArray[np.float64]:
        """Return the probability of each label for each recording, [recordings, labels], in the order of `labels`.

        The arguments are as for `predict`. For one recording, the result is [1, labels].

        Raises:
            InputError: A recording cannot be read, or samples have the wrong shape or are not finite.
        """
        return self._probabilities(self._frames(_as_list(recordings)[0], rate))

    @as_input_errors()
    def _frames(self, recordings: Sequence[Any], rate: int | None = None) -> list[Frames]:
        """Return the frames of recordings, and print notes about them."""
        frames, noted = [], {self.rate}
        for one in with_progress(recordings, "recordings read"):
            if rate is None:
                if not isinstance(one, str | os.PathLike):
                    raise InputError(
                        "A recording must be the path of a file, or with rate an array of samples, not "
                        f"{type(one).__name__}."
                    )
                read = read_recording(Path(one))
                for note in (*read.notes, *(() if read.rate in noted else rate_note(str(one), read.rate, self.rate))):
                    print_status(note)
                noted.add(read.rate)
                samples, own = read.samples, read.rate
            else:
                require_rate(rate)
                samples, own = samples_of(one), rate
                if not len(samples):
                    raise InputError("A recording has no samples. Give at least one.")
            frames.append(self.prepared.front_end.frames(resampled(samples, own, self.rate)))
        return frames

    def _probabilities(self, frames: Sequence[Frames]) -> NDArray[np.float64]:
        if not frames:
            return np.empty((0, len(self.labels)))
        return self.prepared.label_set.probabilities(self._outputs(pad([self.prepared.steps(one) for one in frames])))

    def outputs(self, batch: Batch, progress: bool = False) -> NDArray[np.float64]:
        return self._outputs(batch.inputs)

    def _outputs(self, x: Frames) -> NDArray[np.float64]:
        """Return the logits, [recordings, outputs], for padded time steps, [recordings, time, features]."""
        return self.outputs_by_length(x, x.shape[1] - beginnings(x), "recordings")

    def explainable(
        self, example: Any, *, label: str | None = None, against: str | None = None, step: int | None = None
    ) -> Explainable:
        if step is not None:
            raise InputError(
                "The model gives one answer for the whole recording, so no step can be chosen: leave it out."
            )
        frames = self._frames([example])[0]
        read = self.prepared.steps(frames)
        probabilities = self._probabilities([frames])[0]
        output = label_output(self.prepared.label_set, probabilities, label, against)
        sound = self._sound(frames, len(read))
        steps = _named(sound)

        def without(sets: Sequence[Collection[int]]) -> Frames:
            return pad([np.delete(read, list(left_out), axis=0) for left_out in sets])

        return Explainable(
            read[None],
            steps,
            output,
            str(predictions(self.prepared.label_set, probabilities[None])[0]),
            probabilities[self.labels.index(output.name)],
            tuple(range(len(read))),
            without,
            self._limits(len(frames)),
            sound=sound,
        )

    def _sound(self, frames: Frames, steps: int) -> Sound:
        """Return a recording, given its frames and the number of time steps that are read of it."""
        stack, seconds = self.prepared.stack, self.prepared.front_end.step_seconds
        places = len(frames) - stack * np.arange(steps, -1, -1)
        borders = places.clip(0) * seconds
        return Sound(spectrogram(frames, self.prepared.front_end), borders[:-1], borders[1:])

    def _limits(self, frames: int) -> tuple[str, ...]:
        """Return a sentence if only the end of a recording is read."""
        seconds = self.prepared.front_end.step_seconds
        before = frames - self.prepared.max_frames
        if before <= 0:
            return ()
        return (
            f"The model reads the last {self.prepared.max_frames * seconds:.2f} s of a recording. "
            f"{before * seconds:.2f} s before are not read.",
        )

    def read(self, data: str, options: Mapping[str, Any], limit: int | None) -> EvaluationSet:
        name = data_name(data)
        (utterances, notes, is_test), own = self.trained_data.read(
            lambda options: read_to_evaluate(data, options), name, options
        )
        found = frames_of(name, utterances[:limit], self.prepared.front_end)
        examples = Recordings(found.frames, [one.text for one in found.utterances], self.prepared.front_end)
        return self.evaluation_set(name, examples, (*notes, *own, *found.notes), None, is_test)

    def evaluation_set(
        self, name: str, examples: Recordings, notes: tuple[str, ...], limit: int | None, is_test: bool
    ) -> EvaluationSet:
        examples = examples.take(range(len(examples))[:limit])
        require_known_labels(self.labels, name, sorted(set(examples.labels)), "those recordings")
        return EvaluationSet(name, examples, self.prepared, notes, is_test)

    def predict_from(
        self, texts: Sequence[str] | None, file: str | None, options: Mapping[str, Any]
    ) -> list[Prediction]:
        return predictions(
            self.prepared.label_set, self._probabilities(self._frames(self.examples_from(texts, file, options)))
        )

    def examples_from(self, given: Any, file: str | None, options: Mapping[str, Any]) -> list[Any]:
        if file is None:
            if given is None:
                raise InputError("No recording is given. Give the paths of recordings, or a table of them with --file.")
            return list(_as_list(given)[0])
        if given is not None:
            raise InputError(f"Recordings and --file {file} are both given. Leave one of them out.")
        found, notes = self.trained_data.read(lambda options: recordings_in(file, options), file, options)
        for note in notes:
            print_status(note)
        return found

    def output_activation(self) -> str:
        return self.prepared.label_set.activation

    def describe(self) -> Description:
        front_end = self.prepared.front_end
        step = self.prepared.stack * front_end.step_seconds * 1000
        reads = f"recordings at {front_end.rate:,} Hz: {front_end.bands:,} mel bands, in steps of {step:g} ms"
        return Description(front_end.kind, self.prepared.features, reads)

    def answers(self) -> dict[str, Any]:
        longest = self.prepared.max_frames * self.prepared.front_end.step_seconds
        return {**self.prepared.label_set.to_json(), "max_seconds": longest}


def _named(sound: Sound) -> tuple[Step, ...]:
    """Return the time steps of a recording, named by where they begin, with the level of the sound."""
    picture = sound.spectrogram
    borders = np.round(np.append(sound.starts, sound.ends[-1:]) / picture.frame_seconds).astype(int)
    # The mean of the power of all bands.
    power = np.power(10, picture.values / 10).mean(axis=1)
    return tuple(
        Step(f"{start:.2f} s", numbers={"mean level in dB": float(10 * np.log10(power[first:after].mean()))})
        for start, first, after in zip(sound.starts.tolist(), borders[:-1], borders[1:], strict=True)
    )


def _as_list(recordings: Any) -> tuple[Sequence[Any], bool]:
    """Return recordings as a list, and True if there was only one that was not in a list."""
    if isinstance(recordings, list | tuple):
        return recordings, False
    return [recordings], True
