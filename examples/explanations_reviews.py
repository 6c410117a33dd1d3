"""Test explanations of film reviews: word deletion, hybrid reviews, and networks with shuffled weights.

    python examples/explanations_reviews.py deletion|hybrids|shuffled [folder]

The model is an IMDB classifier with default settings, seed 0, which is trained first if it is not in the folder (by
default result-explanations). Every finished review is stored there: run the same command again to resume. The record is
written to docs/results/explanations-NAME.md and .json. `deletion` needs the extras `explanations` and `torch`. The data
is in $GATEWRIGHT_DATA, or downloaded.
"""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

import gatewright
from gatewright import runtime
from gatewright.data.encoders import pad
from gatewright.data.labelled_texts import read_labelled
from gatewright.explanation.decisive import steps_to_leave_out
from gatewright.explanation.faithfulness import top_count, top_steps
from gatewright.explanation.integrated_gradients import integrated_gradients
from gatewright.explanation.ledger import ledger
from gatewright.explanation.omission import omission
from gatewright.explanation.recording import record
from gatewright.explanation.target import (
    inputs_at_target,
    target_gradient,
    target_values,
    up_to_target,
    values_without,
)
from gatewright.ops import machine
from gatewright.results.explanation import GRADIENTS, LEDGER, OMISSION, Attribution
from gatewright.results.statistics import mean_interval
from gatewright.support.files import atomically
from gatewright.support.ids import START
from gatewright.tasks.base.explainable import Explainable
from gatewright.tasks.classify.model import Classifier

# All choices were fixed before the first run.
MODEL_SEED, SEED = 0, 2026
REVIEWS, HYBRIDS, SHUFFLED = 200, 500, 50
LIME_SAMPLES, CAPTUM_STEPS, RANDOM_DRAWS = 5_000, 50, 5
HYBRID_WORDS = (40, 180)  # length of the reviews that hybrids are made of

Method = Callable[[Classifier, Explainable], Attribution]


def by_ledger(model: Classifier, example: Explainable) -> Attribution:
    network = up_to_target(model.layers, model.weights, example.output)
    recording = record(*network, inputs_at_target(example.inputs, example.output))
    found, reasons = ledger(recording, target_gradient(example.output, recording.outputs))
    if found is None:
        raise ValueError(reasons[0])
    return found


def by_search(model: Classifier, example: Explainable) -> Attribution:
    """Return the ranks of the steps that decide together; see `steps_to_leave_out`."""
    *_, steps = steps_to_leave_out(model.layers, model.weights, example, top_count(len(example.removable)))
    ranks = np.zeros(len(example.steps))
    ranks[list(steps)] = np.arange(len(steps), 0, -1)
    return Attribution("decisive together", ranks)


OURS: dict[str, Method] = {
    "decisive together": by_search,
    OMISSION: lambda model, example: omission(model.layers, model.weights, example),
    GRADIENTS: lambda model, example: integrated_gradients(model.layers, model.weights, example),
    LEDGER: by_ledger,
}


def other_libraries(model: Classifier) -> dict[str, Method]:
    """Return the methods of Captum and LIME."""
    import captum.attr
    from lime.lime_text import LimeTextExplainer
    from pytorch_network import PyTorchNetwork

    other = PyTorchNetwork(model.layers, model.weights)

    def number(example: Explainable) -> Callable[[Any], Any]:
        output = example.output
        if output.against_index is None:
            return lambda x: output.sign * other(x)[:, output.index]
        return lambda x: other(x)[:, output.index] - other(x)[:, output.against_index]

    def captum_integrated(model: Classifier, example: Explainable) -> Attribution:
        x = other.vectors(example.inputs[0].tolist())
        found = captum.attr.IntegratedGradients(number(example)).attribute(x, n_steps=CAPTUM_STEPS)
        return Attribution("captum", found.sum(dim=-1)[0].numpy().astype(np.float64))

    def gradient_times_input(model: Classifier, example: Explainable) -> Attribution:
        x = other.vectors(example.inputs[0].tolist()).requires_grad_()
        found = captum.attr.InputXGradient(number(example)).attribute(x)
        return Attribution("gradient x input", found.sum(dim=-1)[0].detach().numpy().astype(np.float64))

    def lime(model: Classifier, example: Explainable) -> Attribution:
        ids, places = example.inputs[0].tolist(), list(example.removable)

        def probabilities(texts: list[str]) -> Any:
            kept = [[int(word) for word in text.split()] for text in texts]
            inputs = pad(kept, 1 + max(map(len, kept)))
            if START not in ids:  # the beginning of the review is not read
                inputs[inputs == START] = 0
            outputs = model.outputs_by_length(inputs, (inputs != 0).sum(axis=1), "texts")
            for_answer = 1 / (1 + np.exp(-target_values(example.output, outputs)))
            return np.stack([1 - for_answer, for_answer], axis=1)

        # Each position is a word of its own, and a word that LIME removes is left out.
        explainer = LimeTextExplainer(split_expression=str.split, bow=False, mask_string="", random_state=SEED)
        text = " ".join(str(ids[place]) for place in places)
        found = explainer.explain_instance(
            text, probabilities, labels=(1,), num_features=len(places), num_samples=LIME_SAMPLES
        )
        effects = np.full(len(ids), np.nan)
        for word, effect in found.as_map()[1]:
            effects[places[word]] = effect
        return Attribution("LIME", effects)

    return {"Captum, integrated gradients": captum_integrated, "gradient x input": gradient_times_input, "LIME": lime}


def reviews() -> tuple[list[str], list[str]]:
    """Return the texts and labels of the test set."""
    test = read_labelled("imdb", None, None, None, None, None).test
    return list(test.texts), list(test.labels)


def resumed(path: Path, items: list[Any], result: Callable[[Any], dict[str, Any] | None]) -> list[dict[str, Any]]:
    """Return the results of all items. Those that are stored in the file are read; the others are appended to it."""
    done = [json.loads(line) for line in path.read_text().splitlines()] if path.is_file() else []
    with path.open("a") as file:
        for place, item in enumerate(items[len(done) :], len(done) + 1):
            done.append(result(item))
            file.write(json.dumps(done[-1]) + "\n")
            file.flush()
            print(f"{place} of {len(items)}", flush=True)
    return done


def deletion(model: Classifier, folder: Path) -> tuple[list[str], Any]:
    """Delete the top tenth of the words by each method, and count the answers that stay right."""
    texts, labels = reviews()
    chosen = np.random.default_rng(SEED).choice(len(texts), REVIEWS, replace=False).tolist()
    methods = {**OURS, **other_libraries(model)}

    def one(index: int) -> dict[str, Any]:
        example = model.explainable(texts[index])
        removable = np.array(example.removable)
        count = top_count(len(removable))
        rng = np.random.default_rng([SEED, index])
        sets = [rng.choice(removable, count, replace=False).tolist() for _ in range(RANDOM_DRAWS)]
        found: dict[str, Any] = {"index": index, "label": labels[index], "answer": example.output.name}
        for name, method in methods.items():
            began = time.perf_counter()
            attribution = method(model, example)
            found[name] = {"seconds": time.perf_counter() - began}
            sets.append(top_steps(attribution, removable, count))
        whole, *without = values_without(model.layers, model.weights, example, [(), *sets]).tolist()
        found |= {"whole": whole, "random": without[:RANDOM_DRAWS]}
        for name, value in zip(methods, without[RANDOM_DRAWS:], strict=True):
            found[name]["without"] = value
        return found

    results = resumed(folder / "deletion.jsonl", chosen, one)
    right = np.array([found["label"] == found["answer"] for found in results])

    def accuracy(values: Any) -> float:
        """Return the accuracy if the explained numbers, positive for the original answer, have these values."""
        return float(np.mean((np.array(values) > 0) == right))

    lines = [
        "# Deleting the words that decided",
        "",
        f"{REVIEWS} test reviews, drawn with seed {SEED} before the first run. From each review, the tenth of the "
        "words with the largest effect on the answer is left out. The lower the accuracy, the better the method finds "
        f"the words that decided. Captum reads {CAPTUM_STEPS} points, LIME {LIME_SAMPLES:,} samples.",
        "",
        "| method | accuracy | mean fall of the logit | median seconds a review |",
        "|---|---|---|---|",
        f"| nothing left out | {np.mean(right):.3f} | | |",
    ]
    draws = np.array([found["random"] for found in results])
    whole = np.array([found["whole"] for found in results])
    random = np.mean([accuracy(draw) for draw in draws.T])
    lines.append(f"| random words | {random:.3f} | {np.mean(whole[:, None] - draws):.3f} | |")
    for name in methods:
        values = np.array([found[name]["without"] for found in results])
        seconds, fall = np.median([found[name]["seconds"] for found in results]), np.mean(whole - values)
        lines.append(f"| {name.replace('_', ' ')} | {accuracy(values):.3f} | {fall:.3f} | {seconds:.3f} |")
    return [*lines, ""], results


def hybrids(model: Classifier, folder: Path) -> tuple[list[str], Any]:
    """Join reviews with opposite labels, and count how often the top word is in the one with the explained label."""
    texts, labels = reviews()
    encoder = model.prepared.encoder
    order = np.random.default_rng(SEED + 1).permutation(len(texts)).tolist()
    by_label: dict[str, list[int]] = {label: [] for label in model.labels}
    for first in range(0, len(order), 256):
        places = order[first : first + 256]
        answers = model.predict([texts[place] for place in places])
        for place, answer in zip(places, answers, strict=True):
            words = len(encoder.encode(texts[place]))
            if answer.label == labels[place] and HYBRID_WORDS[0] <= words <= HYBRID_WORDS[1]:
                by_label[labels[place]].append(place)
        if min(map(len, by_label.values())) >= HYBRIDS:
            break
    pairs = list(zip(*(places[:HYBRIDS] for places in by_label.values()), strict=True))

    def one(numbered: tuple[int, tuple[int, int]]) -> dict[str, Any]:
        number, pair = numbered
        pair = pair if number % 2 else pair[::-1]
        found: dict[str, Any] = {"pair": pair}
        for kind, pieces in (("sentences", list(alternating(pair, texts))), ("halves", list(halves(pair, texts)))):
            example = model.explainable(" ".join(text for _, text in pieces))
            origin = [labels[place] for place, text in pieces for _ in encoder.encode(text)]
            if len(origin) != len(example.removable):
                raise ValueError(f"Pair {pair} has {len(example.removable)} words, but its pieces {len(origin)}.")
            own: dict[str, Any] = {"answer": example.output.name}
            for name, method in OURS.items():
                (top,) = top_steps(method(model, example), np.array(example.removable), 1)
                own[name] = origin[example.removable.index(top)] == example.output.name
            found[kind] = own
        return found

    results = resumed(folder / "hybrids.jsonl", list(enumerate(pairs)), one)
    lines = [
        "# The top word of hybrid reviews",
        "",
        f"{HYBRIDS} pairs of test reviews with opposite labels, {HYBRID_WORDS[0]} to {HYBRID_WORDS[1]} words each, "
        "which the model classifies correctly (Poerner, Schütze & Roth 2018, section 4.1). They are joined sentence by "
        "sentence, or half by half. The table says how often the word with the largest effect is from the review whose "
        "label the model gives to the hybrid.",
        "",
        "| method | joined by sentences | joined by halves |",
        "|---|---|---|",
    ]
    for name in OURS:
        shares = [np.mean([found[kind][name] for found in results]) for kind in ("sentences", "halves")]
        lines.append(f"| {name.replace('_', ' ')} | {shares[0]:.1%} | {shares[1]:.1%} |")
    return [*lines, ""], results


def sentences(text: str) -> list[str]:
    return [sentence for sentence in re.split(r"(?<=[.!?])\s+|<br />", text) if sentence.strip()]


def alternating(pair: tuple[int, int], texts: list[str]) -> Iterator[tuple[int, str]]:
    """Yield the sentences of two reviews in turns, each with the number of its review."""
    both = [sentences(texts[place]) for place in pair]
    for number in range(max(map(len, both))):
        for place, own in zip(pair, both, strict=True):
            if number < len(own):
                yield place, own[number]


def halves(pair: tuple[int, int], texts: list[str]) -> Iterator[tuple[int, str]]:
    """Yield the first half of the sentences of one review, then the second half of those of the other."""
    first, second = (sentences(texts[place]) for place in pair)
    yield from ((pair[0], sentence) for sentence in first[: -(-len(first) // 2)])
    yield from ((pair[1], sentence) for sentence in second[len(second) // 2 :])


STAGES = ("dense", "pool", "recurrent", "embedding")
"""The kinds of layers in the order in which their weights are shuffled, from the output to the input."""


def shuffled(model: Classifier, folder: Path) -> tuple[list[str], Any]:
    """Shuffle the weights from the output to the input, and correlate the effects with those of the trained network."""
    from scipy import stats

    texts, _ = reviews()
    chosen = np.random.default_rng(SEED + 2).choice(len(texts), SHUFFLED, replace=False).tolist()
    learned = {layer.kind for layer, w in zip(model.layers, model.weights, strict=True) if w}
    kinds = [kind for kind in STAGES if kind in learned]
    networks = [_Shuffled(model, kinds[: count + 1]) for count in range(len(kinds))]

    def one(index: int) -> dict[str, Any]:
        example = model.explainable(texts[index])
        removable = list(example.removable)
        found: dict[str, Any] = {"index": index}
        for name, method in OURS.items():
            own = np.abs(method(model, example).values[removable])
            others = [np.abs(method(network, example).values[removable]) for network in networks]
            found[name] = [float(stats.spearmanr(own, other).statistic) for other in others]
        return found

    results = resumed(folder / "shuffled.jsonl", chosen, one)
    lines = [
        "# Explanations of networks with shuffled weights",
        "",
        f"{SHUFFLED} test reviews. The numbers of each weight are shuffled, layer after layer from the output to the "
        "input (Adebayo et al. 2018, section 4). The table has the mean rank correlation (Spearman) between the sizes "
        "of the effects before and after, with its 95% interval over the reviews. An explanation that depends on what "
        "the network learned is near 0 when all weights are shuffled.",
        "",
        f"| method | {' | '.join('+ ' * (place > 0) + kind for place, kind in enumerate(kinds))} |",
        f"|---|{'---|' * len(kinds)}",
    ]
    for name in OURS:
        means = [mean_interval([found[name][stage] for found in results]) for stage in range(len(kinds))]
        shown = [f"{mean.mean:.2f} [{mean.low:.2f}, {mean.high:.2f}]" for mean in means]
        lines.append(f"| {name.replace('_', ' ')} | {' | '.join(shown)} |")
    return [*lines, ""], results


class _Shuffled:
    """The layers of a model, with weights that are shuffled in the layers of some kinds."""

    def __init__(self, model: Classifier, kinds: list[str]) -> None:
        rng = np.random.default_rng(SEED)
        self.layers = model.layers
        self.weights = [
            {name: rng.permuted(array.ravel()).reshape(array.shape) for name, array in w.items()}
            if layer.kind in kinds
            else w
            for layer, w in zip(model.layers, model.weights, strict=True)
        ]


TESTS = {"deletion": deletion, "hybrids": hybrids, "shuffled": shuffled}


def main(name: str, folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    path = folder / "imdb.safetensors"
    if not path.is_file():
        gatewright.train("classify", "imdb", path, seed=MODEL_SEED)
    model = runtime.load(path)
    lines, results = TESTS[name](model, folder)
    facts = machine.facts()
    made = f"Machine: {facts['processor']}, threads: {facts['threads']}; commit {facts['commit']}."
    trained = f"The model is that of `gatewright train classify imdb --seed {MODEL_SEED}`, test accuracy"
    accuracy = model.training["test"]["accuracy"]
    lines.insert(2, f"`python examples/explanations_reviews.py {name}`. {made} {trained} {accuracy:.4f}.\n")
    target = Path(__file__).parents[1] / "docs" / "results" / f"explanations-{name}"
    with atomically(target.with_suffix(".md")) as part:
        part.write_text("\n".join(lines))
    with atomically(target.with_suffix(".json")) as part:
        part.write_text(json.dumps({"machine": facts, "results": results}, indent=1) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2] if len(sys.argv) > 2 else "result-explanations"))
