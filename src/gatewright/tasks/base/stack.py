"""The stack of recurrent layers that networks of most tasks share, and what holds for such networks in model files."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gatewright.nn.file import Relation
from gatewright.nn.layer import Layer
from gatewright.nn.layers import Dense, Dropout, Embedding, Pool, Recurrent, Softmax

LANGUAGE_MODEL_LAYERS = (Embedding, Dropout, Recurrent, Dense, Softmax)
LANGUAGE_MODEL_ORDER = "embedding dropout? (recurrent dropout?)+ dense? softmax"
"""The layers of a language model, with which classifiers of texts can start; see `nn.file.Schema`."""


def recurrent_stack(
    settings: Any,
    *,
    bidirectional: bool = False,
    sequences: bool = False,
    pooling: str = "last",
    weight_dropout: float = 0.0,
) -> list[Layer]:
    """Return `settings.layers` recurrent layers, each followed by dropout.

    Args:
        settings: The task's settings.
        bidirectional: True if the layers process sequences in both directions.
        sequences: True if the last layer returns the outputs of all time steps.
        pooling: Method that combines the outputs of the last layer at all time steps into one vector: "last" for the
            last output, or a method of `Pool`.
        weight_dropout: Fraction of the recurrent weights dropped in training; see `Recurrent`.
    """
    layers: list[Layer] = []
    for layer in range(settings.layers):
        top = layer == settings.layers - 1
        layers.append(
            Recurrent(
                settings.cell,
                settings.units,
                bidirectional,
                return_sequences=not top or sequences or pooling != "last",
                recurrent_dropout=settings.recurrent_dropout,
                weight_dropout=weight_dropout,
                zoneout=settings.zoneout,
            )
        )
        if top and pooling != "last":
            layers.append(Pool(pooling))
        if settings.output_dropout:
            layers.append(Dropout(settings.output_dropout))
    return layers


def stack_fits(layers: Sequence[Layer], sequences: bool, bidirectional: bool = False) -> Iterator[Relation]:
    """Yield the relations of a stack of recurrent layers, of which all but the last return the outputs of all steps.

    Args:
        layers: All layers of the network.
        sequences: True if the last recurrent layer returns the outputs of all steps too.
        bidirectional: True if the layers may process sequences in both directions.
    """
    stack = [layer for layer in layers if isinstance(layer, Recurrent)]
    for place, layer in enumerate(stack, 1):
        needed = sequences or place < len(stack)
        yield Relation(f"'return_sequences' of recurrent layer {place}", layer.return_sequences, needed)
        if not bidirectional:
            yield Relation(f"'bidirectional' of recurrent layer {place}", layer.bidirectional, False)


def settings_fit(layers: Sequence[Layer], training: Mapping[str, Any]) -> Iterator[Relation]:
    """Yield the relations between the layers and the settings in the training record, as far as it has these."""
    settings = training.get("settings", {})
    for layer in layers:
        for cell in layer.cells():
            yield Relation("cell", cell, settings.get("cell", cell))
        if isinstance(layer, Recurrent):
            yield Relation("number of units", layer.units, settings.get("units", layer.units))


def outputs_fit(outputs: int, layers: Sequence[Layer]) -> Relation:
    """Return the relation between the number of outputs that a task needs and that of the last layer."""
    return Relation("number of outputs", layers[-1].width(0), outputs)


def embedding_fits(ids: int, layers: Sequence[Layer]) -> Relation:
    """Return the relation between the number of ids of an encoder and the embedding, which is the first layer."""
    return Relation("number of ids", ids, layers[0].vocabulary if isinstance(layers[0], Embedding) else 0)


def softmax_fits(ids: int, layers: Sequence[Layer]) -> Iterator[Relation]:
    """Yield the relations between the encoder, the embedding and the softmax of a language model."""
    yield embedding_fits(ids, layers)
    yield outputs_fit(ids, layers)
    features = 1
    for layer in layers:
        if isinstance(layer, Softmax) and layer.tied:
            yield Relation("number of inputs of its tied softmax", features, layers[0].width(1))
        features = layer.width(features)
