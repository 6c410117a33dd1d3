"""Tokens a second of a character GRU of 128 units, beside Keras' predict loop as notebooks write it.

    python examples/generation_speed.py

Both have the same weights and draw from the same probabilities, in one process on one thread, taking turns: Gatewright
with its state carried from token to token, Keras (on JAX) reading the last 40 characters anew for each. Leaves
docs/results/generation.md and generation.json.
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
from gatewright.nn.file import Model
from gatewright.nn.layers import Embedding, Recurrent, Softmax
from gatewright.ops import machine
from gatewright.support.files import atomically
from gatewright.support.ids import FIRST
from gatewright.tasks.generate.model import LanguageModel

UNITS, WINDOW, ROUNDS, OURS, THEIRS = 128, 40, 7, 20_000, 40
LETTERS = [chr(code) for code in range(ord(" "), ord(" ") + 65)]


def ours_and_theirs():
    encoder = Characters(tuple(LETTERS))
    listed = (Embedding(encoder.ids, 64), Recurrent("gru", UNITS, steps=True), Softmax(encoder.ids))
    weights = tuple(models.start(listed, 1, [0]))
    ours = LanguageModel(
        Model("generate", listed, weights, encoder.to_json(), {"rows": "prefixes", "length": WINDOW}, {})
    )
    theirs = keras.Sequential(
        [keras.layers.Embedding(encoder.ids, 64), keras.layers.GRU(UNITS), keras.layers.Dense(encoder.ids)]
    )
    theirs.build((None, WINDOW))
    theirs.set_weights([array for block in weights for array in block.values()])
    return ours, theirs


def keras_loop(model, count):
    draw, text = np.random.default_rng(0), [FIRST] * WINDOW
    for _ in range(count):
        logits = model.predict(np.array([text[-WINDOW:]]), verbose=0)[0].astype(np.float64)
        logits[:FIRST] = -np.inf
        shares = np.exp(logits - logits.max())
        text.append(int(draw.choice(len(shares), p=shares / shares.sum())))


def rate(run, count):
    began = time.perf_counter()
    run(count)
    return count / (time.perf_counter() - began)


def main():
    gatewright.set_num_threads(1)
    ours, theirs = ours_and_theirs()
    loops = {
        "gatewright": (lambda count: ours.generate(" ", count, temperature=0.8, seed=0), OURS),
        "keras": (lambda count: keras_loop(theirs, count), THEIRS),
    }
    for run, count in loops.values():
        run(count)
    rates = {name: [] for name in loops}
    for _ in range(ROUNDS):
        for name, (run, count) in loops.items():
            rates[name].append(rate(run, count))
    made = machine.facts()
    middle = {name: statistics.median(found) for name, found in rates.items()}
    page = f"""# Generating: tokens a second

`python examples/generation_speed.py`. Machine: {made["processor"]}, one thread, {made["instruction set"]};
commit {made["commit"]}, Keras {keras.__version__} on JAX.
A GRU of {UNITS} units over {len(LETTERS)} characters, temperature 0.8; medians of {ROUNDS} turns (lowest to highest).

| | tokens a second |
|---|---|
| Gatewright, state carried | {_spread(rates["gatewright"])} |
| Keras' predict on the last {WINDOW} characters, for each | {_spread(rates["keras"])} |

{middle["gatewright"] / middle["keras"]:,.0f} times as many.
"""
    results = Path(__file__).parents[1] / "docs" / "results"
    with atomically(results / "generation.md") as path:
        path.write_text(page)
    with atomically(results / "generation.json") as path:
        path.write_text(json.dumps({"rates": rates, "made": made}, indent=1) + "\n")
    print(page)


def _spread(found):
    return f"{statistics.median(found):,.0f} ({min(found):,.0f} to {max(found):,.0f})"


if __name__ == "__main__":
    main()
