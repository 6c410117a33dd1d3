"""Rewrite model files of version 1 in the format of version 3.

    python tools/convert_model_files.py IN.safetensors OUT.safetensors [IN OUT ...]

IN may be a folder: all model files in it are rewritten, under their names, in the folder OUT. The weights stay as they
are. Nothing is checked: a damaged file stays damaged, and is refused when it is loaded.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from gatewright.tasks import registry

Record = dict[str, Any]
Tensors = dict[str, NDArray[Any]]

_LAYERS = {
    "measurements": "series_input",
    "level": "instance_norm",
    "restore": "denormalize",
    "word_vectors": "word_char_embedding",
}
_FIELDS = {
    "recurrent": {"both": "bidirectional", "steps": "return_sequences"},
    "decaying": {"steps": "return_sequences"},
    "pool": {"by": "method"},
    "level": {"by": "method", "known": "future_features"},
    "parallel": {"known": "future_features"},
    "direct": {"known": "future_features"},
    "recursive": {"known": "future_features"},
    "word_vectors": {"letters": "char_vocabulary", "letter_units": "char_units"},
}
# Zoneout is now a rate of every cell. The weights of these cells are those of the cells without it.
_CELLS = {"zoneout_lstm": "lstm", "zoneout_gru": "gru"}

_ANSWERS = {"length": "max_length", "several": "multi_label", "rows": "examples"}
_SCALES = {"ahead": "future_covariates", "by": "series_id"}

_TRAINING = {
    "chosen": "chosen_epoch",
    "p": "p_value",
    "rows": "fingerprint",
    "made": "machine",
    "several": "multi_label",
    "others": "other_baselines",
}
_SETTINGS = {
    "both": "bidirectional",
    "least": "min_count",
    "length": "max_length",
    "letters": "max_chars",
    "letter_units": "char_units",
    "embedding": "embedding_dim",
    "tied": "tied_embedding",
    "batch": "batch_size",
    "clip": "clip_norm",
    "averaging": "ema_decay",
    "hold_out": "held_out_fraction",
    "rows": "examples",
    "discriminative": "layer_lr_decay",
    "unfreezing": "gradual_unfreezing",
    "adversarial": "adversarial_epsilon",
    "noise": "input_noise",
    "level": "normalization",
}
_UNITS = {"classify": "texts", "classify_series": "series"}

# Title and better values of each metric.
_MEASURES = {
    "accuracy": ("accuracy", "higher"),
    "macro_f1": ("macro F1", "higher"),
    "micro_f1": ("micro F1", "higher"),
    "auroc": ("AUROC", "higher"),
    "log_loss": ("log loss", "lower"),
    "calibration_error": ("calibration error", "lower"),
    "loss": ("nats a token", "lower"),
    "perplexity": ("perplexity", "lower"),
    "bits_per_character": ("bits a character", "lower"),
    "nll": ("nats a step", "lower"),
    "nll_of_pieces": ("nats a step, mean of pieces", "lower"),
    "mse": ("squared error", "lower"),
    "mae": ("absolute error", "lower"),
    "mase": ("MASE", "lower"),
    "pinball": ("pinball loss", "lower"),
    "coverage": ("coverage", "higher"),
    "span_f1": ("span F1", "higher"),
    "unknown_word_accuracy": ("accuracy on unknown words", "higher"),
    "intent_accuracy": ("intent accuracy", "higher"),
}
_PER_EPOCH = ("log_loss", "perplexity")


def convert(path: Path, converted: Path) -> None:
    """Rewrite one model file.

    Raises:
        ValueError: It is not a model file of version 1.
    """
    old, tensors = read(path)
    if old.get("version") != 1:
        raise ValueError(f"{path} has version {old.get('version')}, not 1: only files of version 1 can be converted.")
    # A digest that was wrong stays wrong.
    sha256 = None if old["sha256"] == digest(old, tensors) else old["sha256"]
    if old["task"] == "tag":
        tensors = {name.replace(".letters_", ".chars_"): array for name, array in tensors.items()}
    write(_convert_record(old), tensors, converted, sha256)


def read(path: Path) -> tuple[Record, Tensors]:
    """Return the metadata and the tensors of a model file.

    Raises:
        ValueError: It is not a model file.
    """
    try:
        with safe_open(path, framework="numpy") as content:
            tensors = {name: content.get_tensor(name) for name in content.keys()}  # noqa: SIM118  # has no __iter__
            record = json.loads((content.metadata() or {})["gatewright"])
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise ValueError(f"{path} is not a model file ({error}).") from None
    return record, tensors


def write(record: Record, tensors: Tensors, path: Path, sha256: str | None = None) -> None:
    """Write a model file; without `sha256`, with the digest of its contents."""
    signed = {**record, "sha256": sha256 or digest(record, tensors)}
    path.write_bytes(save(tensors, {"gatewright": json.dumps(signed)}))


def digest(record: Record, tensors: Tensors) -> str:
    """Return the digest of the contents of a model file, of version 1 or 2."""
    entries = {name: value for name, value in record.items() if name != "sha256"}
    found = hashlib.sha256(json.dumps(entries, sort_keys=True).encode())
    for name in sorted(tensors):
        found.update(np.ascontiguousarray(tensors[name]).data)
    return found.hexdigest()


def _convert_record(old: Record) -> Record:
    task = _task(old)
    return {
        "version": 3,
        "task": task,
        "layers": [_convert_layer(task, block) for block in old["blocks"]],
        "prepared": _prepared(task, old["encoder"], old["answers"]),
        "training": _convert_training(task, old["training"]),
        "conventions": _convert_conventions(old),
    }


def _task(old: Record) -> str:
    first: str = old["blocks"][0]["kind"]
    tasks = {("classify", "measurements"): "classify_series", ("generate", "frames"): "rolls"}
    task: str = old["task"]
    return tasks.get((task, first), task)


def _convert_layer(task: str, block: Record) -> Record:
    kind = block["kind"]
    layer = _rename(block, _FIELDS.get(kind, {}))
    layer["kind"] = _LAYERS.get(kind, kind)
    if "cell" in layer:
        layer["cell"] = _CELLS.get(layer["cell"], layer["cell"])
    allowed = registry.model_class(task).layer_classes
    fields = next((dataclasses.fields(one) for one in allowed if one.kind == layer["kind"]), ())
    return {
        "kind": layer.pop("kind"),
        **{field.name: field.default for field in fields if field.default is not dataclasses.MISSING},
        **layer,
    }


def _prepared(task: str, encoder: Record, answers: Record) -> Record:
    """Return what the old file has as the encoder and the meaning of the outputs."""
    renamed = _rename(answers, _ANSWERS)
    features = renamed.pop("features", None)
    if task == "rolls":
        return {"keys": features}
    if task == "forecast":
        return {"scales": _convert_scales(_rename(encoder, _SCALES)), **renamed}
    if task == "classify":
        renamed = {"multi_label": False, **renamed}
    return {**renamed, "channels" if task == "classify_series" else "encoder": encoder}


def _convert_scales(scales: Record) -> Record:
    """Return the scales of a forecaster, with the columns of the table in one object."""
    kept = {name: value for name, value in scales.items() if name not in ("time", "series_id")}
    grid = {"zone": "", "slots": [], "length": 0, **scales["grid"]}
    kind = "number" if grid["kind"] == "numbers" else "ISO 8601"
    variables, targets, future = scales["variables"], scales["targets"], scales["future_covariates"]
    start = len(variables) - future
    roles = {"targets": variables[:targets], "past": variables[targets:start], "future": variables[start:]}
    columns = {
        "times": {"columns": [scales["time"]], "kinds": [kind], "zone": ""},
        "series_id": [] if scales["series_id"] is None else [scales["series_id"]],
        "roles": {**roles, "categories": {}},
        "decimal": "",
        "header": None,
        "is_wide": False,
        "resampled": False,
    }
    return {**kept, "grid": grid, "columns": columns, "trained": {}}


def _convert_training(task: str, old: Record) -> Record:
    training = _rename(old, _TRAINING)
    settings = _rename(training["settings"], _SETTINGS)
    training["settings"] = {**settings, "cell": _CELLS.get(settings["cell"], settings["cell"])}
    training["settings"].setdefault("zoneout", 0.0)
    training["unit"] = _UNITS.get(task, training["unit"])
    training["measures"] = [
        {"name": name, "title": title, "better": better, "per_epoch": name in _PER_EPOCH}
        for name, (title, better) in ((name, _MEASURES[name]) for name in training["test"])
    ]
    return training


def _convert_conventions(old: Record) -> Record:
    """Return the conventions with the gates of the cells that occur in the layers alone."""
    conventions: Record = old["conventions"]
    cells = [block["cell"] for block in old["blocks"] if "cell" in block]
    return {**conventions, "gates": {_CELLS.get(cell, cell): conventions["gates"][cell] for cell in cells}}


def _rename(values: Record, names: Mapping[str, str]) -> Record:
    return {names.get(name, name): value for name, value in values.items()}


def _pairs(source: Path, target: Path) -> list[tuple[Path, Path]]:
    if not source.is_dir():
        return [(source, target)]
    target.mkdir(parents=True, exist_ok=True)
    return [(path, target / path.name) for path in sorted(source.glob("*.safetensors"))]


def main(arguments: Sequence[str] | None = None) -> int:
    """Convert the files that the command line names."""
    parser = argparse.ArgumentParser(description="Rewrite model files of version 1 in the format of version 3.")
    parser.add_argument("paths", nargs="+", type=Path, metavar="IN OUT", help="Model files, or folders of them.")
    paths = parser.parse_args(arguments).paths
    if len(paths) % 2:
        parser.error("Give an output for each input: IN OUT [IN OUT ...].")
    try:
        for source, target in zip(paths[::2], paths[1::2], strict=True):
            for pair in _pairs(source, target):
                convert(*pair)
    except ValueError as error:
        print(f"convert_model_files: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
