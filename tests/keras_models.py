"""The same model in Keras' own layers: what blocks are held against."""

from __future__ import annotations

import numpy as np

from gatewright.nn.layers import Dense, Dropout, Embedding, Pool, Recurrent, Softmax
from gatewright.ops.cells import CELLS

# Those that Keras has too.
KERAS_CELLS = ("simple_rnn", "lstm", "gru")


def keras_model(blocks, weights, time=None, features=None):
    """A functional Keras model with the blocks' weights; ids come in, or [time, features]."""
    import keras
    from keras import layers, ops

    ids = isinstance(blocks[0], Embedding)
    x = first = keras.Input((time,) if ids else (time, features), dtype="int32" if ids else "float32")
    mask, made = None, []
    for block, own in zip(blocks, weights, strict=True):
        values = [np.asarray(array) for array in own.values()]
        if isinstance(block, Embedding):
            layer = layers.Embedding(block.vocabulary, block.units, mask_zero=True)
            mask, x = ops.not_equal(x, 0), layer(x)
        elif isinstance(block, Recurrent):
            layer = getattr(layers, CELLS[block.cell].title)(block.units, return_sequences=block.steps)
            layer = layers.Bidirectional(layer) if block.both else layer
            x = layer(x, mask=mask)
        elif isinstance(block, Pool):
            layer, x = None, _pooled(block, own, x, mask)
        elif isinstance(block, Dense):
            layer = layers.Dense(block.units)
            x = layer(x)
        elif isinstance(block, Softmax):
            layer = layers.Dense(block.vocabulary)
            values = [weights[0]["table"].T, *values] if block.tied else values
            x = layer(x)
        else:
            assert isinstance(block, Dropout)
            layer = None
        if layer is not None:
            made.append((layer, values))
    model = keras.Model(first, x)
    for layer, values in made:
        layer.set_weights(values)
    return model


def _pooled(block, weights, x, mask):
    from keras import layers, ops

    if block.by == "mean":
        return layers.GlobalAveragePooling1D()(x, mask=mask)
    live = ops.expand_dims(mask, -1)
    if block.by == "max":
        return ops.max(ops.where(live, x, -1e9), axis=1)
    scores = ops.matmul(ops.tanh(ops.matmul(x, weights["kernel"]) + weights["bias"]), weights["context"][:, None])
    shares = ops.softmax(ops.where(live, scores, -1e9), axis=1)
    return ops.sum(shares * x, axis=1)
