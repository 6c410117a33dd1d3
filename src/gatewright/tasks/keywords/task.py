"""Classification of recordings: one of two or more labels for each recording, such as a spoken word."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from gatewright.data.audio.features import Features
from gatewright.data.audio.normalization import Normalization, Per
from gatewright.data.batches import Batch
from gatewright.data.corpora.corpus import title
from gatewright.data.corpora.frames import common_rate, frames_of
from gatewright.data.corpora.splitting import divided
from gatewright.data.padding import beginnings, pad
from gatewright.data.widths import last_steps
from gatewright.nn.layer import Layer
from gatewright.nn.layers import Dense
from gatewright.support.errors import InputError
from gatewright.support.schema import Parsed, Size, Whole, read_as
from gatewright.tasks.base.baselines import logistic_regression
from gatewright.tasks.base.classes import balanced, require_examples, require_known, require_several, too_many_labels
from gatewright.tasks.base.labels import ClassifierPrepared, Labels, SingleLabel, label_set
from gatewright.tasks.base.splitting import TEST_FRACTION, VALIDATION_FRACTION, limit_note
from gatewright.tasks.base.stack import recurrent_stack
from gatewright.tasks.base.task import FittedBaseline, Length, Splits, Task
from gatewright.tasks.keywords.baseline import PARTS, summaries
from gatewright.tasks.keywords.examples import Recordings
from gatewright.tasks.keywords.layers import RecordingInput
from gatewright.tasks.keywords.reading import read_keywords
from gatewright.tasks.keywords.settings import MAX_STACK, KeywordSettings

# A recording that is longer than this many times what 99 % of them last is cut: padding it would cost too much memory.
_COMMON, _MAX_EXCESS = 0.99, 1.5


@dataclass(frozen=True)
class PreparedKeywords(ClassifierPrepared[Recordings]):
    """The labels and the features of a classifier of recordings, learned from the training set.

    Attributes:
        front_end: The features of recordings.
        normalization: The mean and the scale of each feature.
        stack: Number of frames that are joined to one time step.
        max_frames: Largest number of frames. Only the last frames of a longer recording are read.
        class_weights: "balanced" if all classes have the same total weight in the loss; "none" if all examples do.
    """

    front_end: Features
    normalization: Normalization
    stack: int
    max_frames: int
    class_weights: str = "none"

    unit: ClassVar[str] = "recordings"
    example_name: ClassVar[str] = "recordings"

    @property
    def features(self) -> int:
        return self.front_end.width * self.stack

    def encode(self, examples: Recordings, training: bool = False) -> Batch:
        """Return a batch whose inputs are normalized features and whose targets are classes.

        The inputs are [recordings, time, features], padded with NaN on the left. The targets are the numbers of the
        classes, [recordings].
        """
        return Batch(pad([self.steps(one) for one in examples.frames]), self.label_set.targets(examples.labels))

    def steps(self, frames: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the time steps of a recording, [steps, features], given its frames, [frames, bands].

        The first step may have fewer frames than the others. Its other numbers are 0, the mean of a feature.
        """
        normalized = self.normalization.apply(frames[-self.max_frames :])
        missing = -len(normalized) % self.stack
        whole = np.concatenate([np.zeros((missing, normalized.shape[1]), np.float32), normalized])
        return whole.reshape(-1, self.features)

    def lengths(self, batch: Batch) -> NDArray[np.intp]:
        return np.asarray(batch.inputs.shape[1] - beginnings(batch.inputs))

    def with_steps(self, batch: Batch, steps: int) -> Batch:
        return batch._replace(inputs=last_steps(batch.inputs, steps, np.nan))

    def raw_inputs(self, examples: Recordings) -> list[bytes]:
        return [np.ascontiguousarray(one, np.float32).tobytes() for one in examples.frames]

    def sample_weight(self, batch: Batch) -> NDArray[np.float32]:
        if self.class_weights == "none":
            return super().sample_weight(batch)
        return balanced(batch.targets, len(self.labels))

    def to_json(self) -> dict[str, Any]:
        return {
            "labels": list(self.labels),
            "features": self.front_end.to_json(),
            "normalization": self.normalization.to_json(),
            "stack": self.stack,
            "max_frames": self.max_frames,
        }

    @classmethod
    def from_json(cls, stored: Any) -> Self:
        read = read_as(_Stored, stored, "its prepared")
        if len(read.normalization.mean) != read.features.width:
            raise InputError(
                f"its normalization has {len(read.normalization.mean):,} features, but its frames have "
                f"{read.features.width:,}."
            )
        return cls(label_set(read.labels, False), read.features, read.normalization, read.stack, read.max_frames)


@dataclass(frozen=True)
class _Stored:
    """The contents of the entry `prepared` of a model file."""

    labels: Labels
    features: Annotated[Features, Parsed(Features.from_json)]
    normalization: Annotated[Normalization, Parsed(Normalization.from_json)]
    stack: Annotated[int, Whole(1, MAX_STACK)]
    max_frames: Size


@dataclass(frozen=True)
class ClassifyKeywords(Task[Recordings]):
    """The task of predicting one label for each recording.

    Padding never changes a prediction. If the data has no test set, a fifth of the data is used as one. If no
    validation data is given, a tenth of the training set is used instead. Both have speakers of their own if the data
    names five or more, except that the validation set has those of the training set if the test set has them too.
    Otherwise, the labels, and the speakers if they are known, have the same proportions in all sets.
    """

    settings: KeywordSettings

    length: ClassVar[Length] = Length(2_000, 10, 50)

    def read(self) -> Splits[Recordings]:
        corpus = read_keywords(self.data, self.options, self.validation, self.test)
        labels = {one.text for one in corpus.train}
        require_several(corpus.name, labels)
        if too_many_labels(labels, len(corpus.train)):
            raise InputError(
                f"{corpus.name} has {len(labels):,} different labels in {len(corpus.train):,} recordings, but a "
                "classifier needs several recordings of each class. For a table, choose the column of the classes with "
                "--label."
            )
        for part, given in (("validation", corpus.validation), ("test", corpus.test)):
            require_known(f"The {part} set of {corpus.name}", {one.text for one in given or ()}, labels)
        splits, notes = divided(corpus, VALIDATION_FRACTION, TEST_FRACTION, self.limit, labelled=True)
        if self.limit is not None:
            notes = (*notes, limit_note(self.limit, "recordings"))
        features = Features("log_mel", common_rate(splits["train"]), bands=self.settings.mel_bands)
        read = {}
        for part, utterances in splits.items():
            found = frames_of(title(part, corpus.name), utterances, features)
            read[part] = Recordings(found.frames, [one.text for one in found.utterances], features)
            notes = (*notes, *found.notes)
        train, validation, test = (read[part] for part in ("train", "validation", "test"))
        others = {part: (len(read[part]), set(read[part].labels)) for part in ("validation", "test")}
        require_examples(corpus.name, set(train.labels), others)
        cut = _cut_note([*train.frames, *validation.frames, *test.frames], self._max_frames(train), features)
        unique = tuple(dict.fromkeys((*notes, *cut)))
        return Splits(corpus.name, train, validation, test, unique, held_out=corpus.test is None)

    def _max_frames(self, train: Recordings) -> int:
        """Return the largest number of frames that is read of a recording."""
        if self.settings.max_seconds is not None:
            return max(1, round(self.settings.max_seconds / train.features.step_seconds))
        lengths = np.array([len(one) for one in train.frames])
        return int(min(lengths.max(), np.ceil(_MAX_EXCESS * np.quantile(lengths, _COMMON))))

    def prepare(self, splits: Splits[Recordings]) -> tuple[PreparedKeywords, KeywordSettings]:
        """Return the labels (in alphabetical order) and the features of the training set, and the settings."""
        train, settings = splits.train, self.settings
        longest = self._max_frames(train)
        per: Per = "utterance" if settings.normalization == "utterance" else "training"
        prepared = PreparedKeywords(
            SingleLabel(tuple(sorted(set(train.labels)))),
            train.features,
            Normalization.fit(train.frames, per),
            settings.stack,
            longest,
            settings.class_weights,
        )
        return prepared, replace(settings, max_seconds=longest * train.features.step_seconds)

    def network(self, prepared: PreparedKeywords, settings: Any) -> list[Layer]:
        """Return the layers of the network: an input layer, recurrent layers, pooling, and a linear map to the logits.

        `LabelSet` describes the logits.
        """
        # A change of the power by a factor adds a number to its logarithm, in all bands.
        decibel = math.log(10) / 10 / float(prepared.normalization.scale.mean())
        first = RecordingInput(
            noise=settings.input_noise,
            warp=settings.time_warp,
            shift=settings.time_shift,
            masks=settings.time_masks,
            level=settings.loudness * decibel,
            curve=settings.equalizer * decibel,
        )
        stack = recurrent_stack(settings, bidirectional=settings.bidirectional, pooling=settings.pooling)
        return [first, *stack, Dense(prepared.label_set.outputs)]

    def baseline(self, splits: Splits[Recordings], prepared: PreparedKeywords) -> FittedBaseline:
        """Return the test outputs of logistic regression on a summary of each mel band; see `baseline.summaries`."""
        longest, splits_read = prepared.max_frames, (splits.train, splits.validation, splits.test)
        cut = [[one[-longest:] for one in some.frames] for some in splits_read]
        classes, validation_classes = (prepared.label_set.targets(some.labels) for some in splits_read[:2])
        candidates = {PARTS: [summaries(frames) for frames in cut]}
        fitted = logistic_regression(candidates, classes, validation_classes, prepared.label_set)
        return FittedBaseline(
            "logistic regression",
            f"mean of each mel band in {PARTS} parts of the recording, minimum and maximum of each band, and the "
            f"duration; C = {fitted.C:g} chosen by {prepared.selection(len(splits.validation)).measures[0].title} on "
            "the validation set",
            fitted.outputs,
        )


def _cut_note(frames: Sequence[NDArray[np.float32]], longest: int, features: Features) -> list[str]:
    """Return a note if recordings are cut to the largest number of frames."""
    cut = sum(len(one) > longest for one in frames)
    if not cut:
        return []
    seconds, recordings = longest * features.step_seconds, "recording lasts" if cut == 1 else "recordings last"
    whose = "its" if cut == 1 else "their"
    return [
        f"{cut:,} of {len(frames):,} {recordings} longer than {seconds:.2f} s, and only {whose} last {seconds:.2f} s "
        "are read; --max-seconds changes this."
    ]
