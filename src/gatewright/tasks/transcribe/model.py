"""Trained transcribers."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, NoReturn

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gatewright.data.audio.features import Features
from gatewright.data.audio.recording import rate_note, read_recording
from gatewright.data.audio.resampling import resampled
from gatewright.data.audio.samples import require_rate, samples_of
from gatewright.data.corpora.cepstra import is_cepstra, read_cepstra
from gatewright.data.corpora.corpus import data_name
from gatewright.nn.file import Relation
from gatewright.nn.layer import Activations, Layer
from gatewright.nn.layers import Dropout, Recurrent
from gatewright.results.sound import Spectrogram
from gatewright.results.spoken import SpokenExplanation
from gatewright.results.transcript import Transcript
from gatewright.support.errors import InputError
from gatewright.support.progress import print_status
from gatewright.tasks.base.model import Description, EvaluationSet, TrainedModel
from gatewright.tasks.base.spectrogram import spectrogram
from gatewright.tasks.base.stack import outputs_fit, settings_fit, stack_fits
from gatewright.tasks.transcribe.decoding import Decoder, decoded, decoder
from gatewright.tasks.transcribe.explaining import explained_transcript
from gatewright.tasks.transcribe.greedy import GreedySearch
from gatewright.tasks.transcribe.layers import CtcOutput, SpeechInput
from gatewright.tasks.transcribe.reading import read_evaluated
from gatewright.tasks.transcribe.speech import Speech
from gatewright.tasks.transcribe.streaming import Stream
from gatewright.tasks.transcribe.task import PreparedSpeech
from gatewright.tasks.transcribe.words import transcript_of


class _Utterance(NamedTuple):
    """An utterance in a file.

    Attributes:
        frames: Its features, [frames, width].
        seconds: The length of the recording. None for that of the frames.
        samples: Its samples at the rate of the model, [samples]. None for cepstra.
    """

    frames: NDArray[np.float32]
    seconds: float | None
    samples: NDArray[np.float32] | None


class Transcriber(TrainedModel):
    """A trained transcriber.

    Attributes:
        prepared: The features, the alphabet and the settings of decoding.
        training: The settings and results of the training run.
    """

    command: ClassVar[str] = "transcribe"
    used_with: ClassVar[str] = "transcribe"
    explained_by_alignment: ClassVar[bool] = True
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

    @property
    def sample_rate(self) -> int:
        return self._front_end.rate

    @property
    def is_live(self) -> bool:
        """True if the model can transcribe sound while it arrives."""
        return not self.bidirectional and self.prepared.normalization.per == "training"

    def decoder(self, decoding: str | None = None, beam: int | None = None) -> Decoder:
        """Return a decoder of transcripts.

        Args:
            decoding: The method; see `decoding.Decoding`. None for that of the training.
            beam: Number of transcripts that prefix beam search keeps. None for that of the training.

        Raises:
            InputError: A setting cannot be used.
        """
        prepared = self.prepared
        if decoding is None and beam is None:
            return prepared.decoder
        method = prepared.decoding.method if decoding is None else decoding
        if beam is not None and method == "greedy":
            raise InputError(
                f"The beam {beam} is for the decodings beam and lexicon: leave it out for greedy decoding."
            )
        own = replace(prepared.decoding, method=method, beam=prepared.decoding.beam if beam is None else beam)
        return decoder(prepared.alphabet, own, prepared.ngrams)

    def transcribe(  # type: ignore[override]  # models that do not transcribe have no settings
        self, samples: ArrayLike, rate: int, *, decoding: str | None = None, beam: int | None = None
    ) -> Transcript:
        """Return the transcript of a recording. It does not depend on other recordings.

        Args:
            samples: The samples of one channel, [samples]: floating-point numbers with full scale 1.0, or whole numbers
                of 16 or 32 bits.
            rate: The sample rate in Hz. Another rate than that of the model is converted.
            decoding, beam: See `decoder`. By default those of the training.

        Raises:
            InputError: The samples or a setting cannot be used.
        """
        require_rate(rate)
        return self._transcript_of_sound(samples_of(samples), int(rate), self.decoder(decoding, beam), "")

    def transcriptions(  # type: ignore[override]
        self, paths: Iterable[str | Path], *, decoding: str | None = None, beam: int | None = None
    ) -> Iterator[Transcript]:
        """Yield the transcripts of recordings in files. Notes are printed.

        Args:
            paths: The files: recordings, or cepstra (.mfc) if the model reads these.
            decoding, beam: See `decoder`. By default those of the training.

        Raises:
            InputError: A file or a setting cannot be used.
            ImportError: The format of a recording needs a package that is not installed.
        """
        chosen, noted = self.decoder(decoding, beam), set[int]()
        for path in map(Path, paths):
            utterance = self._read(path, noted)
            yield self._transcript(utterance.frames, self._seconds(utterance), chosen, str(path))

    def stream(  # type: ignore[override]  # a language model streams text
        self, rate: int | None = None, *, decoding: str | None = None, beam: int | None = None
    ) -> Stream:
        """Return a transcription of sound that arrives in chunks.

        Args:
            rate: The sample rate of the sound in Hz, which must be that of the model, `sample_rate`. None for this.
            decoding, beam: See `decoder`. By default those of the training.

        Raises:
            InputError: The model needs whole recordings or sound of another rate, or a setting cannot be used.
        """
        if rate not in (None, self.sample_rate):
            raise InputError(
                f"The model reads sound of {self.sample_rate:,} Hz while it arrives, not of {rate!r}: convert it."
            )
        if not self.is_live:
            raise InputError(
                "The model needs the whole recording at once, so it cannot transcribe sound while it arrives. Train a "
                "model with --no-bidirectional for this."
            )
        return Stream(self.prepared, self._front_end, self.decoder(decoding, beam), self._step, self._stepper.start())

    def continuation(self, prompt: str, **decoding: Any) -> NoReturn:
        raise self._unlike("a language model")

    @property
    def _front_end(self) -> Features:
        if self.prepared.front_end is None:
            raise InputError("The model reads files of cepstra (.mfc), not sound. Give such files.")
        return self.prepared.front_end

    def spoken(self, name: str, example: Any) -> SpokenExplanation:
        if not isinstance(example, str | os.PathLike):
            raise InputError(
                f"A transcript is explained for the path of a recording, not for {type(example).__name__}. Give a path."
            )
        path, prepared = Path(example), self.prepared
        utterance = self._read(path, set())
        if not len(utterance.frames):
            raise InputError(f"{path} has no sound to explain. Give a longer recording.")
        log_probs, decoder = self.log_probs(utterance.frames), self.decoder()
        return explained_transcript(
            name,
            decoded(decoder, log_probs),
            log_probs,
            prepared.alphabet,
            prepared.step_seconds,
            self._spectrogram(utterance),
            self._seconds(utterance),
            str(path),
            searched=not isinstance(decoder, GreedySearch),
        )

    def _spectrogram(self, utterance: _Utterance) -> Spectrogram:
        """Return the spectrogram of a recording, or given cepstra without their slopes."""
        frames, prepared, features = utterance.frames, self.prepared, self.prepared.front_end
        if features is None or utterance.samples is None:
            cepstra = prepared.inputs(frames)[:, : frames.shape[1]].astype(np.float64)
            return Spectrogram(cepstra, (), prepared.step_seconds / prepared.stack)
        if features.kind == "log_mel":
            return spectrogram(frames, features)
        mel = Features("log_mel", features.rate, features.bands)
        return spectrogram(mel.frames(utterance.samples), mel)

    def examples_from(self, given: Any, file: str | None, options: Mapping[str, Any]) -> list[Any]:
        if file is not None:
            raise InputError(f"Recordings are given without --file: give {file} alone.")
        return list(given) if isinstance(given, list | tuple) else [given]

    def _read(self, path: Path, noted: set[int]) -> _Utterance:
        """Return the utterance in a file, and print notes about it.

        Args:
            path: The file.
            noted: Sample rates that a note has been printed about. That of the file is added.

        Raises:
            InputError: The file cannot be read, or is not of the kind that the model reads.
        """
        if self.prepared.front_end is None:
            if not is_cepstra(path):
                raise InputError(f"The model reads files of cepstra (.mfc), but {path} is none. Convert it to them.")
            return _Utterance(read_cepstra(path), None, None)
        if is_cepstra(path):
            raise InputError(f"{path} is a file of cepstra, but the model reads recordings. Give a recording.")
        recording = read_recording(path)
        new_rate = () if recording.rate in noted else rate_note(str(path), recording.rate, self.sample_rate)
        for note in (*recording.notes, *new_rate):
            print_status(note)
        noted.add(recording.rate)
        samples = resampled(recording.samples, recording.rate, self.sample_rate)
        seconds = len(recording.samples) / recording.rate
        return _Utterance(self._front_end.frames(samples), seconds, samples)

    def _seconds(self, utterance: _Utterance) -> float:
        if utterance.seconds is not None:
            return utterance.seconds
        return len(utterance.frames) * self.prepared.step_seconds / self.prepared.stack

    def _transcript_of_sound(self, samples: NDArray[np.float32], rate: int, decoder: Decoder, name: str) -> Transcript:
        frames = self._front_end.frames(resampled(samples, rate, self.sample_rate))
        return self._transcript(frames, len(samples) / rate, decoder, name)

    def _transcript(self, frames: NDArray[np.float32], seconds: float, decoder: Decoder, name: str) -> Transcript:
        """Return the transcript of an utterance.

        Args:
            frames: See `log_probs`. There may be none.
            seconds: The length of the recording.
            decoder: The decoder.
            name: The name of the file.
        """
        prepared = self.prepared
        if not len(frames):
            return Transcript("", (), 0.0, seconds, name)
        log_probs = self.log_probs(frames)
        found = decoded(decoder, log_probs)
        return transcript_of(found, log_probs, prepared.alphabet, prepared.step_seconds, seconds, name)

    def read(self, data: str, options: Mapping[str, Any], limit: int | None) -> EvaluationSet:
        features = self.prepared.front_end
        (speech, own, is_test), notes = self.trained_data.read(
            lambda options: read_evaluated(data, options, features, limit), data, options
        )
        return self.evaluation_set(data_name(data), speech, (*own, *notes), limit, is_test)

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
