"""Trained translators."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar, NoReturn

from gatewright.data.texts import list_of_texts
from gatewright.nn.file import Relation
from gatewright.nn.layer import Layer
from gatewright.results.translation import END, Translation
from gatewright.support.errors import InputError
from gatewright.support.ids import START, UNKNOWN
from gatewright.support.progress import Ticker, print_status
from gatewright.tasks.base.explainable import Explainable
from gatewright.tasks.base.model import Description, EvaluationSet, TrainedModel
from gatewright.tasks.base.stack import settings_fit
from gatewright.tasks.translate.decoding import Decoding, Hypothesis, translate_ids
from gatewright.tasks.translate.decoding_step import Stepper
from gatewright.tasks.translate.explaining import Translated, explain_piece
from gatewright.tasks.translate.layers import Decoder, Encoder
from gatewright.tasks.translate.reading import has_test_set, read_pairs, read_sources
from gatewright.tasks.translate.sentences import Pairs
from gatewright.tasks.translate.task import LONGEST, PreparedPairs


class Translator(TrainedModel):
    """A trained translator.

    Attributes:
        prepared: The vocabulary, and the settings of beam search.
        training: The settings and results of the training run.
    """

    command: ClassVar[str] = "translate"
    used_with: ClassVar[str] = "translate"
    prepared_class = PreparedPairs
    layer_classes = (Encoder, Decoder)
    layer_order = "translation_encoder translation_decoder"

    prepared: PreparedPairs

    @classmethod
    def relations(
        cls, layers: Sequence[Layer], prepared: PreparedPairs, training: Mapping[str, Any]
    ) -> Iterator[Relation]:
        yield from settings_fit(layers, training)
        vocabulary = prepared.vocabulary
        for layer in layers:
            if isinstance(layer, Encoder):
                encoder = layer
                yield Relation("number of source ids", vocabulary.source.ids, layer.vocabulary)
            if isinstance(layer, Decoder):
                yield Relation("number of target ids", vocabulary.target.ids, layer.vocabulary)
                if layer.shared:
                    yield Relation("joint vocabulary", vocabulary.joint, True)
                    yield Relation("size of its shared embedding", encoder.embedding, layer.embedding)

    def translate(  # type: ignore[override]  # models that do not translate have no settings
        self,
        texts: str | Iterable[str],
        *,
        beam: int | None = None,
        best: int = 1,
        length_penalty: float | None = None,
        attention: bool = False,
    ) -> Any:
        """Return the translation of a sentence, or a list of translations of several sentences.

        The translation of a sentence does not depend on the other sentences. That of an empty sentence is empty.

        Args:
            texts: One sentence, or several in a list or another iterable.
            beam, length_penalty: The settings of beam search; see `decoding.Decoding`. By default those that the model
                was trained with.
            best: Number of translations of each sentence.
            attention: Return the attention too.

        Returns:
            For each sentence its translation: a string, or a `Translation` if `attention` is true, or a list of
            `Translation` objects, the best one first, if `best` is more than 1.

        Raises:
            InputError: A setting cannot be used, a text is no string, or a sentence is too long.
        """
        given = self.examples_from(texts, None, {})
        how: dict[str, Any] = {"beam": beam, "best": best, "length_penalty": length_penalty, "attention": attention}
        found: list[Any] = list(self.translations([given], total=len(given), **how))
        if best == 1:
            found = [own[0] if attention else own[0].text for own in found]
        return found[0] if isinstance(texts, str) else found

    def translations(  # type: ignore[override]
        self,
        batches: Iterable[Sequence[str]],
        *,
        beam: int | None = None,
        best: int = 1,
        length_penalty: float | None = None,
        attention: bool = False,
        total: int | None = None,
    ) -> Iterator[list[Translation]]:
        """Yield the translations of each sentence, the best one first. Notes and the progress are printed.

        Args:
            batches: The sentences in batches. A batch is taken after all sentences before it are translated.
            beam, best, length_penalty, attention: See `translate`.
            total: Number of all sentences, if it is known, to print the progress.

        Raises:
            InputError: A setting cannot be used, or a sentence is too long.
        """
        prepared = self.prepared
        decoding = Decoding(
            prepared.beam if beam is None else beam,
            prepared.length_penalty if length_penalty is None else length_penalty,
        )
        if attention and any(isinstance(layer, Decoder) and layer.attention == "none" for layer in self._layers):
            raise InputError("The model has no attention, so that there is none to show: leave attention out.")
        done, ticker, notes = 0, Ticker(), _Notes(prepared)
        for batch in batches:
            encoded = [self._ids(text, done + place) for place, text in enumerate(batch)]
            for place, (text, ids) in enumerate(zip(batch, encoded, strict=True)):
                notes.add(text, ids, done + place)

            def tick(finished: int, before: int = done) -> None:
                if ticker.due():
                    of = f" of {total:,}" if total else ""
                    print_status(f"{before + finished:,}{of} sentences are translated.")

            found = translate_ids(self._decoder, encoded, decoding, best, tick)
            done += len(batch)
            for text, own in zip(batch, found, strict=True):
                yield [self._translation(text, hypothesis, attention) for hypothesis in own]
        notes.print_counts()

    def _ids(self, text: str, place: int) -> list[int]:
        """Return the ids of a sentence, with START at the end.

        Raises:
            InputError: The sentence is too long.
        """
        ids = self.prepared.vocabulary.encode_source(text) if text.strip() else []
        if len(ids) > LONGEST:
            raise InputError(
                f"Sentence {place + 1:,} has {len(ids):,} pieces, but a sentence may have at most {LONGEST:,}. "
                "Split it into several sentences."
            )
        return [*ids, START]

    def _translation(self, text: str, found: Hypothesis, attention: bool) -> Translation:
        vocabulary = self.prepared.vocabulary
        return Translation(
            vocabulary.decode_target(found.ids),
            found.log_probability,
            found.score,
            (*(vocabulary.source_pieces(text) if text.strip() else ()), END),
            (*vocabulary.target_pieces(found.ids), *([END] if found.ended else [])),
            found.attention if attention else None,
            found.ended,
        )

    @cached_property
    def _decoder(self) -> Stepper:
        return Stepper(self._layers, self._weights)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in super().__getstate__().items() if name != "_decoder"}

    def examples_from(self, given: Any, file: str | None, options: Mapping[str, Any]) -> list[str]:
        if given is not None and file is not None:
            raise InputError(f"Sentences and --file {file} are both given. Leave one of them out.")
        if file is not None:
            found = self._read_sentences(file, options)
        elif given is None:
            raise InputError("No sentences are given. Give sentences, - for standard input, or a file with --file.")
        else:
            for name, value in options.items():
                raise InputError(f"--{name} {value} is for a file. Give a file with --file, or leave --{name} out.")
            found = [given] if isinstance(given, str) else list_of_texts(given)
        for place, text in enumerate(found):
            if 5 * len(text) > LONGEST:  # no character has more bytes, and no byte more pieces
                self._ids(text, place)
        return found

    def _read_sentences(self, file: str, options: Mapping[str, Any]) -> list[str]:
        if file == "-":  # standard input can be read only once
            return read_sources(file, options)
        found, notes = self.trained_data.read(lambda options: read_sources(file, options), file, options)
        for note in notes:
            print_status(note)
        return found

    def read(self, data: str, options: Mapping[str, Any], limit: int | None) -> EvaluationSet:
        (pairs, own), notes = self.trained_data.read(lambda options: read_pairs(data, options), data, options)
        return self.evaluation_set(data, pairs, (*own, *notes), limit, has_test_set(data))

    def evaluation_set(
        self, name: str, examples: Pairs, notes: tuple[str, ...], limit: int | None, is_test: bool
    ) -> EvaluationSet:
        return EvaluationSet(name, examples.take(range(len(examples))[:limit]), self.prepared, notes, is_test)

    def predict_from(self, texts: Sequence[str] | None, file: str | None, options: Mapping[str, Any]) -> NoReturn:
        raise InputError("A translator has no predictions. Translate sentences with `gatewright translate`.")

    def explainable(
        self, example: Any, *, label: str | None = None, against: str | None = None, step: int | None = None
    ) -> Explainable:
        (text,) = list_of_texts([example])
        ids = self._ids(text, 0)
        if len(ids) < 2:
            raise InputError("An empty sentence has an empty translation, so there is nothing to explain: give words.")
        decoding = Decoding(self.prepared.beam, self.prepared.length_penalty)
        ((found, *_),) = translate_ids(self._decoder, [ids], decoding)
        vocabulary = self.prepared.vocabulary
        translated = Translated(text, ids, found, vocabulary.decode_target(found.ids))
        return explain_piece(self._layers, self._weights, vocabulary, translated, label, against, step)

    def describe(self) -> Description:
        vocabulary = self.prepared.vocabulary
        encoder, target = vocabulary.source, vocabulary.target
        ids = (
            f"{encoder.ids:,} ids of both languages" if vocabulary.joint else f"{encoder.ids:,} and {target.ids:,} ids"
        )
        return Description(encoder.kind, encoder.ids, f"sentences: {encoder.kind}, {ids}")

    def answers(self) -> dict[str, Any]:
        prepared = self.prepared
        return {
            "source": prepared.source,
            "target": prepared.target,
            "beam": prepared.beam,
            "length_penalty": prepared.length_penalty,
            "max_length": prepared.max_length,
        }


class _Notes:
    """Notes on sentences that are unlike those of the training. Only the first of each kind has a note of its own."""

    def __init__(self, prepared: PreparedPairs) -> None:
        self._prepared = prepared
        self._long = self._unfamiliar = 0

    def add(self, text: str, ids: Sequence[int], place: int) -> None:
        """Print a note on a sentence if it is the first of its kind.

        Args:
            text: The sentence.
            ids: Its ids, with START at the end.
            place: Its place, counted from 0.
        """
        pieces, longest = len(ids) - 1, self._prepared.max_length
        if pieces > longest:
            self._long += 1
            if self._long == 1:
                print_status(
                    f"Sentence {place + 1:,} has {pieces:,} pieces, and sentences of the training had at most "
                    f"{longest:,}: its translation may be poor."
                )
        # With byte pairs, a character that is new has a piece for each of its bytes.
        if pieces > len(text) + 1 or 2 * sum(number == UNKNOWN for number in ids) > pieces:
            self._unfamiliar += 1
            if self._unfamiliar == 1:
                print_status(
                    f"Most of sentence {place + 1:,} is unknown to the model, for example in another script: its "
                    "translation means little."
                )

    def print_counts(self) -> None:
        """Print how many sentences there were of each kind with more than one."""
        for count, what in (
            (self._long, "have more pieces than those of the training"),
            (self._unfamiliar, "are mostly unknown to the model"),
        ):
            if count > 1:
                print_status(f"{count:,} sentences {what}.")
