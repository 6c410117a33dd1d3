"""Turn a loaded model into a network that the page of an explanation can run."""

import re
from collections.abc import Iterator, Sequence

import numpy as np

from gatewright.nn.layer import Layer, Weights
from gatewright.nn.layers import Dense, Dropout, Embedding, Pool, Recurrent
from gatewright.results.explanation import Target
from gatewright.results.page_network import DENSE, EMBEDDING, POOL, RECURRENT, PageLayer, PageNetwork, PageReading
from gatewright.support.errors import InputError
from gatewright.tasks.base.model import TrainedModel

_ORDER = re.compile(f"{EMBEDDING}( {RECURRENT})+( {POOL})?( {DENSE})+")


def page_network(model: TrainedModel, target: Target) -> PageNetwork:
    """Return the network of a model that reads texts, with the number that is explained.

    Args:
        model: The model.
        target: The number that is explained.

    Raises:
        InputError: The page cannot run this network. The message says why.
    """
    reading = model.page_reading()
    layers = tuple(
        converted for layer, w in zip(model.layers, model.weights, strict=True) for converted in _converted(layer, w)
    )
    _require_order(model, layers)
    return PageNetwork(reading, layers, _weights(reading, target))


def _weights(reading: PageReading, target: Target) -> tuple[float, ...]:
    """Return the weight of each output in the number that is explained, [outputs]."""
    names = reading.labels
    if reading.outputs == "sigmoid":
        return (1.0 if target.name == names[1] else -1.0,)
    against = target.against if reading.outputs == "softmax" else ""
    return tuple(float(name == target.name) - float(name == against) for name in names)


def _converted(layer: Layer, w: Weights) -> Iterator[PageLayer]:
    """Yield the layers of the page for one layer of the network: none for dropout, one for each direction."""
    if isinstance(layer, Dropout):
        return
    if isinstance(layer, Embedding):
        yield PageLayer(EMBEDDING, {"mask": layer.mask}, {"table": np.asarray(w["table"])})
    elif isinstance(layer, Recurrent):
        yield from _directions(layer, w)
    elif isinstance(layer, Pool):
        options = {"method": layer.method, "padding": layer.padding}
        yield PageLayer(POOL, options, {name: np.asarray(array) for name, array in w.items()})
    elif isinstance(layer, Dense):
        if layer.activation == "softmax":
            raise InputError("The network has a softmax before its output, which the page cannot run.")
        bias = w["bias"] if layer.use_bias else np.zeros(layer.units, np.float32)
        yield PageLayer(DENSE, {"activation": layer.activation}, {"kernel": np.asarray(w["kernel"]), "bias": bias})
    else:
        raise InputError(f"The network has a {layer.kind} layer, which the page cannot run.")


def _directions(layer: Recurrent, w: Weights) -> Iterator[PageLayer]:
    if layer.bidirectional and layer.merge != "concat":
        raise InputError("The network adds or multiplies the outputs of both directions, which the page does not do.")
    if layer.go_backwards and (layer.bidirectional or layer.return_sequences):
        raise InputError("The network reverses the order of the steps between layers, which the page does not do.")
    for place, (prefix, rec) in enumerate(layer.directions()):
        if rec.zoneout and len(rec.state_names) > 1:
            raise InputError("The network has an LSTM with zoneout, which the page cannot run.")
        options = {
            "cell": rec.cell,
            "activation": rec.activation,
            "recurrent_activation": rec.recurrent_activation,
            "reset_after": rec.reset_after,
            "reverse": rec.reverse,
            "zero_output_for_mask": rec.zero_output_for_mask,
            "zoneout": rec.zoneout,
            "units": layer.units,
            "joined": place > 0,
        }
        kernel, recurrent_kernel, bias = map(np.asarray, layer.operands(w, prefix))
        yield PageLayer(RECURRENT, options, {"kernel": kernel, "recurrent_kernel": recurrent_kernel, "bias": bias})


def _require_order(model: TrainedModel, layers: Sequence[PageLayer]) -> None:
    """Raise an error unless the layers are an embedding, recurrent layers, one vector of them, and dense layers."""
    kinds = " ".join(layer.kind for layer in layers)
    last = [layer for layer in model.layers if isinstance(layer, Recurrent)][-1:]
    pooled = POOL in kinds.split()
    if not _ORDER.fullmatch(kinds) or not last or last[0].return_sequences != pooled:
        raise InputError("The layers of the network stand in an order that the page cannot run.")
