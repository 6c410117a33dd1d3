"""Time a training whose batches have a few widths against the same training with one width, in turns.

    python benchmarks/widths.py classify reviews.csv
    python benchmarks/widths.py tag atis

There are three networks: with the widths that `gatewright train` chooses, with the length of the longest example, and
with `--max-length` as the only width. In each round, each of them runs the same training steps and one evaluation.
Times are medians over the rounds. The time of the processor counts all threads, so other programs disturb it less.
"""

import argparse
import time
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

import numpy as np

from gatewright.data.batches import minibatches, shuffled
from gatewright.support import memory
from gatewright.tasks import registry
from gatewright.training import by_width
from gatewright.training.dataset import Dataset
from gatewright.training.network import Network
from gatewright.training.recipe import Recipe


@contextmanager
def timed(times: list[tuple[float, float]], count: int = 1) -> Iterator[None]:
    """Add the milliseconds that the block takes, by the clock and of the processor, divided by `count`."""
    wall, cpu = time.perf_counter(), time.process_time()
    yield
    times.append((1e3 * (time.perf_counter() - wall) / count, 1e3 * (time.process_time() - cpu) / count))


def main() -> None:
    """Print a table with a row for each network."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", help="a command of `gatewright train`, such as classify")
    parser.add_argument("data")
    parser.add_argument("--limit", type=int, help="use at most this many training examples")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--steps", type=int, default=20, help="training steps in a round")
    given = parser.parse_args()
    spec = registry.find(given.command, given.data, {})
    task = spec.task_class()(given.data, spec.complete(spec.settings, {}, {}), {}, limit=given.limit)
    dataset = Dataset.read(task)
    prepared, recipe = dataset.prepared, Recipe.of(dataset.settings)
    longest = max(int(prepared.lengths(batch).max()) for batch in (dataset.train, dataset.validation, dataset.test))
    networks, compilation = {}, {}
    for name, only in {"chosen": None, "longest": longest, "max length": dataset.settings.max_length}.items():
        compilation[name] = []
        with timed(compilation[name]):
            networks[name] = build(task, dataset, recipe, only)
    steps, evaluations = ({name: [] for name in networks} for _ in range(2))
    states = {name: network.init(network.initial_weights([0, 0])) for name, network in networks.items()}
    for number in range(given.rounds):
        order = shuffled(dataset.train.size, 0, number)
        selections = list(minibatches(order, recipe.batch_size))[: given.steps]
        for name, network in networks.items():
            with memory.keep_freed_memory(), timed(steps[name], len(selections)):
                for step, some in enumerate(selections):
                    batch = dataset.train.take(some.examples)
                    states[name], loss = network.train_step(states[name], batch, some.weights, 1e-3, (0, step))
                loss.block_until_ready()
            states[name] = network.up_to_date(states[name])
            with timed(evaluations[name]):
                network.outputs(states[name].weights, dataset.validation)
    lengths = prepared.lengths(dataset.train)
    print(f"{dataset.train.size:,} examples of {lengths.mean():.1f} steps on average, at most {lengths.max():,}")
    print("widths for training:", *by_width.of_training(prepared, dataset.train, recipe))
    print("| width | ms a step | CPU ms a step | ms an evaluation | CPU ms | compilation, CPU s | peak memory, MB |")
    print("|---|---|---|---|---|---|---|")
    for name, network in networks.items():
        first = 1 if given.rounds > 1 else 0  # the first round finds cold caches
        cells = [*np.median(steps[name][first:], axis=0), *np.median(evaluations[name][first:], axis=0)]
        peak = network.peak_memory(dataset.train) / 1e6
        print("|", name, *(f"| {cell:.2f}" for cell in cells), f"| {compilation[name][0][1] / 1e3:.1f} | {peak:.0f} |")


def build(task, dataset: Dataset, recipe: Recipe, only: int | None) -> Network:
    """Return the compiled network. If `only` is given, it is the one width of all batches."""
    layers, sets = task.network(dataset.prepared, dataset.settings), dataset.evaluations(recipe.epochs)
    if only is None:
        return Network(dataset.prepared, layers, dataset.train, recipe, sets)
    one = lambda *given: (only,)  # noqa: E731
    with patch.object(by_width, "of_training", one), patch.object(by_width, "of_evaluation", one):
        return Network(dataset.prepared, layers, dataset.train, recipe, sets)


if __name__ == "__main__":
    main()
