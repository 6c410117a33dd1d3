"""Language modeling: predict the probability of each next character, word or byte pair of a text."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray

from gatewright.data.batches import Batch
from gatewright.data.encoders import BytePairs, Characters, Encoder, Words, encoder_from_json
from gatewright.data.split import count_shared_texts
from gatewright.data.tables import is_table
from gatewright.data.widths import first_steps, last_steps
from gatewright.nn.layer import Layer
from gatewright.nn.layers import Dense, Dropout, Embedding, Softmax
from gatewright.results.measure import Measure
from gatewright.support.errors import InputError
from gatewright.support.ids import FIRST, PADDING, START, UNKNOWN
from gatewright.support.progress import with_progress
from gatewright.support.schema import Parsed, Size, read_as
from gatewright.tasks.base.splitting import SPLIT_SEED
from gatewright.tasks.base.stack import recurrent_stack
from gatewright.tasks.base.task import EVALUATED_STREAMS, FittedBaseline, Length, Prepared, Splits, Task
from gatewright.tasks.generate import streams
from gatewright.tasks.generate.holding_out import MANY, hold_out
from gatewright.tasks.generate.named import CORPORA
from gatewright.tasks.generate.reading import read_corpus
from gatewright.tasks.generate.settings import GenerateSettings

# Candidate lengths of the n-grams. The validation set chooses one.
_ORDERS = {"words": (2, 3, 4, 5), "characters": (4, 5, 6, 7, 8), "bytes": (2, 3, 4, 5)}
# The default batch size, and the training steps of an epoch below which a text is read in fewer streams.
_BATCH_SIZE, _STEPS_PER_EPOCH = 32, 20
# In effect no limit: there are about a million Unicode characters.
_CHARACTERS = 1 << 20
# Characters of the lines by which an evaluation recognizes training texts. Shorter ones, such as names, often recur.
_LONG_LINE = 30
# A file with at least this many lines, half of which have fewer than this many tokens, might be a list of texts.
_MANY_LINES, _SHORT_LINE = 100, 30
# Number of time steps of a call when a trained model is evaluated on a stream.
_EVALUATED_STEPS = 128


@dataclass(frozen=True)
class PreparedTexts(Prepared[list[str]]):
    """The encoder found in the training texts, and the kind and length of the examples of a language model.

    Attributes:
        encoder: The encoder, which turns texts into token ids.
        examples: "stream", "prefixes" or "lines"; see `Generate`.
        max_length: Number of time steps in an example; for "lines", the largest number.
        limit: Largest number of tokens to predict in each split. None for no limit.
        training_streams: Number of parallel streams in training, which is the batch size.
        time: Number of time steps to which lines are padded. None pads them to the longest one that is encoded.
    """

    encoder: Encoder
    examples: str
    max_length: int
    limit: int | None = None
    training_streams: int = _BATCH_SIZE
    time: int | None = None

    measures = (
        Measure("loss", "nats a token", "lower"),
        Measure("perplexity", "perplexity", "lower", per_epoch=True),
        Measure("bits_per_character", "bits a character", "lower"),
    )
    score_label = "it gives the example's tokens the higher probability"
    unit: ClassVar[str] = "tokens"

    @property
    def example_name(self) -> str:
        return "long lines" if self.stateful else "lines"

    @property
    def stateful(self) -> bool:
        return self.examples == "stream"

    @property
    def sequences(self) -> bool:
        """True if the network predicts an id at each time step of an example; False if only after the last one."""
        return self.examples != "prefixes"

    def encode(self, examples: list[str], training: bool = False) -> Batch:
        """Return a batch whose inputs are ids and whose targets are the ids that follow them; see `streams`.

        Raises:
            InputError: The texts have no token to predict.
        """
        if self.stateful:
            parallel = self.training_streams if training else EVALUATED_STREAMS
            batch = streams.in_streams(self.stream(examples), parallel, self.max_length)
        elif self.examples == "lines":
            ids = self._line_ids(examples)
            batch = streams.lines(ids, self.time or self.time_of(ids))
        else:
            batch = streams.prefixes(streams.first(self._ids(examples), self.limit), self.max_length)
        if not self.size(batch):
            raise InputError(f"A split has no {self.encoder.kind.removesuffix('s')} to predict. Add text to it.")
        return batch

    def stream(self, texts: list[str]) -> NDArray[np.int32]:
        """Return the texts as one array of ids, [steps], with START before each text, cut to `limit` tokens."""
        if self.stateful:
            return streams.stream(self._ids(texts))[: None if self.limit is None else self.limit + 1]
        if self.examples == "lines":
            return np.append(streams.stream(self._line_ids(texts)), np.int32(START))
        return streams.stream(streams.first(self._ids(texts), self.limit))

    def _line_ids(self, texts: list[str]) -> list[list[int]]:
        """Return the ids of each text. Texts after the first `limit` tokens to predict are left out."""
        ids = self._ids(texts)
        if self.limit is None:
            return ids
        before = np.cumsum([0, *(len(text) + 1 for text in ids[:-1])])
        return [text for text, start in zip(ids, before, strict=True) if start < self.limit]

    def time_of(self, ids: Sequence[Sequence[int]]) -> int:
        """Return the number of time steps for lines with these ids: enough for the longest, at most `max_length`."""
        return min(self.max_length, 1 + max(map(len, ids)))

    def covering(self, *splits: list[str]) -> Self:
        """Return a copy that pads the lines of these splits to the same number of time steps."""
        return replace(self, time=max(self.time_of(self._ids(texts)) for texts in splits))

    def rows(self, values: NDArray[Any], texts: list[str]) -> NDArray[Any]:
        """Return a value for each target of `stream(texts)`, [targets], in the form of the targets of `encode`."""
        if self.stateful:
            return streams.side_by_side(values, EVALUATED_STREAMS, self.max_length)
        if self.examples == "lines":
            ids = self._line_ids(texts)
            return streams.in_rows(values, [len(line) + 1 for line in ids], self.time or self.time_of(ids))
        return np.asarray(values[self.stream(texts)[1:] != START])

    def raw_inputs(self, examples: list[str]) -> list[bytes]:
        """Return the lines. Of a stream, they are only those that are so long that they recur only in copies."""
        lines = examples if self.examples == "lines" else as_lines(examples)
        shortest = _LONG_LINE if self.stateful else 0
        return [line.encode("utf-8", "surrogatepass") for line in map(str.strip, lines) if len(line) >= shortest]

    def _ids(self, texts: list[str]) -> list[list[int]]:
        return [self.encoder.encode(text) for text in with_progress(texts, "texts encoded")]

    def lengths(self, batch: Batch) -> NDArray[np.intp] | None:
        return None if self.stateful else np.asarray((batch.inputs != PADDING).sum(axis=1))

    def with_steps(self, batch: Batch, steps: int) -> Batch:
        if self.examples == "prefixes":
            return batch._replace(inputs=last_steps(batch.inputs, steps, PADDING))
        return Batch(*(first_steps(ids, steps, PADDING) for ids in batch))

    def outputs_like(self, outputs: NDArray[Any], batch: Batch) -> NDArray[Any]:
        return outputs if self.examples == "prefixes" else first_steps(outputs, batch.targets.shape[1])

    def size(self, batch: Batch) -> int:
        return int((batch.targets != PADDING).sum())

    def remarks(self, batch: Batch) -> tuple[str, ...]:
        unknown, tokens, remarks = int((batch.targets == UNKNOWN).sum()), self.size(batch), []
        if unknown:
            # Readers need to know, since a frequent unknown token is easy to predict.
            are = "is" if unknown == 1 else "are"
            remarks.append(
                f"{unknown:,} of the {tokens:,} test tokens ({unknown / tokens:.1%}) {are} unknown. All unknown tokens "
                "count as the same one."
            )
        if self.examples == "lines" and (cut := int((~np.isin(batch.targets[:, -1], (PADDING, START))).sum())):
            are_cut = ("does", "is") if cut == 1 else ("do", "are")
            remarks.append(
                f"{cut:,} of the {batch.size:,} test lines {are_cut[0]} not end within {batch.targets.shape[1]:,} "
                f"{self.encoder.kind} and {are_cut[1]} cut. A model trained with a larger --max-length reads more."
            )
        return tuple(remarks)

    def sample_weight(self, batch: Batch) -> NDArray[np.float32]:
        """Return the weight of each example, [examples]: the fraction of its targets that are not padding."""
        return np.asarray((batch.targets != PADDING).reshape(batch.size, -1).mean(axis=1, dtype=np.float32))

    def losses(self, outputs: Any, targets: Any) -> Any:
        live = (targets != PADDING).reshape(len(targets), -1).sum(axis=1)
        return outputs.reshape(len(targets), -1).sum(axis=1) / live.clip(1)

    def measure(self, outputs: NDArray[Any], targets: NDArray[Any]) -> dict[str, float]:
        """Return the mean loss per token in nats, its exponential (the perplexity), and the bits per character.

        The bits per character are NaN if tokens are words or if any target is unknown, since the number of characters
        is not known.
        """
        live = targets != PADDING
        nats, characters = float(np.asarray(outputs, np.float64)[live].sum()), self._count_characters(targets[live])
        loss, bits = nats / int(live.sum()), nats / math.log(2) / characters if characters else math.nan
        return {"loss": loss, "perplexity": math.exp(min(loss, 700)), "bits_per_character": bits}

    def _count_characters(self, ids: NDArray[Any]) -> int:
        """Return the total number of characters of the ids, or 0 if unknown. The end of a text counts as one."""
        if isinstance(self.encoder, Words) or bool((ids == UNKNOWN).any()):
            return 0
        lengths = np.ones(self.encoder.ids, np.int64)
        if isinstance(self.encoder, BytePairs):
            lengths[FIRST:] = [self.encoder.characters(number) for number in range(FIRST, self.encoder.ids)]
        return int(lengths[ids].sum())

    def scores(self, outputs: NDArray[Any], targets: NDArray[Any]) -> NDArray[np.float64]:
        return np.asarray(-self.losses(np.asarray(outputs, np.float64), targets))

    def constant(self, targets: NDArray[Any], train: NDArray[Any] | None = None) -> tuple[NDArray[Any], str]:
        known = targets if train is None else train
        counts = np.bincount(known[known != PADDING], minlength=self.encoder.ids)
        if train is None:
            nats = np.log(counts.sum() / counts.clip(1))
        else:  # each token counts once more, so that an unseen token is not impossible
            nats = -np.log((1 + counts) / (1 + counts).sum()).astype(np.float32)
        return np.where(targets == PADDING, 0, nats[targets]), "the frequency of each token as its probability"

    def to_json(self) -> dict[str, Any]:
        length = {} if self.stateful else {"max_length": self.max_length}
        return {"examples": self.examples, **length, "encoder": self.encoder.to_json()}

    @classmethod
    def from_json(cls, stored: Any) -> Self:
        read = read_as(_Stored, stored, "its prepared")
        if (read.max_length is None) != (read.examples == "stream"):
            raise InputError(f"its prepared has a max_length that does not fit its examples, {read.examples}.")
        return cls(read.encoder, read.examples, read.max_length or _EVALUATED_STEPS)


@dataclass(frozen=True)
class _Stored:
    """The contents of the entry `prepared` of a model file."""

    examples: Literal["stream", "prefixes", "lines"]
    encoder: Annotated[Encoder, Parsed(encoder_from_json)]
    max_length: Size | None = None


@dataclass(frozen=True)
class Generate(Task[list[str]]):
    """The task of predicting the probability of each next id of texts, which are read from left to right.

    With `examples` "stream", all texts are one stream, with START before each text, which is cut into `batch_size`
    parallel streams. States are kept from batch to batch, and gradients reach back `max_length` steps (truncated
    backpropagation through time, Williams & Peng 1990). With "prefixes", each line is a text, and each of its prefixes
    is an example whose target is the id after the prefix. With `lines`, each line of a file or row of a table is an
    example: it begins with START and the zero state, and ends with START as its last target. Lines are shuffled before
    some of them are held out, always in the same way.

    If the data has no test set, a fraction of the texts is used as one, or the same fraction at the end of each text if
    there are fewer than 20 texts. The same holds for the validation set. If the fraction is 0, the network is evaluated
    on the training set. `limit` is the largest number of tokens to predict in each split.

    Args:
        options: `text` and `header`: See `reading.read_corpus`.
    """

    settings: GenerateSettings

    length: ClassVar[Length] = Length(4_000, 6)

    def read(self) -> Splits[list[str]]:
        corpus = read_corpus(
            self.data, self.options.get("text"), self.validation, self.test, self.options.get("header")
        )
        name, notes, fraction = corpus.name, list(corpus.notes), self.settings.held_out_fraction
        train, validation, test = corpus.train, corpus.validation, corpus.test
        if not fraction and validation is None:
            notes.append(
                "Nothing was held out: the figures show how well the network remembers the training set."
                if test is None
                else "No validation set was held out: the epoch was chosen on the training set."
            )
            validation, test = train, test or train
        if test is None and validation is not None:
            test = validation
            notes.append("There is no test set: the figures are those of the validation set, which chose the epoch.")
        notes += self._lines_suggested(train)
        kind = self._kind
        train = as_examples(train, kind, self.data)
        if kind == "lines":
            train = [train[place] for place in np.random.default_rng(SPLIT_SEED).permutation(len(train))]
        held_out = test is None
        if test is None:
            train, test = hold_out(train, fraction, kind)
            notes.append(f"{name} has no test set: {fraction:.0%} of it was set aside as one.")
        else:
            test = as_examples(test, kind, self.test or self.validation or self.data)
        if validation is None:
            train, validation = hold_out(train, fraction, kind)
        else:
            validation = as_examples(validation, kind, self.validation or self.data)
        apart = bool(fraction) or self.test is not None
        if kind == "lines" and apart and (recurring := count_shared_texts(test, train)):
            are = "is" if recurring == 1 else "are"
            notes.append(f"{recurring:,} of {len(test):,} test lines {are} also in the training set.")
        for split, texts in (("training", train), ("validation", validation), ("test", test)):
            if not any(text.strip() for text in texts):
                raise InputError(
                    f"{name} is too short to set aside a {split} set. Add text, or use --held-out-fraction 0 to train "
                    "and evaluate on all of it."
                )
        return Splits(name, train, validation, test, tuple(notes), corpus.found, held_out)

    def prepare(self, splits: Splits[list[str]]) -> tuple[PreparedTexts, GenerateSettings]:
        """Return the encoder found in the training set, and the settings, with a batch size if none was given.

        Raises:
            InputError: No token occurs at least `min_count` times.
        """
        settings, encoder = self.settings, self._fit_encoder(splits)
        batch_size = settings.batch_size or self._default_batch_size(splits.train, encoder)
        prepared = PreparedTexts(encoder, self._kind, settings.max_length, self.limit, batch_size)
        if self._kind == "lines":
            prepared = prepared.covering(splits.train, splits.validation, splits.test)
        return prepared, replace(settings, batch_size=batch_size)

    def _fit_encoder(self, splits: Splits[list[str]]) -> Encoder:
        settings, texts = self.settings, splits.train
        encoder: Encoder
        if settings.tokens == "characters":
            encoder = Characters.fit(texts, _CHARACTERS, settings.min_count)
        elif settings.tokens == "bytes":
            encoder = BytePairs.fit(texts, settings.vocabulary)
        else:
            encoder = Words.fit(texts, settings.vocabulary, settings.split, settings.min_count)
        if encoder.ids <= FIRST:
            raise InputError(
                f"No {settings.tokens.removesuffix('s')} of {splits.name} occurs {settings.min_count} times. Lower "
                "--min-count."
            )
        return encoder

    def _default_batch_size(self, texts: list[str], encoder: Encoder) -> int:
        """Return the default batch size. It is smaller for few tokens, so that an epoch has enough training steps."""
        if self._kind != "stream":
            return _BATCH_SIZE
        stream = _STEPS_PER_EPOCH * self.settings.max_length
        enough, tokens = _BATCH_SIZE * stream, 0
        for text in texts:
            tokens += 1 + len(encoder.encode(text))
            if tokens >= enough:
                break
        tokens = tokens if self.limit is None else min(tokens, self.limit + 1)
        return min(max(tokens // stream, 1), _BATCH_SIZE)

    def network(self, prepared: PreparedTexts, settings: GenerateSettings) -> list[Layer]:
        """Return the layers of the network: an embedding, recurrent layers and a softmax.

        If the softmax shares the embedding's weights and `embedding_dim` is not `units`, a linear map between the
        recurrent layers and the softmax changes the size.
        """
        ids = prepared.encoder.ids
        layers: list[Layer] = [
            Embedding(ids, settings.embedding_dim, settings.embedding_dropout, settings.word_dropout)
        ]
        if settings.input_dropout:
            layers.append(Dropout(settings.input_dropout))
        layers += recurrent_stack(settings, sequences=prepared.sequences, weight_dropout=settings.weight_dropout)
        if settings.tied_embedding and settings.units != settings.embedding_dim:
            layers.append(Dense(settings.embedding_dim))
        return [*layers, Softmax(ids, settings.tied_embedding, min(settings.samples, ids - 1))]

    def baseline(self, splits: Splits[list[str]], prepared: PreparedTexts) -> FittedBaseline:
        """Return the test outputs of Kneser-Ney n-grams, with the n that is best on the validation set."""
        from gatewright.tasks.generate.baseline import best_order

        train, validation, test = (prepared.stream(texts) for texts in (splits.train, splits.validation, splits.test))
        separate = not prepared.stateful  # the network reads each line without those before it
        chosen = best_order(train, validation, _ORDERS[self.settings.tokens], prepared.encoder.ids, separate)
        nats = -np.log(chosen.probabilities(test)).astype(np.float32)
        return FittedBaseline(
            f"{chosen.order}-grams",
            f"{prepared.encoder.kind} as the network reads them, interpolated modified Kneser-Ney (Chen and Goodman "
            "1999), the length chosen on the validation set",
            prepared.rows(nats, splits.test),
        )

    @property
    def _kind(self) -> str:
        """The kind of the examples: "stream", "prefixes" or "lines".

        Raises:
            InputError: The settings contradict each other.
        """
        settings = self.settings
        if settings.lines and settings.examples != "stream":
            raise InputError(
                f"--lines cannot be combined with --examples {settings.examples}, which reads each line on its "
                "own too: leave one of them out."
            )
        return "lines" if settings.lines else settings.examples

    def _lines_suggested(self, texts: list[str]) -> list[str]:
        """Return a sentence that suggests `--lines`, if the texts are one file of many short lines without paragraphs.

        Args:
            texts: The training texts as they were read.
        """
        if self._kind != "stream" or self.data in CORPORA or len(texts) >= MANY:
            return []
        lines = "\n".join(texts).rstrip("\n").split("\n")
        tokens = sorted(len(line) if self.settings.tokens == "characters" else len(line.split()) for line in lines)
        if len(lines) < _MANY_LINES or tokens[len(tokens) // 2] >= _SHORT_LINE or not all(map(str.strip, lines)):
            return []
        return [
            f"{len(lines):,} short lines are read as one text in the order of the file. If each line is a text of its "
            "own, such as a name, use --lines."
        ]


def as_examples(texts: list[str], kind: str, data: str) -> list[str]:
    """Return the texts if `kind` is "stream"; otherwise each line that is not blank as a text.

    Args:
        texts: The texts as they were read.
        kind: "stream", "prefixes" or "lines". With "lines", the rows of a table are the texts.
        data: The file or data set that has the texts.
    """
    if kind == "stream":
        return texts
    if kind == "lines" and is_table(Path(data)):
        return [text for text in texts if text.strip()]
    return [line for line in as_lines(texts) if line.strip()]


def as_lines(texts: list[str]) -> list[str]:
    """Return the lines of all texts."""
    return [line for text in texts for line in text.split("\n")]
