"""Transcription: predict the characters of an utterance from its features over time."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Annotated, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from gatewright.data.audio.features import Features, with_deltas
from gatewright.data.audio.normalization import Normalization
from gatewright.data.batches import Batch
from gatewright.data.contents import content_hash
from gatewright.data.limits import max_bytes
from gatewright.data.widths import first_steps
from gatewright.nn.layer import Layer, Weights
from gatewright.results.measure import Measure, Selection
from gatewright.results.records import DetailTable
from gatewright.support.errors import InputError
from gatewright.support.progress import Ticker, print_status
from gatewright.support.schema import Parsed, Size, Whole, fields_of, read_as
from gatewright.support.trees import Tree
from gatewright.tasks.base.stack import recurrent_stack
from gatewright.tasks.base.task import FittedBaseline, Length, Prepared, Splits, Task
from gatewright.tasks.base.text_arrays import as_bytes, as_texts
from gatewright.tasks.transcribe import ctc
from gatewright.tasks.transcribe.alphabet import BYTES, Alphabet
from gatewright.tasks.transcribe.decoding import Decoder, Decoding, decoded, decoder
from gatewright.tasks.transcribe.fitting import FRAME_SECONDS, note_on_rare, note_on_unknown, without_unfit
from gatewright.tasks.transcribe.greedy import GreedySearch
from gatewright.tasks.transcribe.language import learn_language
from gatewright.tasks.transcribe.layers import MAX_STACK, CtcOutput, SpeechInput
from gatewright.tasks.transcribe.measures import CER_GREEDY, LOSS, MEASURES, measured, rate_of, statistics, word_errors
from gatewright.tasks.transcribe.ngrams import Ngrams
from gatewright.tasks.transcribe.reading import read_speech
from gatewright.tasks.transcribe.speech import Speech
from gatewright.tasks.transcribe.symbols import BLANK
from gatewright.tasks.transcribe.tables import error_tables
from gatewright.tasks.transcribe.tuning import tuned_decoding

_LANGUAGE_MODEL = "language_model"
_NUMBER_BYTES = 4
# Inputs may become this many times as large by padding, whatever their size.
_MAX_PADDED = 4


@dataclass(frozen=True)
class PreparedSpeech(Prepared[Speech]):
    """The encoding of utterances as inputs of a network, and the decoding of its outputs as transcripts.

    Inputs are scaled features, [examples, frames, width], padded on the right with NaN. Targets are a dict: `ids`, the
    symbols of each transcript, [examples, symbols], padded with 0 on the right; `steps`, the number of steps of the
    network for each utterance, [examples]; and `reference`, the normalized transcript as bytes in UTF-8, [examples,
    bytes]. The outputs are a dict:

        log_probs  see `CtcOutput`; `complete` replaces them with
        losses     the CTC loss of each transcript in nats, [examples], 0 if the transcript does not fit the steps
        text       the transcripts as bytes in UTF-8, [examples, bytes]
        greedy     the transcripts of greedy decoding in the same form

    Attributes:
        alphabet: The symbols of the training transcripts.
        front_end: The features that are computed from recordings. None if the network reads given cepstra.
        deltas: The orders of slopes that are added to given cepstra.
        normalization: The scales of the features.
        stack: Number of frames in a step.
        max_symbols: Number of symbols of the longest training transcript.
        decoding: How transcripts are found.
        ngrams: The language model, whose words are the lexicon.
        notes: Sentences about the training utterances for reports.
        open_weights: The names of those weights of `decoding` that the validation set is to choose.
    """

    alphabet: Alphabet
    front_end: Features | None
    deltas: int
    normalization: Normalization
    stack: int
    max_symbols: int
    decoding: Decoding
    ngrams: Ngrams | None
    notes: tuple[str, ...] = ()
    open_weights: tuple[str, ...] = ()

    measures = MEASURES
    score_label = ""
    unit: ClassVar[str] = "utterances"
    batches_by_length: ClassVar[bool] = True

    @property
    def example_name(self) -> str:
        return "utterances"

    @property
    def loss_measure(self) -> Measure:
        return LOSS

    @property
    def features(self) -> int:
        return len(self.normalization.mean)

    @property
    def step_seconds(self) -> float:
        """The time from one step of the network to the next."""
        return self.stack * (FRAME_SECONDS if self.front_end is None else self.front_end.step_seconds)

    def selection(self, examples: int) -> Selection:
        return Selection((CER_GREEDY, LOSS), "because it is quicker to compute than WER and has finer steps")

    def for_epochs(self) -> Self:
        return replace(self, decoding=Decoding("greedy"))

    def tuned(self, outputs: Callable[[], Tree], batch: Batch) -> tuple[Self, tuple[str, ...]]:
        if not self.open_weights:
            return self, ()
        references = as_texts(batch.targets["reference"])
        chosen, note = tuned_decoding(
            self.alphabet, self.decoding, self.ngrams, self.open_weights, _live(outputs(), batch), references
        )
        return replace(self, decoding=chosen, open_weights=()), (note,)

    @cached_property
    def decoder(self) -> Decoder:
        """The decoder of transcripts."""
        return decoder(self.alphabet, self.decoding, self.ngrams)

    def inputs(self, frames: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return what the network reads of an utterance without padding, [frames, features].

        Args:
            frames: The features as `front_end` computes them, or given cepstra, [frames, width].

        Raises:
            InputError: The frames have another width.
        """
        frames = with_deltas(frames, self.deltas) if self.front_end is None else frames
        if frames.shape[1] != self.features:
            raise InputError(
                f"The utterances have {frames.shape[1]:,} features, but the model reads {self.features:,}. Give "
                "utterances like those of the training."
            )
        scaled: NDArray[np.float32] = self.normalization.apply(frames)
        return scaled

    def encode(self, examples: Speech, training: bool = False) -> Batch:
        """Return the inputs and targets. In training, utterances whose transcript does not fit are left out.

        Raises:
            InputError: There is no utterance, none that fits, or one is so long that padding the others to its length
                needs more than `--max-input`.
        """
        if not len(examples):
            raise InputError("A split has no utterance. Add utterances to it.")
        examples = without_unfit(examples, self.alphabet, self.stack)[0] if training else examples
        lengths = np.array([len(frames) for frames in examples.frames])
        self._require_size(examples, lengths)
        inputs = np.full((len(examples), lengths.max(), self.features), np.nan, np.float32)
        for row, frames in zip(inputs, examples.frames, strict=True):
            row[: len(frames)] = self.inputs(frames)
        texts = [self.alphabet.normalized(text) for text in examples.texts]
        targets = {
            "ids": _rows([self.alphabet.encode(text) for text in texts]),
            "steps": (-(-lengths // self.stack)).astype(np.int32),
            "reference": as_bytes(texts),
        }
        return Batch(inputs, targets)

    def _require_size(self, examples: Speech, lengths: NDArray[np.intp]) -> None:
        """Raise an error if most of the memory of the inputs is padding, and they are larger than `--max-input`."""
        longest, size = int(lengths.argmax()), int(lengths.max()) * len(lengths) * self.features * _NUMBER_BYTES
        if size > max_bytes() and lengths.max() > _MAX_PADDED * lengths.mean():
            raise InputError(
                f"{len(lengths):,} utterances that are padded to the longest, {examples.names[longest]} with "
                f"{lengths[longest] * FRAME_SECONDS:,.1f} seconds, need {size / 1e9:,.3g} GB, more than the maximum of "
                f"{max_bytes() / 1e9:g} GB. Cut it into sentences, or raise the maximum with --max-input."
            )

    def raw_inputs(self, examples: Speech) -> list[bytes]:
        return [frames.tobytes() for frames in examples.frames]

    def lengths(self, batch: Batch) -> NDArray[np.intp]:
        found: NDArray[np.intp] = (~np.isnan(batch.inputs[:, :, 0])).sum(axis=1)
        return found

    def with_steps(self, batch: Batch, steps: int) -> Batch:
        # Only training reads the symbols, and a training transcript has no more of them than it has steps. The network
        # does not read the references, whose widths differ between splits.
        ids = first_steps(batch.targets["ids"], min(self._stacked(steps), self.max_symbols), BLANK)
        return Batch(first_steps(batch.inputs, steps, np.nan), {"ids": ids})

    def outputs_like(self, outputs: Tree, batch: Batch) -> Tree:
        return {**outputs, "log_probs": first_steps(outputs["log_probs"], self._stacked(batch.inputs.shape[1]))}

    def _stacked(self, frames: int) -> int:
        return -(-frames // self.stack)

    def complete(self, outputs: Tree, layers: Sequence[Layer], weights: Sequence[Weights], batch: Batch) -> Tree:
        return self.transcribed(_live(outputs, batch), batch.targets["ids"])

    def transcribed(self, utterances: Sequence[NDArray[np.float32]], ids: NDArray[np.int32]) -> Tree:
        """Return the outputs with losses and transcripts.

        Args:
            utterances: The log probabilities of each utterance without padding, [steps, 1 + symbols].
            ids: The symbols of the correct transcripts, [utterances, symbols], padded with 0 on the right.
        """
        losses = ctc.losses_of(utterances, ids)
        greedy = as_bytes([self._text(GreedySearch(), one) for one in utterances])
        if not greedy.size:
            print_status(
                "The most probable output is the blank at all steps, so that the transcripts are empty. This is normal "
                "in the first epochs, until the loss has fallen; if it lasts, train for more epochs."
            )
        if self.decoding.method == "greedy":
            return {"losses": losses, "text": greedy, "greedy": greedy}
        texts, ticker = [], Ticker()
        for one in utterances:
            texts.append(self._text(self.decoder, one))
            if ticker.due():
                print_status(f"{len(texts):,} of {len(utterances):,} utterances are transcribed.")
        return {"losses": losses, "text": as_bytes(texts), "greedy": greedy}

    def _text(self, decoder: Decoder, log_probs: NDArray[np.float32]) -> str:
        return self.alphabet.decode(decoded(decoder, log_probs).ids)

    def sample_weight(self, batch: Batch) -> NDArray[np.float32]:
        """Return the weight of each utterance, [examples]: the number of its symbols."""
        return np.asarray((batch.targets["ids"] != BLANK).sum(axis=1).clip(1), np.float32)

    def losses(self, outputs: Tree, targets: Tree) -> Any:
        from gatewright.nn.backend import jax_backend

        log_probs, ids = outputs["log_probs"], targets["ids"]
        live = log_probs.min(axis=2) < 0  # they are 0 at padding alone
        return ctc.losses(jax_backend(), log_probs, live, ids) / (ids != BLANK).sum(axis=1).clip(1)

    def measure(self, outputs: Tree, targets: Tree) -> dict[str, float]:
        """Return the metrics of the transcripts, and the mean loss per symbol in nats of those that fit their steps."""
        fits = ctc.needed_steps(targets["ids"]) <= targets["steps"]
        symbols = (targets["ids"][fits] != BLANK).sum()
        loss = float(np.asarray(outputs["losses"], np.float64)[fits].sum() / max(1, symbols)) if fits.any() else np.nan
        texts = (as_texts(tree) for tree in (targets["reference"], outputs["text"], outputs["greedy"]))
        return {**measured(*texts), LOSS.name: loss}

    @property
    def corpus_score(self) -> Callable[[NDArray[Any]], float]:
        """The word error rate. Its bootstrap over utterances is that of Bisani & Ney 2004, "Bootstrap Estimates for
        Confidence Intervals in ASR Performance Evaluation"."""
        return rate_of

    def scores(self, outputs: Tree, targets: Tree) -> NDArray[np.int64]:
        return statistics(word_errors(as_texts(targets["reference"]), as_texts(outputs["text"])))

    def constant(self, targets: Tree, train: Tree | None = None) -> tuple[Tree, str]:
        known = as_texts((targets if train is None else train)["reference"])
        (text, _), *_ = Counter(known).most_common(1)
        return self.outputs_of([text] * len(targets["ids"])), "the most frequent transcript"

    def outputs_of(self, texts: Sequence[str]) -> Tree:
        """Return transcripts in the form of the network's outputs, without losses, which are NaN."""
        return {
            "losses": np.full(len(texts), np.nan, np.float32),
            "text": as_bytes(texts),
            "greedy": as_bytes(texts),
        }

    def details(self, examples: Speech, outputs: Mapping[str, Tree]) -> tuple[DetailTable, ...]:
        references = [self.alphabet.normalized(text) for text in examples.texts]
        return error_tables(
            examples.names, references, {name: as_texts(tree["text"]) for name, tree in outputs.items()}
        )

    def remarks(self, batch: Batch) -> tuple[str, ...]:
        notes = note_on_unknown(self.alphabet, as_texts(batch.targets["reference"]))
        unfit = int((ctc.needed_steps(batch.targets["ids"]) > batch.targets["steps"]).sum())
        if unfit:
            are = "utterances is" if unfit == 1 else "utterances are"
            notes = (
                *notes,
                f"{unfit:,} of the {batch.size:,} {are} too short for the transcript, so errors are certain there. The "
                "loss does not count them.",
            )
        return notes

    def training_remarks(self, validation: Batch, test: Batch) -> tuple[str, ...]:
        return (*self.notes, *self.remarks(test))

    def to_json(self) -> dict[str, Any]:
        return {
            "alphabet": self.alphabet.to_json(),
            "front_end": None if self.front_end is None else self.front_end.to_json(),
            "deltas": self.deltas,
            "normalization": self.normalization.to_json(),
            "stack": self.stack,
            "max_symbols": self.max_symbols,
            "decoding": asdict(self.decoding),
            "ngrams": None if self.ngrams is None else self.ngrams.to_json(),
        }

    @classmethod
    def from_json(cls, stored: Any) -> Self:
        read = read_as(_Stored, stored, "its prepared")
        width = len(read.normalization.mean)
        if read.front_end is not None and read.front_end.width != width:
            raise InputError(f"its normalization has {width:,} features, but its front_end {read.front_end.width:,}.")
        return cls(**{name: getattr(read, name) for name in fields_of(_Stored)})


@dataclass(frozen=True)
class _Stored:
    """The contents of the entry `prepared` of a model file."""

    alphabet: Annotated[Alphabet, Parsed(Alphabet.from_json)]
    front_end: Annotated[Features, Parsed(Features.from_json)] | None
    deltas: Annotated[int, Whole(0, 2)]
    normalization: Annotated[Normalization, Parsed(Normalization.from_json)]
    stack: Annotated[int, Whole(1, MAX_STACK)]
    max_symbols: Size
    decoding: Decoding
    ngrams: Annotated[Ngrams, Parsed(Ngrams.from_json)] | None


@dataclass(frozen=True)
class Transcribe(Task[Speech]):
    """The task of transcribing speech; see `reading.read_speech` for the data."""

    settings: Any

    length: ClassVar[Length] = Length(6_000, 5, 100)

    @property
    def reading_options(self) -> Mapping[str, Any]:
        return {name: value for name, value in self.options.items() if name != _LANGUAGE_MODEL}

    @property
    def provenance(self) -> dict[str, Any]:
        file = self.options.get(_LANGUAGE_MODEL)
        return {} if file is None else {_LANGUAGE_MODEL: content_hash(file)}

    def read(self) -> Splits[Speech]:
        _require_possible(self.settings)
        return read_speech(self.data, self.reading_options, self.settings, self.validation, self.test, self.limit)

    def prepare(self, splits: Splits[Speech]) -> tuple[PreparedSpeech, Any]:
        settings, train = self.settings, splits.train
        alphabet = Alphabet.fit(train.texts, settings.tokens, settings.vocabulary, settings.lower_case)
        train, notes = without_unfit(train, alphabet, settings.stack)
        notes = (*notes, *note_on_rare(alphabet, [alphabet.normalized(text) for text in train.texts]))
        deltas = (2 if settings.deltas is None else settings.deltas) if train.features is None else 0
        frames = [with_deltas(one, deltas) for one in train.frames] if deltas else train.frames
        per = settings.normalization
        if per == "auto":
            per = "utterance" if settings.bidirectional else "training"
        normalization = Normalization.fit(frames, per)
        language = learn_language(train.texts, alphabet, settings, self.options.get(_LANGUAGE_MODEL))
        prepared = PreparedSpeech(
            *(alphabet, train.features, deltas, normalization, settings.stack),
            max(1, *(len(alphabet.encode(text)) for text in train.texts)),
            *(language.decoding, language.ngrams, (*notes, *language.notes), language.open_weights),
        )
        return prepared, settings

    def network(self, prepared: PreparedSpeech, settings: Any) -> list[Layer]:
        return [
            SpeechInput(
                stack=prepared.stack,
                warp=settings.time_warp,
                noise=settings.input_noise,
                time_mask=settings.time_mask,
                band_mask=settings.band_mask,
            ),
            *recurrent_stack(settings, bidirectional=settings.bidirectional, sequences=True),
            CtcOutput(prepared.alphabet.symbols),
        ]

    def baseline(self, splits: Splits[Speech], prepared: PreparedSpeech) -> FittedBaseline:
        """Fit a linear map of a few frames. The most frequent training transcript is the other baseline."""
        from gatewright.tasks.transcribe.baseline import LinearCtc

        train, validation = prepared.encode(splits.train, training=True), prepared.encode(splits.validation)
        linear, test = LinearCtc(prepared, prepared.alphabet.symbols, train, validation), prepared.encode(splits.test)
        outputs = prepared.transcribed(linear.utterances(test), test.targets["ids"])
        constant, name = prepared.constant(test.targets, train.targets)
        return FittedBaseline(linear.name, linear.description, outputs, ((name, constant),))


def _require_possible(settings: Any) -> None:
    """Raise an error if settings contradict each other.

    Raises:
        InputError: They do.
    """
    if settings.tokens == "words" and settings.decoding == "lexicon":
        raise InputError("With --tokens words, the network writes known words alone: leave --decoding lexicon out.")
    if settings.tokens == "bytes" and settings.vocabulary is not None and settings.vocabulary < BYTES:
        raise InputError(
            f"With --tokens bytes, --vocabulary must be at least {BYTES}, one symbol for each byte, not "
            f"{settings.vocabulary:,}."
        )


def _live(outputs: Tree, batch: Batch) -> list[NDArray[np.float32]]:
    """Return the log probabilities of each utterance without padding, [steps, 1 + symbols]."""
    return [row[:steps] for row, steps in zip(outputs["log_probs"], batch.targets["steps"], strict=True)]


def _rows(transcripts: Sequence[Sequence[int]]) -> NDArray[np.int32]:
    """Return symbols as [transcripts, symbols], padded with 0 on the right. There is at least one column."""
    rows = np.zeros((len(transcripts), max(1, *map(len, transcripts))), np.int32)
    for row, symbols in zip(rows, transcripts, strict=True):
        row[: len(symbols)] = symbols
    return rows
