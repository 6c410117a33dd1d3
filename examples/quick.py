"""Train a GRU to remember which of two marks came first in a sequence of 100 symbols.

On stock Keras:           KERAS_BACKEND=jax python examples/quick.py
On the compiled kernels:  gatewright run examples/quick.py
"""

import time

import keras
import numpy as np
from keras import layers

LENGTH = 100
SYMBOLS = 20
FIRST, SECOND = SYMBOLS, SYMBOLS + 1


def make_examples(count, rng):
    x = rng.integers(0, SYMBOLS, size=(count, LENGTH))
    positions = np.argsort(rng.random((count, LENGTH)), axis=1)[:, :2]
    x[np.arange(count), positions[:, 0]] = FIRST
    x[np.arange(count), positions[:, 1]] = SECOND
    return x, (positions[:, 0] < positions[:, 1]).astype("float32")


keras.utils.set_random_seed(1)
rng = np.random.default_rng(1)
x_train, y_train = make_examples(6400, rng)
x_test, y_test = make_examples(1600, rng)

model = keras.Sequential(
    [
        layers.Embedding(SYMBOLS + 2, 64),
        layers.GRU(128),
        layers.Dense(1, activation="sigmoid"),
    ]
)
model.compile(optimizer=keras.optimizers.Adam(3e-3), loss="binary_crossentropy", metrics=["accuracy"])

start = time.perf_counter()
model.fit(x_train, y_train, batch_size=64, epochs=5, verbose=2)
print(f"training took {time.perf_counter() - start:.1f} s")

_, accuracy = model.evaluate(x_test, y_test, batch_size=64, verbose=0)
print(f"test accuracy {accuracy:.3f}")
