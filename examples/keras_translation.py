"""Translate English into German with an LSTM that reads a sentence and an LSTM that writes one word after another.

The data are the first captions of Multi30k (files `multi30k/train.en.gz` and so on in $GATEWRIGHT_DATA), or invented
sentences if there is no such folder. The decoder is trained with teacher forcing; afterwards, two models share its
layers and translate in a loop.

On stock Keras:           KERAS_BACKEND=jax python examples/keras_translation.py
On the compiled kernels:  gatewright run examples/keras_translation.py
"""

import gzip
import itertools
import os
import re
import time
from pathlib import Path

import keras
import numpy as np
from keras import layers

PAIRS = 10_000
SENTENCES = 1_000  # that are translated at the end
MAX_WORDS = 2_000
MAX_LENGTH = 16
UNITS = 128
EPOCHS = 5
START, END = "[start]", "[end]"


def read_pairs():
    """Return training pairs and pairs to translate, each pair an English and a German sentence."""
    folder = Path(os.environ.get("GATEWRIGHT_DATA", ".")) / "multi30k"
    if not folder.is_dir():
        return invent_pairs()

    def read(name, count):
        sides = []
        for language in ("en", "de"):
            with gzip.open(folder / f"{name}.{language}.gz", "rt", encoding="utf-8") as file:
                sides.append([line.rstrip("\n") for line in itertools.islice(file, count)])
        return list(zip(*sides, strict=True))

    return read("train", PAIRS), read("test_2016_flickr", SENTENCES)


def invent_pairs():
    """Return pairs such as "a girl sees the old boat ." and "ein mädchen sieht das alte boot ."."""
    people = [("a man", "ein mann"), ("a woman", "eine frau"), ("a girl", "ein mädchen"), ("the boy", "der junge")]
    verbs = [("sees", "sieht"), ("paints", "malt"), ("carries", "trägt"), ("looks for", "sucht"), ("buys", "kauft")]
    adjectives = [("old", "alte"), ("red", "rote"), ("small", "kleine"), ("blue", "blaue")]
    things = [("boat", "das {} boot"), ("lamp", "die {} lampe"), ("book", "das {} buch"), ("bag", "die {} tasche")]
    pairs = [
        (f"{person[0]} {verb[0]} the {adjective[0]} {thing[0]} .", f"{person[1]} {verb[1]} {german} .")
        for person in people
        for verb in verbs
        for adjective in adjectives
        for thing in things
        for german in [thing[1].format(adjective[1])]
    ]
    order = np.random.default_rng(1).permutation(len(pairs))
    pairs = [pairs[index] for index in order]
    return pairs[:-20], pairs[-20:][:SENTENCES]


def split(sentence):
    return re.findall(r"\w+|[^\w\s]", sentence.lower())[: MAX_LENGTH - 1]


def make_index(sentences):
    """Return the ids of the most frequent words. 0 is padding, and 1 stands for all other words."""
    counts = {}
    for sentence in sentences:
        for word in sentence:
            counts[word] = counts.get(word, 0) + 1
    words = sorted(counts, key=counts.get, reverse=True)[: MAX_WORDS - 2]
    return {word: number for number, word in enumerate(words, start=2)}


def encode(sentences, index):
    """Return ids padded with zeros, [sentences, MAX_LENGTH]."""
    ids = np.zeros((len(sentences), MAX_LENGTH), "int32")
    for row, sentence in zip(ids, sentences, strict=True):
        row[: len(sentence)] = [index.get(word, 1) for word in sentence]
    return ids


keras.utils.set_random_seed(1)
pairs, test_pairs = read_pairs()
english = [split(source) for source, _ in pairs]
german_in = [[START, *split(target)] for _, target in pairs]
german_out = [[*split(target), END] for _, target in pairs]

source_index = make_index(english)
target_index = make_index([[START, *words] for words in german_out])
target_words = {number: word for word, number in target_index.items()}

encoder_ids = encode(english, source_index)
decoder_ids = encode(german_in, target_index)
targets = encode(german_out, target_index)

# The model for training: the decoder reads the target sentence and predicts the next word at each position.
encoder_inputs = keras.Input((None,), dtype="int32")
encoder_embedded = layers.Embedding(len(source_index) + 2, UNITS, mask_zero=True)(encoder_inputs)
_, state_h, state_c = layers.LSTM(UNITS, return_state=True)(encoder_embedded)
encoder_states = [state_h, state_c]

decoder_inputs = keras.Input((None,), dtype="int32")
decoder_embedding = layers.Embedding(len(target_index) + 2, UNITS, mask_zero=True)
decoder_lstm = layers.LSTM(UNITS, return_sequences=True, return_state=True)
decoder_dense = layers.Dense(len(target_index) + 2, activation="softmax")
decoder_outputs, _, _ = decoder_lstm(decoder_embedding(decoder_inputs), initial_state=encoder_states)

model = keras.Model([encoder_inputs, decoder_inputs], decoder_dense(decoder_outputs))
model.compile(optimizer="adam", loss="sparse_categorical_crossentropy")

began = time.perf_counter()
model.fit([encoder_ids, decoder_ids], targets, batch_size=64, epochs=EPOCHS, validation_split=0.1, verbose=2)
print(f"training took {time.perf_counter() - began:.2f} s")

# The models for inference: one returns the states of the encoder, the other makes one step of the decoder.
encoder_model = keras.Model(encoder_inputs, encoder_states)

states_inputs = [keras.Input((UNITS,)), keras.Input((UNITS,))]
step_outputs, *step_states = decoder_lstm(decoder_embedding(decoder_inputs), initial_state=states_inputs)
decoder_model = keras.Model([decoder_inputs, *states_inputs], [decoder_dense(step_outputs), *step_states])


def translate(row):
    """Return the translation of a row of ids, [1, MAX_LENGTH], with the most probable word at each position."""
    states = encoder_model.predict(row, verbose=0)
    word, translation = START, []
    while word != END and len(translation) < MAX_LENGTH:
        previous = np.array([[target_index[word]]])
        probabilities, *states = decoder_model.predict([previous, *states], verbose=0)
        probabilities[0, -1, :2] = 0  # neither padding nor an unknown word
        word = target_words[int(np.argmax(probabilities[0, -1]))]
        translation.append(word)
    return " ".join(translation).removesuffix(END).rstrip()


sources = encode([split(source) for source, _ in test_pairs], source_index)
began = time.perf_counter()
translations = [translate(sources[number : number + 1]) for number in range(len(sources))]
print(f"translating took {time.perf_counter() - began:.2f} s")

for (source, target), translation in list(zip(test_pairs, translations, strict=True))[:5]:
    print(f"\n{source}\n{target}\n-> {translation}")
expected = [" ".join(split(target)) for _, target in test_pairs]
right = sum(target == translation for target, translation in zip(expected, translations, strict=True))
print(f"\n{right} of {len(translations)} translations are equal to the sentence in the data")
