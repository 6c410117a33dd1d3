"""Classify film reviews as good or bad from their last 200 words, with Embedding, GRU(128) and a sigmoid.

On stock Keras:           KERAS_BACKEND=jax python examples/imdb_gru128.py
On the compiled kernels:  gatewright run examples/imdb_gru128.py
"""

import keras
from keras import layers

VOCABULARY = 10000
LENGTH = 200

keras.utils.set_random_seed(42)

(x_train, y_train), (x_test, y_test) = keras.datasets.imdb.load_data(num_words=VOCABULARY)
x_train = keras.utils.pad_sequences(x_train, maxlen=LENGTH)
x_test = keras.utils.pad_sequences(x_test, maxlen=LENGTH)

model = keras.Sequential(
    [
        layers.Embedding(VOCABULARY, 128),
        layers.GRU(128),
        layers.Dense(1, activation="sigmoid"),
    ]
)
model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
model.fit(x_train, y_train, batch_size=64, epochs=3, verbose=2)

loss, accuracy = model.evaluate(x_test, y_test, batch_size=64, verbose=0)
print(f"test accuracy {accuracy:.4f}")

model.save("imdb_gru128.keras")
