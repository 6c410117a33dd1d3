"""Classify film reviews as good or bad from their last 100 words, with Embedding, GRU(64) and a sigmoid.

On stock Keras:           python examples/imdb_gru64.py  (with TensorFlow installed)
On the compiled kernels:  gatewright run examples/imdb_gru64.py
"""

import tensorflow as tf
from tensorflow.keras.datasets import imdb
from tensorflow.keras.layers import GRU, Dense, Embedding
from tensorflow.keras.models import Sequential
from tensorflow.keras.preprocessing.sequence import pad_sequences

tf.random.set_seed(42)

max_features = 10000
maxlen = 100

(x_train, y_train), (x_test, y_test) = imdb.load_data(num_words=max_features)
x_train = pad_sequences(x_train, maxlen=maxlen)
x_test = pad_sequences(x_test, maxlen=maxlen)

model = Sequential(
    [
        Embedding(max_features, 128),
        GRU(64),
        Dense(1, activation="sigmoid"),
    ]
)
model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
model.fit(x_train, y_train, batch_size=64, epochs=3, verbose=2)

loss, accuracy = model.evaluate(x_test, y_test, batch_size=64, verbose=0)
print(f"test accuracy {accuracy:.4f}")

model.save("imdb_gru64.keras")
