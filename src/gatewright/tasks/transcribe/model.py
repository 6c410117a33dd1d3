"""Trained transcribers."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, NoReturn

import numpy as np
from numpy.typing import NDArray

from gatewright.data.corpora.reading import has_test_set
from gatewright.nn.file import Relation
from gatewright.nn.layer import Activations, Layer
from gatewright.nn.layers import Dropout, Recurrent
from gatewright.support.errors import InputError
from gatewright.tasks.base.model import Description, EvaluationSet, TrainedModel
from gatewright.tasks.base.stack import outputs_fit, settings_fit, stack_fits
from gatewright.tasks.transcribe.layers import CtcOutput, SpeechInput
from gatewright.tasks.transcribe.reading import read_evaluated
from gatewright.tasks.transcribe.speech import Speech
from gatewright.tasks.transcribe.task import PreparedSpeech


class Transcriber(TrainedModel):
    """A trained transcriber.

    Attributes:
        prepared: The features, the alphabet and the settings of decoding.
        training: The settings and results of the training run.
    """

    command: ClassVar[str] = "transcribe"
    used_with: ClassVar[str] = "transcribe"
    prepared_class = PreparedSpeech
    layer_classes = (SpeechInput, Recurrent, Dropout, CtcOutput)
    layer_order = "speech_input (recurrent dropout?)+ ctc_output"

    prepared: PreparedSpeech

    @classmethod
    def relations(
        cls, layers: Sequence[Layer], prepared: PreparedSpeech, training: Mapping[str, Any]
    ) -> Iterator[Relation]:
        yield from settings_fit(layers, training)
        yield from stack_fits(layers, sequences=True, bidirectional=True)
        yield outputs_fit(1 + prepared.alphabet.symbols, layers)
        for layer in layers:
            if isinstance(layer, SpeechInput):
                yield Relation("number of frames in a step", prepared.stack, layer.stack)

    @property
    def bidirectional(self) -> bool:
        """True if the network needs the whole utterance at once."""
        return any(isinstance(layer, Recurrent) and layer.bidirectional for layer in self._layers)

    def log_probs(self, frames: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the log probabilities of the blank and all symbols at each step, [steps, 1 + symbols].

        Args:
            frames: The features of an utterance as `prepared.front_end` computes them, or given cepstra, [frames,
                width].

        Raises:
            InputError: The frames have another width, or the network computes a number that is not finite.
        """
        outputs, _ = self._forward(Activations(self.prepared.inputs(frames)[None]))
        found: NDArray[np.float32] = outputs["log_probs"][0]
        return found

    def read(self, data: str, options: Mapping[str, Any], limit: int | None) -> EvaluationSet:
        features = self.prepared.front_end
        (speech, own), notes = self.trained_data.read(
            lambda options: read_evaluated(data, options, features, limit), data, options
        )
        return self.evaluation_set(data, speech, (*own, *notes), limit, has_test_set(data))

    def evaluation_set(
        self, name: str, examples: Speech, notes: tuple[str, ...], limit: int | None, is_test: bool
    ) -> EvaluationSet:
        if examples.features != self.prepared.front_end:
            raise InputError("The utterances have other features than those that the model reads.")
        return EvaluationSet(name, examples.take(range(len(examples))[:limit]), self.prepared, notes, is_test)

    def predict_from(self, texts: Sequence[str] | None, file: str | None, options: Mapping[str, Any]) -> NoReturn:
        raise InputError("A transcriber has no predictions. Transcribe recordings with `gatewright transcribe`.")

    def describe(self) -> Description:
        prepared = self.prepared
        front = prepared.front_end
        what = "given cepstra" if front is None else f"{front.kind} of recordings at {front.rate:,} Hz"
        return Description("speech", prepared.features, f"speech: {what}, {prepared.features:,} features a frame")

    def answers(self) -> dict[str, Any]:
        return {
            "symbols": self.prepared.alphabet.symbols,
            "tokens": self.prepared.alphabet.encoder.kind,
            "live": not self.bidirectional,
        }
