"""The published figures of `gatewright train`: a recipe's seeds, one after another, and their record.

    python examples/result.py imdb [folder]

Resumable: give the same command again. The models stay in the folder (by default result-NAME), and the record, with
every seed and every epoch's validation figures, goes to docs/results/NAME.md and NAME.json. Needs $GATEWRIGHT_DATA, or
a network.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, NamedTuple

import gatewright
from gatewright.files import atomically
from gatewright.statistics import mean_interval
from gatewright.train import Trained


class Recipe(NamedTuple):
    """What is trained, and what was stated of it beforehand."""

    title: str
    compute: str
    task: str
    data: str
    settings: dict[str, Any]
    seeds: int = 3


RECIPES = {
    "imdb": Recipe(
        "IMDB reviews, the defaults of `gatewright train classify`",
        "at most 30 minutes a seed on 2 cores",
        "classify",
        "imdb",
        {},
    ),
}


def record(name: str, recipe: Recipe, runs: list[Trained]) -> str:
    made = runs[-1].made
    lines = [
        f"# {recipe.title}",
        "",
        f"`make result-{name}`; compute stated beforehand: {recipe.compute}. Machine: {made['processor']}, "
        f"{made['threads']} threads; Gatewright {made['gatewright']}.",
        "",
        "| seed | test accuracy | macro F1 | AUROC | log loss | kept epoch | minutes |",
        "|---|---|---|---|---|---|---|",
    ]
    for run in runs:
        figures = " | ".join(f"{run.test[key]:.4f}" for key in ("accuracy", "macro_f1", "auroc", "log_loss"))
        lines.append(f"| {run.settings['seed']} | {figures} | {run.chosen} | {run.seconds / 60:.0f} |")
    mean = mean_interval([run.test["accuracy"] for run in runs])
    reach = "" if mean.high is None else f" ± {mean.high - mean.mean:.4f} (95%)"
    baseline = runs[-1].baseline
    lines += [
        "",
        f"Mean accuracy **{mean.mean:.4f}**{reach} over {len(runs)} seeds; {runs[-1].baseline_name}: "
        f"**{baseline['accuracy']:.4f}**.",
        *(f"\n{run.verdict} (seed {run.settings['seed']})" for run in runs),
        "",
        "Validation accuracy (log loss) after each epoch, from which the kept one was chosen:",
        "",
        *(f"- seed {run.settings['seed']}: {_trail(run)}" for run in runs),
        "",
        "Settings: " + ", ".join(f"{key} {value}" for key, value in runs[-1].settings.items() if key != "seed") + ".",
        *(f"\n{note}" for note in runs[-1].notes),
        "",
    ]
    return "\n".join(lines)


def _trail(run: Trained) -> str:
    figures = (epoch.validation for epoch in run.epochs)
    return ", ".join(f"{figure['accuracy']:.4f} ({figure['log_loss']:.3f})" for figure in figures)


def main(name: str, folder: Path) -> None:
    recipe = RECIPES[name]
    folder.mkdir(exist_ok=True)
    runs = []
    for seed in range(recipe.seeds):
        out = folder / f"seed{seed}.safetensors"
        runs.append(gatewright.train(recipe.task, recipe.data, out, **recipe.settings, seed=seed))
        print(f"seed {seed}: {runs[-1].verdict}", flush=True)
    results = Path(__file__).parents[1] / "docs" / "results"
    with atomically(results / f"{name}.md") as path:
        path.write_text(record(name, recipe, runs))
    with atomically(results / f"{name}.json") as path:
        path.write_text(json.dumps([run.to_json() for run in runs], indent=1) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2] if len(sys.argv) > 2 else f"result-{sys.argv[1]}"))
