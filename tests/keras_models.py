"""The same network made of Keras' layers: the reference of our layers."""

from __future__ import annotations

import numpy as np

from gatewright.nn.layers import Dense, Dropout, Embedding, Pool, Recurrent, Softmax
from gatewright.ops.cells import CELLS

KERAS_CELLS = ("simple_rnn", "lstm", "gru")
"""The cells that Keras has too."""


def keras_model(network, weights, time=None, features=None):
    """Return a functional Keras model with these layers and weights; its inputs are ids, or [time, features]."""
    import keras
    from keras import layers, ops

    ids = isinstance(network[0], Embedding)
    x = first = keras.Input((time,) if ids else (time, features), dtype="int32" if ids else "float32")
    mask, made = None, []
    for layer, own in zip(network, weights, strict=True):
        values = [np.asarray(array) for array in own.values()]
        if isinstance(layer, Embedding):
            reference = layers.Embedding(layer.vocabulary, layer.units, mask_zero=True)
            mask, x = ops.not_equal(x, 0), reference(x)
        elif isinstance(layer, Recurrent):
            reference = getattr(layers, CELLS[layer.cell].title)(layer.units, return_sequences=layer.return_sequences)
            reference = layers.Bidirectional(reference) if layer.bidirectional else reference
            x = reference(x, mask=mask)
        elif isinstance(layer, Pool):
            reference, x = None, _pooled(layer, own, x, mask)
        elif isinstance(layer, Dense):
            reference = layers.Dense(layer.units)
            x = reference(x)
        elif isinstance(layer, Softmax):
            reference = layers.Dense(layer.vocabulary)
            values = [weights[0]["table"].T, *values] if layer.tied else values
            x = reference(x)
        else:
            assert isinstance(layer, Dropout)
            reference = None
        if reference is not None:
            made.append((reference, values))
    model = keras.Model(first, x)
    for reference, values in made:
        reference.set_weights(values)
    return model


def _pooled(layer, weights, x, mask):
    from keras import layers, ops

    if layer.method == "mean":
        return layers.GlobalAveragePooling1D()(x, mask=mask)
    live = ops.expand_dims(mask, -1)
    if layer.method == "max":
        return ops.max(ops.where(live, x, -1e9), axis=1)
    scores = ops.matmul(ops.tanh(ops.matmul(x, weights["kernel"]) + weights["bias"]), weights["context"][:, None])
    shares = ops.softmax(ops.where(live, scores, -1e9), axis=1)
    return ops.sum(shares * x, axis=1)
