"""Which of two marks came first? A GRU reads 100 symbols and must remember the order of two of them.

As it is:                 KERAS_BACKEND=jax python examples/quick.py
On the compiled kernels:  gatewright run examples/quick.py
"""

import time

import keras
import numpy as np
from keras import layers

LENGTH = 100
SYMBOLS = 20
FIRST, SECOND = SYMBOLS, SYMBOLS + 1


def make(rows, rng):
    x = rng.integers(0, SYMBOLS, size=(rows, LENGTH))
    places = np.argsort(rng.random((rows, LENGTH)), axis=1)[:, :2]
    x[np.arange(rows), places[:, 0]] = FIRST
    x[np.arange(rows), places[:, 1]] = SECOND
    return x, (places[:, 0] < places[:, 1]).astype("float32")


keras.utils.set_random_seed(1)
rng = np.random.default_rng(1)
x_train, y_train = make(6400, rng)
x_test, y_test = make(1600, rng)

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
