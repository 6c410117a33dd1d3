"""Check whether explanations of the adding problem name the two numbers that were added.

    python examples/explanations_adding.py [folder]

A GRU and an LSTM learn the sum of two marked numbers in a long sequence, so it is known which two steps decide the
answer. For 1,000 new examples whose marked numbers both exceed 0.1, the script counts how often these steps have the
two largest effects by each method. Run the same command again to resume. The networks are stored in the folder (by
default result-explanations), and the record is written to docs/results/explanations-adding.md and .json.

The baseline of integrated gradients is the mean of each channel, as for series that `gatewright train` has scaled.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gatewright.data.batches import Batch
from gatewright.explanation.integrated_gradients import integrated_gradients
from gatewright.explanation.omission import omission
from gatewright.nn.layer import Layer
from gatewright.nn.layers import Recurrent
from gatewright.ops import machine
from gatewright.results.explanation import Step
from gatewright.support.files import atomically
from gatewright.tasks.adding.settings import AddingSettings
from gatewright.tasks.adding.task import Adding
from gatewright.tasks.base.explainable import Explainable, Output
from gatewright.training.dataset import Dataset
from gatewright.training.fit import fit
from gatewright.training.network import Network
from gatewright.training.recipe import Recipe

CELLS = ("gru", "lstm")
EXAMPLES, SMALLEST, DRAWN, SEED = 1_000, 0.1, 2_000, 2026
EPOCHS = 60
SOLVED = 0.99
"""The fraction of test sums, right within 0.04, of a network that solves the problem."""
METHODS = {"leave-one-out": (omission, 0.99), "integrated gradients": (integrated_gradients, 0.95)}
"""The methods, and the fraction of examples, stated in advance, for which they shall name both steps."""


def trained(cell: str, folder: Path) -> tuple[list[Layer], list[dict[str, Any]], Any, int, dict[str, float]]:
    """Return a trained network, the mean of each channel, the steps of an example, and the network's test metrics.

    The network is trained if it is not stored; the epoch with the smallest validation error is kept.
    """
    task = Adding("adding", AddingSettings.complete({"cell": cell, "epochs": EPOCHS}))
    dataset = Dataset.read(task)
    layers = task.network(dataset.prepared, dataset.settings)
    recipe = Recipe.of(dataset.settings)
    network = Network(dataset.prepared, layers, dataset.train, recipe, dataset.evaluations(recipe.epochs))
    path = folder / f"adding-{cell}.npz"
    if not path.is_file():
        drawn = network.initial_weights([0, 0])
        fitted = fit(network, recipe, dataset.train, dataset.validation, seed=0, weights=drawn)
        arrays = {f"{place}.{name}": a for place, w in enumerate(fitted.weights) for name, a in w.items()}
        with atomically(path) as part, part.open("wb") as file:
            np.savez(file, **arrays)
    with np.load(path) as stored:
        weights: list[dict[str, Any]] = [{} for _ in layers]
        for name in stored.files:
            place, _, own = name.partition(".")
            weights[int(place)][own] = stored[name]
    outputs = network.outputs(weights, dataset.test)
    mean = dataset.train.inputs.mean(axis=(0, 1))
    return layers, weights, mean, dataset.train.inputs.shape[1], dataset.prepared.measure(outputs, dataset.test.targets)


def new_examples(steps: int) -> Batch:
    """Return examples like those of the task, which no network was trained or tried on, with marked numbers > 0.1."""
    rng, every = np.random.default_rng(SEED), np.arange(DRAWN)
    numbers, marks = rng.random((DRAWN, steps), dtype=np.float32), np.zeros((DRAWN, steps), np.float32)
    places = rng.integers(0, steps // 2, DRAWN), rng.integers(steps // 2, steps, DRAWN)
    for place in places:
        marks[every, place] = 1
    pairs = np.stack([numbers[every, place] for place in places], axis=1)
    large = np.flatnonzero((pairs > SMALLEST).all(axis=1))[:EXAMPLES]
    return Batch(np.stack([numbers, marks], axis=-1)[large], pairs.sum(axis=1, keepdims=True)[large])


def centred(layers: list[Layer], weights: list[dict[str, Any]], mean: Any) -> list[dict[str, Any]]:
    """Return the weights of the network that computes from x - mean what this one computes from x."""
    first, recurrent = weights[0], layers[0]
    assert isinstance(recurrent, Recurrent)
    kernel, _, bias = recurrent.operands(first)
    moved = bias.copy()
    moved.reshape(-1, kernel.shape[1])[0] += mean @ kernel  # the bias of the input, the first row of a GRU's
    return [{**first, "bias": moved}, *weights[1:]]


def explainable(x: Any) -> Explainable:
    """Return one example, [time, 2], of which every step can be left out."""

    def without(sets: Sequence[Collection[int]]) -> Any:
        return np.stack([np.delete(x, list(left_out), axis=0) for left_out in sets])

    steps = tuple(Step(str(place)) for place in range(len(x)))
    return Explainable(x[None], steps, Output("sum", 0), "", None, tuple(range(len(x))), without)


def check(cell: str, folder: Path) -> dict[str, Any]:
    """Return the results for one cell."""
    layers, weights, mean, steps, metrics = trained(cell, folder)
    examples = new_examples(steps)
    marked, weights = examples.inputs[..., 1] == 1, centred(layers, weights, mean)
    found: dict[str, Any] = {"cell": cell, "examples": examples.size, **metrics}
    for name, (method, _) in METHODS.items():
        began = time.perf_counter()
        right = 0
        for row, x in enumerate(examples.inputs):
            attribution = method(layers, weights, explainable(x - mean))
            top = np.argsort(-np.abs(attribution.values))[:2]
            right += set(top.tolist()) == set(np.flatnonzero(marked[row]).tolist())
        found[name] = {"right": right / examples.size, "seconds": (time.perf_counter() - began) / examples.size}
        print(f"{cell}, {name}: {right} of {examples.size}", flush=True)
    return found


def record(results: list[dict[str, Any]], facts: dict[str, str]) -> str:
    """Return the record as Markdown."""
    lines = [
        "# Explanations of the adding problem",
        "",
        "`python examples/explanations_adding.py`. "
        f"Machine: {facts['processor']}, threads: {facts['threads']}; commit {facts['commit']}.",
        "",
        f"{EXAMPLES:,} new examples whose marked numbers both exceed {SMALLEST}. The table says how often the two "
        "marked steps have the two largest effects, and the time of one explanation. Trials with other examples, with "
        "networks of 5, 30 and 60 epochs and with zero as the baseline of integrated gradients came before: there "
        "the LSTM's effects by integrated gradients named both steps in 0% (not solved), 86% and 35% of the examples.",
        "",
        "Leave-one-out misses a step if its number is near the one that a network adds while it has read one marked "
        "number alone, about 0.6 to 0.7: without the step, the network then gives the same answer. Trials on "
        "validation examples did not change this: after 200 epochs, leave-one-out names both steps in 98.3% for both "
        "cells; less the median effect, which is that of a shorter sequence, in 99.3% (GRU) and 98.4% (LSTM) after 60.",
        "",
        "| cell | test sums within 0.04 | method | both steps named | stated in advance | milliseconds |",
        "|---|---|---|---|---|---|",
    ]
    for result in results:
        for name, (_, wanted) in METHODS.items():
            own = result[name]
            lines.append(
                f"| {result['cell']} | {result['within_0_04']:.4f} | {name} | {own['right']:.1%} "
                f"| at least {wanted:.0%} | {1e3 * own['seconds']:.1f} |"
            )
    unsolved = [result["cell"] for result in results if result["within_0_04"] < SOLVED]
    lines += ["", f"Not solved: {', '.join(unsolved)}." if unsolved else "Both networks solve the problem.", ""]
    return "\n".join(lines)


def main(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    results, facts = [check(cell, folder) for cell in CELLS], machine.facts()
    target = Path(__file__).parents[1] / "docs" / "results" / "explanations-adding"
    with atomically(target.with_suffix(".md")) as path:
        path.write_text(record(results, facts))
    with atomically(target.with_suffix(".json")) as path:
        path.write_text(json.dumps({"machine": facts, "results": results}, indent=1) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "result-explanations"))
