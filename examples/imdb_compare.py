"""Compare SimpleRNN, LSTM and GRU on film reviews: 128 units, 200 words, 5 epochs each.

On stock Keras:           KERAS_BACKEND=jax python examples/imdb_compare.py
On the compiled kernels:  gatewright run examples/imdb_compare.py
"""

import time

import keras
from keras import layers

VOCABULARY = 10000
LENGTH = 200
EPOCHS = 5

# Keras shuffles the reviews, so the last fifth, which validation_split sets aside, contains both classes.
(x_train, y_train), (x_test, y_test) = keras.datasets.imdb.load_data(num_words=VOCABULARY)
x_train = keras.utils.pad_sequences(x_train, maxlen=LENGTH)
x_test = keras.utils.pad_sequences(x_test, maxlen=LENGTH)

results = []
for cell in (layers.SimpleRNN, layers.LSTM, layers.GRU):
    keras.utils.set_random_seed(42)
    model = keras.Sequential(
        [
            layers.Embedding(VOCABULARY, 128),
            cell(128),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
    print(cell.__name__)
    start = time.perf_counter()
    model.fit(x_train, y_train, batch_size=32, epochs=EPOCHS, validation_split=0.2, verbose=2)
    seconds = (time.perf_counter() - start) / EPOCHS
    loss, accuracy = model.evaluate(x_test, y_test, batch_size=32, verbose=0)
    results.append((cell.__name__, accuracy, seconds))

print(f"{'layer':<10} {'test accuracy':>14} {'seconds per epoch':>17}")
for name, accuracy, seconds in results:
    print(f"{name:<10} {accuracy:>14.4f} {seconds:>17.1f}")
