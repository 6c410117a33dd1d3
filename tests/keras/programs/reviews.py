"""Load the reviews as Keras programs do and print them as JSON."""

import json

import keras

(x_train, y_train), (x_test, y_test) = keras.datasets.imdb.load_data(num_words=6)
words = keras.datasets.imdb.get_word_index()
print(json.dumps([list(x_train), y_train.tolist(), list(x_test), y_test.tolist(), words]))
