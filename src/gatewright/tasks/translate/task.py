"""Translation: predict the tokens of a sentence in the target language from a sentence in the source language."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from gatewright.data.batches import Batch
from gatewright.data.widths import first_steps
from gatewright.nn.layer import Layer, Weights
from gatewright.results.measure import Measure
from gatewright.support.errors import InputError
from gatewright.support.ids import PADDING, START, UNKNOWN
from gatewright.support.progress import Ticker, print_status, with_progress
from gatewright.support.schema import Name, Number, Parsed, Size, Whole, read_as
from gatewright.support.trees import Tree
from gatewright.tasks.base.task import FittedBaseline, Length, Prepared, Splits, Task
from gatewright.tasks.base.text_arrays import as_bytes, as_texts
from gatewright.tasks.translate.decoding import MAX_BEAM, MAX_PENALTY, Decoding, translate_ids
from gatewright.tasks.translate.decoding_step import Stepper
from gatewright.tasks.translate.layers import Decoder, Encoder
from gatewright.tasks.translate.measures import LOSS, MEASURES, bleu_of, measured, statistics
from gatewright.tasks.translate.reading import read_translations
from gatewright.tasks.translate.sentences import Pairs, without_long_pairs
from gatewright.tasks.translate.vocabulary import Vocabulary

LONGEST = 1_000
"""The largest number of tokens of a sentence to translate or to measure. Time grows with the square of this number."""


@dataclass(frozen=True)
class PreparedPairs(Prepared[Pairs]):
    """The vocabulary found in the training pairs, and how translations are searched.

    Targets are a dict: `ids`, the ids of the target sentence and START, which ends it, [examples, time], padded with 0
    on the right; and `reference`, the sentence itself as bytes in UTF-8, [examples, bytes]. The outputs are a dict:

        losses  the cross-entropy of each target id in nats, [examples, time], 0 at padding
        text    the translation as bytes in UTF-8, [examples, bytes], which `complete` adds

    Attributes:
        vocabulary: The vocabulary of both languages.
        source, target: The names of the languages or columns, such as "en" and "de".
        max_length: The largest number of ids of a sentence in training, without START.
        beam, length_penalty: See `Decoding`.
        notes: A sentence about training pairs that are left out because they are too long.
    """

    vocabulary: Vocabulary
    source: str
    target: str
    max_length: int
    beam: int
    length_penalty: float
    notes: tuple[str, ...] = ()

    measures = MEASURES
    score_label = ""
    unit: ClassVar[str] = "sentences"
    batches_by_length: ClassVar[bool] = True

    @property
    def example_name(self) -> str:
        return "sentences"

    @property
    def loss_measure(self) -> Measure:
        return LOSS

    def encode(self, examples: Pairs, training: bool = False) -> Batch:
        """Return the ids of the sentences. In training, pairs with more than `max_length` tokens are left out.

        Raises:
            InputError: There is no pair, or none that is short enough.
        """
        if not len(examples):
            raise InputError("A split has no sentence pair. Add pairs to it.")
        examples = self.without_long(examples)[0] if training else examples
        sources, targets = self._ids(examples)
        longest = max(map(len, [*sources, *targets]))
        if longest > LONGEST:
            raise InputError(
                f"A sentence has {longest:,} tokens, but at most {LONGEST:,} can be read. Give one sentence on each "
                "line."
            )
        return Batch(_rows(sources), {"ids": _rows(targets), "reference": as_bytes(examples.target)})

    def without_long(self, pairs: Pairs) -> tuple[Pairs, tuple[str, ...]]:
        """Return the training pairs whose sentences have at most `max_length` tokens, with a note on the others.

        Raises:
            InputError: All pairs are too long.
        """
        sources, targets = self._ids(pairs)
        return without_long_pairs(pairs, [len(ids) for ids in sources], [len(ids) for ids in targets], self.max_length)

    def _ids(self, pairs: Pairs) -> tuple[list[list[int]], list[list[int]]]:
        """Return the ids of the sources and of the targets."""
        return (
            [self.vocabulary.encode_source(text) for text in with_progress(pairs.source, "sentences encoded")],
            [self.vocabulary.encode_target(text) for text in with_progress(pairs.target, "sentences encoded")],
        )

    def raw_inputs(self, examples: Pairs) -> list[bytes]:
        return [text.encode("utf-8", "surrogatepass") for text in examples.source]

    def lengths(self, batch: Batch) -> NDArray[np.intp]:
        ids = (batch.inputs, batch.targets["ids"])
        found: NDArray[np.intp] = np.maximum(*((array != PADDING).sum(axis=1) for array in ids))
        return found

    def with_steps(self, batch: Batch, steps: int) -> Batch:
        # The network does not read the references, whose widths differ between splits.
        targets = {"ids": first_steps(batch.targets["ids"], steps, PADDING)}
        return Batch(first_steps(batch.inputs, steps, PADDING), targets)

    def outputs_like(self, outputs: Tree, batch: Batch) -> Tree:
        return {**outputs, "losses": first_steps(outputs["losses"], batch.targets["ids"].shape[1])}

    def complete(self, outputs: Tree, layers: Sequence[Layer], weights: Sequence[Weights], batch: Batch) -> Tree:
        return {**outputs, "text": as_bytes(self.translate(Stepper(layers, weights), batch.inputs))}

    def translate(self, stepper: Stepper, inputs: NDArray[np.int32]) -> list[str]:
        """Return the translations of encoded sentences, [sentences, time], by beam search."""
        sources, ticker = [row[row != PADDING].tolist() for row in inputs], Ticker()

        def tick(done: int) -> None:
            if ticker.due():
                print_status(f"{done:,} of {len(sources):,} sentences are translated.")

        found = translate_ids(stepper, sources, Decoding(self.beam, self.length_penalty), tick=tick)
        return [self.vocabulary.decode_target(best.ids) for best, *_ in found]

    def sample_weight(self, batch: Batch) -> NDArray[np.float32]:
        """Return the weight of each example, [examples]: the fraction of its targets that are not padding."""
        return np.asarray((batch.targets["ids"] != PADDING).mean(axis=1, dtype=np.float32))

    def losses(self, outputs: Tree, targets: Tree) -> Any:
        return outputs["losses"].sum(axis=1) / (targets["ids"] != PADDING).sum(axis=1)

    def measure(self, outputs: Tree, targets: Tree) -> dict[str, float]:
        """Return the metrics of the translations, and the mean loss per token in nats."""
        live = targets["ids"] != PADDING
        loss = float(np.asarray(outputs["losses"], np.float64)[live].mean())
        texts, references = as_texts(outputs["text"]), as_texts(targets["reference"])
        return {**measured(texts, references, self.target), LOSS.name: loss}

    @property
    def corpus_score(self) -> Callable[[NDArray[Any]], float]:
        return bleu_of

    def scores(self, outputs: Tree, targets: Tree) -> NDArray[np.int64]:
        return statistics(as_texts(outputs["text"]), as_texts(targets["reference"]))

    def constant(self, targets: Tree, train: Tree | None = None) -> tuple[Tree, str]:
        known = as_texts((targets if train is None else train)["reference"])
        (text, _), *_ = Counter(known).most_common(1)
        return self.outputs_of([text] * len(targets["ids"]), targets["ids"].shape[1]), "the most frequent sentence"

    def outputs_of(self, texts: Sequence[str], time: int) -> Tree:
        """Return translations in the form of the network's outputs, without losses, which are NaN."""
        return {"losses": np.full((len(texts), time), np.nan, np.float32), "text": as_bytes(texts)}

    def remarks(self, batch: Batch) -> tuple[str, ...]:
        ids = batch.targets["ids"]
        unknown, tokens = int((ids == UNKNOWN).sum()), int((ids != PADDING).sum())
        if not unknown:
            return ()
        are = "is" if unknown == 1 else "are"
        return (f"{unknown:,} of the {tokens:,} target tokens ({unknown / tokens:.1%}) {are} unknown words.",)

    def training_remarks(self, validation: Batch, test: Batch) -> tuple[str, ...]:
        return (*self.notes, *self.remarks(test))

    def to_json(self) -> dict[str, Any]:
        return {
            "vocabulary": self.vocabulary.to_json(),
            "source": self.source,
            "target": self.target,
            "max_length": self.max_length,
            "beam": self.beam,
            "length_penalty": self.length_penalty,
        }

    @classmethod
    def from_json(cls, stored: Any) -> Self:
        read = read_as(_Stored, stored, "its prepared")
        return cls(read.vocabulary, read.source, read.target, read.max_length, read.beam, read.length_penalty)


@dataclass(frozen=True)
class _Stored:
    """The contents of the entry `prepared` of a model file."""

    vocabulary: Annotated[Vocabulary, Parsed(Vocabulary.from_json)]
    source: Name
    target: Name
    max_length: Size
    beam: Annotated[int, Whole(1, MAX_BEAM)]
    length_penalty: Annotated[float, Number(0, MAX_PENALTY)]


@dataclass(frozen=True)
class Translate(Task[Pairs]):
    """The task of translating sentences; see `reading.read_translations` for the options."""

    settings: Any

    length: ClassVar[Length] = Length(10_000, 3)

    def read(self) -> Splits[Pairs]:
        return read_translations(self.data, self.options, self.validation, self.test, self.limit)

    def prepare(self, splits: Splits[Pairs]) -> tuple[PreparedPairs, Any]:
        settings = self.settings
        vocabulary = Vocabulary.fit(
            splits.train,
            settings.tokens,
            settings.vocabulary,
            settings.joint_vocabulary,
            settings.lower_case,
        )
        source, target = (str(self.options[name]) for name in ("source", "target"))
        prepared = PreparedPairs(
            vocabulary, source, target, settings.max_length, settings.beam, settings.length_penalty
        )
        return replace(prepared, notes=prepared.without_long(splits.train)[1]), settings

    def network(self, prepared: PreparedPairs, settings: Any) -> list[Layer]:
        vocabulary = prepared.vocabulary
        shared: dict[str, Any] = {
            "embedding": settings.embedding_dim,
            "cell": settings.cell,
            "units": settings.units,
            "embedding_dropout": settings.input_dropout,
            "word_dropout": settings.word_dropout,
            "dropout": settings.output_dropout,
            "recurrent_dropout": settings.recurrent_dropout,
            "zoneout": settings.zoneout,
        }
        return [
            Encoder(vocabulary.source.ids, depth=settings.layers, **shared),
            Decoder(
                vocabulary.target.ids,
                attention=settings.attention,
                score=settings.score,
                shared=vocabulary.joint,
                label_smoothing=settings.label_smoothing,
                **shared,
            ),
        ]

    def baseline(self, splits: Splits[Pairs], prepared: PreparedPairs) -> FittedBaseline:
        """Fit the baselines. The one with the highest BLEU on the validation set is compared with the network."""
        from gatewright.tasks.translate.baseline import fit_baselines

        time = prepared.encode(splits.test).targets["ids"].shape[1]
        found = []
        for baseline in fit_baselines(splits.train):
            translated = baseline.translate(splits.validation.source)
            bleu = bleu_of(statistics(translated, splits.validation.target).sum(axis=0))
            found.append((bleu, baseline, prepared.outputs_of(baseline.translate(splits.test.source), time)))
        (_, best, outputs), *others = sorted(found, key=lambda one: -one[0])
        return FittedBaseline(best.name, best.description, outputs, tuple((one.name, own) for _, one, own in others))


def _rows(sentences: Sequence[Sequence[int]]) -> NDArray[np.int32]:
    """Return the ids of sentences, each followed by START, [sentences, time], padded with 0 on the right."""
    rows = np.full((len(sentences), 1 + max(map(len, sentences))), PADDING, np.int32)
    for row, ids in zip(rows, sentences, strict=True):
        row[: len(ids)], row[len(ids)] = ids, START
    return rows
