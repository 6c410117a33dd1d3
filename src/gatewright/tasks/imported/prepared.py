"""What an imported model knows besides its network: its input and its head."""

from dataclasses import dataclass
from typing import Annotated, Any, Self

import numpy as np

from gatewright.data.batches import Batch
from gatewright.data.labelled_texts import AnyLabelled
from gatewright.support.errors import InputError
from gatewright.support.schema import Parsed, read_as
from gatewright.tasks.base.labels import LabelPrepared, LabelSet
from gatewright.tasks.imported.heads import ClassHead, StoredHead
from gatewright.tasks.imported.inputs import ModelInput, TextInput, input_from_json


@dataclass(frozen=True)
class PreparedImport(LabelPrepared[AnyLabelled]):
    """The input and the head of an imported model. Labels that are measured exist only for classifiers.

    Attributes:
        input: The input.
        head: The head.
    """

    input: Annotated[ModelInput, Parsed(input_from_json)]
    head: StoredHead

    @property
    def unit(self) -> str:  # type: ignore[override]
        return self.input.unit

    @property
    def example_name(self) -> str:
        return self.input.unit

    @property
    def features(self) -> int:
        return self.input.features

    @property
    def text_input(self) -> TextInput:
        """The input of a model that reads texts.

        Raises:
            InputError: The model reads series.
        """
        if isinstance(self.input, TextInput):
            return self.input
        raise InputError("The model reads series of numbers, not texts.")

    @property
    def label_set(self) -> LabelSet:  # type: ignore[override]
        """The labels of a classifier with one answer for each text.

        Raises:
            InputError: The model is no such classifier.
        """
        if not isinstance(self.head, ClassHead) or self.head.per_step or not isinstance(self.input, TextInput):
            raise InputError(
                "Only imported models that predict the labels of texts can be evaluated. Use `gatewright predict`."
            )
        return self.head.labels

    @property
    def labels(self) -> tuple[str, ...]:
        return self.head.labels.names if isinstance(self.head, ClassHead) else ()

    @property
    def multi_label(self) -> bool:
        return isinstance(self.head, ClassHead) and self.head.labels.multi_label

    def encode(self, examples: AnyLabelled, training: bool = False) -> Batch:
        """Return a batch whose inputs are ids, one array for each text, and whose targets are labels."""
        rows = np.empty(len(examples.texts), object)
        rows[:] = self.text_input.rows(examples.texts)
        return Batch(rows, self.label_set.targets(examples.labels))

    def raw_inputs(self, examples: AnyLabelled) -> list[bytes]:
        return [text.encode("utf-8", "surrogatepass") for text in examples.texts]

    def to_json(self) -> dict[str, Any]:
        return {"input": self.input.to_json(), "head": self.head.to_json()}

    @classmethod
    def from_json(cls, stored: Any) -> Self:
        return read_as(cls, stored, "its prepared")
