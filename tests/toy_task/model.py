"""A trained network that counts ones, in use."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from gatewright.nn.file import Relation
from gatewright.nn.layer import Layer
from gatewright.nn.layers import Dense, Dropout, Embedding, Recurrent
from gatewright.support.errors import InputError
from gatewright.tasks.base.model import Description, EvaluationSet, TrainedModel
from gatewright.tasks.base.stack import embedding_fits, outputs_fit, settings_fit, stack_fits
from toy_task.task import IDS, PreparedBits, read_bits, require_bits


@dataclass(frozen=True)
class CountPrediction:
    """The predicted number of ones in a sequence."""

    bits: str
    count: float

    def to_json(self) -> dict[str, Any]:
        return {"bits": self.bits, "count": self.count}

    def text(self, first: bool) -> str:
        return f"{self.bits}\t{self.count:.2f}"


class Counter(TrainedModel):
    """A trained network that counts ones."""

    command: ClassVar[str] = "count"
    prepared_class = PreparedBits
    layer_classes = (Embedding, Dropout, Recurrent, Dense)
    layer_order = "embedding (recurrent dropout?)+ dense"

    prepared: PreparedBits

    @classmethod
    def relations(
        cls, layers: Sequence[Layer], prepared: PreparedBits, training: Mapping[str, Any]
    ) -> Iterator[Relation]:
        yield from stack_fits(layers, sequences=False)
        yield from settings_fit(layers, training)
        yield embedding_fits(IDS, layers)
        yield outputs_fit(1, layers)

    def read(self, data: str, options: Mapping[str, Any], limit: int | None) -> EvaluationSet:
        sequences = read_bits(data)[:limit]
        return EvaluationSet(data, sequences, self._padded_for(sequences))

    def _padded_for(self, sequences: Sequence[str]) -> PreparedBits:
        return replace(self.prepared, max_length=max(map(len, sequences)))

    def predict(self, sequences: Sequence[str]) -> list[CountPrediction]:
        """Return the predicted number of ones in each sequence."""
        require_bits(list(sequences))
        outputs = self.outputs(self._padded_for(sequences).encode(list(sequences)))[:, 0]
        return [CountPrediction(bits, float(count)) for bits, count in zip(sequences, outputs, strict=True)]

    def predict_from(
        self, texts: Sequence[str] | None, file: str | None, options: Mapping[str, Any]
    ) -> list[CountPrediction]:
        if (texts is None) == (file is None):
            raise InputError("predict needs sequences: give some, or a file with --file.")
        return self.predict(read_bits(file) if file is not None else texts or ())

    def describe(self) -> Description:
        return Description("bits", IDS, "sequences of bits")

    def answers(self) -> dict[str, Any]:
        return {"counts": "1"}
