"""Train a GRU to memorize a short story word by word, and let it continue a few words.

On stock Keras:           python examples/text_generation.py  (with TensorFlow installed)
On the compiled kernels:  gatewright run examples/text_generation.py
"""

import numpy as np
import tensorflow as tf
from tensorflow.keras.layers import GRU, Dense, Embedding
from tensorflow.keras.models import Sequential
from tensorflow.keras.preprocessing.sequence import pad_sequences
from tensorflow.keras.preprocessing.text import Tokenizer

STORY = """
The old gatekeeper lived beside the canal where three rivers met the sea.
Every morning he opened the heavy gate and let the fishing boats go out.
Every evening he closed the gate again and counted the lamps on the water.
One winter the wind blew so hard that nobody dared to leave the harbour.
The gatekeeper waited by his small stove and mended a torn blue sail.
On the third night he heard a bell ringing far away in the dark.
He took his lantern and walked along the wall until he saw a boat.
A young girl was holding the rudder with both hands and singing loudly.
She had sailed alone from the island to bring medicine to the town.
The gatekeeper turned the great wheel and the gate rose slowly from the water.
The boat slipped through just before a wave broke over the wall.
In the morning the storm was gone and the town was full of bread and music.
The girl asked the gatekeeper what she could give him for his help.
He smiled and said that a song was worth more than silver.
So she sang until the sun went down and the lamps were lit again.
"""

tf.random.set_seed(7)

tokenizer = Tokenizer()
lines = STORY.strip().split("\n")
tokenizer.fit_on_texts(lines)
vocabulary_size = len(tokenizer.word_index) + 1

# All beginnings of each line with at least two words. The model predicts the last word from those before it.
prefixes = []
for line in tokenizer.texts_to_sequences(lines):
    for end in range(2, len(line) + 1):
        prefixes.append(line[:end])
longest = max(len(prefix) for prefix in prefixes)
padded = pad_sequences(prefixes, maxlen=longest, padding="pre")
x, y = padded[:, :-1], padded[:, -1]

model = Sequential(
    [
        Embedding(vocabulary_size, 64),
        GRU(128),
        Dense(vocabulary_size, activation="softmax"),
    ]
)
model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
history = model.fit(x, y, epochs=100, verbose=0)
print(f"loss {history.history['loss'][-1]:.4f}, accuracy {history.history['accuracy'][-1]:.4f}")


def continue_text(text, count):
    for _ in range(count):
        ids = pad_sequences(tokenizer.texts_to_sequences([text]), maxlen=longest - 1, padding="pre")
        best = int(np.argmax(model.predict(ids, verbose=0)[0]))
        text += " " + tokenizer.index_word[best]
    return text


print(continue_text("every evening he", 10))
print(continue_text("the gatekeeper turned", 8))
