"""The translator with attention after the recurrence equals a program for PyTorch with the same weights."""

import jax
import numpy as np
import pytest
from tolerances import assert_close

from gatewright.nn import model as models
from gatewright.nn.backend import NUMPY, jax_backend
from gatewright.nn.layer import Activations
from gatewright.nn.prefixes import select
from gatewright.ops.convert import keras_to_pytorch
from gatewright.tasks.translate.layers import Decoder, Encoder

torch = pytest.importorskip("torch")

SOURCE = np.array([[5, 6, 7, 4, 4, 9, 1], [4, 1, 0, 0, 0, 0, 0], [7, 7, 8, 1, 0, 0, 0]], np.int32)
TARGET = np.array([[5, 6, 8, 1, 0], [1, 0, 0, 0, 0], [8, 8, 10, 5, 1]], np.int32)
ENCODER_UNITS, UNITS, SMOOTHING = 9, 7, 0.1


class AllKept:
    """Random numbers of a training step that drops nothing."""

    def keep(self, rate, shape):
        return np.ones(shape, bool)


def recurrent_module(layer, w, features):
    """Return a PyTorch layer with the weights of a recurrent layer; those of its gradients have the same names."""
    kind = {"gru": torch.nn.GRU, "lstm": torch.nn.LSTM}[layer.cell]
    module = kind(features, layer.units, batch_first=True, bidirectional=layer.bidirectional, dtype=torch.float64)
    with torch.no_grad():
        for name, array in converted(layer, w).items():
            getattr(module, name).copy_(torch.from_numpy(array))
    return module


def converted(layer, w):
    """Return the weights of a recurrent layer, or their gradients, in the layout and with the names of PyTorch."""
    arrays = {}
    for (prefix, rec), suffix in zip(layer.directions(), ("_l0", "_l0_reverse"), strict=False):
        own = [np.asarray(w[f"{prefix}{name}"], np.float64) for name in ("kernel", "recurrent_kernel", "bias")]
        found = keras_to_pytorch(rec, *own)._asdict()
        arrays |= {name + suffix: array for name, array in found.items() if array is not None}
    return arrays


def pytorch_losses(encoder, decoder, weights, reader, writer):
    """Return -log p of each target id with label smoothing, and 0 at padding, [batch, target steps]."""
    rnn, (e, d) = torch.nn.utils.rnn, weights
    source, y, lengths = torch.from_numpy(SOURCE).long(), torch.from_numpy(TARGET).long(), (SOURCE > 0).sum(axis=1)
    packed = rnn.pack_padded_sequence(e["table"][source], lengths.tolist(), batch_first=True, enforce_sorted=False)
    packed, last = reader(packed)
    H, _ = rnn.pad_packed_sequence(packed, batch_first=True)
    last = last[0] if encoder.cell == "lstm" else last
    first = torch.tanh(torch.cat([last[0], last[1]], dim=1) @ d["initial_kernel"] + d["initial_bias"])
    states = tuple(state[None].contiguous() for state in first.split(UNITS, dim=1))
    read = d["table"][torch.cat([torch.ones(3, 1, dtype=torch.long), y[:, :-1]], dim=1)]
    h, _ = writer(read, states if encoder.cell == "lstm" else states[0])
    K = H @ d["key_kernel"]
    if decoder.score == "dot":
        scores = torch.einsum("btu,bsu->bts", h, K) / UNITS**0.5
    else:
        scores = torch.tanh((h @ d["query_kernel"])[:, :, None] + K[:, None]) @ d["score"]
    a = torch.softmax(scores.masked_fill((source == 0)[:, None], -torch.inf), dim=2)
    o = torch.tanh(torch.cat([h, a @ H, read], dim=2) @ d["output_kernel"] + d["output_bias"])
    logits = o @ d["table"].T + d["bias"]
    losses = torch.nn.functional.cross_entropy(
        logits.reshape(-1, 11), y.reshape(-1), reduction="none", label_smoothing=SMOOTHING
    )
    return losses.reshape(y.shape) * (y > 0)


@pytest.mark.slow  # compiles gradients
@pytest.mark.parametrize(("cell", "score"), [("gru", "dot"), ("lstm", "additive")])
def test_losses_and_gradients_equal_those_of_pytorch(cell, score):
    layers = [
        Encoder(11, 6, cell, ENCODER_UNITS),
        Decoder(11, 6, cell, UNITS, score=score, label_smoothing=SMOOTHING),
    ]
    weights = [{name: 2 * array for name, array in layer.items()} for layer in models.initial_weights(layers, 1, [1])]

    def losses(weights, backend):
        inputs = Activations(SOURCE, targets={"ids": TARGET})
        return models.forward(layers, backend, models.bind(layers, weights), inputs, None, AllKept())[0].x["losses"]

    copies = [{name: torch.tensor(array, dtype=torch.float64) for name, array in layer.items()} for layer in weights]
    for layer in copies:
        for array in layer.values():
            array.requires_grad_()
    recurrent = [layers[0].recurrent_layers()[0][1], layers[1].recurrent_layers(2 * ENCODER_UNITS)[0][1]]
    modules = [recurrent_module(layer, select("0_", w), 6) for layer, w in zip(recurrent, weights, strict=True)]
    expected = pytorch_losses(*layers, copies, *modules)
    expected.sum().backward()
    expected = expected.detach().numpy()
    assert_close(losses(weights, NUMPY), expected, "forward", np.float32)
    total = jax.jit(jax.value_and_grad(lambda w: losses(w, jax_backend()).sum()))
    value, gradients = total(weights)
    assert_close(value, expected.sum(), "forward", np.float32, TARGET.size)
    for layer, copy, module, found in zip(recurrent, copies, modules, gradients, strict=True):
        for name, array in converted(layer, select("0_", found)).items():
            # The recurrent bias of an LSTM is the other half of one bias, and is not a weight of ours.
            if not (cell == "lstm" and name.startswith("bias_hh")):
                assert_close(array, getattr(module, name).grad, "gradient", np.float32)
        for name, array in found.items():
            if not name.startswith("0_"):
                assert_close(array, copy[name].grad, "gradient", np.float32)
