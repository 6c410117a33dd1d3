"""A language model as what a classifier begins with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gatewright.data.encoders import Encoder, encoder_from_json
from gatewright.nn import file as model_file
from gatewright.nn import model as models
from gatewright.nn.layers import Embedding, Recurrent
from gatewright.support.errors import InputError
from gatewright.training.network import Network

# What the language model has, and a classifier that begins with it can't choose.
_ITS_OWN = ("tokens", "vocabulary", "least", "cell", "zoneout", "units", "layers", "embedding")


@dataclass(frozen=True)
class Pretrained:
    """What a language model lends.

    Attributes:
        encoder: how texts become ids.
        settings: of a classifier, that are the language model's.
        weights: of the embedding and of each recurrent layer, from the input on.
        digest: changes where the file does.
    """

    encoder: Encoder
    settings: dict[str, Any]
    weights: tuple[Mapping[str, Any], ...]
    digest: str

    @classmethod
    def read(cls, task: str, path: str | Path, given: Mapping[str, Any]) -> Pretrained:
        """The language model of a file, for a classifier with these settings.

        Raises:
            InputError: it is none, can't be read, or settings are given that are its own.
        """
        if task != "classify":
            raise InputError(f"--from {path} is for a classifier: leave it out of train {task}.")
        model = model_file.read(path)
        if model.task != "generate":
            kind = "tagger" if model.task == "tag" else "classifier"
            raise InputError(f"--from {path} is a {kind}, not a language model: name one of `train generate`.")
        for name in _ITS_OWN:
            if given.get(name) is not None:
                raise InputError(f"{name} is that of the language model {path}: leave {name} out.")
        if given.get("both"):
            raise InputError(f"the language model {path} walks forwards alone: leave both out.")
        kept = [
            (block, w)
            for block, w in zip(model.blocks, model.weights, strict=True)
            if isinstance(block, Embedding | Recurrent)
        ]
        table, *layers = (block for block, _ in kept)
        assert isinstance(table, Embedding)
        cells, units, rates = ({getattr(block, name) for block in layers} for name in ("cell", "units", "zoneout"))
        if len(cells) > 1 or len(units) > 1 or len(rates) > 1:
            raise InputError(
                f"--from {path} has recurrent layers of several kinds or sizes: train one with layers alike."
            )
        settings = {
            "cell": cells.pop(),
            "zoneout": rates.pop(),
            "units": units.pop(),
            "layers": len(layers),
            "embedding": table.units,
            "vocabulary": table.vocabulary,
        }
        encoder = encoder_from_json(model.encoder)
        digest = model_file.digest(model)
        return cls(encoder, settings, tuple(w for _, w in kept), digest)

    def start(self, network: Network, seed: Sequence[int]) -> list[dict[str, Any]]:
        """Initial weights of a classifier: the language model's where it has them, else drawn."""
        drawn = models.start(network.blocks, network.features, seed)
        own = iter(self.weights)
        return [
            {name: np.asarray(array) for name, array in next(own).items()}
            if isinstance(block, Embedding | Recurrent)
            else w
            for block, w in zip(network.blocks, drawn, strict=True)
        ]
