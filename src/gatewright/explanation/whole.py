"""Explain a trained model as a whole: what its units keep, and which words speak for an answer."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np

from gatewright.explanation.memory import MemorySums
from gatewright.explanation.omission import omission
from gatewright.explanation.recording import record
from gatewright.explanation.target import inputs_at_target, up_to_target
from gatewright.results.explanation import INPUT, OMISSION, ModelExplanation, WordEffect
from gatewright.support.errors import InputError
from gatewright.support.progress import Ticker, print_status
from gatewright.tasks.base.model import TrainedModel

_ALONE = 1000
_SHOWN = 20
# The mean of fewer effects says little about a word.
_MIN_COUNT = 3


def explain_model(
    model: TrainedModel, name: str, examples: Sequence[Any] | None, label: str | None = None, against: str | None = None
) -> ModelExplanation:
    """Return what a network keeps in general, and the words with the strongest mean effect on one answer.

    Half-lives and saturation are those of all steps of the examples. The effect of a word is the fall of the logit when
    one of its occurrences is left out (see `omission`), averaged over the occurrences in the examples.

    Args:
        model: The model.
        name: Its name, for people.
        examples: The examples. None for the most frequent words of the vocabulary, each read as a text of its own.
        label, against: The answer and its alternative; by default those of the first example.

    Raises:
        InputError: There are no examples and the model does not read words, or an example cannot be explained.
    """
    notes = []
    if examples is None:
        examples = model.frequent_words(_ALONE)
        notes.append(
            f"A model file has no texts, so these numbers come from its {len(examples):,} most frequent words, each "
            "read alone. Give a file of texts for numbers from whole texts."
        )
    if not examples:
        raise InputError("There is no example, so there is nothing to explain: give at least one.")
    sums = MemorySums()
    effects: dict[str, list[float]] = defaultdict(list)
    report, steps = Ticker(), 0
    for place, example in enumerate(examples):
        if report.due():
            print_status(f"{place:,} of {len(examples):,} examples are explained.")
        explainable = model.explainable(example, label=label, against=against)
        output = explainable.output
        if explainable.comparable:
            label, against = output.name, None if output.against_index is None else output.against
        layers, weights = explainable.network or (model.layers, model.weights)
        network = up_to_target(layers, weights, output)
        sums.add(record(*network, inputs_at_target(explainable.inputs, output)))
        steps += len(explainable.steps)
        if not explainable.comparable:
            continue
        values = omission(layers, weights, explainable).values
        for step, value in zip(explainable.steps, values, strict=True):
            if step.kind == INPUT and not step.numbers and np.isfinite(value):  # NaN if it cannot be left out
                effects[step.text.strip()].append(float(value))
    counts = {word: len(found) for word, found in effects.items()}
    fewest = _MIN_COUNT if max(counts.values(), default=0) >= _MIN_COUNT else 1
    means = {word: float(np.mean(found)) for word, found in effects.items() if len(found) >= fewest}
    strongest = sorted(means, key=lambda word: -abs(means[word]))[:_SHOWN]
    if strongest and fewest > 1:
        notes.append(f"Words that occur less than {fewest} times are left out.")
    return ModelExplanation(
        model=name,
        unit=model.prepared.example_name,
        examples=len(examples),
        steps=steps,
        layers=sums.memory(),
        method=OMISSION if strongest else "",
        words=tuple(WordEffect(word, str(label), means[word], counts[word]) for word in strongest),
        notes=tuple(notes),
    )
