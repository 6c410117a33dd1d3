"""Measure what each part of a translator adds: Multi30k, English to German, small networks, three seeds each.

    python examples/translation_ablations.py [folder] [--keep-recorded]

Every network has 128 units and 6 epochs; all choices were fixed before the first run. Run the same command again to
resume. The models are stored in the folder (by default result-translation-ablations), and the record is written to
docs/results/translation-ablations.md and .json. With --keep-recorded, networks that the record already has are not
trained again, so that the table can be made on several days. Needs $GATEWRIGHT_DATA.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import gatewright
from gatewright import runtime
from gatewright.ops import machine
from gatewright.results.statistics import mean_interval
from gatewright.support.files import atomically
from gatewright.tasks.translate.measures import measured
from gatewright.tasks.translate.reading import read_pairs

SEEDS = 3
SHARED = {"source": "en", "target": "de", "units": 128, "embedding_dim": 128, "epochs": 6, "patience": 0}
VARIANTS: dict[str, dict[str, Any]] = {
    "as it is": {},
    "beam 1": {"beam": 1},
    "without attention": {"attention": "none"},
    "attention inside each step": {"attention": "fed"},
    "attention between two layers": {"attention": "bottom"},
    "words": {"tokens": "words"},
}


def figures(variant: dict[str, Any], seed: int, name: str, folder: Path) -> dict[str, float]:
    """Return the BLEU of one trained network on the test set of 2016, and the minutes of its training."""
    beam = variant.get("beam")
    settings = {**SHARED, **{key: value for key, value in variant.items() if key != "beam"}, "seed": seed}
    path = folder / f"{'as it is' if beam else name}-{seed}.safetensors".replace(" ", "-")
    run = gatewright.train("translate", "multi30k", path, **settings)
    pairs, _ = read_pairs("multi30k", {"source": "en", "target": "de"})
    texts = runtime.load(path).translate(list(pairs.source), beam=beam)
    return {**measured(texts, pairs.target, "de"), "minutes": run.seconds / 60}


def record(found: dict[str, list[dict[str, float]]]) -> str:
    """Return the record as Markdown."""
    facts = machine.facts()
    base = [one["bleu_lower"] for one in found["as it is"]]
    lines = [
        "# What the parts of a translator add",
        "",
        f"`python examples/translation_ablations.py`. Machine: {facts['processor']}, threads: {facts['threads']}; "
        f"commit {facts['commit']}.",
        "",
        f"Multi30k, English to German, test 2016; 128 units, 6 epochs, {SEEDS} seeds each; BLEU of lower-cased Moses "
        "tokens. The difference is to the network as it is, seed by seed, with its 95% interval.",
        "",
        "| network | BLEU, mean over seeds | difference | cased BLEU | minutes a seed |",
        "|---|---|---|---|---|",
    ]
    for name, runs in found.items():
        lower = mean_interval([one["bleu_lower"] for one in runs])
        other = mean_interval([one["bleu_lower"] - before for one, before in zip(runs, base, strict=False)])
        spread = "" if other.low is None else f"{other.mean:+.2f} ({other.low:+.2f} to {other.high:+.2f})"
        cased, minutes = (sum(one[key] for one in runs) / len(runs) for key in ("bleu", "minutes"))
        seeds = "" if len(runs) == SEEDS else f" ({len(runs)} of {SEEDS} seeds)"
        shown = "" if name == "as it is" else spread
        lines.append(f"| {name}{seeds} | {lower.mean:.2f} | {shown} | {cased:.2f} | {minutes:.0f} |")
    return "\n".join([*lines, ""])


def main(folder: Path, keep_recorded: bool) -> None:
    folder.mkdir(exist_ok=True)
    results = Path(__file__).parents[1] / "docs" / "results"
    file = results / "translation-ablations.json"
    recorded = json.loads(file.read_text()) if keep_recorded and file.is_file() else {}
    found: dict[str, list[dict[str, float]]] = {}
    for name, variant in VARIANTS.items():
        found[name] = recorded.get(name, [])[:SEEDS]
        for seed in range(len(found[name]), SEEDS):
            found[name].append(figures(variant, seed, name, folder))
            print(f"{name}, seed {seed}: {found[name][-1]}", flush=True)
            with atomically(results / "translation-ablations.md") as path:
                path.write_text(record(found))
            with atomically(file) as path:
                path.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default=Path("result-translation-ablations"))
    parser.add_argument("--keep-recorded", action="store_true")
    given = parser.parse_args()
    main(given.folder, given.keep_recorded)
