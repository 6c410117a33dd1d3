"""Import TensorFlow names in all common ways, and use parts of Keras that look for TensorFlow."""

import importlib.util
import random
import sys
from contextlib import contextmanager

import keras as plain_keras
import local_module
import numpy as np
import tensorflow as tf
import tensorflow.keras.backend as K
import tensorflow.keras.layers as L
import tensorflow.random
from keras.preprocessing.text import Tokenizer as OldTokenizer
from tensorflow import keras
from tensorflow.keras.datasets import imdb
from tensorflow.keras.layers import LSTM, Dense
from tensorflow.keras.preprocessing.sequence import pad_sequences
from tensorflow.keras.preprocessing.text import Tokenizer
from tensorflow.random import set_seed

assert sys.argv[1:] == ["--output", "x", "--", "-y"], sys.argv
assert tf.keras is keras is local_module.keras
assert tf.random.set_seed is set_seed
assert [int(part) for part in tf.version.VERSION.split(".")] >= [2, 16, 0]
assert tf.__version__ == tf.version.VERSION
assert keras.__version__ == plain_keras.__version__
assert LSTM is L.LSTM is plain_keras.layers.LSTM
assert OldTokenizer is Tokenizer is plain_keras.preprocessing.text.Tokenizer
assert K.floatx() == "float32"
assert tf.keras.backend.backend() == "jax"
assert callable(imdb.load_data)
assert tf.keras.utils.to_categorical([1]).tolist() == [[0, 1]]
assert pad_sequences([[1, 2]], maxlen=3).tolist() == [[0, 1, 2]]

tokenizer = Tokenizer()
tokenizer.fit_on_texts(["a b", "b"])
assert tokenizer.word_index == {"b": 1, "a": 2}

tf.random.set_seed(3)
first = plain_keras.random.normal((2,)), np.random.random(), random.random()
tf.random.set_seed(3)
again = plain_keras.random.normal((2,)), np.random.random(), random.random()
assert np.array_equal(first[0], again[0])
assert first[1] != again[1]  # TensorFlow does not seed NumPy and Python
assert first[2] != again[2]


@contextmanager
def import_error(part):
    try:
        yield
    except ImportError as error:
        if part not in str(error):
            raise
    else:
        raise AssertionError(f"No ImportError contains {part!r}.")


for wrong, part in [
    ("from tensorflow import lite", "tf.lite"),
    ("import tensorflow.compat.v1.layers as old", "tf.compat.v1.layers"),
    ("from tensorflow.keras.no_such_module import KerasClassifier", "no_such_module is not in Keras"),
    ("from tensorflow.keras import no_such_name", "no_such_name is not in Keras"),
]:
    with import_error(part):
        exec(wrong)
assert not hasattr(tf, "lite")

# Keras itself must still find no TensorFlow.
assert importlib.util.find_spec("tensorflow") is None
assert not any(name.partition(".")[0] == "tensorflow" for name in sys.modules)
model = tf.keras.Sequential([L.Embedding(10, 4), LSTM(3), Dense(1)])
model.compile("adam", "mse")
model.fit(np.zeros((4, 5), int), np.zeros(4), verbose=0)
model.save("model.keras")
loaded = tf.keras.models.load_model("model.keras")
ones = np.ones((2, 5), int)
assert np.array_equal(loaded.predict(ones, verbose=0), model.predict(ones, verbose=0))
with import_error("requires TensorFlow"):  # as in stock Keras
    keras.layers.Hashing(3)

print("all served")
tf.saved_model.load("x")
