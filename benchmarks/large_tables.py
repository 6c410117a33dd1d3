"""Time training steps of a classifier with a small table, a large one, and a large one trained as a whole, in turns.

    python benchmarks/large_tables.py --units 256
    python benchmarks/large_tables.py --length 400 --rows 30000 30000

The texts are the same for all tables: random ids below the first number of rows, frequent and rare ones as in texts.
A round has 8 training steps and one update of the moving average. Ratios are medians over the rounds, to the first
table. The time of the processor counts all threads, so other programs disturb it less.
"""

import argparse
import time
from unittest.mock import patch

import jax
import numpy as np

from gatewright.data.batches import Batch
from gatewright.data.encoders import Words
from gatewright.nn.layers import Dense, Embedding, Pool, Recurrent
from gatewright.support.ids import FIRST
from gatewright.tasks.base.labels import SingleLabel
from gatewright.tasks.classify.task import PreparedTexts
from gatewright.training import network as training_network
from gatewright.training.network import Network
from gatewright.training.recipe import Recipe

_BATCH, _EXAMPLES, _STEPS = 32, 640, 8


def main() -> None:
    """Print a table with a row for each network."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--units", type=int, default=128)
    parser.add_argument("--length", type=int, default=200, help="length of the longest text")
    parser.add_argument("--rows", type=int, nargs=2, default=(10_000, 100_000), help="rows of the two tables")
    parser.add_argument("--rounds", type=int, default=20)
    given = parser.parse_args()
    small, large = given.rows
    data = texts(given.length, small)
    networks = {f"{small:,} rows": build(data, small, given.units)}
    networks[f"{large:,} rows"] = build(data, large, given.units)
    with patch.object(training_network, "lazy_table", lambda *given: None):
        networks[f"{large:,} rows, as a whole"] = build(data, large, given.units)
    states = {name: network.init(network.initial_weights([0])) for name, network in networks.items()}
    averages = {name: network.init(network.initial_weights([0])).weights for name, network in networks.items()}
    times = {name: [] for name in networks}
    weight = np.ones(_BATCH, np.float32)
    for number in range(given.rounds):
        for name, network in networks.items():
            wall, cpu = time.perf_counter(), time.process_time()
            for step in range(_STEPS):
                batch = data.take((np.arange(_BATCH) + (number * _STEPS + step) * _BATCH) % _EXAMPLES)
                states[name], _ = network.train_step(states[name], batch, weight, 1e-3, (0, step))
            states[name] = network.up_to_date(states[name])
            averages[name] = network.average(averages[name], states[name].weights, 0.98)
            jax.block_until_ready((states[name], averages[name]))
            times[name].append((time.perf_counter() - wall, time.process_time() - cpu))
    first = np.array(next(iter(times.values())))[1:]  # the first round finds cold caches
    print("| table | ms a step | CPU ms a step | ratio of CPU times | peak memory, MB |\n|---|---|---|---|---|")
    for name, network in networks.items():
        seconds = np.array(times[name])[1:]
        wall, cpu = 1e3 * np.median(seconds, axis=0) / _STEPS
        ratio = np.median(seconds[:, 1] / first[:, 1])
        print(f"| {name} | {wall:.1f} | {cpu:.1f} | {ratio:.2f} | {network.peak_memory(data) / 1e6:.0f} |")


def texts(length: int, rows: int) -> Batch:
    """Return texts of a quarter of `length` to `length` ids, padded on the left."""
    rng = np.random.default_rng(0)
    inputs = np.minimum(rng.zipf(1.15, (_EXAMPLES, length)) + FIRST - 1, rows - 1).astype(np.int32)
    for text, own in zip(inputs, rng.integers(length // 4, length, _EXAMPLES), strict=True):
        text[: length - own] = 0
    return Batch(inputs, inputs[:, -1] % 2)


def build(data: Batch, rows: int, units: int) -> Network:
    """Return the compiled network."""
    prepared = PreparedTexts(SingleLabel(("bad", "good")), Words.fit(["a b"], FIRST + 2), data.inputs.shape[1])
    layers = [
        Embedding(rows, units, word_dropout=0.1),
        Recurrent("gru", units, return_sequences=True),
        Pool("max"),
        Dense(1),
    ]
    recipe = Recipe(1, _BATCH, 1e-3, clip_norm=1.0, embedding_moments="shared", ema_decay=0.998)
    return Network(prepared, layers, data, recipe)


if __name__ == "__main__":
    main()
