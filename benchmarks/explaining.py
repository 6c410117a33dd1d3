"""Time the explanation of a text of 200 words by a bidirectional GRU with 128 units, in parts and as one call.

    python benchmarks/explaining.py [MODEL]

The weights are random. Integrated gradients need more points for most trained networks: with the model file of an IMDB
classifier, the calls for 25 training reviews of 195 to 205 words are timed too. The reviews are those in
$GATEWRIGHT_DATA, or downloaded.
"""

import sys
import time
from collections.abc import Callable
from statistics import median

import numpy as np

from gatewright import runtime
from gatewright.data.encoders import Words
from gatewright.data.labelled_texts import read_labelled
from gatewright.explanation.decisive import decisive_steps
from gatewright.explanation.example import explain_example
from gatewright.explanation.faithfulness import faithfulness
from gatewright.explanation.integrated_gradients import integrated_gradients
from gatewright.explanation.ledger import ledger
from gatewright.explanation.omission import omission
from gatewright.explanation.recording import record
from gatewright.explanation.target import inputs_at_target, target_gradient, up_to_target
from gatewright.explanation.through_time import state_gradients
from gatewright.explanation.traces import traces
from gatewright.nn import model as models
from gatewright.nn.file import ModelFile
from gatewright.nn.layers import Dense, Embedding, Recurrent
from gatewright.tasks import registry
from gatewright.tasks.base.labels import label_set
from gatewright.tasks.classify.task import PreparedTexts

WORDS, VOCABULARY, UNITS, ROUNDS, REVIEWS = 200, 10_000, 128, 15, 25


def model_and_text() -> tuple:
    """Return a classifier and a text of 200 different words."""
    encoder = Words(tuple(f"word{number}" for number in range(VOCABULARY - 4)))
    prepared = PreparedTexts(label_set(("negative", "positive"), False), encoder, 400)
    network = (Embedding(encoder.ids, UNITS), Recurrent("gru", UNITS, bidirectional=True), Dense(1))
    weights = tuple(models.initial_weights(network, 1, [0]))
    kind = registry.model_class("classify")
    stored = prepared.to_json()
    model = kind(ModelFile("classify", network, weights, stored, {}), kind.parse_prepared(stored))
    chosen = np.random.default_rng(0).choice(len(encoder.tokens), WORDS, replace=False)
    return model, " ".join(encoder.tokens[word] for word in chosen)


def milliseconds(call: Callable[[], object]) -> float:
    """Return the median time of a call, after one call to warm up."""
    call()
    found = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        call()
        found.append(1e3 * (time.perf_counter() - start))
    return median(found)


def of_reviews(path: str) -> list[float]:
    """Return the milliseconds of the explanations of reviews, each after a first call."""
    model, found = runtime.load(path), []
    for text in read_labelled("imdb", None, None, None, None, None).train.texts:
        if WORDS - 5 <= len(model.prepared.encoder.encode(text)) <= WORDS + 5 and len(found) < REVIEWS:
            explain_example(model, path, text)
            start = time.perf_counter()
            explain_example(model, path, text)
            found.append(1e3 * (time.perf_counter() - start))
    return found


def main() -> None:
    model, text = model_and_text()
    layers, weights, explainable = model.layers, model.weights, model.explainable(text)
    output = explainable.output
    network = up_to_target(layers, weights, output)
    example = inputs_at_target(explainable.inputs, output)
    recording = record(*network, example)
    d_outputs = target_gradient(output, recording.outputs)
    attributions = [
        ledger(recording, d_outputs)[0],
        omission(layers, weights, explainable),
        integrated_gradients(layers, weights, explainable),
    ]
    parts = {
        "reading": lambda: model.explainable(text),
        "gates and ledger": lambda: ledger(record(*network, example), d_outputs),
        "gradients and memory": lambda: traces(recording, state_gradients(recording, d_outputs)),
        "leave-one-out": lambda: omission(layers, weights, explainable),
        "integrated gradients": lambda: integrated_gradients(layers, weights, explainable),
        "decisive words": lambda: decisive_steps(layers, weights, explainable),
        "faithfulness": lambda: faithfulness(layers, weights, explainable, attributions),
        "everything": lambda: explain_example(model, "model", text),
    }
    for name, call in parts.items():
        print(f"{name:<22}{milliseconds(call):8.1f} ms", flush=True)
    if sys.argv[1:]:
        quartiles = np.percentile(of_reviews(sys.argv[1]), [0, 25, 50, 75, 100])
        print("reviews, quartiles     " + ", ".join(f"{one:.0f}" for one in quartiles) + " ms")


if __name__ == "__main__":
    main()
