"""Measure the characters per second that a GRU generates, compared with a loop of Keras' `predict`.

    python examples/generation_speed.py

Notebooks often use such a loop. Both have the same weights, draw from the same probabilities, and take turns in one
process on one thread. Gatewright keeps its state from character to character. Keras, on JAX, reads the last 40
characters again for each new one.

Writes docs/results/generation.md and docs/results/generation.json.
"""

import json
import os
import statistics
import time
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})

import keras
import numpy as np

import gatewright
from gatewright.data.encoders import Characters
from gatewright.nn import model as models
from gatewright.nn.file import ModelFile
from gatewright.nn.layers import Embedding, Recurrent, Softmax
from gatewright.ops import machine
from gatewright.support.files import atomically
from gatewright.support.ids import FIRST
from gatewright.tasks.generate.model import LanguageModel
from gatewright.tasks.generate.task import PreparedTexts

UNITS, WINDOW, ROUNDS = 128, 40, 7
GATEWRIGHT_COUNT, KERAS_COUNT = 20_000, 40  # characters per turn
CHARACTERS = [chr(code) for code in range(ord(" "), ord(" ") + 65)]


def create_models():
    encoder = Characters(tuple(CHARACTERS))
    layers = (Embedding(encoder.ids, 64), Recurrent("gru", UNITS), Softmax(encoder.ids))
    weights = tuple(models.initial_weights(layers, 1, [0]))
    prepared = PreparedTexts(encoder, "prefixes", WINDOW)
    language_model = LanguageModel(ModelFile("generate", layers, weights, prepared.to_json(), {}), prepared)
    keras_model = keras.Sequential(
        [keras.layers.Embedding(encoder.ids, 64), keras.layers.GRU(UNITS), keras.layers.Dense(encoder.ids)]
    )
    keras_model.build((None, WINDOW))
    keras_model.set_weights([array for layer in weights for array in layer.values()])
    return language_model, keras_model


def generate_with_keras(model, count):
    rng, text = np.random.default_rng(0), [FIRST] * WINDOW
    for _ in range(count):
        logits = model.predict(np.array([text[-WINDOW:]]), verbose=0)[0].astype(np.float64)
        logits[:FIRST] = -np.inf
        weights = np.exp(logits - logits.max())
        text.append(int(rng.choice(len(weights), p=weights / weights.sum())))


def rate(generate, count):
    start = time.perf_counter()
    generate(count)
    return count / (time.perf_counter() - start)


def measure():
    gatewright.set_num_threads(1)
    language_model, keras_model = create_models()
    loops = {
        "gatewright": (
            lambda count: language_model.generate(" ", tokens=count, temperature=0.8, seed=0),
            GATEWRIGHT_COUNT,
        ),
        "keras": (lambda count: generate_with_keras(keras_model, count), KERAS_COUNT),
    }
    for generate, count in loops.values():  # warm up
        generate(count)
    rates = {name: [] for name in loops}
    for _ in range(ROUNDS):
        for name, (generate, count) in loops.items():
            rates[name].append(rate(generate, count))
    return {"rates": rates, "made": machine.facts()}


def markdown(result):
    rates, facts = result["rates"], result["made"]
    ratio = statistics.median(rates["gatewright"]) / statistics.median(rates["keras"])
    return f"""# Generating: characters per second

`python examples/generation_speed.py`. Machine: {facts["processor"]}, one thread, {facts["instruction set"]};
commit {facts["commit"]}, Keras {facts["keras"]} on JAX.
A GRU with {UNITS} units and {len(CHARACTERS)} different characters, temperature 0.8.
Medians of {ROUNDS} turns (lowest to highest).

| | characters per second |
|---|---|
| Gatewright, which keeps its state | {format_rates(rates["gatewright"])} |
| Keras' `predict` on the last {WINDOW} characters for each new one | {format_rates(rates["keras"])} |

Gatewright is {ratio:,.0f} times as fast.
"""


def main():
    result = measure()
    page = markdown(result)
    folder = Path(__file__).parents[1] / "docs" / "results"
    with atomically(folder / "generation.md") as path:
        path.write_text(page)
    with atomically(folder / "generation.json") as path:
        path.write_text(json.dumps(result, indent=1) + "\n")
    print(page)


def format_rates(rates):
    return f"{statistics.median(rates):,.0f} ({min(rates):,.0f} to {max(rates):,.0f})"


if __name__ == "__main__":
    main()
