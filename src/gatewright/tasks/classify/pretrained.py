"""Language models from which classifiers are fine-tuned."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from gatewright.data.encoders import Encoder, encoder_from_json
from gatewright.nn import file as model_file
from gatewright.nn.file import Relation
from gatewright.nn.layer import Layer
from gatewright.nn.layers import Embedding, Recurrent
from gatewright.support.errors import InputError
from gatewright.tasks.base.model import TrainedModel
from gatewright.tasks.base.stack import LANGUAGE_MODEL_LAYERS, LANGUAGE_MODEL_ORDER, settings_fit, softmax_fits

# The task of language models in model files.
_LANGUAGE_MODEL = "generate"


@dataclass(frozen=True)
class _Encoded:
    """The part of a language model's prepared data that a classifier needs: the encoder."""

    encoder: Encoder
    features: int = 1


class _Schema:
    """The schema of a language model's file. Of the prepared data, it parses only the encoder; see `nn.file.Schema`."""

    layer_classes: tuple[type[Layer], ...] = LANGUAGE_MODEL_LAYERS
    layer_order = LANGUAGE_MODEL_ORDER

    def parse_prepared(self, prepared: Any) -> _Encoded:
        stored = prepared.get("encoder") if isinstance(prepared, dict) else None
        return _Encoded(encoder_from_json(stored))

    def parse_training(self, training: Any) -> dict[str, Any]:
        return TrainedModel.parse_training(training)

    def relations(self, layers: Sequence[Layer], prepared: _Encoded, training: Mapping[str, Any]) -> Iterator[Relation]:
        yield from settings_fit(layers, training)
        yield from softmax_fits(prepared.encoder.ids, layers)


@dataclass(frozen=True)
class Pretrained:
    """The parts of a language model that a classifier starts from.

    Attributes:
        path: The model file.
        encoder: The encoder, which turns texts into token ids.
        settings: The classifier settings that must equal those of the language model, such as `units`.
        weights: The weights of the embedding, then of each recurrent layer from bottom to top.
        digest: A hash of the language model.
    """

    path: str
    encoder: Encoder
    settings: dict[str, Any]
    weights: tuple[Mapping[str, Any], ...]
    digest: str

    @classmethod
    def read(cls, path: str) -> Self:
        """Read the parts of a language model from its model file.

        Raises:
            InputError: The file cannot be read, or is not a language model.
        """

        def schema_of(task: str) -> _Schema:
            if task != _LANGUAGE_MODEL:
                raise InputError(
                    f"--from {path} is a model of the task {task}, not a language model. Give a model file of "
                    "`gatewright train generate`."
                )
            return _Schema()

        model, prepared = model_file.read(path, schema_of)
        layers = [
            (layer, w)
            for layer, w in zip(model.layers, model.weights, strict=True)
            if isinstance(layer, Embedding | Recurrent)
        ]
        tables = [layer for layer, _ in layers if isinstance(layer, Embedding)]
        recurrent = [layer for layer, _ in layers if isinstance(layer, Recurrent)]
        if len({(layer.cell, layer.units, layer.zoneout) for layer in recurrent}) > 1:
            raise InputError(
                f"--from {path} has recurrent layers with different cells or sizes. Give a model whose "
                "recurrent layers are all the same."
            )
        settings = {
            "cell": recurrent[0].cell,
            "zoneout": recurrent[0].zoneout,
            "units": recurrent[0].units,
            "layers": len(recurrent),
            "embedding_dim": tables[0].units,
            "vocabulary": tables[0].vocabulary,
        }
        return cls(str(path), prepared.encoder, settings, tuple(w for _, w in layers), model_file.digest(model))

    def complete(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the given settings, combined with those in `settings`.

        Raises:
            InputError: `given` contains a setting that the language model determines, or a bidirectional network.
        """
        for name in (*self.settings, "tokens", "min_count"):
            if given.get(name) is not None:
                raise InputError(f"{name} is determined by the language model {self.path}. Leave {name} out.")
        if given.get("bidirectional"):
            raise InputError(f"The language model {self.path} is unidirectional. Leave bidirectional out.")
        return {**given, **self.settings}

    def initial_weights(self, layers: Sequence[Layer], drawn: list[Any]) -> list[Any]:
        """Return the initial weights of each of a classifier's layers, in the order of `layers`.

        The embedding and the recurrent layers get the language model's weights. Other layers keep their random weights.

        Args:
            layers: The layers of the classifier.
            drawn: The randomly initialized weights of each layer.
        """
        own = iter(self.weights)
        return [
            {name: np.asarray(array) for name, array in next(own).items()}
            if isinstance(layer, Embedding | Recurrent)
            else w
            for layer, w in zip(layers, drawn, strict=True)
        ]
