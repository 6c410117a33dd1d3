"""Train a live transcriber of strings of spoken digits, and write its record.

    python examples/digit_strings_result.py [FOLDER] [--tiny]

The strings are made by `digit_strings.py`. Run the same command again to resume. The recordings and the model are
stored in the folder (by default result-digit-strings), and the record is written to docs/results/digit-strings.md and
digit-strings.json: the settings, every epoch, the word error rate from the WAV files of an unseen speaker, the speed of
live transcription, and whether chunks change transcripts. With --tiny, a few strings show that it works, and the record
is written to the folder. Needs $GATEWRIGHT_DATA with fsdd/recordings.tar.gz.
"""

from __future__ import annotations

import argparse
import csv
import json
import shutil
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import digit_strings

import gatewright
from gatewright import runtime
from gatewright.bench.live_speech import CHUNKS, LiveSpeed, different_in_chunks, live_speed
from gatewright.data.audio.recording import read_recording
from gatewright.results.records import Epoch, Trained
from gatewright.support.files import atomically
from gatewright.tasks.transcribe.measures import measured

SEED = 0
SETTINGS: dict[str, Any] = {
    "bidirectional": False,
    # Steps of 20 ms: a fast "three" has hardly enough steps of 30 ms for its characters.
    "stack": 2,
    "epochs": 26,
    # The published figures are from trainings that did not stop early.
    "patience": 0,
    "seed": SEED,
}
DECODINGS = ("greedy", "lexicon")
COMPUTE = "at most 30 minutes on 1 core"
_TINY_STRINGS = {"train": 48, "validation": 8, "test": 6}
_TINY = {"epochs": 2, "units": 16, "layers": 1}
# Recordings whose speed is measured.
_TIMED = 40


def main(folder: Path, tiny: bool) -> None:
    data = folder / "strings"
    if not data.is_dir():
        unfinished = folder / "unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        digit_strings.main(unfinished, SEED, _TINY_STRINGS if tiny else digit_strings.STRINGS)
        unfinished.rename(data)
    out = folder / "model.safetensors"
    run = gatewright.train("transcribe", str(data), out, **{**SETTINGS, **(_TINY if tiny else {})})
    # The folder means nothing on another machine.
    run = replace(run, notes=tuple(note.replace(f"{folder}/", "") for note in run.notes))
    print(run.verdict, flush=True)
    figures = measure(out, data)
    results = folder if tiny else Path(__file__).parents[1] / "docs" / "results"
    with atomically(results / "digit-strings.md") as path:
        path.write_text(record(run, figures), encoding="utf-8")
    kept = {name: value for name, value in run.to_json().items() if name != "out"}
    with atomically(results / "digit-strings.json") as path:
        path.write_text(json.dumps({**kept, "live": figures}, indent=1) + "\n", encoding="utf-8")


def measure(out: Path, data: Path) -> dict[str, Any]:
    """Return what is measured with the model on the WAV files of the test set, for each decoding."""
    model = runtime.load(out)
    with (data / "test.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    paths, references = [data / row["audio"] for row in rows], [row["text"] for row in rows]
    recordings = [read_recording(path).samples for path in paths]
    found: dict[str, Any] = {"recordings": len(paths), "words": sum(len(text.split()) for text in references)}
    for decoding in DECODINGS:
        texts = [one.text for one in model.transcriptions(paths, decoding=decoding)]
        rates = measured(references, texts, texts)
        speed = live_speed(model, recordings[:_TIMED], decoding)
        different = different_in_chunks(model, recordings, decoding)
        found[decoding] = {"wer": rates["wer"], "speed": asdict(speed), "different_in_chunks": different}
        print(f"{decoding}: {rates['wer']:.2f}% word error, {speed}, {different} different in chunks", flush=True)
    wrong = [pair for pair in zip(references, texts, strict=True) if pair[0] != pair[1]]
    return {**found, "wrong": wrong}


def record(run: Trained, figures: dict[str, Any]) -> str:
    """Return the record as Markdown."""
    machine = run.machine
    lines = [
        "# Strings of spoken digits, transcribed live",
        "",
        f"`make result-digit-strings`; compute stated beforehand: {COMPUTE}. Machine: {machine['processor']}, threads: "
        f"{machine['threads']}; commit {machine['commit']}. Seed {run.settings['seed']}.",
        "",
        "Strings of 2 to 7 digits of the Free Spoken Digit Dataset with pauses; the validation speaker and the test "
        f"speaker are not among the four training speakers. {run.sizes['train']:,}, {run.sizes['validation']:,} and "
        f"{run.sizes['test']:,} strings. The network processes them in one direction.",
        "",
        f"From the {figures['recordings']:,} WAV files of the test speaker, with {figures['words']:,} words:",
        "",
        "| decoding | word error rate | frame, median | mean | 95% | 99% | step | real-time factor, live | whole |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for decoding in DECODINGS:
        speed = LiveSpeed(**figures[decoding]["speed"])
        micros = " | ".join(f"{one:.0f} us" for one in (speed.median, speed.mean, speed.p95, speed.p99, speed.step))
        lines.append(
            f"| {decoding} | {figures[decoding]['wer']:.2f}% | {micros} | {speed.live:.4f} | {speed.whole:.4f} |"
        )
    chunks = ", ".join(f"{1000 * one:g}" for one in CHUNKS)
    different = max(figures[decoding]["different_in_chunks"] for decoding in DECODINGS)
    deciding = run.measures[0]
    lines += [
        "",
        f"A frame is 10 ms of sound, and {run.settings['stack']} frames are a step of the network. The frame that "
        "completes a step computes the features of all its frames, and runs the network and the search; the column "
        "step is the median of these. The others wait. Times are CPU time of one thread, of the first "
        f"{_TIMED} strings.",
        f"Strings whose transcript or times of words differ between chunks of {chunks} ms, or whose text is not that "
        f"of the whole recording: {different}.",
        "",
        f"Test {deciding.title} of the training: {run.test[deciding.name]:.2f}%; baseline "
        f"{run.baseline[deciding.name]:.2f}%: {run.baseline_name}.",
        "",
        run.verdict,
        "",
        f"Training took {run.seconds / 60:.0f} minutes. Epoch {run.chosen_epoch} was kept. After each epoch, on the "
        "validation speaker:",
        "",
        *(f"- {number}: {listed(epoch)}" for number, epoch in enumerate(run.epochs, 1)),
        "",
        "Settings: " + ", ".join(f"{key} {value}" for key, value in run.settings.items()) + ".",
        *(f"\n{note}" for note in run.notes),
        "",
        f"Wrong transcripts ({len(figures['wrong']):,}), each after what was said:",
        "",
        *(f"- {said} → {found}" for said, found in figures["wrong"]),
        "",
    ]
    return "\n".join(lines)


def listed(epoch: Epoch) -> str:
    """Return the metrics of an epoch in words."""
    return ", ".join(f"{name} {value:.4f}" for name, value in epoch.validation.items())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default=Path("result-digit-strings"))
    parser.add_argument("--tiny", action="store_true")
    given = parser.parse_args()
    given.folder.mkdir(exist_ok=True)
    main(given.folder, given.tiny)
