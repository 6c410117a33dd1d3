"""Measure how far the probabilities of imported models are from those of Keras.

Models of the usual notebooks are trained briefly with stock Keras, saved, imported with `gatewright.import_model`, and
asked about 1,000 texts that the training did not see. The ids for Keras are made here, with Keras' own functions.

    GATEWRIGHT_DATA=... python benchmarks/imported_models.py [--texts 1000] [--examples 1000]
"""

import argparse
import json
import os
import tempfile
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "jax")

import keras
import numpy as np
from keras import layers as kl
from keras.src.legacy.preprocessing.text import Tokenizer, text_to_word_sequence

import gatewright
from gatewright.data import public

WORDS, GENERATOR_LENGTH = 10_000, 20


def reviews(name, count, index):
    """Return texts and labels of one split of imdb, and the ids that `keras.datasets.imdb.load_data` has for texts."""
    texts, labels = public.imdb(name)
    chosen = np.random.default_rng(0).permutation(len(texts))[:count]
    texts = [texts[place] for place in chosen]
    ids = []
    for text in texts:
        found = [index.get(word, WORDS) + 3 for word in text_to_word_sequence(text)]
        ids.append([1, *(number if number < WORDS else 2 for number in found)])
    return texts, labels[chosen], ids


def classifiers():
    """Return the length, the layers before the head, and the side of padding of each classifier."""
    return {
        "GRU 64": (100, [kl.Embedding(WORDS, 32), kl.GRU(64)], "pre"),
        "SimpleRNN 128": (200, [kl.Embedding(WORDS, 128), kl.SimpleRNN(128)], "pre"),
        "LSTM 128": (200, [kl.Embedding(WORDS, 128), kl.LSTM(128)], "pre"),
        "GRU 128": (200, [kl.Embedding(WORDS, 128), kl.GRU(128)], "pre"),
        "GRU 128, padded at the end": (200, [kl.Embedding(WORDS, 128), kl.GRU(128)], "post"),
        "Bidirectional LSTM 64": (200, [kl.Embedding(WORDS, 64), kl.Bidirectional(kl.LSTM(64))], "pre"),
        "two GRU 64, masked": (
            200,
            [kl.Embedding(WORDS, 64, mask_zero=True), kl.GRU(64, return_sequences=True), kl.Dropout(0.2), kl.GRU(64)],
            "pre",
        ),
        "Bidirectional GRU 64, largest": (
            200,
            [
                kl.Embedding(WORDS, 64),
                kl.Bidirectional(kl.GRU(64, return_sequences=True)),
                kl.GlobalMaxPooling1D(),
                kl.Dense(20, activation="relu"),
            ],
            "pre",
        ),
    }


def difference(model, ids, texts, folder, **how):
    """Save and import a model, and return the largest difference of probabilities."""
    model.save(folder / "model.keras")
    gatewright.import_model(folder / "model.keras", out=folder / "model.safetensors", **how)
    found = gatewright.runtime.load(folder / "model.safetensors").probabilities(texts)
    expected = model.predict(ids, batch_size=128, verbose=0)
    return float(np.abs((found[:, 1:] if expected.shape[1] == 1 else found) - expected).max())


def measure_classifiers(options, folder):
    index = json.loads(public.imdb_for_keras().word_index.read_text())
    (folder / "imdb_word_index.json").write_text(json.dumps(index))
    _, labels, train = reviews("train", options.examples, index)
    texts, _, test = reviews("test", options.texts, index)
    for name, (length, layers, padding) in classifiers().items():
        model = keras.Sequential([keras.Input((length,)), *layers, kl.Dense(1, activation="sigmoid")])
        model.compile("adam", "binary_crossentropy")
        model.fit(keras.utils.pad_sequences(train, length, padding=padding), labels, 64, epochs=1, verbose=0)
        ids = keras.utils.pad_sequences(test, length, padding=padding)
        how = {"words": folder / "imdb_word_index.json", "padding": padding}
        print(f"{name:<32} {difference(model, ids, texts, folder, **how):.1e}", flush=True)


def measure_generators(options, folder):
    text = (public.folder("shakespeare") / "input.txt").read_text()
    lines = [line for line in text.split("\n") if line.strip()]
    tokenizer = Tokenizer()
    tokenizer.fit_on_texts(lines[:4000])
    (folder / "tokenizer.json").write_text(tokenizer.to_json())
    size = len(tokenizer.word_index) + 1
    windows = [ids[:end] for ids in tokenizer.texts_to_sequences(lines[:4000]) for end in range(2, len(ids) + 1)]
    padded = keras.utils.pad_sequences(windows[: options.examples], GENERATOR_LENGTH)
    prompts = lines[4000 : 4000 + options.texts]
    ids = keras.utils.pad_sequences(tokenizer.texts_to_sequences(prompts), GENERATOR_LENGTH - 1)
    for name, layer in (("next word, LSTM 100", kl.LSTM(100)), ("next word, GRU 100", kl.GRU(100))):
        head = kl.Dense(size, activation="softmax")
        model = keras.Sequential([keras.Input((GENERATOR_LENGTH - 1,)), kl.Embedding(size, 50), layer, head])
        model.compile("adam", "sparse_categorical_crossentropy")
        model.fit(padded[:, :-1], padded[:, -1], 64, epochs=3, verbose=0)
        largest = difference(model, ids, prompts, folder, words=folder / "tokenizer.json")
        print(f"{name:<32} {largest:.1e}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--texts", type=int, default=1000, help="Number of texts.")
    parser.add_argument("--examples", type=int, default=1000, help="Number of training examples.")
    options = parser.parse_args()
    keras.utils.set_random_seed(0)
    print("largest difference of a probability\n")
    with tempfile.TemporaryDirectory() as folder:
        measure_classifiers(options, Path(folder))
        measure_generators(options, Path(folder))


if __name__ == "__main__":
    main()
