"""Train the seeds of a published figure of `gatewright train` one after another, and write their record.

    python examples/result.py imdb [folder] [--keep-recorded]

Run the same command again to resume. The models are stored in the folder (by default result-NAME), and the record, with
every finished seed and every epoch's validation figures, is written to docs/results/NAME.md and NAME.json. With
--keep-recorded, seeds of the same settings and data that the record already has are not trained again, so that the
seeds of a figure can be trained on several machines. Needs $GATEWRIGHT_DATA, or a network.
"""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path
from typing import Any, NamedTuple

import gatewright
from gatewright import runtime
from gatewright.results.measure import Measure
from gatewright.results.records import Trained
from gatewright.results.statistics import mean_interval
from gatewright.support.files import atomically
from gatewright.tasks.translate.measures import signatures
from gatewright.tasks.translate.reading import read_pairs

# Tokens of each text in the record, and its number of translations: the first of the test set.
_SHOWN, _TRANSLATED = 400, 8
# The published figures are from trainings that did not stop early.
_ALL_EPOCHS = {"patience": 0}


class Recipe(NamedTuple):
    """A training and what was stated about it in advance.

    Attributes:
        title: Heading of the record.
        compute: Compute budget, stated in advance.
        task, data, settings: As for `gatewright.train`.
        seeds: Number of seeds.
        prompts: Texts that a language model continues in the record.
        language: Data and settings of the language model that a classifier starts from, with the same seed.
        tests: Further test sets, on which each model is evaluated.
        trail: How the settings were chosen.
    """

    title: str
    compute: str
    task: str
    data: str
    settings: dict[str, Any]
    seeds: int = 3
    prompts: tuple[str, ...] = ()
    language: tuple[str, dict[str, Any]] | None = None
    trail: str = ""
    tests: tuple[str, ...] = ()


def _multi30k(source: str, target: str, seeds: int) -> Recipe:
    """Return the recipe of a translator of captions; both directions have the same settings."""
    names = {"en": "English", "de": "German"}
    return Recipe(
        f"Multi30k, {names[source]} to {names[target]}, the defaults of `gatewright train translate`",
        "at most 2 hours a seed on 2 cores",
        "translate",
        "multi30k",
        {"source": source, "target": target},
        seeds=seeds,
        tests=("multi30k/test_2017_flickr",),
        trail=_TRANSLATOR_TRAIL,
    )


_TRANSLATOR_TRAIL = (
    "The defaults, as they were stated before this run. Tried before, English to German, one seed, 20 epochs, by the "
    "loss of validation in nats a token, the test part not read: output dropout 0.3 and input dropout 0.2, which are "
    "the defaults, 1.706 after 9 epochs and 1.602 after 18; 0.5 and 0.3, 1.868 after 9, then stopped."
)
RECIPES = {
    "multi30k-en-de": _multi30k("en", "de", seeds=3),
    "multi30k-de-en": _multi30k("de", "en", seeds=1),
    "an4": Recipe(
        "AN4, the defaults of `gatewright train transcribe`",
        "at most 2 hours a seed on 2 cores",
        "transcribe",
        "an4",
        {},
    ),
    "fsdd": Recipe(
        "Free Spoken Digit Dataset, the defaults of `gatewright train classify` on recordings",
        "at most 3 minutes a seed on 2 cores",
        "classify",
        "fsdd",
        {},
        trail="Tried before the equalizer was added, one seed, 12 epochs, by log loss and accuracy of validation: "
        "bands normalized by each recording, 0.0498 and 0.9704; by the training set, with a changed loudness in "
        "training, which is the default, 0.0056 and 0.9963.",
    ),
    "imdb": Recipe(
        "IMDB reviews, the defaults of `gatewright train classify`",
        "at most 30 minutes a seed on 1 core",
        "classify",
        "imdb",
        {},
    ),
    "imdb-longer": Recipe(
        "IMDB reviews, adversarial training and twice the words",
        "at most 1 hour a seed on 1 core",
        "classify",
        "imdb",
        {"adversarial_epsilon": 0.3, "max_length": 800, "epochs": 8},
        trail="This recipe was stated before it was run. Before it, 256 units with twice the words, not adversarial, 3 "
        "epochs, one seed: validation accuracy 0.8984, test 0.9055. The minutes are of a core that did other work too.",
    ),
    "imdb-pretrained": Recipe(
        "IMDB reviews, after a language model of training and unlabelled reviews",
        "at most 2 hours a seed on 1 core",
        "classify",
        "imdb",
        {"adversarial_epsilon": 0.3, "max_length": 800, "epochs": 7},
        seeds=1,
        language=(
            "imdb-unlabelled",
            {
                "tokens": "words",
                "split": "keras",
                "vocabulary": 30_000,
                "units": 512,
                "embedding_dim": 256,
                "tied_embedding": True,
                "max_length": 64,
                "batch_size": 32,
                "samples": 1024,
                "output_dropout": 0.1,
                "epochs": 2,
                "held_out_fraction": 0.01,
                "learning_rate": 0.003,
                "warmup": 0.05,
            },
        ),
        trail="This recipe was stated before it was run. Before it, with the same seed: one epoch of the language "
        "model and three of fine-tuning of 400 words, not adversarial, validation accuracy 0.9092, test 0.9103; after "
        "this language model, two epochs of 400 words with input dropout 0.2, not adversarial, validation 0.9112, test "
        "0.9083; three epochs of 400 words, adversarial 0.3, validation 0.8840, 0.9012, 0.9060, test 0.9107: the "
        "last was still rising, hence seven. Epochs 4 and 7 had the same validation accuracy, and the first was kept; "
        "the log loss, which now breaks ties, would have chosen epoch 7.",
    ),
    "atis": Recipe(
        "ATIS, slots and intents, the defaults of `gatewright train tag` without early stopping",
        "at most 30 minutes a seed on 1 core",
        "tag",
        "atis",
        {},
        trail="Tried before, by span F1 of validation, the test part not read, one seed: tags that stand alone, "
        "0.9664; a chain, 0.9666 after 12 of 22 epochs, where the former had 0.9652, and ahead of it after nearly "
        "every epoch, hence the default; word dropout 0.25, tags alone, 0.9553 after 9 epochs, where 0.1 had 0.9594.",
    ),
    "ewt": Recipe(
        "English Web Treebank, universal parts of speech, the defaults of `gatewright train tag`",
        "at most 30 minutes a seed on 1 core",
        "tag",
        "ewt",
        {},
        trail="Tried before, by accuracy of validation, the test part not read, one seed: the same with 6 epochs, "
        "0.9444.",
    ),
    "japanese-vowels": Recipe(
        "Japanese vowels, the defaults of `gatewright train classify` on series without early stopping",
        "at most 2 minutes a seed on 1 core",
        "classify",
        "japanese-vowels",
        {},
        trail="Chosen by cross-validation of the training part, its rows of each speaker in four stretches, 30 epochs, "
        "accuracy on the first and third stretch: max pooling 0.931 and 0.986, with noise 0.3 0.931 and 0.972, with "
        "noise 0.6 0.931 and 0.986; mean pooling 0.917 and 1.000, with noise 0.6 0.931 and 1.000; max pooling, noise "
        "0.3 and one scale for all channels 0.917 and 0.986. Before these, a trial run of 20 epochs without noise had "
        "a test accuracy of 0.978.",
    ),
    "digits": Recipe(
        "Digits, eight rows of pixels as eight steps",
        "at most 5 minutes a seed on 1 core",
        "classify",
        "digits",
        {"pooling": "last", "scaling": "together", "input_noise": 0.9, "batch_size": 32, "epochs": 100},
        trail="Chosen by cross-validation of the training part in four stretches, which are of different writers, "
        "accuracy on the first and third: max pooling without noise, 30 epochs, 0.883 and 0.930; noise 0.3 0.887 and "
        "0.957, and one scale for all channels 0.903 and 0.963, with two layers 0.903 and 0.960, with the last output "
        "0.910 and 0.970; last output, noise 0.5, one scale, 80 epochs 0.933 and 0.970 (log loss 0.192), with "
        "recurrent dropout 0.3 and 60 epochs 0.917 and 0.970; with noise 0.9 and 60 epochs 0.933 and 0.970 (log loss "
        "0.129). A support vector machine (C 10, gamma 0.05) has 0.943 and 0.967 there. Before, with noise 0.5 and "
        "validation rows drawn one by one, where a writer's rows are on both sides, seed 0 had a test accuracy of "
        "0.9665.",
    ),
    "jsb": Recipe(
        "JSB chorales, piano rolls, the defaults of `gatewright train generate` without early stopping",
        "at most 3 minutes a seed on 1 core",
        "generate",
        "jsb",
        {},
        trail="Tried before, one seed, 60 epochs, by nats a step of validation: 256 units 8.396 after 22 epochs (at "
        "the end 9.71), 128 units 8.412 after 42 (at the end 8.45): hence fewer steps, in which the learning rate "
        "falls.",
    ),
    "nottingham": Recipe(
        "Nottingham, folk tunes as piano rolls",
        "at most 10 minutes a seed on 1 core",
        "generate",
        "nottingham",
        {
            "units": 256,
            "output_dropout": 0.4,
            "weight_decay": 0.1,
            "batch_size": 2,
            "epochs": 40,
            "learning_rate": 0.003,
        },
        trail="This recipe was stated before it was run. Two "
        "recipes were stated and run before: 128 units, dropout 0.3, batches of 8, 10 epochs, learning rate 0.005, far "
        "from trained, three seeds, test 4.1576; and this one without weight decay, 25 epochs, one of three seeds, "
        "test 3.3179, then stopped. By nats a step of validation, one seed: 256 units, dropout 0.3, batches of 8, 30 "
        "epochs, 3.303; dropout 0.4, batches of 4, rate 0.005, 25 epochs, 3.280; batches of 2, rate 0.003, 30 epochs, "
        "3.257, with dropout 0.5 3.280, with recurrent dropout 0.25 3.401, with averaging 0.9995 3.326, with weight "
        "dropout 0.4 3.516 (stopped after 20 epochs), with weight decay 0.1 and 22 epochs 3.274 and falling; 128 "
        "units 3.385, 64 without dropout 3.692, 512 with dropout 0.6 3.293.",
    ),
    "shakespeare": Recipe(
        "Tiny Shakespeare, characters",
        "at most 30 minutes a seed on 2 cores",
        "generate",
        "shakespeare",
        {"epochs": 24},
        prompts=("ROMEO:", "First Citizen:\n"),
    ),
    "ptb": Recipe(
        "Penn Treebank, words",
        "at most 2 hours a seed on 1 core",
        "generate",
        "ptb",
        {
            "tokens": "words",
            "split": "spaces",
            "cell": "lstm",
            "units": 512,
            "embedding_dim": 512,
            "tied_embedding": True,
            "max_length": 35,
            "batch_size": 32,
            "samples": 2048,
            "input_dropout": 0.4,
            "output_dropout": 0.5,
            "weight_dropout": 0.3,
            "embedding_dropout": 0.1,
            "epochs": 12,
            "learning_rate": 0.003,
            "embedding_moments": "shared",
        },
        seeds=1,
        prompts=("\nthe company said", "\ninvestors"),
        trail="Tried before, by nats a token of validation: a second moment for each number of the embedding, 1,024 "
        "samples, no input dropout, weight dropout 0.2, 14 epochs, 4.629 (test perplexity 95.9; it overfitted); with "
        "input dropout 0.4 and weight dropout 0.3, 4.623 after 16 of 20 epochs (stopped; test part not read). In a "
        "trial of 256 units the first epoch ended at 5.64 with own moments and at 5.26 with the shared one; 1,024 "
        "samples hold the loss 0.04 nats too low, so there are 2,048.",
    ),
}


def record(
    name: str, recipe: Recipe, runs: list[Trained], languages: list[Trained], texts: list[str], more: list[str]
) -> str:
    """Return the record as Markdown. `more` are further lines."""
    deciding = runs[-1].measures[0]
    measures = [measure for measure in runs[-1].measures if not math.isnan(runs[-1].test[measure.name])]
    lines = [
        f"# {recipe.title}",
        "",
        f"`make result-{name}`; compute stated beforehand: {recipe.compute}. {_machines(runs)} Seeds done: {len(runs)} "
        f"of {recipe.seeds}.",
        "",
        f"| seed | {' | '.join(f'test {measure.title}' for measure in measures)} | kept epoch | minutes |",
        f"|{'---|' * (len(measures) + 3)}",
    ]
    for run in runs:
        figures = " | ".join(f"{run.test[measure.name]:.4f}" for measure in measures)
        lines.append(f"| {run.settings['seed']} | {figures} | {run.chosen_epoch} | {run.seconds / 60:.0f} |")
    values = [runs[-1].baseline[measure.name] for measure in measures]
    baseline = " | ".join("-" if math.isnan(value) else f"{value:.4f}" for value in values)
    lines.append(f"| baseline | {baseline} | | |")
    mean = mean_interval([run.test[deciding.name] for run in runs])
    reach = "" if mean.high is None else f" ± {mean.high - mean.mean:.4f} (95%)"
    seeds = f"{len(runs)} seed{'' if len(runs) == 1 else 's'}"
    lines += [
        "",
        f"Mean {deciding.title} **{mean.mean:.4f}**{reach} over {seeds}. Baseline: {runs[-1].baseline_name}.",
        *(f"\n{run.verdict} (seed {run.settings['seed']})" for run in runs),
        "",
        f"Validation {deciding.title} after each epoch; the kept one was chosen by {runs[-1].selection}:",
        "",
        *(f"- seed {run.settings['seed']}: {_trail(run, deciding.name)}" for run in runs),
        "",
        "Settings: " + ", ".join(f"{key} {value}" for key, value in runs[-1].settings.items() if key != "seed") + ".",
        *([f"\n{recipe.trail}"] if recipe.trail else []),
        *(f"\n{note}" for note in runs[-1].notes),
        "",
    ]
    for model in languages:
        listed = ", ".join(f"{key} {value}" for key, value in model.settings.items())
        lines += [
            f"Language model of seed {model.settings['seed']}: test perplexity {model.test['perplexity']:.1f} "
            f"(n-grams {model.baseline['perplexity']:.1f}), {model.seconds / 60:.0f} minutes; {listed}.",
            "",
            *(f"{note}\n" for note in model.notes),
        ]
    if texts:
        lines += ["Texts as they came, temperature 0.8, seed 0, the first of each prompt:", ""]
        lines += [part for text in texts for part in ("```", text, "```", "")]
    lines += more
    return "\n".join(lines)


def _machines(runs: list[Trained]) -> str:
    """Return a sentence for each machine and commit, with its seeds if there are several."""
    seeds: dict[str, list[str]] = {}
    for run in runs:
        made = f"{run.machine['processor']}, threads: {run.machine['threads']}; commit {run.machine['commit']}"
        seeds.setdefault(made, []).append(str(run.settings["seed"]))
    if len(seeds) == 1:
        return f"Machine: {next(iter(seeds))}."
    return " ".join(f"Machine of seed {' and '.join(own)}: {made}." for made, own in seeds.items())


def _trail(run: Trained, name: str) -> str:
    return ", ".join(f"{epoch.validation[name]:.4f}" for epoch in run.epochs)


def _further(found: list[dict[str, Any]], measures: tuple[Measure, ...]) -> list[str]:
    """Return a table of further test sets, with a row for each seed and set, given the entries of the seeds."""
    rows = [(test, seed, values) for seed, one in enumerate(found) for test, values in one["further"].items()]
    if not rows:
        return []
    lines = [
        f"| further test set | {' | '.join(measure.title for measure in measures)} |",
        f"|{'---|' * (1 + len(measures))}",
    ]
    for test, seed, values in rows:
        lines.append(f"| {test}, seed {seed} | {' | '.join(f'{values[one.name]:.4f}' for one in measures)} |")
    return [*lines, ""]


def _translations(recipe: Recipe, model: Path) -> list[str]:
    """Return the signatures of the metrics, and the first sentences of the test set with their translations."""
    source, target = recipe.settings["source"], recipe.settings["target"]
    pairs, _ = read_pairs(recipe.data, {"source": source, "target": target}, _TRANSLATED)
    lines = [f"- {name}: `{signature}`" for name, signature in signatures(target).items()]
    lines += ["", f"The first {_TRANSLATED} test sentences, the translation, and the reference:", ""]
    found = runtime.load(model).translate(list(pairs.source))
    for number, texts in enumerate(zip(pairs.source, found, pairs.target, strict=True), 1):
        lines += [f"{number}. {texts[0].strip()}", f"   - {texts[1]}", f"   - {texts[2].strip()}"]
    return [*lines, ""]


def _recorded(path: Path, settings: dict[str, Any]) -> dict[str, Any] | None:
    """Return the entry of a record for a seed, or None if it has none of these settings."""
    for entry in json.loads(path.read_text()) if path.is_file() else []:
        # Options of the data, such as the languages, are not among the settings of a record.
        if all(entry["settings"].get(key, value) == value for key, value in settings.items()):
            return {"further": {}, "translations": [], **entry}
    return None


def _entry(recipe: Recipe, out: Path, run: Trained) -> dict[str, Any]:
    """Return the entry of a record for a seed, with what is measured with its model."""
    options = {key: recipe.settings[key] for key in ("source", "target") if key in recipe.settings}
    return {
        # The path of the model means nothing on another machine.
        **{name: value for name, value in run.to_json().items() if name != "out"},
        "further": {test: gatewright.evaluate(out, test, **options).test for test in recipe.tests},
        "translations": _translations(recipe, out) if recipe.task == "translate" else [],
    }


def main(name: str, folder: Path, keep_recorded: bool) -> None:
    recipe = RECIPES[name]
    folder.mkdir(exist_ok=True)
    entries: list[dict[str, Any]] = []
    languages: list[Trained] = []
    texts: list[str] = []
    results = Path(__file__).parents[1] / "docs" / "results"
    for seed in range(recipe.seeds):
        out = folder / f"seed{seed}.safetensors"
        settings: dict[str, Any] = {**_ALL_EPOCHS, **recipe.settings, "seed": seed}
        if keep_recorded and (known := _recorded(results / f"{name}.json", settings)) is not None:
            entries.append(known)
            continue
        before = None
        if recipe.language is not None:
            before = folder / f"language{seed}.safetensors"
            data, own = recipe.language
            languages.append(gatewright.train("generate", data, before, **{**_ALL_EPOCHS, **own, "seed": seed}))
        run = gatewright.train(recipe.task, recipe.data, out, pretrained=before, **settings)
        entries.append(_entry(recipe, out, run))
        if len({entry["fingerprint"] for entry in entries}) > 1:
            raise SystemExit("The seeds in the record were trained on other data: leave --keep-recorded out.")
        print(f"seed {seed}: {run.verdict}", flush=True)
        if not texts:
            drawn = (
                gatewright.generate(out, prompt, tokens=_SHOWN, temperature=0.8, seed=0) for prompt in recipe.prompts
            )
            texts = [str(text).rstrip() for text in drawn]
        runs = [Trained.from_json({"out": "", **entry}) for entry in entries]
        more = [*_further(entries, run.measures), *entries[0]["translations"]]
        with atomically(results / f"{name}.md") as path:
            path.write_text(record(name, recipe, runs, languages, texts, more))
        with atomically(results / f"{name}.json") as path:
            path.write_text(json.dumps(entries, indent=1) + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=RECIPES)
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--keep-recorded", action="store_true")
    given = parser.parse_args()
    main(given.name, given.folder or Path(f"result-{given.name}"), given.keep_recorded)
