"""Check on IMDB that what each word wrote adds up to the logit, for the cells and pools that have a ledger.

Each model reads in two directions the last 200 words, and is trained for two epochs on 2,000 reviews. For 1,000 reviews
of the test set, the largest difference between the sum and the logit is printed, divided by 1 + |logit|: with the
float32 gates of the kernels against the logit of the network, and with float64 gates against the reference
implementation.

Run it with `GATEWRIGHT_DATA=FOLDER python benchmarks/ledger.py MODELS`, where MODELS is a folder for the models.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np

import gatewright
from gatewright.explanation.ledger import ledger
from gatewright.explanation.recording import record
from gatewright.nn import model as models
from gatewright.nn.backend import NUMPY
from gatewright.nn.layer import Activations, as_array
from gatewright.ops import reference
from gatewright.tasks.base.model import TrainedModel

CELLS, POOLS = ("gru", "lstm", "min_gru", "min_lstm"), ("last", "mean", "max")
TRAINING_TEXTS, TEXTS, WORDS, BATCH = 2000, 1000, 200, 100


def trained(folder: Path, cell: str, pooling: str) -> TrainedModel:
    """Return the model in the folder, or train it."""
    path = folder / f"{cell}-{pooling}.safetensors"
    if not path.exists():
        gatewright.train_classifier(
            "imdb", path, cell=cell, pooling=pooling, units=32, epochs=2, limit=TRAINING_TEXTS, max_length=WORDS
        )
    return gatewright.runtime.load(path)


def logits(model: TrainedModel, weights: Any, inputs: list[np.ndarray], backend: Any) -> np.ndarray:
    """Return the logit of each text, [texts], computed in batches with padding on the left."""
    found = []
    for first in range(0, len(inputs), BATCH):
        batch = [ids[0].tolist() for ids in inputs[first : first + BATCH]]
        width = max(map(len, batch))
        ids = np.array([[0] * (width - len(one)) + one for one in batch], np.int32)
        found.append(models.forward(model.layers, backend, weights, Activations(ids))[0].x[:, 0])
    return np.concatenate(found)


def by_reference(rec: Any, x: Any, operands: Any, states: Any, mask: Any, *rest: Any) -> tuple[Any, Any]:
    """Run a recurrence with the reference implementation, as a backend does."""
    x = as_array(x)
    zeros = [np.zeros((len(x), len(operands[1])), x.dtype) for _ in rec.state_names]
    run = reference.forward(rec, x, *operands, zeros, mask)
    return run.sequence, run.states


def largest(model: TrainedModel, weights: Any, inputs: list[np.ndarray], expected: np.ndarray) -> float:
    """Return the largest |sum - logit| / (1 + |logit|) over the texts."""
    worst = 0.0
    for ids, logit in zip(inputs, expected.astype(np.float64), strict=True):
        found, _ = ledger(record(model.layers, weights, ids), np.ones((1, 1)))
        total = found.values.sum() + sum(found.others.values())
        worst = max(worst, abs(total - logit) / (1 + abs(logit)))
    return worst


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    print(f"cell, pooling: largest |sum - logit| / (1 + |logit|) of {TEXTS:,} texts in float32; in float64")
    for cell in CELLS:
        for pooling in POOLS:
            model = trained(folder, cell, pooling)
            texts = model.read("imdb", {}, TEXTS).examples.texts
            inputs = [model.explainable(text).inputs for text in texts]
            exact = [{name: array.astype(np.float64) for name, array in w.items()} for w in model.weights]
            single = largest(model, model.weights, inputs, logits(model, model.weights, inputs, NUMPY))
            oracle = logits(model, exact, inputs, NUMPY._replace(recur=by_reference))
            print(f"{cell}, {pooling}: {single:.1e}; {largest(model, exact, inputs, oracle):.1e}", flush=True)


if __name__ == "__main__":
    main()
