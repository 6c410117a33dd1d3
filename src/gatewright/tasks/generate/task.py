"""Model language: the probability of each next word, character or piece of a text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from gatewright.data.batches import Examples
from gatewright.data.encoders import BytePairs, Characters, Encoder, Words, told
from gatewright.nn.block import Block
from gatewright.nn.file import Model
from gatewright.nn.layers import Dense, Dropout, Embedding, Recurrent, Softmax
from gatewright.results.measure import Measure
from gatewright.support.errors import InputError
from gatewright.support.ids import FIRST, PADDING, START, UNKNOWN
from gatewright.tasks.base.task import EVALUATED_STREAMS, Parts, Simple
from gatewright.tasks.generate import streams
from gatewright.tasks.generate.reading import read_corpus

# Of the splits alone: seeds of runs do not change which texts are which.
_SPLIT_SEED = 0
# From so many texts on whole ones are held out; of fewer, the end of each.
_MANY = 20
# Lengths of n-grams among which the validation text chooses.
_ORDERS = {"words": (2, 3, 4, 5), "characters": (4, 5, 6, 7, 8), "bytes": (2, 3, 4, 5)}
# Rows of a training step, and steps that an epoch has at least where the text is long enough for one.
_BATCH, _BLOCKS = 32, 20
# More ids than a million could never be.
_CHARACTERS = 1 << 20


@dataclass
class Generate:
    """Texts, read from left to right: at each step the model gives every id its probability to come next.

    With `rows` "stream" all texts are one stream, START before each, read in `batch` streams side by side; states are
    carried from batch to batch, and gradients reach back `length` steps: truncated backpropagation through time,
    Williams & Peng 1990. With "prefixes" each line is a text, and each of its beginnings a row from which the one next
    id is learnt, as textbooks have it.

    Attributes:
        source: a named corpus, a text file, a folder of them or a table: see `data.corpora.read_corpus`.
        text, validation, test: columns, and texts for a part, likewise.
        tokens: "characters", "words" or "bytes" (byte-level byte-pair encoding).
        split: of words: see `data.encoders.Words`.
        vocabulary: ids in use; of characters all of them are.
        least: how often a token must occur in the training part to have an id.
        rows, batch, length: see above; of prefixes `length` is the most that is read. Where `batch` is None, `encode`
            sets it: 32, or so few streams of a short text that each is some steps long.
        hold_out: share of the texts (of few: of the end of each) that becomes a test part where there is none, and
            likewise a validation part. With 0 the figures are of the training part itself.
        embedding: numbers for each token.
        layers: recurrent layers, one above the other.
        tied: the outputs' kernel is the embedding's table: see `blocks.Softmax`.
        samples: see `blocks.Softmax`.
        embedding_dropout, word_dropout, recurrent_dropout, weight_dropout, zoneout: see `blocks.Embedding` and
            `blocks.Recurrent`.
        input_dropout: between the embedding and the first layer: see `blocks.Dropout`.
        output_dropout: between layers and below the outputs: see `blocks.Dropout`.
        limit: at most so many training tokens, and as many test tokens; None is all.
    """

    source: str
    text: str | None = None
    validation: str | None = None
    test: str | None = None
    tokens: str = "characters"
    split: str = "punctuation"
    vocabulary: int = 10_000
    least: int = 1
    rows: str = "stream"
    batch: int | None = None
    length: int = 128
    hold_out: float = 0.1
    embedding: int = 128
    layers: int = 1
    tied: bool = False
    samples: int = 0
    embedding_dropout: float = 0.0
    word_dropout: float = 0.0
    recurrent_dropout: float = 0.0
    weight_dropout: float = 0.0
    zoneout: float = 0.0
    input_dropout: float = 0.0
    output_dropout: float = 0.0
    limit: int | None = None
    data: str = field(init=False, default="")
    _encoder: Encoder | None = field(init=False, default=None)

    name: ClassVar[str] = "generate"
    measures: ClassVar[tuple[Measure, ...]] = (
        Measure("loss", "nats a token", "lower"),
        Measure("perplexity", "perplexity", "lower"),
        Measure("bits_per_character", "bits a character", "lower"),
    )
    right: ClassVar[str] = "it gives the row's tokens the higher probability"
    counted: ClassVar[str] = ""
    unit: ClassVar[str] = "tokens"
    steps: ClassVar[tuple[int, int]] = (4_000, 6)

    @property
    def carried(self) -> bool:
        return self.rows == "stream"

    def read(self) -> Parts[list[str]]:
        """The texts (of prefixes: the lines), split.

        Raises:
            InputError: the data can't be read, or is too short to be split.
        """
        corpus = read_corpus(self.source, self.text, self.validation, self.test)
        self.data = corpus.name
        notes = list(corpus.notes)
        train, validation, test = (
            None if part is None else self.texts(part) for part in (corpus.train, corpus.validation, corpus.test)
        )
        assert train is not None
        if not self.hold_out and validation is None:
            notes.append(
                "Nothing was held out: the figures tell how well the training text itself is remembered."
                if test is None
                else "Nothing was held out to validate: the epoch was chosen on the training part."
            )
            validation, test = train, test or train
        if test is None and validation is not None:
            test = validation
            notes.append("There is no test part: the figures are those of the validation part, which chose the epoch.")
        if test is None:
            train, test = _hold_out(train, self.hold_out)
            notes.append(f"{self.data} has no test part: {self.hold_out:.0%} of it was set aside as one.")
        if validation is None:
            train, validation = _hold_out(train, self.hold_out)
        for part, texts in (("training", train), ("validation", validation), ("test", test)):
            if not any(text.strip() for text in texts):
                raise InputError(
                    f"{self.data} is too short to set aside a {part} part: give it more text, or --hold-out 0 to learn "
                    "and measure on all of it."
                )
        return Parts(train, validation, test, tuple(notes))

    def texts(self, texts: list[str]) -> list[str]:
        """The texts that rows are made of: as they are, or their lines."""
        if self.carried:
            return texts
        return [line for text in texts for line in text.split("\n") if line.strip()]

    def use(self, encoder: Encoder) -> None:
        """Take an encoder that was fitted before, in the place of `fit`."""
        self._encoder = encoder

    def fit(self, train: list[str]) -> None:
        """The ids of the training texts' tokens."""
        if self.tokens == "characters":
            self._encoder = Characters.fit(train, _CHARACTERS, self.least)
        elif self.tokens == "bytes":
            self._encoder = BytePairs.fit(train, self.vocabulary)
        else:
            self._encoder = Words.fit(train, self.vocabulary, self.split, self.least)
        if self._encoder.ids <= FIRST:
            raise InputError(f"no {self.tokens[:-1]} of {self.data} occurs {self.least} times: lower --least.")

    def encode(self, rows: list[str], learning: bool = False) -> Examples:
        """Ids and the ids that follow them: see `data.streams`.

        Raises:
            InputError: there is no token to predict.
        """
        if self.carried:
            whole = self._stream(rows)
            side_by_side = self._batch(len(whole)) if learning else EVALUATED_STREAMS
            examples = streams.in_streams(whole, side_by_side, self.length)
        else:
            self._batch(0)
            # Of one width in every part: the network is compiled once.
            examples = streams.prefixes(_first(self._encoded(rows), self.limit), self.length)
        if not self.size(examples):
            raise InputError(f"{self.data} has a part without a {self.tokens[:-1]}: give it more text.")
        return examples

    def _batch(self, tokens: int) -> int:
        if self.batch is None:
            most = tokens // (_BLOCKS * self.length) if self.carried else _BATCH
            self.batch = min(max(most, 1), _BATCH)
        return self.batch

    def _encoded(self, texts: list[str]) -> list[list[int]]:
        assert self._encoder is not None
        return [self._encoder.encode(text) for text in told(texts, "encoded")]

    def _stream(self, texts: list[str]) -> NDArray[np.int32]:
        """The texts as one stream, no longer than `limit` allows."""
        encoded = self._encoded(texts)
        if not self.carried:
            return streams.stream(_first(encoded, self.limit))
        return streams.stream(encoded)[: None if self.limit is None else self.limit + 1]

    def size(self, examples: Examples) -> int:
        """How many tokens are predicted."""
        return int((examples.targets != PADDING).sum())

    def remarks(self, test: Examples) -> tuple[str, ...]:
        """How many of the tokens are unknown: all of them alike, they are easy to predict."""
        unknown, tokens = int((test.targets == UNKNOWN).sum()), self.size(test)
        if not unknown:
            return ()
        return (
            f"{unknown:,} of the {tokens:,} test tokens ({unknown / tokens:.1%}) are unknown, and count as one token.",
        )

    def counts(self, train: Examples) -> NDArray[np.float32]:
        """The targets of each row, as a share of a full one's."""
        live: NDArray[np.float32] = _flat(train.targets != PADDING).mean(axis=1, dtype=np.float32)
        return live

    def blocks(self, cell: str, units: int) -> list[Block]:
        """Embedding, recurrent layers and a softmax; where it is tied and sizes differ, a linear map to that of the
        embedding below it."""
        assert self._encoder is not None
        ids = self._encoder.ids
        blocks: list[Block] = [Embedding(ids, self.embedding, self.embedding_dropout, self.word_dropout)]
        if self.input_dropout:
            blocks.append(Dropout(self.input_dropout))
        for layer in range(self.layers):
            steps = self.carried or layer < self.layers - 1
            blocks.append(
                Recurrent(cell, units, False, steps, self.recurrent_dropout, self.weight_dropout, self.zoneout)
            )
            if self.output_dropout:
                blocks.append(Dropout(self.output_dropout))
        if self.tied and units != self.embedding:
            blocks.append(Dense(self.embedding))
        return [*blocks, Softmax(ids, self.tied, min(self.samples, ids - 1))]

    def model(self, blocks: Sequence[Block], weights: Sequence[Any], training: dict[str, Any]) -> Model:
        """What a model file holds of a trained network."""
        assert self._encoder is not None
        arrays = tuple({name: np.asarray(array) for name, array in block.items()} for block in weights)
        answers = {"rows": self.rows, **({} if self.carried else {"length": self.length})}
        return Model(self.name, tuple(blocks), arrays, self._encoder.to_json(), answers, training)

    def losses(self, outputs: Any, targets: Any) -> Any:
        """The mean loss of each row's tokens, in nats."""
        live = (targets != PADDING).reshape(len(targets), -1).sum(axis=1)
        return outputs.reshape(len(targets), -1).sum(axis=1) / live.clip(1)

    def measure(self, outputs: NDArray[Any], targets: NDArray[Any]) -> dict[str, float]:
        """The mean loss of a token in nats, perplexity, which is its exponential, and bits a character.

        Words are split with a loss of characters, and unknown tokens have lost theirs, so that with them there is no
        figure of bits.
        """
        asked = targets != PADDING
        nats = float(np.asarray(outputs, np.float64)[asked].sum())
        loss = nats / int(asked.sum())
        characters = self._characters(targets[asked])
        bits = nats / math.log(2) / characters if characters else math.nan
        return {"loss": loss, "perplexity": math.exp(min(loss, 700)), "bits_per_character": bits}

    def _characters(self, ids: NDArray[Any]) -> int:
        """How many characters tokens have; the end of a text counts as one. 0 where that can't be told."""
        if isinstance(self._encoder, Words) or self._encoder is None or bool((ids == UNKNOWN).any()):
            return 0
        lengths = np.ones(self._encoder.ids, np.int64)
        if isinstance(self._encoder, BytePairs):
            lengths[FIRST:] = [self._encoder.characters(number) for number in range(FIRST, self._encoder.ids)]
        return int(lengths[ids].sum())

    def merits(self, outputs: NDArray[Any], targets: NDArray[Any]) -> NDArray[np.float64]:
        """Minus the mean loss of each row's tokens, [rows]."""
        merits: NDArray[np.float64] = -np.asarray(self.losses(np.asarray(outputs, np.float64), targets))
        return merits

    def chance(self, train: Examples, test: Examples) -> Simple:
        """Each id by its share of the training tokens, one more than were counted of each."""
        assert self._encoder is not None
        counts = 1.0 + np.bincount(train.targets[train.targets != PADDING], minlength=self._encoder.ids)
        nats = -np.log(counts / counts.sum()).astype(np.float32)
        outputs = np.where(test.targets == PADDING, 0, nats[test.targets])
        return Simple("chance", "each token by its share of the training part", outputs)

    def baseline(self, parts: Parts[list[str]]) -> Simple:
        """Interpolated modified Kneser-Ney n-grams; their length is chosen on the validation part."""
        from gatewright.tasks.generate.baseline import best_order

        assert self._encoder is not None
        train, validation, test = (self._stream(texts) for texts in (parts.train, parts.validation, parts.test))
        chosen = best_order(train, validation, _ORDERS[self.tokens], self._encoder.ids)
        nats = -np.log(chosen.probabilities(test)).astype(np.float32)
        if self.carried:
            outputs = streams.side_by_side(nats, EVALUATED_STREAMS, self.length)
        else:
            outputs = nats[test[1:] != START]
        return Simple(
            f"{chosen.order}-grams",
            f"interpolated modified Kneser-Ney (Chen and Goodman 1999), the length of {chosen.order} chosen on the "
            "validation part",
            outputs,
        )

    def decode(self, outputs: NDArray[Any]) -> Sequence[float]:
        """The mean loss of each row."""
        return [float(row.mean()) for row in outputs]


def _first(texts: list[list[int]], limit: int | None) -> list[list[int]]:
    """The first texts, cut where they have `limit` tokens together."""
    if limit is None:
        return texts
    kept = []
    for text in texts:
        kept.append(text[:limit])
        limit -= len(kept[-1])
        if not limit:
            break
    return kept


def _flat(array: NDArray[Any]) -> NDArray[Any]:
    return array.reshape(len(array), -1)


def _hold_out(texts: list[str], share: float) -> tuple[list[str], list[str]]:
    """What is kept and what is held out: some of many texts; of few the end of each, from a space or line break on, if
    one is near."""
    if len(texts) >= _MANY:
        order = np.random.default_rng(_SPLIT_SEED).permutation(len(texts))
        held = set(order[: max(1, round(share * len(texts)))].tolist())
        kept = [text for place, text in enumerate(texts) if place not in held]
        return kept, [texts[place] for place in sorted(held)]
    pairs = []
    for text in texts:
        end = round(len(text) * (1 - share))
        # Of a text without gaps, or with the last one far back, the end is not nearly all of it.
        first = max(0, end - (len(text) - end))
        gap = max(text.rfind(" ", first, end), text.rfind("\n", first, end))
        end = gap + 1 if gap >= 0 else end
        pairs.append((text[:end], text[end:]))
    return [kept for kept, _ in pairs], [end for _, end in pairs]
